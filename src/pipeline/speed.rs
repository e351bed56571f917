//! How fast a fitted detector scores, on the machine of the run.

use std::time::{Duration, Instant};

use candle_core::Device;

use crate::data::ImageSet;
use crate::detectors::{DetectorError, Scorer};
use crate::nets::device;
use crate::report::record::{Quantiles, Speed};

/// Images scored at once, where many are.
const BATCH: usize = 64;
/// About how long each of the two is measured; a detector that takes longer is measured once.
const BUDGET: Duration = Duration::from_millis(500);
/// Measured at most.
const MOST: usize = 200;

/// Scores `images` one by one and in batches. The first use of each size is not counted: it makes buffers. A detector that takes longer
/// than [`BUDGET`] for one image is not asked for a batch.
///
/// # Errors
/// Where the detector cannot score.
pub fn measure(scorer: &dyn Scorer, images: &ImageSet, at: &Device) -> Result<Option<Speed>, DetectorError> {
    let alone: Vec<ImageSet> = (0..images.len().min(MOST)).map(|i| images.select(&[i])).collect();
    let Some(alone_secs) = Quantiles::of(&time(scorer, &alone)?) else { return Ok(None) };
    let batch = if alone_secs.median > BUDGET.as_secs_f64() { 1 } else { BATCH };
    let many: Vec<usize> = (0..batch).map(|i| i % images.len().max(1)).collect();
    let batch_secs = match batch {
        1 => Some(alone_secs),
        _ => Quantiles::of(&time(scorer, &[images.select(&many)])?),
    };
    let Some(batch_secs) = batch_secs else { return Ok(None) };
    Ok(Some(Speed {
        device: device::name(at),
        alone_ms: alone_secs.median * 1e3,
        alone_q95_ms: alone_secs.q95 * 1e3,
        batch,
        images_per_sec: batch as f64 / batch_secs.median,
    }))
}

/// Seconds that each scoring of one of `sets` took, in turn.
fn time(scorer: &dyn Scorer, sets: &[ImageSet]) -> Result<Vec<f64>, DetectorError> {
    let Some(first) = sets.first() else { return Ok(Vec::new()) };
    let begun = Instant::now();
    scorer.score(first)?;
    if begun.elapsed() > BUDGET {
        return Ok(vec![begun.elapsed().as_secs_f64()]);
    }
    let begun = Instant::now();
    let mut secs = Vec::new();
    for set in sets.iter().cycle().take(MOST) {
        let started = Instant::now();
        scorer.score(set)?;
        secs.push(started.elapsed().as_secs_f64());
        if begun.elapsed() > BUDGET {
            break;
        }
    }
    Ok(secs)
}
