//! One stage of training: steps, curves, checkpoints, and the stop where a loss is no longer finite.

use std::path::{Path, PathBuf};

use super::History;
use crate::detectors::{DetectorError, Run};
use crate::nets::{Adam, Parameters, checkpoint};

/// Losses of one step, by name.
pub type Losses = Vec<(&'static str, f64)>;

/// Networks by the name under which they are saved.
pub type Networks<'a> = Vec<(&'static str, &'a Parameters)>;

/// What is trained.
pub trait Trainee {
    /// Step `step`, counted from 0. All randomness comes from streams named after the step. A loss may
    /// be absent in some steps.
    fn step(&mut self, step: usize) -> Result<Losses, DetectorError>;

    /// Everything that the next step depends on.
    fn parts(&mut self) -> (Networks<'_>, Vec<(&'static str, &mut Adam)>);
}

/// Name and length of a stage.
#[derive(Clone, Copy, Debug)]
pub struct Stage {
    /// Kind of detector.
    pub detector: &'static str,
    /// `vae`, `wgan-gp`, `encoder`: names curves and the checkpoint.
    pub name: &'static str,
    /// Steps in all.
    pub steps: usize,
    /// Steps from one checkpoint to the next.
    pub checkpoint_steps: usize,
}

impl Stage {
    /// Trains to the end, from the last checkpoint where there is one. The last checkpoint stays until
    /// [`finish`], so that a later stage that was cut off finds this one finished.
    ///
    /// # Errors
    /// [`DetectorError::Diverged`] where a loss is not finite; whatever a step or a checkpoint fails with.
    pub fn train(&self, trainee: &mut dyn Trainee, run: &Run<'_>) -> Result<History, DetectorError> {
        let path = self.checkpoint(run.folder);
        let (mut kept, mut history) = (0, History::default());
        let (networks, mut optimisers) = trainee.parts();
        if let Some(saved) = checkpoint::load(&path, run.fingerprint, &networks, &mut optimisers)? {
            kept = saved.step;
            history = History::from_notes(&saved.notes);
        }
        let start = kept;
        for step in start..self.steps {
            let losses = trainee.step(step)?;
            if let Some(&(loss, value)) = losses.iter().find(|(_, value)| !value.is_finite()) {
                let (detector, stage, step) = (self.detector, self.name, step + 1);
                return Err(DetectorError::Diverged { detector, stage, loss, value, step, kept });
            }
            let done = step + 1;
            history.record(self.name, done, &losses);
            if done == self.steps || done.is_multiple_of(self.checkpoint_steps) {
                let (networks, optimisers) = trainee.parts();
                let optimisers: Vec<(&str, &Adam)> =
                    optimisers.into_iter().map(|(name, adam)| (name, &*adam)).collect();
                let fingerprint = run.fingerprint.to_owned();
                let state = checkpoint::Checkpoint {
                    fingerprint,
                    step: done,
                    notes: history.to_notes(),
                    ..Default::default()
                };
                checkpoint::save(&path, &state, &networks, &optimisers)?;
                kept = done;
            }
            run.progress.step(self.name, done, self.steps, &losses);
        }
        Ok(history)
    }

    fn checkpoint(&self, folder: &Path) -> PathBuf {
        folder.join(format!("checkpoint-{}.safetensors", self.name))
    }
}

const MODEL: &str = "model.safetensors";

/// Reads the finished model, if the folder holds one with the run's fingerprint.
pub fn finished(run: &Run<'_>, networks: &Networks<'_>) -> Result<Option<History>, DetectorError> {
    std::fs::create_dir_all(run.folder)
        .map_err(|source| DetectorError::Io { path: run.folder.to_owned(), source })?;
    let saved = checkpoint::load(&run.folder.join(MODEL), run.fingerprint, networks, &mut [])?;
    Ok(saved.map(|saved| History::from_notes(&saved.notes)))
}

/// Writes the finished model and removes the checkpoints of its stages.
pub fn finish(
    run: &Run<'_>,
    stages: &[Stage],
    networks: &Networks<'_>,
    history: &History,
) -> Result<(), DetectorError> {
    let fingerprint = run.fingerprint.to_owned();
    let step = stages.iter().map(|stage| stage.steps).sum();
    let state = checkpoint::Checkpoint { fingerprint, step, notes: history.to_notes(), ..Default::default() };
    checkpoint::save(&run.folder.join(MODEL), &state, networks, &[])?;
    for stage in stages {
        let path = stage.checkpoint(run.folder);
        match std::fs::remove_file(&path) {
            Err(source) if source.kind() != std::io::ErrorKind::NotFound => {
                return Err(DetectorError::Io { path, source });
            }
            _ => {}
        }
    }
    Ok(())
}

/// How often a validation loss is measured in one stage.
const VALIDATIONS: usize = 20;

/// True after the steps at which the validation loss is measured, the last among them.
pub fn validates(step: usize, steps: usize) -> bool {
    (step + 1).is_multiple_of(steps.div_ceil(VALIDATIONS)) || step + 1 == steps
}

/// The learning rate of `step`: constant for the first half, then straight down to 1 % at the last step.
pub fn decayed(rate: f64, step: usize, steps: usize) -> f64 {
    rate * (2.0 * (1.0 - step as f64 / steps.max(1) as f64)).clamp(0.01, 1.0)
}
