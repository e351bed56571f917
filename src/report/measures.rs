//! The numbers of a record that a gate, a nightly job or a comparison may look at, by name.
//!
//! A measure belongs to a subject, and both have names that a scenario can state:
//!
//! | subject | named | measures |
//! |---|---|---|
//! | the run | `run` | `wall_secs`, `peak_memory_mib`, `leaks` |
//! | the types of defects | `types` | `accuracy`, `adjusted_rand` |
//! | a detector | `vae` | `training_secs`, `scoring_ms_per_image`, `alone_ms`, `images_per_sec`, `collapses` |
//! | a score | `vae A_R` | `auroc`, `average_precision` |
//! | a score on one defect | `vae A_R on shift` | `auroc` |
//! | a score and a threshold | `vae A_R above conformal` | `detection_rate`, `false_alarm_rate` |
//! | a separated representation | `vae A_R with k-means` | `accuracy`, `balanced_accuracy`, `detection_rate`, `false_alarm_rate` |
//! | the same on one defect | `vae A_R with k-means on shift` | `detection_rate` |
//! | a score where the process varies otherwise | `vae A_R in wider at 2` | `auroc` |
//! | a score and a threshold there | `vae A_R above conformal in wider at 2` | `detection_rate`, `false_alarm_rate` |

use super::fair::leaks;
use super::record::{
    Component, Detector, Estimate, Gate, Judgement, OperatingPoint, Operation, Record, ShiftedScore,
};

/// A number with a name.
#[derive(Clone, Debug, PartialEq)]
pub struct Measure {
    /// What is measured: `vae A_R with k-means`.
    pub subject: String,
    /// Which measure of it: `balanced_accuracy`.
    pub name: &'static str,
    /// Its value, with an interval where there is one.
    pub estimate: Estimate,
}

/// What there is to measure in a run, known before it.
pub struct Subjects<'a> {
    /// The detectors.
    pub detectors: &'a [Scores<'a>],
    /// Names of the representations.
    pub representations: &'a [String],
    /// Names of the separators.
    pub separators: &'a [&'a str],
    /// Labels of the defects.
    pub defects: &'a [&'a str],
    /// Names of the thresholds.
    pub thresholds: &'a [&'a str],
    /// Name of every `[[shift]]` at each of its widths, as by [`at`].
    pub shifted: &'a [String],
    /// Whether defects are grouped into types.
    pub typing: bool,
}

/// The scores of a detector.
pub struct Scores<'a> {
    /// Its name.
    pub detector: &'a str,
    /// Theirs.
    pub names: &'a [&'a str],
    /// Whether the images of every [`Subjects::shifted`] are scored too.
    pub in_shifts: bool,
}

impl Subjects<'_> {
    /// The name of every subject and those of its measures.
    pub fn names(&self) -> Vec<(String, &'static [&'static str])> {
        let mut names: Vec<(String, &'static [&'static str])> = vec![(RUN.to_owned(), &OF_RUN)];
        for &Scores { detector, names: scores, in_shifts } in self.detectors {
            names.push((detector.to_owned(), &OF_DETECTOR));
            for score in scores {
                let score = score_name(detector, score);
                names.extend(self.defects.iter().map(|d| (on(&score, d), &OF_SCORE_ON_DEFECT[..])));
                names.extend(self.thresholds.iter().map(|t| (above(&score, t), &OF_THRESHOLD[..])));
                for place in self.shifted.iter().filter(|_| in_shifts) {
                    let thresholds =
                        self.thresholds.iter().map(|t| (within(&above(&score, t), place), &OF_THRESHOLD[..]));
                    names.extend(thresholds);
                    names.push((within(&score, place), &OF_SHIFTED));
                }
                names.push((score, &OF_SCORE));
            }
        }
        for representation in self.representations {
            for separator in self.separators {
                let pair = with(representation, separator);
                names.extend(self.defects.iter().map(|d| (on(&pair, d), &OF_PAIR_ON_DEFECT[..])));
                names.push((pair, &OF_PAIR));
            }
        }
        if self.typing {
            names.push((TYPES.to_owned(), &OF_TYPES));
        }
        names
    }
}

