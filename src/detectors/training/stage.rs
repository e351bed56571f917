//! The training loop: steps, looks at held-out images, log, checkpoints, and the reasons to stop.

use std::ops::ControlFlow;
use std::path::PathBuf;

use candle_core::{Device, Tensor};
use generators::stream::Stream;
use serde::{Deserialize, Serialize};

use super::log::{Line, Log};
use super::{Choice, Collapse, History, Settings, Sign, Watch, fingerprint};
use crate::data::{self, Context, ImageSet, Loader};
use crate::detectors::fitting::Seen;
use crate::detectors::{DetectorError, Run};
use crate::nets::{Adam, NetsError, Parameters, checkpoint};

/// Losses of one step, by name.
pub type Losses = Vec<(&'static str, f64)>;

/// Networks by the name under which they are saved.
pub type Networks<'a> = Vec<(&'static str, &'a Parameters)>;

/// Optimisers by the name of what they train.
pub type Optimisers<'a> = Vec<(&'static str, &'a mut Adam)>;

/// What is trained.
pub trait Trainee {
    /// Step `step`, counted from 0, on as many batches as the stage gives. All randomness comes from streams named after
    /// the step. The learning rate is set already. A loss may be absent in some steps.
    fn step(&mut self, step: usize, batches: &[Batch]) -> Result<Losses, DetectorError>;

    /// Losses on healthy images that are not trained on, the one that early stopping watches first; none where there are
    /// no such images. It changes nothing that a later step depends on.
    fn validate(&mut self) -> Result<Losses, DetectorError>;

    /// What a collapse would show in, measured as often as [`Trainee::validate`] and under the same condition.
    fn signs(&mut self) -> Result<Vec<Sign>, DetectorError>;

    /// Everything that the next step depends on.
    fn parts(&mut self) -> (Networks<'_>, Optimisers<'_>);
}

/// Training images as tensors.
#[derive(Clone, Debug)]
pub struct Batch {
    /// Which images of the training set.
    pub indices: Vec<usize>,
    /// Grey values 0 to 1, `[n, 1, size, size]`.
    pub images: Tensor,
    /// The channels of the stage's context, `[n, channels, size, size]`; absent where it has none.
    pub context: Option<Tensor>,
}

impl Batch {
    fn new(
        batch: data::Batch,
        context: Context,
        size_px: usize,
        device: &Device,
    ) -> candle_core::Result<Self> {
        let tensor = |values: Vec<f32>, channels: usize| {
            Tensor::from_vec(values, (batch.indices.len(), channels, size_px, size_px), device)
        };
        let images = tensor(batch.pixels, 1)?;
        let channels = context.channels();
        let context = if channels == 0 { None } else { Some(tensor(batch.context, channels)?) };
        Ok(Self { indices: batch.indices, images, context })
    }

    /// The images with their context.
    pub fn seen(&self) -> Seen {
        Seen { images: self.images.clone(), context: self.context.clone() }
    }
}

/// One stage of a detector's training.
pub struct Stage<'a> {
    /// Kind of detector.
    pub detector: &'static str,
    /// `vae`, `wgan-gp`, `encoder`: names curves, log lines and the checkpoint.
    pub name: &'static str,
    /// How it is trained.
    pub settings: &'a Settings,
    /// Batches that one step reads.
    pub batches_per_step: usize,
    /// The training images.
    pub images: &'a ImageSet,
    /// What the batches tell of them beside.
    pub context: Context,
    /// The stream that draws their order and changes.
    pub order: Stream,
}

impl Stage<'_> {
    /// Steps in all.
    pub fn steps(&self) -> usize {
        self.settings.steps(self.loader().batches(), self.batches_per_step)
    }

    fn loader(&self) -> Loader<'_> {
        let loader = Loader::new(self.images, self.settings.batch, self.settings.augment, &self.order);
        loader.with_context(self.context)
    }

    /// Trains to the end, from the last checkpoint where there is one. The last checkpoint stays, so that a later
    /// stage that was cut off finds this one finished, until the model is complete.
    ///
    /// # Errors
    /// [`DetectorError::Diverged`] where a loss, gradient or weight is not finite, [`DetectorError::Collapsed`] where the
    /// scenario wants that to end the run, [`DetectorError::Interrupted`] with a checkpoint of the last step; whatever a
    /// step, the log or a checkpoint fails with.
    pub fn train(&self, trainee: &mut dyn Trainee, run: &Run<'_>) -> Result<History, DetectorError> {
        let mut session = Session::resume(self, trainee, run)?;
        if session.state.finished {
            return Ok(session.state.history);
        }
        let mut log = Log::open(run.folder, self.name, session.done)?;
        session.stoppable(true)?;
        let per_step = self.batches_per_step;
        let range = session.done * per_step..session.steps * per_step;
        let outcome = self.loader().ahead(range, |waiting| {
            while !session.state.finished {
                let batches = waiting.iter().take(per_step);
                let batches =
                    batches.map(|batch| Batch::new(batch, self.context, self.images.size_px, run.device));
                session.step(trainee, &batches.collect::<candle_core::Result<Vec<_>>>()?, &mut log)?;
            }
            Ok(())
        });
        let told = session.stoppable(false);
        outcome.and(told)?;
        Ok(session.state.history)
    }
}

