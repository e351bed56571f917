//! Sizes of a convolution, checked once.

use candle_core::{Layout, Result, bail};

use super::Window;

/// Which way a convolution runs: forwards, to the image side, or to the weights.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(in crate::nets) enum Pass {
    /// Image and weight to features.
    Convolve,
    /// Features and weight to image.
    Transpose,
    /// Image and features to the gradient of the weight.
    WeightGradient,
}

/// A convolution from an image side to a feature side. A transposed convolution has the same
/// sizes and runs the other way.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(in crate::nets) struct Geometry {
    pub batch: usize,
    /// `[channels, height, width]` of the image.
    pub image: [usize; 3],
    /// `[channels, height, width]` of the features.
    pub features: [usize; 3],
    pub window: Window,
}

impl Geometry {
    /// Of an `image` `[batch, channels, height, width]` under `weight` `[features, channels / groups,
    /// kernel, kernel]`.
    pub fn from_image(image: &[usize], weight: &[usize], window: Window) -> Result<Self> {
        let (&[batch, channels, height, width], &[features, inputs, k1, k2]) = (image, weight) else {
            bail!("convolution of {image:?} with weights {weight:?}: both have to have 4 dimensions")
        };
        let Window { kernel, stride, padding, dilation, groups } = window;
        if [stride, kernel, dilation, groups].contains(&0) || [k1, k2] != [kernel, kernel] {
            bail!("convolution with weights {weight:?} and {window:?}")
        }
        if channels != inputs * groups {
            bail!("convolution over {} channels, given an image of {channels}", inputs * groups)
        }
        if !features.is_multiple_of(groups) {
            bail!("convolution to {features} channels in {groups} groups")
        }
        if image.iter().chain(weight).any(|&n| n == 0) {
            bail!("convolution of {image:?} with weights {weight:?}: nothing to do")
        }
        let side = |px: usize| match (px + 2 * padding).checked_sub(window.extent()) {
            Some(rest) => Ok(rest / stride + 1),
            None => bail!("an image of {height} x {width} px is smaller than {window:?}"),
        };
        let features = [features, side(height)?, side(width)?];
        Ok(Self { batch, image: [channels, height, width], features, window })
    }

    /// Of `features` `[batch, features, height, width]` that come from an image of `image_px`
    /// `[height, width]` under `weight` `[features, channels / groups, kernel, kernel]`.
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
        let image = [batch, channels * window.groups, image_px[0], image_px[1]];
        let geometry = Self::from_image(&image, weight, window)?;
        if geometry.features != [found, h, w] {
            bail!(
                "{image_px:?} px under weights {weight:?} and {window:?} give features {:?}, not {:?}",
                geometry.features,
                [found, h, w]
            )
        }
        Ok(geometry)
    }

    /// Of `image` and `features`, each `[batch, channels, height, width]`, whose weights are sought.
    pub fn between(image: &Layout, features: &Layout, window: Window) -> Result<Self> {
        let ((images, channels, height, width), (batch, outputs, _, _)) =
            (image.shape().dims4()?, features.shape().dims4()?);
        if images != batch {
            bail!("weight gradient between {images} images and features of {batch}")
        }
        let weight = [outputs, channels / window.groups.max(1), window.kernel, window.kernel];
        Self::from_features(features.dims(), &weight, [height, width], window)
    }

    /// `[batch, channels, height, width]` of the image.
    pub fn image_dims(&self) -> [usize; 4] {
        [self.batch, self.image[0], self.image[1], self.image[2]]
    }

    /// `[batch, channels, height, width]` of the features.
    pub fn feature_dims(&self) -> [usize; 4] {
        [self.batch, self.features[0], self.features[1], self.features[2]]
    }

    /// `[features, channels / groups, kernel, kernel]`.
    pub fn weight_dims(&self) -> [usize; 4] {
        let Window { kernel, groups, .. } = self.window;
        [self.features[0], self.image[0] / groups, kernel, kernel]
    }

    /// The shape that comes out of `pass`.
    pub fn result_dims(&self, pass: Pass) -> [usize; 4] {
        match pass {
            Pass::Convolve => self.feature_dims(),
            Pass::Transpose => self.image_dims(),
            Pass::WeightGradient => self.weight_dims(),
        }
    }

    /// What each group of channels does alone.
    pub fn of_one_group(&self) -> Self {
        let groups = self.window.groups;
        let share = |[channels, height, width]: [usize; 3]| [channels / groups, height, width];
        let window = self.window.grouped(1);
        Self { batch: self.batch, image: share(self.image), features: share(self.features), window }
    }

    /// Channels of one group times window: what one feature sums over.
    pub fn depth(&self) -> usize {
        self.image[0] / self.window.groups * self.taps()
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
        let Window { stride, padding, .. } = self.window;
        ((self.features[1] - 1) * stride + self.window.extent()).max(self.image[1] + padding)
    }

    /// Columns of one phase of the padded image.
    pub fn phase_columns(&self) -> usize {
        let Window { stride, padding, .. } = self.window;
        ((self.features[2] - 1) * stride + self.window.extent()).max(self.image[2] + padding).div_ceil(stride)
    }

    /// Scalars of one padded, phase-split channel.
    pub fn plane(&self) -> usize {
        self.plane_rows() * self.window.stride * self.phase_columns()
    }
}
