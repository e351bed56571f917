//! Random tensors, from a [`Stream`] only.

use candle_core::{Device, Result, Shape, Tensor};
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
