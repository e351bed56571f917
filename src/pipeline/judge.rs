//! Scores and separations against the synthetic labels. No stage before this one has seen a label.

use generators::stream::Stream;

use super::separate::{Groups, Halves, Row};
use crate::metrics::MetricError;
use crate::metrics::agreement::{called_anomalous, oracle_group};
use crate::metrics::classification::Confusion;
use crate::metrics::decisions::Decisions;
use crate::metrics::interval::{Design, Drawn, SHARE, bootstrap, places};
use crate::metrics::ranking::{Ranking, auroc, average_precision, mean_auroc};
use crate::plan::{Evidence, Separation};
use crate::report::record::{
    AgainstDefect, Calls, Component, Estimate, Judgement, Outcome, Representation, Separation as Cell, Share,
    ShareOfDefect, TestImage, Threshold,
};

/// Replicates of every bootstrap.
pub const REPLICATES: usize = 1000;

/// How the intervals are made, for the record.
pub fn interval_method(evidence: &Evidence) -> String {
    let crossed = [("trainings", evidence.trainings), ("separations", evidence.separations)];
    let crossed: Vec<&str> =
        crossed.iter().filter(|(_, levels)| *levels > 1).map(|(name, _)| *name).collect();
    let over = match crossed[..] {
        [] => "print jobs".to_owned(),
        [one] => format!("print jobs and {one}"),
        _ => format!("print jobs, {}", crossed.join(" and ")),
    };
    format!("a bootstrap over {over}, {REPLICATES} draws, stretched for their number by Student’s law")
}

/// What the test images really are.
pub struct Truth<'a> {
    /// The test images, in order.
    pub images: &'a [TestImage],
    /// The job of each.
    pub job: Vec<u32>,
    /// Its place among all jobs.
    pub place: Vec<usize>,
    /// How many jobs there are.
    pub jobs: usize,
    /// Labels of the defects, in the scenario's order.
    pub defects: &'a [&'a str],
}

