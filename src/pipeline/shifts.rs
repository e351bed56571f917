//! Trained detectors on test jobs of a process that varies otherwise than in training, or of other parts (the variability levels
//! that Zeiser et al. 2023, section 6, leave to future work).

use std::path::{Path, PathBuf};

use generators::dataset::{self, Dataset, Split};
use generators::stream::Stream;

use super::ground::Ground;
use super::judge::{Truth, auroc_over_trainings, estimate, wide};
use super::learn::{Learnt, model_folder};
use super::model::open_model;
use super::operating::rates;
use super::separate::{Pass, carried};
use super::test_images::Test;
use super::{DATASET, Failure, layers_before};
use crate::data::{self, ImageSet};
use crate::detectors::{Progress, Scores};
use crate::metrics::MetricError;
use crate::metrics::classification::Confusion;
use crate::metrics::decisions::Decisions;
use crate::metrics::interval::Design;
use crate::plan::{Plan, Shift, Varied};
use crate::report::record::{
    self, ClampedRange, Estimate, Operation, ShiftPoint, ShiftedScore, ShiftedThreshold,
};

/// Folder of the shifts' datasets inside the run's: `NAME/WIDTH` of each.
pub const FOLDER: &str = "shifts";

/// Makes the datasets of all shifts under `run`, or finds them there.
///
/// # Errors
/// A file that cannot be written; what was finished stays.
pub fn generate(plan: &Plan, run: &Path, progress: &dyn Progress) -> Result<(), Failure> {
    for (shift, varied) in all(plan) {
        let stage = format!("generate {} {}", shift.name, varied.width);
        dataset::write(&varied.production, &place(run, varied), None, &|at| {
            progress.step(&stage, at.images_done, at.images, &[])
        })?;
    }
    Ok(())
}

fn all(plan: &Plan) -> impl Iterator<Item = (&Shift, &Varied)> {
    plan.shifts.iter().flat_map(|shift| shift.points.iter().map(move |varied| (shift, varied)))
}

fn place(run: &Path, varied: &Varied) -> PathBuf {
    run.join(FOLDER).join(&varied.folder).join(DATASET)
}

/// What the trained detectors say of every shift. Nothing is fitted on it. Detectors that are too slow to score every image are left out.
///
/// # Errors
/// Where a dataset or a model cannot be read, or a score is not a number.
pub fn judged(ground: &Ground<'_>, learnt: &[Learnt]) -> Result<Vec<record::Shift>, Failure> {
    let trained = Trained { ground, learnt };
    let shift = |shift: &Shift| {
        let point =
            |varied: &Varied| trained.point(varied, &format!("score {} {}", shift.name, varied.width));
        let files = |varied: &Varied| -> Vec<String> {
            varied.production.parts().map(|part| part.file.display().to_string()).collect()
        };
        Ok(record::Shift {
            name: shift.name.clone(),
            parts: shift.points.first().filter(|_| shift.other_parts).map(files).unwrap_or_default(),
            points: shift.points.iter().map(point).collect::<Result<_, Failure>>()?,
        })
    };
    ground.plan.shifts.iter().map(shift).collect()
}

/// Detectors that were trained and judged on the scenario's own data.
struct Trained<'a> {
    ground: &'a Ground<'a>,
    learnt: &'a [Learnt],
}

