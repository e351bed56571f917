//! Which pixels of the source a pixel of the target sums over, along rows and columns alike.

use super::Window;
use super::geometry::Geometry;

/// A pass from a source to a target: from the image to the features, or back.
#[derive(Clone, Copy, Debug)]
pub(super) struct Direction {
    window: Window,
    /// To the image side.
    transposed: bool,
    pub batch: usize,
    /// `[channels, height, width]`.
    pub source: [usize; 3],
    /// `[channels, height, width]`.
    pub target: [usize; 3],
}

impl Direction {
    pub fn to_features(g: &Geometry) -> Self {
        Self { window: g.window, transposed: false, batch: g.batch, source: g.image, target: g.features }
    }

    pub fn to_image(g: &Geometry) -> Self {
        Self { window: g.window, transposed: true, batch: g.batch, source: g.features, target: g.image }
    }

    /// Scalars of one image of the source.
    pub fn source_len(&self) -> usize {
        self.source.iter().product()
    }

    /// Scalars of one image of the target.
    pub fn target_len(&self) -> usize {
        self.target.iter().product()
    }

    /// Pixels of one channel of the target.
    pub fn target_px(&self) -> usize {
        self.target[1] * self.target[2]
    }

    /// Weights along one side of the window.
    pub fn kernel(&self) -> usize {
        self.window.kernel
    }

    /// In the weights, from one channel of the target to the next, and from one channel of the source to the next.
    pub fn weights_apart(&self) -> [usize; 2] {
        let taps = self.window.kernel * self.window.kernel;
        if self.transposed { [taps, self.target[0] * taps] } else { [self.source[0] * taps, taps] }
    }

    /// Pixels of the target from one to the next that sums over the same weights.
    pub fn period(&self) -> usize {
        if self.transposed { self.window.stride } else { 1 }
    }

    /// Pixels of the source between what two such sum over.
    pub fn stride(&self) -> usize {
        if self.transposed { 1 } else { self.window.stride }
    }

    /// The weights, along one axis, that `target` sums over, each with the pixel of the source, which may lie outside.
    pub fn taps(&self, target: usize) -> Vec<(usize, isize)> {
        let Window { kernel, stride, padding, dilation, .. } = self.window;
        let signed = |n: usize| n.cast_signed();
        let of = |tap: usize| {
            let (target, tap, padding) = (signed(target), signed(tap * dilation), signed(padding));
            if !self.transposed {
                return Some(target * signed(stride) + tap - padding);
            }
            let apart = target + padding - tap;
            (apart.rem_euclid(signed(stride)) == 0).then(|| apart.div_euclid(signed(stride)))
        };
        (0..kernel).filter_map(|tap| Some((tap, of(tap)?))).collect()
    }

    /// The pixels of the target, along the axis of `target[axis]`, that sum over the same weights: one of each kind and how
    /// many there are of it.
    pub fn kinds(&self, axis: usize) -> impl Iterator<Item = (usize, usize)> + use<> {
        let (period, count) = (self.period(), self.target[axis]);
        (0..period.min(count)).map(move |first| (first, (count - first).div_ceil(period)))
    }
}
