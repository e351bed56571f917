//! Random tensors, from a [`Stream`] only.

use candle_core::{Device, Result, Shape, Tensor, bail};
use generators::stream::Stream;
use rayon::prelude::*;

/// Values of a dropout mask that come from one stream: a multiple of four, and a partition by shape alone.
const MASK_CHUNK: usize = 1 << 14;

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
/// the expectation stays (inverted dropout, Srivastava et al. 2014). The probability is rounded to
/// a multiple of 2^-16.
///
/// # Errors
/// Where `probability` is not in `[0, 1)`, or rounds to 1.
pub fn dropout_mask(
    shape: impl Into<Shape>,
    probability: f64,
    stream: &mut Stream,
    device: &Device,
) -> Result<Tensor> {
    if !(0.0..1.0 - 1.0 / 131_072.0).contains(&probability) {
        bail!("dropout probability is {probability}, it has to be at least 0 and below 1")
    }
    let shape = shape.into();
    let dropped = (probability * 65536.0).round() as u64;
    let kept = (1.0 / (1.0 - dropped as f64 / 65536.0)) as f32;
    let streams = Stream::root(stream.bits());
    let mut mask = vec![kept; shape.elem_count()];
    mask.par_chunks_mut(MASK_CHUNK).enumerate().for_each(|(i, chunk)| {
        let mut stream = streams.item("chunk", i);
        for four in chunk.chunks_mut(4) {
            let bits = stream.bits();
            for (k, value) in four.iter_mut().enumerate() {
                if (bits >> (16 * k)) & 0xffff < dropped {
                    *value = 0.0;
                }
            }
        }
    });
    Tensor::from_vec(mask, shape, device)
}
