//! Rows that do not fit together.

use super::lines::Lines;
use super::statistics::median;
use super::{Finding, series::Series};

/// A row does not fit to the one before where it differs from it by so many times what neighbours along the two differ
/// by. A surface varies as much down the rows as along them, whatever it is made of; a row that is displaced brings
/// along its own smoothness, and meets another part of the surface.
const STEP: f64 = 1.8;
/// Share of the rows.
const SHARE: f64 = 0.15;

/// Images before and after whose median is the usual share.
const NEAR: usize = 8;

/// Many rows unlike the rows before them.
pub(super) fn check(series: &Series<'_>, at: usize) -> Option<Finding> {
    let of = |frame: &super::frame::Frame| unfit(&frame.rows) as f64 / frame.rows.count() as f64;
    // The part's contours lie across the rows too, in some layers more than in others.
    let near = at.saturating_sub(NEAR)..(at + NEAR + 1).min(series.frames.len());
    let frame = series.frames[at];
    let score = (of(frame) - median(series.frames[near].iter().map(|f| of(f)))) / SHARE;
    let rows = (of(frame) * frame.height as f64).round();
    let reason = format!("{rows} rows do not fit to the row before");
    (score > 0.0).then_some(Finding { kind: "garbled-rows", score, reason })
}

/// How many rows do not fit to the row before.
fn unfit(rows: &Lines) -> usize {
    let pairs = rows.along.windows(2).zip(&rows.across[1..]);
    pairs.filter(|(along, across)| f64::from(**across) > STEP * f64::from(along[0].max(along[1]))).count()
}
