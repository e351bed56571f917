//! The search for the latent vectors of a batch of images.

use std::path::PathBuf;

use candle_core::{Tensor, Var};
use generators::stream::Stream;

use super::{NAME, Settings};
use crate::detectors::f_anogan::{Difference, Frozen};
use crate::detectors::{DetectorError, Run};
use crate::nets::{Adam, Init, NetsError, Parameters, checkpoint};

/// A search has settled where its loss fell by no more than this share from the last tenth but one of the steps to the last.
const SETTLED: f64 = 0.01;
/// Names the search in checkpoints and progress.
const STAGE: &str = "search";

/// Where a search is kept, and who is told of it.
pub struct Kept<'a> {
    /// The run.
    pub run: &'a Run<'a>,
    /// Which set of images.
    pub name: &'a str,
    /// Which batch of it, of how many.
    pub index: usize,
    /// Batches of the set.
    pub batches: usize,
}

impl Kept<'_> {
    fn path(&self) -> PathBuf {
        self.run.folder.join(format!("{STAGE}-{}-{:03}.safetensors", self.name, self.index))
    }
}

/// Gradient descent of every image's own latent vector at once: Adam goes on each number by itself, and no image's loss
/// depends on another's vector.
pub struct Search<'a> {
    networks: &'a Frozen,
    /// The images `[n, 1, size, size]`, grey values 0 to 1.
    pub x: Tensor,
    /// D_f(x).
    of_x: Tensor,
    /// The vectors `[n, latent]`.
    z: Var,
    /// Sums of the losses `[n]` over the last tenth but one of the steps, and over the last.
    sums: [Var; 2],
    state: Parameters,
    adam: Adam,
    settings: Settings,
    done: usize,
}

impl<'a> Search<'a> {
    /// For the images `x`, all from the vector `start` `[1, latent]`.
    pub fn new(
        networks: &'a Frozen,
        x: Tensor,
        start: &Var,
        settings: Settings,
    ) -> Result<Self, DetectorError> {
        let n = x.dim(0)?;
        let mut state = Parameters::new(x.device());
        let z = state.variable("z", (n, start.dim(1)?), Init::Zeros, &Stream::root(0))?;
        z.set(&start.as_detached_tensor().repeat((n, 1))?)?;
        let sums = [state.buffer("earlier", n, 0.0)?, state.buffer("later", n, 0.0)?];
        let adam = Adam::new(&state, settings.learning_rate, 0.9, 0.999)?;
        let of_x = networks.features(&x)?.detach();
        Ok(Self { networks, x, of_x, z, sums, state, adam, settings, done: 0 })
    }

    /// The images and what their vectors stand for now.
    pub fn difference(&self) -> candle_core::Result<Difference> {
        self.networks.compare(&self.x, self.of_x.clone(), &self.z.as_detached_tensor())
    }

    /// Searches to the end, from where `kept` left off.
    pub fn finish(&mut self, kept: Option<Kept<'_>>) -> Result<(), DetectorError> {
        let Some(kept) = kept else {
            return (self.done..self.settings.steps).try_for_each(|_| self.step().map(drop));
        };
        let found = checkpoint::load(
            &kept.path(),
            kept.run.fingerprint,
            &[(STAGE, &self.state)],
            &mut [(STAGE, &mut self.adam)],
        )?;
        self.done = found.map_or(0, |checkpoint| checkpoint.step);
        let progress = kept.run.progress;
        let mut stopped = progress.stoppable(true).is_break();
        while self.done < self.settings.steps && !stopped {
            let loss = self.step()?;
            let steps = self.settings.steps;
            let (done, total) = (kept.index * steps + self.done, kept.batches * steps);
            stopped = progress.step(STAGE, done, total, &[("loss", loss)]).is_break();
            let due = self.done.is_multiple_of(self.settings.checkpoint_steps);
            if due || stopped || self.done == steps {
                self.keep(&kept)?;
            }
        }
        stopped |= progress.stoppable(false).is_break();
        match stopped {
            true => Err(DetectorError::Interrupted { detector: NAME, stage: STAGE, kept: self.done }),
            false => Ok(()),
        }
    }

    /// One step down; the mean loss before it.
    fn step(&mut self) -> Result<f64, DetectorError> {
        let difference = self.networks.compare(&self.x, self.of_x.clone(), self.z.as_tensor())?;
        let losses = difference.combined(self.settings.lambda)?;
        self.adam.step(&losses.sum_all()?.backward()?)?;
        let losses = losses.detach();
        let tenth = self.tenth();
        let left = self.settings.steps - self.done;
        if left <= 2 * tenth {
            let sum = &self.sums[usize::from(left <= tenth)];
            sum.set(&(sum.as_detached_tensor() + &losses)?)?;
        }
        self.done += 1;
        let loss = f64::from(losses.mean_all()?.to_scalar::<f32>()?);
        if loss.is_finite() { Ok(loss) } else { Err(self.diverged(format!("the loss is {loss}"))) }
    }

    fn diverged(&self, what: String) -> DetectorError {
        DetectorError::Diverged { detector: NAME, stage: STAGE, what, step: self.done, kept: 0 }
    }

    fn tenth(&self) -> usize {
        self.settings.steps.div_ceil(10)
    }

    fn keep(&self, kept: &Kept<'_>) -> Result<(), DetectorError> {
        let checkpoint = checkpoint::Checkpoint {
            fingerprint: kept.run.fingerprint.to_owned(),
            step: self.done,
            ..Default::default()
        };
        let saved =
            checkpoint::save(&kept.path(), &checkpoint, &[(STAGE, &self.state)], &[(STAGE, &self.adam)]);
        match saved {
            Err(NetsError::NotFinite { name, .. }) => {
                Err(self.diverged(format!("{name} holds a value that is not finite")))
            }
            saved => Ok(saved?),
        }
    }

    /// Whether the loss of each image still fell at the end.
    pub fn unsettled(&self) -> candle_core::Result<Vec<bool>> {
        let [earlier, later] = [&self.sums[0], &self.sums[1]].map(|sum| sum.to_vec1::<f32>());
        let falls = |(earlier, later): (f32, f32)| f64::from(later) < (1.0 - SETTLED) * f64::from(earlier);
        Ok(earlier?.into_iter().zip(later?).map(falls).collect())
    }
}
