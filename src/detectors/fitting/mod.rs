//! What the detectors share beside their training: images as tensors, grey values, residuals.

mod images;
mod range;
mod residual;

pub(super) use images::{Seen, check_context, check_size, check_some, chunks, halvings, seen};
pub(super) use range::GreyRange;
pub(super) use residual::{COMPONENTS, Residuals, box_mean, box_mean_onnx, squared_error};
