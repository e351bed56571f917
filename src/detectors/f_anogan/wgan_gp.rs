//! Training of critic and generator: the Wasserstein loss with gradient penalty (Gulrajani et al. 2017).

use candle_core::{Device, Tensor};
use generators::stream::Stream;

use super::critic::Critic;
use super::generator::Generator;
use super::{FAnoGan, GreyRange};
use crate::data::{Batches, ImageSet};
use crate::detectors::fitting::{Losses, Trainee, batch, decayed};
use crate::detectors::{DetectorError, Run, Snapshot};
use crate::nets::{Adam, Mode, Parameters, uniform};

/// Images in one snapshot.
const SHOWN: usize = 16;
/// Moments of the training at which a snapshot is taken, as a share of all steps.
const MOMENTS: [f64; 6] = [0.02, 0.05, 0.12, 0.3, 0.6, 1.0];

/// Images of a fixed latent over the training.
#[derive(Debug)]
pub struct Snapshots {
    /// One buffer per moment, so that they are saved with the networks.
    pub parameters: Parameters,
    moments: Vec<(usize, candle_core::Var)>,
    size_px: usize,
}

impl Snapshots {
    /// For a training of `steps` steps.
    pub fn new(steps: usize, size_px: usize) -> Result<Self, DetectorError> {
        let mut parameters = Parameters::new(&Device::Cpu);
        let mut at: Vec<usize> =
            MOMENTS.iter().map(|m| ((m * steps as f64).ceil() as usize).max(1)).collect();
        at.dedup();
        let mut moments = Vec::new();
        for step in at {
            let name = format!("step.{step}");
            moments.push((step, parameters.buffer(&name, (SHOWN, 1, size_px, size_px), 0.0)?));
        }
        Ok(Self { parameters, moments, size_px })
    }

    fn at(&self, step: usize) -> Option<&candle_core::Var> {
        self.moments.iter().find(|(moment, _)| *moment == step).map(|(_, images)| images)
    }

    /// All of them, as plain pixels.
    pub fn images(&self) -> Result<Vec<Snapshot>, DetectorError> {
        let plain = |(step, images): &(usize, candle_core::Var)| {
            let pixels = images.flatten_all()?.to_vec1()?;
            Ok(Snapshot { step: *step, size_px: self.size_px, pixels })
        };
        self.moments.iter().map(plain).collect()
    }
}

/// Critic, generator, and the generator's average that is kept in the end.
pub struct Training<'a> {
    settings: &'a FAnoGan,
    critic: (&'a Critic, &'a Parameters, Adam),
    generator: (Generator, Adam),
    average: &'a Generator,
    snapshots: &'a Snapshots,
    images: &'a ImageSet,
    range: GreyRange,
    batches: Batches,
    stream: Stream,
}