/// What a checkpoint holds beside weights and moments.
#[derive(Debug, Default, Serialize, Deserialize)]
struct State {
    history: History,
    watch: Watch,
    best: Option<Best>,
    finished: bool,
}

/// The lowest validation loss so far.
#[derive(Clone, Copy, Debug, Serialize, Deserialize)]
struct Best {
    loss: f64,
    step: usize,
    /// Validations since.
    worse: usize,
}

/// One stage, being trained.
struct Session<'a> {
    stage: &'a Stage<'a>,
    run: &'a Run<'a>,
    path: PathBuf,
    steps: usize,
    /// Finished steps.
    done: usize,
    /// Steps in the checkpoint on disk.
    kept: usize,
    state: State,
    /// The weights with the lowest validation loss; empty where the last ones are taken.
    best: Vec<(String, Parameters)>,
}

impl<'a> Session<'a> {
    fn resume(
        stage: &'a Stage<'a>,
        trainee: &mut dyn Trainee,
        run: &'a Run<'a>,
    ) -> Result<Self, DetectorError> {
        let path = run.folder.join(format!("checkpoint-{}.safetensors", stage.name));
        let (networks, mut optimisers) = trainee.parts();
        let mut best = Vec::new();
        if stage.settings.patience > 0 {
            for (name, network) in &networks {
                best.push((format!("best {name}"), network.copied()?));
            }
        }
        let saved =
            checkpoint::load(&path, &fingerprint(run), &with_best(&networks, &best), &mut optimisers)?;
        let (done, state) = match saved {
            None => (0, State::default()),
            Some(saved) => {
                let state = serde_json::from_str(&saved.notes);
                (saved.step, state.map_err(|e| NetsError::corrupted(&path, e))?)
            }
        };
        for (_, adam) in optimisers {
            adam.clip_norm = stage.settings.clip_norm;
        }
        Ok(Self { stage, run, path, steps: stage.steps(), done, kept: done, state, best })
    }

    fn step(
        &mut self,
        trainee: &mut dyn Trainee,
        batches: &[Batch],
        log: &mut Log,
    ) -> Result<(), DetectorError> {
        let (settings, name) = (self.stage.settings, self.stage.name);
        let share = settings.schedule.share(self.done, self.steps);
        for (_, adam) in trainee.parts().1 {
            adam.rate_share = share;
        }
        let mut losses = trainee.step(self.done, batches)?;
        self.done += 1;
        if History::keeps(self.done, self.steps) {
            self.state.history.record(name, self.done, &losses);
        }
        let looks = settings.validates(self.done, self.steps);
        let mut collapse = None;
        if looks {
            let seen = self.look(trainee)?;
            losses.extend(seen.0);
            collapse = seen.1;
        }
        if looks || self.done.is_multiple_of(settings.log_steps) || self.done == self.steps {
            self.write(log, trainee, &losses)?;
        }
        self.refuse_what_is_not_finite(trainee, &losses)?;
        if let Some(collapse) = collapse.filter(|_| settings.stop_on_collapse) {
            let (detector, stage, kept) = (self.stage.detector, name, self.kept);
            return Err(DetectorError::Collapsed { detector, stage, collapse: Box::new(collapse), kept });
        }
        let patience = settings.patience;
        let tired = patience > 0 && self.state.best.is_some_and(|best| best.worse >= patience);
        let ends = tired || self.done == self.steps;
        if ends {
            self.finish(trainee)?;
        }
        let last = if ends { self.done } else { self.steps };
        let told = self.run.progress.step(name, self.done, last, &losses);
        if ends || told.is_break() || self.done.is_multiple_of(settings.checkpoint_steps) {
            self.keep(trainee, log)?;
        }
        if told.is_break() { Err(self.interrupted()) } else { Ok(()) }
    }

