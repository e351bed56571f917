//! How every detector is trained: one loop, and what it needs.
//!
//! A detector states what one step is ([`Trainee`]) and how long and how it is repeated ([`Settings`], from the
//! scenario); a [`Stage`] does the rest. It reads batches that are made ahead, sets the learning rate ([`Schedule`]), looks at
//! held-out images now and then, stops early where that is asked for, watches for a collapse ([`Watch`]), refuses
//! to go on with a number that is not finite, writes a line per step to `training.jsonl` and a checkpoint every so
//! many steps and when the run is interrupted. What it goes on from ends, on a CPU, in the same bytes as a training that was never cut
//! off, at any number of threads. [`trained`] puts the finished model on disk, or finds it there.

mod average;
mod held_out;
mod history;
mod log;
mod model;
mod schedule;
mod settings;
mod stage;
#[cfg(test)]
mod tests;
mod watch;

pub use average::follow;
pub use held_out::validation_loss;
pub use history::{Choice, History};
pub use log::training_secs;
pub use model::{Architecture, FILE as MODEL, Saved, is_training, trained};
pub use schedule::Schedule;
pub use settings::{Defaults, Settings};
pub use stage::{Batch, Losses, Networks, Optimisers, Stage, Trainee};
pub use watch::{Bound, Collapse, DIVERSE, Sign, Watch, diversity, spread};

use model::fingerprint;
