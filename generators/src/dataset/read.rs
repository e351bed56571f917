//! A finished dataset.

use std::fs;
use std::path::{Path, PathBuf};

use super::files::{read_json, read_unchanged};
use super::journal::Header;
use super::{DatasetError, LEDGER, MANIFEST, Manifest, Row, journal, ledger, png};

/// A complete dataset on disk.
#[derive(Clone, Debug)]
pub struct Dataset {
    folder: PathBuf,
    manifest: Manifest,
    rows: Vec<Row>,
}

impl Dataset {
    /// Opens the dataset in `folder`: reads manifest and ledger, and sees that every file is there.
    ///
    /// # Errors
    /// A folder without a complete dataset; a damaged manifest or ledger; a missing file.
    pub fn open(folder: &Path) -> Result<Self, DatasetError> {
        let manifest: Option<Manifest> = read_json(&folder.join(MANIFEST))?;
        let Some(manifest) = manifest else { return Err(Self::incomplete(folder)) };
        if ![8, 16].contains(&manifest.bits) {
            let why = format!("it says that images have {} bits", manifest.bits);
            return Err(DatasetError::damaged(&folder.join(MANIFEST), why));
        }
        Self::check_files(folder, &manifest)?;
        let rows = ledger::rows(&folder.join(LEDGER))?.collect::<Result<_, _>>()?;
        Ok(Self { folder: folder.to_owned(), manifest, rows })
    }

    /// Sees that every file of the dataset in `folder` is there.
    pub(super) fn check_files(folder: &Path, manifest: &Manifest) -> Result<(), DatasetError> {
        let parts = manifest.parts.iter().map(|part| &part.file);
        match manifest.files.keys().chain(parts).find(|file| !folder.join(file).is_file()) {
            Some(file) => Err(DatasetError::damaged(folder, format!("{file} is missing"))),
            None => Ok(()),
        }
    }

    /// What is in a folder without a manifest.
    pub(super) fn incomplete(folder: &Path) -> DatasetError {
        let folder = folder.to_owned();
        match journal::header(&folder) {
            Ok(Some(Header { shard: Some(shard), .. })) => DatasetError::OnlyAShard { folder, shard },
            _ => DatasetError::Incomplete { folder },
        }
    }

    /// The folder.
    pub fn folder(&self) -> &Path {
        &self.folder
    }

    /// What it consists of.
    pub fn manifest(&self) -> &Manifest {
        &self.manifest
    }

    /// One row per image: job by job, layer by layer, a healthy image before its anomalous twin.
    pub fn rows(&self) -> &[Row] {
        &self.rows
    }

    /// Where a file of a row is.
    pub fn path(&self, file: &str) -> PathBuf {
        self.folder.join(file)
    }

    /// Reads an image of a row: grey values from 0 to 1, row by row from the top left.
    ///
    /// # Errors
    /// A file that is missing, or not the one that was made.
    pub fn read(&self, file: &str) -> Result<Vec<f32>, DatasetError> {
        let path = self.path(file);
        let bytes = read_unchanged(&path, self.manifest.files.get(file))?;
        self.decoded(&path, &bytes)
    }

    /// As [`Dataset::read`], whoever wrote the file.
    ///
    /// # Errors
    /// A file that is missing, no image, or of another size than the manifest says.
    pub fn read_as_found(&self, file: &str) -> Result<Vec<f32>, DatasetError> {
        let path = self.path(file);
        let bytes = fs::read(&path).map_err(DatasetError::io("read", &path))?;
        self.decoded(&path, &bytes)
    }

    fn decoded(&self, path: &Path, bytes: &[u8]) -> Result<Vec<f32>, DatasetError> {
        let (size_px, values) = png::decode_grey(bytes, path)?;
        if size_px != self.manifest.image_px {
            let why = format!("it is {size_px} px wide, not {}", self.manifest.image_px);
            return Err(DatasetError::damaged(path, why));
        }
        Ok(values)
    }
}
