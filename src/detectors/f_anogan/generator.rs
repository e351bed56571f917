//! The generator: an image from a latent vector.

use candle_core::{Device, Result, Tensor};
use generators::stream::Stream;

use super::{HE, LEAKY, NAME, WINDOW};
use crate::detectors::DetectorError;
use crate::detectors::fitting::halvings;
use crate::nets::onnx::{Graph, Value};
use crate::nets::{
    Activation, BatchNorm2d, ConvTranspose2d, Init, Linear, Mode, NetsError, Parameters, normal,
};

/// A linear layer to 4 px, then units of transposed convolution, batch norm and leaky ReLU; the last unit ends in
/// tanh instead.
///
/// Latent vectors are `[n, latent]`, images `[n, 1, size, size]` in -1 to 1.
#[derive(Clone, Debug)]
pub struct Generator {
    /// Weights and running statistics.
    pub parameters: Parameters,
    /// Numbers in the latent vector.
    pub latent: usize,
    /// Feature maps of 4 px x 4 px behind the linear layer.
    widest: usize,
    input: Linear,
    norms: Vec<BatchNorm2d>,
    units: Vec<ConvTranspose2d>,
}

/// Latent vectors in one batch, and batches, over which the running statistics are measured anew.
const SETTLING: (usize, usize) = (32, 24);

impl Generator {
    /// For images of `size_px`; widths mirror the critic's.
    pub fn new(
        latent: usize,
        channels: usize,
        size_px: usize,
        stream: &Stream,
        device: &Device,
    ) -> std::result::Result<Self, DetectorError> {
        let count = halvings(NAME, size_px)?;
        let mut parameters = Parameters::new(device);
        let p = &mut parameters;
        let width = |unit: usize| if unit == 0 { 1 } else { channels << (unit - 1) };
        let input = Linear::new(p, "input", latent, 16 * width(count), HE, stream)?;
        let (mut norms, mut units) = (Vec::new(), Vec::new());
        for u in (1..=count).rev() {
            norms.push(BatchNorm2d::new(p, &format!("norm.{u}"), width(u), stream)?);
            // The first images are an even grey: noise there costs the critic its first steps.
            let init = if u == 1 { Init::Normal { std: 0.01 } } else { HE };
            let widths = [width(u), width(u - 1)];
            units.push(ConvTranspose2d::new(p, &format!("unit.{u}"), widths, WINDOW, init, stream)?);
        }
        Ok(Self { parameters, latent, widest: width(count), input, norms, units })
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
        let mut h = h.reshape((z.dim(0)?, (), 4, 4))?;
        for (norm, unit) in self.norms.iter().zip(&self.units) {
            h = unit.forward(&norm.forward(&h, mode, LEAKY)?, Activation::Identity)?;
        }
        h.tanh()
    }

    /// As [`Generator::forward`], for inference.
    pub fn onnx(&self, graph: &mut Graph, z: &Value) -> Result<Value> {
        let h = self.input.onnx(graph, z, Activation::Identity)?;
        let mut h = graph.reshape(&h, &[self.widest, 4, 4]);
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

    /// Measures the running statistics anew for the present weights, which no step in
    /// training mode has seen.
    pub fn settle(&self, stream: &Stream) -> std::result::Result<(), NetsError> {
        let (n, batches) = SETTLING;
        let frozen = self.frozen();
        for i in 0..batches {
            frozen.forward(&self.draw(n, &mut stream.item("settle", i))?, Mode::Training)?;
        }
        Ok(())
    }
}
