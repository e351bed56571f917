//! Rows of mean 0 and variance 1, and the first two derivatives.
//!
//! With n values x in a row, r = 1 / sqrt(variance + epsilon), h = r (x - mean) and <a> the mean of a, the gradient that
//! u in the result has in x is P(u) = r (u - <u> - h <h u>). P is its own transpose; the gradient of v · P(u) in x is
//! -r² h (<u v> - <u><v> - <h u><h v>) - r (P(u) <h v> + P(v) <h u>).

use candle_core::{CpuStorage, CustomOp1, CustomOp2, CustomOp3, Layout, Result, Shape, Tensor, bail};
use rayon::prelude::*;

use crate::nets::activation::values;
use crate::nets::conv::operand;
use crate::nets::sums::{sum, sum_of};

pub(super) const EPSILON: f64 = 1e-5;

/// Every `count` values of `x` with mean 0 and variance 1.
pub(super) fn normalise(x: &Tensor, count: usize) -> Result<Tensor> {
    x.contiguous()?.apply_op1(Normalise(count))
}

/// What `upstream` in the result of [`normalise`] comes to in `x`; differentiable in both.
pub(super) fn gradient(x: &Tensor, upstream: &Tensor, count: usize) -> Result<Tensor> {
    if x.dims() != upstream.dims() {
        bail!("gradient of shape {:?} for normalised values of {:?}", upstream.dims(), x.dims())
    }
    x.contiguous()?.apply_op2(&upstream.contiguous()?, Gradient(count))
}

/// One row and what it is normalised by.
struct Row<'a> {
    x: &'a [f32],
    mean: f32,
    scale: f32,
}

impl<'a> Row<'a> {
    fn new(x: &'a [f32]) -> Self {
        let n = x.len() as f64;
        let mean = (sum(x) / n) as f32;
        let variance = sum_of([x], |[x]| (x - mean) * (x - mean)) / n;
        Self { x, mean, scale: (variance + EPSILON).sqrt().recip() as f32 }
    }

    fn normal(&self, x: f32) -> f32 {
        (x - self.mean) * self.scale
    }

    /// <a>
    fn mean(a: &[f32]) -> f32 {
        (sum(a) / a.len() as f64) as f32
    }

    /// <h a>
    fn along(&self, a: &[f32]) -> f32 {
        (sum_of([self.x, a], |[x, a]| self.normal(x) * a) / a.len() as f64) as f32
    }
}

/// `f(result, row)` for every row.
fn by_row(x: &[f32], count: usize, f: impl Fn(&mut [f32], Row<'_>, usize) + Sync) -> Vec<f32> {
    let mut out = vec![0.0; x.len()];
    let rows = out.par_chunks_exact_mut(count).zip(x.par_chunks_exact(count)).enumerate();
    rows.for_each(|(i, (out, x))| f(out, Row::new(x), i * count));
    out
}

struct Normalise(usize);

impl CustomOp1 for Normalise {
    fn name(&self) -> &'static str {
        "normalised rows"
    }

    fn cpu_fwd(&self, storage: &CpuStorage, layout: &Layout) -> Result<(CpuStorage, Shape)> {
        let out = by_row(values(storage, layout)?, self.0, |out, row, _| {
            out.iter_mut().zip(row.x).for_each(|(y, &x)| *y = row.normal(x));
        });
        Ok((CpuStorage::F32(out), layout.shape().clone()))
    }

    #[cfg(feature = "cuda")]
    fn cuda_fwd(
        &self,
        storage: &candle_core::CudaStorage,
        layout: &Layout,
    ) -> Result<(candle_core::CudaStorage, Shape)> {
        crate::nets::cuda::rows::normalise((storage, layout), self.0)
    }

    fn bwd(&self, x: &Tensor, _: &Tensor, upstream: &Tensor) -> Result<Option<Tensor>> {
        Ok(Some(gradient(&operand(x), upstream, self.0)?))
    }
}

/// P(u) of x and u.
struct Gradient(usize);

impl CustomOp2 for Gradient {
    fn name(&self) -> &'static str {
        "gradient of normalised rows"
    }

    fn cpu_fwd(
        &self,
        s1: &CpuStorage,
        l1: &Layout,
        s2: &CpuStorage,
        l2: &Layout,
    ) -> Result<(CpuStorage, Shape)> {
        let upstream = values(s2, l2)?;
        let out = by_row(values(s1, l1)?, self.0, |out, row, at| {
            let u = &upstream[at..][..row.x.len()];
            let (plain, along) = (Row::mean(u), row.along(u));
            for ((g, &x), &u) in out.iter_mut().zip(row.x).zip(u) {
                *g = row.scale * (u - plain - row.normal(x) * along);
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
        crate::nets::cuda::rows::gradient((s1, l1), (s2, l2), self.0)
    }

    fn bwd(
        &self,
        x: &Tensor,
        upstream: &Tensor,
        _: &Tensor,
        second: &Tensor,
    ) -> Result<(Option<Tensor>, Option<Tensor>)> {
        let (second, held) = (second.contiguous()?, operand(x));
        let of_x = || held.apply_op3(&operand(upstream), &second, Curvature(self.0));
        Ok((
            x.track_op().then(of_x).transpose()?,
            upstream.track_op().then(|| gradient(&held, &second, self.0)).transpose()?,
        ))
    }
}

/// The gradient of v · P(u) in x, of x, u and v.
struct Curvature(usize);

impl CustomOp3 for Curvature {
    fn name(&self) -> &'static str {
        "second derivative of normalised rows"
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
        let (first, second) = (values(s2, l2)?, values(s3, l3)?);
        let out = by_row(values(s1, l1)?, self.0, |out, row, at| {
            let [u, v] = [first, second].map(|all| &all[at..][..row.x.len()]);
            let ([mean_u, mean_v], [along_u, along_v]) =
                ([u, v].map(Row::mean), [u, v].map(|a| row.along(a)));
            let both = (sum_of([u, v], |[u, v]| u * v) / u.len() as f64) as f32;
            let (r, left) = (row.scale, both - mean_u * mean_v - along_u * along_v);
            for (((g, &x), &u), &v) in out.iter_mut().zip(row.x).zip(u).zip(v) {
                let h = row.normal(x);
                let (of_u, of_v) = (u - mean_u - h * along_u, v - mean_v - h * along_v);
                *g = -r * r * (h * left + of_u * along_v + of_v * along_u);
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
        crate::nets::cuda::rows::curvature((s1, l1), (s2, l2), (s3, l3), self.0)
    }
}
