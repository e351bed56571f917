//! Something reaches into the image over its edge.

use super::image::SMALL;
use super::statistics::median;
use super::{Finding, percent, series::Series};

/// A cell is covered where it differs from before by this many times what is usual for all but few cells,
const STEP: f64 = 1.5;
/// and by this share of the scale.
const LEAST_STEP: f64 = 0.04;
/// Share of the image that is covered at least.
const SHARE: f64 = 0.015;
/// Share of the side that it reaches into the image at least.
const REACH: f64 = 0.2;
/// Share of its outline that is sharp.
const SHARP: f64 = 0.5;

/// A large, connected deviation with a sharp outline that comes in over one edge.
pub(super) fn check(series: &Series<'_>, at: usize) -> Option<Finding> {
    if !series.usual.one_scene {
        return None;
    }
    let limit = (STEP * series.usual.unlike).max(LEAST_STEP);
    let frame = series.frames[at];
    let found = series.references(at).map(|reference| {
        let change: Vec<f32> = frame.small.iter().zip(&reference).map(|(a, b)| a - b).collect();
        [1.0, -1.0]
            .into_iter()
            .flat_map(|sign| Patch::all(&change, sign, limit as f32))
            .map(|patch| patch.finding())
            .max_by(|a, b| a.score.total_cmp(&b.score))
    });
    found.collect::<Option<Vec<_>>>()?.into_iter().min_by(|a, b| a.score.total_cmp(&b.score))
}

/// Connected cells that have changed the same way and touch the border.
struct Patch {
    cells: usize,
    /// Cells at the left, right, upper and lower border.
    touched: [usize; 4],
    /// First and last column and row.
    bounds: [usize; 4],
    /// Share of the outline inside the image where the change ends within two cells.
    sharp: f64,
    /// Median change.
    change: f64,
}

impl Patch {
    fn all(change: &[f32], sign: f32, limit: f32) -> Vec<Self> {
        let inside: Vec<bool> = change.iter().map(|c| sign * c >= limit).collect();
        let mut seen = vec![false; inside.len()];
        let mut patches = Vec::new();
        for start in 0..inside.len() {
            if !inside[start] || seen[start] {
                continue;
            }
            let (mut open, mut cells) = (vec![start], Vec::new());
            seen[start] = true;
            while let Some(cell) = open.pop() {
                cells.push(cell);
                for next in beside(cell).into_iter().flatten() {
                    if inside[next] && !seen[next] {
                        seen[next] = true;
                        open.push(next);
                    }
                }
            }
            patches.push(Self::measure(&cells, change, &inside));
        }
        patches
    }

    fn measure(cells: &[usize], change: &[f32], inside: &[bool]) -> Self {
        let (mut touched, mut bounds) = ([0; 4], [SMALL, 0, SMALL, 0]);
        let height = median(cells.iter().map(|&c| f64::from(change[c].abs())));
        let (mut outline, mut sharp) = (0, 0);
        for &cell in cells {
            let (x, y) = (cell % SMALL, cell / SMALL);
            let at = [x == 0, x == SMALL - 1, y == 0, y == SMALL - 1];
            touched.iter_mut().zip(at).for_each(|(count, at)| *count += usize::from(at));
            bounds = [bounds[0].min(x), bounds[1].max(x), bounds[2].min(y), bounds[3].max(y)];
            for (side, next) in beside(cell).into_iter().enumerate() {
                let Some(next) = next.filter(|&next| !inside[next]) else { continue };
                outline += 1;
                let beyond = beside(next)[side].unwrap_or(next);
                let back = beside(cell)[side ^ 1].filter(|&b| inside[b]).unwrap_or(cell);
                let drop = f64::from((change[back] - change[beyond]).abs());
                sharp += usize::from(drop >= 0.5 * height);
            }
        }
        let sharp = f64::from(sharp as u32) / f64::from(outline.max(1));
        Self { cells: cells.len(), touched, bounds, sharp, change: height }
    }

    fn finding(&self) -> Finding {
        let [left, right, top, bottom] = self.touched;
        // Where it comes in, and how far it gets from there.
        let reach = [
            (left, self.bounds[1] + 1),
            (right, SMALL - self.bounds[0]),
            (top, self.bounds[3] + 1),
            (bottom, SMALL - self.bounds[2]),
        ];
        let (width, reach) = reach.into_iter().filter(|r| r.0 > 0).max().unwrap_or((0, 0));
        let across = (left > 0 && right > 0) || (top > 0 && bottom > 0);
        let share = self.cells as f64 / (SMALL * SMALL) as f64;
        let whole = across || width == 0 || width as f64 > 0.7 * SMALL as f64;
        let score = (share / SHARE).min(reach as f64 / (REACH * SMALL as f64)).min(self.sharp / SHARP);
        let reason = format!(
            "something that covers {} of the image and differs by {} of the scale reaches in over the edge",
            percent(share),
            percent(self.change)
        );
        Finding { kind: "hand", score: if whole { 0.0 } else { score }, reason }
    }
}

/// The cells to the left and right, above and below.
fn beside(cell: usize) -> [Option<usize>; 4] {
    let (x, y) = (cell % SMALL, cell / SMALL);
    [
        (x > 0).then(|| cell - 1),
        (x + 1 < SMALL).then(|| cell + 1),
        (y > 0).then(|| cell - SMALL),
        (y + 1 < SMALL).then(|| cell + SMALL),
    ]
}
