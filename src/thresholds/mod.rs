//! Thresholds: scores in, the score above which an image is called anomalous out, without labels.

mod conformal;
mod expected_cost;
mod peaks_over_threshold;
mod quantile;
pub mod saved;

#[cfg(test)]
mod contract;

use generators::params::{ScenarioError, Table};
use generators::registry::Kind;

use crate::metrics::cost::Costs;

/// The scores that a threshold is found from. None of these images trained the detector: it knows those too well.
#[derive(Clone, Copy, Debug)]
pub struct Calibration<'a> {
    /// Scores of images that are known to be healthy.
    pub healthy: &'a [f64],
    /// Scores of images of which nobody knows; may be empty.
    pub unlabelled: &'a [f64],
}

/// A rule that finds a threshold.
pub trait Threshold: Send + Sync {
    /// The score above which an image is called anomalous; may be infinite, where all or none is to be called.
    ///
    /// # Errors
    /// [`ThresholdError`] says why there is none.
    fn fit(&self, scores: &Calibration<'_>) -> Result<f64, ThresholdError>;

    /// The fewest healthy images that it can be found from.
    fn fewest_healthy(&self) -> usize {
        1
    }

    /// What the two errors cost, where the rule goes by it.
    fn costs(&self) -> Option<Costs> {
        None
    }
}

/// Why no threshold can be found.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum ThresholdError {
    /// There are too few scores for what is asked.
    #[error("needs at least {needed} {what}, and there are {found}")]
    TooFew {
        /// Which scores.
        what: &'static str,
        /// Scores needed.
        needed: usize,
        /// Scores found.
        found: usize,
    },
    /// A score is infinite or missing.
    #[error("{what} number {index} is not finite")]
    NotFinite {
        /// Which scores.
        what: &'static str,
        /// The first such.
        index: usize,
    },
}

/// Every threshold that a scenario can name.
pub const KINDS: &[Kind<dyn Threshold>] =
    &[quantile::KIND, peaks_over_threshold::KIND, conformal::KIND, expected_cost::KIND];

const HEALTHY: &str = "scores of healthy images";
const UNLABELLED: &str = "scores of unlabelled images";

/// The scores, least first; refuses fewer than `needed` and what is not finite.
fn sorted(what: &'static str, scores: &[f64], needed: usize) -> Result<Vec<f64>, ThresholdError> {
    if scores.len() < needed {
        return Err(ThresholdError::TooFew { what, needed, found: scores.len() });
    }
    if let Some(index) = scores.iter().position(|score| !score.is_finite()) {
        return Err(ThresholdError::NotFinite { what, index });
    }
    let mut sorted = scores.to_vec();
    sorted.sort_unstable_by(f64::total_cmp);
    Ok(sorted)
}

/// Reads the share of the healthy images that may be called anomalous.
fn false_alarms(table: &mut Table) -> Result<f64, Box<ScenarioError>> {
    table.number("false_alarms", Some(0.01), 1e-6..=0.5)
}
