//! How every dataset comes about, whether its jobs are simulated here or taken from shards: job by job,
//! each recorded when it is finished; then views, manifest, and an end to the journal.

use std::fs;
use std::ops::ControlFlow;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering::Relaxed};

use rayon::prelude::*;

use super::export::{drop_unfinished, export};
use super::files::{self, PART, read_json};
use super::finish::finish;
use super::journal::{self, Header, JOURNAL, Journal, Record};
use super::{Dataset, DatasetError, LEDGER, MANIFEST, Manifest, names};

/// How far a dataset is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Progress {
    /// Images that are in place, those of an earlier run included.
    pub images_done: usize,
    /// How many there will be: an estimate until the last job is finished.
    pub images: usize,
    /// Jobs that are finished.
    pub jobs_done: usize,
    /// All jobs.
    pub jobs: usize,
}

/// Is told of every step, from any thread; [`ControlFlow::Break`] stops the run.
pub type Report<'a> = &'a (dyn Fn(Progress) -> ControlFlow<()> + Sync);

/// Where the jobs of a dataset come from.
pub trait Source: Sync {
    /// Puts in place what is there before the first job.
    fn begin(&self, folder: &Path) -> Result<(), DatasetError>;

    /// About how many images a job will have.
    fn expected(&self, job: u32) -> usize;

    /// Puts the files of a job in place; `told` wants to know of every new image, and stops by its error.
    fn job(&self, job: u32, folder: &Path, told: Told) -> Result<Record, DatasetError>;
}

/// Told how many more images are in place.
pub type Told<'a> = &'a (dyn Fn(usize) -> Result<(), DatasetError> + Sync);

/// The finished dataset that `folder`, which need not be there yet, lies in.
pub(super) fn around(folder: &Path) -> Option<PathBuf> {
    let is_dataset = |folder: &Path| [MANIFEST, LEDGER].iter().all(|file| folder.join(file).is_file());
    let absolute = std::path::absolute(folder).ok()?;
    // Links and `..` lead elsewhere than the names say.
    let there = absolute.ancestors().find_map(|path| path.canonicalize().ok())?;
    there.ancestors().skip(usize::from(folder.exists())).find(|outer| is_dataset(outer)).map(Path::to_owned)
}

/// Makes the dataset or shard that `header` describes in `folder`, or goes on with it.
pub fn make(folder: &Path, header: &Header, source: &dyn Source, report: Report) -> Result<(), DatasetError> {
    if let Some(outer) = around(folder) {
        return Err(DatasetError::InsideAnother { folder: folder.to_owned(), outer });
    }
    fs::create_dir_all(folder).map_err(DatasetError::io("create", folder))?;
    if let Some(manifest) = read_json::<Manifest>(&folder.join(MANIFEST))? {
        if manifest.fingerprint != header.manifest.fingerprint {
            return Err(DatasetError::OtherData { folder: folder.to_owned() });
        }
        if header.shard.is_some() {
            return Err(DatasetError::OtherShard { folder: folder.to_owned(), holds: "all".to_owned() });
        }
        Dataset::check_files(folder, &manifest)?;
        if journal::header(folder)?.is_some() {
            let journal = Journal::open(folder)?;
            drop_unfinished(folder, &manifest)?;
            journal.remove()?;
        }
        return export(folder, &header.manifest.formats);
    }
    match journal::header(folder)? {
        Some(earlier) => same(folder, &earlier, header)?,
        None => {
            let foreign = |entry: &String| entry != JOURNAL && !entry.starts_with('.');
            if let Some(entry) = files::entries(folder)?.into_iter().find(foreign) {
                return Err(DatasetError::NotADataset { folder: folder.to_owned(), entry });
            }
        }
    }
    let journal = Journal::open(folder)?;
    journal.begin(header)?;
    for class in &header.folders {
        let path = folder.join(class);
        fs::create_dir_all(&path).map_err(DatasetError::io("create", &path))?;
    }
    source.begin(folder)?;
    jobs(&journal, header, source, report)?;
    sweep(folder, header)?;
    if header.shard.is_some() {
        return Ok(());
    }
    finish(folder, header)?;
    journal.remove()
}

/// Refuses to go on with what another scenario, or another shard of this one, began.
fn same(folder: &Path, earlier: &Header, header: &Header) -> Result<(), DatasetError> {
    let folder = folder.to_owned();
    if earlier == header {
        return Ok(());
    }
    if (Header { shard: header.shard, ..earlier.clone() }) != *header {
        return Err(DatasetError::OtherData { folder });
    }
    let holds = earlier.shard.map_or("all".to_owned(), |shard| format!("shard {shard}"));
    Err(DatasetError::OtherShard { folder, holds })
}

fn jobs(journal: &Journal, header: &Header, source: &dyn Source, report: Report) -> Result<(), DatasetError> {
    let folder = journal.folder();
    let numbers: Vec<u32> = header.jobs().collect();
    let (images_done, jobs_done, stopped) =
        (AtomicUsize::new(0), AtomicUsize::new(0), AtomicBool::new(false));
    let images = AtomicUsize::new(numbers.iter().map(|&job| source.expected(job)).sum());
    let told = |more: usize| {
        let done = images_done.fetch_add(more, Relaxed) + more;
        let jobs_done = jobs_done.load(Relaxed);
        // Only the last job's end makes it the whole.
        let images = images.load(Relaxed).max(done + usize::from(jobs_done < numbers.len()));
        if report(Progress { images_done: done, images, jobs_done, jobs: numbers.len() }).is_break() {
            stopped.store(true, Relaxed);
        }
        if stopped.load(Relaxed) {
            return Err(DatasetError::Stopped { folder: folder.to_owned() });
        }
        Ok(())
    };
    let finished = |job: u32, record: &Record| {
        images.fetch_add(record.rows.len(), Relaxed);
        images.fetch_sub(source.expected(job), Relaxed);
        jobs_done.fetch_add(1, Relaxed);
    };
    // What an earlier run finished comes first, so that the rate and the time left are this run's own.
    let missing: Vec<Option<u32>> = numbers
        .par_iter()
        .map(|&job| {
            let record = journal.finished(job)?;
            let Some(record) = record else { return Ok(Some(job)) };
            finished(job, &record);
            images_done.fetch_add(record.rows.len(), Relaxed);
            Ok(None)
        })
        .collect::<Result<_, DatasetError>>()?;
    told(0)?;
    let missing: Vec<u32> = missing.into_iter().flatten().collect();
    missing.par_iter().with_max_len(1).try_for_each(|&job| {
        let record = source.job(job, folder, &told)?;
        journal.finish(job, &record)?;
        finished(job, &record);
        told(0)
    })
}

/// Removes what a killed run left under temporary names.
fn sweep(folder: &Path, header: &Header) -> Result<(), DatasetError> {
    for class in header.folders.iter().map(|class| folder.join(class)) {
        for entry in files::entries(&class)? {
            if entry.ends_with(PART) && names::is_image(&entry) {
                files::remove_file(&class.join(entry))?;
            }
        }
    }
    Ok(())
}
