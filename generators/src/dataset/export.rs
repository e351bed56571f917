//! Putting a finished dataset into more formats.

use std::collections::BTreeSet;
use std::path::Path;
use std::sync::Arc;

use super::files::{read_json, write_json};
use super::formats::{self, Formats, Settings};
use super::journal::{self, Header, Journal};
use super::view::Outline;
use super::{Dataset, DatasetError, LEDGER, MANIFEST, Manifest, Row, ledger};

/// Puts the finished dataset in `folder` into `formats` as well. Those that it is in already, with the same
/// settings, stay as they are. One that fails leaves the dataset without the formats it was about, and nothing of them.
///
/// # Errors
/// A folder without a complete dataset, or one that cannot be written; a file of it that is not what it was; another run that
/// is writing here.
pub fn export(folder: &Path, formats: &Formats) -> Result<(), DatasetError> {
    if missing(formats, &manifest(folder)?).is_empty() {
        return Ok(());
    }
    let journal = Journal::open(folder)?;
    // Another run may have added some before the journal was ours.
    let mut manifest = manifest(folder)?;
    let missing = missing(formats, &manifest);
    drop_unfinished(folder, &manifest)?;
    // Before any file of theirs goes or comes, so that what a run that is killed leaves is known to be theirs.
    let begun = Manifest { formats: missing.clone(), ..Manifest::default() };
    journal.begin(&Header { shard: None, jobs: 0, folders: Vec::new(), manifest: begun })?;
    leave_out(folder, &mut manifest, &missing)?;
    if let Err(error) = write(folder, &mut manifest, &missing) {
        // The first error is the one that tells what is wrong.
        let removed = missing.keys().try_for_each(|name| formats::remove(folder, name));
        let _ = removed.and_then(|()| journal.remove());
        return Err(error);
    }
    manifest.formats.extend(missing);
    write_json(&folder.join(MANIFEST), &manifest)?;
    journal.remove()
}

/// Removes what an export that was cut off has left of formats that the `manifest` does not list.
pub fn drop_unfinished(folder: &Path, manifest: &Manifest) -> Result<(), DatasetError> {
    let begun = journal::header(folder)?.map(|header| header.manifest.formats).unwrap_or_default();
    let mut unfinished = begun.keys().filter(|name| !manifest.formats.contains_key(*name));
    unfinished.try_for_each(|name| formats::remove(folder, name))
}

/// Removes what there is of `formats`, finished or not, from the dataset; before that from its manifest, which never
/// lists what is not there.
fn leave_out(folder: &Path, manifest: &mut Manifest, formats: &Formats) -> Result<(), DatasetError> {
    let finished: Vec<&String> = formats.keys().filter(|name| manifest.formats.contains_key(*name)).collect();
    for name in &finished {
        manifest.formats.remove(*name);
        if let Some(format) = formats::plain(name) {
            manifest.files.retain(|file, _| !format.owns(file));
        }
    }
    if !finished.is_empty() {
        write_json(&folder.join(MANIFEST), manifest)?;
    }
    formats.keys().try_for_each(|name| formats::remove(folder, name))
}

/// Writes the files of `formats`, and lists them in the manifest.
fn write(folder: &Path, manifest: &mut Manifest, formats: &Formats) -> Result<(), DatasetError> {
    let path = folder.join(LEDGER);
    let (mut parameters, mut classes) = (BTreeSet::new(), BTreeSet::new());
    for row in ledger::rows(&path)? {
        let row = row?;
        classes.extend(row.label().map(str::to_owned));
        parameters.extend(row.parameters.into_keys());
    }
    let written = Arc::new(std::mem::take(&mut manifest.files));
    let outline = Outline { folder, manifest, written: &written, parameters: &parameters, classes: &classes };
    let mut views = formats::begin(formats, &outline)?;
    let mut rows = ledger::rows(&path)?;
    loop {
        let some: Vec<Row> = rows.by_ref().take(ROWS).collect::<Result<_, _>>()?;
        if some.is_empty() {
            break;
        }
        views.iter_mut().try_for_each(|view| view.put(&some))?;
    }
    let mut files = Vec::new();
    for view in views {
        files.extend(view.finish()?);
    }
    manifest.files = Arc::unwrap_or_clone(written);
    manifest.files.extend(files);
    Ok(())
}

/// As many rows are in memory.
const ROWS: usize = 1024;

fn manifest(folder: &Path) -> Result<Manifest, DatasetError> {
    let manifest: Option<Manifest> = read_json(&folder.join(MANIFEST))?;
    let manifest = manifest.ok_or_else(|| Dataset::incomplete(folder))?;
    Dataset::check_files(folder, &manifest)?;
    Ok(manifest)
}

/// Those of `formats` that the dataset is not in.
fn missing(formats: &Formats, manifest: &Manifest) -> Formats {
    let known = |name: &String, settings: &Settings| manifest.formats.get(name) == Some(settings);
    formats
        .iter()
        .filter(|(name, settings)| !known(name, settings))
        .map(|(n, s)| (n.clone(), s.clone()))
        .collect()
}
