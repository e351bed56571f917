//! Too much of the image is cut off at an end of the scale.

use super::{Finding, percent, series::Series};

/// Share of the pixels beyond the usual share.
const SHARE: f64 = 0.25;

/// Pixels at the darkest or brightest value that the series knows.
pub(super) fn check(series: &Series<'_>, at: usize) -> Option<Finding> {
    let frame = series.frames[at];
    let near = frame.white / 100;
    let clipped = |end: usize, of: &super::frame::Frame| {
        let reached = of.ends.values[end].abs_diff(series.usual.ends[end]) <= near;
        if reached { of.ends.shares[end] } else { 0.0 }
    };
    let found = [(0, "black"), (1, "white")].map(|(end, name)| {
        let usual = series.median(&series.medians.clipped[end], |f| clipped(end, f));
        let share = clipped(end, frame);
        let reason =
            format!("{} of the pixels are {name}, where {} are usual", percent(share), percent(usual));
        Finding { kind: "saturated", score: (share - usual) / SHARE, reason }
    });
    found.into_iter().filter(|f| f.score > 0.0).max_by(|a, b| a.score.total_cmp(&b.score))
}
