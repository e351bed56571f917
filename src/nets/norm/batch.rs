//! Batch normalisation.

use candle_core::{CpuStorage, CustomOp1, CustomOp3, Layout, Result, Shape, Tensor, Var, bail};
use generators::stream::Stream;
use rayon::prelude::*;

use super::rows;
use crate::nets::activation::values;
use crate::nets::conv::keeps_graph;
use crate::nets::relay;
use crate::nets::repeated::Repeated;
use crate::nets::sums::sums_of;
use crate::nets::vectors::widest;
use crate::nets::{Activation, Init, NetsError, Parameters};

/// Whether a layer learns.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Mode {
    /// Statistics of the batch; the running ones are updated.
    Training,
    /// Running statistics.
    Inference,
}

/// Batch normalisation over batch, height and width (Ioffe and Szegedy 2015) with PyTorch's defaults:
/// epsilon 1e-5, and running statistics that move by 0.1 towards the batch's mean and unbiased variance.
///
/// Differentiable twice in its input, its weight and what comes from above, constant in the running statistics.
#[derive(Clone, Debug)]
pub struct BatchNorm2d {
    pub(in crate::nets) weight: Tensor,
    pub(in crate::nets) bias: Tensor,
    pub(in crate::nets) running_mean: Var,
    pub(in crate::nets) running_variance: Var,
}

pub(in crate::nets) const EPSILON: f32 = 1e-5;
const MOMENTUM: f64 = 0.1;

impl BatchNorm2d {
    /// A layer with the variables `{name}.weight` (ones) and `{name}.bias` (zeros) and the buffers
    /// `{name}.running_mean` and `{name}.running_variance`.
    ///
    /// # Errors
    /// [`NetsError::Duplicate`].
    pub fn new(
        parameters: &mut Parameters,
        name: &str,
        channels: usize,
        stream: &Stream,
    ) -> std::result::Result<Self, NetsError> {
        let weight = parameters.variable(&format!("{name}.weight"), channels, Init::Ones, stream)?;
        let bias = parameters.variable(&format!("{name}.bias"), channels, Init::Zeros, stream)?;
        Ok(Self {
            weight: weight.into_inner(),
            bias: bias.into_inner(),
            running_mean: parameters.buffer(&format!("{name}.running_mean"), channels, 0.0)?,
            running_variance: parameters.buffer(&format!("{name}.running_variance"), channels, 1.0)?,
        })
    }

    /// Running mean of each channel.
    ///
    /// # Errors
    /// Where the device cannot be read.
    pub fn running_mean(&self) -> Result<Vec<f32>> {
        self.running_mean.to_vec1()
    }

    /// Running variance of each channel.
    ///
    /// # Errors
    /// Where the device cannot be read.
    pub fn running_variance(&self) -> Result<Vec<f32>> {
        self.running_variance.to_vec1()
    }

    /// The same layer with the same memory, through which no gradient reaches the variables.
    pub fn frozen(&self) -> Self {
        Self { weight: self.weight.detach(), bias: self.bias.detach(), ..self.clone() }
    }

    /// `x` `[batch, channels, height, width]` to the same shape.
    ///
    /// # Errors
    /// Where `x` has another number of channels, or one value per channel in training.
    pub fn forward(&self, x: &Tensor, mode: Mode, activation: Activation) -> Result<Tensor> {
        let (batch, channels, height, width) = x.dims4()?;
        if channels != self.weight.dim(0)? {
            bail!("batch norm over {} channels, given {channels}", self.weight.dim(0)?)
        }
        let x = x.contiguous()?;
        let statistics = match mode {
            Mode::Inference => {
                let (mean, variance) = (&self.running_mean, &self.running_variance);
                Tensor::stack(&[mean.as_detached_tensor(), variance.as_detached_tensor()], 0)?
            }
            Mode::Training => {
                let count = batch * height * width;
                if count < 2 {
                    bail!("batch norm needs more than one value per channel in training")
                }
                let statistics = x.apply_op1_no_bwd(&Statistics)?;
                update(&self.running_mean, &statistics.get(0)?)?;
                let unbiased = (statistics.get(1)? * (count as f64 / (count - 1) as f64))?;
                update(&self.running_variance, &unbiased)?;
                statistics
            }
        };
        let layer = Normalise { statistics, of_batch: mode == Mode::Training, activation };
        relay::apply3(&x, &self.weight, &self.bias, layer)
    }
}

fn update(running: &Var, batch: &Tensor) -> Result<()> {
    running.set(&((running.as_detached_tensor() * (1.0 - MOMENTUM))? + (batch * MOMENTUM)?)?)
}

/// The rows of a tensor `[2, channels]`.
fn two_rows(tensor: &Tensor) -> Result<[Vec<f32>; 2]> {
    Ok([tensor.get(0)?.to_vec1()?, tensor.get(1)?.to_vec1()?])
}

