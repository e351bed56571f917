//! Values that repeat along a tensor: one per channel, or one per column.

use candle_core::{CpuStorage, CustomOp1, CustomOp2, CustomOp3, Layout, Result, Shape, Tensor, bail};
use rayon::prelude::*;

use super::Activation;
use super::activation::values;
use super::conv::operand;
use super::relay;
use super::sums::sum_of;

/// Value (i / `run`) mod `count` belongs to place i of a tensor.
///
/// Products, sums and affine maps over it are closed under differentiation.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Repeated {
    /// Values.
    pub count: usize,
    /// Places in a row that share one.
    pub run: usize,
}

impl Repeated {
    /// One value per channel of `[batch, channels, height, width]`.
    pub fn per_channel(x: &Tensor) -> Result<Self> {
        let (_, count, height, width) = x.dims4()?;
        Ok(Self { count, run: height * width })
    }

    /// One value per column of `[rows, columns]`.
    pub fn per_column(x: &Tensor) -> Result<Self> {
        Ok(Self { count: x.dim(1)?, run: 1 })
    }

    /// activation(`x` `weight` + `bias`).
    pub fn affine(
        self,
        x: &Tensor,
        weight: &Tensor,
        bias: &Tensor,
        activation: Activation,
    ) -> Result<Tensor> {
        relay::apply3(
            &x.contiguous()?,
            &weight.flatten_all()?,
            &bias.flatten_all()?,
            Affine(self, activation),
        )
    }

    /// `x` times the repeated `weight`.
    pub fn multiply(self, x: &Tensor, weight: &Tensor) -> Result<Tensor> {
        x.contiguous()?.apply_op2(&weight.flatten_all()?.contiguous()?, Multiply(self))
    }

    /// The sum over all places of each value.
    pub fn sum(self, x: &Tensor) -> Result<Tensor> {
        x.contiguous()?.apply_op1(Sum(self))
    }

    /// The sum of `a` `b` over all places of each value.
    pub fn sum_of_products(self, a: &Tensor, b: &Tensor) -> Result<Tensor> {
        a.contiguous()?.apply_op2(&b.contiguous()?, SumOfProducts(self))
    }

    /// Calls `f` with each row of `count` runs of `out` and where it begins.
    fn rows(self, out: &mut [f32], f: impl Fn(&mut [f32], usize) + Sync) {
        let row = self.count * self.run;
        out.par_chunks_exact_mut(row).enumerate().for_each(|(i, out)| f(out, i * row));
    }

    /// The sum of `f` over all places of each value of `xs`, in an order that depends on the shape alone.
    fn reduce<const N: usize>(self, xs: [&[f32]; N], f: impl Fn([f32; N]) -> f32 + Sync) -> Vec<f32> {
        let Self { count, run } = self;
        let (row, total) = (count * run, xs[0].len());
        if run > 1 {
            let of = |value: usize| {
                let starts = (value * run..total).step_by(row);
                starts.map(|at| sum_of(xs.map(|x| &x[at..][..run]), &f)).sum::<f64>() as f32
            };
            return (0..count).into_par_iter().map(of).collect();
        }
        const BLOCK: usize = 256;
        let mut sums = vec![0f32; count];
        sums.par_chunks_mut(BLOCK).enumerate().for_each(|(block, sums)| {
            let mut totals = [0f64; BLOCK];
            for start in (block * BLOCK..total).step_by(row) {
                let part = xs.map(|x| &x[start..][..sums.len()]);
                for (i, total) in totals[..sums.len()].iter_mut().enumerate() {
                    *total += f64::from(f(part.map(|p| p[i])));
                }
            }
            sums.iter_mut().zip(totals).for_each(|(sum, total)| *sum = total as f32);
        });
        sums
    }

    fn assert_fits(self, places: usize, values: usize) -> Result<()> {
        let row = self.count * self.run;
        if values != self.count || row == 0 || !places.is_multiple_of(row) {
            bail!("{values} values repeated {self:?} over a tensor of {places}")
        }
        Ok(())
    }
}

struct Affine(Repeated, Activation);

impl CustomOp3 for Affine {
    fn name(&self) -> &'static str {
        "affine map"
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
        let (x, weight, bias, slope) = (values(s1, l1)?, values(s2, l2)?, values(s3, l3)?, self.1.slope()?);
        self.0.assert_fits(x.len(), weight.len())?;
        let mut out = vec![0.0; x.len()];
        self.0.rows(&mut out, |out, at| {
            let (out, x) = (out.chunks_exact_mut(self.0.run), x[at..].chunks_exact(self.0.run));
            for (((out, x), w), b) in out.zip(x).zip(weight).zip(bias) {
                for (y, x) in out.iter_mut().zip(x) {
                    let z = x * w + b;
                    *y = if z > 0.0 { z } else { z * slope };
                }
            }
        });
        Ok((CpuStorage::F32(out), l1.shape().clone()))
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
        let (x, weight, bias) = ((s1, l1), (s2, l2), (s3, l3));
        self.0.assert_fits(l1.shape().elem_count(), l2.shape().elem_count())?;
        crate::nets::cuda::repeated::affine(self.0, x, weight, bias, self.1.slope()?)
    }

    fn bwd(
        &self,
        x: &Tensor,
        weight: &Tensor,
        bias: &Tensor,
        output: &Tensor,
        upstream: &Tensor,
    ) -> Result<(Option<Tensor>, Option<Tensor>, Option<Tensor>)> {
        let upstream = self.1.gradient(&upstream.contiguous()?, output)?;
        let (x, weight) = Multiply(self.0).bwd(x, weight, output, &upstream)?;
        Ok((x, weight, bias.track_op().then(|| self.0.sum(&upstream)).transpose()?))
    }
}

