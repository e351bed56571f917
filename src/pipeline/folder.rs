//! The folder of a run: what stands in it, made, removed, read and drawn again.

use std::path::{Path, PathBuf};

use generators::dataset::formats::Formats;
use generators::dataset::{self, Dataset, Shard};

use super::{Failure, gallery, photographs, shifts};
use crate::audit::{self, Audited};
use crate::detectors::Progress;
use crate::plan::Plan;
use crate::report::record::{self, write_atomically};
use crate::report::{self, Record, bencher, junit, scores};

/// The dataset's folder inside a run's folder.
pub const DATASET: &str = "dataset";

/// Makes the labelled dataset of `plan` under `run`, or one shard of it, or finds it there; its folder.
///
/// # Errors
/// Where the parts do not suit the scenario, or a file cannot be written; what was finished stays.
pub fn generate(
    plan: &Plan,
    run: &Path,
    shard: Option<Shard>,
    progress: &dyn Progress,
) -> Result<PathBuf, Failure> {
    let folder = run.join(DATASET);
    dataset::write(&plan.production, &folder, shard, &|at| {
        progress.step("generate", at.images_done, at.images, &[])
    })?;
    Ok(folder)
}

/// Joins the shards of a dataset under `run`; each is a run's folder, or the dataset's folder in one.
///
/// # Errors
/// Shards that are not all of one dataset, whole and complete; a file that cannot be written.
pub fn merge(shards: &[PathBuf], run: &Path, progress: &dyn Progress) -> Result<PathBuf, Failure> {
    let inside = |shard: &PathBuf| {
        let inside = shard.join(DATASET);
        if inside.is_dir() { inside } else { shard.clone() }
    };
    let shards: Vec<PathBuf> = shards.iter().map(inside).collect();
    let folder = run.join(DATASET);
    dataset::merge(&shards, &folder, &|at| progress.step("merge", at.images_done, at.images, &[]))?;
    Ok(folder)
}

/// Puts a finished dataset into `formats` as well; its folder. `folder` is that of the dataset or of its run.
///
/// # Errors
/// Where there is no complete dataset, or a file cannot be written.
pub fn export(folder: &Path, formats: &Formats) -> Result<PathBuf, Failure> {
    let inner = folder.join(DATASET);
    let folder = if inner.is_dir() { inner } else { folder.to_owned() };
    dataset::export(&folder, formats)?;
    Ok(folder)
}

/// Removes what an earlier run left in `run`: its dataset, models and report. Other files stay.
///
/// # Errors
/// Where a file cannot be removed.
pub fn discard(run: &Path) -> Result<(), Failure> {
    dataset::discard(&run.join(DATASET))?;
    for folder in ["models", "figures", gallery::FOLDER, photographs::FOLDER, shifts::FOLDER] {
        let path = run.join(folder);
        if path.is_dir() {
            std::fs::remove_dir_all(&path).map_err(|e| Failure::io(&path, e))?;
        }
    }
    for file in [record::FILE, report::FILE, scores::FILE, scores::CALLS_FILE, bencher::FILE, junit::FILE] {
        let path = run.join(file);
        if path.is_file() {
            std::fs::remove_file(&path).map_err(|e| Failure::io(&path, e))?;
        }
    }
    Ok(())
}

/// Draws the report of a finished run again, from its record alone.
///
/// # Errors
/// Where there is no record, it is of a newer version, or the report cannot be written.
pub fn redraw(run: &Path) -> Result<PathBuf, Failure> {
    Ok(report::write(&record(run)?, folder(run))?)
}

/// The record of the run in a folder; `run` may name its file, too.
///
/// # Errors
/// Where there is no record, or it is of another version.
pub fn record(run: &Path) -> Result<Record, Failure> {
    Ok(Record::read(folder(run))?)
}

fn folder(run: &Path) -> &Path {
    if run.is_file() { run.parent().unwrap_or(Path::new("")) } else { run }
}

/// Audits the dataset in `folder`, or the one of the run there.
///
/// # Errors
/// Where there is no dataset, or none that can be audited.
pub fn audit(folder: &Path) -> Result<Audited, Failure> {
    Ok(audit::audit(&Dataset::open(&dataset_of(folder))?)?)
}

/// The folder of the dataset of the run in `folder`; where it is none, `folder` itself.
pub fn dataset_of(folder: &Path) -> PathBuf {
    let of_run = folder.join(DATASET);
    if of_run.join(dataset::MANIFEST).is_file() { of_run } else { folder.to_owned() }
}

/// Writes `value` to `path` as JSON, whole or not at all, and makes the folders on the way.
///
/// # Errors
/// What the system refuses.
pub fn write_json(path: &Path, value: &impl serde::Serialize) -> Result<(), Failure> {
    let mut text = serde_json::to_vec_pretty(value).map_err(|e| Failure::io(path, e.into()))?;
    text.push(b'\n');
    write_file(path, &text)
}

/// Writes `bytes` to `path`, whole or not at all, and makes the folders on the way.
pub(crate) fn write_file(path: &Path, bytes: &[u8]) -> Result<(), Failure> {
    if let Some(folder) = path.parent() {
        std::fs::create_dir_all(folder).map_err(|e| Failure::io(folder, e))?;
    }
    write_atomically(path, bytes).map_err(|e| Failure::io(path, e))
}
