//! Files that are made of a dataset's rows, beside its images: the ledger, and forms that other tools read.
//!
//! A view is given a few rows at a time, in the ledger's order, and keeps none of them: a dataset
//! may have more rows than memory holds.

use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;
use std::sync::Arc;

use super::formats;
use super::{DatasetError, Manifest, Row, ledger};

/// What is known of a dataset before the first row.
pub struct Outline<'a> {
    /// Where it is; every image is there already.
    pub folder: &'a Path,
    /// Its manifest, but for the files.
    pub manifest: &'a Manifest,
    /// The SHA-256 of each file that may have been changed since it was written; none of those that were written just now.
    pub written: &'a Arc<BTreeMap<String, String>>,
    /// The names of all parameters that any of its rows has.
    pub parameters: &'a BTreeSet<String>,
    /// The labels of its rows: every defect, and every fault.
    pub classes: &'a BTreeSet<String>,
}

/// One file, or a few, in the making.
pub trait View {
    /// Takes in the next rows, a few at a time.
    fn put(&mut self, rows: &[Row]) -> Result<(), DatasetError>;

    /// Ends its files: the name of each, relative to the dataset's folder, and its SHA-256. A
    /// [`Draft`](super::files::Draft) gives both and leaves nothing half-written.
    fn finish(self: Box<Self>) -> Result<Vec<(String, String)>, DatasetError>;
}

/// Begins every view of the dataset: first the ledger, then the formats that its manifest names.
pub fn begin(outline: &Outline) -> Result<Vec<Box<dyn View>>, DatasetError> {
    let mut views = vec![ledger::begin(outline)?];
    views.extend(formats::begin(&outline.manifest.formats, outline)?);
    Ok(views)
}
