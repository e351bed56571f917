//! Losses.

use candle_core::{CpuStorage, CustomOp2, Layout, Result, Shape, Tensor, bail};

use rayon::prelude::*;

use super::activation::values;

/// Binary cross entropy of `logits` against the constant `targets` in `[0, 1]`, summed over all elements:
/// max(x, 0) - x t + ln(1 + exp(-|x|)), which does not overflow.
///
/// # Errors
/// Where the shapes differ.
pub fn binary_cross_entropy_with_logits(logits: &Tensor, targets: &Tensor) -> Result<Tensor> {
    logits.contiguous()?.apply_op2(&targets.detach().contiguous()?, CrossEntropy)?.sum_all()
}

/// Squared differences, summed over all elements. Divide by what the loss is a mean over.
///
/// # Errors
/// Where the shapes differ.
pub fn squared_error(a: &Tensor, b: &Tensor) -> Result<Tensor> {
    (a - b)?.sqr()?.sum_all()
}

struct CrossEntropy;

impl CustomOp2 for CrossEntropy {
    fn name(&self) -> &'static str {
        "binary cross entropy"
    }

    fn cpu_fwd(
        &self,
        s1: &CpuStorage,
        l1: &Layout,
        s2: &CpuStorage,
        l2: &Layout,
    ) -> Result<(CpuStorage, Shape)> {
        if l1.shape() != l2.shape() {
            bail!("cross entropy of logits {:?} against targets {:?}", l1.dims(), l2.dims())
        }
        let (x, t) = (values(s1, l1)?, values(s2, l2)?);
        let loss = |(&x, &t): (&f32, &f32)| x.max(0.0) - x * t + (-x.abs()).exp().ln_1p();
        Ok((CpuStorage::F32(x.par_iter().zip(t).map(loss).collect()), l1.shape().clone()))
    }

    #[cfg(feature = "cuda")]
    fn cuda_fwd(
        &self,
        s1: &candle_core::CudaStorage,
        l1: &Layout,
        s2: &candle_core::CudaStorage,
        l2: &Layout,
    ) -> Result<(candle_core::CudaStorage, Shape)> {
        crate::nets::cuda::pointwise::cross_entropy((s1, l1), (s2, l2))
    }

    fn bwd(
        &self,
        logits: &Tensor,
        targets: &Tensor,
        _: &Tensor,
        upstream: &Tensor,
    ) -> Result<(Option<Tensor>, Option<Tensor>)> {
        let excess = logits.detach().apply_op2_no_bwd(targets, &Excess)?;
        Ok((Some((excess * upstream)?), None))
    }
}

/// Probability minus target: the derivative of the cross entropy.
struct Excess;

impl CustomOp2 for Excess {
    fn name(&self) -> &'static str {
        "binary cross entropy gradient"
    }

    fn cpu_fwd(
        &self,
        s1: &CpuStorage,
        l1: &Layout,
        s2: &CpuStorage,
        l2: &Layout,
    ) -> Result<(CpuStorage, Shape)> {
        let (x, t) = (values(s1, l1)?, values(s2, l2)?);
        // The exponential may become infinite: the probability is 0 then.
        let excess = |(&x, &t): (&f32, &f32)| 1.0 / (1.0 + (-x).exp()) - t;
        Ok((CpuStorage::F32(x.par_iter().zip(t).map(excess).collect()), l1.shape().clone()))
    }

    #[cfg(feature = "cuda")]
    fn cuda_fwd(
        &self,
        s1: &candle_core::CudaStorage,
        l1: &Layout,
        s2: &candle_core::CudaStorage,
        l2: &Layout,
    ) -> Result<(candle_core::CudaStorage, Shape)> {
        crate::nets::cuda::pointwise::cross_entropy_gradient((s1, l1), (s2, l2))
    }
}
