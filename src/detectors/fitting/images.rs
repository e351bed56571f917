//! Images as tensors, and what their size says about a network.

use candle_core::{Device, Tensor};

use crate::data::{Context, ImageSet};
use crate::detectors::DetectorError;

/// Images that are scored at once: bounds the memory, changes no result.
const CHUNK: usize = 64;

/// All images in order, in tensors `[n, 1, size, size]` of a few at a time, grey values 0 to 1.
pub fn chunks<'a>(
    images: &'a ImageSet,
    device: &'a Device,
) -> impl Iterator<Item = candle_core::Result<Tensor>> + 'a {
    let side = images.size_px;
    images
        .pixels
        .chunks(CHUNK * (side * side).max(1))
        .map(move |pixels| Tensor::from_slice(pixels, (pixels.len() / (side * side), 1, side, side), device))
}

/// Refuses to learn from nothing.
///
/// # Errors
/// [`DetectorError::NoImages`].
pub fn check_some(detector: &'static str, training: &ImageSet) -> Result<(), DetectorError> {
    if training.is_empty() { Err(DetectorError::NoImages { detector }) } else { Ok(()) }
}

/// Refuses images of another size than those that the detector learned from.
///
/// # Errors
/// [`DetectorError::Size`].
pub fn check_size(detector: &'static str, size_px: usize, images: &ImageSet) -> Result<(), DetectorError> {
    let found = images.size_px;
    if found == size_px {
        return Ok(());
    }
    Err(DetectorError::Size { detector, expected: format!("{size_px} px"), found })
}

/// How often a side of `size_px` is halved until 4 px are left: 4 at 64 px.
///
/// # Errors
/// [`DetectorError::Size`] where the side is not 16, 32, 64, 128 or 256 px.
pub fn halvings(detector: &'static str, size_px: usize) -> Result<usize, DetectorError> {
    if size_px.is_power_of_two() && (16..=256).contains(&size_px) {
        return Ok(size_px.trailing_zeros() as usize - 2);
    }
    let expected = "16, 32, 64, 128 or 256 px".to_owned();
    Err(DetectorError::Size { detector, expected, found: size_px })
}

/// Some images, and what is known of them beside.
#[derive(Clone, Debug)]
pub struct Seen {
    /// Grey values 0 to 1, `[n, 1, size, size]`.
    pub images: Tensor,
    /// The channels of a [`Context`], `[n, channels, size, size]`; absent where it has none.
    pub context: Option<Tensor>,
}

impl Seen {
    fn channels(&self, start: usize, count: usize) -> candle_core::Result<Tensor> {
        match &self.context {
            Some(context) => context.narrow(1, start, count)?.contiguous(),
            None => candle_core::bail!("images without their context"),
        }
    }

    /// The nominal slices of the layer and of those before.
    pub fn slices(&self, context: Context) -> candle_core::Result<Tensor> {
        self.channels(0, context.slices())
    }

    /// The nominal slice.
    pub fn slice(&self) -> candle_core::Result<Tensor> {
        self.slice_before(0)
    }

    /// The nominal slice of the layer `back` layers before.
    pub fn slice_before(&self, back: usize) -> candle_core::Result<Tensor> {
        self.channels(back, 1)
    }

    /// The image of the layer `back` layers before, 1 or more.
    pub fn before(&self, context: Context, back: usize) -> candle_core::Result<Tensor> {
        self.channels(context.slices() + back - 1, 1)
    }
}

/// All images in order with their context, a few at a time.
pub fn seen<'a>(
    images: &'a ImageSet,
    context: Context,
    device: &'a Device,
) -> impl Iterator<Item = candle_core::Result<Seen>> + 'a {
    let (side, channels) = (images.size_px, context.channels());
    chunks(images, device).scan(0, move |done, chunk| {
        let view = chunk.and_then(|chunk| {
            let count = chunk.dim(0)?;
            let first = std::mem::replace(done, *done + count);
            if channels == 0 {
                return Ok(Seen { images: chunk, context: None });
            }
            let mut values = Vec::with_capacity(count * channels * side * side);
            for index in first..first + count {
                for channel in images.context(index, context) {
                    match channel {
                        Some(channel) => values.extend_from_slice(channel),
                        None => values.resize(values.len() + side * side, 0.0),
                    }
                }
            }
            let context = Tensor::from_vec(values, (count, channels, side, side), device)?;
            Ok(Seen { images: chunk, context: Some(context) })
        });
        Some(view)
    })
}

/// Refuses images of which the detector would have to know more.
///
/// # Errors
/// [`DetectorError::Context`].
pub fn check_context(
    detector: &'static str,
    context: Context,
    images: &ImageSet,
) -> Result<(), DetectorError> {
    if images.knows(context) {
        return Ok(());
    }
    let slice = if context.slice { "the nominal slice of each image" } else { "" };
    let layers = match context.layers {
        0 => String::new(),
        1 => "the layer before it".to_owned(),
        layers => format!("the {layers} layers before it"),
    };
    let needs = [slice, &layers].into_iter().filter(|s| !s.is_empty()).collect::<Vec<_>>().join(" and ");
    Err(DetectorError::Context { detector, needs })
}
