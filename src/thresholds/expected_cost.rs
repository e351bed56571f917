//! The threshold that costs least, as far as that can be told without labels.

use generators::params::{ScenarioError, Table};
use generators::registry::Kind;

use super::{Calibration, HEALTHY, Threshold, ThresholdError, UNLABELLED, sorted};
use crate::metrics::cost::Costs;

/// Scrap against escape.
pub(super) const KIND: Kind<dyn Threshold> = Kind {
    name: "expected-cost",
    summary: "least expected cost of scrap and escape, from healthy and from unlabelled images",
    source: "Elkan 2001, IJCAI, 973-978; Elkan and Noto 2008, doi:10.1145/1401890.1401920",
    example: "scrap = 1.0\nescape = 20.0\ndefective = 0.02\nunlabelled_defective = 0.3",
    build,
};

fn build(table: &mut Table) -> Result<Box<dyn Threshold>, Box<ScenarioError>> {
    let costs = Costs {
        scrap: table.number("scrap", Some(1.0), 0.0..=1e12)?,
        escape: table.number("escape", Some(10.0), 0.0..=1e12)?,
        defective: table.number("defective", Some(0.01), 1e-9..=0.999_999)?,
    };
    let unlabelled_defective = table.number("unlabelled_defective", Some(costs.defective), 1e-9..=1.0)?;
    Ok(Box::new(ExpectedCost { costs, unlabelled_defective }))
}

/// Among unlabelled images of which a known share is defective, those above a threshold that healthy images do not
/// account for are the defects that were found: no label is needed to count them.
struct ExpectedCost {
    costs: Costs,
    /// Share of the unlabelled images that are defective.
    unlabelled_defective: f64,
}

impl Threshold for ExpectedCost {
    fn fit(&self, scores: &Calibration<'_>) -> Result<f64, ThresholdError> {
        let healthy = sorted(HEALTHY, scores.healthy, 1)?;
        let unlabelled = sorted(UNLABELLED, scores.unlabelled, 1)?;
        let above = |sorted: &[f64], threshold: f64| {
            let below = sorted.partition_point(|&score| score <= threshold);
            (sorted.len() - below) as f64 / sorted.len() as f64
        };
        let cost = |threshold: f64| {
            let false_alarm_rate = above(&healthy, threshold);
            let healthy_part = (1.0 - self.unlabelled_defective) * false_alarm_rate;
            let found = (above(&unlabelled, threshold) - healthy_part) / self.unlabelled_defective;
            self.costs.per_layer(false_alarm_rate, 1.0 - found.clamp(0.0, 1.0))
        };
        let mut values = [healthy.as_slice(), unlabelled.as_slice()].concat();
        values.sort_unstable_by(f64::total_cmp);
        let between = values.windows(2).map(|pair| f64::midpoint(pair[0], pair[1]));
        let candidates = std::iter::once(f64::INFINITY).chain(between).chain([f64::NEG_INFINITY]);
        let priced = candidates.map(|threshold| (threshold, cost(threshold)));
        let least = priced.reduce(|best, next| if next.1 < best.1 { next } else { best });
        Ok(least.map_or(f64::INFINITY, |(threshold, _)| threshold))
    }

    fn costs(&self) -> Option<Costs> {
        Some(self.costs)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use generators::stream::Stream;

    /// Healthy scores N(0, 1), defective N(3, 1): the likelihood ratio exp(3 s - 4.5) is the ratio of the costs at the best.
    #[test]
    fn the_best_threshold_of_two_normal_laws_is_found_without_labels() {
        let mut stream = Stream::root(1);
        let healthy: Vec<f64> = (0..20_000).map(|_| stream.normal()).collect();
        let unlabelled: Vec<f64> =
            (0..20_000).map(|_| stream.normal() + if stream.chance(0.3) { 3.0 } else { 0.0 }).collect();
        let scores = Calibration { healthy: &healthy, unlabelled: &unlabelled };
        for (scrap, escape, defective) in [(1.0, 1.0, 0.3), (1.0, 20.0, 0.02), (5.0, 1.0, 0.5)] {
            let costs = Costs { scrap, escape, defective };
            let found = ExpectedCost { costs, unlabelled_defective: 0.3 }.fit(&scores).unwrap();
            let best = (4.5 + (scrap * (1.0 - defective) / (escape * defective)).ln()) / 3.0;
            // The cost is flat at its least: what counts is how much dearer the found threshold is.
            let normal = |z: f64| 0.5 * statrs::function::erf::erfc(z / 2f64.sqrt());
            let cost = |t: f64| costs.per_layer(normal(t), 1.0 - normal(t - 3.0));
            assert!(
                cost(found) < 1.03 * cost(best),
                "{found} for {best}: {} and {}",
                cost(found),
                cost(best)
            );
        }
    }

    #[test]
    fn where_escapes_are_free_nothing_is_called() {
        let scores = Calibration { healthy: &[1.0, 2.0], unlabelled: &[1.5, 9.0] };
        let fit = |scrap, escape| {
            let costs = Costs { scrap, escape, defective: 0.5 };
            ExpectedCost { costs, unlabelled_defective: 0.5 }.fit(&scores).unwrap()
        };
        assert_eq!(fit(1.0, 0.0), f64::INFINITY);
        assert_eq!(fit(1.0, 1.0), 5.5);
    }
}
