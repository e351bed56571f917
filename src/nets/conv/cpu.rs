//! The three passes of a convolution on the CPU: sums over the taps of the window and the channels, read straight from
//! the images (`lanes`, `planes`) and the weights by the kernel of `panels`.
//!
//! How the sums are cut depends on the shapes alone, so that they are the same at any number of threads.

use rayon::prelude::*;

use super::direction::Direction;
use super::geometry::Geometry;
use super::lanes::{Lanes, Layout};
use super::planes::Plane;
use crate::nets::panels::{self, ROWS, Step, Sums, Vector};
use crate::nets::scratch::Scratch;
use crate::nets::transpose::transpose as transpose_matrix;
use crate::nets::vectors::widest;

/// Vectors that pay for the weights to come into the cache.
const VECTORS: usize = 48;
/// Sums of one group of images: they stay in the second cache.
const SUMS: usize = 1 << 18;
/// With fewer groups of images than this, the threads share each group.
const GROUPS: usize = 4;
/// Tasks of one group where the threads share it, and of a weight gradient, as far as the shapes allow.
const TASKS: usize = 8;
/// Pixels of the features that a weight gradient sums over at a time.
const PIXELS: usize = 256;
/// Weights up to which their gradient is summed up in parts.
const FEW_WEIGHTS: usize = 1 << 17;

/// What follows a sum in the same pass: a bias per channel and a leaky ReLU of this slope.
#[derive(Clone, Copy)]
pub(super) struct Epilogue<'a> {
    pub bias: Option<&'a [f32]>,
    pub slope: f32,
}

impl Epilogue<'_> {
    pub const NONE: Self = Self { bias: None, slope: 1.0 };

    fn apply(&self, channel: usize, row: &mut [f32]) {
        let (bias, slope) = (self.bias.map_or(0.0, |bias| bias[channel]), self.slope);
        if slope != 1.0 || self.bias.is_some() {
            widest(move || {
                for v in row {
                    let sum = *v + bias;
                    *v = sum * if sum > 0.0 { 1.0 } else { slope };
                }
            });
        }
    }
}

/// `image` `[batch, channels, height, width]` and `weight` to features, `epilogue` applied.
pub(super) fn convolve(g: &Geometry, image: &[f32], weight: &[f32], epilogue: Epilogue<'_>) -> Vec<f32> {
    pass(&Direction::to_features(g), image, weight, epilogue)
}

/// `features` `[batch, features, height, width]` and `weight` to the image side: the input gradient of
/// [`convolve`], and the forward pass of a transposed convolution, `epilogue` applied.
pub(super) fn transpose(g: &Geometry, features: &[f32], weight: &[f32], epilogue: Epilogue<'_>) -> Vec<f32> {
    pass(&Direction::to_image(g), features, weight, epilogue)
}

fn pass(direction: &Direction, source: &[f32], weight: &[f32], epilogue: Epilogue<'_>) -> Vec<f32> {
    let layout = Layout::new(direction, panels::lanes());
    let unit = layout.images_together();
    let vectors = layout.vectors(direction, unit).max(1);
    let affordable = SUMS / (vectors * direction.target[0] * layout.width);
    let images = unit * VECTORS.div_ceil(vectors).min(affordable).max(1);
    let shared = direction.batch.div_ceil(images) < GROUPS;
    let pass = Pass { direction, layout, weight, epilogue, shared };
    let mut target = vec![0.0; direction.batch * direction.target_len()];
    target
        .par_chunks_mut(images * direction.target_len())
        .zip(source.par_chunks(images * direction.source_len()))
        .with_min_len(if shared { usize::MAX } else { 1 })
        .for_each(|(target, source)| pass.group(source, target));
    target
}

/// A pass over groups of images.
struct Pass<'a> {
    direction: &'a Direction,
    layout: Layout,
    weight: &'a [f32],
    epilogue: Epilogue<'a>,
    /// Whether the threads share each group of images.
    shared: bool,
}

