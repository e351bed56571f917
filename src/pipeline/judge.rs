//! Scores and features against the synthetic labels. No stage before this one has seen a label.

use generators::stream::Stream;

use crate::data::split_jobs;
use crate::detectors::Scores;
use crate::metrics::MetricError;
use crate::metrics::agreement::{anomalous_group, called_anomalous, oracle_group};
use crate::metrics::classification::Confusion;
use crate::metrics::interval::bootstrap;
use crate::metrics::ranking::{auroc, average_precision};
use crate::plan::Separation;
use crate::report::record::{
    AgainstDefect, Calls, Component, Estimate, Judgement, Outcome, Reduction, Representation,
    Separation as Cell, Share, ShareOfDefect, TestImage, Threshold,
};
use crate::representations::{Components, Matrix, Pca};
use crate::separators::Split;

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
    fn anomalous(&self) -> Vec<bool> {
        self.images.iter().map(|image| image.defect.is_some()).collect()
    }

    /// Indices of the healthy images and of those with `defect`.
    fn against(&self, defect: &str) -> Vec<usize> {
        let counts = |i: &usize| self.images[*i].defect.as_deref().is_none_or(|d| d == defect);
        (0..self.images.len()).filter(counts).collect()
    }
}

fn select<T: Copy>(values: &[T], indices: &[usize]) -> Vec<T> {
    indices.iter().map(|&i| values[i]).collect()
}

/// A statistic of the images and its interval over jobs; `None` where it does not exist.
fn estimate(
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
    /// The test images that judge, the same for every detector.
    pub judged: Vec<usize>,
}

/// Fits every separator on every representation of a detector's output, without labels, on the
/// images of some jobs, and judges it, with labels, on those of the others (Zeiser et al. 2023,
/// section 5.2).
pub fn separate(
    detector: &str,
    scores: &Scores,
    truth: &Truth<'_>,
    separation: &Separation,
    stream: &Stream,
) -> Result<Separated, MetricError> {
    // The split of the jobs is the same for all detectors: it depends on the run's stream only.
    let (fit, judge) = split_jobs(truth.job, separation.fit_share, &mut stream.child("split"));
    // Which group is the anomalous one is decided by the detector's headline score.
    let headline: &[f32] = scores.components.first().map_or(&[], |(_, values)| values);
    let mut result = Separated::default();
    let stream = stream.child(detector);
    for (name, row) in rows(detector, scores, &fit, separation.components) {
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
        let (fitted, judged) = (matrix.select(&fit), matrix.select(&judge));
        for separator in &separation.separators {
            let stream = stream.child(&name).child(&separator.name);
            let outcome = match separator.item.fit(&fitted, &mut stream.child("fit")) {
                Ok(split) => {
                    let reference = select(headline, &fit);
                    let anomalous = anomalous_group(&split.groups(&fitted), &reference)?;
                    Outcome::Judged(judgement(&*split, &judged, anomalous, truth, &judge, &stream)?)
                }
                Err(reason) => Outcome::Empty(reason.to_string()),
            };
            result.cells.push(Cell {
                representation: name.clone(),
                separator: separator.name.clone(),
                outcome,
            });
        }
        result.representations.push(representation);
    }
    result.judged = judge;
    Ok(result)
}

type Row = Result<(Representation, Matrix), String>;

/// The representations of a detector's output: each score; each feature vector as it is and through PCA.
fn rows(detector: &str, scores: &Scores, fit: &[usize], components: Components) -> Vec<(String, Row)> {
    let mut rows: Vec<(String, Row)> = Vec::new();
    for (component, values) in &scores.components {
        let name = format!("{detector} {component}");
        let representation = Representation {
            name: name.clone(),
            detector: detector.to_owned(),
            dimension: 1,
            reduction: None,
        };
        rows.push((name, Ok((representation, Matrix::column(values.clone())))));
    }
    for (feature, matrix) in &scores.features {
        let name = format!("{detector} {feature}");
        let representation = Representation {
            name: name.clone(),
            detector: detector.to_owned(),
            dimension: matrix.columns,
            reduction: None,
        };
        rows.push((name.clone(), Ok((representation, matrix.clone()))));
        let name = format!("{name} PCA");
        let row = project(matrix, fit, components).map(|(reduction, projected)| {
            let representation = Representation {
                name: name.clone(),
                detector: detector.to_owned(),
                dimension: projected.columns,
                reduction: Some(reduction),
            };
            (representation, projected)
        });
        rows.push((name, row));
    }
    rows
}

/// All rows on the principal components of those at `fit`.
fn project(matrix: &Matrix, fit: &[usize], components: Components) -> Result<(Reduction, Matrix), String> {
    let pca = Pca::fit(&matrix.select(fit), components).map_err(|e| e.to_string())?;
    let reduction = Reduction {
        method: "PCA".to_owned(),
        from_dimension: matrix.columns,
        explained_share: Some(pca.explained_variance_ratio().iter().sum()),
    };
    Ok((reduction, pca.transform(matrix).map_err(|e| e.to_string())?))
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
