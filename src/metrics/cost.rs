//! What a false alarm and a missed defect cost, and the threshold that would have cost least: what thresholds that see no label are
//! held against.

use super::MetricError;
use super::ranking::roc_curve;

/// The two ways to be wrong, priced; in any unit.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Costs {
    /// A healthy layer that is called anomalous: what is thrown away, or looked at in vain.
    pub scrap: f64,
    /// A defective layer that is called healthy, and goes on its way.
    pub escape: f64,
    /// Share of the layers in production that are defective, 0 to 1.
    pub defective: f64,
}

impl Costs {
    /// What a layer costs on average where this share of the healthy ones is called anomalous, and this share of the
    /// defective ones is not.
    pub fn per_layer(&self, false_alarm_rate: f64, escape_rate: f64) -> f64 {
        self.scrap * (1.0 - self.defective) * false_alarm_rate + self.escape * self.defective * escape_rate
    }
}

/// A threshold and what comes of it.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct OperatingPoint {
    /// Images that score higher are called anomalous; infinite where none is.
    pub threshold: f64,
    /// Share of the healthy images called anomalous, 0 to 1.
    pub false_alarm_rate: f64,
    /// Share of the anomalous images not called so, 0 to 1.
    pub escape_rate: f64,
    /// Mean cost of a layer in production.
    pub cost_per_layer: f64,
}

impl OperatingPoint {
    /// What comes of calling the images above `threshold` anomalous. `None` where a class is missing.
    ///
    /// # Errors
    /// As [`auroc`](super::ranking::auroc).
    pub fn at(
        threshold: f64,
        truth: &[bool],
        scores: &[f64],
        costs: &Costs,
    ) -> Result<Option<Self>, MetricError> {
        let Some(curve) = roc_curve(truth, scores)? else { return Ok(None) };
        // The last point whose images are all above the threshold; the first has none at all.
        let above = curve.iter().rfind(|point| point.threshold > threshold);
        let (false_alarm_rate, found) =
            above.map_or((0.0, 0.0), |p| (p.false_positive_rate, p.true_positive_rate));
        let cost_per_layer = costs.per_layer(false_alarm_rate, 1.0 - found);
        Ok(Some(Self { threshold, false_alarm_rate, escape_rate: 1.0 - found, cost_per_layer }))
    }

    /// The threshold of least cost, the highest of equals. `None` where a class is missing.
    ///
    /// This reads the labels: what follows from it is a bound, not a result.
    ///
    /// # Errors
    /// As [`auroc`](super::ranking::auroc).
    pub fn oracle(truth: &[bool], scores: &[f64], costs: &Costs) -> Result<Option<Self>, MetricError> {
        let Some(curve) = roc_curve(truth, scores)? else { return Ok(None) };
        let cost =
            |i: usize| costs.per_layer(curve[i].false_positive_rate, 1.0 - curve[i].true_positive_rate);
        let best = (0..curve.len()).fold(0, |best, i| if cost(i) < cost(best) { i } else { best });
        // Between the last score that is called and the first that is not.
        let called = curve[best].threshold;
        let threshold = match curve.get(best + 1) {
            Some(next) if called.is_finite() => f64::midpoint(called, next.threshold),
            Some(_) => f64::INFINITY,
            None => f64::NEG_INFINITY,
        };
        Self::at(threshold, truth, scores, costs)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    const COSTS: Costs = Costs { scrap: 1.0, escape: 10.0, defective: 0.1 };

    #[test]
    fn by_hand() {
        let truth = [false, false, false, false, true, true];
        let scores = [1.0, 2.0, 3.0, 6.0, 5.0, 9.0];
        // At 4: one false alarm of four, nothing escapes: 0.9 x 0.25.
        let oracle = OperatingPoint::oracle(&truth, &scores, &COSTS).unwrap().unwrap();
        assert_eq!((oracle.threshold, oracle.false_alarm_rate, oracle.escape_rate), (4.0, 0.25, 0.0));
        assert!((oracle.cost_per_layer - 0.225).abs() < 1e-12);
        let none = OperatingPoint::at(9.0, &truth, &scores, &COSTS).unwrap().unwrap();
        assert_eq!((none.false_alarm_rate, none.escape_rate), (0.0, 1.0));
        let free = Costs { escape: 0.0, ..COSTS };
        assert_eq!(OperatingPoint::oracle(&truth, &scores, &free).unwrap().unwrap().threshold, f64::INFINITY);
        let dear = Costs { scrap: 0.0, ..COSTS };
        let all = OperatingPoint::oracle(&truth, &scores, &dear).unwrap().unwrap();
        assert_eq!((all.threshold, all.escape_rate), (4.0, 0.0));
        assert_eq!(OperatingPoint::oracle(&[true], &[1.0], &COSTS), Ok(None));
    }

    proptest! {
        #[test]
        fn no_threshold_costs_less(cases in prop::collection::vec((any::<bool>(), -5..5i32), 2..40), escape in 0.0..50.0) {
            let (truth, scores): (Vec<bool>, Vec<f64>) =
                cases.into_iter().map(|(t, s)| (t, f64::from(s))).unzip();
            let costs = Costs { escape, ..COSTS };
            if let Some(oracle) = OperatingPoint::oracle(&truth, &scores, &costs).unwrap() {
                for twice in -12..12 {
                    let other = OperatingPoint::at(f64::from(twice) / 2.0, &truth, &scores, &costs).unwrap().unwrap();
                    prop_assert!(oracle.cost_per_layer <= other.cost_per_layer + 1e-12);
                }
            }
        }
    }
}
