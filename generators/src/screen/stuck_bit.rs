//! A bit that is the same in every pixel.

use super::{Finding, series::Series};

/// Bits from the most significant that are looked at.
const BITS: u32 = 5;
/// Share of the pixels that the bit must have changed, against the images before and after.
const CHANGED: f64 = 0.03;
/// Share of them that has to be where the bit alone puts them.
const FITTING: f64 = 0.6;

/// One value of a bit everywhere, and pixels that differ from their usual value by just that bit.
pub(super) fn check(series: &Series<'_>, at: usize) -> Option<Finding> {
    if !series.usual.one_scene {
        return None;
    }
    let frame = series.frames[at];
    let references: Vec<Vec<u16>> = series.sampled_references(at).collect();
    let mut best: Option<Finding> = None;
    for bit in 1..=BITS {
        let flag = (frame.white >> 1).wrapping_add(1) >> (bit - 1);
        let high = frame.stuck[1] & flag != 0;
        if !high && frame.stuck[0] & flag == 0 {
            continue;
        }
        // What the pixel would be with the bit stuck.
        let stuck = |usual: u16| if high { usual | flag } else { usual & !flag };
        let fits = references.iter().map(|reference| {
            let pairs = reference.iter().zip(&frame.sampled).filter(|(usual, _)| stuck(**usual) != **usual);
            let (changed, fitting) = pairs.fold((0, 0), |(changed, fitting), (&usual, &value)| {
                (changed + 1, fitting + usize::from(stuck(usual).abs_diff(value) < flag / 4))
            });
            let share = changed as f64 / reference.len() as f64;
            (share / CHANGED).min(fitting as f64 / (changed.max(1) as f64 * FITTING))
        });
        let Some(score) = fits.reduce(f64::min) else { continue };
        let reason = format!("bit {bit} from the top is {} in every pixel", u8::from(high));
        if best.as_ref().is_none_or(|b| b.score < score) {
            best = Some(Finding { kind: "stuck-bit", score, reason });
        }
    }
    best
}
