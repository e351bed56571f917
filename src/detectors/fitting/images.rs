//! Images as tensors, and what their size says about a network.

use candle_core::{Device, Tensor};

use crate::data::ImageSet;
use crate::detectors::DetectorError;

/// Images that are scored at once: bounds the memory, changes no result.
const CHUNK: usize = 64;

/// The images at `indices` as a tensor `[n, 1, size, size]`, grey values 0 to 1.
pub fn batch(images: &ImageSet, indices: &[usize]) -> candle_core::Result<Tensor> {
    let pixels: Vec<f32> = indices.iter().flat_map(|&i| images.image(i)).copied().collect();
    Tensor::from_vec(pixels, (indices.len(), 1, images.size_px, images.size_px), &Device::Cpu)
}

/// All images in order, in tensors of a few at a time.
pub fn chunks(images: &ImageSet) -> impl Iterator<Item = candle_core::Result<Tensor>> + '_ {
    let starts = (0..images.len()).step_by(CHUNK);
    starts.map(|start| {
        let indices: Vec<usize> = (start..images.len().min(start + CHUNK)).collect();
        batch(images, &indices)
    })
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
