//! The record: everything a run found out, in one versioned structure.
//!
//! `record.json` is the only thing the report is drawn from; the HTML page, the figures and any
//! later CSV or gate are views of it. Paths in it are relative to the run's folder, with `/`
//! between names. Optional numbers are left out of the file where they do not exist, never `null`.

mod audit;
mod calls;
mod claims;
mod detectability;
mod earlier;
mod gates;
mod io;
mod localisation;
mod operating;
mod parts;
mod photographs;
mod references;
mod results;
mod scenario;
mod shifts;
mod typing;

pub use audit::{Audit, Comparison, Contract, Probe};
pub use calls::Calls;
pub use claims::{Claim, ClaimTest, Finding};
pub use detectability::{Cases, Detectability, DetectabilityOfDefect, DetectionCurve, DetectionFit, Extent};
pub use gates::{Bound, Gate};
pub use io::{RecordError, is_record};
pub use localisation::{Localisation, LocalisationOfDefect, PixelFigures};
pub use operating::{Delay, JOB_LAYERS, Operating, OperatingPoint, Operation};
pub use parts::{CLEAR_CNR, OnParts};
pub use photographs::{
    Gain, OnPhotographs, PhotographExample, PhotographMap, PhotographScore, Photographs, TrainedOn,
};
pub use references::{CellReference, References, SizeReference};
pub use results::{
    AgainstDefect, Choice, Collapse, Component, Curve, Detector, Estimate, Floor, GalleryEntry, GalleryMap,
    ImageScore, Judgement, Named, NetworkSize, Outcome, Reduction, Representation, Retraining, Separation,
    Share, ShareOfDefect, Snapshot, Speed, TestImage, Threshold,
};
pub use scenario::{
    Dataset, DefectFacts, GreyScale, Machine, Part, Provenance, Quantiles, Scenario, Setting, SplitCount,
    StageTime,
};
pub use shifts::{ClampedRange, Shift, ShiftPoint, ShiftedScore, ShiftedThreshold};
pub use typing::{NaturalTyping, Typing, TypingAtContrast};

use serde::{Deserialize, Serialize};

/// The version of the structure that this program writes.
pub const VERSION: u32 = 3;

/// The oldest version that it reads.
const OLDEST: u32 = 2;

/// The file's name inside the run's folder.
pub const FILE: &str = "record.json";

/// The result of a run.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Record {
    /// Version of this structure: [`VERSION`].
    pub version: u32,
    /// What was asked for.
    pub scenario: Scenario,
    /// What made it, where and when.
    pub provenance: Provenance,
    /// What the dataset holds.
    pub dataset: Dataset,
    /// The test images, in the order of every [`Component::values`].
    pub test_images: Vec<TestImage>,
    /// The detectors, in the scenario's order.
    pub detectors: Vec<Detector>,
    /// How often each was trained.
    #[serde(default = "earlier::once")]
    pub trainings: usize,
    /// What trivial rules reach: a detector that does no better has learned nothing.
    pub floors: Vec<Floor>,
    /// Whether anything but the defect tells the classes of the test set apart; absent where they could not be audited.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub audit: Option<Audit>,
    /// What separators worked on: the rows of the accuracy table.
    pub representations: Vec<Representation>,
    /// Names of the separators: the columns of the accuracy table.
    pub separators: Vec<String>,
    /// The test images that the separators were judged on, as indices into [`Record::test_images`], for every separation.
    #[serde(deserialize_with = "earlier::one_or_many")]
    pub judged_images: Vec<Vec<usize>>,
    /// The cells of the accuracy table.
    pub separations: Vec<Separation>,
    /// Types of defects without labels; absent where the scenario asks for none, and in records of earlier versions.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub typing: Option<Typing>,
    /// The pair that the scenario named before the run.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub named: Option<Named>,
    /// What the scenario demands of the measures, and what they are.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub gates: Vec<Gate>,
    /// What a paper reports of the same.
    #[serde(default, skip_serializing_if = "References::is_empty")]
    pub references: References,
    /// What the detectors say of photographs of the real process, where there are any.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub photographs: Option<Photographs>,
    /// What the trained detectors say of a process that varies otherwise, and of other parts.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub shifts: Vec<Shift>,
    /// What somebody concluded, tested on this run.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub claims: Vec<Claim>,
    /// How every 95 % interval was computed, as the end of a sentence:
    /// `a bootstrap over print jobs, 1000 draws`. Empty where there are no intervals.
    pub interval_method: String,
    /// Examples of each defect.
    pub gallery: Vec<GalleryEntry>,
    /// What the reader must know, one sentence each.
    pub warnings: Vec<String>,
}