impl Pass<'_> {
    /// Fewest pieces of one group that one thread takes.
    fn together(&self) -> usize {
        if self.shared { 1 } else { usize::MAX }
    }

    fn group(&self, source: &[f32], target: &mut [f32]) {
        let (layout, [channels, _, _]) = (&self.layout, self.direction.target);
        let (images, px) = (target.len() / self.direction.target_len(), self.direction.target_px());
        let laid_out = self.lay_out(source);
        let block = if self.shared { channels.div_ceil(TASKS).next_multiple_of(ROWS) } else { channels };
        // [channel, image, pixel]
        let rows = |rows: &mut [f32]| {
            rows.par_chunks_mut(block * images * px).enumerate().with_min_len(self.together()).for_each(
                |(i, rows)| {
                    let count = rows.len() / (images * px);
                    let vectors = layout.vectors(self.direction, images);
                    let mut sums = Scratch::new(count.next_multiple_of(ROWS) * vectors * layout.width);
                    self.sum(&laid_out, images, i * block..i * block + count, &mut sums);
                    for (row, out) in rows.chunks_exact_mut(images * px).enumerate() {
                        let start = (row / ROWS * vectors * ROWS + row % ROWS) * layout.width;
                        widest(|| self.collect(&sums[start..], images, out));
                        self.epilogue.apply(i * block + row, out);
                    }
                },
            );
        };
        if images == 1 {
            return rows(target);
        }
        let mut sorted = Scratch::new(target.len());
        rows(&mut sorted);
        let sorted = &*sorted;
        target.par_chunks_mut(px).enumerate().with_min_len(self.together()).for_each(|(i, out)| {
            let (image, channel) = (i / channels, i % channels);
            out.copy_from_slice(&sorted[(channel * images + image) * px..][..px]);
        });
    }

    /// The source as the sums read it: `[images together, channel, ...]`.
    fn lay_out(&self, source: &[f32]) -> Scratch {
        let (layout, one) = (&self.layout, self.direction.source_len());
        let [channels, height, width] = self.direction.source;
        let (unit, px) = (layout.images_together(), height * width);
        let units = (source.len() / one).div_ceil(unit);
        let mut out = Scratch::new(units * channels * layout.channel);
        out.par_chunks_mut(layout.channel).enumerate().with_min_len(self.together()).for_each(|(i, out)| {
            let start = i / channels * unit * one;
            let images = &source[start..(start + unit * one).min(source.len())];
            layout.fill(images, one, px, i % channels, out);
        });
        out
    }

    /// The sums of some channels of the target.
    fn sum(&self, source: &[f32], images: usize, channels: std::ops::Range<usize>, sums: &mut [f32]) {
        let (layout, direction) = (&self.layout, self.direction);
        let vectors = layout.vectors(direction, images);
        let [row, channel] = direction.weights_apart();
        let rows: Vec<usize> = channels.map(|c| c * row).collect();
        let classes: Vec<Vec<Vector>> =
            layout.classes.iter().map(|class| class.vectors(layout, direction, images)).collect();
        for first in (0..direction.source[0]).step_by(layout.channels) {
            let count = layout.channels.min(direction.source[0] - first);
            let (weight, source) = (&self.weight[first * channel..], &source[first * layout.channel..]);
            let mut place = 0;
            for (class, lanes) in layout.classes.iter().zip(&classes) {
                let mut sums = Sums { values: sums, vectors, accumulate: first > 0 };
                if layout.lanes != Lanes::Gathered {
                    panels::multiply(&mut sums, (weight, &rows), (source, lanes), class.steps(count));
                    continue;
                }
                let here = layout.gathered(class, images);
                let gathered = class.gather(source, lanes, count, here, layout.width);
                let steps = class.gathered_steps(here, layout.width, count);
                let lanes: Vec<Vector> =
                    (0..here).map(|v| Vector { start: v * layout.width, place: place + v }).collect();
                panels::multiply(&mut sums, (weight, &rows), (&gathered, &lanes), &steps);
                place += here;
            }
        }
    }

    /// Brings the sums of one channel, whose vectors are [`ROWS`] vectors apart, into the order of the target.
    #[inline(always)]
    fn collect(&self, sums: &[f32], images: usize, out: &mut [f32]) {
        let (layout, direction) = (&self.layout, self.direction);
        let (width, px) = (layout.width, direction.target_px());
        let vector = |place: usize| &sums[place * ROWS * width..][..width];
        match layout.lanes {
            Lanes::Row => {
                let (kinds, columns) = (direction.kinds(2).count(), direction.target[2]);
                for (y, out) in out.chunks_exact_mut(columns).enumerate() {
                    let first = y * kinds * layout.runs;
                    if kinds == 2 && columns % 2 == 0 {
                        for run in 0..layout.runs {
                            let start = (run * width).min(columns / 2 - width);
                            let (pairs, _) = out[2 * start..][..2 * width].as_chunks_mut::<2>();
                            let both = vector(first + run).iter().zip(vector(first + layout.runs + run));
                            pairs.iter_mut().zip(both).for_each(|(pair, (&a, &b))| *pair = [a, b]);
                        }
                        continue;
                    }
                    for (kind, count) in direction.kinds(2) {
                        for run in 0..count.div_ceil(width) {
                            let start = kind + (run * width).min(count - width) * kinds;
                            let values = vector(first + kind * layout.runs + run);
                            out[start..].iter_mut().step_by(kinds).zip(values).for_each(|(o, v)| *o = *v);
                        }
                    }
                }
            }
            Lanes::Images => {
                for (i, out) in out.chunks_mut(width * px).enumerate() {
                    let sums = &sums[i * px * ROWS * width..];
                    transpose_matrix((sums, ROWS * width), [px, out.len() / px], (out, px));
                }
            }
            Lanes::Gathered => {
                let mut place = 0;
                for class in &layout.classes {
                    for (i, pixel) in class.vectors(layout, direction, images).into_iter().enumerate() {
                        out[pixel.place] = vector(place + i / width)[i % width];
                    }
                    place += layout.gathered(class, images);
                }
            }
        }
    }
}

