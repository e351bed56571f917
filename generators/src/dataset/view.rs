//! Files that are made of a dataset's rows, beside its images: the ledger, and forms that other tools read.
//!
//! A view is given one row after the other, in the ledger's order, and keeps none of them: a dataset
//! may have more rows than memory holds.

use std::collections::BTreeSet;
use std::path::Path;

use super::{DatasetError, Manifest, Row, ledger};

/// What is known of a dataset before the first row.
pub struct Outline<'a> {
    /// Where it is; every image is there already.
    pub folder: &'a Path,
    /// Its manifest, but for the files.
    #[expect(dead_code, reason = "the ledger does not need it")]
    pub manifest: &'a Manifest,
    /// The names of all parameters that any of its rows has.
    pub parameters: &'a BTreeSet<String>,
}

/// One file, or a few, in the making.
pub trait View {
    /// Takes in the next row.
    fn put(&mut self, row: &Row) -> Result<(), DatasetError>;

    /// Ends its files: the name of each, relative to the dataset's folder, and its SHA-256. A
    /// [`Draft`](super::files::Draft) gives both and leaves nothing half-written.
    fn finish(self: Box<Self>) -> Result<Vec<(String, String)>, DatasetError>;
}

type Begin = fn(&Outline) -> Result<Option<Box<dyn View>>, DatasetError>;

/// Every view; `None` where the dataset is not to have it.
pub const VIEWS: &[Begin] = &[ledger::begin];