const RUN: &str = "run";
const OF_RUN: [&str; 3] = ["wall_secs", "peak_memory_mib", "leaks"];
const TYPES: &str = "types";
const OF_TYPES: [&str; 2] = ["accuracy", "adjusted_rand"];
const OF_DETECTOR: [&str; 5] =
    ["training_secs", "scoring_ms_per_image", "alone_ms", "images_per_sec", "collapses"];
const OF_SCORE: [&str; 2] = ["auroc", "average_precision"];
const OF_SCORE_ON_DEFECT: [&str; 1] = ["auroc"];
const OF_THRESHOLD: [&str; 2] = ["detection_rate", "false_alarm_rate"];
const OF_SHIFTED: [&str; 1] = ["auroc"];
const OF_PAIR: [&str; 4] = ["accuracy", "balanced_accuracy", "detection_rate", "false_alarm_rate"];
const OF_PAIR_ON_DEFECT: [&str; 1] = ["detection_rate"];

/// The least and the greatest value that a measure can have.
pub fn range(measure: &str) -> [f64; 2] {
    if OF_RUN.iter().chain(&OF_DETECTOR).any(|of| *of == measure) {
        // Times, counts and sizes.
        return [0.0, f64::INFINITY];
    }
    let [_, index] = OF_TYPES;
    // Shares and areas; the index is below 0 where groups agree less than by chance, and never below this (Chacón and Rastrojo 2023).
    if measure == index { [-0.5, 1.0] } else { [0.0, 1.0] }
}

/// The name of a detector's score as a subject.
pub fn score_name(detector: &str, score: &str) -> String {
    format!("{detector} {score}")
}

/// The name of a representation that a separator splits.
pub fn with(representation: &str, separator: &str) -> String {
    format!("{representation} with {separator}")
}

/// The name of a score with one of the thresholds for it.
pub fn above(score: &str, threshold: &str) -> String {
    format!("{score} above {threshold}")
}

/// The name of a subject on the images of one defect (and the healthy ones).
pub fn on(subject: &str, defect: &str) -> String {
    format!("{subject} on {defect}")
}

/// The name of a shift at one of its widths.
pub fn at(shift: &str, width: f64) -> String {
    format!("{shift} at {width}")
}

/// The name of a subject on the test images of a shift.
pub fn within(subject: &str, shifted: &str) -> String {
    format!("{subject} in {shifted}")
}

/// Every measure of a record, subject by subject; what does not exist is left out.
pub fn measures(record: &Record) -> Vec<Measure> {
    let mut measures = of_run(record);
    if let Some(typing) = &record.typing {
        let figures = OF_TYPES.into_iter().zip([typing.accuracy, typing.adjusted_rand]);
        measures.extend(figures.map(|(name, estimate)| Measure {
            subject: TYPES.to_owned(),
            name,
            estimate,
        }));
    }
    for detector in &record.detectors {
        measures.extend(of_detector(detector));
        for component in &detector.components {
            measures.extend(of_score(&score_name(&detector.name, &component.name), component));
        }
    }
    for (cell, judgement) in record.judged() {
        measures.extend(of_pair(&with(&cell.representation, &cell.separator), judgement));
    }
    for shift in &record.shifts {
        for point in &shift.points {
            let place = at(&shift.name, point.width);
            measures.extend(point.scores.iter().flat_map(|score| of_shifted(&place, score)));
        }
    }
    measures
}

/// The gates with what `record` says of each.
pub fn measured(gates: &[Gate], record: &Record) -> Vec<Gate> {
    let measures = measures(record);
    let value = |gate: &Gate| {
        let found = measures.iter().find(|m| m.subject == gate.subject && m.name == gate.measure);
        found.map(|measure| measure.estimate.value)
    };
    gates.iter().map(|gate| Gate { value: value(gate), ..gate.clone() }).collect()
}

fn measure(subject: &str, name: &'static str, value: f64) -> Measure {
    Measure { subject: subject.to_owned(), name, estimate: Estimate { value, interval: None } }
}

