//! Whether anything but the defect tells the classes apart.

use serde::{Deserialize, Serialize};

use super::results::{AgainstDefect, Share};

/// What the leak audit found.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Audit {
    /// Anomalous images, each with its healthy twin.
    pub pairs: usize,
    /// Print jobs that they come from.
    pub jobs: usize,
    /// Episodes that they come from: consecutive layers of a job in which one defect acts.
    pub episodes: usize,
    /// Greatest probability that a dataset without a leak is called one with a leak, all tests together.
    pub alpha: f64,
    /// Replicates of each test.
    pub replicates: usize,
    /// What has to be equal in image and twin and is no probe.
    pub contract: Vec<Contract>,
    /// What must not tell, each alone; the last one is all of them together.
    pub probes: Vec<Probe>,
}

/// Something that twins have to agree in.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Contract {
    /// What: `change map`.
    pub name: String,
    /// Pairs that break it, of those where it applies.
    pub broken: Share,
    /// The greatest difference, in grey levels; absent where it is not a matter of grey levels.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub largest_levels: Option<f64>,
}

/// Something that must not tell anomalous from healthy.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Probe {
    /// What it looks at: `layer`.
    pub name: String,
    /// Numbers per image that it looks at; more than one go through a forest.
    pub numbers: usize,
    /// Pairs whose members differ in it, of those where it applies; absent for all probes together.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub unequal: Option<Share>,
    /// Anomalous images against healthy images of other jobs, tested by swapping twins; absent where it does not apply.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub twins: Option<Comparison>,
    /// The layers of each defect against those of the others, tested by exchanging episodes; absent
    /// where there is one defect, or where it does not apply.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub unpaired: Option<Comparison>,
}

/// How well a probe tells.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Comparison {
    /// Area under the ROC curve over all defects; absent in a comparison of defects with each other.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub auroc: Option<f64>,
    /// Area under the ROC curve of each defect.
    pub auroc_by_defect: Vec<AgainstDefect>,
    /// Probability that chance does as well somewhere in the whole audit.
    pub p_value: f64,
    /// Whether no exchange changes any of the areas, as where all images are equal in what the probe looks at: there is
    /// nothing to find.
    pub constant: bool,
    /// Distance from 0.5 at which each of the areas would have been found to be more than chance four times of five;
    /// absent where none would.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub least_found: Option<f64>,
}

impl Comparison {
    /// The area that is furthest from 0.5, and its defect; `None` for all defects.
    pub fn furthest(&self) -> (f64, Option<&str>) {
        let by_defect = self.auroc_by_defect.iter().map(|d| (d.value, Some(d.defect.as_str())));
        let all = self.auroc.map(|value| (value, None)).into_iter().chain(by_defect);
        all.reduce(|a, b| if (b.0 - 0.5).abs() > (a.0 - 0.5).abs() { b } else { a }).unwrap_or((0.5, None))
    }
}

impl Audit {
    /// Whether the comparison does better than chance allows.
    pub fn tells(&self, comparison: &Comparison) -> bool {
        comparison.p_value <= self.alpha
    }
}