/// The gradient of [`convolve`] with respect to `weight`, given `features`, the gradient with respect to
/// its result.
pub(super) fn weight_gradient(g: &Geometry, image: &[f32], features: &[f32]) -> Vec<f32> {
    let (direction, width) = (Direction::to_features(g), panels::lanes());
    let ([channels, _, _], plane) = (g.image, Plane::new(&direction));
    let (outputs, taps) = (g.features[0], g.taps());
    let (vectors, rows) = (outputs.div_ceil(width), channels * taps);
    let images = PIXELS.div_ceil(g.feature_px()).min(g.batch);
    let groups = g.batch.div_ceil(images);
    let parts = if outputs * rows <= FEW_WEIGHTS { TASKS.min(groups) } else { 1 };
    let per_part = groups.div_ceil(parts) * images;
    let parts = g.batch.div_ceil(per_part);
    let padded_rows = rows.next_multiple_of(ROWS);
    let (together, block) = match parts {
        1 => (1, rows.div_ceil(TASKS).next_multiple_of(ROWS)),
        _ => (usize::MAX, padded_rows),
    };

    let starts = weight_starts(&direction, &plane);
    let steps: Vec<Step> = pixel_steps(g, &plane, images, width);
    let mut sums = Scratch::new(parts * padded_rows * vectors * width);
    let part = |(part, sums): (usize, &mut [f32])| {
        let (image, features) = (
            &image[part * per_part * direction.source_len()..],
            &features[part * per_part * direction.target_len()..],
        );
        let count = per_part.min(features.len() / direction.target_len());
        let groups = image[..count * direction.source_len()]
            .chunks(images * direction.source_len())
            .zip(features[..count * direction.target_len()].chunks(images * direction.target_len()));
        for (i, (image, features)) in groups.enumerate() {
            let count = features.len() / direction.target_len() * g.feature_px();
            let mut planes = Scratch::new(image.len() / g.image_px() * plane.len());
            let laid_out = planes.par_chunks_mut(plane.len()).zip(image.par_chunks(g.image_px()));
            laid_out.with_min_len(together).for_each(|(out, image)| widest(|| plane.fill(image, out)));
            // [vector, pixel, lane]
            let mut upstream = Scratch::new(vectors * count * width);
            upstream.par_chunks_mut(count * width).enumerate().with_min_len(together).for_each(|(v, out)| {
                let lanes = width.min(outputs - v * width);
                let images = features.chunks_exact(direction.target_len());
                for (features, out) in images.zip(out.chunks_exact_mut(g.feature_px() * width)) {
                    let source = &features[v * width * g.feature_px()..];
                    transpose_matrix((source, g.feature_px()), [lanes, g.feature_px()], (out, width));
                }
            });
            let lanes: Vec<Vector> =
                (0..vectors).map(|v| Vector { start: v * count * width, place: v }).collect();
            let blocks = sums.par_chunks_mut(block * vectors * width).zip(starts.par_chunks(block));
            blocks.with_min_len(together).for_each(|(values, starts)| {
                for (j, steps) in steps[..count].chunks(PIXELS).enumerate() {
                    let mut sums = Sums { values: &mut *values, vectors, accumulate: i + j > 0 };
                    panels::multiply(&mut sums, (&planes, starts), (&upstream, &lanes), steps);
                }
            });
        }
    };
    sums.par_chunks_mut(padded_rows * vectors * width)
        .enumerate()
        .with_min_len(if parts == 1 { usize::MAX } else { 1 })
        .for_each(part);
    collect_gradient(&sums, parts, [rows, outputs], width)
}

