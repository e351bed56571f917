//! Activations that a layer applies to its own result.

use candle_core::{CpuStorage, CustomOp1, CustomOp2, Layout, Result, Shape, Tensor, bail};
use rayon::prelude::*;

use super::relay;
use super::vectors::widest;

/// The function behind a layer.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Activation {
    /// x
    Identity,
    /// x where x > 0, else slope * x. The derivative at 0 is the slope, as in PyTorch.
    LeakyRelu(f32),
    /// max(x, 0), with derivative 0 at 0, as in PyTorch.
    Relu,
}

impl Activation {
    /// Slope left of 0.
    pub(crate) fn slope(self) -> Result<f32> {
        match self {
            Self::Identity => Ok(1.0),
            Self::Relu => Ok(0.0),
            // The sign of the result has to tell the sign of the argument.
            Self::LeakyRelu(slope) if slope >= 0.0 && slope.is_finite() => Ok(slope),
            Self::LeakyRelu(slope) => bail!("slope of a leaky ReLU is {slope}, it has to be 0 or more"),
        }
    }

    /// Applies the activation alone.
    ///
    /// # Errors
    /// Where the slope is negative or not finite.
    pub fn forward(self, x: &Tensor) -> Result<Tensor> {
        match self {
            Self::Identity => Ok(x.clone()),
            _ => x.contiguous()?.apply_op1(Leaky(self.slope()?)),
        }
    }

    /// `upstream` times the derivative of the activation, where `output` is what the activation gave.
    /// Differentiable in `upstream`; constant in `output`, as it is almost everywhere.
    ///
    /// # Errors
    /// Where the shapes differ.
    pub fn gradient(self, upstream: &Tensor, output: &Tensor) -> Result<Tensor> {
        match self {
            Self::Identity => Ok(upstream.clone()),
            _ => masked(upstream, output, self.slope()?),
        }
    }
}

/// `upstream` where `output` > 0, else `slope * upstream`.
fn masked(upstream: &Tensor, output: &Tensor, slope: f32) -> Result<Tensor> {
    if upstream.shape() != output.shape() {
        bail!("gradient of shape {:?} for activations of shape {:?}", upstream.dims(), output.dims())
    }
    relay::apply2(&upstream.contiguous()?, &output.detach().contiguous()?, LeakyGradient(slope))
}

/// The values of a contiguous tensor.
pub(crate) fn values<'a>(storage: &'a CpuStorage, layout: &Layout) -> Result<&'a [f32]> {
    match layout.contiguous_offsets() {
        Some((start, end)) => Ok(&storage.as_slice::<f32>()?[start..end]),
        None => bail!("the operator needs contiguous tensors"),
    }
}

/// Scalars per task.
const CHUNK: usize = 1 << 14;

/// `f` of every pair of values, on all threads.
pub(crate) fn pairwise(a: &[f32], b: &[f32], f: impl Fn(f32, f32) -> f32 + Copy + Sync) -> Vec<f32> {
    let mut result = vec![0.0; a.len()];
    let inputs = a.par_chunks(CHUNK).zip(b.par_chunks(CHUNK));
    result.par_chunks_mut(CHUNK).zip(inputs).for_each(|(result, (a, b))| {
        widest(move || {
            for ((r, &a), &b) in result.iter_mut().zip(a).zip(b) {
                *r = f(a, b);
            }
        });
    });
    result
}

struct Leaky(f32);

impl CustomOp1 for Leaky {
    fn name(&self) -> &'static str {
        "leaky-relu"
    }

    fn cpu_fwd(&self, storage: &CpuStorage, layout: &Layout) -> Result<(CpuStorage, Shape)> {
        let (x, slope) = (values(storage, layout)?, self.0);
        let mut y = vec![0.0; x.len()];
        y.par_chunks_mut(CHUNK).zip(x.par_chunks(CHUNK)).for_each(|(y, x)| {
            widest(move || {
                for (y, &x) in y.iter_mut().zip(x) {
                    *y = x * if x > 0.0 { 1.0 } else { slope };
                }
            });
        });
        Ok((CpuStorage::F32(y), layout.shape().clone()))
    }

    #[cfg(feature = "cuda")]
    fn cuda_fwd(
        &self,
        storage: &candle_core::CudaStorage,
        layout: &Layout,
    ) -> Result<(candle_core::CudaStorage, Shape)> {
        crate::nets::cuda::pointwise::leaky_relu((storage, layout), self.0)
    }

    fn bwd(&self, _: &Tensor, output: &Tensor, upstream: &Tensor) -> Result<Option<Tensor>> {
        Ok(Some(masked(upstream, output, self.0)?))
    }
}

struct LeakyGradient(f32);

impl CustomOp2 for LeakyGradient {
    fn name(&self) -> &'static str {
        "leaky-relu-gradient"
    }

    fn cpu_fwd(
        &self,
        s1: &CpuStorage,
        l1: &Layout,
        s2: &CpuStorage,
        l2: &Layout,
    ) -> Result<(CpuStorage, Shape)> {
        let (u, y, slope) = (values(s1, l1)?, values(s2, l2)?, self.0);
        let gradient = pairwise(u, y, move |u, y| u * if y > 0.0 { 1.0 } else { slope });
        Ok((CpuStorage::F32(gradient), l1.shape().clone()))
    }

    #[cfg(feature = "cuda")]
    fn cuda_fwd(
        &self,
        s1: &candle_core::CudaStorage,
        l1: &Layout,
        s2: &candle_core::CudaStorage,
        l2: &Layout,
    ) -> Result<(candle_core::CudaStorage, Shape)> {
        crate::nets::cuda::pointwise::leaky_gradient((s1, l1), (s2, l2), self.0)
    }

    fn bwd(
        &self,
        upstream: &Tensor,
        output: &Tensor,
        _: &Tensor,
        second: &Tensor,
    ) -> Result<(Option<Tensor>, Option<Tensor>)> {
        let gradient = if upstream.track_op() { Some(masked(second, output, self.0)?) } else { None };
        Ok((gradient, None))
    }
}
