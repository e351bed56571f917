//! Upsampling by nearest neighbours.

use candle_core::{CpuStorage, CustomOp1, Layout, Result, Shape, Tensor, bail};
use rayon::prelude::*;

use super::activation::values;

/// `x` `[batch, channels, height, width]` with every pixel repeated `factor` times along both sides. Gradients
/// accumulate where `x` is used again, as in a skip connection; derivatives of any order are exact.
///
/// # Errors
/// Where `factor` is 0.
pub fn upsample_nearest(x: &Tensor, factor: usize) -> Result<Tensor> {
    if factor == 0 {
        bail!("upsampling by a factor of 0 leaves no image")
    }
    x.contiguous()?.apply_op1(Upsample(factor))
}

struct Upsample(usize);

impl CustomOp1 for Upsample {
    fn name(&self) -> &'static str {
        "nearest upsampling"
    }

    fn cpu_fwd(&self, storage: &CpuStorage, layout: &Layout) -> Result<(CpuStorage, Shape)> {
        let ((batch, channels, height, width), factor) = (layout.shape().dims4()?, self.0);
        let x = values(storage, layout)?;
        let mut out = vec![0.0; x.len() * factor * factor];
        out.par_chunks_exact_mut(factor * factor * width).zip(x.par_chunks_exact(width)).for_each(
            |(out, x)| {
                let (first, others) = out.split_at_mut(factor * width);
                first.chunks_exact_mut(factor).zip(x).for_each(|(run, &x)| run.fill(x));
                others.chunks_exact_mut(factor * width).for_each(|row| row.copy_from_slice(first));
            },
        );
        Ok((CpuStorage::F32(out), (batch, channels, height * factor, width * factor).into()))
    }

    #[cfg(feature = "cuda")]
    fn cuda_fwd(
        &self,
        storage: &candle_core::CudaStorage,
        layout: &Layout,
    ) -> Result<(candle_core::CudaStorage, Shape)> {
        crate::nets::cuda::pointwise::upsample((storage, layout), self.0)
    }

    fn bwd(&self, _: &Tensor, _: &Tensor, upstream: &Tensor) -> Result<Option<Tensor>> {
        Ok(Some(upstream.contiguous()?.apply_op1(SumBlocks(self.0))?))
    }
}

/// The sum over each block of `factor` x `factor` pixels.
struct SumBlocks(usize);

impl CustomOp1 for SumBlocks {
    fn name(&self) -> &'static str {
        "sums over blocks of pixels"
    }

    fn cpu_fwd(&self, storage: &CpuStorage, layout: &Layout) -> Result<(CpuStorage, Shape)> {
        let ((batch, channels, height, width), factor) = (layout.shape().dims4()?, self.0);
        let x = values(storage, layout)?;
        let mut out = vec![0.0; x.len() / (factor * factor)];
        out.par_chunks_exact_mut(width / factor).zip(x.par_chunks_exact(factor * width)).for_each(
            |(out, rows)| {
                for row in rows.chunks_exact(width) {
                    let blocks = row.chunks_exact(factor);
                    out.iter_mut().zip(blocks).for_each(|(sum, block)| *sum += block.iter().sum::<f32>());
                }
            },
        );
        Ok((CpuStorage::F32(out), (batch, channels, height / factor, width / factor).into()))
    }

    #[cfg(feature = "cuda")]
    fn cuda_fwd(
        &self,
        storage: &candle_core::CudaStorage,
        layout: &Layout,
    ) -> Result<(candle_core::CudaStorage, Shape)> {
        crate::nets::cuda::pointwise::sum_blocks((storage, layout), self.0)
    }

    fn bwd(&self, _: &Tensor, _: &Tensor, upstream: &Tensor) -> Result<Option<Tensor>> {
        Ok(Some(upsample_nearest(upstream, self.0)?))
    }
}
