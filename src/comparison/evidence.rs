//! What a record holds beside a measure: the images and what was said of each, so that it can be computed on a resample.

use crate::metrics::classification::Confusion;
use crate::metrics::ranking::auroc;
use crate::report::measures::{on, score_name, with};
use crate::report::record::{Component, Detector, Judgement, Outcome, Record, Separation};

/// A measure that is computed on some of the test images.
pub(super) struct Evidence<'a> {
    /// What is measured: `vae A_R on shift`.
    pub subject: String,
    /// Which measure of it.
    pub measure: &'static str,
    /// The test images that it is about, as indices into those of the record.
    pub images: Vec<usize>,
    /// What was said of them.
    said: Said<'a>,
    /// Whether each of `images` is anomalous.
    anomalous: Vec<bool>,
}

enum Said<'a> {
    /// A score of each of `images`.
    Score(Vec<f64>),
    /// Whether each of `images` was called anomalous.
    Calls(&'a [bool]),
}

impl Evidence<'_> {
    /// The measure on `drawn`, indices into `images`; `None` where it does not exist.
    pub fn value(&self, drawn: &[usize]) -> Option<f64> {
        let anomalous: Vec<bool> = drawn.iter().map(|&i| self.anomalous[i]).collect();
        match &self.said {
            Said::Score(values) => {
                let values: Vec<f64> = drawn.iter().map(|&i| values[i]).collect();
                auroc(&anomalous, &values).ok().flatten()
            }
            Said::Calls(calls) => {
                let calls: Vec<bool> = drawn.iter().map(|&i| calls[i]).collect();
                Confusion::count(&anomalous, &calls).ok()?.balanced_accuracy()
            }
        }
    }

    /// The job of each of `images`.
    pub fn jobs(&self, record: &Record) -> Vec<u32> {
        self.images.iter().map(|&image| record.test_images[image].job).collect()
    }
}

/// The area under the ROC curve of every score, over all defects and on each, and the balanced accuracy of every
/// separated representation.
pub(super) fn of(record: &Record) -> Vec<Evidence<'_>> {
    let mut evidence = Vec::new();
    for (detector, component) in record.components() {
        let subject = score_name(&detector.name, &component.name);
        for defect in record.defects() {
            evidence.push(score(record, on(&subject, defect), Some(defect), (detector, component)));
        }
        evidence.push(score(record, subject, None, (detector, component)));
    }
    for cell in &record.separations {
        if let Outcome::Judged(judgement) = &cell.outcome {
            evidence.push(calls(record, cell, judgement));
        }
    }
    evidence
}

fn score<'a>(
    record: &'a Record,
    subject: String,
    defect: Option<&str>,
    (detector, component): (&Detector, &Component),
) -> Evidence<'a> {
    let shows = |image: usize| match (&record.test_images[image].defect, defect) {
        (Some(shown), Some(defect)) => shown == defect,
        _ => true,
    };
    let scored = record.scored(detector).into_iter().zip(component.values.iter().copied());
    let (images, values): (Vec<usize>, Vec<f64>) = scored.filter(|(image, _)| shows(*image)).unzip();
    let said = Said::Score(values);
    Evidence { subject, measure: "auroc", anomalous: anomalous(record, &images), images, said }
}

fn calls<'a>(record: &'a Record, cell: &Separation, judgement: &'a Judgement) -> Evidence<'a> {
    let subject = with(&cell.representation, &cell.separator);
    let images = record.judged_by(&cell.representation);
    let said = Said::Calls(&judgement.calls.0);
    Evidence { subject, measure: "balanced_accuracy", anomalous: anomalous(record, &images), images, said }
}

fn anomalous(record: &Record, images: &[usize]) -> Vec<bool> {
    images.iter().map(|&image| record.test_images[image].defect.is_some()).collect()
}