struct Multiply(Repeated);

impl CustomOp2 for Multiply {
    fn name(&self) -> &'static str {
        "product with repeated values"
    }

    fn cpu_fwd(
        &self,
        s1: &CpuStorage,
        l1: &Layout,
        s2: &CpuStorage,
        l2: &Layout,
    ) -> Result<(CpuStorage, Shape)> {
        let (x, weight) = (values(s1, l1)?, values(s2, l2)?);
        self.0.assert_fits(x.len(), weight.len())?;
        let mut out = vec![0.0; x.len()];
        self.0.rows(&mut out, |out, at| {
            let (out, x) = (out.chunks_exact_mut(self.0.run), x[at..].chunks_exact(self.0.run));
            for ((out, x), w) in out.zip(x).zip(weight) {
                out.iter_mut().zip(x).for_each(|(y, x)| *y = x * w);
            }
        });
        Ok((CpuStorage::F32(out), l1.shape().clone()))
    }

    #[cfg(feature = "cuda")]
    fn cuda_fwd(
        &self,
        s1: &candle_core::CudaStorage,
        l1: &Layout,
        s2: &candle_core::CudaStorage,
        l2: &Layout,
    ) -> Result<(candle_core::CudaStorage, Shape)> {
        self.0.assert_fits(l1.shape().elem_count(), l2.shape().elem_count())?;
        crate::nets::cuda::repeated::multiply(self.0, (s1, l1), (s2, l2))
    }

    fn bwd(
        &self,
        x: &Tensor,
        weight: &Tensor,
        _: &Tensor,
        upstream: &Tensor,
    ) -> Result<(Option<Tensor>, Option<Tensor>)> {
        Ok((
            x.track_op().then(|| self.0.multiply(upstream, &operand(weight))).transpose()?,
            weight.track_op().then(|| self.0.sum_of_products(upstream, &operand(x))).transpose()?,
        ))
    }
}

struct SumOfProducts(Repeated);

impl CustomOp2 for SumOfProducts {
    fn name(&self) -> &'static str {
        "sums of products"
    }

    fn cpu_fwd(
        &self,
        s1: &CpuStorage,
        l1: &Layout,
        s2: &CpuStorage,
        l2: &Layout,
    ) -> Result<(CpuStorage, Shape)> {
        let (a, b) = (values(s1, l1)?, values(s2, l2)?);
        if a.len() != b.len() {
            bail!("sums over products of {:?} and {:?}", l1.dims(), l2.dims())
        }
        Ok((CpuStorage::F32(self.0.reduce([a, b], |[a, b]| a * b)), self.0.count.into()))
    }

    #[cfg(feature = "cuda")]
    fn cuda_fwd(
        &self,
        s1: &candle_core::CudaStorage,
        l1: &Layout,
        s2: &candle_core::CudaStorage,
        l2: &Layout,
    ) -> Result<(candle_core::CudaStorage, Shape)> {
        crate::nets::cuda::repeated::sum_of_products(self.0, (s1, l1), (s2, l2))
    }

    fn bwd(
        &self,
        a: &Tensor,
        b: &Tensor,
        _: &Tensor,
        upstream: &Tensor,
    ) -> Result<(Option<Tensor>, Option<Tensor>)> {
        Ok((
            a.track_op().then(|| self.0.multiply(&operand(b), upstream)).transpose()?,
            b.track_op().then(|| self.0.multiply(&operand(a), upstream)).transpose()?,
        ))
    }
}

struct Sum(Repeated);

impl CustomOp1 for Sum {
    fn name(&self) -> &'static str {
        "sums over repeated places"
    }

    fn cpu_fwd(&self, storage: &CpuStorage, layout: &Layout) -> Result<(CpuStorage, Shape)> {
        Ok((CpuStorage::F32(self.0.reduce([values(storage, layout)?], |[x]| x)), self.0.count.into()))
    }

    #[cfg(feature = "cuda")]
    fn cuda_fwd(
        &self,
        storage: &candle_core::CudaStorage,
        layout: &Layout,
    ) -> Result<(candle_core::CudaStorage, Shape)> {
        crate::nets::cuda::repeated::sum(self.0, (storage, layout))
    }

    fn bwd(&self, x: &Tensor, _: &Tensor, upstream: &Tensor) -> Result<Option<Tensor>> {
        let places = upstream.reshape((1, self.0.count, 1))?.broadcast_as((
            x.elem_count() / (self.0.count * self.0.run),
            self.0.count,
            self.0.run,
        ))?;
        Ok(Some(places.reshape(x.shape())?))
    }
}
