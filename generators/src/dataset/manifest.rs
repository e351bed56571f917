//! What a finished dataset consists of.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use super::ledger::Row;
use super::{FORMAT, Split};
use crate::scenario::Production;

/// `manifest.json`: written last, so that a folder with one holds a complete dataset.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
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
    /// The parts in the order of the scenario.
    pub parts: Vec<ManifestPart>,
    /// How many images each split and, as `test/<class>`, each class of the test set has.
    pub images: BTreeMap<String, usize>,
    /// The SHA-256 of every other file, in hexadecimal.
    pub files: BTreeMap<String, String>,
}

/// One part.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct ManifestPart {
    /// Name of its file, without folders.
    pub file: String,
    /// BLAKE3 of the file, in hexadecimal.
    pub hash: String,
    /// What its numbers mean: `mm`, `m` or `inch`.
    pub unit: String,
    /// How many copies lay on the bed.
    pub copies: usize,
}

impl Manifest {
    /// Sums up `rows` and `files`.
    pub(super) fn new(production: &Production, rows: &[Row], files: BTreeMap<String, String>) -> Self {
        let mut images = BTreeMap::new();
        for row in rows {
            *images.entry(row.split.name().to_owned()).or_insert(0) += 1;
            if row.split == Split::Test {
                let class = row.defect.as_deref().unwrap_or("good");
                *images.entry(format!("test/{class}")).or_insert(0) += 1;
            }
        }
        let parts = production.parts().map(|part| ManifestPart {
            file: part.file.file_name().map(|n| n.to_string_lossy().into_owned()).unwrap_or_default(),
            hash: part.hash.clone(),
            unit: part.unit.name().to_owned(),
            copies: part.copies,
        });
        Self {
            format: FORMAT,
            program: concat!("synthgen ", env!("CARGO_PKG_VERSION")).to_owned(),
            fingerprint: production.fingerprint().to_owned(),
            seed: production.scenario().seed,
            image_px: production.frame().size_px,
            bits: production.camera().depth.bits(),
            px_per_mm: production.frame().px_per_mm,
            parts: parts.collect(),
            images,
            files,
        }
    }
}