impl Record {
    /// Where `earlier` is of the same run, by the same program on the same machine: data and models that were finished then were not made
    /// again, so that they took as long as the longer of the two says, and the run as much memory. Other stages are done each time.
    pub fn goes_on_from(&mut self, earlier: &Self) {
        let maker = |p: &Provenance| (p.program_version.clone(), p.git_commit.clone(), p.machine.clone());
        let (now, then) = (&mut self.provenance, &earlier.provenance);
        let same_data =
            now.dataset_fingerprint == then.dataset_fingerprint && self.scenario == earlier.scenario;
        if !same_data || maker(now) != maker(then) {
            return;
        }
        let kept =
            |stage: &str| stage.starts_with("generate") || self.detectors.iter().any(|d| d.name == stage);
        for stage in now.stages.iter_mut().filter(|stage| kept(&stage.stage)) {
            let known = then.stages.iter().find(|known| known.stage == stage.stage);
            stage.wall_secs = known.map_or(stage.wall_secs, |known| stage.wall_secs.max(known.wall_secs));
        }
        let memories = [now.peak_memory_mib, then.peak_memory_mib];
        now.peak_memory_mib = memories.into_iter().flatten().reduce(f64::max);
    }

    /// The cell of `representation` and `separator`.
    pub fn separation(&self, representation: &str, separator: &str) -> Option<&Separation> {
        self.separations.iter().find(|s| s.representation == representation && s.separator == separator)
    }

    /// Every cell that could be judged.
    pub fn judged(&self) -> impl Iterator<Item = (&Separation, &Judgement)> {
        self.separations.iter().filter_map(|cell| match &cell.outcome {
            Outcome::Judged(judgement) => Some((cell, judgement)),
            Outcome::Empty(_) => None,
        })
    }

    /// The test images that `detector` scored, as indices, in the order of its [`Component::values`].
    pub fn scored(&self, detector: &Detector) -> Vec<usize> {
        let all = || (0..self.test_images.len()).collect();
        detector.scored_images.clone().unwrap_or_else(all)
    }

    /// The test images that judge what separators make of the representation's detector: those of [`Record::judged_images`] that
    /// it scored, as indices, for every separation.
    pub fn judged_by(&self, representation: &str) -> Vec<Vec<usize>> {
        let of = self.representations.iter().find(|r| r.name == representation);
        let detector = of.and_then(|of| self.detectors.iter().find(|d| d.name == of.detector));
        let scored = detector.and_then(|d| d.scored_images.as_ref());
        let judges = |image: &&usize| scored.is_none_or(|scored| scored.binary_search(image).is_ok());
        self.judged_images.iter().map(|images| images.iter().filter(judges).copied().collect()).collect()
    }

    /// Every score component with its detector, in order.
    pub fn components(&self) -> impl Iterator<Item = (&Detector, &Component)> {
        self.detectors.iter().flat_map(|d| d.components.iter().map(move |c| (d, c)))
    }

    /// The score that ranks best over all defects, with its detector; none of a detector that scored a part of the images.
    pub fn best_score(&self) -> Option<(&Detector, &Component)> {
        let whole = self.detectors.iter().filter(|d| d.scored_images.is_none());
        let ranked = whole.filter_map(|d| Some((d, d.best_score()?)));
        ranked.reduce(|a, b| if b.1.rank() > a.1.rank() { b } else { a })
    }

    /// Names of the defects, in the dataset's order.
    pub fn defects(&self) -> Vec<&str> {
        self.dataset.defects.iter().map(|d| d.name.as_str()).collect()
    }
}
