//! One row per image: its files, its label, and every parameter that made it.

use std::collections::BTreeMap;

/// Which part of the benchmark an image belongs to. No job is in two of them.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Split {
    /// Healthy images for fitting.
    Train,
    /// Healthy images for watching the fit.
    Validation,
    /// Healthy and anomalous images of the same jobs and layers.
    Test,
    /// In neither test class: afterglow of a defect, or a twin that the test set does not use.
    Unused,
}

/// One image of the dataset; paths are relative to the dataset's folder, with `/` between names.
#[derive(Clone, Debug, PartialEq)]
pub struct Row {
    /// The image: `test/striation/job0012_layer0034.png`.
    pub file: String,
    /// Its part of the benchmark.
    pub split: Split,
    /// Name of the defect, `None` for a healthy image.
    pub defect: Option<String>,
    /// The layer shows only what the defect left behind.
    pub afterglow: bool,
    /// Number of the job.
    pub job: u32,
    /// Number of the layer in its job.
    pub layer: u32,
    /// The healthy twin of an anomalous image.
    pub twin: Option<String>,
    /// The footprint of an anomalous image.
    pub mask: Option<String>,
    /// The change map |image - twin| of an anomalous image.
    pub change: Option<String>,
    /// The nominal slice.
    pub nominal: String,
    /// Path of the random stream that made the layer.
    pub stream: String,
    /// Every number drawn or derived for this image, by name: `bed.temperature_c`, `defect.cnr`.
    pub parameters: BTreeMap<String, f64>,
}
