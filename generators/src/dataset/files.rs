//! Files that are there whole or not at all.
//!
//! Every file is written under a temporary name ([`PART`]) and renamed, so that a killed process leaves
//! nothing half-written under a name that counts. A power failure is another matter: what was renamed
//! may not be on the disk yet. Waiting for the disk after every image would cost more than making the
//! image, so [`write_file`] does not; a run that goes on compares each file with its SHA-256 instead.
//! The few files that say what is finished ([`Draft`]) do wait.

use std::fs::{self, File};
use std::io::{self, BufWriter, Write};
use std::path::{Path, PathBuf};

use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};

use super::DatasetError;

/// What the name of an unfinished file ends in.
pub const PART: &str = ".part";

fn part_of(path: &Path) -> PathBuf {
    let mut part = path.as_os_str().to_owned();
    part.push(PART);
    part.into()
}

/// Writes a file of a few bytes at once.
pub fn write_file(path: &Path, bytes: &[u8]) -> Result<(), DatasetError> {
    let part = part_of(path);
    let written = fs::write(&part, bytes).and_then(|()| fs::rename(&part, path));
    written.map_err(|source| {
        // The first error is the one that tells what is wrong.
        let _ = fs::remove_file(&part);
        DatasetError::io("write", path)(source)
    })
}

/// Copies a file of any size, unless `check` says of the copy that it is not to be kept.
pub fn copy_file(
    from: &Path,
    to: &Path,
    check: impl FnOnce(&File) -> io::Result<bool>,
) -> Result<bool, DatasetError> {
    let mut source = File::open(from).map_err(DatasetError::io("read", from))?;
    let part = part_of(to);
    let copied = File::create(&part).and_then(|mut copy| io::copy(&mut source, &mut copy));
    let kept = copied.and_then(|_| check(&File::open(&part)?));
    let placed = kept.and_then(|kept| if kept { fs::rename(&part, to).map(|()| true) } else { Ok(false) });
    if !matches!(placed, Ok(true)) {
        let _ = fs::remove_file(&part);
    }
    placed.map_err(DatasetError::io("write", to))
}

/// A file that is written piece by piece; dropped before [`Draft::keep`], it leaves nothing.
pub struct Draft {
    path: PathBuf,
    file: BufWriter<File>,
    hash: Sha256,
    kept: bool,
}

impl Draft {
    /// Begins the file that will be at `path`.
    pub fn create(path: &Path) -> Result<Self, DatasetError> {
        let file = File::create(part_of(path)).map_err(DatasetError::io("write", path))?;
        Ok(Self { path: path.to_owned(), file: BufWriter::new(file), hash: Sha256::new(), kept: false })
    }

    /// Puts the file in its place once it is safe on the disk; its SHA-256 in hexadecimal.
    pub fn keep(&mut self) -> Result<String, DatasetError> {
        let synced = self.file.flush().and_then(|()| self.file.get_ref().sync_all());
        let renamed = synced.and_then(|()| fs::rename(part_of(&self.path), &self.path));
        renamed.map_err(DatasetError::io("write", &self.path))?;
        self.kept = true;
        Ok(hexadecimal(&std::mem::take(&mut self.hash).finalize()))
    }

    /// Where the file will be.
    pub fn path(&self) -> &Path {
        &self.path
    }
}

impl Write for Draft {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        let count = self.file.write(bytes)?;
        self.hash.update(&bytes[..count]);
        Ok(count)
    }

    fn flush(&mut self) -> io::Result<()> {
        self.file.flush()
    }
}

impl Drop for Draft {
    fn drop(&mut self) {
        if !self.kept {
            let _ = fs::remove_file(part_of(&self.path));
        }
    }
}

/// SHA-256 in hexadecimal.
pub fn sha256(bytes: &[u8]) -> String {
    hexadecimal(&Sha256::digest(bytes))
}

fn hexadecimal(bytes: &[u8]) -> String {
    const DIGITS: &[u8; 16] = b"0123456789abcdef";
    let digit = |half: u8| char::from(DIGITS[usize::from(half)]);
    bytes.iter().flat_map(|byte| [digit(byte >> 4), digit(byte & 15)]).collect()
}

/// Whether the file at `path` is there and has this SHA-256.
pub fn has_sha256(path: &Path, hash: &str) -> Result<bool, DatasetError> {
    match fs::read(path) {
        Err(e) if e.kind() == io::ErrorKind::NotFound => Ok(false),
        read => Ok(sha256(&read.map_err(DatasetError::io("read", path))?) == hash),
    }
}

/// The bytes of a file, where its SHA-256 is `hash`; whatever they are where that is not known.
pub fn read_unchanged(path: &Path, hash: Option<&String>) -> Result<Vec<u8>, DatasetError> {
    read_checked(path, |bytes| hash.is_none_or(|hash| sha256(bytes) == *hash))
}

/// The bytes of a file, unless they are not the `same` as when it was written.
pub fn read_checked(path: &Path, same: impl Fn(&[u8]) -> bool) -> Result<Vec<u8>, DatasetError> {
    let bytes = fs::read(path).map_err(DatasetError::io("read", path))?;
    if same(&bytes) { Ok(bytes) } else { Err(DatasetError::damaged(path, "its content has changed")) }
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

/// Writes a value as JSON, safe on the disk; its SHA-256.
pub fn write_json(path: &Path, value: &impl Serialize) -> Result<String, DatasetError> {
    let mut draft = Draft::create(path)?;
    serde_json::to_writer_pretty(&mut draft, value).map_err(|e| DatasetError::io("write", path)(e.into()))?;
    draft.keep()
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
