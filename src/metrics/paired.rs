//! Whether one score is better than another on the same images.
//!
//! A difference of two figures that vary with trainings and separations too is tested by its
//! [interval](super::interval).

use std::collections::BTreeMap;

use statrs::distribution::{ContinuousCDF, Normal};

use super::ranking::{auroc, midranks};
use super::{MetricError, check_lengths};

/// The test of two areas under the ROC curve on the same images.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct AurocDifference {
    /// The two areas.
    pub areas: [f64; 2],
    /// Standard error of the first less the second.
    pub standard_error: f64,
    /// The difference over its standard error: standard normal where the areas are alike.
    pub z: f64,
    /// Two-sided.
    pub p_value: f64,
}

/// Compares the areas of two scores of the same images, whose images of one job are not independent (Obuchowski 1997,
/// doi:10.2307/2533958). With every image in a job of its own it is the test of DeLong et al. 1988, doi:10.2307/2531595.
///
/// `None` where a class is missing or lies in one job only, or where the scores rank alike.
///
/// # Errors
/// Where the lengths differ, nothing is given, or a score is not a number.
pub fn auroc_difference(
    truth: &[bool],
    first: &[f64],
    second: &[f64],
    jobs: &[u32],
) -> Result<Option<AurocDifference>, MetricError> {
    check_lengths(("labels", truth.len()), ("jobs", jobs.len()))?;
    let (Some(one), Some(other)) = (auroc(truth, first)?, auroc(truth, second)?) else { return Ok(None) };
    let [one_won, other_won] = [first, second].map(|scores| share_won(truth, scores));

    // Per job, what its anomalous and its healthy images add to the difference beyond their part.
    let mut excess: BTreeMap<u32, [Option<f64>; 2]> = BTreeMap::new();
    for (i, &job) in jobs.iter().enumerate() {
        let sum = &mut excess.entry(job).or_default()[usize::from(!truth[i])];
        *sum = Some(sum.unwrap_or(0.0) + (one_won[i] - other_won[i]) - (one - other));
    }
    let anomalous = truth.iter().filter(|&&anomalous| anomalous).count() as f64;
    let healthy = truth.len() as f64 - anomalous;
    let unbiased = |products: Vec<f64>| {
        let jobs = products.len() as f64;
        (jobs >= 2.0).then(|| jobs / (jobs - 1.0) * products.iter().sum::<f64>())
    };
    let of_class = |class: usize| unbiased(excess.values().filter_map(|e| e[class].map(|x| x * x)).collect());
    let across = unbiased(excess.values().map(|e| e[0].unwrap_or(0.0) * e[1].unwrap_or(0.0)).collect());
    let (Some(positive), Some(negative), Some(across)) = (of_class(0), of_class(1), across) else {
        return Ok(None);
    };
    let variance =
        positive / anomalous.powi(2) + negative / healthy.powi(2) + 2.0 * across / (anomalous * healthy);
    if variance <= 0.0 {
        return Ok(None);
    }
    let standard_error = variance.sqrt();
    let z = (one - other) / standard_error;
    let p_value = 2.0 * standard_normal(-z.abs());
    Ok(Some(AurocDifference { areas: [one, other], standard_error, z, p_value }))
}

/// Per image, the share of the other class that it is on the right side of; a tie counts half.
fn share_won(truth: &[bool], scores: &[f64]) -> Vec<f64> {
    let all = midranks(scores);
    let mut won = vec![0.0; scores.len()];
    for class in [true, false] {
        let members: Vec<usize> = (0..scores.len()).filter(|&i| truth[i] == class).collect();
        let own = midranks(&members.iter().map(|&i| scores[i]).collect::<Vec<f64>>());
        let others = (scores.len() - members.len()) as f64;
        for (&i, own) in members.iter().zip(own) {
            let below = (all[i] - own) / others;
            won[i] = if class { below } else { 1.0 - below };
        }
    }
    won
}

/// The distribution function of the standard normal law.
fn standard_normal(z: f64) -> f64 {
    Normal::standard().cdf(z)
}

#[cfg(test)]
mod tests {
    use generators::stream::Stream;

    use super::*;

    #[test]
    fn there_may_be_no_test() {
        let scores = [1.0, 2.0, 3.0, 4.0];
        let other = [1.0, 3.0, 2.0, 4.0];
        let truth = [false, true, false, true];
        let compare = |truth: &[bool], jobs: &[u32]| auroc_difference(truth, &scores, &other, jobs).unwrap();
        assert_eq!(compare(&[true; 4], &[1, 2, 3, 4]), None);
        assert_eq!(compare(&truth, &[1, 1, 1, 1]), None);
        assert_eq!(auroc_difference(&truth, &scores, &scores, &[1, 2, 3, 4]), Ok(None));
        assert!(compare(&truth, &[1, 2, 3, 4]).is_some());
    }

    /// Ten equal images per job bring no more evidence than one.
    #[test]
    fn copies_within_a_job_do_not_make_it_surer() {
        let mut stream = Stream::root(3);
        let truth: Vec<bool> = (0..60).map(|i| i % 2 == 0).collect();
        let scores = |quality: f64, stream: &mut Stream| -> Vec<f64> {
            truth.iter().map(|&t| if t { quality } else { 0.0 } + stream.normal()).collect()
        };
        let (first, second) = (scores(1.5, &mut stream), scores(0.8, &mut stream));
        let jobs: Vec<u32> = (0..60).collect();
        let once = auroc_difference(&truth, &first, &second, &jobs).unwrap().unwrap();
        let tenfold = |values: &[f64]| values.iter().flat_map(|&v| [v; 10]).collect::<Vec<f64>>();
        let truth: Vec<bool> = truth.iter().flat_map(|&t| [t; 10]).collect();
        let jobs: Vec<u32> = jobs.iter().flat_map(|&j| [j; 10]).collect();
        let copied = auroc_difference(&truth, &tenfold(&first), &tenfold(&second), &jobs).unwrap().unwrap();
        assert!((once.standard_error - copied.standard_error).abs() < 1e-12);
    }
}
