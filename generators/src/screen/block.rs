//! The largest flat rectangle in an image.

use super::image::{Image, SMALL};

/// A rectangle of nearly one value.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Block {
    /// Its first column and row, in px.
    pub corner_px: [usize; 2],
    /// Its width and height in px.
    pub size_px: [usize; 2],
    /// Mean difference of the pixels just outside to its value, as a share of the scale.
    pub step: f64,
}

/// A rectangle is at least this many cells wide and high.
const LEAST: usize = 4;
/// Share of its bounding box that a connected set of flat cells has to fill.
const FULL: f64 = 0.9;

impl Block {
    /// The largest, `None` where nothing is flat.
    pub(super) fn largest(image: &Image) -> Option<Self> {
        let side = (image.width.min(image.height) / SMALL).max(1);
        let (across, down) = (image.width / side, image.height / side);
        // A cell's value where all of it and its neighbours to the right and below are equal.
        let flat = |cell: usize| -> Option<u16> {
            let (x, y) = (cell % across * side, cell / across * side);
            let first = image.values[y * image.width + x];
            let (right, bottom) = ((x + side + 1).min(image.width), (y + side + 1).min(image.height));
            let all = (y..bottom).all(|row| {
                image.values[row * image.width + x..row * image.width + right].iter().all(|&v| v == first)
            });
            all.then_some(first)
        };
        let values: Vec<Option<u16>> = (0..across * down).map(flat).collect();
        let mut seen = vec![false; values.len()];
        let mut best: Option<(usize, [usize; 4], u16)> = None;
        for start in 0..values.len() {
            let Some(value) = values[start].filter(|_| !seen[start]) else { continue };
            let [mut left, mut top, mut right, mut bottom] =
                [start % across, start / across, start % across, start / across];
            let (mut open, mut count) = (vec![start], 0);
            seen[start] = true;
            while let Some(cell) = open.pop() {
                count += 1;
                let (x, y) = (cell % across, cell / across);
                (left, right, top, bottom) = (left.min(x), right.max(x), top.min(y), bottom.max(y));
                let beside = [
                    (x > 0).then(|| cell - 1),
                    (x + 1 < across).then(|| cell + 1),
                    (y > 0).then(|| cell - across),
                    (y + 1 < down).then(|| cell + across),
                ];
                for next in beside.into_iter().flatten() {
                    if !seen[next] && values[next] == Some(value) {
                        seen[next] = true;
                        open.push(next);
                    }
                }
            }
            let (wide, high) = (right - left + 1, bottom - top + 1);
            let full = count as f64 >= FULL * (wide * high) as f64;
            if full && wide >= LEAST && high >= LEAST && best.is_none_or(|(most, ..)| count > most) {
                best = Some((count, [left, top, wide, high], value));
            }
        }
        let (_, [left, top, wide, high], value) = best?;
        let (corner_px, size_px) = ([left * side, top * side], [wide * side, high * side]);
        Some(Self { corner_px, size_px, step: step(image, corner_px, size_px, value) })
    }

    /// Share of the image.
    pub(super) fn share(&self, width: usize, height: usize) -> f64 {
        (self.size_px[0] * self.size_px[1]) as f64 / (width * height) as f64
    }
}

/// The ring two to four pixels outside of the box: the cells end within two pixels of what is flat.
fn step(image: &Image, [left, top]: [usize; 2], [wide, high]: [usize; 2], value: u16) -> f64 {
    let (mut sum, mut count) = (0u64, 0u64);
    let reach = (image.width.min(image.height) / SMALL).max(1) + 2;
    let (first, last) = (top.saturating_sub(reach), (top + high + reach).min(image.height));
    for y in first..last {
        for x in left.saturating_sub(reach)..(left + wide + reach).min(image.width) {
            let outside = |at: usize, start: usize, length: usize| {
                at + reach == start || at + 1 == start + length + reach
            };
            if outside(x, left, wide) || outside(y, top, high) {
                sum += u64::from(image.values[y * image.width + x].abs_diff(value));
                count += 1;
            }
        }
    }
    sum as f64 / count.max(1) as f64 / f64::from(image.white)
}
