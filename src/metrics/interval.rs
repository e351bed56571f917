//! How sure a figure is: bootstrap intervals.

use std::collections::BTreeMap;

use generators::stream::Stream;
use rayon::prelude::*;

/// A figure and its 95 % interval.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Interval {
    /// 2.5th percentile of the replicates.
    pub low: f64,
    /// The figure on the images as they are.
    pub estimate: f64,
    /// 97.5th percentile of the replicates.
    pub high: f64,
}

/// The percentile interval of the cluster bootstrap (Efron 1979; Field and Welsh 2007): each
/// replicate draws as many jobs as there are, with replacement, and takes all images of each.
///
/// Images of one job share a bed, a pose and a camera; drawing them one by one would
/// pretend to more independent evidence than there is. `jobs` holds the job of every image, and
/// `statistic` is given the indices of the images of a replicate (an image comes up as often as its job was
/// drawn). Replicates without a figure, such as those without a healthy image, are left out.
///
/// `None` where there are fewer than two jobs, no figure on the images as they are, or a figure in
/// fewer than half of the replicates.
pub fn bootstrap<F>(jobs: &[u32], draws: usize, stream: &Stream, statistic: F) -> Option<Interval>
where
    F: Fn(&[usize]) -> Option<f64> + Sync,
{
    let (estimate, figures) = replicates(jobs, draws, stream, statistic)?;
    Some(Interval::of_replicates(estimate, &figures))
}

/// The mean of one value per seed, and its interval over seeds; `None` of fewer than two.
///
/// Of three seeds it can only say how far apart they are: an interval of so few is too narrow.
pub fn mean_over_seeds(values: &[f64], draws: usize, stream: &Stream) -> Option<Interval> {
    let seeds: Vec<u32> = (0..values.len() as u32).collect();
    bootstrap(&seeds, draws, stream, |drawn| {
        Some(drawn.iter().map(|&seed| values[seed]).sum::<f64>() / drawn.len() as f64)
    })
}

impl Interval {
    /// The 95 % between the percentiles of sorted `figures`, of which there are some.
    pub(super) fn of_replicates(estimate: f64, figures: &[f64]) -> Self {
        Self { low: quantile(figures, 0.025), estimate, high: quantile(figures, 0.975) }
    }
}

/// The figure on the images as they are, and those of the replicates, sorted; see [`bootstrap`].
pub(super) fn replicates<F>(
    jobs: &[u32],
    draws: usize,
    stream: &Stream,
    statistic: F,
) -> Option<(f64, Vec<f64>)>
where
    F: Fn(&[usize]) -> Option<f64> + Sync,
{
    let mut images_of: BTreeMap<u32, Vec<usize>> = BTreeMap::new();
    for (image, &job) in jobs.iter().enumerate() {
        images_of.entry(job).or_default().push(image);
    }
    let clusters: Vec<Vec<usize>> = images_of.into_values().collect();
    if clusters.len() < 2 {
        return None;
    }
    let all: Vec<usize> = (0..jobs.len()).collect();
    let estimate = statistic(&all).filter(|figure| !figure.is_nan())?;
    let mut figures: Vec<f64> = (0..draws)
        .into_par_iter()
        .filter_map(|replicate| {
            let mut stream = stream.item("replicate", replicate);
            let drawn: Vec<usize> =
                clusters.iter().flat_map(|_| &clusters[stream.below(clusters.len())]).copied().collect();
            statistic(&drawn).filter(|figure| !figure.is_nan())
        })
        .collect();
    if figures.is_empty() || figures.len() * 2 < draws {
        return None;
    }
    figures.sort_unstable_by(f64::total_cmp);
    Some((estimate, figures))
}

