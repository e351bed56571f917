//! The same image again.

use super::Finding;
use super::series::{Series, distance};

/// Images back that are compared.
const BACK: usize = 8;
/// Share of the usual difference to the image before.
const LEFT: f64 = 0.35;

/// Equal to an earlier image, or so like one that only noise can lie between.
pub(super) fn check(series: &Series<'_>, at: usize) -> Option<Finding> {
    let frame = series.frames[at];
    let finding = |score, reason| Some(Finding { kind: "repeated-frame", score, reason });
    if let Some(equal) = series.frames[..at].iter().rposition(|other| other.hash == frame.hash) {
        return finding(f64::INFINITY, format!("equal to the image {} before", at - equal));
    }
    let near =
        (at.saturating_sub(BACK)..at).map(|i| (distance(&series.frames[i].small, &frame.small), at - i));
    let (least, back) = near.min_by(|a, b| a.0.total_cmp(&b.0))?;
    let share = least / series.usual.step;
    let reason =
        format!("like the image {back} before but for {:.0} % of the usual difference", 100.0 * share);
    finding(LEFT / share, reason)
}
