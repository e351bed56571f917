//! The three passes of a convolution on the CPU: windows are unfolded into columns, multiplied on one
//! thread per task, and the tasks run in parallel.
//!
//! How the work is cut depends on the shapes alone, so that the sums are the same at any number of threads.

use std::ops::Range;

use rayon::prelude::*;

use super::geometry::Geometry;
use super::planes::{Place, fold, join, split, unfold};
use crate::nets::gemm::{Matrix, multiply};
use crate::nets::scratch::Scratch;

/// Columns of one matrix product that pay for packing the weights and still stay in the cache.
const COLUMNS: usize = 256;
/// Columns where all threads work on one matrix product.
const SHARED_COLUMNS: usize = 2048;
/// Rows of unfolded columns that are made and multiplied at a time.
const DEPTH: usize = 512;
/// With fewer groups of images than this, the threads share each group.
const GROUPS: usize = 4;
/// Rows of a matrix product per task where the threads share it.
const ROWS: usize = 64;
/// Tasks of a weight gradient, as far as the shapes allow.
const GRADIENT_TASKS: usize = 8;
/// Scalars that the partial sums of a weight gradient may take.
const GRADIENT_SCALARS: usize = 1 << 22;

/// What follows a sum in the same pass: a bias per channel and a leaky ReLU of this slope.
#[derive(Clone, Copy)]
pub(super) struct Epilogue<'a> {
    pub bias: Option<&'a [f32]>,
    pub slope: f32,
}

impl Epilogue<'_> {
    pub const NONE: Self = Self { bias: None, slope: 1.0 };

    fn apply(&self, channel: usize, row: &mut [f32]) {
        let bias = self.bias.map_or(0.0, |bias| bias[channel]);
        if self.slope != 1.0 {
            for v in row {
                let sum = *v + bias;
                *v = if sum > 0.0 { sum } else { sum * self.slope };
            }
        } else if self.bias.is_some() {
            row.iter_mut().for_each(|v| *v += bias);
        }
    }
}

/// How the images are cut into matrix products.
struct Cut {
    /// Images of one product.
    images: usize,
    /// Feature rows of one product; all of them where it spans several images.
    rows: usize,
    /// Whether all threads work on one group of images at a time.
    shared: bool,
}

impl Cut {
    fn new(g: &Geometry) -> Self {
        let separate = Self::with_columns(g, COLUMNS);
        if g.batch.div_ceil(separate.images) >= GROUPS {
            return separate;
        }
        Self { shared: true, ..Self::with_columns(g, SHARED_COLUMNS) }
    }

    fn with_columns(g: &Geometry, columns: usize) -> Self {
        let images = columns.div_ceil(g.feature_px()).min(g.batch);
        Self { images, rows: (columns / g.features[2]).clamp(1, g.features[1]), shared: false }
    }

    /// Fewest groups that one thread takes.
    fn groups_together(&self) -> usize {
        if self.shared { usize::MAX } else { 1 }
    }

    /// Fewest pieces of one group that one thread takes.
    fn pieces_together(&self) -> usize {
        if self.shared { 1 } else { usize::MAX }
    }

    /// The feature rows of each product, in order.
    fn tiles(&self, g: &Geometry) -> impl Iterator<Item = Range<usize>> + use<> {
        let (rows, height) = (self.rows, g.features[1]);
        (0..height).step_by(rows).map(move |y| y..(y + rows).min(height))
    }
}

/// Scalars of one image on the image side and on the feature side.
fn sizes(g: &Geometry) -> (usize, usize) {
    (g.image[0] * g.image_px(), g.features[0] * g.feature_px())
}

/// Unfolds the windows of feature rows `tile` of `images` into `columns` `[channels, taps, images * tile]`,
/// for the channels from `first` on that `columns` has room for.
fn unfold_tile(
    g: &Geometry,
    images: &[f32],
    tile: &Range<usize>,
    first: usize,
    columns: &mut [f32],
    together: usize,
) {
    let (one, _) = sizes(g);
    let stride = g.window.stride;
    let rows = tile.start * stride..(tile.end - 1) * stride + g.window.extent();
    let count = tile.len() * g.features[2];
    let width = images.len() / one * count;
    columns.par_chunks_mut(g.taps() * width).enumerate().with_min_len(together).for_each(
        |(channel, columns)| {
            let mut plane = Scratch::new(rows.len() * stride * g.phase_columns());
            for (i, image) in images.chunks_exact(one).enumerate() {
                split(
                    g,
                    &image[(first + channel) * g.image_px()..][..g.image_px()],
                    rows.clone(),
                    &mut plane,
                );
                unfold(g, &plane, columns, Place { width, offset: i * count, rows: tile.len() });
            }
        },
    );
}