/// The quantile of sorted values, linear between neighbours (numpy's default). `sorted` is not empty.
pub(crate) fn quantile(sorted: &[f64], share: f64) -> f64 {
    let place = share * (sorted.len() - 1) as f64;
    let below = place.floor() as usize;
    let above = (below + 1).min(sorted.len() - 1);
    if sorted[below] == sorted[above] {
        return sorted[below];
    }
    sorted[below] + (sorted[above] - sorted[below]) * place.fract()
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn mean_of<'a>(values: &'a [f64]) -> impl Fn(&[usize]) -> Option<f64> + Sync + 'a {
        |drawn| Some(drawn.iter().map(|&i| values[i]).sum::<f64>() / drawn.len() as f64)
    }

    #[test]
    fn jobs_stay_together() {
        let jobs = [3, 3, 3, 8, 8, 5];
        let whole = bootstrap(&jobs, 50, &Stream::root(1), |drawn| {
            let count = |image| drawn.iter().filter(|&&i| i == image).count();
            assert!(count(0) == count(1) && count(1) == count(2) && count(3) == count(4));
            assert_eq!(count(0) + count(3) + count(5), 3);
            Some(1.0)
        });
        assert_eq!(whole, Some(Interval { low: 1.0, estimate: 1.0, high: 1.0 }));
    }

    #[test]
    fn the_interval_of_a_mean_is_that_of_the_normal_law() {
        let mut stream = Stream::root(4);
        let values: Vec<f64> = (0..400).map(|_| stream.normal()).collect();
        let jobs: Vec<u32> = (0..400).collect();
        let interval = bootstrap(&jobs, 2000, &Stream::root(5), mean_of(&values)).unwrap();
        // 1.96 standard errors either side; the percentiles themselves are noisy by a few per cent.
        let half = 1.96 / 20.0;
        assert!((interval.estimate - interval.low - half).abs() < 0.15 * half, "{interval:?}");
        assert!((interval.high - interval.estimate - half).abs() < 0.15 * half, "{interval:?}");
    }

    #[test]
    fn images_of_one_job_are_not_independent() {
        let mut stream = Stream::root(6);
        let per_job: Vec<f64> = (0..40).map(|_| stream.normal()).collect();
        let jobs: Vec<u32> = (0..400).map(|i| i / 10).collect();
        let values: Vec<f64> = jobs.iter().map(|&j| per_job[j as usize]).collect();
        let alone: Vec<u32> = (0..400).collect();
        let wide = bootstrap(&jobs, 1000, &Stream::root(7), mean_of(&values)).unwrap();
        let narrow = bootstrap(&alone, 1000, &Stream::root(7), mean_of(&values)).unwrap();
        // Ten equal images per job: the honest interval is sqrt(10) times as wide.
        let ratio = (wide.high - wide.low) / (narrow.high - narrow.low);
        assert!((ratio - 10f64.sqrt()).abs() < 0.4, "{ratio}");
    }

    #[test]
    fn seeds_are_drawn_one_by_one() {
        let interval = mean_over_seeds(&[0.9, 0.9, 0.96], 4000, &Stream::root(9)).unwrap();
        assert!((interval.estimate - 0.92).abs() < 1e-12);
        // All three draws alike come up once in 27 each: beyond the percentiles.
        assert!((interval.low - 0.9).abs() < 1e-12 && (interval.high - 0.96).abs() < 1e-12, "{interval:?}");
        assert_eq!(mean_over_seeds(&[0.9], 100, &Stream::root(9)), None);
    }

    #[test]
    fn there_may_be_no_interval() {
        let stream = Stream::root(8);
        assert_eq!(bootstrap(&[1, 1], 10, &stream, |_| Some(1.0)), None);
        assert_eq!(bootstrap(&[1, 2], 10, &stream, |_| None), None);
        assert_eq!(bootstrap(&[1, 2], 10, &stream, |_| Some(f64::NAN)), None);
        assert_eq!(bootstrap(&[1, 2], 0, &stream, |_| Some(1.0)), None);
    }

    proptest! {
        #[test]
        fn it_holds_the_estimate_and_does_not_depend_on_threads(
            values in prop::collection::vec(-1.0..1.0f64, 6..30), seed in any::<u64>()
        ) {
            let jobs: Vec<u32> = (0..values.len() as u32).map(|i| i / 2).collect();
            let run = || bootstrap(&jobs, 200, &Stream::root(seed), mean_of(&values)).unwrap();
            let one = rayon::ThreadPoolBuilder::new().num_threads(1).build().unwrap();
            let interval = run();
            prop_assert_eq!(interval, one.install(run));
            prop_assert!(interval.low <= interval.estimate && interval.estimate <= interval.high);
        }
    }
}
