//! The detectors on a process that varies otherwise than in training, and on other parts.

use serde::{Deserialize, Serialize};

use super::{Estimate, TestImage};

/// Test jobs that differ from those of the training in one respect.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Shift {
    /// Its name in the scenario.
    pub name: String,
    /// Files of the parts that are printed in the place of the scenario's; empty where those are.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub parts: Vec<String>,
    /// Its test sets, from the narrowest.
    pub points: Vec<ShiftPoint>,
}

/// The test set of a shift at one width, and what came of it.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct ShiftPoint {
    /// The width of every drawn range of camera, bed, print and thermal process, as a multiple of that in training.
    pub width: f64,
    /// Print jobs.
    pub jobs: usize,
    /// Healthy images.
    pub healthy: usize,
    /// Defective images.
    pub anomalous: usize,
    /// Identifies the dataset; empty in records of earlier versions.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub dataset_fingerprint: String,
    /// Its images; none in records of earlier versions.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub test_images: Vec<TestImage>,
    /// Ranges that are narrower than their width asks for.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub clamped: Vec<ClampedRange>,
    /// Every score of every detector that scores all images, in the order of the record.
    pub scores: Vec<ShiftedScore>,
    /// Balanced accuracy of the scenario's named pair, whose separator was fitted on the scenario's own test jobs.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub named: Option<Estimate>,
}

/// A range that ends where its parameter's values do.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct ClampedRange {
    /// The parameter, as in `print.texture.amplitude_c`.
    pub parameter: String,
    /// The ends that its width asks for.
    pub wanted: [f64; 2],
    /// The ends that it has.
    pub kept: [f64; 2],
}

/// A score of a detector that has seen nothing of the shift.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct ShiftedScore {
    /// Name of the detector.
    pub detector: String,
    /// Name of the score.
    pub score: String,
    /// Whether it is the detector's headline.
    pub headline: bool,
    /// What each training says of every image of [`ShiftPoint::test_images`]; none in records of earlier versions.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub values: Vec<Vec<f64>>,
    /// Area under the ROC curve, the mean over the trainings; absent where a class is missing.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub auroc: Option<Estimate>,
    /// What comes of the thresholds that were found in training, by the first training.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub thresholds: Vec<ShiftedThreshold>,
}

/// What comes of a threshold that was found in training.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct ShiftedThreshold {
    /// Name of the threshold.
    pub threshold: String,
    /// Share of the healthy images called anomalous.
    pub false_alarm_rate: Estimate,
    /// Share of the defective images called anomalous.
    pub detection_rate: Estimate,
}

impl ShiftPoint {
    /// A score of a detector.
    pub fn score(&self, detector: &str, score: &str) -> Option<&ShiftedScore> {
        self.scores.iter().find(|s| s.detector == detector && s.score == score)
    }
}
