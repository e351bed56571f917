//! The generator: an image from a latent vector.

use candle_core::{Device, Result, Tensor};
use generators::stream::Stream;

use super::{HE, LEAKY, Units};
use crate::nets::onnx::{Graph, Value};
use crate::nets::{
    Activation, BatchNorm2d, ConvTranspose2d, Init, Linear, Mode, NetsError, Parameters, normal,
};

/// A linear layer to a few pixels, then units of batch norm, leaky ReLU and transposed convolution, each of which
/// doubles the side; the last one ends in tanh.
///
/// Latent vectors are `[n, latent]`, images `[n, 1, size, size]` in -1 to 1.
#[derive(Clone, Debug)]
pub struct Generator {
    /// Weights and running statistics.
    pub parameters: Parameters,
    /// Numbers in the latent vector.
    pub latent: usize,
    /// Feature maps behind the linear layer, and their side in px.
    first: [usize; 2],
    input: Linear,
    norms: Vec<BatchNorm2d>,
    units: Vec<ConvTranspose2d>,
}

/// Latent vectors in one batch, and batches, over which the running statistics are measured anew.
const SETTLING: (usize, usize) = (32, 24);

impl Generator {
    /// For images of `size_px` from feature maps of `start_px`: as many units as `shape` has feature maps before them.
    /// Where there are more than doublings in between, the first ones keep the side.
    pub fn new(
        latent: usize,
        shape: &Units,
        (start_px, size_px): (usize, usize),
        stream: &Stream,
        device: &Device,
    ) -> std::result::Result<Self, NetsError> {
        let mut parameters = Parameters::new(device);
        let p = &mut parameters;
        let (channels, count) = (&shape.channels, shape.channels.len());
        let first = [channels.first().copied().unwrap_or(1), start_px];
        let input = Linear::new(p, "input", latent, first[0] * start_px * start_px, HE, stream)?;
        let doublings = (size_px / start_px).ilog2() as usize;
        let (mut norms, mut units) = (Vec::new(), Vec::new());
        for (i, u) in (1..=count).rev().enumerate() {
            let widths = [channels[i], channels.get(i + 1).copied().unwrap_or(1)];
            norms.push(BatchNorm2d::new(p, &format!("norm.{u}"), widths[0], stream)?);
            // The first images are an even grey: noise there costs the critic its first steps.
            let init = if u == 1 { Init::Normal { std: 0.01 } } else { HE };
            let stride = if u > doublings { 1 } else { 2 };
            let unit =
                ConvTranspose2d::new(p, &format!("unit.{u}"), widths, shape.window(stride), init, stream)?;
            // An odd window would end a pixel short.
            units.push(unit.with_output_padding((stride - 1) * (shape.kernel_px % 2)));
        }
        Ok(Self { parameters, latent, first, input, norms, units })
    }

    /// The same generator, through which no gradient reaches the weights of its linear and convolution layers.
    pub fn frozen(&self) -> Self {
        Self {
            input: self.input.frozen(),
            units: self.units.iter().map(ConvTranspose2d::frozen).collect(),
            ..self.clone()
        }
    }

    /// Images in -1 to 1.
    pub fn forward(&self, z: &Tensor, mode: Mode) -> Result<Tensor> {
        let h = self.input.forward(z, Activation::Identity)?;
        let [_, side] = self.first;
        let mut h = h.reshape((z.dim(0)?, (), side, side))?;
        for (norm, unit) in self.norms.iter().zip(&self.units) {
            h = unit.forward(&norm.forward(&h, mode, LEAKY)?, Activation::Identity)?;
        }
        h.tanh()
    }

    /// As [`Generator::forward`], for inference.
    pub fn onnx(&self, graph: &mut Graph, z: &Value) -> Result<Value> {
        let h = self.input.onnx(graph, z, Activation::Identity)?;
        let mut h = graph.reshape(&h, &[self.first[0], self.first[1], self.first[1]]);
        for (norm, unit) in self.norms.iter().zip(&self.units) {
            let normed = norm.onnx(graph, &h, LEAKY)?;
            h = unit.onnx(graph, &normed, Activation::Identity)?;
        }
        Ok(graph.node("Tanh", &[&h], &[]))
    }

    /// Standard normal latent vectors `[n, latent]`.
    pub fn draw(&self, n: usize, stream: &mut Stream) -> Result<Tensor> {
        normal((n, self.latent), stream, self.parameters.device())
    }

    /// Brings the running statistics to the present weights, which no step in training mode has seen; of what they were
    /// before, 8 % is left.
    pub fn settle(&self, stream: &Stream) -> std::result::Result<(), NetsError> {
        let (n, batches) = SETTLING;
        let frozen = self.frozen();
        for i in 0..batches {
            frozen.forward(&self.draw(n, &mut stream.item("settle", i))?, Mode::Training)?;
        }
        Ok(())
    }
}
