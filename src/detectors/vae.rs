//! A convolutional variational autoencoder, scored by its reconstruction (Kingma and Welling 2014; Zeiser et al. 2023, Table 1).
//!
//! Trained on healthy images it learns to redraw those: what it cannot redraw is anomalous.

use candle_core::{Device, Tensor};
use generators::params::{ScenarioError, Table};
use generators::registry::Kind;
use generators::stream::Stream;

use super::fitting::{
    GreyRange, Losses, Residuals, Stage, Trainee, batch, chunks, decayed, finish, finished, halvings,
    squared_error, validates,
};
use super::{Detector, DetectorError, Fitted, Outputs, Run, Scorer, Scores};
use crate::data::{Batches, ImageSet};
use crate::nets::{
    Activation, Adam, Conv2d, ConvTranspose2d, Init, Linear, NetsError, Parameters, Window,
    binary_cross_entropy_with_logits, normal,
};

const NAME: &str = "vae";
/// Halves or doubles a side.
const WINDOW: Window = Window::new(4, 2, 1);
const SLOPE: f32 = 0.1;
const LEAKY: Activation = Activation::LeakyRelu(SLOPE);
const HE: Init = Init::He { slope: SLOPE as f64 };

/// The registry's entry.
pub const KIND: Kind<dyn Detector> = Kind {
    name: NAME,
    summary: "Convolutional variational autoencoder, scored by its reconstruction error",
    source: "Kingma and Welling 2014, arXiv:1312.6114; as in Zeiser et al. 2023, Table 1",
    example: "latent = 16\nchannels = 16\nsteps = 900\nbatch = 32\nlearning_rate = 0.003\nbeta = 0.005\ncheckpoint_steps = 200\n",
    build,
};

fn build(table: &mut Table) -> Result<Box<dyn Detector>, Box<ScenarioError>> {
    Ok(Box::new(Vae {
        latent: table.count("latent", Some(16), 1..=1024)?,
        channels: table.count("channels", Some(16), 1..=256)?,
        steps: table.count("steps", Some(900), 1..=usize::MAX)?,
        batch: table.count("batch", Some(32), 1..=4096)?,
        learning_rate: table.number("learning_rate", Some(3e-3), f64::MIN_POSITIVE..=f64::INFINITY)?,
        beta: table.number("beta", Some(0.005), 0.0..=f64::INFINITY)?,
        checkpoint_steps: table.count("checkpoint_steps", Some(200), 1..=usize::MAX)?,
    }))
}

/// The settings.
#[derive(Clone, Debug)]
struct Vae {
    /// Numbers in the latent vector.
    latent: usize,
    /// Feature maps of the first unit; each further unit has twice as many.
    channels: usize,
    /// Training steps.
    steps: usize,
    /// Images in one step.
    batch: usize,
    /// Adam's step size; constant for the first half of the training, then falling to 1 %.
    learning_rate: f64,
    /// Weight of the divergence. The cross entropy takes a grey value for the chance of a coin, of variance
    /// up to 0.25 where texture has 0.0001: at 1 the divergence wins, and the latent forgets what layer it sees.
    beta: f64,
    /// Steps between checkpoints.
    checkpoint_steps: usize,
}

/// Names of the scores.
const COMPONENTS: [&str; 2] = ["A_R", "A_R peak"];

impl Detector for Vae {
    fn outputs(&self) -> Outputs {
        Outputs { components: &COMPONENTS, features: &[] }
    }

    fn fit(
        &self,
        training: &ImageSet,
        validation: &ImageSet,
        run: &Run<'_>,
    ) -> Result<Fitted, DetectorError> {
        if training.is_empty() {
            return Err(DetectorError::NoImages { detector: NAME });
        }
        let network = Network::new(self, training, &run.stream.child("weights"))?;
        let residuals = Residuals::new(training.size_px)?;
        let saved = vec![(NAME, &network.parameters), ("residuals", residuals.parameters())];
        let history = match finished(run, &saved)? {
            Some(history) => history,
            None => {
                let stage = Stage {
                    detector: NAME,
                    name: NAME,
                    steps: self.steps,
                    checkpoint_steps: self.checkpoint_steps,
                };
                let history =
                    stage.train(&mut Training::new(self, &network, training, validation, run)?, run)?;
                // Healthy images that the network has not seen, where there are any.
                let healthy = if validation.is_empty() { training } else { validation };
                residuals.measure(chunks(healthy).map(|x| {
                    let x = x?;
                    (&x - network.reconstruct(&x)?)?.sqr()
                }))?;
                finish(run, &[stage], &saved, &history)?;
                history
            }
        };
        Ok(Fitted {
            curves: history.curves(),
            snapshots: Vec::new(),
            parameters: vec![(NAME.to_owned(), network.parameters.count())],
            scorer: Box::new(VaeScorer { network, residuals }),
        })
    }
}

/// Encoder and decoder. At 64 px the encoder has three units and the decoder four: the encoder stops at 8 px, the
/// decoder starts at 4 px.
#[derive(Debug)]
struct Network {
    size_px: usize,
    range: GreyRange,
    parameters: Parameters,
    encoder: Vec<Conv2d>,
    to_latent: Linear,
    from_latent: Linear,
    decoder: Vec<ConvTranspose2d>,
    latent: usize,
}

