//! The matrix product as an operator whose sums do not depend on the number of threads.

use candle_core::{CpuStorage, CustomOp2, CustomOp3, Layout, Result, Shape, Tensor, bail};
use rayon::prelude::*;

use super::activation::{Activation, values};
use super::conv::operand;
use super::gemm::{Matrix, multiply};
use super::relay;
use super::repeated::Repeated;
use super::scratch::Scratch;

/// Tasks of one product, as far as its size allows.
const TASKS: usize = 16;
/// Fewest rows or columns of one task.
const FEWEST: usize = 16;

/// `a` `b`, each transposed first where asked.
pub(super) fn product(a: &Tensor, a_transposed: bool, b: &Tensor, b_transposed: bool) -> Result<Tensor> {
    relay::apply2(&a.contiguous()?, &b.contiguous()?, Product { a_transposed, b_transposed })
}

/// Rows, columns and depth of a product.
fn shape(a: &Layout, a_transposed: bool, b: &Layout, b_transposed: bool) -> Result<[usize; 3]> {
    let oriented = |l: &Layout, transposed| {
        let (rows, columns) = l.shape().dims2()?;
        Result::Ok(if transposed { (columns, rows) } else { (rows, columns) })
    };
    let ((rows, depth), (found, columns)) = (oriented(a, a_transposed)?, oriented(b, b_transposed)?);
    if depth != found {
        bail!("matrix product of {:?} and {:?}, over {depth} and {found}", a.dims(), b.dims())
    }
    Ok([rows, columns, depth])
}

/// The matrix that begins at row `start` of `x`, which has `height` rows of `width` and may be stored
/// transposed.
fn from_row(x: &[f32], transposed: bool, [height, width]: [usize; 2], start: usize) -> Matrix<'_> {
    match transposed {
        false => Matrix::rows(&x[start * width..], width),
        true => Matrix::rows(&x[start..], height).transposed(),
    }
}

/// The product on the CPU; `finish` is called once for each row of the result.
fn multiply_parallel(
    [rows, columns, depth]: [usize; 3],
    (a, a_transposed): (&[f32], bool),
    (b, b_transposed): (&[f32], bool),
    finish: impl Fn(&mut [f32]) + Sync,
) -> Vec<f32> {
    let mut out = vec![0.0; rows * columns];
    if out.is_empty() {
        return out;
    }
    if rows >= columns {
        let block = rows.div_ceil(TASKS).max(FEWEST);
        let b = from_row(b, b_transposed, [depth, columns], 0);
        out.par_chunks_mut(block * columns).enumerate().for_each(|(i, out)| {
            let a = from_row(a, a_transposed, [rows, depth], i * block);
            multiply([out.len() / columns, columns, depth], (out, columns), false, a, b);
            out.chunks_exact_mut(columns).for_each(&finish);
        });
    } else {
        let block = columns.div_ceil(TASKS).max(FEWEST);
        let a = from_row(a, a_transposed, [rows, depth], 0);
        let mut blocks = Scratch::new(columns.div_ceil(block) * block * rows);
        blocks.par_chunks_mut(block * rows).enumerate().for_each(|(i, out)| {
            let width = block.min(columns - i * block);
            // A column of b is a row of its transpose.
            let b = from_row(b, !b_transposed, [columns, depth], i * block).transposed();
            multiply([rows, width, depth], (out, width), false, a, b);
        });
        let blocks = &*blocks;
        out.par_chunks_mut(columns).enumerate().for_each(|(row, out)| {
            for (part, block) in out.chunks_mut(block).zip(blocks.chunks_exact(block * rows)) {
                part.copy_from_slice(&block[row * part.len()..][..part.len()]);
            }
            finish(out);
        });
    }
    out
}

struct Product {
    a_transposed: bool,
    b_transposed: bool,
}

