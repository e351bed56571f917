//! The folder of a run: what stands in it, made, removed, read and drawn again.

use std::path::{Path, PathBuf};

use generators::dataset::formats::Formats;
use generators::dataset::{self, Dataset, Discard, Shard};

use super::lock::Lock;
use super::{Failure, gallery, photographs, shifts};
use crate::audit::{self, Audited};
use crate::detectors::{MODEL, Progress, is_training};
use crate::files::write_whole;
use crate::plan::Plan;
use crate::report::record;
use crate::report::{self, Record, bencher, figures, junit, scores};
use crate::signed::{self, is_signed};
use crate::thresholds::saved::{self, SavedThresholds};

/// The dataset's folder inside a run's folder.
pub const DATASET: &str = "dataset";

/// Makes the labelled dataset of `plan` under `run`, or one shard of it, or finds it there; its folder. Where it is to be made `afresh`,
/// for which its inputs are told, a dataset that is there is discarded first.
///
/// # Errors
/// Where the parts do not suit the scenario, or a file cannot be written; what was finished stays. Where an input lies in what is to be
/// discarded; [`Failure::Busy`].
pub fn generate(
    plan: &Plan,
    run: &Path,
    shard: Option<Shard>,
    afresh: Option<&[&Path]>,
    progress: &dyn Progress,
) -> Result<PathBuf, Failure> {
    let lock = Lock::take(run)?;
    if let Some(inputs) = afresh {
        discard_datasets(&[run.join(DATASET)], inputs)?;
    }
    make(plan, &lock, shard, progress)
}

/// As [`generate`], in a folder that is held already.
pub(super) fn make(
    plan: &Plan,
    lock: &Lock,
    shard: Option<Shard>,
    progress: &dyn Progress,
) -> Result<PathBuf, Failure> {
    let folder = lock.run().join(DATASET);
    dataset::write(&plan.production, &folder, shard, &|at| {
        progress.step("generate", at.images_done, at.images, &[])
    })?;
    Ok(folder)
}

/// Joins the shards of a dataset under `run`; each is a run's folder, or the dataset's folder in one. Where it is to be made
/// `afresh`, a dataset that is there is discarded once the shards are known to be complete.
///
/// # Errors
/// Shards that are not all of one dataset, whole and complete; a file that cannot be written; [`Failure::Busy`].
pub fn merge(
    shards: &[PathBuf],
    run: &Path,
    afresh: bool,
    progress: &dyn Progress,
) -> Result<PathBuf, Failure> {
    let shards: Vec<PathBuf> = shards.iter().map(|shard| inside(shard)).collect();
    let _lock = Lock::take(run)?;
    if afresh {
        // Before anything is lost.
        dataset::check_shards(&shards)?;
        discard_datasets(&[run.join(DATASET)], &shards.iter().map(PathBuf::as_path).collect::<Vec<_>>())?;
    }
    let folder = run.join(DATASET);
    dataset::merge(&shards, &folder, &|at| progress.step("merge", at.images_done, at.images, &[]))?;
    Ok(folder)
}

/// Puts a finished dataset into `formats` as well; its folder. `folder` is that of the dataset or of its run.
///
/// # Errors
/// Where there is no complete dataset, or a file cannot be written; [`Failure::Busy`].
pub fn export(folder: &Path, formats: &Formats) -> Result<PathBuf, Failure> {
    let dataset = inside(folder);
    let _lock = lock_of_run(&dataset)?;
    dataset::export(&dataset, formats)?;
    Ok(dataset)
}

/// The lock of the run whose dataset lies in `folder`. None where the dataset stands by itself, and where the run's folder cannot be
/// written: then no run is at work in it, and what is to be written may be there already. (Two that write to a dataset keep off each other in any case.)
fn lock_of_run(folder: &Path) -> Result<Option<Lock>, Failure> {
    let whole = folder.canonicalize().unwrap_or_default();
    match whole.parent().filter(|_| whole.ends_with(DATASET)).map(Lock::take) {
        None | Some(Err(Failure::Unwritable { .. })) => Ok(None),
        Some(taken) => taken.map(Some),
    }
}

/// The folder of a dataset, finished or not, where `folder` is that of its run or its own.
fn inside(folder: &Path) -> PathBuf {
    let inner = folder.join(DATASET);
    if inner.is_dir() { inner } else { folder.to_owned() }
}

