//! Joining the shards of a dataset.

use std::collections::BTreeSet;
use std::fs;
use std::io;
use std::path::{Path, PathBuf};

use rayon::prelude::*;

use super::files::{read_checked, remove_file, sha256, write_file};
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
    let shards = Shards::open(&header, folders)?;
    make(folder, &header, &shards, report)
}

/// Whether `shards` are all of one dataset, each there once, finished, and every file of theirs as it was written: whoever
/// discards a dataset that they are to replace has to know. Every file is read.
///
/// # Errors
/// As those of [`merge`] about the shards.
pub fn check_shards(shards: &[PathBuf]) -> Result<(), DatasetError> {
    let (header, folders) = complete(shards)?;
    let shards = Shards::open(&header, folders)?;
    shards.before_the_jobs(|file, same| read(shards.first(), file, same).map(drop))?;
    (0..header.jobs).into_par_iter().try_for_each(|job| {
        let of_job =
            |(file, hash): (&String, &String)| read(shards.of(job), file, |bytes| sha256(bytes) == *hash);
        shards.record(job)?.files.iter().try_for_each(|file| of_job(file).map(drop))
    })
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

impl<'a> Shards<'a> {
    /// Reads every record: a damaged one is known before the first file is taken.
    fn open(header: &'a Header, folders: Vec<PathBuf>) -> Result<Self, DatasetError> {
        let mut shards = Self { header, folders, images: Vec::new() };
        for job in 0..header.jobs {
            shards.images.push(shards.record(job)?.rows.len());
        }
        Ok(shards)
    }

    /// Where what all shards have is taken from.
    fn first(&self) -> &Path {
        &self.folders[0]
    }

    /// Does something with each file that is of no job, and with the test of whether it is what it was.
    fn before_the_jobs(
        &self,
        mut each: impl FnMut(&str, &dyn Fn(&[u8]) -> bool) -> Result<(), DatasetError>,
    ) -> Result<(), DatasetError> {
        let manifest = &self.header.manifest;
        let hash = manifest.files.get(SCENARIO);
        each(SCENARIO, &|bytes| hash.is_some_and(|hash| sha256(bytes) == *hash))?;
        for part in &manifest.parts {
            each(&part.file, &|bytes| blake3::hash(bytes).to_hex().as_str() == part.hash)?;
        }
        Ok(())
    }

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
        self.before_the_jobs(|file, same| take(self.first(), folder, file, same))
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
    let bytes = read(shard, file, same)?;
    let (from, to) = (shard.join(file), folder.join(file));
    remove_file(&to)?;
    fs::hard_link(&from, &to).or_else(|_| write_file(&to, &bytes))
}

/// The bytes of `file` of a shard, unless it is not what it was.
fn read(shard: &Path, file: &str, same: impl Fn(&[u8]) -> bool) -> Result<Vec<u8>, DatasetError> {
    if !names::stays_inside(file) {
        return Err(DatasetError::damaged(shard, format!("`{file}` would lie outside")));
    }
    match read_checked(&shard.join(file), same) {
        Err(DatasetError::Io { source, .. }) if source.kind() == io::ErrorKind::NotFound => {
            Err(DatasetError::damaged(shard, format!("{file} is missing")))
        }
        read => read,
    }
}