/// Where the products of each weight begin in the planes.
fn weight_starts(direction: &Direction, plane: &Plane) -> Vec<usize> {
    let taps = direction.taps(0);
    let of = |channel: usize| {
        let taps = &taps;
        taps.iter().flat_map(move |&(_, y)| {
            taps.iter().map(move |&(_, x)| channel * plane.len() + plane.position([y, x]))
        })
    };
    (0..direction.source[0]).flat_map(of).collect()
}

/// The pixels of the features of some images: where they read in the planes and in the transposed features.
fn pixel_steps(g: &Geometry, plane: &Plane, images: usize, width: usize) -> Vec<Step> {
    let [_, height, columns] = g.features;
    let at = |i: usize| {
        let (image, y, x) = (i / g.feature_px(), i / columns % height, i % columns);
        image * g.image[0] * plane.len() + y * g.window.stride * plane.row() + x
    };
    (0..images * g.feature_px()).map(|i| Step { a: at(i) as u32, b: (i * width) as u32 }).collect()
}

/// Adds up the parts of a weight gradient and brings them into the order of the weights.
fn collect_gradient(sums: &[f32], parts: usize, [rows, outputs]: [usize; 2], width: usize) -> Vec<f32> {
    let vectors = outputs.div_ceil(width);
    let part = rows.next_multiple_of(ROWS) * vectors * width;
    let mut out = vec![0.0; outputs * rows];
    out.par_chunks_mut(width * rows).enumerate().for_each(|(v, out)| {
        let mut total = [0f32; ROWS * 64];
        for panel in 0..rows.div_ceil(ROWS) {
            let start = (panel * vectors + v) * ROWS * width;
            let total = &mut total[..ROWS * width];
            total.copy_from_slice(&sums[start..][..ROWS * width]);
            for other in 1..parts {
                let other = &sums[other * part + start..][..ROWS * width];
                total.iter_mut().zip(other).for_each(|(t, o)| *t += *o);
            }
            let (first, count) = (panel * ROWS, ROWS.min(rows - panel * ROWS));
            transpose_matrix((total, width), [count, out.len() / rows], (&mut out[first..], rows));
        }
    });
    out
}
