//! The loss on images that are not trained on.

use candle_core::{Result, Tensor};

use super::Losses;
use crate::detectors::fitting::Seen;

/// The mean over all images, given in parts, of a `loss` that is itself a mean over those it sees; none where there are no images.
///
/// # Errors
/// Where the tensors cannot be computed with.
pub fn validation_loss(
    parts: impl Iterator<Item = Result<Seen>>,
    mut loss: impl FnMut(&Seen) -> Result<Tensor>,
) -> Result<Losses> {
    let (mut sum, mut count) = (0.0, 0);
    for part in parts {
        let part = part?;
        let images = part.images.dim(0)?;
        sum += f64::from(loss(&part)?.to_scalar::<f32>()?) * images as f64;
        count += images;
    }
    Ok(if count == 0 { Losses::new() } else { vec![("validation loss", sum / count as f64)] })
}
