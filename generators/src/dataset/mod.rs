//! Labelled images on disk, and back.
//!
//! The layout is that of MVTec AD (`train/good`, `test/<defect>`, `ground_truth/<defect>/..._mask.png`)
//! with `validation/good`, `change/<defect>` (|image - twin|) and `nominal` (the slices) beside it,
//! `ledger.parquet` with one [`Row`] per image, and `manifest.json` with the SHA-256 of every file.
//! While a dataset is being made, `.jobs` holds what is finished; the manifest is written last.

mod error;
mod journal;
mod ledger;
mod manifest;
mod names;
mod png;
mod read;
mod write;

pub use error::DatasetError;
pub use ledger::{Row, Split};
pub use manifest::{Manifest, ManifestPart};
pub use png::read_grey;
pub use read::Dataset;
pub use write::{Progress, discard, write};

/// Version of the layout on disk; another one is another dataset.
pub const FORMAT: u32 = 1;

/// The table of all images.
pub const LEDGER: &str = "ledger.parquet";
/// What the dataset consists of.
pub const MANIFEST: &str = "manifest.json";
