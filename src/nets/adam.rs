//! Adam and AdamW.

use std::collections::BTreeMap;

use candle_core::backprop::GradStore;
use candle_core::{CpuStorage, CustomOp1, DType, InplaceOp2, Layout, Result, Shape, Tensor, Var, bail};
use rayon::prelude::*;

use super::activation::values;
use super::sums::sum_of;
use super::vectors::widest;
use super::{NetsError, Parameters};

/// Adam (Kingma and Ba 2015) over all variables of one network, and AdamW (Loshchilov and Hutter 2019, algorithm 2) where the
/// weights decay; equals PyTorch's.
///
/// Its state is part of a [`checkpoint`](super::checkpoint).
#[derive(Debug)]
pub struct Adam {
    /// Step size, before `rate_share`.
    pub learning_rate: f64,
    /// Share of the learning rate that is taken: what a schedule changes from step to step; 1 at first.
    pub rate_share: f64,
    /// Greatest norm of all gradients together; where they are longer, they are scaled down to it (Pascanu et al. 2013).
    /// Infinite at first.
    pub clip_norm: f64,
    /// Decay of the mean of gradients, 0 to 1.
    pub beta1: f64,
    /// Decay of the mean of squared gradients, 0 to 1.
    pub beta2: f64,
    /// Added to the root of the second moment.
    pub epsilon: f64,
    /// Share of each variable that a step takes away, times the learning rate; it does not pass through the moments.
    pub weight_decay: f64,
    steps: usize,
    gradient_norm: f64,
    /// Each variable and its first and second moment `[2, scalars]`.
    variables: BTreeMap<String, (Var, Var)>,
}

impl Adam {
    /// For all variables that `parameters` has now; `epsilon` is 1e-8, and nothing decays.
    ///
    /// # Errors
    /// Where memory for the moments cannot be had on the device.
    pub fn new(
        parameters: &Parameters,
        learning_rate: f64,
        beta1: f64,
        beta2: f64,
    ) -> std::result::Result<Self, NetsError> {
        let mut variables = BTreeMap::new();
        for (name, var) in parameters.variables() {
            let moments = Var::zeros((2, var.elem_count()), DType::F32, var.device())?;
            variables.insert(name.to_owned(), (var.clone(), moments));
        }
        Ok(Self {
            learning_rate,
            rate_share: 1.0,
            clip_norm: f64::INFINITY,
            beta1,
            beta2,
            epsilon: 1e-8,
            weight_decay: 0.0,
            steps: 0,
            gradient_norm: 0.0,
            variables,
        })
    }

    /// Steps taken so far.
    pub fn steps(&self) -> usize {
        self.steps
    }

    /// Euclidean norm of all gradients of the last step together, before they were clipped; 0 before the first.
    pub fn gradient_norm(&self) -> f64 {
        self.gradient_norm
    }

    pub(crate) fn set_steps(&mut self, steps: usize) {
        self.steps = steps;
    }

    /// First and second moment of each variable, `[2, scalars]`, by name.
    pub(crate) fn moments(&self) -> impl Iterator<Item = (&str, &Var)> {
        self.variables.iter().map(|(name, (_, moments))| (name.as_str(), moments))
    }

    /// One step down.
    ///
    /// # Errors
    /// Where a variable has no gradient, because the loss does not depend on it; nothing is changed then.
    pub fn step(&mut self, gradients: &GradStore) -> Result<()> {
        let mut all = Vec::with_capacity(self.variables.len());
        for (name, (var, moments)) in &self.variables {
            let Some(gradient) = gradients.get(var) else {
                bail!("the loss does not depend on the variable {name:?}: Adam has no gradient for it")
            };
            all.push((var, moments, gradient.contiguous()?));
        }
        let of = |gradient: &Tensor| gradient.flatten_all()?.apply_op1_no_bwd(&SumOfSquares);
        let squares = all.iter().map(|(_, _, gradient)| of(gradient)).collect::<Result<Vec<_>>>()?;
        // Read back all at once: a card is waited for once.
        let squares: f64 = match squares.is_empty() {
            true => 0.0,
            false => Tensor::cat(&squares, 0)?.to_vec1::<f64>()?.into_iter().sum(),
        };
        self.gradient_norm = squares.sqrt();
        self.steps += 1;
        let steps = self.steps as f64;
        let scale = (self.clip_norm / self.gradient_norm).min(1.0) as f32;
        let decay = Decay { scale, beta1: self.beta1 as f32, beta2: self.beta2 as f32 };
        let correction2 = (1.0 - self.beta2.powf(steps)).sqrt();
        let rate = self.learning_rate * self.rate_share;
        let descend = Descend {
            step: (rate / (1.0 - self.beta1.powf(steps))) as f32,
            inverse_correction2: (1.0 / correction2) as f32,
            epsilon: self.epsilon as f32,
            keep: (1.0 - rate * self.weight_decay) as f32,
        };
        for (var, moments, gradient) in all {
            moments.inplace_op2(&gradient, &decay)?;
            var.inplace_op2(moments, &descend)?;
        }
        Ok(())
    }
}

