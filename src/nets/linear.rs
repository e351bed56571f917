//! Fully connected layer.

use candle_core::{Result, Tensor};
use generators::stream::Stream;

use super::product::{LinearLayer, product};
use super::{Activation, Init, NetsError, Parameters, relay};

/// y = activation(x Wᵀ + b), with W `[outputs, inputs]` as in PyTorch.
#[derive(Clone, Debug)]
pub struct Linear {
    pub(super) weight: Tensor,
    pub(super) bias: Tensor,
}

impl Linear {
    /// A layer with the variables `{name}.weight` (drawn by `init`) and `{name}.bias` (zeros).
    ///
    /// # Errors
    /// [`NetsError::Duplicate`].
    pub fn new(
        parameters: &mut Parameters,
        name: &str,
        inputs: usize,
        outputs: usize,
        init: Init,
        stream: &Stream,
    ) -> std::result::Result<Self, NetsError> {
        let weight = parameters.variable(&format!("{name}.weight"), (outputs, inputs), init, stream)?;
        let bias = parameters.variable(&format!("{name}.bias"), outputs, Init::Zeros, stream)?;
        Ok(Self { weight: weight.into_inner(), bias: bias.into_inner() })
    }

    /// The same layer with the same memory, through which no gradient reaches the weights.
    pub fn frozen(&self) -> Self {
        Self { weight: self.weight.detach(), bias: self.bias.detach() }
    }

    /// `x` `[batch, inputs]` to `[batch, outputs]`.
    ///
    /// # Errors
    /// Where `x` has another shape.
    pub fn forward(&self, x: &Tensor, activation: Activation) -> Result<Tensor> {
        relay::apply3(&x.contiguous()?, &self.weight, &self.bias, LinearLayer(activation))
    }

    /// The gradient with respect to the input of [`Self::forward`], given `upstream`, the gradient
    /// with respect to its result `output`. Differentiable in `upstream` and in the weights.
    ///
    /// # Shapes
    /// `upstream` and `output` `[batch, outputs]`, result `[batch, inputs]`.
    ///
    /// # Errors
    /// Where the shapes differ.
    pub fn input_gradient(
        &self,
        upstream: &Tensor,
        output: &Tensor,
        activation: Activation,
    ) -> Result<Tensor> {
        product(&activation.gradient(upstream, output)?, false, &self.weight, false)
    }
}
