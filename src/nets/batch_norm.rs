//! Batch normalisation.

use candle_core::{Result, Tensor, Var, bail};
use generators::stream::Stream;

use super::{Activation, Init, NetsError, Parameters};

/// Whether a layer learns.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Mode {
    /// Statistics of the batch; the running ones are updated.
    Training,
    /// Running statistics.
    Inference,
}

/// Batch normalisation over batch, height and width (Ioffe and Szegedy 2015), with PyTorch's
/// defaults: epsilon 1e-5, and running statistics that move by 0.1 towards the batch's mean and unbiased variance.
#[derive(Clone, Debug)]
pub struct BatchNorm2d {
    weight: Tensor,
    bias: Tensor,
    running_mean: Var,
    running_variance: Var,
}

const EPSILON: f64 = 1e-5;
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

    /// `x` `[batch, channels, height, width]` to the same shape.
    ///
    /// # Errors
    /// Where `x` has another number of channels, or one value per channel in training.
    pub fn forward(&self, x: &Tensor, mode: Mode, activation: Activation) -> Result<Tensor> {
        let (batch, channels, height, width) = x.dims4()?;
        if channels != self.weight.dim(0)? {
            bail!("batch norm over {} channels, given {channels}", self.weight.dim(0)?)
        }
        let column = |t: &Tensor| t.reshape((1, channels, 1, 1));
        let (mean, variance) = match mode {
            Mode::Inference => (
                column(&self.running_mean.as_detached_tensor())?,
                column(&self.running_variance.as_detached_tensor())?,
            ),
            Mode::Training => {
                let count = batch * height * width;
                if count < 2 {
                    bail!("batch norm needs more than one value per channel in training")
                }
                let mean = x.mean_keepdim((0, 2, 3))?;
                let variance = x.broadcast_sub(&mean)?.sqr()?.mean_keepdim((0, 2, 3))?;
                let unbiased = (variance.detach().flatten_all()? * (count as f64 / (count - 1) as f64))?;
                update(&self.running_mean, &mean.detach().flatten_all()?)?;
                update(&self.running_variance, &unbiased)?;
                (mean, variance)
            }
        };
        let normal = x.broadcast_sub(&mean)?.broadcast_div(&(variance + EPSILON)?.sqrt()?)?;
        activation
            .forward(&normal.broadcast_mul(&column(&self.weight)?)?.broadcast_add(&column(&self.bias)?)?)
    }
}

fn update(running: &Var, batch: &Tensor) -> Result<()> {
    running.set(&((running.as_detached_tensor() * (1.0 - MOMENTUM))? + (batch * MOMENTUM)?)?)
}
