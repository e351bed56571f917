//! A rectangle of the sensor delivers nothing.

use super::{Finding, percent, series::Series};

/// Share of the image.
const SHARE: f64 = 0.01;
/// The rectangle stands out from what is around it by this share of the scale.
const STEP: f64 = 0.02;

/// A flat rectangle that stands out.
pub(super) fn check(series: &Series<'_>, at: usize) -> Option<Finding> {
    let of = |frame: &super::frame::Frame| {
        let block = frame.block.as_ref().filter(|block| block.step >= STEP);
        block.map_or(0.0, |block| block.share(frame.width, frame.height))
    };
    let frame = series.frames[at];
    let block = frame.block.as_ref()?;
    let score = (of(frame) - series.median(&series.medians.dead_block, of)) / SHARE;
    let ([x, y], [width, height]) = (block.corner_px, block.size_px);
    let reason = format!(
        "{width} x {height} px from ({x}, {y}), {} of the image, have one value",
        percent(block.share(frame.width, frame.height))
    );
    (score > 0.0).then_some(Finding { kind: "dead-block", score, reason })
}
