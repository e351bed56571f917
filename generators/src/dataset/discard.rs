//! Removing a dataset, finished or not.

use std::collections::BTreeSet;
use std::fs;
use std::path::Path;

use super::files::{entries, read_json, remove_file};
use super::formats;
use super::journal::{self, JOURNAL, Journal};
use super::names::{is_image, stays_inside};
use super::{DatasetError, LEDGER, MANIFEST, Manifest};

/// Removes the dataset in `folder`, finished or not: the files that its manifest lists, the images
/// that its journal tells of, and the folders that this leaves empty. Other files stay.
///
/// # Errors
/// A file that cannot be removed; another run that is writing here; a manifest or journal that is damaged, so that nothing tells
/// the dataset's files from others.
pub fn discard(folder: &Path) -> Result<(), DatasetError> {
    let unlisted = |error| match error {
        DatasetError::Damaged { path, why } => {
            DatasetError::Unlisted { folder: folder.to_owned(), path, why }
        }
        other => other,
    };
    let manifest: Option<Manifest> = read_json(&folder.join(MANIFEST)).map_err(unlisted)?;
    let header = journal::header(folder).map_err(unlisted)?;
    let journal = if folder.join(JOURNAL).is_dir() { Some(Journal::open(folder)?) } else { None };
    let mut folders: BTreeSet<String> = BTreeSet::new();
    let manifests = || manifest.iter().chain(header.iter().map(|h| &h.manifest));
    let parts = manifests().flat_map(|m| &m.parts).map(|part| &part.file);
    for file in manifests().flat_map(|m| m.files.keys()).chain(parts).filter(|file| stays_inside(file)) {
        remove_file(&folder.join(file))?;
        folders.extend(file.rsplit_once('/').map(|(parent, _)| parent.to_owned()));
    }
    for class in header.iter().flat_map(|h| &h.folders).filter(|class| stays_inside(class)) {
        for entry in entries(&folder.join(class))?.iter().filter(|e| is_image(e)) {
            remove_file(&folder.join(class).join(entry))?;
        }
        folders.insert(class.clone());
    }
    if journal.is_some() {
        remove_file(&folder.join(LEDGER))?;
    }
    for format in manifests().flat_map(|m| m.formats.keys()) {
        formats::remove(folder, format)?;
    }
    for class in folders.iter().rev() {
        for path in Path::new(class).ancestors().filter(|p| !p.as_os_str().is_empty()) {
            // Fails where somebody else's files are in it, and then it has to stay.
            let _ = fs::remove_dir(folder.join(path));
        }
    }
    remove_file(&folder.join(MANIFEST))?;
    journal.map_or(Ok(()), Journal::remove)
}