/// `image` `[batch, channels, height, width]` and `weight` to features, `epilogue` applied.
pub(super) fn convolve(g: &Geometry, image: &[f32], weight: &[f32], epilogue: Epilogue<'_>) -> Vec<f32> {
    let cut = Cut::new(g);
    let ((one_in, one_out), (outputs, depth)) = (sizes(g), (g.features[0], g.depth()));
    let together = cut.pieces_together();
    let block = if cut.shared { ROWS } else { outputs };
    let group = |(out, images): (&mut [f32], &[f32])| {
        for tile in cut.tiles(g) {
            let count = tile.len() * g.features[2];
            let width = images.len() / one_in * count;
            let mut sums = Scratch::new(outputs * width);
            // A block of channels at a time, so that its columns stay in the cache.
            let channels = DEPTH.div_ceil(g.taps()).min(g.image[0]);
            for first in (0..g.image[0]).step_by(channels) {
                let depth_here = channels.min(g.image[0] - first) * g.taps();
                let mut columns = Scratch::new(depth_here * width);
                unfold_tile(g, images, &tile, first, &mut columns, together);
                let columns = Matrix::rows(&columns, width);
                let blocks = sums.par_chunks_mut(block * width).zip(weight.par_chunks(block * depth));
                blocks.with_min_len(together).for_each(|(sums, weight)| {
                    let shape = [sums.len() / width, width, depth_here];
                    let weight = Matrix::rows(&weight[first * g.taps()..], depth);
                    multiply(shape, (sums, width), first > 0, weight, columns);
                });
            }
            let sums = &*sums;
            out.par_chunks_mut(g.feature_px()).enumerate().with_min_len(together).for_each(|(i, out)| {
                let (image, channel) = (i / outputs, i % outputs);
                let out = &mut out[tile.start * g.features[2]..][..count];
                out.copy_from_slice(&sums[channel * width + image * count..][..count]);
                epilogue.apply(channel, out);
            });
        }
    };
    let mut features = vec![0.0; g.batch * one_out];
    features
        .par_chunks_mut(cut.images * one_out)
        .zip(image.par_chunks(cut.images * one_in))
        .with_min_len(cut.groups_together())
        .for_each(group);
    features
}

/// Brings the rows `tile` of the features of several images side by side: `[channels, images * tile]`.
fn gather_features(g: &Geometry, features: &[f32], tile: &Range<usize>, packed: &mut [f32], together: usize) {
    let (_, one) = sizes(g);
    let count = tile.len() * g.features[2];
    let width = features.len() / one * count;
    packed.par_chunks_mut(width).enumerate().with_min_len(together).for_each(|(channel, row)| {
        for (features, part) in features.chunks_exact(one).zip(row.chunks_exact_mut(count)) {
            let start = channel * g.feature_px() + tile.start * g.features[2];
            part.copy_from_slice(&features[start..start + count]);
        }
    });
}

/// `features` `[batch, features, height, width]` and `weight` to the image side: the input gradient of
/// [`convolve`], and the forward pass of a transposed convolution, `epilogue` applied.
pub(super) fn transpose(g: &Geometry, features: &[f32], weight: &[f32], epilogue: Epilogue<'_>) -> Vec<f32> {
    let cut = Cut::new(g);
    let ((one_out, one_in), (outputs, depth)) = (sizes(g), (g.features[0], g.depth()));
    let together = cut.pieces_together();
    let block = if cut.shared { ROWS.div_ceil(g.taps()) } else { g.image[0] };
    let row = g.window.stride * g.phase_columns();
    let group = |(out, features): (&mut [f32], &[f32])| {
        let images = features.len() / one_in;
        // [channel, image, plane]
        let mut planes = Scratch::zeroed(g.image[0] * images * g.plane());
        for tile in cut.tiles(g) {
            let count = tile.len() * g.features[2];
            let width = images * count;
            let packed;
            let upstream = if images == 1 {
                Matrix::rows(&features[tile.start * g.features[2]..], g.feature_px())
            } else {
                let mut buffer = Scratch::new(outputs * width);
                gather_features(g, features, &tile, &mut buffer, together);
                packed = buffer;
                Matrix::rows(&packed, width)
            };
            let top = tile.start * g.window.stride * row;
            let blocks = planes.par_chunks_mut(block * images * g.plane()).enumerate();
            blocks.with_min_len(together).for_each(|(i, planes)| {
                let rows = planes.len() / (images * g.plane()) * g.taps();
                let weight = Matrix::rows(&weight[i * block * g.taps()..], depth).transposed();
                let mut columns = Scratch::new(rows * width);
                multiply([rows, width, outputs], (&mut columns, width), false, weight, upstream);
                let channels = columns.chunks_exact(g.taps() * width);
                for (columns, planes) in channels.zip(planes.chunks_exact_mut(images * g.plane())) {
                    for (image, plane) in planes.chunks_exact_mut(g.plane()).enumerate() {
                        let place = Place { width, offset: image * count, rows: tile.len() };
                        fold(g, columns, &mut plane[top..], place);
                    }
                }
            });
        }
        let planes = &*planes;
        out.par_chunks_mut(g.image_px()).enumerate().with_min_len(together).for_each(|(i, out)| {
            let (image, channel) = (i / g.image[0], i % g.image[0]);
            join(g, &planes[(channel * images + image) * g.plane()..][..g.plane()], out);
            epilogue.apply(channel, out);
        });
    };
    let mut image = vec![0.0; g.batch * one_out];
    image
        .par_chunks_mut(cut.images * one_out)
        .zip(features.par_chunks(cut.images * one_in))
        .with_min_len(cut.groups_together())
        .for_each(group);
    image
}