impl<'a> Truth<'a> {
    /// What `images` are, with these labels of defects.
    pub fn new(images: &'a [TestImage], defects: &'a [&'a str]) -> Self {
        let job: Vec<u32> = images.iter().map(|image| image.job).collect();
        let (place, jobs) = places(&job);
        Self { images, job, place, jobs, defects }
    }

    /// Whether each is anomalous.
    pub fn anomalous(&self) -> Vec<bool> {
        self.images.iter().map(|image| image.defect.is_some()).collect()
    }

    /// Indices of the healthy images and of those with `defect`.
    fn against(&self, defect: &str) -> Vec<usize> {
        let counts = |i: &usize| self.images[*i].defect.as_deref().is_none_or(|d| d == defect);
        (0..self.images.len()).filter(counts).collect()
    }
}

/// The values at `indices`.
pub fn select<T: Copy>(values: &[T], indices: &[usize]) -> Vec<T> {
    indices.iter().map(|&i| values[i]).collect()
}

/// The scores in double precision.
pub fn wide(scores: &[f32]) -> Vec<f64> {
    scores.iter().copied().map(f64::from).collect()
}

/// A share and its interval; `None` where it does not exist.
pub fn estimate(
    design: Design,
    stream: &Stream,
    statistic: impl Fn(&Drawn) -> Option<f64> + Sync,
) -> Option<Estimate> {
    let value = statistic(&Drawn::whole(design))?;
    let interval =
        bootstrap(design, REPLICATES, stream, SHARE, statistic).and_then(|interval| interval.ends());
    Some(Estimate { value, interval })
}

/// As [`estimate`] over jobs alone; the statistic is given the indices of images, each as often as its job was drawn.
pub fn estimate_over_jobs(
    job: &[u32],
    stream: &Stream,
    statistic: impl Fn(&[usize]) -> Option<f64> + Sync,
) -> Option<Estimate> {
    let (place, jobs) = places(job);
    estimate(Design::jobs(jobs), stream, |drawn| {
        let times = |image: usize| std::iter::repeat_n(image, drawn.jobs[place[image]]);
        statistic(&(0..job.len()).flat_map(times).collect::<Vec<_>>())
    })
}

/// How well one score ranks anomalous above healthy images. `trainings` holds what each training of its detector said of
/// every test image.
///
/// # Errors
/// Where a score is not a number.
pub fn component(
    name: &str,
    headline: bool,
    trainings: &[&[f32]],
    truth: &Truth<'_>,
    stream: &Stream,
) -> Result<Component, MetricError> {
    let anomalous = truth.anomalous();
    let mut values: Vec<Vec<f64>> = trainings.iter().map(|values| wide(values)).collect();
    let area = |of: &[usize], stream: &Stream| auroc_over_trainings(&values, truth, of, stream);
    let ranked = area(&(0..anomalous.len()).collect::<Vec<_>>(), stream)?;
    let mut auroc_by_defect = Vec::new();
    for &defect in truth.defects {
        if let Some(Estimate { value, interval }) = area(&truth.against(defect), &stream.child(defect))? {
            auroc_by_defect.push(AgainstDefect { defect: defect.to_owned(), value, interval });
        }
    }
    let precisions = values.iter().map(|values| average_precision(&anomalous, values));
    let precisions: Option<Vec<f64>> = precisions.collect::<Result<_, MetricError>>()?;
    let first = if values.is_empty() { Vec::new() } else { values.remove(0) };
    Ok(Component {
        name: name.to_owned(),
        headline,
        auroc: ranked,
        average_precision: precisions.map(|p| p.iter().sum::<f64>() / p.len() as f64),
        auroc_by_defect,
        threshold: Threshold::of_healthy(truth.images, &first, truth.defects),
        operating: Vec::new(),
        oracle: None,
        detectability: None,
        on_parts: Vec::new(),
        values: first,
        retrained: values,
    })
}

/// The mean area under the ROC curve over `trainings`, which hold what each said of every test image, on the images `of`; `None`
/// where a class is missing.
///
/// # Errors
/// Where a score is not a number.
pub fn auroc_over_trainings(
    trainings: &[impl AsRef<[f64]>],
    truth: &Truth<'_>,
    of: &[usize],
    stream: &Stream,
) -> Result<Option<Estimate>, MetricError> {
    let labels = select(&truth.anomalous(), of);
    let rankings = trainings.iter().map(|values| Ranking::new(&labels, &select(values.as_ref(), of)));
    let rankings = rankings.collect::<Result<Vec<Ranking>, MetricError>>()?;
    let design = Design { trainings: trainings.len(), separations: 1, jobs: truth.jobs };
    Ok(estimate(design, stream, |drawn| mean_auroc(&rankings, drawn, |i| truth.place[of[i]])))
}

/// Judges what the separators made of one detector: `passes[training][separation]` holds the rows of each.
///
/// # Errors
/// Where a margin is not a number.
pub fn cells(
    passes: &[Vec<Vec<Row>>],
    truth: &Truth<'_>,
    halves: &[Halves],
    separation: &Separation,
    stream: &Stream,
) -> Result<(Vec<Representation>, Vec<Cell>), MetricError> {
    let all: Vec<&[Row]> = passes.iter().flatten().map(Vec::as_slice).collect();
    let (mut representations, mut cells) = (Vec::new(), Vec::new());
    for row in 0..all.first().map_or(0, |rows| rows.len()) {
        let representation = joined(all.iter().map(|rows| &rows[row].representation));
        for (column, separator) in separation.separators.iter().enumerate() {
            let groups: Vec<&Result<Groups, String>> =
                all.iter().map(|rows| &rows[row].groups[column]).collect();
            let stream = stream.child(&representation.name).child(&separator.name);
            cells.push(Cell {
                representation: representation.name.clone(),
                separator: separator.name.clone(),
                outcome: outcome(&groups, truth, halves, &stream)?,
            });
        }
        representations.push(representation);
    }
    Ok((representations, cells))
}

/// The first of a representation's makings, with the dimensions of all.
fn joined<'a>(of: impl Iterator<Item = &'a Representation> + Clone) -> Representation {
    let mut first = of.clone().next().cloned().unwrap_or_default();
    let dimensions = of.map(|r| r.dimension);
    let ends = [dimensions.clone().min(), dimensions.max()].map(Option::unwrap_or_default);
    first.dimensions = (ends[0] < ends[1]).then_some(ends);
    first
}

