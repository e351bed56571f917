//! Encoder and decoder, and what they leave over of an image.

use candle_core::{Device, Result, Tensor};
use generators::stream::Stream;

use super::{AutoEncoder, Loss, NAME};
use crate::detectors::DetectorError;
use crate::detectors::fitting::{GreyRange, halvings};
use crate::nets::onnx::{Graph, Value};
use crate::nets::{Activation, Conv2d, ConvTranspose2d, Init, NetsError, Parameters, Ssim, Window};

/// Halves or doubles a side.
const HALF: Window = Window::new(4, 2, 1);
/// Keeps a side.
const SAME: Window = Window::new(3, 1, 1);
/// All of what is left, 8 px x 8 px, to one vector and back.
const WHOLE: Window = Window::new(8, 8, 0);
const SLOPE: f32 = 0.2;
const LEAKY: Activation = Activation::LeakyRelu(SLOPE);
const HE: Init = Init::He { slope: SLOPE as f64 };

/// Convolutions 0 to 8: the side that each sees in px, the feature maps that it makes over `channels`, its window. All but the first,
/// which larger images need, are Conv1 to Conv8 of Zouar 2021, Table 4.
const CONVOLUTIONS: [(usize, usize, Window); 9] = [
    (256, 1, HALF),
    (128, 1, HALF),
    (64, 1, HALF),
    (32, 1, SAME),
    (32, 2, HALF),
    (16, 2, SAME),
    (16, 4, HALF),
    (8, 2, SAME),
    (8, 1, SAME),
];

/// Encoder and decoder, mirror images of each other.
pub struct Network {
    /// Grey values as the network sees them.
    pub range: GreyRange,
    /// Weights.
    pub parameters: Parameters,
    encoder: Vec<Conv2d>,
    decoder: Vec<ConvTranspose2d>,
    /// What compares an image with its reconstruction, where that is the structural similarity.
    ssim: Option<Ssim>,
}

impl Network {
    /// For images of `size_px` whose grey values lie in `range`.
    pub fn new(
        settings: &AutoEncoder,
        size_px: usize,
        range: GreyRange,
        stream: &Stream,
        device: &Device,
    ) -> std::result::Result<Self, DetectorError> {
        halvings(NAME, size_px)?;
        let mut parameters = Parameters::new(device);
        let p = &mut parameters;
        // Number, inputs and outputs, window of each convolution.
        let mut inputs = 1;
        let mut units = Vec::new();
        for (number, (side_px, times, window)) in CONVOLUTIONS.into_iter().enumerate() {
            if side_px <= size_px {
                let outputs = times * settings.channels;
                units.push((number, [inputs, outputs], window));
                inputs = outputs;
            }
        }
        units.push((CONVOLUTIONS.len(), [inputs, settings.latent], WHOLE));
        let encoder = units.iter().zip(inits(units.len())).map(|(&(number, channels, window), init)| {
            Conv2d::new(p, &format!("encoder.{number}"), channels, window, init, stream)
        });
        let encoder = encoder.collect::<std::result::Result<Vec<_>, NetsError>>()?;
        let decoder = units.iter().rev().zip(inits(units.len()));
        let decoder = decoder.map(|(&(number, [outputs, inputs], window), init)| {
            ConvTranspose2d::new(p, &format!("decoder.{number}"), [inputs, outputs], window, init, stream)
        });
        let decoder = decoder.collect::<std::result::Result<Vec<_>, NetsError>>()?;
        let ssim = match settings.loss {
            Loss::L2 => None,
            Loss::Ssim => Some(Ssim::new(size_px, device)?),
        };
        Ok(Self { range, parameters, encoder, decoder, ssim })
    }

    /// Images over their range, 0 to 1, to latent vectors `[n, latent]`.
    fn encode(&self, x: &Tensor) -> Result<Tensor> {
        let mut h = x.clone();
        for (layer, activation) in self.encoder.iter().zip(activations(self.encoder.len())) {
            h = layer.forward(&h, activation)?;
        }
        h.flatten_from(1)
    }

    /// Latent vectors to images over their range, which may lie beyond it.
    fn decode(&self, z: &Tensor) -> Result<Tensor> {
        let (n, latent) = z.dims2()?;
        let mut h = z.reshape((n, latent, 1, 1))?;
        for (layer, activation) in self.decoder.iter().zip(activations(self.decoder.len())) {
            h = layer.forward(&h, activation)?;
        }
        Ok(h)
    }

    /// The reconstructions of `images` `[n, 1, size, size]`, in grey values.
    pub fn reconstruct(&self, images: &Tensor) -> Result<Tensor> {
        self.range.grey_of_unit(&self.decode(&self.encode(&self.range.unit(images)?)?)?)
    }

    /// What training lowers, over the range of the grey values and averaged over all pixels of `images`: a scalar.
    pub fn loss(&self, images: &Tensor) -> Result<Tensor> {
        let x = self.range.unit(images)?;
        let y = self.decode(&self.encode(&x)?)?;
        match &self.ssim {
            None => (x - y)?.sqr()?.mean_all(),
            Some(ssim) => ssim.dissimilarity(&x, &y)?.mean_all(),
        }
    }

    /// What the reconstruction leaves over at each pixel of `images` `[n, 1, size, size]`: squared differences of grey values, or 1
    /// less the structural similarity. Beside it the latent vectors `[n, latent]`.
    pub fn residual(&self, images: &Tensor) -> Result<(Tensor, Tensor)> {
        let x = self.range.unit(images)?;
        let z = self.encode(&x)?;
        let y = self.decode(&z)?;
        let residual = match &self.ssim {
            None => (images - self.range.grey_of_unit(&y)?)?.sqr()?,
            Some(ssim) => ssim.dissimilarity(&x, &y)?,
        };
        Ok((residual, z))
    }

    /// As [`Network::residual`] of the images `x`.
    pub fn onnx(&self, graph: &mut Graph, images: &Value) -> Result<(Value, Value)> {
        let x = self.range.unit_onnx(graph, images);
        let mut h = x.clone();
        for (layer, activation) in self.encoder.iter().zip(activations(self.encoder.len())) {
            h = layer.onnx(graph, &h, activation)?;
        }
        let z = graph.node("Flatten", &[&h], &[]);
        for (layer, activation) in self.decoder.iter().zip(activations(self.decoder.len())) {
            h = layer.onnx(graph, &h, activation)?;
        }
        let residual = match &self.ssim {
            None => {
                let y = self.range.grey_of_unit_onnx(graph, &h);
                graph.squared_difference(images, &y)
            }
            Some(ssim) => ssim.onnx(graph, &x, &h)?,
        };
        Ok((residual, z))
    }
}

/// Those of `layers` layers: the last one is linear.
fn activations(layers: usize) -> impl Iterator<Item = Activation> {
    (1..=layers).map(move |layer| if layer == layers { Activation::Identity } else { LEAKY })
}

/// What their weights start with.
fn inits(layers: usize) -> impl Iterator<Item = Init> {
    activations(layers).map(|activation| if activation == LEAKY { HE } else { Init::Kaiming })
}
