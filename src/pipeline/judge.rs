//! Scores and features against the synthetic labels. No stage before this one has seen a label.

use generators::stream::Stream;

use crate::detectors::Scores;
use crate::metrics::MetricError;
use crate::metrics::agreement::{anomalous_group, called_anomalous, oracle_group};
use crate::metrics::classification::Confusion;
use crate::metrics::interval::bootstrap;
use crate::metrics::ranking::{auroc, average_precision};
use crate::plan::{Named, Separation};
use crate::report::record::{
    AgainstDefect, Calls, Component, Estimate, Judgement, Outcome, Reduction, Representation,
    Separation as Cell, Share, ShareOfDefect, TestImage, Threshold,
};
use crate::representations::projections::Projection;
use crate::representations::{Components, Matrix};
use crate::separators::{Separator, Split};

/// Replicates of every bootstrap.
pub const REPLICATES: usize = 1000;

/// How the intervals are made, for the record.
pub const INTERVAL_METHOD: &str = "a bootstrap over print jobs, 1000 draws";

/// What the test images really are.
pub struct Truth<'a> {
    /// The test images, in order.
    pub images: &'a [TestImage],
    /// The job of each.
    pub job: &'a [u32],
    /// Labels of the defects, in the scenario's order.
    pub defects: &'a [&'a str],
}

impl Truth<'_> {
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

/// A statistic of the images and its interval over jobs; `None` where it does not exist.
pub fn estimate(
    job: &[u32],
    stream: &Stream,
    statistic: impl Fn(&[usize]) -> Option<f64> + Sync,
) -> Option<Estimate> {
    let all: Vec<usize> = (0..job.len()).collect();
    let value = statistic(&all)?;
    let interval = bootstrap(job, REPLICATES, stream, statistic).map(|i| [i.low, i.high]);
    Some(Estimate { value, interval })
}

/// How well one score ranks anomalous above healthy images.
pub fn component(
    name: &str,
    headline: bool,
    values: &[f32],
    truth: &Truth<'_>,
    stream: &Stream,
) -> Result<Component, MetricError> {
    let anomalous = truth.anomalous();
    let values: Vec<f64> = values.iter().copied().map(f64::from).collect();
    // The full sample is checked once; what is drawn from it is as sound as it is.
    auroc(&anomalous, &values)?;
    let ranked = estimate(truth.job, stream, |drawn| {
        auroc(&select(&anomalous, drawn), &select(&values, drawn)).ok().flatten()
    });
    let mut auroc_by_defect = Vec::new();
    for defect in truth.defects {
        let of = truth.against(defect);
        if let Some(value) = auroc(&select(&anomalous, &of), &select(&values, &of))? {
            auroc_by_defect.push(AgainstDefect { defect: (*defect).to_owned(), value });
        }
    }
    Ok(Component {
        name: name.to_owned(),
        headline,
        auroc: ranked,
        average_precision: average_precision(&anomalous, &values)?,
        auroc_by_defect,
        threshold: Threshold::of_healthy(truth.images, &values, truth.defects),
        operating: Vec::new(),
        oracle: None,
        detectability: None,
        values,
    })
}

/// What the separators make of one detector's scores and features.
#[derive(Default)]
pub struct Separated {
    /// The rows of the accuracy table.
    pub representations: Vec<Representation>,
    /// Its cells.
    pub cells: Vec<Cell>,
}

