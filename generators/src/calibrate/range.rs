//! Ranges, and how much of what was seen they cover.

use crate::quantile::sixth_quantile;

/// The range of one parameter over the images.
#[derive(Clone, Debug, PartialEq)]
pub struct Range {
    /// Lower end of the range that a scenario is given.
    pub low: f64,
    /// Its upper end.
    pub high: f64,
    /// Least, median and greatest value that was seen.
    pub seen: [f64; 3],
    /// How many images (or sequences, for what only a sequence tells) had their say.
    pub values: usize,
    /// Share of them that lie in the range.
    pub covered: f64,
    /// Share of the way from the least to the greatest value that the range covers.
    pub spread: f64,
}

/// Digits that a range is written with.
const DIGITS: i32 = 4;

impl Range {
    /// The middle `share` of `values`, between two quantiles and rounded outwards; `None` without any.
    pub fn of(mut values: Vec<f64>, share: f64) -> Option<Self> {
        values.retain(|v| v.is_finite());
        values.sort_by(f64::total_cmp);
        let (least, greatest) = (*values.first()?, *values.last()?);
        let outside = (1.0 - share) / 2.0;
        let low = rounded(sixth_quantile(&values, outside), f64::floor);
        let high = rounded(sixth_quantile(&values, 1.0 - outside), f64::ceil);
        let covered =
            values.iter().filter(|v| (low..=high).contains(*v)).count() as f64 / values.len() as f64;
        let width = greatest - least;
        let spread = if width > 0.0 { (high.min(greatest) - low.max(least)) / width } else { 1.0 };
        let seen = [least, sixth_quantile(&values, 0.5), greatest];
        Some(Self { low, high, seen, values: values.len(), covered, spread })
    }
}

/// The quantile of values in any order; `None` without values.
pub fn quantile_of(values: impl IntoIterator<Item = f64>, share: f64) -> Option<f64> {
    let mut values: Vec<f64> = values.into_iter().filter(|v| v.is_finite()).collect();
    values.sort_by(f64::total_cmp);
    (!values.is_empty()).then(|| sixth_quantile(&values, share))
}

/// Rounded to [`DIGITS`] significant digits.
fn rounded(value: f64, towards: fn(f64) -> f64) -> f64 {
    if value == 0.0 {
        return 0.0;
    }
    let digits = DIGITS - 1 - value.abs().log10().floor() as i32;
    // A power of ten with a positive exponent is exact, and so is what it divides to the nearest.
    if digits >= 0 {
        towards(value * 10f64.powi(digits)) / 10f64.powi(digits)
    } else {
        towards(value / 10f64.powi(-digits)) * 10f64.powi(-digits)
    }
}

/// The median; `None` without values.
pub fn median(values: impl IntoIterator<Item = f64>) -> Option<f64> {
    quantile_of(values, 0.5)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ranges_are_quantiles_and_say_what_they_cover() {
        let range = Range::of((1..=99).map(f64::from).collect(), 0.5).unwrap();
        assert_eq!((range.low, range.high, range.values), (25.0, 75.0, 99));
        assert_eq!(range.seen, [1.0, 50.0, 99.0]);
        assert!((range.covered - 51.0 / 99.0).abs() < 1e-12 && (range.spread - 50.0 / 98.0).abs() < 1e-12);
        let few = Range::of((1..=9).map(f64::from).collect(), 0.9).unwrap();
        assert_eq!((few.low, few.high), (1.0, 9.0));
        let one = Range::of(vec![3.0], 0.9).unwrap();
        assert_eq!((one.low, one.high, one.covered, one.spread), (3.0, 3.0, 1.0, 1.0));
        assert_eq!(Range::of(vec![f64::NAN], 0.9), None);
    }

    #[test]
    fn ends_are_rounded_outwards() {
        let range = Range::of(vec![-1.234_56, 12_345.6], 1.0).unwrap();
        assert_eq!((range.low, range.high), (-1.235, 12_350.0));
        let range = Range::of(vec![0.0, 0.000_123_41], 1.0).unwrap();
        assert_eq!((range.low, range.high), (0.0, 0.000_123_5));
    }
}
