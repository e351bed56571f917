//! Why a run stopped, and whose it is to mend.

use std::path::{Path, PathBuf};

use generators::dataset;
use generators::mesh::MeshError;
use generators::screen::ScreenError;

use super::separate::TooFew;
use crate::audit::AuditError;
use crate::data::files::FilesError;
use crate::detectors::DetectorError;
use crate::metrics::MetricError;
use crate::plan::PlanError;
use crate::report::ReportError;
use crate::report::record::{self, RecordError};
use crate::thresholds::saved::{self, SavedError};

/// Why a run stopped.
#[derive(Debug, thiserror::Error)]
pub enum Failure {
    /// The scenario cannot be used.
    #[error(transparent)]
    Plan(#[from] PlanError),
    /// The dataset could not be made or read.
    #[error(transparent)]
    Dataset(#[from] dataset::DatasetError),
    /// A detector could not be trained or used.
    #[error(transparent)]
    Detector(#[from] DetectorError),
    /// The dataset could not be audited.
    #[error(transparent)]
    Audit(#[from] AuditError),
    /// A half of the test images has too few of a class.
    #[error(transparent)]
    TooFew(#[from] TooFew),
    /// A score was not a number.
    #[error("the results cannot be judged: {0}")]
    Metric(#[from] MetricError),
    /// The record could not be read or written.
    #[error(transparent)]
    Record(#[from] RecordError),
    /// The report could not be drawn.
    #[error(transparent)]
    Report(#[from] ReportError),
    /// A folder cannot be screened.
    #[error(transparent)]
    Screen(#[from] ScreenError),
    /// A dataset has nothing to screen.
    #[error(
        "the dataset in {} has no recordings; give its scenario [dataset] screening_jobs and [[fault]]s",
        folder.display()
    )]
    NothingToScreen {
        /// The dataset's folder.
        folder: PathBuf,
    },
    /// Images that were to be scored cannot be found or read.
    #[error(transparent)]
    Files(#[from] FilesError),
    /// A threshold that was asked for is not to be had.
    #[error(transparent)]
    Threshold(#[from] SavedError),
    /// A model has no thresholds.
    #[error(
        "there is no {} beside the model, so --score and --threshold have nothing to choose from; the run that trained it writes one at its end",
        saved::FILE
    )]
    NoThresholds,
    /// A folder holds no trained detector.
    #[error("there is no model in {}; a run keeps each in models/DETECTOR, once its training is finished", path.display())]
    NoModel {
        /// What was asked for.
        path: PathBuf,
    },
    /// What is to be read lies where an earlier run is to be removed.
    #[error("{} lies in {}, which is to be discarded; choose another folder with --out", input.display(), folder.display())]
    InputInside {
        /// A scenario, a part, photographs, a shard.
        input: PathBuf,
        /// The folder in that of the run.
        folder: PathBuf,
    },
    /// A record that no report is drawn of.
    #[error("{} is not called {}: a report is drawn beside its own record; name the run's folder", path.display(), record::FILE)]
    NotTheRecord {
        /// The file.
        path: PathBuf,
    },
    /// Another process has the run's folder.
    #[error("another command is at work in {}; wait until it has ended, or work in another folder", run.display())]
    Busy {
        /// The folder.
        run: PathBuf,
    },
    /// The run's folder is not to be written to.
    #[error("the folder {} cannot be written ({source}); allow it, or choose another one", folder.display())]
    Unwritable {
        /// The folder.
        folder: PathBuf,
        /// What the system said.
        source: std::io::Error,
    },
    /// A file that another program or command wrote would be lost.
    #[error("{} is there already, and not of this command; choose another place with -o", path.display())]
    Occupied {
        /// The file.
        path: PathBuf,
    },
    /// A part to be sliced cannot be read.
    #[error(transparent)]
    Mesh(#[from] MeshError),
    /// A part to be sliced has not one layer.
    #[error(
        "the part is {height_mm} mm high: thinner than a layer of {layer_height_mm} mm; state its unit with --unit, or lower --layer-height"
    )]
    ThinPart {
        /// Height of the part in mm.
        height_mm: f64,
        /// Height of a layer in mm.
        layer_height_mm: f64,
    },
    /// A part to be sliced has no layer, or more than anybody wants to look at.
    #[error(
        "{layers} layers cannot be drawn: choose 1 to {most} with --layers or --layer-height, and state the part's unit with --unit"
    )]
    Layers {
        /// How many were asked for.
        layers: usize,
        /// The most that are drawn.
        most: usize,
    },
    /// A file could not be read or written.
    #[error("{}: {source}{}", path.display(), advice(source))]
    Io {
        /// Which file.
        path: PathBuf,
        /// What the system said.
        source: std::io::Error,
    },
}

impl Failure {
    /// Whether the user can mend it: another scenario, part or folder. Otherwise the machine failed.
    pub fn is_the_users(&self) -> bool {
        match self {
            Self::Files(FilesError::Dataset(e)) | Self::Audit(AuditError::Dataset(e)) | Self::Dataset(e) => {
                e.is_the_users()
            }
            Self::Files(_) | Self::Threshold(_) | Self::NoThresholds => true,
            Self::InputInside { .. }
            | Self::NotTheRecord { .. }
            | Self::Occupied { .. }
            | Self::Busy { .. }
            | Self::Unwritable { .. } => true,
            Self::TooFew(_) | Self::Screen(_) | Self::NothingToScreen { .. } | Self::NoModel { .. } => true,
            Self::Plan(_) | Self::Mesh(_) | Self::ThinPart { .. } | Self::Layers { .. } => true,
            Self::Audit(_) => true,
            Self::Detector(e) => matches!(
                e,
                DetectorError::Size { .. }
                    | DetectorError::Units { .. }
                    | DetectorError::Diverged { .. }
                    | DetectorError::Collapsed { .. }
                    | DetectorError::Model(_)
                    | DetectorError::NoGraph { .. }
                    | DetectorError::Context { .. }
            ),
            Self::Record(RecordError::Io { source, .. }) | Self::Io { source, .. } => {
                dataset::misnamed(source)
            }
            // What cannot be written is the program's mistake.
            Self::Record(e) => !matches!(e, RecordError::NotFinite { .. } | RecordError::Contradiction(_)),
            _ => false,
        }
    }

    pub(crate) fn io(path: &Path, source: std::io::Error) -> Self {
        Self::Io { path: path.to_owned(), source }
    }
}

fn advice(source: &std::io::Error) -> &'static str {
    if dataset::misnamed(source) {
        "; a file stands where a folder has to be, or a folder in the place of a file: choose another name"
    } else {
        ""
    }
}
