//! The encoder: the latent vector of an image, trained with the critic and the generator frozen.

use candle_core::{Device, Result, Tensor};
use generators::stream::Stream;

use super::FAnoGan;
use super::model::Frozen;
use crate::data::ImageSet;
use crate::detectors::fitting::chunks;
use crate::detectors::gan::{HE, LEAKY};
use crate::detectors::training::{Batch, DIVERSE, Losses, Networks, Optimisers, Sign, Trainee, diversity};
use crate::detectors::{DetectorError, Run};
use crate::nets::onnx::{Graph, Value};
use crate::nets::{
    Activation, Adam, Conv2d, Init, Linear, Mode, NetsError, Parameters, Window, apply_mask, dropout_mask,
};

/// Halves a side.
const WINDOW: Window = Window::new(4, 2, 1);

/// Units of convolution, leaky ReLU and dropout, each of which halves the side, then a linear layer to the latent.
#[derive(Clone, Debug)]
pub struct Encoder {
    /// Weights.
    pub parameters: Parameters,
    units: Vec<Conv2d>,
    output: Linear,
}

impl Encoder {
    /// For images of `size_px`.
    pub fn new(
        settings: &FAnoGan,
        size_px: usize,
        stream: &Stream,
        device: &Device,
    ) -> std::result::Result<Self, DetectorError> {
        let count = settings.encoder_units(size_px)?;
        let mut parameters = Parameters::new(device);
        let width = |unit: usize| if unit == 0 { 1 } else { settings.channels << (unit - 1) };
        let units = (1..=count)
            .map(|u| {
                let widths = [width(u - 1), width(u)];
                Conv2d::new(&mut parameters, &format!("unit.{u}"), widths, WINDOW, HE, stream)
            })
            .collect::<std::result::Result<Vec<_>, NetsError>>()?;
        let flat = (size_px >> count).pow(2) * width(count);
        let output = Linear::new(&mut parameters, "output", flat, settings.latent, Init::Kaiming, stream)?;
        Ok(Self { parameters, units, output })
    }

    /// Images `[n, 1, size, size]` in -1 to 1 to latent vectors `[n, latent]`; `dropout` is its probability and
    /// where the masks come from, `None` for inference.
    pub fn forward(&self, x: &Tensor, mut dropout: Option<(f64, &mut Stream)>) -> Result<Tensor> {
        let mut h = x.clone();
        for unit in &self.units {
            h = unit.forward(&h, LEAKY)?;
            if let Some((probability, stream)) = dropout.as_mut()
                && *probability > 0.0
            {
                h = apply_mask(&h, &dropout_mask(h.dims(), *probability, stream, h.device())?)?;
            }
        }
        self.output.forward(&h.flatten_from(1)?, Activation::Identity)
    }

    /// As [`Encoder::forward`], for inference.
    pub fn onnx(&self, graph: &mut Graph, x: &Value) -> Result<Value> {
        let mut h = x.clone();
        for unit in &self.units {
            h = unit.onnx(graph, &h, LEAKY)?;
        }
        let flat = graph.node("Flatten", &[&h], &[]);
        self.output.onnx(graph, &flat, Activation::Identity)
    }
}

/// The anomaly score itself is the loss (Zeiser et al. 2023, section 5.1; izi_f of Schlegl et al. 2019).
pub struct Training<'a> {
    settings: &'a FAnoGan,
    encoder: &'a Encoder,
    adam: Adam,
    frozen: &'a Frozen,
    validation: &'a ImageSet,
    stream: Stream,
}

impl<'a> Training<'a> {
    pub fn new(
        settings: &'a FAnoGan,
        encoder: &'a Encoder,
        frozen: &'a Frozen,
        validation: &'a ImageSet,
        run: &Run<'_>,
    ) -> std::result::Result<Self, DetectorError> {
        let adam = Adam::new(&encoder.parameters, settings.encoder.learning_rate, 0.9, 0.999)?;
        Ok(Self { settings, encoder, adam, frozen, validation, stream: run.stream.child("encoder") })
    }

    fn held_out(&self) -> impl Iterator<Item = Result<Tensor>> + '_ {
        chunks(self.validation, self.encoder.parameters.device())
    }
}

impl Trainee for Training<'_> {
    fn step(&mut self, step: usize, batches: &[Batch]) -> std::result::Result<Losses, DetectorError> {
        let x = &batches[0].images;
        let mut stream = self.stream.item("step", step);
        let dropout = (self.settings.encoder_dropout, &mut stream);
        let z = self.encoder.forward(&self.frozen.range.centred(x)?, Some(dropout))?;
        let loss = self.frozen.score(x, &z)?.combined(self.settings.lambda)?.mean_all()?;
        self.adam.step(&loss.backward()?)?;
        Ok(vec![("training loss", f64::from(loss.to_scalar::<f32>()?))])
    }

    fn validate(&mut self) -> std::result::Result<Losses, DetectorError> {
        let mut sum = 0.0;
        for x in self.held_out() {
            let x = x?;
            let z = self.encoder.forward(&self.frozen.range.centred(&x)?, None)?;
            let score = self.frozen.score(&x, &z)?.combined(self.settings.lambda)?;
            sum += f64::from(score.sum_all()?.to_scalar::<f32>()?);
        }
        let count = self.validation.len();
        Ok(if count == 0 { Losses::new() } else { vec![("validation loss", sum / count as f64)] })
    }

    fn signs(&mut self) -> std::result::Result<Vec<Sign>, DetectorError> {
        // A few images tell.
        let Some(x) = self.held_out().next().transpose()?.filter(|x| x.dims()[0] > 1) else {
            return Ok(Vec::new());
        };
        let z = self.encoder.forward(&self.frozen.range.centred(&x)?, None)?;
        let made = self.frozen.range.grey(&self.frozen.generator.forward(&z, Mode::Inference)?)?;
        Ok(vec![Sign { name: "reconstruction diversity", value: diversity(&made, &x)?, bound: DIVERSE }])
    }

    fn parts(&mut self) -> (Networks<'_>, Optimisers<'_>) {
        (vec![("encoder", &self.encoder.parameters)], vec![("encoder", &mut self.adam)])
    }
}
