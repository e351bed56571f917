//! What a record holds beside a measure: what was said of each image, so that it can be computed on a resample.

use crate::metrics::classification::Confusion;
use crate::metrics::decisions::Decisions;
use crate::metrics::interval::{Design, Drawn, places};
use crate::metrics::ranking::{Ranking, mean_auroc};
use crate::report::measures::{at, on, score_name, with, within};
use crate::report::record::{
    Component, Detector, Judgement, Record, Separation, ShiftPoint, ShiftedScore, TestImage,
};

/// A measure that can be computed on some of the trainings, separations and jobs.
pub(super) struct Evidence<'a> {
    /// What is measured: `vae A_R on shift`.
    pub subject: String,
    /// Which measure of it.
    pub measure: &'static str,
    /// How often it was done, and on how many test jobs.
    pub design: Design,
    test_set: TestSet<'a>,
    /// The images of the test set that it is about, for every separation where there are such.
    images: Vec<Vec<usize>>,
    said: Said,
}

/// The test images of a dataset.
#[derive(Clone, Copy, PartialEq)]
struct TestSet<'a> {
    dataset_fingerprint: &'a str,
    images: &'a [TestImage],
}

enum Said {
    /// The images as each training ranks them, and the place of each image's job.
    Scores(Vec<Ranking>, Vec<usize>),
    /// What every training and separation called them.
    Calls(Decisions),
}

impl Evidence<'_> {
    /// The measure on what was `drawn`; `None` where it does not exist.
    pub fn value(&self, drawn: &Drawn) -> Option<f64> {
        match &self.said {
            Said::Scores(rankings, place) => mean_auroc(rankings, drawn, |image| place[image]),
            Said::Calls(decisions) => decisions.mean(drawn, Confusion::balanced_accuracy),
        }
    }

    /// The measure on everything.
    pub fn whole(&self) -> Option<f64> {
        self.value(&Drawn::whole(self.design))
    }

    /// Whether both are about the same test images, equally often, so that what was drawn of one is drawn of the other.
    pub fn pairs_with(&self, other: &Self) -> bool {
        self.shares_jobs_with(other) && self.images == other.images
    }

    /// Whether both are about the same test jobs, equally often, if not of the same images of them.
    pub fn shares_jobs_with(&self, other: &Self) -> bool {
        self.design == other.design && self.test_set == other.test_set
    }
}

impl<'a> TestSet<'a> {
    fn of(record: &'a Record) -> Self {
        Self { dataset_fingerprint: &record.provenance.dataset_fingerprint, images: &record.test_images }
    }

    fn of_shift(point: &'a ShiftPoint) -> Self {
        Self { dataset_fingerprint: &point.dataset_fingerprint, images: &point.test_images }
    }

    /// The place of every image's job among all, and how many there are.
    fn job_places(&self) -> (Vec<usize>, usize) {
        places(&self.images.iter().map(|image| image.job).collect::<Vec<u32>>())
    }

    fn anomalous(&self, images: &[usize]) -> Vec<bool> {
        images.iter().map(|&image| self.images[image].defect.is_some()).collect()
    }
}

/// The area under the ROC curve of every score, over all defects, on each, and in every shift, and the balanced accuracy of every
/// separated representation.
pub(super) fn of(record: &Record) -> Vec<Evidence<'_>> {
    let source = Source::new(record);
    let mut evidence = Vec::new();
    for (detector, component) in record.components() {
        let subject = score_name(&detector.name, &component.name);
        for defect in record.defects() {
            evidence.extend(source.score(on(&subject, defect), Some(defect), (detector, component)));
        }
        evidence.extend(source.score(subject, None, (detector, component)));
    }
    for (cell, judgement) in record.judged() {
        evidence.extend(source.calls(cell, judgement));
    }
    for shift in &record.shifts {
        for point in &shift.points {
            let of = |score| shifted(record.trainings, point, score, &at(&shift.name, point.width));
            evidence.extend(point.scores.iter().filter_map(of));
        }
    }
    evidence
}

/// A record with what is looked up in it time and again.
struct Source<'a> {
    record: &'a Record,
    test_set: TestSet<'a>,
    place: Vec<usize>,
    design: Design,
}

impl<'a> Source<'a> {
    fn new(record: &'a Record) -> Self {
        let test_set = TestSet::of(record);
        let (place, jobs) = test_set.job_places();
        let separations = record.judged_images.len().max(1);
        Self { record, test_set, place, design: Design { trainings: record.trainings, separations, jobs } }
    }

    fn score(
        &self,
        subject: String,
        defect: Option<&str>,
        (detector, component): (&Detector, &Component),
    ) -> Option<Evidence<'a>> {
        let shows = |image: usize| match (&self.test_set.images[image].defect, defect) {
            (Some(shown), Some(defect)) => shown == defect,
            _ => true,
        };
        let scored = self.record.scored(detector).into_iter().enumerate().filter(|(_, image)| shows(*image));
        let (rows, images): (Vec<usize>, Vec<usize>) = scored.unzip();
        let anomalous = self.test_set.anomalous(&images);
        let trainings = std::iter::once(&component.values).chain(&component.retrained);
        let rankings = trainings.map(|values| {
            Ranking::new(&anomalous, &rows.iter().map(|&row| values[row]).collect::<Vec<f64>>()).ok()
        });
        let place = images.iter().map(|&image| self.place[image]).collect();
        let said = Said::Scores(rankings.collect::<Option<_>>()?, place);
        Some(self.evidence(subject, "auroc", vec![images], said))
    }

    fn calls(&self, cell: &Separation, judgement: &Judgement) -> Option<Evidence<'a>> {
        let images = self.record.judged_by(&cell.representation);
        let mut decisions = Decisions::default();
        for (pass, calls) in judgement.calls.iter().enumerate() {
            let at = (pass / images.len(), pass % images.len());
            let of = &images[at.1];
            let places: Vec<usize> = of.iter().map(|&image| self.place[image]).collect();
            decisions.add(at, &self.test_set.anomalous(of), &calls.0, &places).ok()?;
        }
        let subject = with(&cell.representation, &cell.separator);
        Some(self.evidence(subject, "balanced_accuracy", images, Said::Calls(decisions)))
    }

    fn evidence(
        &self,
        subject: String,
        measure: &'static str,
        images: Vec<Vec<usize>>,
        said: Said,
    ) -> Evidence<'a> {
        Evidence { subject, measure, design: self.design, test_set: self.test_set, images, said }
    }
}

/// A score on the test images of a shift at one of its widths; `None` where the record, of an earlier version, does not hold what was
/// said of each.
fn shifted<'a>(
    trainings: usize,
    point: &'a ShiftPoint,
    score: &ShiftedScore,
    place: &str,
) -> Option<Evidence<'a>> {
    let test_set = TestSet::of_shift(point);
    let images: Vec<usize> = (0..test_set.images.len()).collect();
    let (job_place, jobs) = test_set.job_places();
    if score.values.is_empty() {
        return None;
    }
    let anomalous = test_set.anomalous(&images);
    let rankings = score.values.iter().map(|values| Ranking::new(&anomalous, values).ok());
    Some(Evidence {
        subject: within(&score_name(&score.detector, &score.score), place),
        measure: "auroc",
        design: Design { trainings, separations: 1, jobs },
        test_set,
        images: vec![images],
        said: Said::Scores(rankings.collect::<Option<_>>()?, job_place),
    })
}
