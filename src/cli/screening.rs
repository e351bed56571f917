//! `synthgen screen`: which images of a folder are no data of the process, as a table and a summary.

use std::collections::BTreeMap;
use std::fmt::Write;
use std::path::{Path, PathBuf};

use generators::dataset::{Dataset, MANIFEST, Row, Split};
use generators::screen::{self, Finding};

use crate::pipeline::{Failure, dataset_of, write_file};
use crate::report::escape;

/// The table of verdicts.
const TABLE: &str = "screen.csv";

/// Judges the images in `images` and writes `screen.csv` into `folder`. Returns what there is to say.
///
/// # Errors
/// A folder without images, a dataset without recordings, a file that cannot be written.
pub fn write(images: &Path, strictness: f64, folder: &Path) -> Result<String, Failure> {
    let dataset = dataset_of(images);
    let (series, labels) = if dataset.join(MANIFEST).is_file() {
        recordings(&dataset)?
    } else {
        (screen::find_series(images)?, Vec::new())
    };
    let verdicts = screen::screen(&series, strictness);
    let files: Vec<&PathBuf> = series.iter().flatten().collect();
    let verdicts: Vec<&Option<Finding>> = verdicts.iter().flatten().collect();
    write_file(&folder.join(TABLE), table(images, &files, &verdicts).as_bytes())?;

    let mut kinds: BTreeMap<&str, usize> = BTreeMap::new();
    for finding in verdicts.iter().filter_map(|v| v.as_ref()) {
        *kinds.entry(finding.kind).or_default() += 1;
    }
    let spoilt: usize = kinds.values().sum();
    let mut text =
        format!("{} images, {} of the process, {spoilt} spoilt\n", files.len(), files.len() - spoilt);
    for (kind, count) in kinds {
        let _ = writeln!(text, "    {kind:<16} {count:>6}");
    }
    if !labels.is_empty() {
        text += &agreement(&labels, &verdicts);
    }
    let _ = write!(text, "{}", folder.join(TABLE).display());
    Ok(text)
}

/// The recordings of a dataset, one series per job, and the row of each image.
fn recordings(folder: &Path) -> Result<(Vec<Vec<PathBuf>>, Vec<Row>), Failure> {
    let dataset = Dataset::open(folder)?;
    let rows: Vec<Row> = dataset.rows().iter().filter(|row| row.split == Split::Screening).cloned().collect();
    if rows.is_empty() {
        return Err(Failure::NothingToScreen { folder: folder.to_owned() });
    }
    let jobs = rows.chunk_by(|a, b| a.job == b.job);
    let series = jobs.map(|job| job.iter().map(|row| dataset.path(&row.file)).collect()).collect();
    Ok((series, rows))
}

fn table(images: &Path, files: &[&PathBuf], verdicts: &[&Option<Finding>]) -> String {
    let mut csv = "file,verdict,kind,score,reason\n".to_owned();
    for (file, verdict) in files.iter().zip(verdicts) {
        let file = escape::csv(&file.strip_prefix(images).unwrap_or(file).to_string_lossy());
        let _ = match verdict {
            Some(Finding { kind, score, reason }) => {
                writeln!(csv, "{file},fault,{kind},{score:.3},{}", escape::csv(reason))
            }
            None => writeln!(csv, "{file},process,,,"),
        };
    }
    csv
}

/// What the labels say of the verdicts.
fn agreement(rows: &[Row], verdicts: &[&Option<Finding>]) -> String {
    let ratio = |part: usize, of: usize| match of {
        0 => "   n/a".to_owned(),
        _ => format!("{:>6.3}", part as f64 / of as f64),
    };
    let pairs = || rows.iter().zip(verdicts.iter().map(|v| v.as_ref()));
    let both = pairs().filter(|(row, found)| row.fault.is_some() && found.is_some()).count();
    let (spoilt, found) =
        (rows.iter().filter(|r| r.fault.is_some()).count(), pairs().filter(|p| p.1.is_some()).count());
    let mut text = "\nagainst the labels       images   found\n".to_owned();
    let mut faults: BTreeMap<&str, [usize; 3]> = BTreeMap::new();
    let mut process: BTreeMap<String, [usize; 2]> = BTreeMap::new();
    for (row, found) in pairs() {
        if let Some(fault) = row.fault.as_deref() {
            let counts = faults.entry(fault).or_default();
            counts[0] += 1;
            counts[1] += usize::from(found.is_some());
            counts[2] += usize::from(found.is_some_and(|f| f.kind == fault));
        } else {
            let label = match (&row.defect, row.afterglow) {
                (None, _) => "healthy".to_owned(),
                (Some(defect), false) => defect.clone(),
                (Some(_), true) => "afterglow".to_owned(),
            };
            let counts = process.entry(label).or_default();
            counts[0] += 1;
            counts[1] += usize::from(found.is_some());
        }
    }
    for (fault, [images, found, named]) in &faults {
        let _ = writeln!(
            text,
            "    {fault:<18} {images:>8} {found:>7}   recall {}, by its name {}",
            ratio(*found, *images),
            ratio(*named, *images)
        );
    }
    let _ = writeln!(text, "thrown away");
    for (label, [images, found]) in &process {
        let _ = writeln!(text, "    {label:<18} {images:>8} {found:>7}   share {}", ratio(*found, *images));
    }
    let (precision, recall) = (ratio(both, found), ratio(both, spoilt));
    let _ = writeln!(
        text,
        "precision {} ({both} of {found}), recall {} ({both} of {spoilt})",
        precision.trim(),
        recall.trim()
    );
    text
}