/// A cell: judged where every training and separation gave groups, since the mean of those that did would flatter.
fn outcome(
    groups: &[&Result<Groups, String>],
    truth: &Truth<'_>,
    halves: &[Halves],
    stream: &Stream,
) -> Result<Outcome, MetricError> {
    let (mut made, mut reasons) = (Vec::new(), Vec::new());
    for groups in groups {
        match groups {
            Ok(groups) => made.push(groups),
            Err(reason) => reasons.push(reason),
        }
    }
    Ok(match reasons.first() {
        None => Outcome::Judged(judgement(&made, truth, halves, stream)?),
        Some(reason) if made.is_empty() => Outcome::Empty((*reason).clone()),
        Some(reason) => Outcome::Empty(format!("{reason} ({} of {} times)", reasons.len(), groups.len())),
    })
}

/// `groups` holds those of every training and, within it, of every separation.
fn judgement(
    groups: &[&Groups],
    truth: &Truth<'_>,
    halves: &[Halves],
    stream: &Stream,
) -> Result<Judgement, MetricError> {
    let anomalous = truth.anomalous();
    let (mut decisions, mut oracle) = (Decisions::default(), Decisions::default());
    let (mut calls, mut margins) = (Vec::new(), Vec::new());
    let mut by_defect = vec![Decisions::default(); truth.defects.len()];
    for (pass, groups) in groups.iter().enumerate() {
        let at = (pass / halves.len(), pass % halves.len());
        let judge = &halves[at.1].judge;
        let (labels, place) = (select(&anomalous, judge), select(&truth.place, judge));
        let called = called_anomalous(&groups.group, groups.anomalous);
        decisions.add(at, &labels, &called, &place)?;
        let better = called_anomalous(&groups.group, oracle_group(&groups.group, &labels)?);
        oracle.add(at, &labels, &better, &place)?;
        if let Some(margin) = &groups.margin {
            margins.extend(auroc(&labels, margin)?);
        }
        for (decisions, defect) in by_defect.iter_mut().zip(truth.defects) {
            let of = |k: &usize| truth.images[judge[*k]].defect.as_deref() == Some(*defect);
            let of: Vec<usize> = (0..judge.len()).filter(of).collect();
            if !of.is_empty() {
                decisions.add(at, &select(&labels, &of), &select(&called, &of), &select(&place, &of))?;
            }
        }
        calls.push(Calls(called));
    }
    let trainings = groups.len() / halves.len();
    let design = Design { trainings, separations: halves.len(), jobs: truth.jobs };
    let of = |figure: fn(&Confusion) -> Option<f64>| {
        estimate(design, stream, |drawn| decisions.mean(drawn, figure)).unwrap_or_default()
    };
    let found = |decisions: &Decisions| share(decisions, design, stream, Confusion::found);
    let whole = Drawn::whole(design);
    Ok(Judgement {
        accuracy: of(Confusion::accuracy),
        balanced_accuracy: of(Confusion::balanced_accuracy),
        oracle_accuracy: oracle.mean(&whole, Confusion::accuracy).unwrap_or_default(),
        margin_auroc: (margins.len() == groups.len() && !margins.is_empty())
            .then(|| margins.iter().sum::<f64>() / margins.len() as f64),
        detected: found(&decisions),
        false_alarms: share(&decisions, design, stream, Confusion::false_alarms),
        detected_by_defect: (truth.defects.iter().zip(&by_defect))
            .map(|(defect, of)| ShareOfDefect { defect: (*defect).to_owned(), share: found(of) })
            .collect(),
        calls,
    })
}

/// So many of so many decisions of every training and separation, as `counted`, with an interval.
fn share(
    decisions: &Decisions,
    design: Design,
    stream: &Stream,
    counted: fn(&Confusion) -> (usize, usize),
) -> Share {
    let rate = |drawn: &Drawn| {
        let (count, of) = counted(&decisions.total(drawn));
        (of > 0).then(|| count as f64 / of as f64)
    };
    let (count, of) = counted(&decisions.total(&Drawn::whole(design)));
    Share { interval: estimate(design, stream, rate).and_then(|e| e.interval), ..Share::new(count, of) }
}
