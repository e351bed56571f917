//! The record of a run, and what people read of it.
//!
//! [`Record`] holds every number; [`verdict`] puts it in plain words; [`write()`] draws the figures and
//! the page. This room knows the record and nothing that made it.

mod assets;
pub mod bencher;
pub mod colour;
pub mod escape;
pub mod fair;
pub mod figures;
pub mod junit;
pub mod measures;
pub mod numbers;
mod page;
pub mod picture;
pub mod record;
pub mod scores;
mod sheet;
mod verdict;

use std::fs;
use std::path::{Path, PathBuf};

use crate::files::write_whole;
use crate::signed;
pub use page::{PageTile, TileSection, tiles_page};
pub use picture::{Picture, false_colour_png};
pub use record::Record;
pub use sheet::{Tile, contact_sheet};
pub use verdict::{NAMED_PAIR, Point, Verdict, verdict};

/// The page's file name inside the run's folder.
pub const FILE: &str = "report.html";

/// Why a report cannot be written.
#[derive(Debug, thiserror::Error)]
pub enum ReportError {
    /// The record contradicts itself.
    #[error(transparent)]
    Record(#[from] record::RecordError),
    /// A file or folder could not be written.
    #[error("{path}: {source}")]
    Io {
        /// Which one.
        path: PathBuf,
        /// What the system said.
        source: std::io::Error,
    },
}

/// Draws `report.html`, `figures/*.svg`, `scores.parquet`, `calls.parquet`, where there are shifts `shift_scores.parquet`,
/// `benchmark.json` and `junit.xml` into the folder of a run and returns the page's path.
///
/// Pictures that the record names are read from the same folder; one that is missing becomes a
/// placeholder and a line of warning in the page. Every file is written whole or not at all; the page last.
///
/// # Errors
/// [`ReportError::Record`] where the record contradicts itself, [`ReportError::Io`].
pub fn write(record: &Record, run: &Path) -> Result<PathBuf, ReportError> {
    record.check().map_err(record::RecordError::Contradiction)?;
    let assets = assets::Assets::new(run, record.scenario.image_px.max(16));
    let figures = figures::Figures::draw(record, &assets);
    let failed = |path: &Path| {
        let path = path.to_owned();
        move |source| ReportError::Io { path, source }
    };
    let write = |file: &str, bytes: &[u8]| {
        let path = run.join(file);
        write_whole(&path, bytes).map_err(failed(&path)).map(|()| path)
    };
    let folder = run.join(figures::FOLDER);
    fs::create_dir_all(&folder).map_err(failed(&folder))?;
    for figure in figures.all() {
        write(&figure.file, &signed::svg(Path::new(&figure.file), &figure.svg))?;
    }
    for (file, table) in [
        (scores::FILE, scores::parquet(record).map(Some)),
        (scores::CALLS_FILE, scores::calls_parquet(record).map(Some)),
        (scores::SHIFTS_FILE, scores::shifts_parquet(record)),
    ] {
        let path = run.join(file);
        let refused = |e| ReportError::Io { path: path.clone(), source: std::io::Error::other(e) };
        match table.map_err(refused)? {
            Some(table) => drop(write(file, &table)?),
            // An earlier run of the scenario may have had one.
            None if path.is_file() => fs::remove_file(&path).map_err(failed(&path))?,
            None => {}
        }
    }
    write(bencher::FILE, format!("{:#}\n", bencher::json(record)).as_bytes())?;
    write(junit::FILE, junit::xml(record).as_bytes())?;
    write(FILE, page::page(record, &figures, &assets.warnings()).as_bytes())
}

#[cfg(test)]
pub(crate) mod tests;
