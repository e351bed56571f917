//! From probes to p-values.

use generators::stream::Stream;

use super::design::Design;
use super::episodes::{self, Place};
use super::forest::Forest;
use super::null::{self, Statistic, Tested};
use super::swaps::{self, Contrast};
use super::{ALPHA, Probe};
use crate::data::split_jobs;
use crate::report::record::{self, AgainstDefect, Comparison, Share};
use crate::representations::Matrix;

/// Tests of one audit: by swaps and by episodes, of single numbers and of the forests on either half of the jobs.
const TESTS: f64 = 6.0;

/// One class of one probe, tested.
struct Outcome {
    probe: &'static str,
    /// `None` for all defects.
    defect: Option<usize>,
    area: f64,
    tested: Tested,
}

/// How well each probe tells, and all of them together.
pub fn judge(design: &Design, probes: &[Probe], replicates: usize, stream: &Stream) -> Vec<record::Probe> {
    let together = together(probes);
    let (single, mut many): (Vec<&Probe>, Vec<&Probe>) = probes.iter().partition(|p| p.numbers() == 1);
    many.push(&together);
    let job: Vec<u32> = design.job.iter().map(|&job| job as u32).collect();
    let (one, other) = split_jobs(&job, 0.5, &mut stream.child("halves"));

    let twins = single.iter().map(|p| (p.name, p.twins.each_ref().map(column)));
    let mut by_swaps = swapped(design, &twins.collect::<Vec<_>>(), replicates, &stream.child("swaps"));
    let layers =
        single.iter().filter_map(|p| Some((p.name, vec![column(p.layer.as_ref()?); design.defects.len()])));
    let mut by_episodes =
        exchanged(design, &layers.collect::<Vec<_>>(), replicates, &stream.child("episodes"));
    for (half, learn, judge) in [("first", &one, &other), ("second", &other, &one)] {
        let (stream, part) = (stream.child(half), design.select(judge));
        let twins = many.iter().map(|p| (p.name, twin_scores(&p.twins, learn, judge, &stream.child(p.name))));
        by_swaps.extend(swapped(&part, &twins.collect::<Vec<_>>(), replicates, &stream.child("swaps")));
        let layers = many.iter().filter_map(|p| {
            Some((p.name, layer_scores(p.layer.as_ref()?, design, learn, judge, &stream.child(p.name))))
        });
        by_episodes.extend(exchanged(
            &part,
            &layers.collect::<Vec<_>>(),
            replicates,
            &stream.child("episodes"),
        ));
    }
    let entry = |probe: &Probe, unequal: Option<Share>| record::Probe {
        name: probe.name.to_owned(),
        numbers: probe.numbers(),
        unequal,
        twins: comparison(&by_swaps, probe.name, design),
        unpaired: comparison(&by_episodes, probe.name, design),
    };
    let alone = probes.iter().map(|p| entry(p, Some(p.unequal())));
    alone.chain([entry(&together, None)]).collect()
}

impl Probe {
    fn numbers(&self) -> usize {
        self.twins[0].columns
    }

    /// Pairs whose members differ, of those that have a value.
    fn unequal(&self) -> Share {
        let pairs: Vec<usize> = (0..self.twins[0].rows).filter(|&i| has(&self.twins, i)).collect();
        let differs = |i: &&usize| self.twins[0].row(**i) != self.twins[1].row(**i);
        Share::new(pairs.iter().filter(differs).count(), pairs.len())
    }
}

/// Whether the probe applies to pair `index`.
fn has(twins: &[Matrix; 2], index: usize) -> bool {
    twins.iter().all(|member| member.row(index).iter().all(|v| v.is_finite()))
}

/// All probes as one; what does not apply to a pair is 0 in both its members.
fn together(probes: &[Probe]) -> Probe {
    Probe {
        name: "all together",
        twins: [0, 1].map(|member| beside(probes.iter().map(|p| &p.twins[member]))),
        layer: Some(beside(probes.iter().filter_map(|p| p.layer.as_ref()))),
    }
}

fn beside<'a>(parts: impl Iterator<Item = &'a Matrix>) -> Matrix {
    let parts: Vec<&Matrix> = parts.collect();
    let rows = parts.first().map_or(0, |m| m.rows);
    let row =
        |i: usize| parts.iter().flat_map(move |m| m.row(i)).map(|v| if v.is_finite() { *v } else { 0.0 });
    Matrix::new(rows, parts.iter().map(|m| m.columns).sum(), (0..rows).flat_map(row).collect())
}

fn column(matrix: &Matrix) -> Vec<f64> {
    matrix.values.iter().copied().map(f64::from).collect()
}