/// Scale and shift by channel, such that the normalised value is scale * x + shift.
fn scale_and_shift(statistics: &Tensor) -> Result<Vec<(f32, f32)>> {
    let [mean, variance] = two_rows(statistics)?;
    let both = mean.into_iter().zip(variance);
    Ok(both
        .map(|(mean, variance)| ((variance + EPSILON).sqrt().recip(), mean))
        .map(|(s, m)| (s, -m * s))
        .collect())
}

/// Pixels, and the number of channels.
fn sizes(layout: &Layout) -> Result<(usize, usize)> {
    let (_, channels, height, width) = layout.shape().dims4()?;
    Ok((height * width, channels))
}

/// The pieces of `x` that belong to `channel`.
fn pieces(x: &[f32], px: usize, channels: usize, channel: usize) -> impl Iterator<Item = &[f32]> {
    x.chunks_exact(px).skip(channel).step_by(channels)
}

/// `f(channel)` for every channel as the columns of `[2, channels]`.
fn per_channel(channels: usize, f: impl Fn(usize) -> (f64, f64) + Sync) -> (CpuStorage, Shape) {
    let (mut first, second): (Vec<f32>, Vec<f32>) =
        (0..channels).into_par_iter().map(&f).map(|(a, b)| (a as f32, b as f32)).unzip();
    first.extend(second);
    (CpuStorage::F32(first), (2, channels).into())
}

/// Mean and biased variance of each channel, `[2, channels]`.
struct Statistics;

impl CustomOp1 for Statistics {
    fn name(&self) -> &'static str {
        "batch statistics"
    }

    fn cpu_fwd(&self, storage: &CpuStorage, layout: &Layout) -> Result<(CpuStorage, Shape)> {
        let ((px, channels), x) = (sizes(layout)?, values(storage, layout)?);
        let count = (x.len() / channels) as f64;
        Ok(per_channel(channels, |channel| {
            // From one of the values, near to which the mean is: squares of small numbers lose nothing.
            let from = x[channel * px];
            let (mut plain, mut squared) = (0.0, 0.0);
            for x in pieces(x, px, channels, channel) {
                let sums = sums_of([x], |[x]| [x - from, (x - from) * (x - from)]);
                plain += sums[0];
                squared += sums[1];
            }
            let mean = plain / count;
            (mean + f64::from(from), (squared / count - mean * mean).max(0.0))
        }))
    }

    #[cfg(feature = "cuda")]
    fn cuda_fwd(
        &self,
        storage: &candle_core::CudaStorage,
        layout: &Layout,
    ) -> Result<(candle_core::CudaStorage, Shape)> {
        crate::nets::cuda::batch_norm::statistics((storage, layout))
    }
}

/// activation(weight (x - mean) / sqrt(variance + epsilon) + bias)
struct Normalise {
    /// Mean and variance, `[2, channels]`.
    statistics: Tensor,
    /// Whether they are those of x, so that its gradient goes through them too.
    of_batch: bool,
    activation: Activation,
}

