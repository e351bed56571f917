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

    /// The sizes as cuDNN takes them.
    #[cfg(any(feature = "cuda", test))]
    pub fn descriptors(&self) -> Result<Descriptors> {
        let Window { padding, stride, dilation, groups, .. } = self.window;
        let [padding, stride, dilation, groups] = small([padding, stride, dilation, groups])?;
        Ok(Descriptors {
            padding,
            stride,
            dilation,
            groups,
            image: small(self.image_dims())?,
            weight: small(self.weight_dims())?,
            features: small(self.feature_dims())?,
        })
    }
}

/// What cuDNN's descriptors of a convolution hold: tensors in the order NCHW, both sides alike.
#[cfg(any(feature = "cuda", test))]
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(in crate::nets) struct Descriptors {
    pub padding: i32,
    pub stride: i32,
    pub dilation: i32,
    pub groups: i32,
    pub image: [i32; 4],
    pub weight: [i32; 4],
    pub features: [i32; 4],
}

/// Sizes as cuDNN takes them.
#[cfg(any(feature = "cuda", test))]
pub(in crate::nets) fn small(sizes: [usize; 4]) -> Result<[i32; 4]> {
    match sizes.map(|n| i32::try_from(n).ok()) {
        [Some(a), Some(b), Some(c), Some(d)] => Ok([a, b, c, d]),
        _ => bail!("{sizes:?} is more than cuDNN takes"),
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;

    /// The sizes of the result by the formula in cuDNN's documentation of `cudnnGetConvolution2dForwardOutputDim`.
    #[test]
    fn descriptors_fit_together_as_cudnn_asks() {
        let windows = [
            Window::new(4, 2, 1),
            Window::new(3, 3, 0),
            Window::new(5, 1, 2).dilated(2),
            Window::new(3, 2, 2).dilated(2).grouped(2),
            Window::new(1, 1, 0).grouped(6),
            Window::new(2, 3, 4),
        ];
        for (window, px) in windows.into_iter().flat_map(|window| [(window, [19, 12]), (window, [9, 30])]) {
            let Window { kernel, groups, .. } = window;
            let weight = [12, 6 / groups, kernel, kernel];
            let g = Geometry::from_image(&[5, 6, px[0], px[1]], &weight, window).unwrap();
            let d = g.descriptors().unwrap();
            let side = |image: i32, weight: i32| {
                1 + (image + 2 * d.padding - ((weight - 1) * d.dilation + 1)) / d.stride
            };
            let expected =
                [d.image[0], d.weight[0], side(d.image[2], d.weight[2]), side(d.image[3], d.weight[3])];
            assert_eq!(d.features, expected, "{window:?}");
            assert_eq!([d.image[1], 0], [d.weight[1] * d.groups, d.weight[0] % d.groups], "{window:?}");
            // The way back has the same plan.
            let back = Geometry::from_features(&g.feature_dims(), &weight, px, window).unwrap();
            assert_eq!((back, back.descriptors().unwrap()), (g, d));
        }
    }

    #[test]
    fn what_cudnn_cannot_count_is_refused() {
        let huge =
            Geometry { batch: 1 << 31, image: [1, 4, 4], features: [1, 4, 4], window: Window::new(1, 1, 0) };
        let message = huge.descriptors().unwrap_err().to_string();
        assert!(message.contains("more than cuDNN takes"), "{message}");
    }
}