/// Removes what an earlier run left in its folder: its datasets, models and report. Other files stay: a file is removed only where its
/// content says that this program wrote it, or where it is called as a part of the report beside a record of this program. What links
/// lead to stays too.
///
/// # Errors
/// Where one of the `inputs` of what is to come lies among these, or somebody else's file among those of a dataset: then nothing is
/// removed. A dataset that is damaged; a file that cannot be removed.
pub(super) fn discard(lock: &Lock, inputs: &[&Path]) -> Result<(), Failure> {
    let run = lock.run();
    let folders = ["models", figures::FOLDER, gallery::FOLDER, photographs::FOLDER, shifts::FOLDER];
    folders.iter().try_for_each(|folder| none_inside(&run.join(folder), inputs))?;
    let shifts = run.join(shifts::FOLDER);
    let widths =
        entries(&shifts)?.iter().map(|shift| entries(shift)).collect::<Result<Vec<_>, _>>()?.concat();
    let datasets = widths.iter().map(|width| width.join(DATASET)).chain([run.join(DATASET)]);
    discard_datasets(&datasets.collect::<Vec<_>>(), inputs)?;
    for folder in below(&run.join("models"))? {
        remove(&folder, &is_of_a_model)?;
    }
    for folder in [figures::FOLDER, gallery::FOLDER, photographs::FOLDER] {
        remove(&run.join(folder), &is_signed)?;
    }
    for folder in below(&shifts)? {
        remove(&folder, &|_| false)?;
    }
    discard_report(run)
}

/// Removes the report of an earlier run from the folder `run`, where the record says that there is one.
fn discard_report(run: &Path) -> Result<(), Failure> {
    if !record::is_record(&run.join(record::FILE)) {
        return Ok(());
    }
    // The record last, so that what was cut off can be done again.
    let tables = [scores::FILE, scores::CALLS_FILE, scores::SHIFTS_FILE];
    for file in tables.into_iter().chain([report::FILE, bencher::FILE, junit::FILE, record::FILE]) {
        let path = run.join(file);
        if path.is_file() {
            std::fs::remove_file(&path).map_err(|e| Failure::io(&path, e))?;
        }
    }
    Ok(())
}

/// Whether this program wrote `file` into a folder of models: parameters, a training log, a drawing, or thresholds beside a model.
fn is_of_a_model(file: &Path) -> bool {
    let Some(folder) = file.parent().filter(|_| file.ends_with(saved::FILE)) else {
        return is_training(file) || is_signed(file);
    };
    is_training(&folder.join(MODEL)) && SavedThresholds::read(folder).is_ok_and(|found| found.is_some())
}

/// Removes the datasets in `folders`, finished or not, where there are any; all or none of them.
///
/// # Errors
/// As [`discard`].
fn discard_datasets(folders: &[PathBuf], inputs: &[&Path]) -> Result<(), Failure> {
    folders.iter().try_for_each(|folder| none_inside(folder, inputs))?;
    let found = folders.iter().map(|folder| Discard::of(folder)).collect::<Result<Vec<_>, _>>()?;
    Ok(found.into_iter().flatten().try_for_each(Discard::carry_out)?)
}

/// Refuses to discard a `folder` that one of the `inputs` lies in.
fn none_inside(folder: &Path, inputs: &[&Path]) -> Result<(), Failure> {
    let lies_inside = |input: &&&Path| {
        folder.canonicalize().and_then(|it| Ok(input.canonicalize()?.starts_with(it))).unwrap_or(false)
    };
    match inputs.iter().find(lies_inside) {
        Some(input) => Err(Failure::InputInside { input: (*input).to_owned(), folder: folder.to_owned() }),
        None => Ok(()),
    }
}

/// `folder` and the folders below it, the deepest first. Links are not followed.
fn below(folder: &Path) -> Result<Vec<PathBuf>, Failure> {
    let mut folders =
        entries(folder)?.iter().map(|entry| below(entry)).collect::<Result<Vec<_>, _>>()?.concat();
    folders.push(folder.to_owned());
    Ok(folders)
}

/// Removes the files in `folder` that are `ours`, and the folder where it is empty then.
pub(super) fn remove(folder: &Path, ours: &dyn Fn(&Path) -> bool) -> Result<(), Failure> {
    // All before the first is gone: one may say whose another is.
    let files: Vec<PathBuf> = entries(folder)?.into_iter().filter(|entry| ours(entry)).collect();
    for file in files {
        std::fs::remove_file(&file).map_err(|e| Failure::io(&file, e))?;
    }
    // Fails where somebody else's files are in it, and then it has to stay.
    let _ = std::fs::remove_dir(folder);
    Ok(())
}

/// What is in `folder`; nothing where there is none, or only a link to one: what that leads to may be anybody's.
pub(super) fn entries(folder: &Path) -> Result<Vec<PathBuf>, Failure> {
    if !folder.symlink_metadata().is_ok_and(|of| of.is_dir()) {
        return Ok(Vec::new());
    }
    let failed = |e| Failure::io(folder, e);
    std::fs::read_dir(folder).map_err(failed)?.map(|entry| Ok(entry.map_err(failed)?.path())).collect()
}