impl CustomOp3 for Normalise {
    fn name(&self) -> &'static str {
        "batch norm"
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
        let ((px, channels), x) = (sizes(l1)?, values(s1, l1)?);
        let (weight, bias) = (values(s2, l2)?, values(s3, l3)?);
        let (normal, slope) = (scale_and_shift(&self.statistics)?, self.activation.slope()?);
        let mut out = vec![0.0; x.len()];
        out.par_chunks_mut(px).zip(x.par_chunks(px)).enumerate().for_each(|(i, (out, x))| {
            let channel = i % channels;
            let (scale, shift) = normal[channel];
            let (scale, shift) = (scale * weight[channel], shift * weight[channel] + bias[channel]);
            widest(move || {
                for (y, x) in out.iter_mut().zip(x) {
                    let z = x * scale + shift;
                    *y = z * if z > 0.0 { 1.0 } else { slope };
                }
            });
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
        crate::nets::cuda::batch_norm::normalise(x, weight, bias, &self.statistics, self.activation.slope()?)
    }

    fn bwd(
        &self,
        x: &Tensor,
        weight: &Tensor,
        _: &Tensor,
        output: &Tensor,
        upstream: &Tensor,
    ) -> Result<(Option<Tensor>, Option<Tensor>, Option<Tensor>)> {
        if keeps_graph() {
            return self.differentiable_bwd(x, weight, output, upstream);
        }
        let (upstream, output, slope) = (upstream.contiguous()?, output.detach(), self.activation.slope()?);
        let sums = GradientSums { statistics: self.statistics.clone(), slope };
        let sums = x.apply_op3_no_bwd(&upstream, &output, &sums)?;
        let x_gradient = if x.track_op() {
            let (statistics, weight) = (self.statistics.clone(), weight.detach());
            let through = self.of_batch.then(|| sums.clone());
            let gradient = InputGradient { statistics, weight, through, slope };
            Some(x.apply_op3_no_bwd(&upstream, &output, &gradient)?)
        } else {
            None
        };
        Ok((x_gradient, Some(sums.get(1)?), Some(sums.get(0)?)))
    }
}

impl Normalise {
    /// The gradients by operators that can be differentiated again.
    fn differentiable_bwd(
        &self,
        x: &Tensor,
        weight: &Tensor,
        output: &Tensor,
        upstream: &Tensor,
    ) -> Result<(Option<Tensor>, Option<Tensor>, Option<Tensor>)> {
        let each = Repeated::per_channel(x)?;
        let upstream = self.activation.gradient(upstream, output)?;
        let inner = || each.multiply(&upstream, weight);
        let (normal, x_gradient) = if self.of_batch {
            // A channel of all images is a row of what `rows` works on.
            let swap = |t: &Tensor| t.transpose(0, 1)?.contiguous();
            let (rows, count) = (swap(x)?, x.elem_count() / each.count);
            let gradient = || swap(&rows::gradient(&rows, &swap(&inner()?)?, count)?);
            (swap(&rows::normalise(&rows, count)?)?, x.track_op().then(gradient).transpose()?)
        } else {
            let (scale, shift) = scale_and_shift(&self.statistics)?.into_iter().unzip();
            let [scale, shift] = [scale, shift].map(|of| Tensor::from_vec(of, each.count, x.device()));
            let (scale, shift) = (scale?, shift?);
            let gradient = || each.multiply(&inner()?, &scale);
            (each.affine(x, &scale, &shift, Activation::Identity)?, x.track_op().then(gradient).transpose()?)
        };
        let weight_gradient = each.sum_of_products(&upstream, &normal)?;
        Ok((x_gradient, Some(weight_gradient), Some(each.sum(&upstream)?)))
    }
}

/// Of x, upstream gradient and output: the sums over each channel of the gradient before the activation, and
/// of the same times the normalised x, `[2, channels]`: the gradients of bias and weight.
struct GradientSums {
    statistics: Tensor,
    slope: f32,
}

impl CustomOp3 for GradientSums {
    fn name(&self) -> &'static str {
        "batch norm gradient sums"
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
        let (px, channels) = sizes(l1)?;
        let (x, upstream, output) = (values(s1, l1)?, values(s2, l2)?, values(s3, l3)?);
        let (normal, slope) = (scale_and_shift(&self.statistics)?, self.slope);
        Ok(per_channel(channels, |channel| {
            let (scale, shift) = normal[channel];
            let part = |x| pieces(x, px, channels, channel);
            let terms = |[x, u, y]: [f32; 3]| {
                let masked = u * if y > 0.0 { 1.0 } else { slope };
                [masked, masked * (x * scale + shift)]
            };
            let (mut plain, mut weighted) = (0.0, 0.0);
            for ((x, u), y) in part(x).zip(part(upstream)).zip(part(output)) {
                let sums = sums_of([x, u, y], terms);
                plain += sums[0];
                weighted += sums[1];
            }
            (plain, weighted)
        }))
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
        let (x, upstream, output) = ((s1, l1), (s2, l2), (s3, l3));
        crate::nets::cuda::batch_norm::gradient_sums(x, upstream, output, &self.statistics, self.slope)
    }
}

/// Of x, upstream gradient and output: the gradient with respect to x.
struct InputGradient {
    statistics: Tensor,
    weight: Tensor,
    /// The sums that [`GradientSums`] gave, where the statistics depend on x.
    through: Option<Tensor>,
    slope: f32,
}

impl CustomOp3 for InputGradient {
    fn name(&self) -> &'static str {
        "batch norm input gradient"
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
        let (px, channels) = sizes(l1)?;
        let (x, upstream, output) = (values(s1, l1)?, values(s2, l2)?, values(s3, l3)?);
        let (normal, weight) = (scale_and_shift(&self.statistics)?, self.weight.to_vec1::<f32>()?);
        let count = (x.len() / channels) as f32;
        let sums = match &self.through {
            Some(sums) => two_rows(sums)?.map(|row| row.into_iter().map(|sum| sum / count).collect()),
            None => [vec![0.0; channels], vec![0.0; channels]],
        };
        let mut out = vec![0.0; x.len()];
        let inputs = x.par_chunks(px).zip(upstream.par_chunks(px)).zip(output.par_chunks(px));
        out.par_chunks_mut(px).zip(inputs).enumerate().for_each(|(i, (out, ((x, upstream), output)))| {
            let channel = i % channels;
            let (scale, shift) = normal[channel];
            let [plain, weighted] = [sums[0][channel], sums[1][channel]];
            let (factor, slope) = (scale * weight[channel], self.slope);
            widest(move || {
                for (((g, &x), &u), &y) in out.iter_mut().zip(x).zip(upstream).zip(output) {
                    let u = u * if y > 0.0 { 1.0 } else { slope };
                    *g = factor * (u - plain - (x * scale + shift) * weighted);
                }
            });
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
        let (x, upstream, output) = ((s1, l1), (s2, l2), (s3, l3));
        let held = [&self.statistics, &self.weight];
        let through = self.through.as_ref();
        crate::nets::cuda::batch_norm::input_gradient(x, upstream, output, held, through, self.slope)
    }
}
