//! Rows of mean 0 and variance 1, and the derivatives of that; one block per row.

use candle_core::{CudaStorage, Layout, Result, Shape};

use super::module::{blocks, launch};
use super::{device_of, result, uninitialised, view};

type Output = Result<(CudaStorage, Shape)>;
type Operand<'a> = (&'a CudaStorage, &'a Layout);

/// Every `count` values with mean 0 and variance 1.
pub fn normalise((storage, layout): Operand<'_>, count: usize) -> Output {
    let (device, x) = (device_of(storage), view(storage, layout)?);
    let (grid, mut out) = (blocks(x.len() / count, 1), uninitialised(device, x.len())?);
    launch!(device, "normalise_rows", grid, count as u64, x => &mut out);
    result(out, device, layout.shape())
}

/// What `upstream` comes to in x.
pub fn gradient(x: Operand<'_>, upstream: Operand<'_>, count: usize) -> Output {
    let device = device_of(x.0);
    let (values, u) = (view(x.0, x.1)?, view(upstream.0, upstream.1)?);
    let (grid, mut out) = (blocks(u.len() / count, 1), uninitialised(device, u.len())?);
    launch!(device, "normalise_rows_gradient", grid, count as u64, values, u => &mut out);
    result(out, device, x.1.shape())
}

/// The gradient in x of `second` times the gradient that `first` has.
pub fn curvature(x: Operand<'_>, first: Operand<'_>, second: Operand<'_>, count: usize) -> Output {
    let device = device_of(x.0);
    let (values, u, v) = (view(x.0, x.1)?, view(first.0, first.1)?, view(second.0, second.1)?);
    let (grid, mut out) = (blocks(u.len() / count, 1), uninitialised(device, u.len())?);
    launch!(device, "normalise_rows_curvature", grid, count as u64, values, u, v => &mut out);
    result(out, device, x.1.shape())
}
