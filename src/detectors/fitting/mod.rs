//! What the detectors share: the training loop with its checkpoints, images as tensors, residuals.

mod history;
mod images;
mod range;
mod residual;
mod stage;

pub(super) use history::History;
pub(super) use images::{batch, chunks, halvings};
pub(super) use range::GreyRange;
pub(super) use residual::{Residuals, squared_error};
pub(super) use stage::{Losses, Stage, Trainee, decayed, finish, finished, validates};