fn of_run(record: &Record) -> Vec<Measure> {
    let wall_secs = record.provenance.stages.iter().map(|stage| stage.wall_secs).sum();
    let [secs, memory, leaking] = OF_RUN;
    let mut measures = vec![measure(RUN, secs, wall_secs)];
    measures.extend(record.provenance.peak_memory_mib.map(|mib| measure(RUN, memory, mib)));
    measures.extend(record.audit.as_ref().map(|audit| measure(RUN, leaking, leaks(audit).len() as f64)));
    measures
}

/// Collapses in all trainings.
fn collapses_of(detector: &Detector) -> usize {
    let again = detector.retrainings.iter().map(|training| training.collapses.len());
    detector.collapses.len() + again.sum::<usize>()
}

fn of_detector(detector: &Detector) -> Vec<Measure> {
    let [training, scoring, alone, throughput, collapses] = OF_DETECTOR;
    let name = &detector.name;
    let speed = detector.speed.iter();
    [
        measure(name, training, detector.training_secs),
        measure(name, scoring, detector.scoring_ms_per_image),
        measure(name, collapses, collapses_of(detector) as f64),
    ]
    .into_iter()
    .chain(
        speed.flat_map(|s| [measure(name, alone, s.alone_ms), measure(name, throughput, s.images_per_sec)]),
    )
    .collect()
}

fn of_score(subject: &str, component: &Component) -> Vec<Measure> {
    let [area, precision] = OF_SCORE;
    let auroc = component.auroc.map(|estimate| Measure { subject: subject.to_owned(), name: area, estimate });
    let precision = component.average_precision.map(|value| measure(subject, precision, value));
    let [area] = OF_SCORE_ON_DEFECT;
    let by_defect = component.auroc_by_defect.iter().map(|d| measure(&on(subject, &d.defect), area, d.value));
    let points = component.operating.iter().flat_map(|operating| match &operating.outcome {
        Operation::Found(point) => of_threshold(&above(subject, &operating.threshold), point),
        Operation::None(_) => Vec::new(),
    });
    auroc.into_iter().chain(precision).chain(by_defect).chain(points).collect()
}

fn of_threshold(subject: &str, point: &OperatingPoint) -> Vec<Measure> {
    let [detected, alarms] = OF_THRESHOLD;
    let estimated = |name, estimate| Measure { subject: subject.to_owned(), name, estimate };
    vec![estimated(detected, point.detection_rate), estimated(alarms, point.false_alarm_rate)]
}

fn of_shifted(place: &str, score: &ShiftedScore) -> Vec<Measure> {
    let subject = score_name(&score.detector, &score.score);
    let [area] = OF_SHIFTED;
    let auroc =
        score.auroc.map(|estimate| Measure { subject: within(&subject, place), name: area, estimate });
    let [detected, alarms] = OF_THRESHOLD;
    let points =
        score.thresholds.iter().flat_map(|found| {
            let subject = within(&above(&subject, &found.threshold), place);
            [(detected, found.detection_rate), (alarms, found.false_alarm_rate)]
                .map(|(name, estimate)| Measure { subject: subject.clone(), name, estimate })
        });
    auroc.into_iter().chain(points).collect()
}

fn of_pair(subject: &str, judgement: &Judgement) -> Vec<Measure> {
    let [accuracy, balanced, detected, alarms] = OF_PAIR;
    let estimated = |name, estimate| Measure { subject: subject.to_owned(), name, estimate };
    let mut measures =
        vec![estimated(accuracy, judgement.accuracy), estimated(balanced, judgement.balanced_accuracy)];
    let shares = [(detected, judgement.detected), (alarms, judgement.false_alarms)];
    measures.extend(shares.iter().filter(|(_, s)| s.of > 0).map(|(name, s)| measure(subject, name, s.rate)));
    let [detected] = OF_PAIR_ON_DEFECT;
    let by_defect = judgement.detected_by_defect.iter().filter(|d| d.share.of > 0);
    measures.extend(by_defect.map(|d| measure(&on(subject, &d.defect), detected, d.share.rate)));
    measures
}
