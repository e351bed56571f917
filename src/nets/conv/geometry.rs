//! Sizes of a convolution, checked once.

use candle_core::{Result, bail};

use super::Window;

/// A convolution from an image side to a feature side. A transposed convolution has the same
/// sizes and runs the other way.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Geometry {
    pub batch: usize,
    /// `[channels, height, width]` of the image.
    pub image: [usize; 3],
    /// `[channels, height, width]` of the features.
    pub features: [usize; 3],
    pub window: Window,
}

impl Geometry {
    /// Of an `image` `[batch, channels, height, width]` under `weight` `[features, channels, kernel,
    /// kernel]`.
    pub fn from_image(image: &[usize], weight: &[usize], window: Window) -> Result<Self> {
        let (&[batch, channels, height, width], &[features, inputs, k1, k2]) = (image, weight) else {
            bail!("convolution of {image:?} with weights {weight:?}: both have to have 4 dimensions")
        };
        let Window { kernel, stride, padding } = window;
        if stride == 0 || kernel == 0 || [k1, k2] != [kernel, kernel] {
            bail!("convolution with weights {weight:?} and {window:?}")
        }
        if channels != inputs {
            bail!("convolution over {inputs} channels, given an image of {channels}")
        }
        if image.iter().chain(weight).any(|&n| n == 0) {
            bail!("convolution of {image:?} with weights {weight:?}: nothing to do")
        }
        let side = |px: usize| match (px + 2 * padding).checked_sub(kernel) {
            Some(rest) => Ok(rest / stride + 1),
            None => bail!("an image of {height} x {width} px is smaller than {window:?}"),
        };
        let features = [features, side(height)?, side(width)?];
        Ok(Self { batch, image: [channels, height, width], features, window })
    }

    /// Of `features` `[batch, features, height, width]` that come from an image of `image_px`
    /// `[height, width]` under `weight` `[features, channels, kernel, kernel]`.
    pub fn from_features(
        features: &[usize],
        weight: &[usize],
        image_px: [usize; 2],
        window: Window,
    ) -> Result<Self> {
        let (&[batch, found, h, w], &[_, channels, _, _]) = (features, weight) else {
            bail!(
                "transposed convolution of {features:?} with weights {weight:?}: both have to have 4 dimensions"
            )
        };
        let geometry = Self::from_image(&[batch, channels, image_px[0], image_px[1]], weight, window)?;
        if geometry.features != [found, h, w] {
            bail!(
                "{image_px:?} px under weights {weight:?} and {window:?} give features {:?}, not {:?}",
                geometry.features,
                [found, h, w]
            )
        }
        Ok(geometry)
    }

    /// Channels times window: what one feature sums over.
    pub fn depth(&self) -> usize {
        self.image[0] * self.taps()
    }

    /// Pixels of the window.
    pub fn taps(&self) -> usize {
        self.window.kernel * self.window.kernel
    }

    /// Pixels of one channel of the image.
    pub fn image_px(&self) -> usize {
        self.image[1] * self.image[2]
    }

    /// Pixels of one channel of the features.
    pub fn feature_px(&self) -> usize {
        self.features[1] * self.features[2]
    }

    /// Rows of the padded image: all that the windows reach and all that the image fills.
    pub fn plane_rows(&self) -> usize {
        let Window { kernel, stride, padding } = self.window;
        ((self.features[1] - 1) * stride + kernel).max(self.image[1] + padding)
    }

    /// Columns of one phase of the padded image.
    pub fn phase_columns(&self) -> usize {
        let Window { kernel, stride, padding } = self.window;
        ((self.features[2] - 1) * stride + kernel).max(self.image[2] + padding).div_ceil(stride)
    }

    /// Scalars of one padded, phase-split channel.
    pub fn plane(&self) -> usize {
        self.plane_rows() * self.window.stride * self.phase_columns()
    }
}
