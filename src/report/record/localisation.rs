//! Whether anomaly maps are high where the defect is.

use serde::{Deserialize, Serialize};

use super::Estimate;

/// How well a detector's anomaly maps show where the defects are.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Localisation {
    /// Test images that were judged: the healthy ones, and those whose footprint is not the whole image.
    pub images: usize,
    /// Share of healthy pixels up to which the overlap with regions is counted.
    pub false_positive_limit: f64,
    /// Over all defects; absent where the images show none, or nothing else.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub all: Option<PixelFigures>,
    /// Each defect with all healthy images, in the dataset's order.
    pub defects: Vec<LocalisationOfDefect>,
}

/// Figures over all pixels of all images, 0 to 1.
#[derive(Clone, Copy, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct PixelFigures {
    /// Area under the ROC curve of pixels.
    pub auroc: Estimate,
    /// Average precision of pixels.
    pub average_precision: Estimate,
    /// Area under the per-region overlap.
    pub aupro: Estimate,
}

/// The figures of one defect.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct LocalisationOfDefect {
    /// Label of the defect.
    pub defect: String,
    /// Share of the judged pixels of its images that are in the footprint: the average precision of a map that knows nothing.
    pub footprint_share: f64,
    /// Absent where the footprint is the whole image.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub figures: Option<PixelFigures>,
}
