//! The whole image lies elsewhere.

use super::frame::Frame;
use super::image::SMALL;
use super::lines::Lines;
use super::series::{NEARLY_ALL, Series};
use super::statistics::median;
use super::{Finding, fourier};
use crate::quantile::nearest_quantile;

/// Where it is, the image is unlike those before and after by this many times the usual, and by as many
/// times what is left once it is moved back.
const UNLIKE: f64 = 2.0;
/// Moved back it is like them but for this many times the usual,
const LIKE: f64 = 0.9;
/// or for this many where an edge shows that the image itself was moved.
const LIKE_WITH_EDGE: f64 = 2.2;
/// A seam stands out from the lines at the same end of the image by this factor.
const SEAM: f64 = 2.0;

/// A seam is sharper than any lens draws a contour: it stands out from both lines beside it and from what neighbours along it
/// differ by. Where the image was moved both ways there are two, and the factors of row and column multiply to this.
const SEAMS: f64 = 3.4;
/// So many lines at one end that are all alike are an edge that was drawn out.
const DRAWN_OUT: f64 = 2.0;

/// A side of the image whose edge may be drawn out. The lower one is none: rows there may never have arrived.
#[derive(Clone, Copy)]
pub(super) enum Side {
    Upper,
    Left,
    Right,
}

impl Side {
    pub(super) const ALL: [Self; 3] = [Self::Upper, Self::Left, Self::Right];

    /// How many lines are all alike there; `calmest` as in [`Usual`](super::series::Usual).
    pub(super) fn alike(self, frame: &Frame, [across, down]: [f64; 2]) -> usize {
        match self {
            Self::Upper => frame.rows.alike_at_the_start(across),
            Self::Left => frame.columns.alike_at_the_start(down),
            Self::Right => frame.columns.alike_at_the_end(down),
        }
    }
}

/// Edges that show that the image was moved, whatever the images before and after show: a seam across it or down
/// it, or lines at one of [`Side::ALL`] that are all alike, more of them than there usually are.
pub(super) fn check_edges(series: &Series<'_>, at: usize) -> Option<Finding> {
    let (frame, usual) = (series.frames[at], &series.usual);
    let more = |(side, usually): (Side, f64)| side.alike(frame, usual.calmest) as f64 - usually;
    let drawn_out = Side::ALL.into_iter().zip(usual.alike).map(more).fold(0.0, f64::max);
    let [across, down] = usual.ends_stand_out;
    let seams = seam(&frame.rows, across) * seam(&frame.columns, down);
    let score = (drawn_out / DRAWN_OUT).max(if seams > 1.0 { seams / SEAMS } else { 0.0 });
    let reason = "a seam or an edge that is drawn out: the image was moved".to_owned();
    (score > 0.0).then_some(Finding { kind: "shifted-frame", score, reason })
}

/// How much the clearest line where an image was joined anew stands out, where the ends of an image usually do by
/// `usual`; 1, a factor that changes nothing, where there is none.
///
/// What is moved out of an image comes in again opposite. Its ends then are what were neighbours in the scene, and differ no more
/// than others within an image; and the ends of the scene meet in the seam, so that it stands out as these do. A
/// straight contour that a sharp lens draws changes no ends, however many images show it; and a fault may last as long.
fn seam(lines: &Lines, usual: f64) -> f64 {
    // As a factor, the ends are nearer to what lines within an image do, which is 1, than to what ends do.
    if lines.ends_stand_out().powi(2) > usual {
        return 1.0;
    }
    let inner = 2..lines.count().saturating_sub(1);
    let clearest = inner.map(|i| lines.stands_out(i)).fold(0.0, f64::max);
    clearest.min(usual).max(1.0)
}

