//! Statistics that a share of spoilt images does not move.

use crate::quantile::nearest_quantile;

/// The median; 0 of nothing.
pub(super) fn median(values: impl IntoIterator<Item = f64>) -> f64 {
    nearest_quantile(values, 0.5)
}

/// The correlation of two images; 0 where one of them is constant.
pub(super) fn correlation(a: &[f32], b: &[f32]) -> f64 {
    let mean = |values: &[f32]| values.iter().map(|&v| f64::from(v)).sum::<f64>() / values.len() as f64;
    let (mean_a, mean_b) = (mean(a), mean(b));
    let [mut both, mut of_a, mut of_b] = [0.0; 3];
    for (&a, &b) in a.iter().zip(b) {
        let (a, b) = (f64::from(a) - mean_a, f64::from(b) - mean_b);
        both += a * b;
        of_a += a * a;
        of_b += b * b;
    }
    let product = (of_a * of_b).sqrt();
    if product > 0.0 { both / product } else { 0.0 }
}
