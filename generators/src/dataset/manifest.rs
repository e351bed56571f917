//! What a finished dataset consists of.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize, Serializer};

use super::formats::{self, Formats};
use super::{Temperature, names};

use crate::mesh::Certificate;

/// `manifest.json`: written last, so that a folder with one holds a complete dataset.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Manifest {
    /// Version of the layout on disk.
    pub format: u32,
    /// The program and its version.
    pub program: String,
    /// What the data depend on, hashed: scenario, seed and parts.
    pub fingerprint: String,
    /// The seed.
    pub seed: u64,
    /// Pixels along one side of each image.
    pub image_px: usize,
    /// Bits per pixel.
    pub bits: u8,
    /// Pixels per millimetre.
    pub px_per_mm: f64,
    /// What its temperatures are written as, where it has them.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub temperature: Option<Temperature>,
    /// The parts in the order of the scenario.
    pub parts: Vec<ManifestPart>,
    /// How many images each split and, as `test/<class>`, each class of the test set has.
    pub images: BTreeMap<String, usize>,
    /// The formats that it is in beside the default one, and the settings of each.
    #[serde(default, skip_serializing_if = "Formats::is_empty")]
    pub formats: Formats,
    /// The SHA-256 of every other file but the parts, in hexadecimal.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty", serialize_with = "job_by_job")]
    pub files: BTreeMap<String, String>,
}

/// One part.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct ManifestPart {
    /// The copy of its file in the dataset.
    pub file: String,
    /// BLAKE3 of the file, in hexadecimal.
    pub hash: String,
    /// What its numbers mean: `mm`, `m` or `inch`.
    pub unit: String,
    /// How many copies lay on the bed.
    pub copies: usize,
    /// What was mended in it, and how sure the areas of its imaged layers are.
    pub certificate: Certificate,
}

/// The files of no job first, as they are written when the jobs are not in memory.
fn job_by_job<S: Serializer>(files: &BTreeMap<String, String>, to: S) -> Result<S::Ok, S::Error> {
    let formats = formats::all();
    let is_of_a_format = |file: &str| formats.iter().any(|format| format.owns(file));
    let job = |file: &str| if is_of_a_format(file) { None } else { names::job(file) };
    let mut entries: Vec<(Option<u32>, &String, &String)> =
        files.iter().map(|(file, hash)| (job(file), file, hash)).collect();
    entries.sort_unstable();
    to.collect_map(entries.into_iter().map(|(_, file, hash)| (file, hash)))
}
