//! The three passes over groups of channels: each group is a convolution of its own.

use rayon::prelude::*;

use super::cpu::{self, Epilogue};
use super::geometry::Geometry;

/// The channels of group `group`, image after image, as tensors of the group alone.
fn take(x: &[f32], batch: usize, groups: usize, group: usize) -> Vec<f32> {
    let share = x.len() / (batch * groups);
    x.chunks_exact(share).skip(group).step_by(groups).flatten().copied().collect()
}

/// The inverse of [`take`], over all groups.
fn put(parts: &[Vec<f32>], batch: usize) -> Vec<f32> {
    let share = parts.first().map_or(0, |part| part.len() / batch);
    let mut all = vec![0.0; share * batch * parts.len()];
    all.par_chunks_exact_mut(share.max(1)).enumerate().for_each(|(i, out)| {
        let (image, group) = (i / parts.len(), i % parts.len());
        out.copy_from_slice(&parts[group][image * share..][..share]);
    });
    all
}

/// `f(geometry, group)` for every group, all threads on the groups together.
fn each(g: &Geometry, f: impl Fn(&Geometry, usize) -> Vec<f32> + Sync) -> Vec<Vec<f32>> {
    let one = g.of_one_group();
    (0..g.window.groups).into_par_iter().map(|group| f(&one, group)).collect()
}

/// The part of `values`, which are sorted by channel, that belongs to `group`.
fn part(values: &[f32], groups: usize, group: usize) -> &[f32] {
    let share = values.len() / groups;
    &values[group * share..][..share]
}

/// See [`cpu::convolve`].
pub(super) fn convolve(g: &Geometry, image: &[f32], weight: &[f32], epilogue: Epilogue<'_>) -> Vec<f32> {
    let groups = g.window.groups;
    if groups == 1 {
        return cpu::convolve(g, image, weight, epilogue);
    }
    let parts = each(g, |one, group| {
        let epilogue = Epilogue { bias: epilogue.bias.map(|b| part(b, groups, group)), ..epilogue };
        cpu::convolve(one, &take(image, g.batch, groups, group), part(weight, groups, group), epilogue)
    });
    put(&parts, g.batch)
}

/// See [`cpu::transpose`].
pub(super) fn transpose(g: &Geometry, features: &[f32], weight: &[f32], epilogue: Epilogue<'_>) -> Vec<f32> {
    let groups = g.window.groups;
    if groups == 1 {
        return cpu::transpose(g, features, weight, epilogue);
    }
    let parts = each(g, |one, group| {
        let epilogue = Epilogue { bias: epilogue.bias.map(|b| part(b, groups, group)), ..epilogue };
        cpu::transpose(one, &take(features, g.batch, groups, group), part(weight, groups, group), epilogue)
    });
    put(&parts, g.batch)
}

/// See [`cpu::weight_gradient`].
pub(super) fn weight_gradient(g: &Geometry, image: &[f32], features: &[f32]) -> Vec<f32> {
    let groups = g.window.groups;
    if groups == 1 {
        return cpu::weight_gradient(g, image, features);
    }
    let of = |one: &Geometry, group| {
        let [image, features] = [image, features].map(|x| take(x, g.batch, groups, group));
        cpu::weight_gradient(one, &image, &features)
    };
    each(g, of).concat()
}