impl<'a> Training<'a> {
    pub fn new(
        settings: &'a FAnoGan,
        (critic, critic_parameters): (&'a Critic, &'a Parameters),
        average: &'a Generator,
        snapshots: &'a Snapshots,
        (images, range): (&'a ImageSet, GreyRange),
        run: &Run<'_>,
    ) -> Result<Self, DetectorError> {
        let weights = run.stream.child("generator");
        let generator = Generator::new(settings.latent, settings.channels, images.size_px, &weights)?;
        let adam = |parameters| Adam::new(parameters, settings.learning_rate, 0.0, 0.9);
        Ok(Self {
            settings,
            critic: (critic, critic_parameters, adam(critic_parameters)?),
            generator: {
                let adam = adam(&generator.parameters)?;
                (generator, adam)
            },
            average,
            snapshots,
            images,
            range,
            batches: Batches::new(run.stream.child("batches"), images.len(), settings.batch),
            stream: run.stream.child("wgan-gp"),
        })
    }

    /// One step of the critic on batch `index`: its loss, the Wasserstein estimate and the penalty.
    fn criticise(&mut self, index: usize, stream: &Stream) -> Result<[f64; 3], DetectorError> {
        let real = self.range.centred(&batch(self.images, self.batches.batch(index))?)?;
        let n = real.dim(0)?;
        let z = self.generator.0.draw(n, &mut stream.child("latent"))?;
        let fake = self.generator.0.forward(&z, Mode::Training)?.detach();

        let (critic, _, adam) = &mut self.critic;
        let masks = critic.masks(2 * n, self.settings.dropout, &mut stream.child("dropout"))?;
        let both = critic.forward(&Tensor::cat(&[&real, &fake], 0)?, &masks)?;
        let distance = (both.narrow(0, 0, n)?.mean_all()? - both.narrow(0, n, n)?.mean_all()?)?;

        // One factor per sample: a point on the line between one real and one generated image.
        let share = uniform((n, 1, 1, 1), 0.0, 1.0, &mut stream.child("mix"), &Device::Cpu)?;
        let between = (&fake + (&real - &fake)?.broadcast_mul(&share)?)?;
        let masks = critic.masks(n, self.settings.dropout, &mut stream.child("penalty dropout"))?;
        let gradient = critic.input_gradient(&between, &masks)?;
        // The root's derivative at 0 is infinite.
        let norm = (gradient.sqr()?.flatten_from(1)?.sum(1)? + 1e-12)?.sqrt()?;
        let penalty = (norm - 1.0)?.sqr()?.mean_all()?;

        let loss = ((&penalty * self.settings.gradient_penalty)? - &distance)?;
        adam.step(&loss.backward()?)?;
        let scalar = |t: &Tensor| t.to_scalar::<f32>().map(f64::from);
        Ok([scalar(&loss)?, scalar(&distance)?, scalar(&penalty)?])
    }

    /// One step of the generator: its loss.
    fn generate(&mut self, stream: &Stream) -> Result<f64, DetectorError> {
        let n = self.batches.size();
        let (generator, adam) = &mut self.generator;
        let fake = generator.forward(&generator.draw(n, &mut stream.child("latent"))?, Mode::Training)?;
        let critic = self.critic.0.frozen();
        let masks = critic.masks(n, self.settings.dropout, &mut stream.child("dropout"))?;
        let loss = critic.forward(&fake, &masks)?.mean_all()?.neg()?;
        adam.step(&loss.backward()?)?;
        Ok(f64::from(loss.to_scalar::<f32>()?))
    }
}

impl Trainee for Training<'_> {
    fn step(&mut self, step: usize) -> Result<Losses, DetectorError> {
        let settings = self.settings;
        let rate = decayed(settings.learning_rate, step, settings.steps);
        self.critic.2.learning_rate = rate;
        self.generator.1.learning_rate = rate;
        let stream = self.stream.item("step", step);
        let mut means = [0.0; 3];
        for i in 0..settings.critic_steps {
            let values = self.criticise(step * settings.critic_steps + i, &stream.item("critic", i))?;
            for (mean, value) in means.iter_mut().zip(values) {
                *mean += value / settings.critic_steps as f64;
            }
        }
        let loss = self.generate(&stream.child("generator"))?;
        // The first averages are short: later weights are better than the first ones.
        let keep = settings.average.min((1.0 + step as f64) / (10.0 + step as f64));
        self.average.follow(&self.generator.0, keep)?;
        if let Some(images) = self.snapshots.at(step + 1) {
            self.average.settle(&self.stream)?;
            let z = self.average.draw(SHOWN, &mut self.stream.child("shown"))?;
            images.set(&self.range.grey(&self.average.forward(&z, Mode::Inference)?)?.detach())?;
        }
        let [critic, distance, penalty] = means;
        Ok(vec![
            ("critic loss", critic),
            ("Wasserstein estimate", distance),
            ("gradient penalty", penalty),
            ("generator loss", loss),
        ])
    }

    fn parts(&mut self) -> (Vec<(&'static str, &Parameters)>, Vec<(&'static str, &mut Adam)>) {
        let networks = vec![
            ("critic", self.critic.1),
            ("generator", &self.generator.0.parameters),
            ("average", &self.average.parameters),
            ("snapshots", &self.snapshots.parameters),
        ];
        (networks, vec![("critic", &mut self.critic.2), ("generator", &mut self.generator.1)])
    }
}
