//! Losses.

use candle_core::{Result, Tensor};

/// Binary cross entropy of `logits` against `targets` in `[0, 1]`, summed over all elements:
/// max(x, 0) - x t + ln(1 + exp(-|x|)), which does not overflow.
///
/// # Errors
/// Where the shapes differ.
pub fn binary_cross_entropy_with_logits(logits: &Tensor, targets: &Tensor) -> Result<Tensor> {
    let softplus = (logits.abs()?.neg()?.exp()? + 1.0)?.log()?;
    ((logits.relu()? - (logits * targets)?)? + softplus)?.sum_all()
}

/// Squared differences, summed over all elements. Divide by what the loss is a mean over.
///
/// # Errors
/// Where the shapes differ.
pub fn squared_error(a: &Tensor, b: &Tensor) -> Result<Tensor> {
    (a - b)?.sqr()?.sum_all()
}
