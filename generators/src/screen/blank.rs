//! Nothing is to be seen.

use super::{Finding, series::Series};
use crate::quantile::nearest_quantile;

/// Half a step of 256: what varies less over an image, noise averaged out, is no scene.
const NO_SCENE: f64 = 0.002;
/// Share of the usual contrast that is left at most.
const LEFT: f64 = 0.2;

/// Brightness that is the same all over.
pub(super) fn check(series: &Series<'_>, at: usize) -> Option<Finding> {
    let frame = series.frames[at];
    // Means over an eighth of the side: independent noise is gone, a scene is not.
    let coarse = super::image::coarse(&frame.small);
    let spread =
        nearest_quantile(coarse.iter().copied(), 0.95) - nearest_quantile(coarse.iter().copied(), 0.05);
    let constant = frame.ends.values[0] == frame.ends.values[1];
    let limit = NO_SCENE.min(LEFT * series.usual.contrast);
    if !constant && spread > 4.0 * limit {
        return None;
    }
    let level = super::percent(nearest_quantile(coarse, 0.5));
    let reason = if constant {
        format!("every pixel has the same value, {level} of the scale")
    } else {
        format!("nothing but noise at {level} of the scale")
    };
    Some(Finding { kind: "blank", score: if constant { f64::INFINITY } else { limit / spread }, reason })
}
