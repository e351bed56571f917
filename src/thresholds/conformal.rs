//! Split conformal prediction: a false-alarm rate that holds for any distribution.

use generators::registry::Kind;

use super::{Calibration, HEALTHY, Threshold, ThresholdError, false_alarms, sorted};

/// A threshold whose false-alarm rate is guaranteed.
pub(super) const KIND: Kind<dyn Threshold> = Kind {
    name: "conformal",
    summary: "the healthy score of such a rank that a new healthy image exceeds it no more often than stated",
    source: "Vovk, Gammerman and Shafer 2005, doi:10.1007/b106715; Lei et al. 2018, doi:10.1080/01621459.2017.1307116",
    example: "false_alarms = 0.05",
    build: |table| Ok(Box::new(Conformal { false_alarms: false_alarms(table)? })),
};

/// The guarantee is on average over calibrations, and asks that new images are drawn as those of the calibration were: whole
/// jobs do not do each other that favour, but many of them do.
struct Conformal {
    /// Share of healthy images that may be called anomalous.
    false_alarms: f64,
}

impl Threshold for Conformal {
    fn fit(&self, scores: &Calibration<'_>) -> Result<f64, ThresholdError> {
        let healthy = sorted(HEALTHY, scores.healthy, self.fewest_healthy())?;
        let rank = ((1.0 - self.false_alarms) * (healthy.len() + 1) as f64 - 1e-9).ceil() as usize;
        Ok(healthy[rank.clamp(1, healthy.len()) - 1])
    }

    fn fewest_healthy(&self) -> usize {
        // With fewer, no score at all is exceeded rarely enough. The small number undoes the rounding of decimals.
        ((1.0 / self.false_alarms - 1.0 - 1e-9).ceil() as usize).max(1)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_rank_is_exact() {
        let scores: Vec<f64> = (1..=99).map(f64::from).collect();
        let fit = |count: usize, false_alarms| {
            Conformal { false_alarms }.fit(&Calibration { healthy: &scores[..count], unlabelled: &[] })
        };
        // Of a hundred exchangeable scores the last is among the five highest with probability 0.05.
        assert_eq!(fit(99, 0.05), Ok(95.0));
        assert_eq!(fit(99, 0.01), Ok(99.0));
        assert_eq!(fit(19, 0.05), Ok(19.0));
        let error = fit(18, 0.05).unwrap_err().to_string();
        assert_eq!(error, "needs at least 19 scores of healthy images, and there are 18");
    }
}
