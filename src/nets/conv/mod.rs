//! Convolution and transposed convolution: the one door for both.

mod cpu;
mod direction;
mod geometry;
mod groups;
mod lanes;
mod operators;
mod planes;

use candle_core::{Result, Tensor, bail};
use generators::stream::Stream;

#[cfg(feature = "cuda")]
pub(super) use self::geometry::{Descriptors, Geometry, Pass};
use self::operators::Layer;
pub(super) use self::operators::{keeps_graph, operand};
use super::{Activation, Fans, Init, NetsError, Parameters, relay};

/// The square window of a convolution, and the channels that it keeps apart.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Window {
    /// Weights along one side.
    pub kernel: usize,
    /// Pixels from one window to the next.
    pub stride: usize,
    /// Zeros around the image.
    pub padding: usize,
    /// Pixels from one weight to the next; 1 leaves none out.
    pub dilation: usize,
    /// Groups of equally many channels, each connected to itself alone; as many as there are channels make the
    /// convolution depthwise.
    pub groups: usize,
}

impl Window {
    /// A window without gaps over all channels.
    pub const fn new(kernel: usize, stride: usize, padding: usize) -> Self {
        Self { kernel, stride, padding, dilation: 1, groups: 1 }
    }

    /// The same window with its weights `dilation` pixels apart.
    pub const fn dilated(self, dilation: usize) -> Self {
        Self { dilation, ..self }
    }

    /// The same window over `groups` groups of channels.
    pub const fn grouped(self, groups: usize) -> Self {
        Self { groups, ..self }
    }

    /// Pixels that one side of the window spans.
    pub(super) const fn extent(self) -> usize {
        self.kernel.saturating_sub(1) * self.dilation + 1
    }
}

/// Convolution with weights `[outputs, inputs / groups, kernel, kernel]`, a bias, and an activation in the same pass.
#[derive(Clone, Debug)]
pub struct Conv2d {
    pub(super) weight: Tensor,
    pub(super) bias: Tensor,
    pub(super) window: Window,
}

impl Conv2d {
    /// A layer with the variables `{name}.weight` (drawn by `init`) and `{name}.bias` (zeros).
    /// `channels` is `[inputs, outputs]`.
    ///
    /// # Errors
    /// [`NetsError::Duplicate`].
    pub fn new(
        parameters: &mut Parameters,
        name: &str,
        channels: [usize; 2],
        window: Window,
        init: Init,
        stream: &Stream,
    ) -> std::result::Result<Self, NetsError> {
        let [inputs, outputs] = channels;
        let shape = (outputs, inputs / window.groups.max(1), window.kernel, window.kernel);
        let weight = parameters.variable(&format!("{name}.weight"), shape, init, stream)?;
        let bias = parameters.variable(&format!("{name}.bias"), outputs, Init::Zeros, stream)?;
        Ok(Self { weight: weight.into_inner(), bias: bias.into_inner(), window })
    }

    /// A layer without variables: its weights `[outputs, inputs / groups, kernel, kernel]` are given, and its bias is 0.
    ///
    /// # Errors
    /// Where memory cannot be had on the device.
    pub fn fixed(weight: Tensor, window: Window) -> Result<Self> {
        let bias = Tensor::zeros(weight.dim(0)?, weight.dtype(), weight.device())?;
        Ok(Self { weight, bias, window })
    }

    /// The same layer with the same memory, through which no gradient reaches the weights.
    pub fn frozen(&self) -> Self {
        Self { weight: self.weight.detach(), bias: self.bias.detach(), window: self.window }
    }

    /// `x` `[batch, inputs, height, width]` to `[batch, outputs, h, w]`, where
    /// h = (height + 2 padding - extent) / stride + 1, rounded down, with extent = (kernel - 1) dilation + 1.
    ///
    /// # Errors
    /// Where `x` has other channels, or is smaller than the window.
    pub fn forward(&self, x: &Tensor, activation: Activation) -> Result<Tensor> {
        let layer = Layer { window: self.window, image_px: None, activation };
        relay::apply3(&x.contiguous()?, &self.weight, &self.bias, layer)
    }

