//! Removing a dataset, finished or not.

use std::collections::BTreeSet;
use std::fs;
use std::path::{Path, PathBuf};

use super::files::{PART, entries, read_json, remove_file};
use super::formats::{self, Format};
use super::journal::{self, Header, JOURNAL, Journal};
use super::names::is_image;
use super::{DatasetError, LEDGER, MANIFEST, Manifest};

/// A dataset that can be removed, finished or not: nobody else's file is among its own, and no other run is writing to it.
pub struct Discard {
    folder: PathBuf,
    found: Found,
    journal: Option<Journal>,
}

impl Discard {
    /// Looks at what is in `folder`; `None` where there is no dataset. Nothing is removed yet.
    ///
    /// # Errors
    /// Another run that is writing here; a manifest or journal that is damaged, so that nothing tells
    /// the dataset's files from others. A file among them that is somebody else's: no dataset could be made in its place, so that
    /// this one has to stay. Hidden files in `folder` itself are in nobody's way.
    pub fn of(folder: &Path) -> Result<Option<Self>, DatasetError> {
        let unlisted = |error| match error {
            DatasetError::Damaged { path, why } => {
                DatasetError::Unlisted { folder: folder.to_owned(), path, why }
            }
            other => other,
        };
        let manifest: Option<Manifest> = read_json(&folder.join(MANIFEST)).map_err(unlisted)?;
        let header = journal::header(folder).map_err(unlisted)?;
        if manifest.is_none() && header.is_none() {
            return Ok(None);
        }
        let journal = if folder.join(JOURNAL).is_dir() { Some(Journal::open(folder)?) } else { None };
        let (own, found) = (Own::of(manifest.as_ref(), header.as_ref()), Found::below(folder)?);
        match found.files.iter().find(|file| !own.has(file)) {
            Some(file) => Err(DatasetError::NotTheDatasets { folder: folder.to_owned(), file: file.clone() }),
            None => Ok(Some(Self { folder: folder.to_owned(), found, journal })),
        }
    }

    /// Removes the files that the manifest lists, the images that the journal tells of, and the folders, which are empty then.
    ///
    /// # Errors
    /// A file that cannot be removed; what is left can be discarded again.
    pub fn carry_out(self) -> Result<(), DatasetError> {
        let Self { folder, found: Found { files, folders }, journal } = self;
        // Without manifest and journal nobody could tell what a run that is killed here has left.
        let last = |file: &&String| *file == MANIFEST || of_journal(file).is_some();
        for file in files.iter().filter(|file| !last(file)) {
            remove_file(&folder.join(file))?;
        }
        // Those inside others were found after them.
        for inner in folders.iter().rev().filter(|inner| *inner != JOURNAL) {
            let path = folder.join(inner);
            fs::remove_dir(&path).map_err(DatasetError::io("remove", &path))?;
        }
        remove_file(&folder.join(MANIFEST))?;
        journal.map_or(Ok(()), Journal::remove)
    }
}

/// The name inside the journal's folder.
fn of_journal(file: &str) -> Option<&str> {
    file.strip_prefix(JOURNAL)?.strip_prefix('/')
}

/// What tells a dataset's files from others.
struct Own<'a> {
    /// Files by their names.
    listed: BTreeSet<&'a str>,
    /// Folders that images are written to while the dataset is made.
    classes: BTreeSet<&'a str>,
    formats: Vec<Box<dyn Format>>,
}

impl<'a> Own<'a> {
    fn of(manifest: Option<&'a Manifest>, header: Option<&'a Header>) -> Self {
        let manifests = || manifest.into_iter().chain(header.map(|header| &header.manifest));
        let parts = manifests().flat_map(|manifest| &manifest.parts).map(|part| &part.file);
        let files = manifests().flat_map(|manifest| manifest.files.keys()).chain(parts);
        let formats = manifests().flat_map(|manifest| manifest.formats.keys());
        Self {
            listed: files.map(String::as_str).chain([MANIFEST, LEDGER]).collect(),
            classes: header.iter().flat_map(|header| &header.folders).map(String::as_str).collect(),
            formats: formats.filter_map(|name| formats::plain(name)).collect(),
        }
    }

    /// True for a file of the dataset, finished or not.
    fn has(&self, file: &str) -> bool {
        if let Some(name) = of_journal(file) {
            return journal::owns(name);
        }
        let file = file.strip_suffix(PART).unwrap_or(file);
        let is_image = |(class, name)| self.classes.contains(class) && is_image(name);
        self.listed.contains(file)
            || file.rsplit_once('/').is_some_and(is_image)
            || self.formats.iter().any(|format| format.owns(file))
    }
}

/// What is in a dataset's folder, but for hidden entries; `/` between names.
#[derive(Default)]
struct Found {
    files: Vec<String>,
    /// Each before those inside it.
    folders: Vec<String>,
}

impl Found {
    fn below(folder: &Path) -> Result<Self, DatasetError> {
        let mut found = Self::default();
        for entry in entries(folder)?.into_iter().filter(|entry| !entry.starts_with('.')) {
            found.put(folder, entry);
        }
        let mut next = 0;
        while let Some(inner) = found.folders.get(next).cloned() {
            for entry in entries(&folder.join(&inner))? {
                found.put(folder, format!("{inner}/{entry}"));
            }
            next += 1;
        }
        Ok(found)
    }

    fn put(&mut self, folder: &Path, name: String) {
        // A link is a file, wherever it leads; so is what has a name that cannot be written down.
        let is_folder = fs::symlink_metadata(folder.join(&name)).is_ok_and(|it| it.is_dir());
        if is_folder { self.folders.push(name) } else { self.files.push(name) }
    }
}
