//! Tensors as plain numbers, held against what they should be.
#![allow(clippy::unwrap_used)]

use candle_core::{Device, Tensor};

/// The values of a tensor on any device.
pub fn floats(tensor: &Tensor) -> Vec<f32> {
    tensor.flatten_all().unwrap().to_device(&Device::Cpu).unwrap().to_vec1().unwrap()
}

/// Refuses another number of values, and an error of more than `tolerance` times the largest expected value.
pub fn assert_close(what: &str, found: &[f32], expected: &[impl Copy + Into<f64>], tolerance: f64) {
    assert_eq!(found.len(), expected.len(), "{what}");
    let expected: Vec<f64> = expected.iter().map(|&value| value.into()).collect();
    let largest = expected.iter().fold(1e-12f64, |a, b| a.max(b.abs()));
    for (i, (f, e)) in found.iter().zip(&expected).enumerate() {
        // NaN fails too.
        assert!((f64::from(*f) - e).abs() <= tolerance * largest, "{what}[{i}] is {f}, not {e}");
    }
}
