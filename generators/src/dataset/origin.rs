//! Where an image of a dataset came from, and the same image once more.

use std::path::{Path, PathBuf};
use std::{fs, io};

use super::files::{has_sha256, read_json};
use super::journal;
use super::make::around;
use super::names::NOMINAL;
use super::{Dataset, DatasetError, LEDGER, MANIFEST, Manifest, Row, SCENARIO, ledger, write};
use crate::params::Table;
use crate::scenario::{Production, Scenario};

/// A file of a dataset, and the layer that it shows.
#[derive(Clone, Debug)]
pub struct Origin {
    /// The dataset's folder.
    pub folder: PathBuf,
    /// The dataset's manifest.
    pub manifest: Manifest,
    /// The file's name in the dataset.
    pub file: String,
    /// The row that the file belongs to; of a nominal slice, which several may share, the healthy one.
    pub row: Row,
    /// The other row of the same job and layer: the anomalous twin of a healthy image, or the reverse.
    pub twin: Option<Row>,
}

/// A file that was made again.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Remade {
    /// Its name in the dataset.
    pub file: String,
    /// Whether its SHA-256 is the one in the manifest.
    pub same: bool,
}

impl Origin {
    /// Finds out about an image, mask, change map or nominal slice in the folder of a finished dataset.
    ///
    /// # Errors
    /// A file that is not there, or not part of a dataset; a damaged manifest or ledger.
    pub fn of(image: &Path) -> Result<Self, DatasetError> {
        let stranger = || DatasetError::NoImageOfADataset { file: image.to_owned() };
        let whole = fs::canonicalize(image).map_err(|e| match e.kind() {
            io::ErrorKind::NotFound => stranger(),
            _ => DatasetError::io("read", image)(e),
        })?;
        for folder in whole.ancestors().skip(1) {
            if let Some(manifest) = read_json::<Manifest>(&folder.join(MANIFEST))? {
                let inside = whole.strip_prefix(folder).unwrap_or(&whole).components();
                let names: Vec<_> = inside.map(|name| name.as_os_str().to_string_lossy()).collect();
                return Self::find(folder, manifest, names.join("/"))?.ok_or_else(stranger);
            }
            if journal::header(folder)?.is_some() {
                return Err(Dataset::incomplete(folder));
            }
        }
        Err(stranger())
    }

    fn find(folder: &Path, manifest: Manifest, file: String) -> Result<Option<Self>, DatasetError> {
        let mut layer: Vec<Row> = Vec::new();
        for row in ledger::rows(&folder.join(LEDGER))? {
            let row = row?;
            // The rows of a layer follow each other.
            if layer.last().is_some_and(|last| (last.job, last.layer) != (row.job, row.layer)) {
                if layer.iter().any(|row| row.files().any(|name| name == file)) {
                    break;
                }
                layer.clear();
            }
            layer.push(row);
        }
        let Some(at) = layer.iter().position(|row| row.files().any(|name| name == file)) else {
            return Ok(None);
        };
        let row = layer.swap_remove(at);
        Ok(Some(Self { folder: folder.to_owned(), manifest, file, row, twin: layer.pop() }))
    }

    /// Whether the file is still as it was made.
    ///
    /// # Errors
    /// Where it cannot be read.
    pub fn is_unchanged(&self) -> Result<bool, DatasetError> {
        match self.manifest.files.get(&self.file) {
            Some(hash) => has_sha256(&self.folder.join(&self.file), hash),
            None => Ok(true),
        }
    }

    /// The scenario of the dataset, with the parts that it keeps.
    ///
    /// # Errors
    /// A scenario or part that is missing or was changed; a program that makes other data of it.
    pub fn production(&self) -> Result<Production, DatasetError> {
        let path = self.folder.join(SCENARIO);
        let text = fs::read_to_string(&path).map_err(DatasetError::io("read", &path))?;
        let mut table = Table::parse(&path.to_string_lossy(), &text)?;
        let scenario = Scenario::read(&mut table, &self.folder)?;
        table.finish()?;
        Ok(scenario.resolve()?)
    }

    /// Makes the image and everything that shows the same layer (its twin, footprint, change map,
    /// nominal slice and temperatures) again, in `folder`, and compares them with the manifest.
    ///
    /// # Errors
    /// A production that is not the dataset's; a file that cannot be written.
    pub fn remake(&self, production: &Production, folder: &Path) -> Result<Vec<Remade>, DatasetError> {
        if production.fingerprint() != self.manifest.fingerprint {
            let (folder, program) = (self.folder.clone(), self.manifest.program.clone());
            return Err(DatasetError::OtherProgram { folder, program });
        }
        if let Some(outer) = around(&folder.join(NOMINAL)) {
            return Err(DatasetError::InsideAnother { folder: folder.to_owned(), outer });
        }
        if journal::header(folder)?.is_some() {
            return Err(DatasetError::OtherData { folder: folder.to_owned() });
        }
        let record = write::layer(production, self.row.job, self.row.layer, folder)?;
        let same = |(file, hash): (String, String)| Remade {
            same: self.manifest.files.get(&file) == Some(&hash),
            file,
        };
        Ok(record.files.into_iter().map(same).collect())
    }
}
