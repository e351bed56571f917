//! What the detectors share: the training loop with its checkpoints, batches as tensors, residuals.

mod images;
mod residual;
mod stage;

pub(super) use images::{Unit, batch, chunks, units};
pub(super) use residual::{Residual, squared_error};
pub(super) use stage::{History, Stage, State, Trainee, decayed};
