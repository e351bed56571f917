//! `.jobs`: what of a dataset is finished while it is being made, so that a killed run goes on.

use std::collections::BTreeMap;
use std::fs::{self, File};
use std::io;
use std::path::{Path, PathBuf};

use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};

use super::{DatasetError, Row, names};

/// The folder of completion records.
pub const JOURNAL: &str = ".jobs";
const HEADER: &str = "dataset.json";
const LOCK: &str = "lock";

/// Whose data these will be, written before anything else.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Header {
    pub fingerprint: String,
    /// The folders that images are written to.
    pub folders: Vec<String>,
}

/// A finished job.
#[derive(Debug, Default, Serialize, Deserialize)]
pub struct Record {
    pub rows: Vec<Row>,
    /// SHA-256 of each of its files, in hexadecimal.
    pub files: BTreeMap<String, String>,
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

    /// Whose data are being made in `folder`, if any are.
    pub fn header(folder: &Path) -> Result<Option<Header>, DatasetError> {
        read_json(&folder.join(JOURNAL).join(HEADER))
    }

    /// States whose data these are.
    pub fn begin(&self, header: &Header) -> Result<(), DatasetError> {
        write_json(&self.folder.join(JOURNAL).join(HEADER), header)
    }

    fn path(&self, job: u32) -> PathBuf {
        self.folder.join(JOURNAL).join(format!("job{job:04}.json"))
    }

    /// The record of a job that is finished and whose files are all there.
    pub fn finished(&self, job: u32) -> Result<Option<Record>, DatasetError> {
        let record: Option<Record> = read_json(&self.path(job))?;
        Ok(record.filter(|r| r.files.keys().all(|file| self.folder.join(file).is_file())))
    }

    /// Keeps the record of a finished job.
    pub fn finish(&self, job: u32, record: &Record) -> Result<(), DatasetError> {
        write_json(&self.path(job), record)
    }

    /// Removes the journal, the header last.
    pub fn remove(self) -> Result<(), DatasetError> {
        let path = self.folder.join(JOURNAL);
        for entry in entries(&path)? {
            if entry != HEADER && entry != LOCK {
                remove_file(&path.join(entry))?;
            }
        }
        remove_file(&path.join(HEADER))?;
        remove_file(&path.join(LOCK))?;
        fs::remove_dir(&path).map_err(DatasetError::io("remove", &path))
    }
}

/// The names in a folder, sorted; none where it does not exist.
pub fn entries(folder: &Path) -> Result<Vec<String>, DatasetError> {
    let read = match fs::read_dir(folder) {
        Err(e) if e.kind() == io::ErrorKind::NotFound => return Ok(Vec::new()),
        other => other.map_err(DatasetError::io("read", folder))?,
    };
    let mut names = Vec::new();
    for entry in read {
        let entry = entry.map_err(DatasetError::io("read", folder))?;
        names.push(entry.file_name().to_string_lossy().into_owned());
    }
    names.sort_unstable();
    Ok(names)
}

/// Removes a file, if it is there.
pub fn remove_file(path: &Path) -> Result<(), DatasetError> {
    match fs::remove_file(path) {
        Err(e) if e.kind() == io::ErrorKind::NotFound => Ok(()),
        other => other.map_err(DatasetError::io("remove", path)),
    }
}

/// Writes a file under a temporary name and renames it: it is there whole or not at all.
pub fn write_file(path: &Path, bytes: &[u8]) -> Result<(), DatasetError> {
    let mut part = path.as_os_str().to_owned();
    part.push(names::PART);
    let written = fs::write(&part, bytes).and_then(|()| fs::rename(&part, path));
    written.map_err(|source| {
        // The first error is the one that tells what is wrong.
        let _ = fs::remove_file(&part);
        DatasetError::io("write", path)(source)
    })
}

/// SHA-256 in hexadecimal.
pub fn sha256(bytes: &[u8]) -> String {
    Sha256::digest(bytes).iter().map(|byte| format!("{byte:02x}")).collect()
}

/// Writes a value as JSON.
pub fn write_json(path: &Path, value: &impl Serialize) -> Result<(), DatasetError> {
    let text = serde_json::to_vec_pretty(value).map_err(|e| DatasetError::io("write", path)(e.into()))?;
    write_file(path, &text)
}

/// Reads a value from JSON; `None` where there is no file.
pub fn read_json<T: for<'de> Deserialize<'de>>(path: &Path) -> Result<Option<T>, DatasetError> {
    match fs::read(path) {
        Err(e) if e.kind() == io::ErrorKind::NotFound => Ok(None),
        read => {
            let bytes = read.map_err(DatasetError::io("read", path))?;
            serde_json::from_slice(&bytes).map(Some).map_err(|e| DatasetError::damaged(path, e))
        }
    }
}
