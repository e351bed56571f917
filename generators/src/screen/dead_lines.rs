//! Rows or columns that deliver nothing.

use super::{Finding, lines::Lines, series::Series};

/// A dead line stands out from its neighbours by this many usual differences between lines,
const STEP: f64 = 4.0;
/// and by this share of the scale.
const LEAST_STEP: f64 = 0.02;

/// Flat lines that stand out from those beside them.
pub(super) fn check(series: &Series<'_>, at: usize) -> Option<Finding> {
    let usual = &series.usual;
    let found = [0, 1].map(|turn| {
        let of = |frame: &super::frame::Frame| {
            let lines = if turn == 0 { &frame.rows } else { &frame.columns };
            dead(lines, usual.along[turn], usual.across[turn])
        };
        let dead = of(series.frames[at]);
        let most = series.median(&series.medians.dead_lines[turn], |f| of(f) as f64);
        let name = ["rows", "columns"][turn];
        let reason = format!("{dead} {name} have no variance and stand out from those beside them");
        Finding { kind: "dead-lines", score: dead as f64 - most, reason }
    });
    found.into_iter().filter(|f| f.score > 0.0).max_by(|a, b| a.score.total_cmp(&b.score))
}

/// How many lines are flat and stand out, in runs that are no half of the image.
fn dead(lines: &Lines, along: f64, across: f64) -> usize {
    let limit = (STEP * across).max(LEAST_STEP);
    let runs = Lines::runs(&lines.flat(along));
    let inside = |run: &&std::ops::Range<usize>| 10 * run.len() < lines.count() && lines.step(run) >= limit;
    runs.iter().filter(inside).map(ExactSizeIterator::len).sum()
}
