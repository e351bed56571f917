//! What every format asks of a dataset that is being put into it.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use rayon::prelude::*;

use super::super::files::read_unchanged;
use super::super::view::Outline;
use super::super::{DatasetError, Row, png};
use crate::layer::Mask;

/// The images of a dataset and their classes.
pub struct Images {
    folder: PathBuf,
    /// See [`Outline::written`].
    written: Arc<BTreeMap<String, String>>,
    /// Pixels along one side of each image.
    pub size_px: usize,
    /// The labels of the images that are not healthy, in alphabetical order.
    pub classes: Vec<String>,
}

impl Images {
    pub fn new(outline: &Outline) -> Self {
        Self {
            folder: outline.folder.to_owned(),
            written: outline.written.clone(),
            size_px: outline.manifest.image_px,
            classes: outline.classes.iter().cloned().collect(),
        }
    }

    /// Where a file is, or will be.
    pub fn path(&self, file: &str) -> PathBuf {
        self.folder.join(file)
    }

    /// The bytes of a file, as they were written.
    pub fn bytes(&self, file: &str) -> Result<Vec<u8>, DatasetError> {
        read_unchanged(&self.path(file), self.written.get(file))
    }

    /// The place of an image's label among the classes; `None` for a healthy image.
    pub fn class(&self, row: &Row) -> Option<usize> {
        row.label().and_then(|label| self.classes.iter().position(|class| class == label))
    }

    /// The footprint of an anomalous image; `None` for a healthy one, and where nothing is in it.
    pub fn footprint(&self, row: &Row) -> Result<Option<Mask>, DatasetError> {
        let Some(file) = &row.mask else { return Ok(None) };
        let path = self.path(file);
        let (size_px, values) = png::decode_grey(&self.bytes(file)?, &path)?;
        if size_px != self.size_px {
            let why = format!("it is {size_px} px wide, not {}", self.size_px);
            return Err(DatasetError::damaged(&path, why));
        }
        let pixels: Vec<bool> = values.into_iter().map(|value| value > 0.5).collect();
        Ok(pixels.contains(&true).then_some(Mask { size_px, pixels }))
    }
}

/// The name of an image without its ending.
pub fn stem(row: &Row) -> &str {
    row.file.strip_suffix(".png").unwrap_or(&row.file)
}

/// What a file below `folder` is called there, without `ending`; `None` of one elsewhere or with another ending.
pub fn inside<'a>(folder: &str, file: &'a str, ending: &str) -> Option<&'a str> {
    file.strip_prefix(folder)?.strip_prefix('/')?.strip_suffix(ending)
}

/// Makes a folder, and those above it.
pub fn create(folder: &Path) -> Result<(), DatasetError> {
    std::fs::create_dir_all(folder).map_err(DatasetError::io("create", folder))
}

/// Makes something of every row on all threads, and takes it in the order of the rows; few wait.
pub fn in_order<T: Send>(
    rows: &[Row],
    make: impl Fn(&Row) -> Result<T, DatasetError> + Sync,
    mut take: impl FnMut(&Row, T) -> Result<(), DatasetError>,
) -> Result<(), DatasetError> {
    for some in rows.chunks(8 * rayon::current_num_threads()) {
        let made: Vec<Result<T, DatasetError>> = some.par_iter().map(&make).collect();
        for (row, made) in some.iter().zip(made) {
            take(row, made?)?;
        }
    }
    Ok(())
}
