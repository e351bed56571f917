//! What was asked for, what made it, and what data came of it.

use serde::{Deserialize, Serialize};

use crate::quantile::linear_quantile;

/// What was asked for.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Scenario {
    /// Name of the scenario.
    pub name: String,
    /// Seed of every random draw.
    pub seed: u64,
    /// The parts on the bed.
    pub parts: Vec<Part>,
    /// Imaged layers of one job.
    pub layers: usize,
    /// Pixels along one side of an image.
    pub image_px: usize,
    /// Pixels per millimetre.
    pub px_per_mm: f64,
    /// Side of the square that the camera sees, in mm.
    pub bed_mm: f64,
    /// Further lines of the resolved plan, shown as they are.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub settings: Vec<Setting>,
    /// The scenario file's text.
    pub text: String,
}

/// A part.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Part {
    /// The file as the scenario names it.
    pub file: String,
    /// Width, depth and height in mm.
    pub size_mm: [f64; 3],
    /// Triangles of the mesh.
    pub triangles: usize,
    /// Copies on the bed.
    pub copies: usize,
    /// Whether it is printed in test jobs only, so that no detector has seen it.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub unseen: bool,
    /// Hash of the file, hexadecimal.
    pub hash: String,
}

/// One line of a settings table.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Setting {
    /// What is set, with its unit.
    pub name: String,
    /// Its value.
    pub value: String,
}

/// What made the run, where and when.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Provenance {
    /// Version of the program.
    pub program_version: String,
    /// Commit of the program, where known.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub git_commit: Option<String>,
    /// When the run ended, RFC 3339.
    pub date: String,
    /// The computer.
    pub machine: Machine,
    /// Identifies the dataset's bytes.
    pub dataset_fingerprint: String,
    /// Wall time of each stage, in order.
    pub stages: Vec<StageTime>,
    /// Greatest resident memory in MiB, where the system tells.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub peak_memory_mib: Option<f64>,
}

/// A computer.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Machine {
    /// Name of the processor.
    pub cpu: String,
    /// Cores that the process may use.
    pub cores: usize,
    /// Threads that it used.
    pub threads: usize,
    /// Operating system.
    pub os: String,
    /// Where the networks ran: `CPU`.
    pub device: String,
}

/// Wall time of a stage.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct StageTime {
    /// Name of the stage.
    pub stage: String,
    /// Wall time in seconds.
    pub wall_secs: f64,
}

/// What the dataset holds.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Dataset {
    /// Images and jobs of each split, in order: training, validation, test healthy, test anomalous.
    pub splits: Vec<SplitCount>,
    /// Each defect of the test set, in the scenario's order.
    pub defects: Vec<DefectFacts>,
    /// What grey values mean, for the scales of the pictures.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub grey_scale: Option<GreyScale>,
}

/// The apparent temperature that black and white stand for.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
pub struct GreyScale {
    /// Temperature of grey value 0 in degrees Celsius (the hotter end where the camera inverts).
    pub black_c: f64,
    /// Temperature of grey value 1 in degrees Celsius.
    pub white_c: f64,
}

/// Size of a split.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct SplitCount {
    /// Name: `training`, `validation`, `test, healthy`, `test, anomalous`.
    pub split: String,
    /// Number of images.
    pub images: usize,
    /// Number of print jobs that they come from.
    pub jobs: usize,
}

/// What the test set holds of a defect.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct DefectFacts {
    /// Label.
    pub name: String,
    /// Kind of defect, where it differs from the label.
    pub kind: String,
    /// Test images that show it.
    pub images: usize,
    /// Contrast-to-noise in the layer, before heat spreads and the camera looks.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub cnr_layer: Option<Quantiles>,
    /// Contrast-to-noise in the image, after decay, blur and quantisation.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub cnr_image: Option<Quantiles>,
    /// Diameter of the disc of the footprint's area, in px.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub diameter_px: Option<Quantiles>,
    /// Layers that an episode lasts.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub duration_layers: Option<Quantiles>,
}

/// Where the values of a sample lie.
#[derive(Clone, Copy, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Quantiles {
    /// Least value.
    pub min: f64,
    /// 5 % of the values are below.
    pub q05: f64,
    /// Half of the values are below.
    pub median: f64,
    /// 95 % of the values are below.
    pub q95: f64,
    /// Greatest value.
    pub max: f64,
}

impl Quantiles {
    /// Quantiles with linear interpolation between order statistics; `None` of no values.
    pub fn of(values: &[f64]) -> Option<Self> {
        let mut sorted = values.to_vec();
        sorted.sort_by(f64::total_cmp);
        let min = *sorted.first()?;
        let at = |share| linear_quantile(&sorted, share);
        Some(Self { min, q05: at(0.05), median: at(0.5), q95: at(0.95), max: at(1.0) })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// numpy 2: `np.quantile([4, 1, 3, 2], [0, .05, .5, .95, 1])`.
    #[test]
    fn quantiles_are_numpys() {
        let q = Quantiles::of(&[4.0, 1.0, 3.0, 2.0]).unwrap();
        assert_eq!((q.min, q.median, q.max), (1.0, 2.5, 4.0));
        assert!((q.q05 - 1.15).abs() < 1e-12 && (q.q95 - 3.85).abs() < 1e-12);
        assert_eq!(Quantiles::of(&[]), None);
        assert_eq!(Quantiles::of(&[7.0]).unwrap().q95, 7.0);
    }
}