    /// Looks at held-out images: their losses, the signs of a collapse, and whether there is one.
    fn look(&mut self, trainee: &mut dyn Trainee) -> Result<(Losses, Option<Collapse>), DetectorError> {
        let mut seen = trainee.validate()?;
        if let Some(&(_, loss)) = seen.first().filter(|_| self.stage.settings.patience > 0) {
            match &mut self.state.best {
                Some(best) if loss >= best.loss => best.worse += 1,
                best => {
                    *best = Some(Best { loss, step: self.done, worse: 0 });
                    for ((_, network), (_, kept)) in trainee.parts().0.iter().zip(&self.best) {
                        kept.assign(network)?;
                    }
                }
            }
        }
        let signs = trainee.signs()?;
        let at = (self.done, self.steps);
        let collapse = self.state.watch.look(self.stage.name, at, &signs, &mut self.state.history);
        seen.extend(signs.iter().map(|sign| (sign.name, sign.value)));
        self.state.history.record(self.stage.name, self.done, &seen);
        Ok((seen, collapse))
    }

    fn write(&self, log: &mut Log, trainee: &mut dyn Trainee, losses: &Losses) -> Result<(), DetectorError> {
        let optimisers = trainee.parts().1;
        let of = |value: fn(&Adam) -> f64| {
            optimisers.iter().map(move |(name, adam)| ((*name).to_owned(), value(adam).into()))
        };
        let images = self.stage.settings.batch.min(self.stage.images.len()) * self.stage.batches_per_step;
        let images_per_second = log.rate(self.done, images);
        log.write(&Line {
            stage: self.stage.name,
            step: self.done,
            losses: losses.iter().map(|&(name, value)| (name.to_owned(), value.into())).collect(),
            learning_rate: of(|adam| adam.learning_rate * adam.rate_share).collect(),
            gradient_norm: of(Adam::gradient_norm).collect(),
            images_per_second,
        })
    }

    fn refuse_what_is_not_finite(
        &self,
        trainee: &mut dyn Trainee,
        losses: &Losses,
    ) -> Result<(), DetectorError> {
        let norms =
            trainee.parts().1.into_iter().map(|(n, a)| (format!("gradient of {n}"), a.gradient_norm()));
        let losses = losses.iter().map(|&(name, value)| (name.to_owned(), value));
        match losses.chain(norms).find(|(_, value)| !value.is_finite()) {
            None => Ok(()),
            Some((what, value)) => Err(self.diverged(format!("{what} is {value}"))),
        }
    }

    fn diverged(&self, what: String) -> DetectorError {
        let Stage { detector, name: stage, .. } = *self.stage;
        DetectorError::Diverged { detector, stage, what, step: self.done, kept: self.kept }
    }

    fn interrupted(&self) -> DetectorError {
        let Stage { detector, name: stage, .. } = *self.stage;
        DetectorError::Interrupted { detector, stage, kept: self.kept }
    }

    /// Says whether the training can be interrupted from now on; fails where it was.
    fn stoppable(&self, begins: bool) -> Result<(), DetectorError> {
        match self.run.progress.stoppable(begins) {
            ControlFlow::Continue(()) => Ok(()),
            ControlFlow::Break(()) => Err(self.interrupted()),
        }
    }

    /// Takes the best weights, where they were kept.
    fn finish(&mut self, trainee: &mut dyn Trainee) -> Result<(), DetectorError> {
        self.state.finished = true;
        if let Some(best) = self.state.best {
            for ((_, network), (_, kept)) in trainee.parts().0.iter().zip(&self.best) {
                network.assign(kept)?;
            }
            let stage = self.stage.name.to_owned();
            let (step, best_step, loss) = (self.done, best.step, best.loss);
            self.state.history.chose(Choice { stage, step, best_step, loss });
        }
        Ok(())
    }

    /// Writes a checkpoint, unless what it would hold is in doubt and the one before is wanted for that.
    fn keep(&mut self, trainee: &mut dyn Trainee, log: &Log) -> Result<(), DetectorError> {
        if self.stage.settings.stop_on_collapse && self.state.watch.suspects() && !self.state.finished {
            return Ok(());
        }
        log.sync()?;
        // Strings and finite numbers cannot fail.
        let notes = serde_json::to_string(&self.state).unwrap_or_default();
        let fingerprint = fingerprint(self.run);
        let checkpoint = checkpoint::Checkpoint { fingerprint, step: self.done, notes, ..Default::default() };
        let (networks, optimisers) = trainee.parts();
        let optimisers: Vec<(&str, &Adam)> =
            optimisers.into_iter().map(|(name, adam)| (name, &*adam)).collect();
        match checkpoint::save(&self.path, &checkpoint, &with_best(&networks, &self.best), &optimisers) {
            Err(NetsError::NotFinite { name, .. }) => {
                return Err(self.diverged(format!("{name} holds a value that is not finite")));
            }
            saved => saved?,
        }
        self.kept = self.done;
        Ok(())
    }
}

fn with_best<'a>(
    networks: &[(&'a str, &'a Parameters)],
    best: &'a [(String, Parameters)],
) -> Vec<(&'a str, &'a Parameters)> {
    let best = best.iter().map(|(name, network)| (name.as_str(), network));
    networks.iter().copied().chain(best).collect()
}
