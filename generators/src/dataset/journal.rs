//! `jobs`: what of a dataset is finished while it is being made, so that a killed run goes on. A shard
//! keeps its journal: it is what the shards are joined by.

use std::collections::BTreeMap;
use std::fs::{self, File};
use std::path::{Path, PathBuf};

use serde::{Deserialize, Serialize};

use super::files::{self, PART, has_sha256, read_json, remove_file, write_json};
use super::{DatasetError, Manifest, Row, Shard};

/// The folder of completion records.
pub const JOURNAL: &str = "jobs";
const HEADER: &str = "dataset.json";
const LOCK: &str = "lock";

/// What is being made, written before anything else.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Header {
    /// The share of the jobs that is made here; all where `None`.
    pub shard: Option<Shard>,
    /// How many jobs the whole dataset has.
    pub jobs: u32,
    /// The folders that images are written to.
    pub folders: Vec<String>,
    /// The manifest as far as it is known before the first image.
    pub manifest: Manifest,
}

impl Header {
    /// The numbers of the jobs that are made here.
    pub fn jobs(&self) -> impl Iterator<Item = u32> {
        let shard = self.shard;
        (0..self.jobs).filter(move |&job| shard.is_none_or(|s| s.has(job)))
    }
}

/// A finished job.
#[derive(Debug, Default, Serialize, Deserialize)]
pub struct Record {
    pub rows: Vec<Row>,
    /// SHA-256 of each of its files, in hexadecimal.
    pub files: BTreeMap<String, String>,
}

/// Whose data are being made in `folder`, if any are.
pub fn header(folder: &Path) -> Result<Option<Header>, DatasetError> {
    read_json(&folder.join(JOURNAL).join(HEADER))
}

/// The record of a finished job of the dataset or shard in `folder`.
pub fn record(folder: &Path, job: u32) -> Result<Option<Record>, DatasetError> {
    match read_json(&path(folder, job)) {
        // A power failure can empty it; the job is made again.
        Err(DatasetError::Damaged { .. }) => Ok(None),
        read => read,
    }
}

/// Whether a job of the dataset or shard in `folder` has a record, sound or not.
pub fn has_record(folder: &Path, job: u32) -> bool {
    path(folder, job).is_file()
}

fn path(folder: &Path, job: u32) -> PathBuf {
    folder.join(JOURNAL).join(record_name(job))
}

fn record_name(job: u32) -> String {
    format!("job{job:04}.json")
}

/// True for the name of a file of a journal, finished or not: others in its folder are somebody else's.
pub fn owns(name: &str) -> bool {
    let name = name.strip_suffix(PART).unwrap_or(name);
    let job = || name.strip_prefix("job")?.strip_suffix(".json")?.parse().ok();
    [HEADER, LOCK].contains(&name) || job().is_some_and(|job| record_name(job) == name)
}

/// The open journal of one dataset; no other process has it open.
pub struct Journal {
    folder: PathBuf,
    _lock: File,
}

impl Journal {
    /// Opens the journal of the dataset in `folder`; begins one where there is none.
    pub fn open(folder: &Path) -> Result<Self, DatasetError> {
        let path = folder.join(JOURNAL);
        fs::create_dir_all(&path).map_err(DatasetError::io("create", &path))?;
        let lock_path = path.join(LOCK);
        let lock = File::create(&lock_path).map_err(DatasetError::io("write", &lock_path))?;
        match lock.try_lock() {
            Ok(()) => Ok(Self { folder: folder.to_owned(), _lock: lock }),
            Err(fs::TryLockError::WouldBlock) => Err(DatasetError::Busy { folder: folder.to_owned() }),
            // Some network drives cannot lock; their users have to see to it themselves.
            Err(fs::TryLockError::Error(_)) => Ok(Self { folder: folder.to_owned(), _lock: lock }),
        }
    }

    /// The dataset's folder.
    pub fn folder(&self) -> &Path {
        &self.folder
    }

    /// States whose data these are.
    pub fn begin(&self, header: &Header) -> Result<(), DatasetError> {
        write_json(&self.folder.join(JOURNAL).join(HEADER), header).map(drop)
    }

    /// The record of a job that is finished and whose files are all there as they were written.
    pub fn finished(&self, job: u32) -> Result<Option<Record>, DatasetError> {
        let Some(record) = record(&self.folder, job)? else { return Ok(None) };
        for (file, hash) in &record.files {
            if !has_sha256(&self.folder.join(file), hash)? {
                return Ok(None);
            }
        }
        Ok(Some(record))
    }

    /// Keeps the record of a finished job.
    pub fn finish(&self, job: u32, record: &Record) -> Result<(), DatasetError> {
        let path = path(&self.folder, job);
        let text = serde_json::to_vec(record).map_err(|e| DatasetError::io("write", &path)(e.into()))?;
        files::write_file(&path, &text)
    }

    /// Removes the journal, the header last.
    pub fn remove(self) -> Result<(), DatasetError> {
        let path = self.folder.join(JOURNAL);
        let records = files::entries(&path)?.into_iter().filter(|entry| owns(entry));
        for entry in records.filter(|entry| entry != HEADER && entry != LOCK) {
            remove_file(&path.join(entry))?;
        }
        remove_file(&path.join(HEADER))?;
        remove_file(&path.join(LOCK))?;
        // Fails where somebody else's file is in it, and then it has to stay.
        let _ = fs::remove_dir(&path);
        Ok(())
    }
}
