//! Single pixels at the ends of the scale.

use super::image::Image;
use super::{Finding, series::Series};

/// Share of the pixels.
const SHARE: f64 = 0.01;
/// An impulse differs from the median of its neighbours by this share of the scale.
const STEP: f64 = 0.15;

/// Share of the pixels that are within a hundredth of the image's ends and unlike their eight neighbours.
pub(super) fn share(image: &Image) -> f64 {
    let (width, height) = (image.width, image.height);
    if width < 3 || height < 3 {
        return 0.0;
    }
    let low = image.values.iter().copied().min().unwrap_or(0).saturating_add(image.white / 100);
    let high = image.values.iter().copied().max().unwrap_or(0).saturating_sub(image.white / 100);
    let step = (STEP * f64::from(image.white)) as u16;
    let mut count = 0;
    for y in 1..height - 1 {
        for x in 1..width - 1 {
            let at = y * width + x;
            let value = image.values[at];
            if value > low && value < high {
                continue;
            }
            let mut around = [
                at - width - 1,
                at - width,
                at - width + 1,
                at - 1,
                at + 1,
                at + width - 1,
                at + width,
                at + width + 1,
            ]
            .map(|i| image.values[i]);
            around.sort_unstable();
            let median = around[4].abs_diff(value).min(around[3].abs_diff(value));
            count += usize::from(median >= step);
        }
    }
    count as f64 / ((width - 2) * (height - 2)) as f64
}

/// More impulses than usual.
pub(super) fn check(series: &Series<'_>, at: usize) -> Option<Finding> {
    let share = series.frames[at].impulses;
    let score = (share - series.median(&series.medians.impulses, |f| f.impulses)) / SHARE;
    let reason = format!("{:.1} % of the pixels are black or white, alone among others", 100.0 * share);
    (score > 0.0).then_some(Finding { kind: "impulse-noise", score, reason })
}
