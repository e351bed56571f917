//! The Gaussian that a lens, diffusing heat or a smearing recoater lays over a field.

use pulp::{Arch, Simd, WithSimd};

use crate::layer::Field;

/// How far, in pixels along a row or column, [`blur`] carries a change.
pub fn reach_px(sigma_px: f64) -> usize {
    // As scipy.ndimage.gaussian_filter with its default `truncate`.
    (4.0 * sigma_px + 0.5) as usize
}

/// Rows that are summed up together, so that the cache is read once for what they share.
const BATCH: usize = 8;

/// A Gaussian of `sigma_px` pixels, separable, cut at four standard deviations, reflected at the
/// edges (`d c b a | a b c d`). The field itself where it is narrower than a pixel can tell.
///
/// Each pixel is one sum in a fixed order over its neighbourhood, so that equal neighbourhoods
/// give equal bits.
pub fn blur(field: &Field, sigma_px: f64) -> Field {
    let (n, reach) = (field.size_px, reach_px(sigma_px));
    if reach == 0 || n == 0 {
        return field.clone();
    }
    let weights = kernel(sigma_px, reach);
    // The rows within reach of a batch, blurred along; row y in place y modulo their number.
    let kept = n.min(2 * reach + BATCH);
    let mut room = vec![0.0f32; kept * n + LINE];
    let aligned = room.as_ptr().align_offset(size_of::<[f32; LINE]>()).min(LINE);
    let ring = &mut room[aligned..][..kept * n];
    // Which row or column shows, counted from `reach` before the first.
    let shown: Vec<usize> = (0..n + 2 * reach).map(|i| reflect(i as isize - reach as isize, n)).collect();
    let starts: Vec<usize> = shown.iter().map(|y| y % kept * n).collect();
    let mut padded = vec![0.0f32; n + 2 * reach];
    let along: Vec<[usize; 2]> = (0..=reach).map(|k| [reach - k, reach + k]).collect();
    let mut across = vec![[0; 2]; BATCH * (reach + 1)];
    let (mut values, mut sums) = (Vec::with_capacity(n * n), vec![0.0f32; BATCH * n]);
    let mut done = 0;
    for first in (0..n).step_by(BATCH) {
        let batch = first..n.min(first + BATCH);
        let ready = (batch.end + reach).min(n);
        for y in done..ready {
            pad(&field.values[y * n..][..n], &shown, &mut padded);
            let to = &mut ring[starts[reach + y]..][..n];
            Arch::new().dispatch(Fold { to, width: n, weights: &weights, from: &padded, pairs: &along });
        }
        done = ready;
        for (y, pairs) in batch.clone().zip(across.chunks_exact_mut(reach + 1)) {
            for (k, pair) in pairs.iter_mut().enumerate() {
                *pair = [starts[reach + y - k], starts[reach + y + k]];
            }
        }
        let to = &mut sums[..batch.len() * n];
        Arch::new().dispatch(Fold { to, width: n, weights: &weights, from: ring, pairs: &across });
        values.extend_from_slice(&sums[..batch.len() * n]);
    }
    Field { size_px: n, values }
}

/// A row with the pixels that it shows on either side where it is mirrored at its ends.
fn pad(row: &[f32], shown: &[usize], padded: &mut [f32]) {
    let reach = (padded.len() - row.len()) / 2;
    let (before, rest) = padded.split_at_mut(reach);
    let (middle, after) = rest.split_at_mut(row.len());
    middle.copy_from_slice(row);
    before.iter_mut().zip(shown).for_each(|(value, &column)| *value = row[column]);
    after.iter_mut().zip(&shown[reach + row.len()..]).for_each(|(value, &column)| *value = row[column]);
}

/// Numbers in a line of the cache: vectors that lie in one are loaded quickest.
const LINE: usize = 16;

/// Sums of pairs of rows of `from`, each pair times its weight, into rows of `to`: one after the other, each with its
/// own `pairs`. A pair is where its two rows begin.
struct Fold<'a> {
    to: &'a mut [f32],
    width: usize,
    weights: &'a [f32],
    from: &'a [f32],
    pairs: &'a [[usize; 2]],
}

/// As a closure it would be too long to be inlined where the vectors are wide.
impl WithSimd for Fold<'_> {
    type Output = ();

    #[inline(always)]
    fn with_simd<S: Simd>(self, _: S) {
        self.run();
    }
}

impl Fold<'_> {
    /// Block by block of columns, so that the sums stay in registers and the rows in the nearest cache. A fused
    /// product and sum is rounded once, in vectors as in plain code.
    #[inline(always)]
    fn run(self) {
        const BLOCK: usize = 64;
        let Self { to, width, weights, from, pairs } = self;
        let whole = width - width % BLOCK;
        for at in (0..whole).step_by(BLOCK) {
            for (to, pairs) in to.chunks_exact_mut(width).zip(pairs.chunks_exact(weights.len())) {
                let mut sums = [0.0; BLOCK];
                add(&mut sums, weights, from, at, pairs);
                to[at..][..BLOCK].copy_from_slice(&sums);
            }
        }
        for (to, pairs) in to.chunks_exact_mut(width).zip(pairs.chunks_exact(weights.len())) {
            to[whole..].fill(0.0);
            add(&mut to[whole..], weights, from, whole, pairs);
        }
    }
}