impl CustomOp2 for Product {
    fn name(&self) -> &'static str {
        "matrix product"
    }

    fn cpu_fwd(
        &self,
        s1: &CpuStorage,
        l1: &Layout,
        s2: &CpuStorage,
        l2: &Layout,
    ) -> Result<(CpuStorage, Shape)> {
        let shape = shape(l1, self.a_transposed, l2, self.b_transposed)?;
        let (a, b) = ((values(s1, l1)?, self.a_transposed), (values(s2, l2)?, self.b_transposed));
        Ok((CpuStorage::F32(multiply_parallel(shape, a, b, |_| ())), (shape[0], shape[1]).into()))
    }

    #[cfg(feature = "cuda")]
    fn cuda_fwd(
        &self,
        s1: &candle_core::CudaStorage,
        l1: &Layout,
        s2: &candle_core::CudaStorage,
        l2: &Layout,
    ) -> Result<(candle_core::CudaStorage, Shape)> {
        let shape = shape(l1, self.a_transposed, l2, self.b_transposed)?;
        let (a, b) = (((s1, l1), self.a_transposed), ((s2, l2), self.b_transposed));
        crate::nets::cuda::product::multiply(shape, a, b)
    }

    fn bwd(
        &self,
        a: &Tensor,
        b: &Tensor,
        _: &Tensor,
        upstream: &Tensor,
    ) -> Result<(Option<Tensor>, Option<Tensor>)> {
        let a_gradient = || match self.a_transposed {
            false => product(upstream, false, &operand(b), !self.b_transposed),
            true => product(&operand(b), self.b_transposed, upstream, true),
        };
        let b_gradient = || match self.b_transposed {
            false => product(&operand(a), !self.a_transposed, upstream, false),
            true => product(upstream, true, &operand(a), self.a_transposed),
        };
        Ok((a.track_op().then(a_gradient).transpose()?, b.track_op().then(b_gradient).transpose()?))
    }
}

/// A fully connected layer: x Wᵀ, bias, activation.
pub(super) struct LinearLayer(pub Activation);

impl CustomOp3 for LinearLayer {
    fn name(&self) -> &'static str {
        "linear layer"
    }

    fn cpu_fwd(
        &self,
        s1: &CpuStorage,
        l1: &Layout,
        s2: &CpuStorage,
        l2: &Layout,
        s3: &CpuStorage,
        l3: &Layout,
    ) -> Result<(CpuStorage, Shape)> {
        let shape = shape(l1, false, l2, true)?;
        let (bias, slope) = (values(s3, l3)?, self.0.slope()?);
        let finish = |row: &mut [f32]| {
            for (y, b) in row.iter_mut().zip(bias) {
                let sum = *y + b;
                *y = if sum > 0.0 { sum } else { sum * slope };
            }
        };
        let y = multiply_parallel(shape, (values(s1, l1)?, false), (values(s2, l2)?, true), finish);
        Ok((CpuStorage::F32(y), (shape[0], shape[1]).into()))
    }

    #[cfg(feature = "cuda")]
    fn cuda_fwd(
        &self,
        s1: &candle_core::CudaStorage,
        l1: &Layout,
        s2: &candle_core::CudaStorage,
        l2: &Layout,
        s3: &candle_core::CudaStorage,
        l3: &Layout,
    ) -> Result<(candle_core::CudaStorage, Shape)> {
        let shape = shape(l1, false, l2, true)?;
        crate::nets::cuda::product::linear(shape, (s1, l1), (s2, l2), (s3, l3), self.0.slope()?)
    }

    fn bwd(
        &self,
        x: &Tensor,
        weight: &Tensor,
        bias: &Tensor,
        output: &Tensor,
        upstream: &Tensor,
    ) -> Result<(Option<Tensor>, Option<Tensor>, Option<Tensor>)> {
        let upstream = self.0.gradient(&upstream.contiguous()?, output)?;
        let (x, weight) =
            Product { a_transposed: false, b_transposed: true }.bwd(x, weight, output, &upstream)?;
        Ok((x, weight, bias.track_op().then(|| Repeated::per_column(&upstream)?.sum(&upstream)).transpose()?))
    }
}
