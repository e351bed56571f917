//! What reconstruction leaves over: scores and maps.

use candle_core::{Result, Tensor};

/// Side of the neighbourhood over which a residual is averaged before its peak is sought.
const PEAK_PX: usize = 3;

/// `(a - b)^2` averaged over all but the first dimension: `[n]`.
pub fn squared_error(a: &Tensor, b: &Tensor) -> Result<Tensor> {
    (a - b)?.sqr()?.flatten_from(1)?.mean(1)
}

/// Squared residuals of healthy images, pixel by pixel: what counts as much depends on where it is.
///
/// Contours and texture leave a residual in every healthy image, a small defect far less than all of them
/// together; relative to the healthy residual at its own place it stands out.
#[derive(Clone, Debug)]
pub struct Healthy {
    /// Mean residual over healthy images `[1, 1, size, size]`, smoothed over 3 px x 3 px.
    mean: Tensor,
}

impl Healthy {
    /// From the squared residuals `[n, 1, size, size]` of healthy images.
    pub fn of(residuals: &[Tensor]) -> Result<Self> {
        let all = Tensor::cat(residuals, 0)?;
        let mean = smoothed(&all)?.mean_keepdim(0)?;
        // Pixels that never vary would make any change infinite.
        let floor = mean.mean_all()?.to_scalar::<f32>()? * 0.1 + f32::MIN_POSITIVE;
        Ok(Self { mean: mean.maximum(floor)? })
    }

    /// From a saved tensor `[1, 1, size, size]`.
    pub fn from_tensor(mean: Tensor) -> Self {
        Self { mean }
    }

    /// What [`Healthy::from_tensor`] takes.
    pub fn tensor(&self) -> &Tensor {
        &self.mean
    }

    /// The largest residual of each image over the healthy one at its place `[n]`; 1 is ordinary.
    pub fn peak(&self, residual: &Tensor) -> Result<Tensor> {
        smoothed(residual)?.broadcast_div(&self.mean)?.flatten_from(1)?.max(1)
    }
}

/// Mean over a neighbourhood; pixels outside the image count as 0.
fn smoothed(residual: &Tensor) -> Result<Tensor> {
    let pad = PEAK_PX / 2;
    let side = residual.dim(3)?;
    let padded = residual.pad_with_zeros(2, pad, pad)?.pad_with_zeros(3, pad, pad)?;
    let mut sum: Option<Tensor> = None;
    for (dy, dx) in (0..PEAK_PX * PEAK_PX).map(|i| (i / PEAK_PX, i % PEAK_PX)) {
        let shifted = padded.narrow(2, dy, side)?.narrow(3, dx, side)?;
        sum = Some(match sum {
            None => shifted.contiguous()?,
            Some(sum) => (sum + shifted)?,
        });
    }
    let sum = sum.ok_or_else(|| candle_core::Error::Msg("an empty neighbourhood".to_owned()))?;
    sum / (PEAK_PX * PEAK_PX) as f64
}
