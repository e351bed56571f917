//! Thresholds that were found without labels, and what came of them.

use serde::{Deserialize, Serialize};

use super::{Estimate, Share};

/// Healthy layers of a job, for counting false alarms.
pub const JOB_LAYERS: usize = 300;

/// A threshold of the scenario on one score.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Operating {
    /// Name of the threshold.
    pub threshold: String,
    /// What came of it, or why there is none.
    pub outcome: Operation,
}

/// What came of a threshold.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Operation {
    /// It was found.
    Found(OperatingPoint),
    /// The reason why there is none.
    None(String),
}

impl Operation {
    /// What came of it, where it was found.
    pub fn found(&self) -> Option<&OperatingPoint> {
        match self {
            Self::Found(point) => Some(point),
            Self::None(_) => None,
        }
    }
}

/// A threshold and what comes of it on test images that it was not found on.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct OperatingPoint {
    /// Images that score higher are called anomalous. The largest or least number that there is where none or all are.
    pub value: f64,
    /// Share of the healthy images called anomalous.
    pub false_alarm_rate: Estimate,
    /// Share of the defective images called anomalous.
    pub detection_rate: Estimate,
    /// Mean cost of a layer in production, where the threshold knows what errors cost.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub cost_per_layer: Option<f64>,
    /// The least that any threshold would have cost; found with the labels.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub least_cost_per_layer: Option<f64>,
    /// How soon each defect is detected.
    pub delays: Vec<Delay>,
}

/// How soon one defect is detected.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Delay {
    /// Label of the defect.
    pub defect: String,
    /// Its images that were called anomalous.
    pub images: Share,
    /// Its episodes in which an image was.
    pub episodes: Share,
    /// Median of the layers from the first that shows the defect to the first that is called, both counted; absent where
    /// half of the episodes or more pass undetected.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub median_layers: Option<f64>,
}

impl OperatingPoint {
    /// False alarms in a job of so many healthy layers.
    pub fn false_alarms_per_job(&self, layers: usize) -> f64 {
        self.false_alarm_rate.value * layers as f64
    }
}