#[inline(always)]
fn add(sums: &mut [f32], weights: &[f32], from: &[f32], at: usize, pairs: &[[usize; 2]]) {
    for (&weight, pair) in weights.iter().zip(pairs) {
        let [a, b] = pair.map(|start| &from[start + at..][..sums.len()]);
        for ((sum, a), b) in sums.iter_mut().zip(a).zip(b) {
            *sum = weight.mul_add(a + b, *sum);
        }
    }
}

/// The weights of a pixel's two neighbours at each distance up to `reach`, that of the pixel itself halved
/// since it is its own neighbour on both sides.
fn kernel(sigma_px: f64, reach: usize) -> Vec<f32> {
    let weight = |k: usize| (-0.5 * (k as f64 / sigma_px).powi(2)).exp() * if k == 0 { 0.5 } else { 1.0 };
    let total: f64 = 2.0 * (0..=reach).map(weight).sum::<f64>();
    (0..=reach).map(|k| (weight(k) / total) as f32).collect()
}

/// The index in `0..n` that `index` shows where the image is mirrored at its edges.
fn reflect(index: isize, n: usize) -> usize {
    let period = 2 * n as isize;
    let folded = index.rem_euclid(period);
    folded.min(period - 1 - folded) as usize
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn blur_keeps_a_constant_and_spreads_a_point_as_the_gaussian() {
        let flat = blur(&Field::constant(16, 3.0), 1.7);
        assert!(flat.values.iter().all(|v| (v - 3.0).abs() < 1e-5), "{flat:?}");
        let mut point = Field::constant(33, 0.0);
        point.values[16 * 33 + 16] = 1.0;
        let spread = blur(&point, 2.0);
        for (dx, dy) in [(0i32, 0i32), (1, 0), (3, -2), (0, 7)] {
            let at = (16 + dy) as usize * 33 + (16 + dx) as usize;
            let expected = (-f64::from(dx * dx + dy * dy) / 8.0).exp() / (8.0 * std::f64::consts::PI);
            assert!((f64::from(spread.values[at]) - expected).abs() < 2e-6, "{dx} {dy}");
        }
        assert!((spread.values.iter().sum::<f32>() - 1.0).abs() < 1e-5);
    }

    #[test]
    fn blur_agrees_with_scipy() {
        // scipy 1.17.1: gaussian_filter(np.arange(16.0).reshape(4, 4) ** 2 % 7, 1.5, mode="reflect"),
        // the kernel being wider than the image.
        let field = Field { size_px: 4, values: (0..16).map(|i| (i * i % 7) as f32).collect() };
        let expected = [
            1.693571, 1.819902, 1.882504, 1.844711, 1.881393, 1.893762, 1.822688, 1.712029, 2.089134,
            1.949181, 1.715758, 1.529503, 2.19866, 1.95321, 1.618741, 1.395252,
        ];
        for (value, expected) in blur(&field, 1.5).values.iter().zip(expected) {
            assert!((value - expected).abs() < 1e-5, "{value} {expected}");
        }
    }

    #[test]
    fn vectors_give_the_bits_of_plain_code() {
        let (n, reach) = (203, 5);
        let from: Vec<f32> = (0..(2 * reach + 1) * n).map(|i| (i as f32).sin()).collect();
        let pairs: Vec<[usize; 2]> = (0..=reach).map(|k| [(reach - k) * n, (reach + k) * n]).collect();
        let weights = kernel(1.3, reach);
        let (mut plain, mut wide) = (vec![0.0; n], vec![0.0; n]);
        Fold { to: &mut plain, width: n, weights: &weights, from: &from, pairs: &pairs }.run();
        Arch::new().dispatch(Fold { to: &mut wide, width: n, weights: &weights, from: &from, pairs: &pairs });
        assert_eq!(plain, wide);
    }

    #[test]
    fn what_is_out_of_reach_keeps_its_bits() {
        let n = 24;
        let wave = |i: usize| (i as f32 * 0.37).sin() * 5.0 + 40.0;
        let a = Field { size_px: n, values: (0..n * n).map(wave).collect() };
        let mut b = a.clone();
        b.values[12 * n + 12] += 4.0;
        let (blurred_a, blurred_b) = (blur(&a, 1.3), blur(&b, 1.3));
        let reach = reach_px(1.3);
        for i in 0..n * n {
            let far = (i / n).abs_diff(12).max((i % n).abs_diff(12)) > reach;
            assert!(!far || blurred_a.values[i].to_bits() == blurred_b.values[i].to_bits());
        }
    }
}
