//! Training of critic and generator: the Wasserstein loss with gradient penalty (Gulrajani et al. 2017).

use candle_core::{Device, Tensor};
use generators::stream::Stream;

use super::{FAnoGan, GreyRange};
use crate::data::ImageSet;
use crate::detectors::fitting::chunks;
use crate::detectors::gan::{Critic, Generator, LOOKED_AT, SHOWN, Snapshots};
use crate::detectors::training::{
    Batch, Bound, DIVERSE, Losses, Networks, Optimisers, Sign, Trainee, diversity, follow, spread,
};
use crate::detectors::{DetectorError, Run};
use crate::nets::{Adam, Mode, Parameters, uniform};

/// Critic, generator, and the generator's average that is kept in the end.
pub struct Training<'a> {
    settings: &'a FAnoGan,
    steps: usize,
    critic: (&'a Critic, &'a Parameters, Adam),
    generator: (Generator, Adam),
    average: &'a Generator,
    snapshots: &'a Snapshots,
    validation: &'a ImageSet,
    range: GreyRange,
    device: Device,
    stream: Stream,
}

impl<'a> Training<'a> {
    pub fn new(
        (settings, steps): (&'a FAnoGan, usize),
        (critic, critic_parameters): (&'a Critic, &'a Parameters),
        average: &'a Generator,
        snapshots: &'a Snapshots,
        (validation, range): (&'a ImageSet, GreyRange),
        run: &Run<'_>,
    ) -> Result<Self, DetectorError> {
        let weights = run.stream.child("generator");
        let generator = settings.new_generator(snapshots.size_px, &weights, run.device)?;
        let adam = |parameters| Adam::new(parameters, settings.training.learning_rate, 0.0, 0.9);
        Ok(Self {
            settings,
            steps,
            critic: (critic, critic_parameters, adam(critic_parameters)?),
            generator: {
                let adam = adam(&generator.parameters)?;
                (generator, adam)
            },
            average,
            snapshots,
            validation,
            range,
            device: run.device.clone(),
            stream: run.stream.child("wgan-gp"),
        })
    }

    /// One step of the critic: its loss, the Wasserstein estimate and the penalty.
    fn criticise(&mut self, batch: &Batch, stream: &Stream) -> Result<[f64; 3], DetectorError> {
        let real = self.range.centred(&batch.images)?;
        let n = real.dim(0)?;
        let z = self.generator.0.draw(n, &mut stream.child("latent"))?;
        let fake = self.generator.0.forward(&z, Mode::Training)?.detach();

        let (critic, _, adam) = &mut self.critic;
        let masks = critic.masks(2 * n, self.settings.dropout, &mut stream.child("dropout"))?;
        let both = critic.forward(&Tensor::cat(&[&real, &fake], 0)?, &masks)?;
        let distance = (both.narrow(0, 0, n)?.mean_all()? - both.narrow(0, n, n)?.mean_all()?)?;

        // One factor per sample: a point on the line between one real and one generated image.
        let share = uniform((n, 1, 1, 1), 0.0, 1.0, &mut stream.child("mix"), &self.device)?;
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

    /// One step of the generator on `n` images: its loss.
    fn generate(&mut self, n: usize, stream: &Stream) -> Result<f64, DetectorError> {
        let (generator, adam) = &mut self.generator;
        let fake = generator.forward(&generator.draw(n, &mut stream.child("latent"))?, Mode::Training)?;
        let critic = self.critic.0.frozen();
        let masks = critic.masks(n, self.settings.dropout, &mut stream.child("dropout"))?;
        let loss = critic.forward(&fake, &masks)?.mean_all()?.neg()?;
        adam.step(&loss.backward()?)?;
        Ok(f64::from(loss.to_scalar::<f32>()?))
    }

    /// A few held-out images and as many generated ones, in -1 to 1, the same latent vectors each time. They are made
    /// with the statistics of their batch, as in training.
    fn compared(&self) -> Result<Option<[Tensor; 2]>, DetectorError> {
        let Some(real) = chunks(self.validation, &self.device).next().transpose()? else { return Ok(None) };
        let n = real.dim(0)?.min(LOOKED_AT);
        if n < 2 {
            return Ok(None);
        }
        let z = self.generator.0.draw(n, &mut self.stream.child("looked at"))?;
        let made = self.generator.0.forward(&z, Mode::Training)?.detach();
        Ok(Some([self.range.centred(&real.narrow(0, 0, n)?)?, made]))
    }
}

impl Trainee for Training<'_> {
    fn step(&mut self, step: usize, batches: &[Batch]) -> Result<Losses, DetectorError> {
        let stream = self.stream.item("step", step);
        let mut means = [0.0; 3];
        for (i, batch) in batches.iter().enumerate() {
            let values = self.criticise(batch, &stream.item("critic", i))?;
            for (mean, value) in means.iter_mut().zip(values) {
                *mean += value / batches.len() as f64;
            }
        }
        let n = batches[0].indices.len();
        let loss = self.generate(n, &stream.child("generator"))?;
        follow(&self.average.parameters, &self.generator.0.parameters, self.settings.average, step)?;
        let due = self.snapshots.due(step + 1, self.steps);
        if !due.is_empty() {
            self.average.settle(&self.stream)?;
            let z = self.average.draw(SHOWN, &mut self.stream.child("shown"))?;
            let shown = self.range.grey(&self.average.forward(&z, Mode::Inference)?)?.detach();
            due.into_iter().try_for_each(|images| images.set(&shown))?;
        }
        let [critic, distance, penalty] = means;
        Ok(vec![
            ("critic loss", critic),
            ("Wasserstein estimate", distance),
            ("gradient penalty", penalty),
            ("generator loss", loss),
        ])
    }

    /// The estimate between held-out and generated images: where it falls behind that of the training images, the
    /// critic knows those by heart (Gulrajani et al. 2017, section 5.3).
    fn validate(&mut self) -> Result<Losses, DetectorError> {
        let Some([real, made]) = self.compared()? else { return Ok(Losses::new()) };
        let mean = |x: &Tensor| self.critic.0.forward(x, &[])?.mean_all()?.to_scalar::<f32>();
        Ok(vec![("validation Wasserstein estimate", f64::from(mean(&real)? - mean(&made)?))])
    }

    fn signs(&mut self) -> Result<Vec<Sign>, DetectorError> {
        let Some([real, made]) = self.compared()? else { return Ok(Vec::new()) };
        let critic = self.critic.0;
        let [of_real, of_made] = [critic.features(&real, &[])?, critic.features(&made, &[])?];
        let mean = |features: &Tensor| critic.judge(features)?.mean_all()?.to_scalar::<f32>();
        // No critic of slope 1 can tell images apart by more than the distance between them.
        let distance =
            (&real - &made)?.sqr()?.flatten_from(1)?.sum(1)?.sqrt()?.mean_all()?.to_scalar::<f32>()?;
        let gap = f64::from((mean(&of_real)? - mean(&of_made)?) / distance.max(f32::MIN_POSITIVE));
        Ok(vec![
            Sign { name: "sample diversity", value: diversity(&made, &real)?, bound: DIVERSE },
            Sign {
                name: "feature variance",
                value: spread(&of_made)? / spread(&of_real)?.max(f64::MIN_POSITIVE),
                bound: Bound::AtLeast(0.01),
            },
            Sign { name: "critic gap", value: gap, bound: Bound::AtMost(2.0) },
        ])
    }

    fn parts(&mut self) -> (Networks<'_>, Optimisers<'_>) {
        let networks = vec![
            ("critic", self.critic.1),
            ("generator", &self.generator.0.parameters),
            ("average", &self.average.parameters),
            ("snapshots", &self.snapshots.parameters),
        ];
        (networks, vec![("critic", &mut self.critic.2), ("generator", &mut self.generator.1)])
    }
}