/// How anomalous a forest that learnt on the pairs `learn` takes either member of the pairs `judge` to be.
fn twin_scores(twins: &[Matrix; 2], learn: &[usize], judge: &[usize], stream: &Stream) -> [Vec<f64>; 2] {
    let learn: Vec<usize> = learn.iter().copied().filter(|&i| has(twins, i)).collect();
    // Equal twins teach nothing.
    if learn.iter().all(|&i| twins[0].row(i) == twins[1].row(i)) {
        return [vec![0.0; judge.len()], vec![0.0; judge.len()]];
    }
    let [mut rows, anomalous] = twins.each_ref().map(|member| member.select(&learn));
    rows.values.extend(anomalous.values);
    rows.rows *= 2;
    let class: Vec<usize> = (0..rows.rows).map(|i| usize::from(i >= learn.len())).collect();
    let forest = Forest::grow(&rows, &class, 2, &stream.child("twins"));
    twins.each_ref().map(|member| {
        let shares = forest.shares(&member.select(judge));
        shares.iter().zip(judge).map(|(share, &i)| if has(twins, i) { share[1] } else { f64::NAN }).collect()
    })
}

/// How much a forest that learnt on the pairs `learn` takes the layers of the pairs `judge` for those of each defect.
fn layer_scores(
    rows: &Matrix,
    design: &Design,
    learn: &[usize],
    judge: &[usize],
    stream: &Stream,
) -> Vec<Vec<f64>> {
    let class: Vec<usize> = learn.iter().map(|&i| design.defect(i)).collect();
    let forest = Forest::grow(&rows.select(learn), &class, design.defects.len(), &stream.child("layers"));
    let shares = forest.shares(&rows.select(judge));
    (0..design.defects.len()).map(|defect| shares.iter().map(|s| s[defect]).collect()).collect()
}

/// Tests numbers of image and twin by swapping them.
fn swapped(
    design: &Design,
    values: &[(&'static str, [Vec<f64>; 2])],
    replicates: usize,
    stream: &Stream,
) -> Vec<Outcome> {
    // One defect alone is all defects.
    let defects = if design.defects.len() > 1 { design.defects.len() } else { 0 };
    let (mut what, mut contrasts) = (Vec::new(), Vec::new());
    for (probe, [healthy, anomalous]) in values {
        for defect in [None].into_iter().chain((0..defects).map(Some)) {
            if let Some(contrast) = Contrast::new([healthy, anomalous], design, defect) {
                what.push((*probe, defect, contrast.area()));
                contrasts.push(contrast);
            }
        }
    }
    outcomes(what, &swaps::statistics(&contrasts, replicates, stream))
}

/// Tests one number per layer and defect by exchanging the episodes' defects.
fn exchanged(
    design: &Design,
    values: &[(&'static str, Vec<Vec<f64>>)],
    replicates: usize,
    stream: &Stream,
) -> Vec<Outcome> {
    let (mut what, mut places) = (Vec::new(), Vec::new());
    for (probe, by_defect) in values {
        for (defect, values) in by_defect.iter().enumerate() {
            if let Some(place) = Place::new(values, design, defect) {
                what.push((*probe, Some(defect)));
                places.push(place);
            }
        }
    }
    let statistics = episodes::statistics(&places, design, replicates, stream);
    let what = what.into_iter().zip(&statistics).map(|((p, d), s)| (p, d, s.observed)).collect();
    outcomes(what, &statistics)
}

fn outcomes(what: Vec<(&'static str, Option<usize>, f64)>, statistics: &[Statistic]) -> Vec<Outcome> {
    let tested = null::test(statistics, ALPHA / TESTS);
    let outcome = |((probe, defect, area), tested)| Outcome { probe, defect, area, tested };
    what.into_iter().zip(tested).map(outcome).collect()
}

/// What came of a probe, over its defects and over the halves of the jobs.
fn comparison(outcomes: &[Outcome], probe: &str, design: &Design) -> Option<Comparison> {
    let of: Vec<&Outcome> = outcomes.iter().filter(|o| o.probe == probe).collect();
    let area = |defect: Option<usize>| {
        let areas: Vec<f64> = of.iter().filter(|o| o.defect == defect).map(|o| o.area).collect();
        (!areas.is_empty()).then(|| areas.iter().sum::<f64>() / areas.len() as f64)
    };
    let p_value = of.iter().map(|o| o.tested.p_value).reduce(f64::min)?;
    let by_defect = design.defects.iter().enumerate();
    // An area cannot be further from 0.5 than 0 or 1.
    let varying: Vec<Tested> = of.iter().map(|o| o.tested).filter(|t| !t.constant).collect();
    let least_found = varying.iter().map(|t| t.least_found).reduce(|a, b| Some(a?.max(b?))).flatten();
    Some(Comparison {
        auroc: area(None),
        auroc_by_defect: by_defect
            .filter_map(|(d, name)| {
                Some(AgainstDefect { defect: name.clone(), value: area(Some(d))?, interval: None })
            })
            .collect(),
        p_value: (TESTS * p_value).min(1.0),
        constant: varying.is_empty(),
        least_found: least_found.filter(|&least| least <= 0.5),
    })
}
