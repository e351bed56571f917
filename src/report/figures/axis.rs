//! An axis that long tails do not squash.

use crate::quantile::linear_quantile;
use crate::report::numbers::{fixed, short};

/// Where values lie between the two ends of an axis.
#[derive(Clone, Debug, PartialEq)]
pub struct Axis {
    logarithmic: bool,
    /// Ends, in transformed values.
    low: f64,
    high: f64,
    /// Values beyond the ends.
    pub beyond: usize,
}

impl Axis {
    /// An axis for `values`: logarithmic where they are positive and span more than a factor of 30,
    /// and cut where less than 1 % of them at an end would take more than half as much room as all others.
    pub fn choose(values: impl IntoIterator<Item = f64>) -> Self {
        let mut sorted: Vec<f64> = values.into_iter().filter(|v| v.is_finite()).collect();
        sorted.sort_by(f64::total_cmp);
        let (Some(&first), Some(&last)) = (sorted.first(), sorted.last()) else {
            return Self { logarithmic: false, low: 0.0, high: 1.0, beyond: 0 };
        };
        let logarithmic = first > 0.0 && last / first > 30.0;
        let transformed = |v: f64| if logarithmic { v.log10() } else { v };
        let place = |v| transformed(v);
        let (inner_low, inner_high) =
            (place(linear_quantile(&sorted, 0.01)), place(linear_quantile(&sorted, 0.99)));
        let room = 0.5 * (inner_high - inner_low);
        let (mut low, mut high) = (place(first), place(last));
        if inner_low - low > room && room > 0.0 {
            low = inner_low - 0.1 * room;
        }
        if high - inner_high > room && room > 0.0 {
            high = inner_high + 0.1 * room;
        }
        if high - low <= f64::EPSILON * high.abs().max(low.abs()) {
            let half = if low == 0.0 { 0.5 } else { 0.5 * low.abs() };
            (low, high) = (low - half, high + half);
        }
        let beyond = sorted.iter().filter(|&&v| place(v) < low || place(v) > high).count();
        let pad = 0.01 * (high - low);
        Self { logarithmic, low: low - pad, high: high + pad, beyond }
    }

    /// An axis from `low` to `high` as they are.
    pub fn linear(low: f64, high: f64) -> Self {
        Self { logarithmic: false, low, high, beyond: 0 }
    }

    /// Whether it counts powers.
    pub fn is_logarithmic(&self) -> bool {
        self.logarithmic
    }

    /// Where `value` is, 0 to 1, clamped to the ends.
    pub fn place(&self, value: f64) -> f64 {
        let v = if self.logarithmic { value.max(f64::MIN_POSITIVE).log10() } else { value };
        ((v - self.low) / (self.high - self.low)).clamp(0.0, 1.0)
    }

    /// `, log scale` and what lies beyond, for the axis title.
    pub fn note(&self) -> String {
        let scale = if self.logarithmic { ", log scale" } else { "" };
        match self.beyond {
            0 => scale.to_owned(),
            n => format!("{scale}; {n} beyond the axis at its ends"),
        }
    }

    /// At most about `wanted` round values with their places and labels.
    pub fn ticks(&self, wanted: usize) -> Vec<(f64, String)> {
        let labelled = |(value, label)| (self.place(value), label);
        match self.logarithmic {
            true => self.round_powers(wanted).into_iter().map(|v| labelled((v, short(v)))).collect(),
            false => self.round_steps(wanted).into_iter().map(labelled).collect(),
        }
    }