    /// The gradient with respect to the input of [`Self::forward`], given `upstream`, the gradient with
    /// respect to its result `output`. Differentiable in `upstream` and in the weights, constant in
    /// `output`.
    ///
    /// # Shapes
    /// `upstream` and `output` `[batch, outputs, h, w]`, result `[batch, inputs, height, width]` with
    /// `input_px` = `[height, width]`.
    ///
    /// # Errors
    /// Where the shapes do not belong together.
    pub fn input_gradient(
        &self,
        upstream: &Tensor,
        output: &Tensor,
        activation: Activation,
        input_px: [usize; 2],
    ) -> Result<Tensor> {
        operators::transpose(&activation.gradient(upstream, output)?, &self.weight, self.window, input_px)
    }
}

/// Transposed convolution with weights `[inputs, outputs / groups, kernel, kernel]` as in PyTorch, a bias, and
/// an activation in the same pass.
#[derive(Clone, Debug)]
pub struct ConvTranspose2d {
    pub(super) weight: Tensor,
    pub(super) bias: Tensor,
    pub(super) window: Window,
    pub(super) output_padding: usize,
}

impl ConvTranspose2d {
    /// A layer with the variables `{name}.weight` (drawn by `init`) and `{name}.bias` (zeros).
    /// `channels` is `[inputs, outputs]`.
    ///
    /// # Errors
    /// [`NetsError::Duplicate`].
    pub fn new(
        parameters: &mut Parameters,
        name: &str,
        channels: [usize; 2],
        window: Window,
        init: Init,
        stream: &Stream,
    ) -> std::result::Result<Self, NetsError> {
        let [inputs, outputs] = channels;
        let groups = window.groups.max(1);
        let shape = (inputs, outputs / groups, window.kernel, window.kernel).into();
        // One output sums over the windows that cover it.
        let fans = Fans {
            inputs: inputs / groups * window.kernel.div_ceil(window.stride.max(1)).pow(2),
            outputs: outputs / groups * window.kernel.pow(2),
        };
        let weight = parameters.variable_with_fans(&format!("{name}.weight"), shape, fans, init, stream)?;
        let bias = parameters.variable(&format!("{name}.bias"), outputs, Init::Zeros, stream)?;
        Ok(Self { weight: weight.into_inner(), bias: bias.into_inner(), window, output_padding: 0 })
    }

    /// Adds rows and columns at the lower right of the result, fewer than the stride.
    pub fn with_output_padding(self, output_padding: usize) -> Self {
        Self { output_padding, ..self }
    }

    /// The same layer with the same memory, through which no gradient reaches the weights.
    pub fn frozen(&self) -> Self {
        Self { weight: self.weight.detach(), bias: self.bias.detach(), ..self.clone() }
    }

    /// `x` `[batch, inputs, h, w]` to `[batch, outputs, height, width]`, where
    /// height = (h - 1) stride - 2 padding + extent + output padding, with extent = (kernel - 1) dilation + 1.
    ///
    /// # Errors
    /// Where `x` has other channels.
    pub fn forward(&self, x: &Tensor, activation: Activation) -> Result<Tensor> {
        let (_, _, height, width) = x.dims4()?;
        let Window { stride, padding, .. } = self.window;
        if stride <= self.output_padding {
            bail!("an output padding of {} needs a larger stride than {stride}", self.output_padding)
        }
        let side = |px: usize| {
            let whole = px.saturating_sub(1) * stride + self.window.extent() + self.output_padding;
            whole.checked_sub(2 * padding).filter(|&px| px > 0)
        };
        let (Some(height), Some(width)) = (side(height), side(width)) else {
            bail!("{height} x {width} features under {:?} leave no image", self.window)
        };
        let layer = Layer { window: self.window, image_px: Some([height, width]), activation };
        relay::apply3(&x.contiguous()?, &self.weight, &self.bias, layer)
    }
}
