//! From a dataset on disk to a stack of images.

use std::collections::BTreeMap;
use std::sync::Arc;

use generators::dataset::{Dataset, DatasetError, Row, Split};
use rayon::prelude::*;

use super::{ImageSet, Past};

/// The images of one split in the ledger's order, with their nominal slices and up to `layers` layers before each, without
/// their labels.
///
/// The layers before an anomalous image are those of the job in which the defect acts: what its camera saw. For the test images the
/// dataset has to keep its history.
///
/// # Errors
/// A file that is missing, damaged or of another size than the manifest says.
pub fn load(dataset: &Dataset, split: Split, layers: usize) -> Result<ImageSet, DatasetError> {
    let rows: Vec<&Row> = dataset.rows().iter().filter(|row| row.split == split).collect();
    Ok(ImageSet {
        size_px: dataset.manifest().image_px,
        pixels: read(dataset, &rows, |row| &row.file)?,
        nominal: read(dataset, &rows, |row| &row.nominal)?,
        job: rows.iter().map(|row| row.job).collect(),
        layer: rows.iter().map(|row| row.layer).collect(),
        past: if layers == 0 { Past::default() } else { past(dataset, &rows, layers)? },
    })
}

fn read(
    dataset: &Dataset,
    rows: &[&Row],
    file: impl Fn(&Row) -> &String + Sync,
) -> Result<Vec<f32>, DatasetError> {
    let images: Vec<Vec<f32>> =
        rows.par_iter().map(|row| dataset.read(file(row))).collect::<Result<_, _>>()?;
    Ok(images.concat())
}

fn past(dataset: &Dataset, rows: &[&Row], layers: usize) -> Result<Past, DatasetError> {
    let mut jobs: BTreeMap<u32, BTreeMap<u32, Vec<&Row>>> = BTreeMap::new();
    for row in dataset.rows() {
        jobs.entry(row.job).or_default().entry(row.layer).or_default().push(row);
    }
    let mut numbers: BTreeMap<&str, u32> = BTreeMap::new();
    let (mut frames, mut shown) = (Vec::with_capacity(rows.len() * layers), Vec::new());
    for row in rows {
        let mut before = jobs[&row.job].range(..row.layer).rev();
        for _ in 0..layers {
            let row = before.next().and_then(|(_, images)| of_branch(images, row.defect.as_deref()));
            frames.push(row.map(|row| {
                *numbers.entry(&row.file).or_insert_with(|| {
                    shown.push(row);
                    shown.len() as u32 - 1
                })
            }));
        }
    }
    let images = Arc::new(read(dataset, &shown, |row| &row.file)?);
    let slices = Arc::new(read(dataset, &shown, |row| &row.nominal)?);
    Ok(Past { layers, images, slices, frames })
}

/// Of the images of one layer that of the branch of the job in which `defect` acts: the healthy one where it does not act yet.
fn of_branch<'a>(images: &[&'a Row], defect: Option<&str>) -> Option<&'a Row> {
    let with = |label: Option<&str>| images.iter().find(|row| row.defect.as_deref() == label);
    with(defect).or_else(|| with(None)).or(images.first()).copied()
}
