//! The encoder: the latent vector of an image, trained with the critic and the generator frozen.

use candle_core::{Device, Result, Tensor};
use generators::stream::Stream;

use super::model::Frozen;
use super::{FAnoGan, HE, LEAKY, NAME, WINDOW};
use crate::data::{Batches, ImageSet};
use crate::detectors::fitting::{Losses, Trainee, batch, chunks, decayed, halvings, validates};
use crate::detectors::{DetectorError, Run};
use crate::nets::{Activation, Adam, Conv2d, Init, Linear, NetsError, Parameters, apply_mask, dropout_mask};

/// Units of convolution, leaky ReLU and dropout down to 8 px (three at 64 px), then a linear layer to the latent.
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
    ) -> std::result::Result<Self, DetectorError> {
        let count = halvings(NAME, size_px)? - 1;
        let mut parameters = Parameters::new(&Device::Cpu);
        let width = |unit: usize| if unit == 0 { 1 } else { settings.channels << (unit - 1) };
        let units = (1..=count)
            .map(|u| {
                let widths = [width(u - 1), width(u)];
                Conv2d::new(&mut parameters, &format!("unit.{u}"), widths, WINDOW, HE, stream)
            })
            .collect::<std::result::Result<Vec<_>, NetsError>>()?;
        let flat = 64 * width(count);
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
}

/// The anomaly score itself is the loss (Zeiser et al. 2023, section 5.1; izi_f of Schlegl et al. 2019).
pub struct Training<'a> {
    settings: &'a FAnoGan,
    encoder: &'a Encoder,
    adam: Adam,
    frozen: &'a Frozen,
    training: &'a ImageSet,
    validation: &'a ImageSet,
    batches: Batches,
    stream: Stream,
}

impl<'a> Training<'a> {
    pub fn new(
        settings: &'a FAnoGan,
        encoder: &'a Encoder,
        frozen: &'a Frozen,
        training: &'a ImageSet,
        validation: &'a ImageSet,
        run: &Run<'_>,
    ) -> std::result::Result<Self, DetectorError> {
        let adam = Adam::new(&encoder.parameters, settings.encoder_learning_rate, 0.9, 0.999)?;
        let batches = Batches::new(run.stream.child("encoder batches"), training.len(), settings.batch);
        let stream = run.stream.child("encoder");
        Ok(Self { settings, encoder, adam, frozen, training, validation, batches, stream })
    }

    fn validation_loss(&self) -> Result<f64> {
        let mut sum = 0.0;
        for x in chunks(self.validation) {
            let x = x?;
            let z = self.encoder.forward(&self.frozen.range.centred(&x)?, None)?;
            let score = self.frozen.score(&x, &z)?.combined(self.settings.lambda)?;
            sum += f64::from(score.sum_all()?.to_scalar::<f32>()?);
        }
        Ok(sum / self.validation.len() as f64)
    }
}

impl Trainee for Training<'_> {
    fn step(&mut self, step: usize) -> std::result::Result<Losses, DetectorError> {
        let settings = self.settings;
        self.adam.learning_rate = decayed(settings.encoder_learning_rate, step, settings.encoder_steps);
        let x = batch(self.training, self.batches.batch(step))?;
        let mut stream = self.stream.item("step", step);
        let z = self
            .encoder
            .forward(&self.frozen.range.centred(&x)?, Some((settings.encoder_dropout, &mut stream)))?;
        let loss = self.frozen.score(&x, &z)?.combined(settings.lambda)?.mean_all()?;
        self.adam.step(&loss.backward()?)?;
        let mut losses = vec![("training loss", f64::from(loss.to_scalar::<f32>()?))];
        if !self.validation.is_empty() && validates(step, settings.encoder_steps) {
            losses.push(("validation loss", self.validation_loss()?));
        }
        Ok(losses)
    }

    fn parts(&mut self) -> (Vec<(&'static str, &Parameters)>, Vec<(&'static str, &mut Adam)>) {
        (vec![("encoder", &self.encoder.parameters)], vec![("encoder", &mut self.adam)])
    }
}
