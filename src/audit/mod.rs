//! The leak audit: does anything but the defect tell anomalous from healthy?
//!
//! A detector is judged by how well it tells the classes of a test set apart. It must not be able to do so by anything that
//! came with the label by accident of how the dataset was made: defects that are always in late layers, in large
//! ones, in files with other names, or in images that are brighter where there is no defect.
//!
//! # On twins
//! Every anomalous image has a healthy twin: the same layer without the defect. What must not tell is then *equal*, and
//! any difference in any pair is a leak, without statistics: job, layer, part area, place in the ledger, file name, position,
//! nominal slice, every drawn parameter but the defect's own, and every pixel that the defect cannot have reached
//! (`outside`). Where something differs, the area under the ROC curve between anomalous images and healthy images
//! of other jobs says how far it would lead a detector, and a test that swaps image and twin says
//! whether chance does as well (`swaps`).
//!
//! # On unpaired samples
//! All defects together, twins make the two classes equal in what is known of a layer. One defect against the rest need not be: a
//! striation that only finds room in large layers can be told by the area alone. So each defect's layers are held against
//! those of all others, and the test exchanges the defects of the episodes as the making of the dataset might have done
//! (`episodes`). Numbers of the image are not compared here, since the defects' regions differ in place and
//! size.
//!
//! # What chance allows
//! Images of one episode or job are alike, so that jobs are swapped whole and episodes exchanged whole; nothing is
//! assumed of any distribution. What a single number cannot say (a histogram, a slice, everything together)
//! goes through a forest (`forest`) that learns on half of the jobs and is judged on the other half, and
//! the other way round; the images that judge have not been learnt from, so that the same exchange gives its exact null.
//! Within each of the six tests (swaps and exchanges; single numbers, and the forests of either half), all
//! probes and all defects are tested by their greatest (`null`); the six are joined by Bonferroni. The probability
//! that a clean dataset is called leaking is at most [`ALPHA`], for all of it.
//!
//! No sample proves that there is no leak. Each comparison says how far from 0.5 an area would have had to lie to be found
//! four times of five; with few jobs no distance suffices, and it says that. The replicates come from a
//! [`Stream`] keyed by the dataset's seed: the same dataset has the same verdict.
//!
//! # What may tell
//! `trivial`: mean, deviation and histogram of the whole image and the size of its file may tell, and
//! usually do, since a defect changes them. How far they get is the floor that a detector has to beat.

mod context;
mod contract;
mod design;
mod episodes;
mod forest;
mod images;
mod judge;
mod null;
mod outside;
mod swaps;
mod trivial;

use std::path::PathBuf;

use generators::dataset::{Dataset, DatasetError, Row};
use generators::stream::Stream;
use serde::Serialize;

use self::design::{Design, Pair};
use self::images::Measured;
use crate::metrics::MetricError;
use crate::report::record::{Audit, Floor};
use crate::representations::Matrix;

/// Greatest probability that a dataset without a leak is called one with a leak.
pub const ALPHA: f64 = 0.01;

/// Replicates of each test.
const REPLICATES: usize = 9999;

/// Why a dataset cannot be audited.
#[derive(Debug, thiserror::Error)]
pub enum AuditError {
    /// It cannot be read.
    #[error(transparent)]
    Dataset(#[from] DatasetError),
    /// There is nothing to tell healthy images from.
    #[error("{} has no anomalous test image: there are no classes to tell apart", folder.display())]
    NothingAnomalous {
        /// The dataset.
        folder: PathBuf,
    },
    /// Chance cannot be told from a leak.
    #[error(
        "the anomalous images of {} come from one print job: an audit compares jobs; make more with [dataset] test_jobs",
        folder.display()
    )]
    OneJob {
        /// The dataset.
        folder: PathBuf,
    },
    /// The ledger is not that of a dataset of twins.
    #[error("{}: the ledger has no healthy twin of {file}; make the dataset again", folder.display())]
    NoTwin {
        /// The dataset.
        folder: PathBuf,
        /// The image without one.
        file: String,
    },
    /// An image holds something that is no grey value.
    #[error("a grey value of the dataset is not a number: {0}")]
    Metric(#[from] MetricError),
}

/// What an audit says.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Audited {
    /// Whether anything but the defect tells the classes apart.
    #[serde(flatten)]
    pub audit: Audit,
    /// How far trivial rules get.
    pub floors: Vec<Floor>,
}

/// Something that must not tell: some numbers of each pair.
struct Probe {
    name: &'static str,
    /// Of the healthy and of the anomalous members, one row per pair; not numbers where it does not apply.
    twins: [Matrix; 2],
    /// What is known of the pair's layer without its image, so that layers can be compared with each other.
    layer: Option<Matrix>,
}

/// Audits the test set of `dataset`.
///
/// # Errors
/// [`AuditError`]; everything but a file that the system refuses is the dataset's fault.
pub fn audit(dataset: &Dataset) -> Result<Audited, AuditError> {
    let stream = Stream::root(dataset.manifest().seed).child("audit");
    let (pairs, design) = design::pairs(dataset.rows(), dataset.folder())?;
    let measured = images::measure(dataset, &pairs, &design)?;
    Ok(Audited {
        floors: trivial::floors(&design, &measured, &stream.child("floors"))?,
        audit: judged(dataset.rows(), &pairs, &design, &measured, REPLICATES, &stream),
    })
}

/// Everything that follows from numbers alone.
fn judged(
    rows: &[Row],
    pairs: &[Pair<'_>],
    design: &Design,
    measured: &[Measured],
    replicates: usize,
    stream: &Stream,
) -> Audit {
    let mut probes = context::probes(rows, pairs, measured);
    probes.extend(outside::probes(measured));
    Audit {
        pairs: design.len(),
        jobs: design.jobs(),
        episodes: design.episodes.len(),
        alpha: ALPHA,
        replicates,
        contract: contract::check(pairs, measured),
        probes: judge::judge(design, &probes, replicates, stream),
    }
}

#[cfg(test)]
mod tests;
