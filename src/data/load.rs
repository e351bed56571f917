//! Reading a dataset: pixels for the detectors, and apart from them what only metrics may see.

use generators::dataset::{Dataset, DatasetError, Row, Split};
use rayon::prelude::*;

use super::ImageSet;

/// The images of `split` with their nominal slices, in the order of the ledger, and the ledger's row of each.
///
/// The rows hold labels: they are for the pipeline and the metrics, never for a detector or a separator.
///
/// # Errors
/// A file that is missing, damaged or of another size than the manifest says.
pub fn load(dataset: &Dataset, split: Split) -> Result<(ImageSet, Vec<Row>), DatasetError> {
    let rows: Vec<Row> = dataset.rows().iter().filter(|row| row.split == split).cloned().collect();
    let read = |file: fn(&Row) -> &str| -> Result<Vec<f32>, DatasetError> {
        let images: Vec<Vec<f32>> =
            rows.par_iter().map(|row| dataset.read(file(row))).collect::<Result<_, _>>()?;
        Ok(images.concat())
    };
    let images = ImageSet {
        size_px: dataset.manifest().image_px,
        pixels: read(|row| &row.file)?,
        nominal: read(|row| &row.nominal)?,
        job: rows.iter().map(|row| row.job).collect(),
        layer: rows.iter().map(|row| row.layer).collect(),
    };
    Ok((images, rows))
}