/// Fits every separator on every representation of a detector's output, without labels, on the
/// images of some jobs, and judges it, with labels, on those of the others (Zeiser et al. 2023,
/// section 5.2): rows `fit` and `judge` of the scores.
pub fn separate(
    detector: &str,
    scores: &Scores,
    truth: &Truth<'_>,
    (fit, judge): (&[usize], &[usize]),
    separation: &Separation,
    stream: &Stream,
) -> Result<Separated, MetricError> {
    // Which group is the anomalous one is decided by the detector's headline score.
    let headline: &[f32] = scores.components.first().map_or(&[], |(_, values)| values);
    let mut result = Separated::default();
    let stream = stream.child(detector);
    let halves = Halves { truth, fit, judge, headline };
    for (name, row) in rows(detector, scores, &halves, separation, &stream) {
        let (representation, matrix) = match row {
            Ok(row) => row,
            Err(reason) => {
                let empty = Outcome::Empty(reason);
                result.cells.extend(separation.separators.iter().map(|separator| Cell {
                    representation: name.clone(),
                    separator: separator.name.clone(),
                    outcome: empty.clone(),
                }));
                result.representations.push(Representation {
                    name,
                    detector: detector.to_owned(),
                    ..Default::default()
                });
                continue;
            }
        };
        for separator in &separation.separators {
            let stream = stream.child(&name).child(&separator.name);
            let outcome = match halves.separate(&matrix, &*separator.item, &stream)? {
                Ok((split, anomalous)) => {
                    let judged = matrix.select(judge);
                    Outcome::Judged(judgement(&*split, &judged, anomalous, truth, judge, &stream)?)
                }
                Err(reason) => Outcome::Empty(reason),
            };
            result.cells.push(Cell {
                representation: name.clone(),
                separator: separator.name.clone(),
                outcome,
            });
        }
        result.representations.push(representation);
    }
    Ok(result)
}

/// The test images, in two halves by job: those that separators are fitted on, and those that judge.
struct Halves<'a> {
    truth: &'a Truth<'a>,
    fit: &'a [usize],
    judge: &'a [usize],
    /// The score that says which group is the anomalous one.
    headline: &'a [f32],
}

/// A fitted split and its anomalous group, or why there is none.
type Groups = Result<(Box<dyn Split>, usize), String>;

impl Halves<'_> {
    /// Fits `separator`, without labels, on the rows of the first half.
    fn separate(
        &self,
        matrix: &Matrix,
        separator: &dyn Separator,
        stream: &Stream,
    ) -> Result<Groups, MetricError> {
        let fitted = matrix.select(self.fit);
        let split = match separator.fit(&fitted, &mut stream.child("fit")) {
            Ok(split) => split,
            Err(reason) => return Ok(Err(reason.to_string())),
        };
        let anomalous = anomalous_group(&split.groups(&fitted), &select(self.headline, self.fit))?;
        Ok(Ok((split, anomalous)))
    }

    /// The number of leading columns of `matrix` with which `separator` is right most often in the half that
    /// judges: Zeiser et al. chose so (section 5.2). It reads the labels: what follows is no result but a bound.
    fn oracle_components(&self, matrix: &Matrix, separator: &dyn Separator, stream: &Stream) -> usize {
        let labels = select(&self.truth.anomalous(), self.judge);
        let right = |count: usize| {
            let leading = matrix.leading(count);
            let (split, anomalous) = self.separate(&leading, separator, stream).ok()?.ok()?;
            let called = called_anomalous(&split.groups(&leading.select(self.judge)), anomalous);
            Confusion::count(&labels, &called).ok()?.balanced_accuracy()
        };
        // Every number at first, then steps of a twentieth.
        let counts = std::iter::successors(Some(1), |count| Some(count + (count / 20).max(1)));
        let counts = counts.take_while(|&count| count <= matrix.columns);
        let tried = counts.filter_map(|count| right(count).map(|right| (count, right)));
        tried.reduce(|best, next| if next.1 > best.1 { next } else { best }).map_or(1, |(count, _)| count)
    }
}

type Row = Result<(Representation, Matrix), String>;

