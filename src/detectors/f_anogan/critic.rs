//! The critic: how real an image looks, its features, and its exact input gradient.

use candle_core::{Device, Result, Tensor};
use generators::stream::Stream;

use super::{HE, LEAKY, NAME, WINDOW};
use crate::detectors::DetectorError;
use crate::detectors::fitting::halvings;
use crate::nets::{Activation, Conv2d, Init, Linear, NetsError, Parameters, dropout_mask};

/// Units of convolution, leaky ReLU and dropout down to 4 px, then one linear output. No batch norm: it
/// would mix the samples that the gradient penalty takes apart (Gulrajani et al. 2017, section 4).
///
/// Images are in -1 to 1.
#[derive(Clone, Debug)]
pub struct Critic {
    units: Vec<Conv2d>,
    output: Linear,
    size_px: usize,
    channels: usize,
}

/// One dropout mask per unit, `[n, channels, size, size]`; empty where nothing is dropped.
pub type Masks = Vec<Tensor>;

impl Critic {
    /// For images of `size_px`; unit u has `channels` * 2^u feature maps.
    pub fn new(
        parameters: &mut Parameters,
        channels: usize,
        size_px: usize,
        stream: &Stream,
    ) -> std::result::Result<Self, DetectorError> {
        let count = halvings(NAME, size_px)?;
        let width = |unit: usize| if unit == 0 { 1 } else { channels << (unit - 1) };
        let units = (1..=count)
            .map(|u| {
                let widths = [width(u - 1), width(u)];
                Conv2d::new(parameters, &format!("unit.{u}"), widths, WINDOW, HE, stream)
            })
            .collect::<std::result::Result<Vec<_>, NetsError>>()?;
        let output = Linear::new(parameters, "output", 16 * width(count), 1, Init::Kaiming, stream)?;
        Ok(Self { units, output, size_px, channels })
    }

    /// The same critic, through which no gradient reaches the weights.
    pub fn frozen(&self) -> Self {
        Self {
            units: self.units.iter().map(Conv2d::frozen).collect(),
            output: self.output.frozen(),
            ..self.clone()
        }
    }

    /// Masks for `n` images.
    pub fn masks(&self, n: usize, dropout: f64, stream: &mut Stream) -> Result<Masks> {
        if dropout == 0.0 {
            return Ok(Masks::new());
        }
        let mask = |unit| {
            let (channels, side) = (self.channels << unit, self.size_px >> (unit + 1));
            dropout_mask((n, channels, side, side), dropout, stream, &Device::Cpu)
        };
        (0..self.units.len()).map(mask).collect()
    }

    /// The result of every unit before dropout, the last one after it as well.
    fn activations(&self, x: &Tensor, masks: &[Tensor]) -> Result<(Vec<Tensor>, Tensor)> {
        let mut results = Vec::with_capacity(self.units.len());
        let mut h = x.clone();
        for (i, unit) in self.units.iter().enumerate() {
            let y = unit.forward(&h, LEAKY)?;
            h = match masks.get(i) {
                Some(mask) => (&y * mask)?,
                None => y.clone(),
            };
            results.push(y);
        }
        Ok((results, h))
    }

    /// D_f: the last feature maps, 4 px x 4 px each, as vectors `[n, features]`.
    pub fn features(&self, x: &Tensor, masks: &[Tensor]) -> Result<Tensor> {
        self.activations(x, masks)?.1.flatten_from(1)
    }

    /// How real each image looks: `[n]`.
    pub fn forward(&self, x: &Tensor, masks: &[Tensor]) -> Result<Tensor> {
        self.output.forward(&self.features(x, masks)?, Activation::Identity)?.squeeze(1)
    }

    /// The gradient of [`Critic::forward`] with respect to each image `[n, 1, size, size]`, written forwards:
    /// the weights' gradient of anything made of it is exact (the leaky ReLU's slopes are constant almost everywhere).
    pub fn input_gradient(&self, x: &Tensor, masks: &[Tensor]) -> Result<Tensor> {
        let (results, last) = self.frozen().activations(x, masks)?;
        let n = x.dim(0)?;
        let one = Tensor::ones((n, 1), x.dtype(), x.device())?;
        let mut gradient =
            self.output.input_gradient(&one, &one, Activation::Identity)?.reshape(last.dims())?;
        for (i, unit) in self.units.iter().enumerate().rev() {
            if let Some(mask) = masks.get(i) {
                gradient = (gradient * mask)?;
            }
            let side = self.size_px >> i;
            gradient = unit.input_gradient(&gradient, &results[i], LEAKY, [side, side])?;
        }
        Ok(gradient)
    }
}
