//! Dropout with masks that come from a [`Stream`].

use candle_core::{CpuStorage, CustomOp2, Device, Layout, Result, Shape, Tensor, bail};
use generators::stream::Stream;
use rayon::prelude::*;

use super::activation::{pairwise, values};
use super::relay;

/// Values of a dropout mask that come from one stream: a multiple of four, and a partition by shape alone.
const MASK_CHUNK: usize = 1 << 14;

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

/// `x` times `mask`, of one shape. No gradient reaches the mask, and none is computed for it: candle's
/// own product would, and takes most of a training step's time outside the convolutions.
///
/// # Errors
/// Where the shapes differ.
pub fn apply_mask(x: &Tensor, mask: &Tensor) -> Result<Tensor> {
    if x.dims() != mask.dims() {
        bail!("a dropout mask of {:?} for activations of {:?}", mask.dims(), x.dims())
    }
    relay::apply2(&x.contiguous()?, &mask.detach(), Masked)
}

struct Masked;

impl CustomOp2 for Masked {
    fn name(&self) -> &'static str {
        "dropout"
    }

    fn cpu_fwd(
        &self,
        s1: &CpuStorage,
        l1: &Layout,
        s2: &CpuStorage,
        l2: &Layout,
    ) -> Result<(CpuStorage, Shape)> {
        let y = pairwise(values(s1, l1)?, values(s2, l2)?, |x, m| x * m);
        Ok((CpuStorage::F32(y), l1.shape().clone()))
    }

    #[cfg(feature = "cuda")]
    fn cuda_fwd(
        &self,
        s1: &candle_core::CudaStorage,
        l1: &Layout,
        s2: &candle_core::CudaStorage,
        l2: &Layout,
    ) -> Result<(candle_core::CudaStorage, Shape)> {
        crate::nets::cuda::pointwise::product((s1, l1), (s2, l2))
    }

    fn bwd(
        &self,
        x: &Tensor,
        mask: &Tensor,
        _: &Tensor,
        upstream: &Tensor,
    ) -> Result<(Option<Tensor>, Option<Tensor>)> {
        let gradient = if x.track_op() { Some(apply_mask(upstream, mask)?) } else { None };
        Ok((gradient, None))
    }
}

#[cfg(test)]
mod tests {
    use candle_core::Var;

    use super::*;

    /// Against candle's own product.
    #[test]
    fn value_and_gradient_are_those_of_the_product() {
        let mut stream = Stream::root(5);
        let mask = dropout_mask((3, 7, 5), 0.4, &mut stream, &Device::Cpu).unwrap();
        let x =
            Var::from_tensor(&super::super::normal((3, 7, 5), &mut stream, &Device::Cpu).unwrap()).unwrap();
        let squares = |y: Tensor| y.sqr().unwrap().sum_all().unwrap();
        let gradient = |loss: Tensor| {
            loss.backward().unwrap().get(&x).unwrap().flatten_all().unwrap().to_vec1::<f32>().unwrap()
        };
        let ours = gradient(squares(apply_mask(&x, &mask).unwrap()));
        let theirs = gradient(squares((x.as_tensor() * &mask).unwrap()));
        assert_eq!(ours, theirs);
        assert!(apply_mask(&x, &mask.narrow(0, 0, 2).unwrap()).is_err());
    }
}
