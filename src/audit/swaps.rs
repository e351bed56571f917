//! The test on twins: would it matter if image and twin changed places?
//!
//! Where nothing but the defect tells an image from its twin, either could have been the anomalous one. The statistic is
//! the area under the ROC curve between anomalous images and healthy images *of other jobs*, less 0.5; a replicate swaps image and
//! twin in a random half of the jobs, all pairs of a job together, since they share a bed and a camera.
//!
//! An image's placement is the share of the images of other jobs, of both classes, that lie below it, ties counting half. With
//! placements v the area is 0.5 + mean(v of the anomalous) - mean(v of the healthy), and swapping a job
//! turns the sign of its part of the sum.

use generators::stream::Stream;
use rayon::prelude::*;

use super::design::Design;
use super::null::Statistic;
use crate::metrics::ranking::midranks;

/// Which pairs count, and what their jobs add to the area.
pub struct Contrast {
    by_job: Vec<f64>,
}

impl Contrast {
    /// Compares `values`, healthy before anomalous, over the pairs of one defect, or of all; `None` where these
    /// come from fewer than two jobs. Pairs without a finite value are left out.
    pub fn new(values: [&[f64]; 2], design: &Design, defect: Option<usize>) -> Option<Self> {
        let counts = |&i: &usize| {
            defect.is_none_or(|d| design.defect(i) == d) && values.iter().all(|v| v[i].is_finite())
        };
        let pairs: Vec<usize> = (0..design.len()).filter(counts).collect();
        let mut of_job: Vec<Vec<usize>> = vec![Vec::new(); design.jobs()];
        pairs.iter().for_each(|&i| of_job[design.job[i]].push(i));
        if of_job.iter().filter(|pairs| !pairs.is_empty()).count() < 2 {
            return None;
        }
        let both = |pairs: &[usize]| -> Vec<f64> {
            pairs.iter().flat_map(|&i| [values[0][i], values[1][i]]).collect()
        };
        let overall = midranks(&both(&pairs));
        let mut placed = vec![[0.0; 2]; design.len()];
        pairs.iter().zip(overall.chunks(2)).for_each(|(&i, ranks)| placed[i] = [ranks[0], ranks[1]]);
        let by_job = of_job.iter().map(|of_job| {
            let within = midranks(&both(of_job));
            let others = 2.0 * (pairs.len() - of_job.len()) as f64;
            let lead = |(&i, within): (&usize, &[f64])| placed[i][1] - placed[i][0] - (within[1] - within[0]);
            of_job.iter().zip(within.chunks(2)).map(lead).sum::<f64>() / others / pairs.len() as f64
        });
        Some(Self { by_job: by_job.collect() })
    }

    /// The area under the ROC curve between anomalous images and healthy ones of other jobs.
    pub fn area(&self) -> f64 {
        0.5 + self.by_job.iter().sum::<f64>()
    }
}

/// Each contrast's area less 0.5, with its replicates; the same jobs are swapped for all.
pub fn statistics(contrasts: &[Contrast], replicates: usize, stream: &Stream) -> Vec<Statistic> {
    let jobs = contrasts.iter().map(|c| c.by_job.len()).max().unwrap_or(0);
    let swapped: Vec<Vec<f64>> = (0..replicates)
        .into_par_iter()
        .map(|b| {
            let mut stream = stream.item("swap", b);
            let signs: Vec<f64> = (0..jobs).map(|_| stream.sign()).collect();
            let sum = |c: &Contrast| c.by_job.iter().zip(&signs).map(|(part, sign)| part * sign).sum();
            contrasts.iter().map(sum).collect()
        })
        .collect();
    let of = |(k, contrast): (usize, &Contrast)| Statistic {
        observed: contrast.by_job.iter().sum(),
        replicates: swapped.iter().map(|sums| sums[k]).collect(),
    };
    contrasts.iter().enumerate().map(of).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::audit::design::Episode;
    use crate::metrics::ranking::auroc;

    /// `pairs` pairs in each of `jobs` jobs, all of one defect.
    fn design(jobs: usize, pairs: usize) -> Design {
        let job: Vec<usize> = (0..jobs * pairs).map(|i| i / pairs).collect();
        let episodes = (0..jobs).map(|job| Episode { job, defect: 0 }).collect();
        Design { defects: vec!["a".into()], episode: job.clone(), job, episodes }
    }

    #[test]
    fn the_area_is_that_over_pairs_from_different_jobs() {
        let (mut stream, design) = (Stream::root(1), design(7, 3));
        let mut draw = || -> Vec<f64> { (0..21).map(|_| stream.below(12) as f64).collect() };
        let (healthy, anomalous) = (draw(), draw());
        let (mut won, mut compared) = (0.0, 0.0);
        for (i, j) in (0..21).flat_map(|i| (0..21).map(move |j| (i, j))) {
            if design.job[i] != design.job[j] {
                compared += 1.0;
                won += f64::from(anomalous[i] > healthy[j]) + 0.5 * f64::from(anomalous[i] == healthy[j]);
            }
        }
        let area = Contrast::new([&healthy, &anomalous], &design, None).unwrap().area();
        assert!((area - won / compared).abs() < 1e-12, "{area} {}", won / compared);
    }

    #[test]
    fn one_pair_a_job_nears_the_plain_area() {
        let (mut stream, design) = (Stream::root(2), design(500, 1));
        let healthy: Vec<f64> = (0..500).map(|_| stream.normal()).collect();
        let anomalous: Vec<f64> = healthy.iter().map(|v| v + 0.5).collect();
        let truth = [vec![false; 500], vec![true; 500]].concat();
        let plain = auroc(&truth, &[healthy.clone(), anomalous.clone()].concat()).unwrap().unwrap();
        let area = Contrast::new([&healthy, &anomalous], &design, None).unwrap().area();
        assert!((area - plain).abs() < 0.002, "{area} {plain}");
    }

    #[test]
    fn equal_twins_are_chance_in_every_replicate() {
        let (mut stream, design) = (Stream::root(3), design(9, 4));
        let values: Vec<f64> = (0..36).map(|_| stream.normal()).collect();
        let contrast = Contrast::new([&values, &values], &design, None).unwrap();
        let statistic = &statistics(&[contrast], 50, &Stream::root(4))[0];
        assert!(statistic.observed == 0.0 && statistic.replicates.iter().all(|&r| r == 0.0));
        assert!(Contrast::new([&values, &values], &design, Some(3)).is_none());
    }
}
