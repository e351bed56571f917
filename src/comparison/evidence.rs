//! What a record holds beside a measure: what was said of each image, so that it can be computed on a resample.

use crate::metrics::classification::Confusion;
use crate::metrics::decisions::Decisions;
use crate::metrics::interval::{Design, Drawn, places};
use crate::metrics::ranking::{Ranking, mean_auroc};
use crate::report::measures::{on, score_name, with};
use crate::report::record::{Component, Detector, Judgement, Record, Separation};

/// A measure that can be computed on some of the trainings, separations and jobs.
pub(super) struct Evidence {
    /// What is measured: `vae A_R on shift`.
    pub subject: String,
    /// Which measure of it.
    pub measure: &'static str,
    /// The test images that it is about, for every separation where there are such.
    pub images: Vec<Vec<usize>>,
    said: Said,
}

enum Said {
    /// The images as each training ranks them, and the place of each image's job.
    Scores(Vec<Ranking>, Vec<usize>),
    /// What every training and separation called them.
    Calls(Decisions),
}

impl Evidence {
    /// The measure on what was `drawn`; `None` where it does not exist.
    pub fn value(&self, drawn: &Drawn) -> Option<f64> {
        match &self.said {
            Said::Scores(rankings, place) => mean_auroc(rankings, drawn, |image| place[image]),
            Said::Calls(decisions) => decisions.mean(drawn, Confusion::balanced_accuracy),
        }
    }
}

/// How often everything in `record` was done, and on how many test jobs.
pub(super) fn design(record: &Record) -> Design {
    let (_, jobs) = job_places(record);
    Design { trainings: record.trainings, separations: record.judged_images.len().max(1), jobs }
}

fn job_places(record: &Record) -> (Vec<usize>, usize) {
    places(&record.test_images.iter().map(|image| image.job).collect::<Vec<u32>>())
}

/// The area under the ROC curve of every score, over all defects and on each, and the balanced accuracy of every
/// separated representation.
pub(super) fn of(record: &Record) -> Vec<Evidence> {
    let (place, _) = job_places(record);
    let mut evidence = Vec::new();
    for (detector, component) in record.components() {
        let subject = score_name(&detector.name, &component.name);
        for defect in record.defects() {
            evidence.extend(score(record, on(&subject, defect), Some(defect), (detector, component), &place));
        }
        evidence.extend(score(record, subject, None, (detector, component), &place));
    }
    for (cell, judgement) in record.judged() {
        evidence.extend(calls(record, cell, judgement, &place));
    }
    evidence
}

fn score(
    record: &Record,
    subject: String,
    defect: Option<&str>,
    (detector, component): (&Detector, &Component),
    place: &[usize],
) -> Option<Evidence> {
    let shows = |image: usize| match (&record.test_images[image].defect, defect) {
        (Some(shown), Some(defect)) => shown == defect,
        _ => true,
    };
    let scored = record.scored(detector).into_iter().enumerate().filter(|(_, image)| shows(*image));
    let (rows, images): (Vec<usize>, Vec<usize>) = scored.unzip();
    let anomalous = anomalous(record, &images);
    let trainings = std::iter::once(&component.values).chain(&component.retrained);
    let rankings = trainings.map(|values| {
        Ranking::new(&anomalous, &rows.iter().map(|&row| values[row]).collect::<Vec<f64>>()).ok()
    });
    let place = images.iter().map(|&image| place[image]).collect();
    let said = Said::Scores(rankings.collect::<Option<_>>()?, place);
    Some(Evidence { subject, measure: "auroc", images: vec![images], said })
}

fn calls(record: &Record, cell: &Separation, judgement: &Judgement, place: &[usize]) -> Option<Evidence> {
    let images = record.judged_by(&cell.representation);
    let mut decisions = Decisions::default();
    for (pass, calls) in judgement.calls.iter().enumerate() {
        let at = (pass / images.len(), pass % images.len());
        let of = &images[at.1];
        let places: Vec<usize> = of.iter().map(|&image| place[image]).collect();
        decisions.add(at, &anomalous(record, of), &calls.0, &places).ok()?;
    }
    let subject = with(&cell.representation, &cell.separator);
    Some(Evidence { subject, measure: "balanced_accuracy", images, said: Said::Calls(decisions) })
}

fn anomalous(record: &Record, images: &[usize]) -> Vec<bool> {
    images.iter().map(|&image| record.test_images[image].defect.is_some()).collect()
}