/// A displacement that makes the image what those before and after show.
///
/// A layer that was printed elsewhere (a defect) leaves the heat of the layers below where it was and
/// moves no edge: without a seam, or an edge that is drawn out, next to nothing may be left.
pub(super) fn check(series: &Series<'_>, at: usize) -> Option<Finding> {
    let usual = series.usual.unlike_at_all;
    if !series.usual.one_scene || usual <= 0.0 {
        return None;
    }
    let frame = series.frames[at];
    let mut least: Option<([f64; 2], f64)> = None;
    for reference in series.references(at) {
        let here = unlike(&frame.small, &reference, [0.0; 2]);
        // As like as usual: nothing to look for.
        if here <= usual {
            return None;
        }
        let peaks = fourier::displacements(&frame.small, &reference);
        let near = peaks.iter().flat_map(|peak| {
            let steps = [-1.0, -0.5, 0.0, 0.5, 1.0];
            steps.into_iter().flat_map(move |y| steps.map(|x| [peak[0] as f64 + x, peak[1] as f64 + y]))
        });
        let far = near.filter(|by| by[0].hypot(by[1]) >= 1.0);
        let moved = far.map(|by| (by, unlike(&frame.small, &reference, by)));
        let (by, left) = moved.min_by(|a, b| a.1.total_cmp(&b.1))?;
        let like = if has_moved_edge(frame, by) { LIKE_WITH_EDGE } else { LIKE };
        let score = (here / (UNLIKE * usual)).min(here / (UNLIKE * left)).min(like * usual / left);
        if least.is_none_or(|(_, s)| score < s) {
            least = Some((by, score));
        }
    }
    let (by, score) = least?;
    let [right, down] = in_px(frame, by);
    let reason = format!("shifted by {:.1} px against the images before and after", right.hypot(down));
    Some(Finding { kind: "shifted-frame", score, reason })
}

fn in_px(frame: &Frame, by: [f64; 2]) -> [f64; 2] {
    [by[0] * frame.width as f64, by[1] * frame.height as f64].map(|px| px / SMALL as f64)
}

/// How far [`NEARLY_ALL`] cells are from the reference at most, with the image moved back by `by` cells;
/// only where both show something.
fn unlike(image: &[f32], reference: &[f32], by: [f64; 2]) -> f64 {
    let [left, top] = by.map(f64::floor);
    let [fx, fy] = [by[0] - left, by[1] - top].map(|f| f as f32);
    let side = SMALL as isize;
    let inside = |at: isize| (0..side - 1).contains(&at);
    let pairs = (0..side * side).filter_map(|i| {
        let [x, y] = [i % side + left as isize, i / side + top as isize];
        if !(inside(x) && inside(y)) {
            return None;
        }
        let value = |dx: isize, dy: isize| image[((y + dy) * side + x + dx) as usize];
        let upper = value(0, 0) + fx * (value(1, 0) - value(0, 0));
        let lower = value(0, 1) + fx * (value(1, 1) - value(0, 1));
        Some(f64::from((upper + fy * (lower - upper) - reference[i as usize]).abs()))
    });
    nearest_quantile(pairs, NEARLY_ALL)
}

/// The end of the image that was left empty ends in a seam, or was filled with what was last.
fn has_moved_edge(frame: &Frame, by: [f64; 2]) -> bool {
    let [right, down] = in_px(frame, by);
    moved_edge(&frame.rows, down) || moved_edge(&frame.columns, right)
}

fn moved_edge(lines: &Lines, by_px: f64) -> bool {
    let (count, far) = (lines.count(), by_px.abs().round() as usize);
    if far < 2 || far + 2 >= count {
        return false;
    }
    let edge = if by_px > 0.0 { far } else { count - far };
    let emptied = if by_px > 0.0 { 1..far } else { count - far + 1..count };
    let usual = median(lines.across[1..].iter().map(|&v| f64::from(v)));
    let alike = lines.across[emptied].iter().filter(|&&v| f64::from(v) <= 0.1 * usual).count();
    // The lines around the seam, which may be a cell away from where it was looked for.
    let beyond = edge.saturating_sub(far + 8).max(1)..(edge + far + 8).min(count);
    let around = median(lines.across[beyond].iter().map(|&v| f64::from(v)));
    let reach = count.div_ceil(SMALL) + 1;
    let near = edge.saturating_sub(reach).max(1)..(edge + reach + 1).min(count);
    let seam = lines.across[near].iter().map(|&v| f64::from(v)).fold(0.0, f64::max);
    2 * alike >= far || seam >= SEAM * around
}
