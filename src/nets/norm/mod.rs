//! Normalisation layers.

mod batch;
mod rows;

use candle_core::{Result, Tensor, bail};
use generators::stream::Stream;

pub(super) use self::batch::EPSILON;
pub use self::batch::{BatchNorm2d, Mode};
use super::repeated::Repeated;
use super::{Activation, Init, NetsError, Parameters};

/// Layer normalisation of each sample over all its values (Ba et al. 2016), with a weight and a bias for each of
/// them and PyTorch's epsilon, 1e-5. It never mixes samples, so that it may stand in a critic under gradient penalty.
#[derive(Clone, Debug)]
pub struct LayerNorm {
    pub(super) weight: Tensor,
    pub(super) bias: Tensor,
}

impl LayerNorm {
    /// A layer over samples of shape `dims`, with the variables `{name}.weight` (ones) and `{name}.bias` (zeros) of
    /// that shape.
    ///
    /// # Errors
    /// [`NetsError::Duplicate`].
    pub fn new(
        parameters: &mut Parameters,
        name: &str,
        dims: &[usize],
        stream: &Stream,
    ) -> std::result::Result<Self, NetsError> {
        let weight = parameters.variable(&format!("{name}.weight"), dims, Init::Ones, stream)?;
        let bias = parameters.variable(&format!("{name}.bias"), dims, Init::Zeros, stream)?;
        Ok(Self { weight: weight.into_inner(), bias: bias.into_inner() })
    }

    /// The same layer with the same memory, through which no gradient reaches the variables.
    pub fn frozen(&self) -> Self {
        Self { weight: self.weight.detach(), bias: self.bias.detach() }
    }

    /// `x` `[batch, dims...]` to the same shape.
    ///
    /// # Errors
    /// Where the samples have another shape.
    pub fn forward(&self, x: &Tensor, activation: Activation) -> Result<Tensor> {
        let (count, each) = self.cut(x)?;
        each.affine(&rows::normalise(x, count)?, &self.weight, &self.bias, activation)
    }

    /// The gradient with respect to the input of [`Self::forward`], given `upstream`, the gradient with respect to
    /// its result `output`. Differentiable in `upstream`, in `x` and in the weight; constant in `output`.
    ///
    /// # Errors
    /// Where the shapes differ.
    pub fn input_gradient(
        &self,
        upstream: &Tensor,
        x: &Tensor,
        output: &Tensor,
        activation: Activation,
    ) -> Result<Tensor> {
        let (count, each) = self.cut(x)?;
        rows::gradient(x, &each.multiply(&activation.gradient(upstream, output)?, &self.weight)?, count)
    }

    /// Values of one sample, and how the weights lie along them.
    fn cut(&self, x: &Tensor) -> Result<(usize, Repeated)> {
        if x.rank() != self.weight.rank() + 1 || x.dims()[1..] != *self.weight.dims() {
            bail!("layer norm over samples of {:?}, given {:?}", self.weight.dims(), x.dims())
        }
        let count = self.weight.elem_count();
        Ok((count, Repeated { count, run: 1 }))
    }
}

/// Instance normalisation of each channel of each image over its pixels (Ulyanov et al. 2016), with a weight and a
/// bias per channel and PyTorch's epsilon, 1e-5. It never mixes samples.
#[derive(Clone, Debug)]
pub struct InstanceNorm2d {
    pub(super) weight: Tensor,
    pub(super) bias: Tensor,
}

impl InstanceNorm2d {
    /// A layer with the variables `{name}.weight` (ones) and `{name}.bias` (zeros).
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
        Ok(Self { weight: weight.into_inner(), bias: bias.into_inner() })
    }

    /// The same layer with the same memory, through which no gradient reaches the variables.
    pub fn frozen(&self) -> Self {
        Self { weight: self.weight.detach(), bias: self.bias.detach() }
    }

    /// `x` `[batch, channels, height, width]` to the same shape.
    ///
    /// # Errors
    /// Where `x` has another number of channels, or one pixel only, which has no variance.
    pub fn forward(&self, x: &Tensor, activation: Activation) -> Result<Tensor> {
        let (count, each) = self.cut(x)?;
        each.affine(&rows::normalise(x, count)?, &self.weight, &self.bias, activation)
    }

    /// The gradient with respect to the input of [`Self::forward`], given `upstream`, the gradient with respect to
    /// its result `output`. Differentiable in `upstream`, in `x` and in the weight; constant in `output`.
    ///
    /// # Errors
    /// Where the shapes differ.
    pub fn input_gradient(
        &self,
        upstream: &Tensor,
        x: &Tensor,
        output: &Tensor,
        activation: Activation,
    ) -> Result<Tensor> {
        let (count, each) = self.cut(x)?;
        rows::gradient(x, &each.multiply(&activation.gradient(upstream, output)?, &self.weight)?, count)
    }

    /// Pixels of one channel, and how the weights lie along the values.
    fn cut(&self, x: &Tensor) -> Result<(usize, Repeated)> {
        let (_, channels, height, width) = x.dims4()?;
        let (expected, run) = (self.weight.dim(0)?, height * width);
        if channels != expected {
            bail!("instance norm over {expected} channels, given {channels}")
        }
        if run < 2 {
            bail!("instance norm needs more than one pixel per channel")
        }
        Ok((run, Repeated { count: channels, run }))
    }
}
