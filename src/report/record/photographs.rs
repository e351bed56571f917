//! What detectors say of photographs of the real process.

use serde::{Deserialize, Serialize};

use super::{Estimate, PixelFigures};

/// Detectors on photographs, by what they were trained on (the future work of Zeiser et al. 2023, section 6).
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Photographs {
    /// Healthy photographs for training.
    pub training: usize,
    /// Healthy photographs that watch the training.
    pub validation: usize,
    /// Healthy photographs that are tested.
    pub healthy: usize,
    /// Anomalous photographs that are tested.
    pub anomalous: usize,
    /// Parts that the tested photographs show; intervals are over parts.
    pub parts: usize,
    /// What came of it: detector by detector, by training.
    pub results: Vec<OnPhotographs>,
    /// Some anomalous photographs, with anomaly maps.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub examples: Vec<PhotographExample>,
}

/// What a detector was trained on.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum TrainedOn {
    /// Synthetic images alone.
    Synthetic,
    /// Photographs alone.
    Photographs,
    /// Both, half and half.
    Both,
}

impl TrainedOn {
    /// In the order of the report.
    pub const ALL: [Self; 3] = [Self::Synthetic, Self::Photographs, Self::Both];

    /// As the report says it.
    pub fn words(self) -> &'static str {
        match self {
            Self::Synthetic => "synthetic images",
            Self::Photographs => "photographs",
            Self::Both => "both",
        }
    }
}

/// A detector with one training, on the tested photographs.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct OnPhotographs {
    /// Name of the detector.
    pub detector: String,
    /// What it was trained on.
    pub trained_on: TrainedOn,
    /// Images that it was trained on; photographs are repeated where both are to weigh the same.
    pub images: usize,
    /// Its scores, the headline first.
    pub scores: Vec<PhotographScore>,
    /// Its anomaly maps against the masks; absent without either.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub pixels: Option<PixelFigures>,
}

/// How well a score ranks anomalous above healthy photographs.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct PhotographScore {
    /// Name of the component.
    pub name: String,
    /// Area under the ROC curve, with its interval over parts.
    pub auroc: Estimate,
    /// Average precision.
    pub average_precision: f64,
    /// This AUROC less that of the same score after training on photographs alone; absent there.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub gain: Option<Gain>,
    /// Of every tested photograph, the healthy ones first.
    pub values: Vec<f64>,
}

/// The difference of two AUROCs on the same photographs.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
pub struct Gain {
    /// The difference.
    pub auroc: f64,
    /// That of a two-sided test over parts (Obuchowski 1997).
    pub p_value: f64,
}

/// A photograph with anomaly maps.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct PhotographExample {
    /// The photograph as the networks see it, with its mask outlined.
    pub photograph: String,
    /// Its anomaly maps.
    pub maps: Vec<PhotographMap>,
}

/// An anomaly map of a photograph.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct PhotographMap {
    /// The detector and what it was trained on, in words.
    pub caption: String,
    /// The picture.
    pub file: String,
}
