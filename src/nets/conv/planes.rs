//! Between images and the columns that a matrix product takes.
//!
//! A channel is padded with zeros and its columns are split by their remainder modulo the stride (its
//! phases): `plane[row][phase][column / stride]`. A tap of the window then reads contiguous pieces of rows.

use std::ops::Range;

use super::Window;
use super::geometry::Geometry;

/// Columns of phase `phase` that the image fills, and the image's column at the first of them.
fn filled(g: &Geometry, phase: usize) -> (usize, usize, usize) {
    let (stride, padding) = (g.window.stride, g.window.padding);
    let start = padding.saturating_sub(phase).div_ceil(stride);
    let end = (g.image[2] + padding).saturating_sub(phase).div_ceil(stride).min(g.phase_columns());
    (start.min(end), end, start * stride + phase - padding)
}

/// Some rows of the plane of one channel of an image.
pub(super) fn split(g: &Geometry, image: &[f32], rows: Range<usize>, plane: &mut [f32]) {
    let (stride, padding, columns) = (g.window.stride, g.window.padding, g.phase_columns());
    for (y, row) in rows.zip(plane.chunks_exact_mut(stride * columns)) {
        if y < padding || y >= padding + g.image[1] {
            row.fill(0.0);
            continue;
        }
        let source = &image[(y - padding) * g.image[2]..][..g.image[2]];
        for (phase, target) in row.chunks_exact_mut(columns).enumerate() {
            let (start, end, first) = filled(g, phase);
            target[..start].fill(0.0);
            target[end..].fill(0.0);
            if start == end {
                continue;
            }
            match stride {
                1 => target[start..end].copy_from_slice(&source[first..first + end - start]),
                2 => gather::<2>(&mut target[start..end], &source[first..]),
                _ => gather_any(&mut target[start..end], &source[first..], stride),
            }
        }
    }
}

fn gather<const STRIDE: usize>(target: &mut [f32], source: &[f32]) {
    gather_any(target, source, STRIDE);
}

#[inline(always)]
fn gather_any(target: &mut [f32], source: &[f32], stride: usize) {
    for (t, s) in target.iter_mut().zip(source.iter().step_by(stride)) {
        *t = *s;
    }
}

/// A plane back into one channel of an image, without the padding.
pub(super) fn join(g: &Geometry, plane: &[f32], image: &mut [f32]) {
    let (stride, padding, columns) = (g.window.stride, g.window.padding, g.phase_columns());
    let row = stride * columns;
    for (target, row) in image.chunks_exact_mut(g.image[2]).zip(plane[padding * row..].chunks_exact(row)) {
        for (phase, source) in row.chunks_exact(columns).enumerate() {
            let (start, end, first) = filled(g, phase);
            if start == end {
                continue;
            }
            match stride {
                1 => target[first..first + end - start].copy_from_slice(&source[start..end]),
                2 => scatter::<2>(&mut target[first..], &source[start..end]),
                _ => scatter_any(&mut target[first..], &source[start..end], stride),
            }
        }
    }
}

fn scatter<const STRIDE: usize>(target: &mut [f32], source: &[f32]) {
    scatter_any(target, source, STRIDE);
}

#[inline(always)]
fn scatter_any(target: &mut [f32], source: &[f32], stride: usize) {
    for (t, s) in target.iter_mut().step_by(stride).zip(source) {
        *t = *s;
    }
}

/// Where the columns of one image stand: `taps` rows of `width`, this image's from `offset`.
#[derive(Clone, Copy)]
pub(super) struct Place {
    pub width: usize,
    pub offset: usize,
    /// Feature rows.
    pub rows: usize,
}

impl Place {
    /// Calls `f` with where each tap reads in the plane and where its columns lie.
    fn for_each_tap(self, g: &Geometry, mut f: impl FnMut(usize, Range<usize>)) {
        let (Window { stride, kernel, dilation, .. }, columns) = (g.window, g.phase_columns());
        for tap in 0..g.taps() {
            let (y, x) = (tap / kernel * dilation, tap % kernel * dilation);
            let start = tap * self.width + self.offset;
            let at = start..start + self.rows * g.features[2];
            f((y * stride + x % stride) * columns + x / stride, at);
        }
    }
}

/// The windows of a channel, one column per feature and one row per tap. `plane` starts where the first
/// window does.
pub(super) fn unfold(g: &Geometry, plane: &[f32], columns: &mut [f32], place: Place) {
    let apart = g.window.stride * g.window.stride * g.phase_columns();
    place.for_each_tap(g, |from, at| {
        let (source, target) = (&plane[from..], &mut columns[at]);
        match g.features[2] {
            4 => copy_rows::<4>(source, target, apart),
            8 => copy_rows::<8>(source, target, apart),
            16 => copy_rows::<16>(source, target, apart),
            32 => copy_rows::<32>(source, target, apart),
            64 => copy_rows::<64>(source, target, apart),
            width => {
                for (t, s) in target.chunks_exact_mut(width).zip(source.chunks(apart)) {
                    t.copy_from_slice(&s[..width]);
                }
            }
        }
    });
}

fn copy_rows<const WIDTH: usize>(source: &[f32], target: &mut [f32], apart: usize) {
    let (rows, _) = target.as_chunks_mut::<WIDTH>();
    for (t, s) in rows.iter_mut().zip(source.chunks(apart)) {
        if let Some(s) = s.first_chunk::<WIDTH>() {
            *t = *s;
        }
    }
}

/// Adds columns back onto the plane they were unfolded from.
pub(super) fn fold(g: &Geometry, columns: &[f32], plane: &mut [f32], place: Place) {
    let apart = g.window.stride * g.window.stride * g.phase_columns();
    place.for_each_tap(g, |from, at| {
        let (source, target) = (&columns[at], &mut plane[from..]);
        match g.features[2] {
            4 => add_rows::<4>(source, target, apart),
            8 => add_rows::<8>(source, target, apart),
            16 => add_rows::<16>(source, target, apart),
            32 => add_rows::<32>(source, target, apart),
            64 => add_rows::<64>(source, target, apart),
            width => {
                for (t, s) in target.chunks_mut(apart).zip(source.chunks_exact(width)) {
                    add(&mut t[..width], s);
                }
            }
        }
    });
}

fn add_rows<const WIDTH: usize>(source: &[f32], target: &mut [f32], apart: usize) {
    let (rows, _) = source.as_chunks::<WIDTH>();
    for (t, s) in target.chunks_mut(apart).zip(rows) {
        if let Some(t) = t.first_chunk_mut::<WIDTH>() {
            add(t, s);
        }
    }
}

#[inline(always)]
fn add(target: &mut [f32], source: &[f32]) {
    for (t, s) in target.iter_mut().zip(source) {
        *t += *s;
    }
}
