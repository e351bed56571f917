//! Rows that do not fit together.

use super::statistics::median;
use super::{Finding, series::Series};

/// A row does not fit to the one before where it differs by this many times what few rows differ by,
const STEP: f64 = 1.4;
/// and by this share of the scale.
const LEAST_STEP: f64 = 0.015;
/// Share of the rows.
const SHARE: f64 = 0.06;

/// Images before and after whose median is the usual share.
const NEAR: usize = 8;

/// Many rows unlike the rows before them.
pub(super) fn check(series: &Series<'_>, at: usize) -> Option<Finding> {
    let limit = (STEP * series.usual.across_high[0]).max(LEAST_STEP);
    let of = |frame: &super::frame::Frame| {
        frame.rows.across.iter().filter(|v| f64::from(**v) >= limit).count() as f64
            / frame.rows.count() as f64
    };
    // The part's contours lie across the rows too, in some layers more than in others.
    let near = at.saturating_sub(NEAR)..(at + NEAR + 1).min(series.frames.len());
    let frame = series.frames[at];
    let score = (of(frame) - median(series.frames[near].iter().map(|f| of(f)))) / SHARE;
    let rows = (of(frame) * frame.height as f64).round();
    let reason = format!("{rows} rows do not fit to the row before");
    (score > 0.0).then_some(Finding { kind: "garbled-rows", score, reason })
}
