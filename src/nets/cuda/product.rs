//! Matrix products through cuBLAS.

use candle_core::backend::BackendStorage;
use candle_core::{CudaStorage, Layout, Result, Shape};

use super::{device_of, repeated, view};
use crate::nets::repeated::Repeated;

type Operand<'a> = (&'a CudaStorage, &'a Layout);

/// `a` `b` of `[rows, columns, depth]`, each stored transposed where said.
pub fn multiply(
    [rows, columns, depth]: [usize; 3],
    a: (Operand<'_>, bool),
    b: (Operand<'_>, bool),
) -> Result<(CudaStorage, Shape)> {
    let oriented = |layout: &Layout, transposed| match transposed {
        true => layout.transpose(0, 1),
        false => Ok(layout.clone()),
    };
    let (a_layout, b_layout) = (oriented(a.0.1, a.1)?, oriented(b.0.1, b.1)?);
    let product = a.0.0.matmul(b.0.0, (1, rows, columns, depth), &a_layout, &b_layout)?;
    Ok((product, (rows, columns).into()))
}

/// x Wᵀ + bias, leaky ReLU.
pub fn linear(
    shape: [usize; 3],
    x: Operand<'_>,
    weight: Operand<'_>,
    bias: Operand<'_>,
    slope: f32,
) -> Result<(CudaStorage, Shape)> {
    let (mut y, dims) = multiply(shape, (x, false), (weight, true))?;
    let device = device_of(x.0);
    let of = Repeated { count: shape[1], run: 1 };
    repeated::add_bias(device, of, y.as_cuda_slice_mut::<f32>()?, view(bias.0, bias.1)?, slope)?;
    Ok((y, dims))
}
