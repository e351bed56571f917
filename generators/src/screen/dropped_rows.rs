//! The image ends before the frame does.

use super::{Finding, percent, series::Series};

/// Share of the rows that are missing at least.
const SHARE: f64 = 0.04;
/// Rows of one level stand out from the last that arrived by this share of the scale.
const STEP: f64 = 0.02;

/// Rows at the end that are all alike: of one level, or the last that arrived again and again.
pub(super) fn check(series: &Series<'_>, at: usize) -> Option<Finding> {
    let of = |frame: &super::frame::Frame| {
        let rows = &frame.rows;
        // The first of the rows that are alike is the last that arrived where it came again and again.
        let alike = rows.alike_at_the_end(series.usual.calmest[0]);
        let run = rows.count() - alike.min(rows.count() - 1) - 1..rows.count();
        let flat = f64::from(rows.along[run.end - 1]) <= 0.1 * series.usual.along[0];
        if alike > 0 && (!flat || rows.step(&run) >= STEP) {
            run.len() as f64 / rows.count() as f64
        } else {
            0.0
        }
    };
    let (share, usual) = (of(series.frames[at]), series.median(&series.medians.dropped_rows, of));
    let reason = format!("the last {} of the rows are all alike", percent(share));
    let score = (share - usual) / SHARE;
    (score > 0.0).then_some(Finding { kind: "dropped-rows", score, reason })
}