impl Trained<'_> {
    fn point(&self, varied: &Varied, stage: &str) -> Result<ShiftPoint, Failure> {
        let &Ground { plan, run, ref stream, progress, .. } = self.ground;
        let dataset = Dataset::open(&place(run, varied))?;
        let images = data::load(&dataset, Split::Test, layers_before(plan))?;
        let test = Test::of(plan, &dataset);
        let truth = Truth::new(&test.images, &test.defects);
        let (mut scores, mut named) = (Vec::new(), None);
        let whole: Vec<&Learnt> = self.learnt.iter().filter(|l| l.record.scored_images.is_none()).collect();
        for (done, learnt) in whole.iter().enumerate() {
            let _ = progress.step(stage, done, whole.len(), &[]);
            let said = self.said(learnt, &images)?;
            let stream = stream.child("judge").child("shift").child(&learnt.name);
            scores.extend(shifted(learnt, &said, &truth, &stream)?);
            if let Some(said) = said.first() {
                named = named.or(self.named(learnt, said, &truth, &stream)?);
            }
        }
        let _ = progress.step(stage, whole.len(), whole.len(), &[]);
        let healthy = truth.anomalous().iter().filter(|&&anomalous| !anomalous).count();
        let clamped = varied.production.scenario().widened().iter().filter_map(|range| {
            let clamped = range.clamped?;
            Some(ClampedRange {
                parameter: range.parameter.clone(),
                wanted: clamped.wanted,
                kept: clamped.kept,
            })
        });
        Ok(ShiftPoint {
            width: varied.width,
            jobs: truth.jobs,
            healthy,
            anomalous: truth.images.len() - healthy,
            dataset_fingerprint: varied.production.fingerprint().to_owned(),
            test_images: test.images.clone(),
            clamped: clamped.collect(),
            scores,
            named,
        })
    }

    /// What every training of a detector says of `images`.
    fn said(&self, learnt: &Learnt, images: &ImageSet) -> Result<Vec<Scores>, Failure> {
        let ground = self.ground;
        let of = |training| {
            let model = open_model(&model_folder(ground.run, &learnt.name, training), ground.device)?;
            Ok(model.scorer()?.score(images)?)
        };
        (0..ground.plan.evidence.trainings).map(of).collect()
    }

    /// Balanced accuracy of the scenario's named pair, where it is this detector's.
    fn named(
        &self,
        learnt: &Learnt,
        said: &Scores,
        truth: &Truth<'_>,
        stream: &Stream,
    ) -> Result<Option<Estimate>, MetricError> {
        let Ground { plan, test, halves, .. } = self.ground;
        let seen = test.seen(learnt, halves);
        let Some(halves) = seen.halves.first() else { return Ok(None) };
        let own = Truth::new(&seen.images, &test.defects);
        let pass = Pass { detector: &learnt.name, scores: &learnt.scores, training: 0, separation: 0 };
        let judging = self.ground.stream.child("judge");
        let called = carried(&pass, halves, &own, &plan.separation, &judging, said)?;
        let Some(called) = called else { return Ok(None) };
        let mut decisions = Decisions::default();
        decisions.add((0, 0), &truth.anomalous(), &called, &truth.place)?;
        Ok(estimate(Design::jobs(truth.jobs), &stream.child("named"), |drawn| {
            decisions.mean(drawn, Confusion::balanced_accuracy)
        }))
    }
}

/// How well every score of a detector ranks, and what comes of its thresholds; `said` by every training.
fn shifted(
    learnt: &Learnt,
    said: &[Scores],
    truth: &Truth<'_>,
    stream: &Stream,
) -> Result<Vec<ShiftedScore>, MetricError> {
    let everything: Vec<usize> = (0..truth.images.len()).collect();
    let mut list = Vec::new();
    for (index, component) in learnt.record.components.iter().enumerate() {
        let trainings: Vec<Vec<f64>> = said.iter().map(|scores| wide(&scores.components[index].1)).collect();
        let stream = stream.child(&component.name);
        let mut thresholds = Vec::new();
        for operating in &component.operating {
            let (Operation::Found(point), Some(first)) = (&operating.outcome, trainings.first()) else {
                continue;
            };
            let called: Vec<bool> = first.iter().map(|&score| score > point.value).collect();
            let found = rates(&called, &truth.anomalous(), &truth.place, truth.jobs, &stream)?;
            thresholds.extend(found.map(|[false_alarm_rate, detection_rate]| ShiftedThreshold {
                threshold: operating.threshold.clone(),
                false_alarm_rate,
                detection_rate,
            }));
        }
        list.push(ShiftedScore {
            detector: learnt.name.clone(),
            score: component.name.clone(),
            headline: component.headline,
            auroc: auroc_over_trainings(&trainings, truth, &everything, &stream)?,
            values: trainings,
            thresholds,
        });
    }
    Ok(list)
}
