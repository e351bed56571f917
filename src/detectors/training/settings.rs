//! What a scenario says about a training.

use generators::params::{ScenarioError, Table};

use super::Schedule;
use crate::data::{Augment, Batches};

/// How one stage is trained, as its table in the scenario says.
#[derive(Clone, Debug, PartialEq)]
pub struct Settings {
    /// How long.
    pub length: Length,
    /// Images in one batch.
    pub batch: usize,
    /// Adam's step size before the schedule.
    pub learning_rate: f64,
    /// What becomes of it over the training.
    pub schedule: Schedule,
    /// Greatest norm of all gradients of a network together; infinite where they are not clipped.
    pub clip_norm: f64,
    /// What may happen to the training images.
    pub augment: Augment,
    /// How often the held-out images are looked at, evenly over the training and at its end.
    pub validations: usize,
    /// Validations in a row without a lower loss after which the training stops and the weights with the lowest loss
    /// are taken; 0 where it never stops, and takes the last weights.
    pub patience: usize,
    /// Whether a collapse ends the run.
    pub stop_on_collapse: bool,
    /// Steps from one checkpoint to the next.
    pub checkpoint_steps: usize,
    /// Steps from one line of the log to the next.
    pub log_steps: usize,
}

/// The length of a training.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Length {
    /// So many steps.
    Steps(usize),
    /// As many steps as read every image so often.
    Epochs(usize),
}

/// What a detector's own kind of training needs where the scenario says nothing.
#[derive(Clone, Copy, Debug)]
pub struct Defaults {
    /// Steps.
    pub steps: usize,
    /// Images in one batch.
    pub batch: usize,
    /// Adam's step size.
    pub learning_rate: f64,
    /// Steps from one checkpoint to the next.
    pub checkpoint_steps: usize,
    /// Whether there is a validation loss that tells better weights from worse ones.
    pub early_stopping: bool,
}

/// Steps or epochs of the longest training: what is counted from them stays a number.
const MOST: usize = 1_000_000_000;

impl Settings {
    /// Reads the keys of a training: `steps` or `epochs`, `batch`, `learning_rate`, `schedule`, `clip_norm` (0: none),
    /// `augment`, `validations`, `patience` (0: none), `on_collapse`, `checkpoint_steps` and `log_steps`.
    ///
    /// # Errors
    /// A wrong type or range; both `steps` and `epochs`.
    pub fn read(table: &mut Table, defaults: Defaults) -> Result<Self, Box<ScenarioError>> {
        let any = 1..=MOST;
        let steps = table.count_if_stated("steps", any.clone())?;
        let length = match (steps, table.count_if_stated("epochs", any.clone())?) {
            (Some(_), Some(_)) => {
                let place = table.place_of("epochs");
                return Err(place
                    .error("`steps` and `epochs` both say how long to train")
                    .with_help("leave one of them out"));
            }
            (None, Some(epochs)) => Length::Epochs(epochs),
            (steps, None) => Length::Steps(steps.unwrap_or(defaults.steps)),
        };
        let clip_norm = table.number("clip_norm", Some(0.0), 0.0..=f64::INFINITY)?;
        let positive = f64::MIN_POSITIVE..=f64::INFINITY;
        Ok(Self {
            length,
            batch: table.count("batch", Some(defaults.batch), 1..=4096)?,
            learning_rate: table.number("learning_rate", Some(defaults.learning_rate), positive)?,
            schedule: Schedule::read(table)?,
            clip_norm: if clip_norm > 0.0 { clip_norm } else { f64::INFINITY },
            augment: Augment::read(table)?,
            validations: table.count("validations", Some(20), any.clone())?,
            patience: match defaults.early_stopping {
                true => table.count("patience", Some(0), 0..=MOST)?,
                false => 0,
            },
            stop_on_collapse: table.choice("on_collapse", Some(0), &["report", "stop"])? == 1,
            checkpoint_steps: table.count(
                "checkpoint_steps",
                Some(defaults.checkpoint_steps),
                any.clone(),
            )?,
            log_steps: table.count("log_steps", Some(1), any)?,
        })
    }

    /// Steps in all, of `per_step` batches each.
    pub fn steps(&self, batches: &Batches, per_step: usize) -> usize {
        match self.length {
            Length::Steps(steps) => steps,
            Length::Epochs(epochs) => (epochs * batches.per_epoch()).div_ceil(per_step.max(1)),
        }
    }

    /// True after the steps at which the held-out images are looked at, the last among them.
    pub fn validates(&self, done: usize, steps: usize) -> bool {
        done.is_multiple_of(steps.div_ceil(self.validations)) || done == steps
    }
}

#[cfg(test)]
mod tests {
    use generators::stream::Stream;

    use super::*;

    const DEFAULTS: Defaults =
        Defaults { steps: 900, batch: 32, learning_rate: 0.003, checkpoint_steps: 200, early_stopping: true };

    fn read(text: &str, defaults: Defaults) -> Result<Settings, String> {
        let mut table = Table::parse("s.toml", text).unwrap();
        let settings = Settings::read(&mut table, defaults).map_err(|e| e.to_string())?;
        table.finish().map_err(|e| e.to_string()).map(|()| settings)
    }

    #[test]
    fn epochs_become_steps_and_mistakes_are_placed() {
        let batches = |images, size| Batches::new(Stream::root(0), images, size);
        let settings = read("epochs = 3\nbatch = 4\n", DEFAULTS).unwrap();
        // 10 images make 2 batches of 4; three passes are 6 batches, 2 steps of 3 each.
        assert_eq!(settings.steps(&batches(10, 4), 1), 6);
        assert_eq!(settings.steps(&batches(10, 4), 3), 2);
        assert_eq!(settings.steps(&batches(10, 4), 4), 2);
        assert_eq!(read("", DEFAULTS).unwrap().steps(&batches(10, 4), 3), 900);
        assert_eq!(
            read("steps = 1\nepochs = 2", DEFAULTS).unwrap_err(),
            "s.toml:2:10: `steps` and `epochs` both say how long to train; leave one of them out"
        );
        assert_eq!(
            read("on_collapse = \"stopp\"", DEFAULTS).unwrap_err(),
            "s.toml:1:15: `on_collapse` cannot be `stopp`; choose from `report`, `stop`; did you mean `stop`?"
        );
        assert_eq!(
            read("clip_norm = -1", DEFAULTS).unwrap_err(),
            "s.toml:1:13: `clip_norm` is -1 but must be at least 0"
        );
        assert_eq!(
            read("augment = { shift_px = 99 }", DEFAULTS).unwrap_err(),
            "s.toml:1:24: `shift_px` is 99 but must be between 0 and 64"
        );
        let message = read("epochs = 4611686018427387904", DEFAULTS).unwrap_err();
        assert_eq!(
            message,
            "s.toml:1:10: `epochs` is 4611686018427387904 but must be between 1 and 1000000000"
        );
        let without = Defaults { early_stopping: false, ..DEFAULTS };
        assert!(read("patience = 3", without).unwrap_err().starts_with("s.toml:1:1: unknown key `patience`"));
    }

    #[test]
    fn validations_are_spread_over_the_training_and_close_it() {
        let settings = |n| Settings { validations: n, ..read("", DEFAULTS).unwrap() };
        let at = |n, steps| -> Vec<usize> {
            (1..=steps).filter(|&done| settings(n).validates(done, steps)).collect()
        };
        assert_eq!(at(3, 10), [4, 8, 10]);
        assert_eq!(at(1, 5), [5]);
        assert_eq!(at(20, 4), [1, 2, 3, 4]);
        assert_eq!(at(20, 900).len(), 20);
    }
}
