//! From a dataset on disk to a stack of images.

use generators::dataset::{Dataset, DatasetError, Split};
use rayon::prelude::*;

use super::ImageSet;

/// The images of one split in the ledger's order, with their nominal slices, without their labels.
///
/// # Errors
/// A file that is missing, damaged or of another size than the manifest says.
pub fn load(dataset: &Dataset, split: Split) -> Result<ImageSet, DatasetError> {
    let rows: Vec<_> = dataset.rows().iter().filter(|row| row.split == split).collect();
    let read = |files: Vec<&str>| -> Result<Vec<f32>, DatasetError> {
        let images: Vec<Vec<f32>> =
            files.into_par_iter().map(|file| dataset.read(file)).collect::<Result<_, _>>()?;
        Ok(images.concat())
    };
    Ok(ImageSet {
        size_px: dataset.manifest().image_px,
        pixels: read(rows.iter().map(|row| row.file.as_str()).collect())?,
        nominal: read(rows.iter().map(|row| row.nominal.as_str()).collect())?,
        job: rows.iter().map(|row| row.job).collect(),
        layer: rows.iter().map(|row| row.layer).collect(),
    })
}
