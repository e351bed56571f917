//! Making a dataset, going on with one, and discarding one.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::ops::ControlFlow;
use std::path::{Component, Path};
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};

use rayon::prelude::*;

use super::journal::{self, Header, JOURNAL, Journal, Record};
use super::{Dataset, DatasetError, LEDGER, MANIFEST, Manifest, Row, Split, ledger, names, png};
use crate::job::{self, Sample, Shot};
use crate::scenario::{Job, Production};

/// How far a dataset is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Progress {
    /// Jobs that are finished.
    pub jobs_done: usize,
    /// All jobs.
    pub jobs: usize,
    /// Images that are written, those of an earlier run included.
    pub images: usize,
}

/// Makes the dataset of `production` in `folder`, on all threads of the current rayon pool. Goes on
/// where an earlier run of the same scenario was stopped, and does nothing where it was finished.
/// The bytes on disk do not depend on either, nor on the number of threads.
///
/// `progress` is called after every layer, from any thread; [`ControlFlow::Break`] stops the run.
///
/// # Errors
/// A folder that cannot be written or holds something else; a defect that never shows; a stop.
pub fn write(
    production: &Production,
    folder: &Path,
    progress: &(dyn Fn(Progress) -> ControlFlow<()> + Sync),
) -> Result<Dataset, DatasetError> {
    fs::create_dir_all(folder).map_err(DatasetError::io("create", folder))?;
    let other_data = || DatasetError::OtherData { folder: folder.to_owned() };
    if let Some(manifest) = journal::read_json::<Manifest>(&folder.join(MANIFEST))? {
        if manifest.fingerprint != production.fingerprint() {
            return Err(other_data());
        }
        let dataset = Dataset::open(folder)?;
        if folder.join(JOURNAL).is_dir() {
            Journal::open(folder)?.remove()?;
        }
        return Ok(dataset);
    }
    let header = header(production);
    match Journal::header(folder)? {
        Some(earlier) if earlier != header => return Err(other_data()),
        Some(_) => {}
        None => {
            let foreign = journal::entries(folder)?.into_iter().find(|entry| !entry.starts_with('.'));
            if let Some(entry) = foreign {
                return Err(DatasetError::NotADataset { folder: folder.to_owned(), entry });
            }
        }
    }
    let journal = Journal::open(folder)?;
    journal.begin(&header)?;
    for class in &header.folders {
        let path = folder.join(class);
        fs::create_dir_all(&path).map_err(DatasetError::io("create", &path))?;
    }
    make_jobs(production, folder, &journal, progress)?;
    sweep(folder, &header)?;
    finish(production, folder, &journal)?;
    journal.remove()?;
    Dataset::open(folder)
}

fn header(production: &Production) -> Header {
    let jobs = production.jobs();
    let splits: BTreeSet<Split> = jobs.iter().map(|job| job.split).collect();
    let mut folders: Vec<String> = splits.iter().map(|&split| names::good(split)).collect();
    if splits.contains(&Split::Test) {
        folders.extend(production.scenario().defects().flat_map(|(name, _)| names::of_defect(name)));
    }
    folders.push(names::NOMINAL.to_owned());
    Header { fingerprint: production.fingerprint().to_owned(), folders }
}

fn make_jobs(
    production: &Production,
    folder: &Path,
    journal: &Journal,
    progress: &(dyn Fn(Progress) -> ControlFlow<()> + Sync),
) -> Result<(), DatasetError> {
    let jobs = production.jobs();
    let (jobs_done, images, stopped) = (AtomicUsize::new(0), AtomicUsize::new(0), AtomicBool::new(false));
    let report = || {
        let (jobs_done, images) = (jobs_done.load(Ordering::Relaxed), images.load(Ordering::Relaxed));
        if progress(Progress { jobs_done, jobs: jobs.len(), images }).is_break() {
            stopped.store(true, Ordering::Relaxed);
        }
        if stopped.load(Ordering::Relaxed) {
            return Err(DatasetError::Stopped { folder: folder.to_owned() });
        }
        Ok(())
    };
    jobs.par_iter().with_max_len(1).try_for_each(|job| {
        if let Some(record) = journal.finished(job.number)? {
            images.fetch_add(record.rows.len(), Ordering::Relaxed);
        } else {
            let mut record = Record::default();
            job::simulate(production, job, |sample| {
                let before = record.rows.len();
                put(folder, job, &sample, &mut record)?;
                images.fetch_add(record.rows.len() - before, Ordering::Relaxed);
                report()
            })?;
            journal.finish(job.number, &record)?;
        }
        jobs_done.fetch_add(1, Ordering::Relaxed);
        report()
    })
}

