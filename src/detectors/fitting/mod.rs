//! What the detectors share beside their training: images as tensors, grey values, residuals.

mod images;
mod range;
mod residual;

pub(super) use images::{check_size, check_some, chunks, halvings};
pub(super) use range::GreyRange;
pub(super) use residual::{Residuals, squared_error};