/// Scalars per task.
const CHUNK: usize = 1 << 14;

fn values_mut<'a>(storage: &'a mut CpuStorage, layout: &Layout) -> Result<&'a mut [f32]> {
    match (storage, layout.contiguous_offsets()) {
        (CpuStorage::F32(values), Some((start, end))) => Ok(&mut values[start..end]),
        _ => bail!("Adam needs contiguous f32 variables"),
    }
}

/// The sum of squares of all values, in f64: `[n]` to a scalar.
struct SumOfSquares;

impl CustomOp1 for SumOfSquares {
    fn name(&self) -> &'static str {
        "sum-of-squares"
    }

    fn cpu_fwd(&self, storage: &CpuStorage, layout: &Layout) -> Result<(CpuStorage, Shape)> {
        let parts = values(storage, layout)?.par_chunks(CHUNK).map(|part| sum_of([part], |[v]| v * v));
        let parts: Vec<f64> = parts.collect();
        Ok((CpuStorage::F64(vec![parts.iter().sum()]), 1.into()))
    }

    #[cfg(feature = "cuda")]
    fn cuda_fwd(
        &self,
        storage: &candle_core::CudaStorage,
        layout: &Layout,
    ) -> Result<(candle_core::CudaStorage, Shape)> {
        crate::nets::cuda::repeated::sum_of_squares((storage, layout))
    }
}

/// Moves the moments `[2, n]` towards the gradient `[n]` and its square.
struct Decay {
    scale: f32,
    beta1: f32,
    beta2: f32,
}

impl InplaceOp2 for Decay {
    fn name(&self) -> &'static str {
        "adam-moments"
    }

    fn cpu_fwd(
        &self,
        moments: &mut CpuStorage,
        layout: &Layout,
        gradient: &CpuStorage,
        gradient_layout: &Layout,
    ) -> Result<()> {
        let gradient = values(gradient, gradient_layout)?;
        let (first, second) = values_mut(moments, layout)?.split_at_mut(gradient.len());
        let Self { scale, beta1, beta2 } = *self;
        let (rest1, rest2) = (1.0 - beta1, 1.0 - beta2);
        let moments = first.par_chunks_mut(CHUNK).zip(second.par_chunks_mut(CHUNK));
        moments.zip(gradient.par_chunks(CHUNK)).for_each(|((m, v), g)| {
            widest(move || {
                for ((m, v), &g) in m.iter_mut().zip(v).zip(g) {
                    let g = scale * g;
                    *m = beta1 * *m + rest1 * g;
                    *v = beta2 * *v + rest2 * g * g;
                }
            });
        });
        Ok(())
    }

    #[cfg(feature = "cuda")]
    fn cuda_fwd(
        &self,
        s1: &mut candle_core::CudaStorage,
        l1: &Layout,
        s2: &candle_core::CudaStorage,
        l2: &Layout,
    ) -> Result<()> {
        let settings = [self.scale, self.beta1, self.beta2];
        crate::nets::cuda::pointwise::adam_moments((s1, l1), (s2, l2), settings)
    }
}

/// Moves what is left of the variable against its moments.
struct Descend {
    step: f32,
    inverse_correction2: f32,
    epsilon: f32,
    keep: f32,
}

impl InplaceOp2 for Descend {
    fn name(&self) -> &'static str {
        "adam-step"
    }

    fn cpu_fwd(
        &self,
        variable: &mut CpuStorage,
        layout: &Layout,
        moments: &CpuStorage,
        moments_layout: &Layout,
    ) -> Result<()> {
        let variable = values_mut(variable, layout)?;
        let (first, second) = values(moments, moments_layout)?.split_at(variable.len());
        let Self { step, inverse_correction2, epsilon, keep } = *self;
        let moments = first.par_chunks(CHUNK).zip(second.par_chunks(CHUNK));
        variable.par_chunks_mut(CHUNK).zip(moments).for_each(|(p, (m, v))| {
            widest(move || {
                for ((p, &m), &v) in p.iter_mut().zip(m).zip(v) {
                    *p = keep * *p - step * m / (v.sqrt() * inverse_correction2 + epsilon);
                }
            });
        });
        Ok(())
    }

    #[cfg(feature = "cuda")]
    fn cuda_fwd(
        &self,
        s1: &mut candle_core::CudaStorage,
        l1: &Layout,
        s2: &candle_core::CudaStorage,
        l2: &Layout,
    ) -> Result<()> {
        let settings = [self.step, self.inverse_correction2, self.epsilon, self.keep];
        crate::nets::cuda::pointwise::adam_step((s1, l1), (s2, l2), settings)
    }
}
