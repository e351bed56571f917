//! Losses.

use candle_core::{CpuStorage, CustomOp2, Layout, Result, Shape, Tensor, bail};

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
        let pairs = values(s1, l1)?.iter().zip(values(s2, l2)?);
        let losses = pairs.map(|(&x, &t)| x.max(0.0) - x * t + (-x.abs()).exp().ln_1p()).collect();
        Ok((CpuStorage::F32(losses), l1.shape().clone()))
    }

    fn bwd(
        &self,
        logits: &Tensor,
        targets: &Tensor,
        _: &Tensor,
        upstream: &Tensor,
    ) -> Result<(Option<Tensor>, Option<Tensor>)> {
        // 1 / (1 + exp(-x)) is 0 or 1 where the exponential leaves f32.
        let probability = (logits.detach().neg()?.exp()? + 1.0)?.recip()?;
        Ok((Some(((probability - targets)? * upstream)?), None))
    }
}