impl Network {
    fn new(settings: &Vae, training: &ImageSet, stream: &Stream) -> Result<Self, DetectorError> {
        let size_px = training.size_px;
        let halvings = halvings(NAME, size_px)?;
        let (channels, latent) = (settings.channels, settings.latent);
        let mut parameters = Parameters::new(&Device::Cpu);
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
        Ok(Self {
            size_px,
            range: GreyRange::of(training),
            parameters,
            encoder,
            to_latent,
            from_latent,
            decoder,
            latent,
        })
    }

    /// Mean and log-variance of the latent, each `[n, latent]`, of images over their range 0 to 1.
    fn encode(&self, x: &Tensor) -> candle_core::Result<(Tensor, Tensor)> {
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
    fn reconstruct(&self, x: &Tensor) -> candle_core::Result<Tensor> {
        let (mean, _) = self.encode(&self.range.unit(x)?)?;
        self.range.grey_of_unit(&candle_nn::ops::sigmoid(&self.decode(&mean.contiguous()?)?)?)
    }
}

/// Cross entropy summed over the pixels and divergence summed over the latent, both averaged over the batch.
struct Loss {
    cross_entropy: Tensor,
    divergence: Tensor,
}

impl Loss {
    /// `noise` `[n, latent]` is standard normal, or absent for the mean latent.
    fn of(network: &Network, x: &Tensor, noise: Option<&Tensor>) -> candle_core::Result<Self> {
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

struct Training<'a> {
    settings: &'a Vae,
    network: &'a Network,
    adam: Adam,
    training: &'a ImageSet,
    validation: &'a ImageSet,
    batches: Batches,
    stream: Stream,
}

impl<'a> Training<'a> {
    fn new(
        settings: &'a Vae,
        network: &'a Network,
        training: &'a ImageSet,
        validation: &'a ImageSet,
        run: &Run<'_>,
    ) -> Result<Self, DetectorError> {
        let adam = Adam::new(&network.parameters, settings.learning_rate, 0.9, 0.999)?;
        let batches = Batches::new(run.stream.child("batches"), training.len(), settings.batch);
        let stream = run.stream.child("noise");
        Ok(Self { settings, network, adam, training, validation, batches, stream })
    }

    fn validation_loss(&self) -> candle_core::Result<f64> {
        let (mut sum, mut count) = (0.0, 0);
        for x in chunks(self.validation) {
            let x = x?;
            let loss = Loss::of(self.network, &x, None)?;
            let total = (loss.cross_entropy + (loss.divergence * self.settings.beta)?)?;
            sum += f64::from(total.to_scalar::<f32>()?) * x.dim(0)? as f64;
            count += x.dim(0)?;
        }
        Ok(sum / count as f64)
    }
}

impl Trainee for Training<'_> {
    fn step(&mut self, step: usize) -> Result<Losses, DetectorError> {
        let x = batch(self.training, self.batches.batch(step))?;
        let shape = (x.dim(0)?, self.settings.latent);
        let noise = normal(shape, &mut self.stream.item("step", step), &Device::Cpu)?;
        let loss = Loss::of(self.network, &x, Some(&noise))?;
        let total = (&loss.cross_entropy + (&loss.divergence * self.settings.beta)?)?;
        self.adam.learning_rate = decayed(self.settings.learning_rate, step, self.settings.steps);
        self.adam.step(&total.backward()?)?;
        let scalar = |t: &Tensor| t.to_scalar::<f32>().map(f64::from);
        let mut losses = vec![
            ("training loss", scalar(&total)?),
            ("cross entropy", scalar(&loss.cross_entropy)?),
            ("divergence", scalar(&loss.divergence)?),
        ];
        if !self.validation.is_empty() && validates(step, self.settings.steps) {
            losses.push(("validation loss", self.validation_loss()?));
        }
        Ok(losses)
    }

    fn parts(&mut self) -> (Vec<(&'static str, &Parameters)>, Vec<(&'static str, &mut Adam)>) {
        (vec![(NAME, &self.network.parameters)], vec![(NAME, &mut self.adam)])
    }
}

struct VaeScorer {
    network: Network,
    residuals: Residuals,
}

impl Scorer for VaeScorer {
    fn score(&self, images: &ImageSet) -> Result<Scores, DetectorError> {
        let size = self.network.size_px;
        if images.size_px != size {
            let (expected, found) = (format!("{size} px"), images.size_px);
            return Err(DetectorError::Size { detector: NAME, expected, found });
        }
        let (mut mean, mut peak, mut maps) = (Vec::new(), Vec::new(), Vec::new());
        for x in chunks(images) {
            let x = x?;
            let y = self.network.reconstruct(&x)?;
            let residual = (&x - &y)?.sqr()?;
            mean.extend(squared_error(&x, &y)?.to_vec1::<f32>()?);
            peak.extend(self.residuals.peak(&residual)?.to_vec1::<f32>()?);
            maps.extend(residual.flatten_all()?.to_vec1::<f32>()?);
        }
        Ok(Scores {
            components: COMPONENTS.into_iter().zip([mean, peak]).collect(),
            features: Vec::new(),
            maps,
        })
    }
}