/// Draws the report of a finished run again, from its record alone; `run` may name the record's file, too.
///
/// # Errors
/// Where there is no record, it is a copy under another name, of another version, or the report cannot be written.
pub fn redraw(run: &Path) -> Result<PathBuf, Failure> {
    if run.is_file() && run.file_name().is_none_or(|name| name != record::FILE) {
        // Beside it may stand the report of another record.
        return Err(Failure::NotTheRecord { path: run.to_owned() });
    }
    let folder = if run.is_file() { run.parent().unwrap_or(Path::new("")) } else { run };
    let folder = if folder.as_os_str().is_empty() { Path::new(".") } else { folder };
    let _lock = folder.is_dir().then(|| Lock::take(folder)).transpose()?;
    Ok(report::write(&record(run)?, folder)?)
}

/// The record of the run in a folder; `run` may name its file, too.
///
/// # Errors
/// Where there is no record, or it is of another version.
pub fn record(run: &Path) -> Result<Record, Failure> {
    let file = if run.is_file() { run.to_owned() } else { run.join(record::FILE) };
    Ok(Record::read(&file)?)
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

/// What makes a dataset whole again in which the file at `damaged` is not as it was made; `None` where it lies in no run.
pub fn remedy(damaged: &Path) -> Option<String> {
    let dataset =
        damaged.ancestors().find(|folder| folder.file_name().is_some_and(|name| name == DATASET))?;
    let of_shift = dataset.ancestors().nth(3).is_some_and(|folder| folder.ends_with(shifts::FOLDER));
    Some(match of_shift {
        true => format!("remove {}; the next run of the scenario makes it again", dataset.display()),
        false => "`synthgen generate --fresh` discards it and makes it again".to_owned(),
    })
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

/// Writes the picture `png` to `path` as [`write_file`] does, signed, so that [`is_signed`] knows it again.
pub(super) fn write_picture(path: &Path, png: &[u8]) -> Result<(), Failure> {
    write_file(path, &signed::png(path, png))
}

/// Writes `bytes` to `path`, whole or not at all, and makes the folders on the way.
pub(crate) fn write_file(path: &Path, bytes: &[u8]) -> Result<(), Failure> {
    if let Some(folder) = path.parent() {
        std::fs::create_dir_all(folder).map_err(|e| Failure::io(folder, e))?;
    }
    write_whole(path, bytes).map_err(|e| Failure::io(path, e))
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Names that any project may use, without a run that wrote them.
    #[test]
    fn a_report_without_a_record_of_this_program_is_somebody_elses() {
        let folder = tempfile::tempdir().unwrap();
        let files = [report::FILE, scores::FILE, junit::FILE, bencher::FILE, record::FILE];
        for record in ["{\"version\": 3}", "no JSON"] {
            for file in files {
                std::fs::write(folder.path().join(file), record).unwrap();
            }
            discard(&Lock::take(folder.path()).unwrap(), &[]).unwrap();
            assert!(files.iter().all(|file| folder.path().join(file).is_file()));
        }
        let ours =
            r#"{"version": 1, "scenario": {}, "provenance": {}, "test_images": [], "separations": []}"#;
        std::fs::write(folder.path().join(record::FILE), ours).unwrap();
        discard(&Lock::take(folder.path()).unwrap(), &[]).unwrap();
        assert_eq!(entries(folder.path()).unwrap(), [] as [PathBuf; 0]);
    }

    #[test]
    fn a_folder_that_is_called_as_a_dataset_may_be_anybodys() {
        let folder = tempfile::tempdir().unwrap();
        let own = [DATASET, "shifts/night/2/dataset"]
            .map(|name| folder.path().join(name))
            .map(|name| ["jobs/monday.csv", "ledger.parquet"].map(|file| name.join(file)));
        for file in own.iter().flatten() {
            write_file(file, b"mine").unwrap();
        }
        discard(&Lock::take(folder.path()).unwrap(), &[]).unwrap();
        assert!(own.iter().flatten().all(|file| file.is_file()));
    }

    #[cfg(unix)]
    #[test]
    fn what_a_link_leads_to_stays() {
        let folder = tempfile::tempdir().unwrap();
        let [run, elsewhere] = ["run", "elsewhere"].map(|name| folder.path().join(name));
        let pictures = ["a.png", "vae/a.png", "vae/snapshots/a.png"].map(|name| elsewhere.join(name));
        for picture in &pictures {
            write_picture(picture, &report::Picture::grey(&[0.5], 1).png()).unwrap();
        }
        for link in ["models", figures::FOLDER, "models/vae"] {
            let link = run.join(link);
            std::fs::create_dir_all(link.parent().unwrap()).unwrap();
            std::os::unix::fs::symlink(&elsewhere, &link).unwrap();
            discard(&Lock::take(&run).unwrap(), &[]).unwrap();
            assert!(pictures.iter().all(|picture| picture.is_file()), "{}", link.display());
            std::fs::remove_file(&link).unwrap();
        }
    }
}