/// Writes the files of one layer, and their rows.
fn put(folder: &Path, job: &Job, sample: &Sample, record: &mut Record) -> Result<(), DatasetError> {
    let mut file = |name: String, encoded: image::ImageResult<Vec<u8>>| -> Result<String, DatasetError> {
        let path = folder.join(&name);
        let bytes = encoded.map_err(|e| DatasetError::io("write", &path)(std::io::Error::other(e)))?;
        journal::write_file(&path, &bytes)?;
        record.files.insert(name.clone(), journal::sha256(&bytes));
        Ok(name)
    };
    let stem = names::stem(job.number, sample.layer);
    let nominal = file(format!("{}/{stem}.png", names::NOMINAL), png::share(&sample.nominal))?;
    let good = format!("{}/{stem}.png", names::good(job.split));
    let good = file(good, png::grey(&sample.healthy.grey))?;
    let row = |file: String, shot: &Shot| Row {
        file,
        split: job.split,
        defect: None,
        afterglow: false,
        job: job.number,
        layer: sample.layer as u32,
        twin: None,
        mask: None,
        change: None,
        nominal: nominal.clone(),
        stream: shot.stream.clone(),
        parameters: shot.parameters.clone(),
    };
    let mut rows = vec![row(good.clone(), &sample.healthy)];
    if let Some(twin) = &sample.twin {
        let [images, masks, changes] = names::of_defect(&twin.defect);
        let image = file(format!("{images}/{stem}.png"), png::grey(&twin.shot.grey))?;
        let mask = file(format!("{masks}/{stem}_mask.png"), png::mask(&twin.mask))?;
        let change = twin.shot.grey.difference(&sample.healthy.grey);
        let change = file(format!("{changes}/{stem}.png"), png::grey(&change))?;
        rows.push(Row {
            defect: Some(twin.defect.clone()),
            afterglow: twin.afterglow,
            twin: Some(good),
            mask: Some(mask),
            change: Some(change),
            ..row(image, &twin.shot)
        });
    }
    record.rows.extend(rows);
    Ok(())
}

/// Removes what a killed run left under temporary names.
fn sweep(folder: &Path, header: &Header) -> Result<(), DatasetError> {
    for class in header.folders.iter().map(|class| folder.join(class)) {
        for entry in journal::entries(&class)? {
            if entry.ends_with(names::PART) && names::is_image(&entry) {
                journal::remove_file(&class.join(entry))?;
            }
        }
    }
    Ok(())
}

/// Ledger and manifest from the records of all jobs, in the order of the jobs.
fn finish(production: &Production, folder: &Path, journal: &Journal) -> Result<(), DatasetError> {
    let (mut rows, mut files) = (Vec::new(), BTreeMap::new());
    for job in production.jobs() {
        let record = journal.finished(job.number)?.unwrap_or_default();
        rows.extend(record.rows);
        files.extend(record.files);
    }
    let path = folder.join(LEDGER);
    let ledger =
        ledger::to_parquet(&rows).map_err(|e| DatasetError::io("write", &path)(std::io::Error::other(e)))?;
    journal::write_file(&path, &ledger)?;
    files.insert(LEDGER.to_owned(), journal::sha256(&ledger));
    journal::write_json(&folder.join(MANIFEST), &Manifest::new(production, &rows, files))
}

/// Removes the dataset in `folder`, finished or not: the files that its manifest lists, the images
/// that its journal tells of, and the folders that this leaves empty. Other files stay.
///
/// # Errors
/// A file that cannot be removed; another run that is writing here.
pub fn discard(folder: &Path) -> Result<(), DatasetError> {
    let manifest: Option<Manifest> = journal::read_json(&folder.join(MANIFEST))?;
    let header = Journal::header(folder)?;
    let journal = if folder.join(JOURNAL).is_dir() { Some(Journal::open(folder)?) } else { None };
    let mut folders: BTreeSet<String> = BTreeSet::new();
    for file in manifest.iter().flat_map(|m| m.files.keys()) {
        if !stays_inside(file) {
            continue;
        }
        journal::remove_file(&folder.join(file))?;
        folders.extend(file.rsplit_once('/').map(|(parent, _)| parent.to_owned()));
    }
    for class in header.into_iter().flat_map(|h| h.folders).filter(|class| stays_inside(class)) {
        for entry in journal::entries(&folder.join(&class))?.iter().filter(|e| names::is_image(e)) {
            journal::remove_file(&folder.join(&class).join(entry))?;
        }
        folders.insert(class);
    }
    if journal.is_some() {
        journal::remove_file(&folder.join(LEDGER))?;
    }
    for class in folders.iter().rev() {
        for path in Path::new(class).ancestors().filter(|p| !p.as_os_str().is_empty()) {
            // Fails where somebody else's files are in it, and then it has to stay.
            let _ = fs::remove_dir(folder.join(path));
        }
    }
    journal::remove_file(&folder.join(MANIFEST))?;
    journal.map_or(Ok(()), Journal::remove)
}

/// True for a relative path that leads nowhere but down.
fn stays_inside(path: &str) -> bool {
    !path.is_empty() && Path::new(path).components().all(|part| matches!(part, Component::Normal(_)))
}
