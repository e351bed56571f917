//! Otsu's threshold on a single score.

use generators::params::{ScenarioError, Table};
use generators::registry::Kind;
use generators::stream::Stream;

use super::{Separator, SeparatorError, Split, check};
use crate::representations::Matrix;

/// The threshold between two groups of scores.
pub const KIND: Kind<dyn Separator> = Kind {
    name: "otsu",
    summary: "threshold that leaves the least variance within the two groups; for single scores only",
    source: "Otsu 1979, doi:10.1109/TSMC.1979.4310076",
    example: "bins = 256",
    build,
};

fn build(table: &mut Table) -> Result<Box<dyn Separator>, Box<ScenarioError>> {
    Ok(Box::new(Otsu { bins: table.count_if_stated("bins", 2..=1 << 20)? }))
}

/// Otsu's method, over every distinct value or over a histogram.
struct Otsu {
    /// Bins between the least and the greatest value; `None` for the exact threshold.
    bins: Option<usize>,
}

impl Separator for Otsu {
    fn fit(&self, rows: &Matrix, _: &mut Stream) -> Result<Box<dyn Split>, SeparatorError> {
        if rows.columns != 1 {
            return Err(SeparatorError::OneDimensional { columns: rows.columns });
        }
        check(rows, 2)?;
        let mut values: Vec<f64> = rows.values.iter().map(|&x| f64::from(x)).collect();
        values.sort_unstable_by(f64::total_cmp);
        if let Some(bins) = self.bins {
            to_bin_centres(&mut values, bins);
        }
        Ok(Box::new(Threshold(best_threshold(&values))))
    }
}

/// Moves sorted values to the centres of equally wide bins.
fn to_bin_centres(values: &mut [f64], bins: usize) {
    let (low, high) = (values[0], values[values.len() - 1]);
    let width = (high - low) / bins as f64;
    for value in values {
        let bin = (((*value - low) / width) as usize).min(bins - 1);
        *value = low + (bin as f64 + 0.5) * width;
    }
}

/// The middle of the gap whose two sides have the largest variance between them; the lowest of equals.
/// `sorted` holds at least two distinct values.
fn best_threshold(sorted: &[f64]) -> f64 {
    let count = sorted.len() as f64;
    let mean = sorted.iter().sum::<f64>() / count;
    let (mut best, mut threshold) = (f64::NEG_INFINITY, sorted[0]);
    // Sums of what lies below, relative to the mean: what lies above has the same sum with the other sign.
    let mut sum = 0.0;
    for (i, pair) in sorted.windows(2).enumerate() {
        sum += pair[0] - mean;
        let below = (i + 1) as f64;
        let between = sum * sum / (below * (count - below));
        if pair[1] > pair[0] && between > best {
            best = between;
            threshold = f64::midpoint(pair[0], pair[1]);
        }
    }
    threshold
}

struct Threshold(f64);

impl Split for Threshold {
    fn groups(&self, rows: &Matrix) -> Vec<usize> {
        rows.values.iter().map(|&x| usize::from(f64::from(x) > self.0)).collect()
    }

    fn margin(&self, rows: &Matrix) -> Option<Vec<f64>> {
        Some(rows.values.iter().map(|&x| f64::from(x) - self.0).collect())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn threshold(scores: &[f32], bins: Option<usize>) -> f64 {
        let rows = Matrix::column(scores.to_vec());
        let split = Otsu { bins }.fit(&rows, &mut Stream::root(0)).unwrap();
        f64::from(scores[0]) - split.margin(&rows).unwrap()[0]
    }

    #[test]
    fn the_gap_is_found() {
        assert_eq!(threshold(&[1.0, 2.0, 3.0, 11.0, 12.0], None), 7.0);
        // Four bins of 2.75: the values sit in the first and the last.
        assert_eq!(threshold(&[1.0, 2.0, 3.0, 11.0, 12.0], Some(4)), 6.5);
    }

    #[test]
    fn several_columns_are_refused() {
        let rows = Matrix::new(2, 2, vec![0.0, 1.0, 2.0, 3.0]);
        let error = Otsu { bins: None }.fit(&rows, &mut Stream::root(0)).err().unwrap();
        assert_eq!(error.to_string(), "only for one number per image");
    }

    proptest! {
        /// The variance within the groups, computed from its definition, is nowhere smaller.
        #[test]
        fn no_threshold_is_better(scores in prop::collection::vec(-50..50i32, 2..40)) {
            let scores: Vec<f32> = scores.into_iter().map(|s| s as f32 / 4.0).collect();
            prop_assume!(scores.iter().any(|&s| s != scores[0]));
            let within = |threshold: f64| -> f64 {
                [true, false].iter().map(|&side| {
                    let group: Vec<f64> = scores.iter().map(|&s| f64::from(s))
                        .filter(|&s| (s > threshold) == side).collect();
                    let mean = group.iter().sum::<f64>() / group.len().max(1) as f64;
                    group.iter().map(|s| (s - mean).powi(2)).sum::<f64>()
                }).sum()
            };
            let found = within(threshold(&scores, None));
            for &other in &scores {
                prop_assert!(found <= within(f64::from(other)) + 1e-9);
            }
        }

        #[test]
        fn many_bins_come_close_to_exact(seed in any::<u64>()) {
            let mut stream = Stream::root(seed);
            let scores: Vec<f32> = (0..200)
                .map(|i| (stream.normal() + if i < 100 { 0.0 } else { 8.0 }) as f32).collect();
            let (exact, binned) = (threshold(&scores, None), threshold(&scores, Some(256)));
            let split = |t: f64| scores.iter().filter(|&&s| f64::from(s) > t).count();
            prop_assert!(split(exact).abs_diff(split(binned)) <= 2, "{exact} {binned}");
        }
    }
}