/// The gradient of [`convolve`] with respect to `weight`, given `features`, the gradient with respect to
/// its result.
pub(super) fn weight_gradient(g: &Geometry, image: &[f32], features: &[f32]) -> Vec<f32> {
    let ((one_in, one_out), (outputs, depth)) = (sizes(g), (g.features[0], g.depth()));
    let columns = if outputs * depth > 1 << 19 { 2 * COLUMNS } else { COLUMNS };
    let cut = Cut::with_columns(g, columns);
    let groups = g.batch.div_ceil(cut.images);
    // Channels first, which needs no partial sums, then images.
    let channels = g.image[0].div_ceil(GRADIENT_TASKS).max(ROWS.div_ceil(g.taps()) * 4).min(g.image[0]);
    let blocks = g.image[0].div_ceil(channels);
    let affordable = (GRADIENT_SCALARS / (outputs * depth)).max(1);
    let parts = GRADIENT_TASKS.div_ceil(blocks).min(affordable).min(groups);
    let per_part = groups.div_ceil(parts);
    let parts = groups.div_ceil(per_part);

    // Features of each group side by side, where a product spans several images.
    let mut packed = Scratch::new(if cut.images > 1 { features.len() } else { 0 });
    let one_group = cut.images * one_out;
    let all = 0..g.features[1];
    packed.par_chunks_mut(one_group).zip(features.par_chunks(one_group)).for_each(|(packed, features)| {
        gather_features(g, features, &all, packed, usize::MAX);
    });
    let features = if cut.images > 1 { &*packed } else { features };

    // The transposed gradient [depth, outputs]: the matrix product is faster this way round.
    let mut sums = Scratch::new(parts * depth * outputs);
    sums.par_chunks_mut(depth * outputs).enumerate().for_each(|(part, sums)| {
        let images = part * per_part * cut.images..((part + 1) * per_part * cut.images).min(g.batch);
        let image = &image[images.start * one_in..images.end * one_in];
        let features = &features[images.start * one_out..images.end * one_out];
        sums.par_chunks_mut(channels * g.taps() * outputs).enumerate().for_each(|(block, sums)| {
            let rows = sums.len() / outputs;
            let groups = image.chunks(cut.images * one_in).zip(features.chunks(cut.images * one_out));
            for (i, (images, features)) in groups.enumerate() {
                for tile in cut.tiles(g) {
                    let width = images.len() / one_in * tile.len() * g.features[2];
                    let mut columns = Scratch::new(rows * width);
                    unfold_tile(g, images, &tile, block * channels, &mut columns, usize::MAX);
                    let upstream = if cut.images == 1 {
                        Matrix::rows(&features[tile.start * g.features[2]..], g.feature_px())
                    } else {
                        Matrix::rows(features, width)
                    };
                    let later = i > 0 || tile.start > 0;
                    let columns = Matrix::rows(&columns, width);
                    multiply([rows, outputs, width], (sums, outputs), later, columns, upstream.transposed());
                }
            }
        });
    });
    add_transposed(&sums, [depth, outputs])
}

/// The sum of several matrices `[rows, columns]`, transposed.
fn add_transposed(parts: &[f32], [rows, columns]: [usize; 2]) -> Vec<f32> {
    const TILE: usize = 16;
    let mut out = vec![0.0; rows * columns];
    out.par_chunks_mut(TILE * rows).enumerate().for_each(|(block, out)| {
        for top in (0..rows).step_by(TILE) {
            for (i, out) in out.chunks_exact_mut(rows).enumerate() {
                for (row, out) in out.iter_mut().enumerate().skip(top).take(TILE) {
                    let at = row * columns + block * TILE + i;
                    *out = parts[at..].iter().step_by(rows * columns).sum();
                }
            }
        }
    });
    out
}
