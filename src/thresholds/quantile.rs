//! The quantile of healthy scores.

use generators::registry::Kind;

use super::{Calibration, HEALTHY, Threshold, ThresholdError, false_alarms, sorted};
use crate::quantile::linear_quantile;

/// What all but the stated share of the healthy scores stay below.
pub(super) const KIND: Kind<dyn Threshold> = Kind {
    name: "quantile",
    summary: "the score that all but the stated share of the healthy calibration images stay below",
    source: "own",
    example: "false_alarms = 0.01",
    build: |table| Ok(Box::new(Quantile { false_alarms: false_alarms(table)? })),
};

struct Quantile {
    /// Share of healthy images that may be called anomalous.
    false_alarms: f64,
}

impl Threshold for Quantile {
    fn fit(&self, scores: &Calibration<'_>) -> Result<f64, ThresholdError> {
        let healthy = sorted(HEALTHY, scores.healthy, 1)?;
        Ok(linear_quantile(&healthy, 1.0 - self.false_alarms))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// numpy 2: `np.quantile([4, 1, 3, 2], 0.9)`.
    #[test]
    fn it_is_numpys() {
        let scores = Calibration { healthy: &[4.0, 1.0, 3.0, 2.0], unlabelled: &[] };
        let threshold = Quantile { false_alarms: 0.1 }.fit(&scores).unwrap();
        assert!((threshold - 3.7).abs() < 1e-12);
    }
}
