//! Random tensors, from a [`Stream`] only.

use candle_core::{Device, Result, Shape, Tensor, bail};
use generators::stream::Stream;

fn fill(shape: impl Into<Shape>, device: &Device, mut draw: impl FnMut() -> f32) -> Result<Tensor> {
    let shape = shape.into();
    let values = (0..shape.elem_count()).map(|_| draw()).collect();
    Tensor::from_vec::<_, f32>(values, shape, device)
}

/// Standard normal draws.
pub fn normal(shape: impl Into<Shape>, stream: &mut Stream, device: &Device) -> Result<Tensor> {
    fill(shape, device, || stream.normal() as f32)
}

/// Uniform draws in `[low, high)`.
pub fn uniform(
    shape: impl Into<Shape>,
    low: f64,
    high: f64,
    stream: &mut Stream,
    device: &Device,
) -> Result<Tensor> {
    fill(shape, device, || stream.uniform(low, high) as f32)
}

/// A mask to multiply activations with: 0 with `probability`, else 1 / (1 - `probability`), so that
/// the expectation stays (inverted dropout, Srivastava et al. 2014).
///
/// # Errors
/// Where `probability` is not in `[0, 1)`.
pub fn dropout_mask(
    shape: impl Into<Shape>,
    probability: f64,
    stream: &mut Stream,
    device: &Device,
) -> Result<Tensor> {
    if !(0.0..1.0).contains(&probability) {
        bail!("dropout probability is {probability}, it has to be at least 0 and below 1")
    }
    let kept = (1.0 / (1.0 - probability)) as f32;
    fill(shape, device, || if stream.chance(probability) { 0.0 } else { kept })
}
