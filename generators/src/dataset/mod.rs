//! Labelled images on disk, and back.
//!
//! The layout is that of MVTec AD (`train/good`, `test/<defect>`, `ground_truth/<defect>/..._mask.png`)
//! with `validation/good`, `history/good` (the other layers of test jobs), `change/<defect>` (|image - twin|) and `nominal`
//! (the slices) beside it,
//! the recordings of screening jobs in `screening/<job>`, with masks in `screening_masks/<job>`,
//! `ledger.parquet` with one [`Row`] per image, `scenario.toml` and `parts`, from which the same data
//! can be made again, and `manifest.json` with the SHA-256 of every file. While a dataset is being made,
//! `jobs` holds what is finished; the manifest is written last.

mod discard;
mod error;
mod export;
mod files;
mod finish;
pub mod formats;
mod journal;
mod ledger;
mod make;
mod manifest;
mod merge;
pub(crate) mod names;
mod origin;
pub mod png;
mod read;
mod row;
mod shard;
mod temperature;
mod tiff;
mod view;
pub mod volume;
mod write;

pub use discard::Discard;
pub use error::{DatasetError, misnamed};
pub use export::export;
pub use make::{Progress, Report};
pub use manifest::{Manifest, ManifestPart};
pub use merge::{check_shards, merge};
pub use origin::{Origin, Remade};
pub use png::read_grey;
pub use read::Dataset;
pub use row::{Row, Split};
pub use shard::{NoShard, Shard};
pub use temperature::Temperature;
pub use write::write;

/// Version of the layout on disk; another one is another dataset.
pub const FORMAT: u32 = 3;

/// The table of all images.
pub const LEDGER: &str = "ledger.parquet";
/// What the dataset consists of.
pub const MANIFEST: &str = "manifest.json";
/// What the data are made from, with seed and units resolved; its parts are in the dataset.
pub const SCENARIO: &str = "scenario.toml";
