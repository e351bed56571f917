//! The Gaussian that lens and air lay over a field.

use crate::layer::Field;

/// How far, in pixels along a row or column, [`blur`] carries a change.
pub fn reach_px(sigma_px: f64) -> usize {
    // As scipy.ndimage.gaussian_filter with its default `truncate`.
    (4.0 * sigma_px + 0.5) as usize
}

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
    let kernel = kernel(sigma_px, reach);
    let mut rows = Field::constant(n, 0.0);
    let mut padded = vec![0.0f32; n + 2 * reach];
    for (from, to) in field.values.chunks_exact(n).zip(rows.values.chunks_exact_mut(n)) {
        for (at, value) in padded.iter_mut().enumerate() {
            *value = from[reflect(at as isize - reach as isize, n)];
        }
        for (offset, weight) in kernel.iter().enumerate() {
            accumulate(to, &padded[offset..offset + n], *weight);
        }
    }
    let mut both = Field::constant(n, 0.0);
    for (y, to) in both.values.chunks_exact_mut(n).enumerate() {
        for (offset, weight) in kernel.iter().enumerate() {
            let row = reflect((y + offset) as isize - reach as isize, n);
            accumulate(to, &rows.values[row * n..(row + 1) * n], *weight);
        }
    }
    both
}

fn accumulate(to: &mut [f32], from: &[f32], weight: f32) {
    for (sum, value) in to.iter_mut().zip(from) {
        *sum += weight * value;
    }
}

fn kernel(sigma_px: f64, reach: usize) -> Vec<f32> {
    let weight = |i: usize| (-0.5 * ((i as f64 - reach as f64) / sigma_px).powi(2)).exp();
    let total: f64 = (0..=2 * reach).map(weight).sum();
    (0..=2 * reach).map(|i| (weight(i) / total) as f32).collect()
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
