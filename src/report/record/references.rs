//! What a paper reports of the same experiment.

use serde::{Deserialize, Serialize};

/// Figures of a paper beside those of the run.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct References {
    /// Cells of its accuracy table.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub cells: Vec<CellReference>,
    /// Sizes of its networks.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub sizes: Vec<SizeReference>,
}

impl References {
    /// True where there are none.
    pub fn is_empty(&self) -> bool {
        self.cells.is_empty() && self.sizes.is_empty()
    }

    /// What is reported for a cell of the accuracy table.
    pub fn cell(&self, representation: &str, separator: &str) -> Option<&CellReference> {
        self.cells.iter().find(|c| c.representation == representation && c.separator == separator)
    }
}

/// A cell of an accuracy table.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct CellReference {
    /// Name of the representation here.
    pub representation: String,
    /// Name of the separator here.
    pub separator: String,
    /// Share of the images in the right group, 0 to 1; absent where the source leaves the cell empty.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub accuracy: Option<f64>,
    /// Why it is empty there.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub missing: Option<String>,
    /// Where it stands.
    pub source: String,
}

/// The size of a detector's networks.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct SizeReference {
    /// Name of the detector here.
    pub detector: String,
    /// Its networks that are counted; all where there are none.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub networks: Vec<String>,
    /// Trainable parameters.
    pub parameters: usize,
    /// Where it stands.
    pub source: String,
}
