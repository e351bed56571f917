//! Joining the shards of a dataset.

use std::collections::BTreeSet;
use std::fs;
use std::io;
use std::path::{Path, PathBuf};

use super::files::{remove_file, sha256, write_file};
use super::journal::{self, Header, Record};
use super::make::{Report, Source, Told, make};
use super::{DatasetError, SCENARIO, Shard, names};

/// Joins the shards in `shards`, in any order, to the dataset in `folder`: the bytes are those of a run
/// that was never split. Every file is compared with its SHA-256 and then linked; where the file system
/// has no hard links between the two folders, it is copied. A merge that was stopped goes on when it is
/// started again, and the shards stay as they are.
///
/// # Errors
/// Shards of different scenarios; one that is missing, there twice, unfinished or damaged; a folder
/// that cannot be written or holds something else; a stop. Nothing is written before the shards are
/// known to be complete.
pub fn merge(shards: &[PathBuf], folder: &Path, report: Report) -> Result<(), DatasetError> {
    let (header, folders) = complete(shards)?;
    let mut shards = Shards { header: &header, folders, images: Vec::new() };
    for job in 0..header.jobs {
        shards.images.push(shards.record(job)?.rows.len());
    }
    make(folder, &header, &shards, report)
}

/// Whether `shards` are all of one dataset, each there once and finished, without which [`merge`] writes nothing.
///
/// # Errors
/// As those of [`merge`] about the shards, but for damaged images.
pub fn check_shards(shards: &[PathBuf]) -> Result<(), DatasetError> {
    complete(shards).map(|_| ())
}

/// The header of the whole, and the folder of each shard in the order of their numbers.
fn complete(shards: &[PathBuf]) -> Result<(Header, Vec<PathBuf>), DatasetError> {
    let mut found: Vec<(Shard, &Path)> = Vec::new();
    let mut whole: Option<Header> = None;
    for folder in shards {
        let header = journal::header(folder)?;
        let Some((header, shard)) = header.and_then(|h| h.shard.map(|shard| (h, shard))) else {
            return Err(DatasetError::NotAShard { folder: folder.clone() });
        };
        let header = Header { shard: None, ..header };
        if let Some(class) = header.folders.iter().find(|class| !names::stays_inside(class)) {
            return Err(DatasetError::damaged(folder, format!("`{class}` would lie outside")));
        }
        let first = found.first().map_or(shard, |(first, _)| *first);
        if *whole.get_or_insert_with(|| header.clone()) != header || first.count() != shard.count() {
            return Err(DatasetError::MixedShards { first: shards[0].clone(), other: folder.clone() });
        }
        if let Some((_, twice)) = found.iter().find(|(other, _)| *other == shard) {
            let folders = [(*twice).to_owned(), folder.clone()];
            return Err(DatasetError::ShardTwice { shard, folders });
        }
        found.push((shard, folder));
    }
    let Some(header) = whole else { return Err(DatasetError::MissingShards { missing: Vec::new() }) };
    found.sort_unstable();
    let there: BTreeSet<Shard> = found.iter().map(|(shard, _)| *shard).collect();
    let missing: Vec<Shard> = Shard::all(found[0].0.count()).filter(|s| !there.contains(s)).collect();
    if !missing.is_empty() {
        return Err(DatasetError::MissingShards { missing });
    }
    for (shard, folder) in &found {
        let jobs: Vec<u32> = (0..header.jobs).filter(|&job| shard.has(job)).collect();
        let finished = jobs.iter().filter(|&&job| journal::has_record(folder, job)).count();
        if finished < jobs.len() {
            let folder = (*folder).to_owned();
            return Err(DatasetError::UnfinishedShard { folder, shard: *shard, finished, jobs: jobs.len() });
        }
    }
    Ok((header, found.into_iter().map(|(_, folder)| folder.to_owned()).collect()))
}

/// Jobs that are taken from the shards they were made in.
struct Shards<'a> {
    header: &'a Header,
    /// The shards in the order of their numbers.
    folders: Vec<PathBuf>,
    /// How many images each job has.
    images: Vec<usize>,
}

impl Shards<'_> {
    fn of(&self, job: u32) -> &Path {
        &self.folders[job as usize % self.folders.len()]
    }

    fn record(&self, job: u32) -> Result<Record, DatasetError> {
        let from = self.of(job);
        let unreadable = || DatasetError::damaged(from, format!("the record of job {job} cannot be read"));
        journal::record(from, job)?.ok_or_else(unreadable)
    }
}

impl Source for Shards<'_> {
    fn begin(&self, folder: &Path) -> Result<(), DatasetError> {
        let manifest = &self.header.manifest;
        take(&self.folders[0], folder, SCENARIO, |bytes| {
            manifest.files.get(SCENARIO).is_some_and(|hash| sha256(bytes) == *hash)
        })?;
        for part in &manifest.parts {
            let is_part = |bytes: &[u8]| blake3::hash(bytes).to_hex().as_str() == part.hash;
            take(&self.folders[0], folder, &part.file, is_part)?;
        }
        Ok(())
    }

    fn expected(&self, job: u32) -> usize {
        self.images[job as usize]
    }

    fn job(&self, job: u32, folder: &Path, told: Told) -> Result<Record, DatasetError> {
        let record = self.record(job)?;
        for (file, hash) in &record.files {
            take(self.of(job), folder, file, |bytes| sha256(bytes) == *hash)?;
        }
        told(record.rows.len())?;
        Ok(record)
    }
}

/// Puts `file` of a shard into the dataset, unless it is not what it was.
fn take(shard: &Path, folder: &Path, file: &str, same: impl Fn(&[u8]) -> bool) -> Result<(), DatasetError> {
    if !names::stays_inside(file) {
        return Err(DatasetError::damaged(shard, format!("`{file}` would lie outside")));
    }
    let (from, to) = (shard.join(file), folder.join(file));
    let bytes = match fs::read(&from) {
        Err(e) if e.kind() == io::ErrorKind::NotFound => {
            return Err(DatasetError::damaged(shard, format!("{file} is missing")));
        }
        read => read.map_err(DatasetError::io("read", &from))?,
    };
    if !same(&bytes) {
        return Err(DatasetError::damaged(&from, "its content has changed"));
    }
    remove_file(&to)?;
    fs::hard_link(&from, &to).or_else(|_| write_file(&to, &bytes))
}