    /// Round values with their labels, which have as many digits as it takes to tell one from the next.
    fn round_steps(&self, wanted: usize) -> Vec<(f64, String)> {
        let span = self.high - self.low;
        let power = 10f64.powf((span / wanted.max(1) as f64).log10().floor());
        let most = 1.4 * wanted.max(1) as f64;
        let step = [1.0, 2.0, 5.0].map(|m| m * power).into_iter().find(|s| span / s <= most);
        let step = step.unwrap_or(10.0 * power);
        let (first, last) = ((self.low / step).ceil() as i64, (self.high / step).floor() as i64);
        let digits = -step.log10().floor();
        let label = |value: f64| match (0.0..=6.0).contains(&digits) && value.abs() < 1e5 {
            true => fixed(value, digits as usize),
            false => short(value),
        };
        let values = (first..=last.min(first.saturating_add(100))).map(|i| i as f64 * step);
        values.map(|value| (value, label(value))).collect()
    }

    fn round_powers(&self, wanted: usize) -> Vec<f64> {
        let inside = |v: &f64| v.log10() >= self.low && v.log10() <= self.high;
        let decades = (self.low.floor() as i32, self.high.ceil() as i32);
        for multiples in [&[1.0, 2.0, 5.0][..], &[1.0, 3.0], &[1.0]] {
            let powers =
                (decades.0..=decades.1).flat_map(|d| multiples.iter().map(move |m| m * 10f64.powi(d)));
            let values: Vec<f64> = powers.filter(inside).collect();
            if values.len() <= wanted + 1 {
                return values;
            }
        }
        let every = ((decades.1 - decades.0) as usize).div_ceil(wanted.max(1)).max(1);
        (decades.0..=decades.1).step_by(every).map(|d| 10f64.powi(d)).filter(inside).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_tick_has_a_label_of_its_own() {
        for (low, high) in
            [(100.2, 100.9), (0.4994, 0.5007), (12.0, 12.4), (-3.0, 4.0), (0.0, 1.0), (0.0, 30_000.0)]
        {
            let labels: Vec<String> =
                Axis::linear(low, high).ticks(6).into_iter().map(|tick| tick.1).collect();
            let mut distinct = labels.clone();
            distinct.dedup();
            assert!(labels.len() > 2 && labels == distinct, "{labels:?}");
        }
        let labels = |low, high| Axis::linear(low, high).ticks(5).into_iter().map(|tick| tick.1);
        assert_eq!(labels(-0.1, 0.1).collect::<Vec<_>>(), ["−0.1", "−0.05", "0", "0.05", "0.1"]);
    }

    #[test]
    fn an_outlier_does_not_squash_the_rest() {
        let values = || (0..1000).map(|i| f64::from(i) / 1000.0 - 0.2);
        let plain = Axis::choose(values());
        let cut = Axis::choose(values().chain([50.0, -70.0]));
        assert_eq!((plain.beyond, cut.beyond), (0, 2));
        assert!(cut.place(0.7) - cut.place(0.0) > 0.6);
        assert_eq!((cut.place(50.0), cut.place(-70.0)), (1.0, 0.0));
    }

    #[test]
    fn wide_positive_values_get_a_log_axis() {
        let axis = Axis::choose((0..100).map(|i| 10f64.powf(f64::from(i) / 33.0)));
        assert!(axis.note().starts_with(", log scale"));
        let labels: Vec<String> = axis.ticks(6).into_iter().map(|(_, label)| label).collect();
        assert_eq!(labels, ["1", "3", "10", "30", "100", "300", "1000"]);
    }

    #[test]
    fn steps_are_round_and_nothing_breaks_on_odd_input() {
        let labels: Vec<String> =
            Axis::linear(0.0, 1.0).ticks(5).into_iter().map(|(_, label)| label).collect();
        assert_eq!(labels, ["0", "0.2", "0.4", "0.6", "0.8", "1"]);
        for odd in
            [vec![], vec![0.0], vec![3.0, 3.0], vec![f64::NAN], vec![-1e300, 1e300], vec![1e-300, 2e-300]]
        {
            let axis = Axis::choose(odd.clone());
            assert!(axis.place(0.1).is_finite() && axis.ticks(5).len() < 110, "{odd:?}");
        }
    }
}
