//! Images as tensors, and what their size says about a network.

use candle_core::{Device, Tensor};

use crate::data::ImageSet;
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
