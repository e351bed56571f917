//! The end of a dataset: its views and its manifest, from the records of all jobs in the order of the jobs.
//! One record is in memory at a time.

use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;
use std::sync::Arc;

use serde::ser::{Error, SerializeMap};
use serde::{Serialize, Serializer};

use super::files::write_json;
use super::journal::{self, Header, Record};
use super::view::{self, Outline};
use super::{DatasetError, MANIFEST, Manifest, Split};

/// Writes the views, and last the manifest, of the dataset in `folder`, whose jobs are all finished.
pub fn finish(folder: &Path, header: &Header) -> Result<(), DatasetError> {
    let mut manifest = header.manifest.clone();
    let (mut parameters, mut classes) = (BTreeSet::new(), BTreeSet::new());
    for job in header.jobs() {
        for row in record(folder, job)?.rows {
            *manifest.images.entry(row.split.name().to_owned()).or_insert(0) += 1;
            if row.split == Split::Test {
                let class = row.defect.as_deref().unwrap_or("good");
                *manifest.images.entry(format!("test/{class}")).or_insert(0) += 1;
            }
            classes.extend(row.label().map(str::to_owned));
            parameters.extend(row.parameters.into_keys());
        }
    }
    let written = Arc::default();
    let outline = Outline {
        folder,
        manifest: &manifest,
        written: &written,
        parameters: &parameters,
        classes: &classes,
    };
    let mut views = view::begin(&outline)?;
    for job in header.jobs() {
        let rows = record(folder, job)?.rows;
        views.iter_mut().try_for_each(|view| view.put(&rows))?;
    }
    let mut files = std::mem::take(&mut manifest.files);
    for view in views {
        files.extend(view.finish()?);
    }
    let files = Files { others: &files, folder, header };
    write_json(&folder.join(MANIFEST), &Listing { manifest: &manifest, files }).map(drop)
}

fn record(folder: &Path, job: u32) -> Result<Record, DatasetError> {
    journal::record(folder, job)?.ok_or_else(|| DatasetError::Incomplete { folder: folder.to_owned() })
}

/// A manifest with its files, which are never in memory all together.
#[derive(Serialize)]
struct Listing<'a> {
    #[serde(flatten)]
    manifest: &'a Manifest,
    files: Files<'a>,
}

struct Files<'a> {
    others: &'a BTreeMap<String, String>,
    folder: &'a Path,
    header: &'a Header,
}

impl Serialize for Files<'_> {
    fn serialize<S: Serializer>(&self, to: S) -> Result<S::Ok, S::Error> {
        let mut map = to.serialize_map(None)?;
        for (file, hash) in self.others {
            map.serialize_entry(file, hash)?;
        }
        for job in self.header.jobs() {
            for (file, hash) in record(self.folder, job).map_err(S::Error::custom)?.files {
                map.serialize_entry(&file, &hash)?;
            }
        }
        map.end()
    }
}
