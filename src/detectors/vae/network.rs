//! Encoder and decoder, and the loss that trains them.

use candle_core::{Device, Tensor};
use generators::stream::Stream;

use super::{NAME, Vae};
use crate::detectors::DetectorError;
use crate::detectors::fitting::{GreyRange, halvings};
use crate::nets::onnx::{Graph, Value};
use crate::nets::{
    Activation, Conv2d, ConvTranspose2d, Init, Linear, NetsError, Parameters, Window,
    binary_cross_entropy_with_logits,
};

/// Halves or doubles a side.
const WINDOW: Window = Window::new(4, 2, 1);
const SLOPE: f32 = 0.1;
const LEAKY: Activation = Activation::LeakyRelu(SLOPE);
const HE: Init = Init::He { slope: SLOPE as f64 };
/// Encoder and decoder. At 64 px the encoder has three units and the decoder four: the encoder stops at 8 px, the
/// decoder starts at 4 px.
#[derive(Debug)]
pub struct Network {
    /// Grey values as the network sees them.
    pub range: GreyRange,
    /// Weights.
    pub parameters: Parameters,
    /// Feature maps of 4 px x 4 px behind the decoder's linear layer.
    widest: usize,
    encoder: Vec<Conv2d>,
    to_latent: Linear,
    from_latent: Linear,
    decoder: Vec<ConvTranspose2d>,
    /// Numbers in the latent vector.
    pub latent: usize,
}

impl Network {
    /// For images of `size_px` whose grey values lie in `range`.
    pub fn new(
        settings: &Vae,
        size_px: usize,
        range: GreyRange,
        stream: &Stream,
        device: &Device,
    ) -> Result<Self, DetectorError> {
        let halvings = halvings(NAME, size_px)?;
        let (channels, latent) = (settings.channels, settings.latent);
        let mut parameters = Parameters::new(device);
        let p = &mut parameters;
        let width = |unit: usize| if unit == 0 { 1 } else { channels << (unit - 1) };
        let encoder = (1..halvings)
            .map(|u| Conv2d::new(p, &format!("encoder.{u}"), [width(u - 1), width(u)], WINDOW, HE, stream))
            .collect::<Result<Vec<_>, NetsError>>()?;
        let flat = width(halvings - 1) * 64;
        let to_latent = Linear::new(p, "encoder.latent", flat, 2 * latent, Init::Kaiming, stream)?;
        let from_latent = Linear::new(p, "decoder.latent", latent, width(halvings) * 16, HE, stream)?;
        let decoder = (1..=halvings)
            .rev()
            .map(|u| {
                let init = if u == 1 { Init::Kaiming } else { HE };
                let widths = [width(u), width(u - 1)];
                ConvTranspose2d::new(p, &format!("decoder.{u}"), widths, WINDOW, init, stream)
            })
            .collect::<Result<Vec<_>, NetsError>>()?;
        let widest = width(halvings);
        Ok(Self { range, parameters, widest, encoder, to_latent, from_latent, decoder, latent })
    }

    /// Mean and log-variance of the latent, each `[n, latent]`, of images over their range 0 to 1.
    pub fn encode(&self, x: &Tensor) -> candle_core::Result<(Tensor, Tensor)> {
        let mut h = x.clone();
        for unit in &self.encoder {
            h = unit.forward(&h, LEAKY)?;
        }
        let both = self.to_latent.forward(&h.flatten_from(1)?, Activation::Identity)?;
        Ok((both.narrow(1, 0, self.latent)?, both.narrow(1, self.latent, self.latent)?))
    }

    /// Logits of the images over their range `[n, 1, size, size]`.
    fn decode(&self, z: &Tensor) -> candle_core::Result<Tensor> {
        let h = self.from_latent.forward(z, LEAKY)?;
        let mut h = h.reshape((z.dim(0)?, (), 4, 4))?;
        for (i, unit) in self.decoder.iter().enumerate() {
            let last = i + 1 == self.decoder.len();
            h = unit.forward(&h, if last { Activation::Identity } else { LEAKY })?;
        }
        Ok(h)
    }

    /// The image that the mean latent stands for.
    pub fn reconstruct(&self, x: &Tensor) -> candle_core::Result<Tensor> {
        let (mean, _) = self.encode(&self.range.unit(x)?)?;
        self.range.grey_of_unit(&candle_nn::ops::sigmoid(&self.decode(&mean.contiguous()?)?)?)
    }

    /// As [`Network::reconstruct`].
    pub fn onnx(&self, graph: &mut Graph, x: &Value) -> candle_core::Result<Value> {
        let unit = self.range.unit_onnx(graph, x);
        let mut h = unit;
        for layer in &self.encoder {
            h = layer.onnx(graph, &h, LEAKY)?;
        }
        let flat = graph.node("Flatten", &[&h], &[]);
        let both = self.to_latent.onnx(graph, &flat, Activation::Identity)?;
        let mean = graph.first(&both, self.latent);
        let h = self.from_latent.onnx(graph, &mean, LEAKY)?;
        let mut h = graph.reshape(&h, &[self.widest, 4, 4]);
        for (i, layer) in self.decoder.iter().enumerate() {
            let last = i + 1 == self.decoder.len();
            h = layer.onnx(graph, &h, if last { Activation::Identity } else { LEAKY })?;
        }
        let share = graph.node("Sigmoid", &[&h], &[]);
        Ok(self.range.grey_of_unit_onnx(graph, &share))
    }
}

/// Cross entropy summed over the pixels and divergence summed over the latent, both averaged over the batch.
pub struct Loss {
    /// A scalar.
    pub cross_entropy: Tensor,
    /// A scalar, not weighted.
    pub divergence: Tensor,
}

impl Loss {
    /// `noise` `[n, latent]` is standard normal, or absent for the mean latent.
    pub fn of(network: &Network, x: &Tensor, noise: Option<&Tensor>) -> candle_core::Result<Self> {
        let n = x.dim(0)? as f64;
        let x = network.range.unit(x)?;
        let (mean, log_variance) = network.encode(&x)?;
        let z = match noise {
            Some(noise) => (&mean + (&log_variance * 0.5)?.exp()? * noise)?,
            None => mean.contiguous()?,
        };
        let cross_entropy = (binary_cross_entropy_with_logits(&network.decode(&z)?, &x)? / n)?;
        // KL(N(mean, variance) || N(0, 1)), appendix B of Kingma and Welling.
        let inner = ((&log_variance + 1.0)? - mean.sqr()? - log_variance.exp()?)?;
        let divergence = (inner.sum_all()? * (-0.5 / n))?;
        Ok(Self { cross_entropy, divergence })
    }
}
