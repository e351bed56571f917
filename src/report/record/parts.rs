//! Whether a detector knows the process or only the parts that it has seen.

use serde::{Deserialize, Serialize};

use super::Estimate;

/// Contrast-to-noise from which a defect counts as clear.
pub const CLEAR_CNR: f64 = 3.0;

/// How well a score ranks anomalous above healthy images of some parts.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct OnParts {
    /// The parts, as indices into [`super::Scenario::parts`].
    pub parts: Vec<usize>,
    /// Area under the ROC curve over all their test images.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub all: Option<Estimate>,
    /// As `all`, of the anomalous images those alone whose contrast-to-noise is [`CLEAR_CNR`] or more.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub clear: Option<Estimate>,
}
