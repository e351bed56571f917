//! Encoder and decoder, and the loss that trains them.

use candle_core::{Device, Tensor};
use generators::stream::Stream;

use super::{NAME, Vae};
use crate::data::Context;
use crate::detectors::DetectorError;
use crate::detectors::fitting::{GreyRange, Seen, halvings};
use crate::nets::onnx::{Graph, Value};
use crate::nets::{
    Activation, Conv2d, ConvTranspose2d, Init, Linear, NetsError, Parameters, Window,
    binary_cross_entropy_with_logits,
};

/// Halves or doubles a side.
const WINDOW: Window = Window::new(4, 2, 1);
/// Keeps a side.
const SAME: Window = Window::new(3, 1, 1);
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
    /// What encoder and decoder see beside the image.
    pub context: Context,
    /// Joins what the decoder drew with the context, where there is any.
    join: Option<[Conv2d; 2]>,
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
        let (context, beside) = (settings.context, settings.context.channels());
        let inputs = |unit: usize| if unit == 1 { 1 + beside } else { width(unit - 1) };
        let encoder = (1..halvings)
            .map(|u| Conv2d::new(p, &format!("encoder.{u}"), [inputs(u), width(u)], WINDOW, HE, stream))
            .collect::<Result<Vec<_>, NetsError>>()?;
        let flat = width(halvings - 1) * 64;
        let to_latent = Linear::new(p, "encoder.latent", flat, 2 * latent, Init::Kaiming, stream)?;
        let from_latent = Linear::new(p, "decoder.latent", latent, width(halvings) * 16, HE, stream)?;
        let decoder = (1..=halvings)
            .rev()
            .map(|u| {
                let last = u == 1 && beside == 0;
                let init = if last { Init::Kaiming } else { HE };
                let widths = [width(u), if last { 1 } else { width(u.max(2) - 1) }];
                ConvTranspose2d::new(p, &format!("decoder.{u}"), widths, WINDOW, init, stream)
            })
            .collect::<Result<Vec<_>, NetsError>>()?;
        let widest = width(halvings);
        let join = match beside {
            0 => None,
            _ => Some([
                Conv2d::new(p, "join.1", [width(1) + beside, width(1)], SAME, HE, stream)?,
                Conv2d::new(p, "join.2", [width(1), 1], SAME, Init::Kaiming, stream)?,
            ]),
        };
        let network = Self {
            range,
            parameters,
            widest,
            encoder,
            to_latent,
            from_latent,
            decoder,
            context,
            join,
            latent,
        };
        Ok(network)
    }

    /// The images over their range 0 to 1, and their context with its images over the same range.
    fn unit(&self, view: &Seen) -> candle_core::Result<Seen> {
        let images = self.range.unit(&view.images)?;
        let context = match &view.context {
            None => None,
            Some(context) => {
                let (slices, layers) = (self.context.slices(), self.context.layers);
                let mut parts = vec![context.narrow(1, 0, slices)?];
                if layers > 0 {
                    parts.push(self.range.unit(&context.narrow(1, slices, layers)?)?);
                }
                parts.retain(|part| part.elem_count() > 0);
                Some(Tensor::cat(&parts, 1)?)
            }
        };
        Ok(Seen { images, context })
    }

    /// Mean and log-variance of the latent, each `[n, latent]`.
    pub fn encode(&self, view: &Seen) -> candle_core::Result<(Tensor, Tensor)> {
        self.encode_unit(&self.unit(view)?)
    }

    fn encode_unit(&self, view: &Seen) -> candle_core::Result<(Tensor, Tensor)> {
        let mut h = match &view.context {
            None => view.images.clone(),
            Some(context) => Tensor::cat(&[&view.images, context], 1)?,
        };
        for unit in &self.encoder {
            h = unit.forward(&h, LEAKY)?;
        }
        let both = self.to_latent.forward(&h.flatten_from(1)?, Activation::Identity)?;
        Ok((both.narrow(1, 0, self.latent)?, both.narrow(1, self.latent, self.latent)?))
    }

    /// Logits of the images over their range `[n, 1, size, size]`.
    fn decode(&self, z: &Tensor, context: Option<&Tensor>) -> candle_core::Result<Tensor> {
        let h = self.from_latent.forward(z, LEAKY)?;
        let mut h = h.reshape((z.dim(0)?, (), 4, 4))?;
        for (i, unit) in self.decoder.iter().enumerate() {
            let last = i + 1 == self.decoder.len() && self.join.is_none();
            h = unit.forward(&h, if last { Activation::Identity } else { LEAKY })?;
        }
        if let (Some([first, second]), Some(context)) = (&self.join, context) {
            let both = Tensor::cat(&[&h, context], 1)?;
            h = second.forward(&first.forward(&both, LEAKY)?, Activation::Identity)?;
        }
        Ok(h)
    }

    /// The image that the mean latent stands for.
    pub fn reconstruct(&self, view: &Seen) -> candle_core::Result<Tensor> {
        let view = self.unit(view)?;
        let (mean, _) = self.encode_unit(&view)?;
        let logits = self.decode(&mean.contiguous()?, view.context.as_ref())?;
        self.range.grey_of_unit(&candle_nn::ops::sigmoid(&logits)?)
    }

    /// As [`Network::reconstruct`] of the images `x` with the context `c`.
    pub fn onnx(&self, graph: &mut Graph, x: &Value, c: Option<&Value>) -> candle_core::Result<Value> {
        let mut h = self.range.unit_onnx(graph, x);
        let mut beside = Vec::new();
        if let Some(c) = c {
            let (slices, layers) = (self.context.slices(), self.context.layers);
            if slices > 0 {
                beside.push(graph.channels(c, 0, slices));
            }
            if layers > 0 {
                let images = graph.channels(c, slices, layers);
                beside.push(self.range.unit_onnx(graph, &images));
            }
            h = graph.side_by_side(&[vec![h], beside.clone()].concat());
        }
        for layer in &self.encoder {
            h = layer.onnx(graph, &h, LEAKY)?;
        }
        let flat = graph.node("Flatten", &[&h], &[]);
        let both = self.to_latent.onnx(graph, &flat, Activation::Identity)?;
        let mean = graph.channels(&both, 0, self.latent);
        let h = self.from_latent.onnx(graph, &mean, LEAKY)?;
        let mut h = graph.reshape(&h, &[self.widest, 4, 4]);
        for (i, layer) in self.decoder.iter().enumerate() {
            let last = i + 1 == self.decoder.len() && self.join.is_none();
            h = layer.onnx(graph, &h, if last { Activation::Identity } else { LEAKY })?;
        }
        if let Some([first, second]) = &self.join {
            let both = graph.side_by_side(&[vec![h], beside].concat());
            let drawn = first.onnx(graph, &both, LEAKY)?;
            h = second.onnx(graph, &drawn, Activation::Identity)?;
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
    pub fn of(network: &Network, view: &Seen, noise: Option<&Tensor>) -> candle_core::Result<Self> {
        let n = view.images.dim(0)? as f64;
        let view = network.unit(view)?;
        let (mean, log_variance) = network.encode_unit(&view)?;
        let z = match noise {
            Some(noise) => (&mean + (&log_variance * 0.5)?.exp()? * noise)?,
            None => mean.contiguous()?,
        };
        let cross_entropy =
            (binary_cross_entropy_with_logits(&network.decode(&z, view.context.as_ref())?, &view.images)?
                / n)?;
        // KL(N(mean, variance) || N(0, 1)), appendix B of Kingma and Welling.
        let inner = ((&log_variance + 1.0)? - mean.sqr()? - log_variance.exp()?)?;
        let divergence = (inner.sum_all()? * (-0.5 / n))?;
        Ok(Self { cross_entropy, divergence })
    }
}