/// The representations of a detector's output: each score; each feature vector as it is and through every projection.
fn rows(
    detector: &str,
    scores: &Scores,
    halves: &Halves<'_>,
    separation: &Separation,
    stream: &Stream,
) -> Vec<(String, Row)> {
    let mut rows: Vec<(String, Row)> = Vec::new();
    let mut push = |name: String, row: Result<(Option<Reduction>, Matrix), String>| {
        let row = row.map(|(reduction, matrix)| {
            let (detector, dimension) = (detector.to_owned(), matrix.columns);
            (Representation { name: name.clone(), detector, dimension, reduction }, matrix)
        });
        rows.push((name, row));
    };
    for (component, values) in &scores.components {
        push(format!("{detector} {component}"), Ok((None, Matrix::column(values.clone()))));
    }
    for (feature, matrix) in &scores.features {
        let raw = format!("{detector} {feature}");
        push(raw.clone(), Ok((None, matrix.clone())));
        for projection in &separation.projections {
            let name = format!("{raw} {}", projection.name);
            let stream = stream.child(&name);
            let projected = project(matrix, projection, halves, separation, &stream);
            push(name, projected.map(|(reduction, matrix)| (Some(reduction), matrix)));
        }
    }
    rows
}

/// All rows in the coordinates that `projection` finds on those of the first half.
fn project(
    matrix: &Matrix,
    projection: &Named<dyn Projection>,
    halves: &Halves<'_>,
    separation: &Separation,
    stream: &Stream,
) -> Result<(Reduction, Matrix), String> {
    let fitted = projection.item.fit(&matrix.select(halves.fit), stream).map_err(|e| e.to_string())?;
    let mut projected = fitted.transform(matrix).map_err(|e| e.to_string())?;
    let components = projection.item.components();
    if let (true, Some(first)) = (components.sees_labels(), separation.separators.first()) {
        let count = halves.oracle_components(&projected, &*first.item, &stream.child("oracle"));
        projected = projected.leading(count);
    }
    let reduction = Reduction {
        method: projection.kind.to_owned(),
        from_dimension: matrix.columns,
        explained_share: Some(fitted.explained_variance_ratio()[..projected.columns].iter().sum()),
        choice: Some(
            match components {
                Components::Count(_) => "stated in the scenario",
                Components::Explained(_) => "by explained variance",
                Components::Parallel => "by parallel analysis",
                Components::Oracle => "picked with the labels: a bound, no result",
            }
            .to_owned(),
        ),
    };
    Ok((reduction, projected))
}

fn judgement(
    split: &dyn Split,
    rows: &Matrix,
    anomalous: usize,
    truth: &Truth<'_>,
    judge: &[usize],
    stream: &Stream,
) -> Result<Judgement, MetricError> {
    let labels = select(&truth.anomalous(), judge);
    let job = select(truth.job, judge);
    let groups = split.groups(rows);
    let called = called_anomalous(&groups, anomalous);
    let oracle = called_anomalous(&groups, oracle_group(&groups, &labels)?);
    let of = |figure: fn(&Confusion) -> Option<f64>| {
        estimate(&job, stream, |drawn| {
            figure(&Confusion::count(&select(&labels, drawn), &select(&called, drawn)).ok()?)
        })
    };
    let counts = Confusion::count(&labels, &called)?;
    let margin_auroc = match split.margin(rows) {
        Some(margin) => {
            let sign = if anomalous == 1 { 1.0 } else { -1.0 };
            let towards: Vec<f64> = margin.iter().map(|m| sign * m).collect();
            auroc(&labels, &towards)?
        }
        None => None,
    };
    let share_of = |defect: &str| {
        let of: Vec<bool> = (0..judge.len())
            .filter(|&i| truth.images[judge[i]].defect.as_deref() == Some(defect))
            .map(|i| called[i])
            .collect();
        Share::new(of.iter().filter(|&&c| c).count(), of.len())
    };
    Ok(Judgement {
        accuracy: of(Confusion::accuracy).unwrap_or_default(),
        balanced_accuracy: of(Confusion::balanced_accuracy).unwrap_or_default(),
        oracle_accuracy: Confusion::count(&labels, &oracle)?.accuracy().unwrap_or_default(),
        margin_auroc,
        detected: Share::new(counts.true_positives, counts.true_positives + counts.false_negatives),
        false_alarms: Share::new(counts.false_positives, counts.false_positives + counts.true_negatives),
        detected_by_defect: truth
            .defects
            .iter()
            .map(|d| ShareOfDefect { defect: (*d).to_owned(), share: share_of(d) })
            .collect(),
        calls: Calls(called),
    })
}
