//! How sure a figure is: bootstrap intervals over all that varies.
//!
//! A figure of this program is a mean over trainings (other random numbers) and separations (another split of the test
//! jobs, other random numbers) of something counted on the images of print jobs. All three vary, and they are crossed: every
//! training meets every separation, and a job comes up in many of them. So each replicate draws trainings, separations and
//! jobs by themselves, each as many as there are, with replacement, and takes what lies where they meet: the pigeonhole
//! bootstrap (Owen 2007, doi:10.1214/07-AOAS122; Owen and Eckles 2012, doi:10.1214/12-AOAS547). It errs to the wide
//! side. Jobs are drawn whole, since images of one job share a bed, a pose and a camera.
//!
//! Of `n` levels of a factor a bootstrap sees `(n - 1) / n` of the variance, and of three trainings hardly the tails. The
//! percentiles are therefore stretched about the figure: by the square root of what is missing, and by Student's quantile
//! over the normal one, at Satterthwaite's degrees of freedom (1946, doi:10.2307/3002019). Each factor's part of the
//! variance comes from leaving out its levels one by one (the jackknife); levels that make no difference do not count.

use std::collections::BTreeSet;

use generators::stream::Stream;
use rayon::prelude::*;
use statrs::distribution::{ContinuousCDF, StudentsT};

use crate::quantile::linear_quantile;

/// The ends of the 95 % interval of the standard normal law.
pub const NORMAL_97_5: f64 = 1.959_963_984_540_054;

/// Probability of what lies outside an interval.
const OUTSIDE: f64 = 0.05;

/// The range of a share, an accuracy or an area.
pub const SHARE: [f64; 2] = [0.0, 1.0];
/// The range of a difference of two of them.
pub const DIFFERENCE: [f64; 2] = [-1.0, 1.0];

/// How many levels each factor has.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Design {
    /// Trainings.
    pub trainings: usize,
    /// Separations.
    pub separations: usize,
    /// Print jobs.
    pub jobs: usize,
}

impl Design {
    /// One training, one separation.
    pub fn jobs(jobs: usize) -> Self {
        Self { trainings: 1, separations: 1, jobs }
    }

    fn levels(&self) -> [usize; 3] {
        [self.trainings, self.separations, self.jobs]
    }
}

/// How often each level was drawn.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Drawn {
    /// Each training.
    pub trainings: Vec<usize>,
    /// Each separation.
    pub separations: Vec<usize>,
    /// Each job, by its place among all.
    pub jobs: Vec<usize>,
}

impl Drawn {
    /// Everything once.
    pub fn whole(design: Design) -> Self {
        Self::of(design.levels().map(|levels| vec![1; levels]))
    }

    fn of([trainings, separations, jobs]: [Vec<usize>; 3]) -> Self {
        Self { trainings, separations, jobs }
    }

    fn random(design: Design, stream: &mut Stream) -> Self {
        Self::of(design.levels().map(|levels| {
            let mut drawn = vec![0; levels];
            (0..levels).for_each(|_| drawn[stream.below(levels)] += 1);
            drawn
        }))
    }

    /// Everything but one level of one factor, each in turn.
    fn all_but_one(design: Design, factor: usize) -> impl Iterator<Item = Self> {
        (0..design.levels()[factor]).map(move |level| {
            let mut drawn = design.levels().map(|levels| vec![1; levels]);
            drawn[factor][level] = 0;
            Self::of(drawn)
        })
    }
}

/// The place of each image's job among all jobs, and how many there are.
pub fn places(job: &[u32]) -> (Vec<usize>, usize) {
    let jobs: Vec<u32> = job.iter().copied().collect::<BTreeSet<_>>().into_iter().collect();
    (job.iter().map(|job| jobs.partition_point(|other| other < job)).collect(), jobs.len())
}

/// A figure and its 95 % interval.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Interval {
    /// Lower end.
    pub low: f64,
    /// The figure on everything as it is.
    pub estimate: f64,
    /// Upper end.
    pub high: f64,
    /// Standard error of the figure.
    pub standard_error: f64,
    /// Degrees of freedom of the standard error; infinite where it is 0.
    pub freedom: f64,
}

impl Interval {
    /// Its ends; `None` where nothing varied. That no healthy image of ten jobs raised an alarm does not make it impossible, and an
    /// interval of no width would say so.
    pub fn ends(&self) -> Option<[f64; 2]> {
        (self.low < self.high).then_some([self.low, self.high])
    }

    /// Probability of a figure as far from 0, on either side, where the truth is 0 (Student).
    pub fn p_value(&self) -> f64 {
        if self.estimate == 0.0 {
            return 1.0;
        }
        let t = self.estimate.abs() / self.standard_error;
        if t.is_infinite() { 0.0 } else { law(self.freedom).map_or(1.0, |law| 2.0 * law.sf(t)) }
    }

    /// As [`Self::p_value`], but at least 5 % where 0 lies within the interval: a few levels of which each is left out by itself may
    /// seem to vary less than they do where they are drawn. `None` where nothing varied, which says nothing of other jobs.
    pub fn tested(&self) -> Option<f64> {
        let [low, high] = self.ends()?;
        let p = self.p_value();
        Some(if low <= 0.0 && high >= 0.0 { p.max(OUTSIDE) } else { p })
    }
}

/// The 95 % interval of `statistic`, which is told how often every training, separation and job was drawn, and whose figure
/// cannot lie outside `range`. Replicates without a figure, such as those without a healthy image, are left out.
///
/// `None` where there are fewer than two jobs, where one job carries the figure alone (no figure is left without it, so that
/// nothing tells how much jobs vary), no figure of everything, or a figure in fewer than half of the `draws` replicates.
pub fn bootstrap<F>(
    design: Design,
    draws: usize,
    stream: &Stream,
    [least, most]: [f64; 2],
    statistic: F,
) -> Option<Interval>
where
    F: Fn(&Drawn) -> Option<f64> + Sync,
{
    let statistic = |drawn: &Drawn| statistic(drawn).filter(|figure| !figure.is_nan());
    if design.jobs < 2 {
        return None;
    }
    let estimate = statistic(&Drawn::whole(design))?;
    let error = StandardError::of(design, estimate, &statistic)?;
    let mut figures: Vec<f64> = (0..draws)
        .into_par_iter()
        .filter_map(|replicate| statistic(&Drawn::random(design, &mut stream.item("replicate", replicate))))
        .collect();
    if figures.is_empty() || figures.len() * 2 < draws {
        return None;
    }
    figures.sort_unstable_by(f64::total_cmp);
    let end = |share: f64| estimate + error.stretch * (linear_quantile(&figures, share) - estimate);
    Some(Interval {
        low: end(0.025).min(estimate).max(least),
        estimate,
        high: end(0.975).max(estimate).min(most),
        standard_error: error.variance.sqrt(),
        freedom: error.freedom,
    })
}

/// The variance of a figure, from the jackknife over each factor.
struct StandardError {
    variance: f64,
    /// Satterthwaite's.
    freedom: f64,
    /// By how much a percentile of the replicates has to lie farther out.
    stretch: f64,
}

impl StandardError {
    /// `None` where a level carries the figure alone.
    fn of(design: Design, estimate: f64, statistic: &impl Fn(&Drawn) -> Option<f64>) -> Option<Self> {
        let (mut variance, mut squares, mut seen) = (0.0, 0.0, 0.0);
        for factor in (0..3).filter(|&factor| design.levels()[factor] > 1) {
            let figures = Drawn::all_but_one(design, factor).map(|drawn| statistic(&drawn));
            let mut figures = figures.collect::<Option<Vec<f64>>>()?;
            // A job that does not judge teaches nothing of how much jobs vary.
            figures.retain(|&figure| figure != estimate);
            let n = figures.len() as f64;
            if n < 2.0 {
                continue;
            }
            let mean = figures.iter().sum::<f64>() / n;
            let part = (n - 1.0) / n * figures.iter().map(|figure| (figure - mean).powi(2)).sum::<f64>();
            variance += part;
            squares += part * part / (n - 1.0);
            seen += part * (n - 1.0) / n;
        }
        if squares == 0.0 {
            return Some(Self { variance, freedom: f64::INFINITY, stretch: 1.0 });
        }
        let freedom = variance * variance / squares;
        let student = law(freedom).map_or(NORMAL_97_5, |law| law.inverse_cdf(0.975));
        Some(Self { variance, freedom, stretch: student / NORMAL_97_5 * (variance / seen).sqrt() })
    }
}

/// Student's law.
fn law(freedom: f64) -> Option<StudentsT> {
    StudentsT::new(0.0, 1.0, freedom.min(1e6)).ok()
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    const ANY: [f64; 2] = [f64::NEG_INFINITY, f64::INFINITY];

    /// The mean of one value per job.
    fn mean_of(values: &[f64]) -> impl Fn(&Drawn) -> Option<f64> + Sync {
        move |drawn| {
            let sum: f64 = drawn.jobs.iter().zip(values).map(|(&times, value)| times as f64 * value).sum();
            Some(sum / drawn.jobs.iter().sum::<usize>() as f64)
        }
    }

    /// Values of every training, separation and job; a separation judges two of five jobs, as a split by job does.
    struct Crossed {
        design: Design,
        values: Vec<f64>,
        judged: Vec<Vec<bool>>,
    }

    impl Crossed {
        fn mean(&self, drawn: &Drawn) -> Option<f64> {
            let (mut sum, mut weight) = (0.0, 0.0);
            for (t, &of_training) in drawn.trainings.iter().enumerate() {
                for (s, &of_separation) in drawn.separations.iter().enumerate() {
                    for (j, &of_job) in drawn.jobs.iter().enumerate().filter(|(j, _)| self.judged[s][*j]) {
                        let times = (of_training * of_separation * of_job) as f64;
                        sum += times * self.values[(t * self.design.separations + s) * self.design.jobs + j];
                        weight += times;
                    }
                }
            }
            (weight > 0.0).then(|| sum / weight)
        }

        /// Effects of the three factors and of what lies where they meet, each normal with its deviation, around 0.
        fn draw(design: Design, deviations: [f64; 4], stream: &mut Stream) -> Self {
            let [trainings, separations, jobs] = design.levels();
            let mut effects = |count: usize, deviation: f64| -> Vec<f64> {
                (0..count).map(|_| deviation * stream.normal()).collect()
            };
            let of_training = effects(trainings, deviations[0]);
            let of_separation = effects(separations, deviations[1]);
            let of_job = effects(jobs, deviations[2]);
            let mut values = effects(trainings * separations * jobs, deviations[3]);
            for (i, value) in values.iter_mut().enumerate() {
                *value += of_training[i / (separations * jobs)]
                    + of_separation[i / jobs % separations]
                    + of_job[i % jobs];
            }
            let split = |_| {
                let mut judged: Vec<bool> = (0..jobs).map(|j| 5 * j < 2 * jobs).collect();
                stream.shuffle(&mut judged);
                judged
            };
            Self { design, values, judged: (0..separations).map(split).collect() }
        }
    }

    /// The truth is 0: the share of 400 simulated studies whose interval holds it. 95 % has a standard error of 1.1 %.
    fn coverage(design: Design, deviations: [f64; 4]) -> f64 {
        let held = (0..400).filter(|&study| {
            let stream = Stream::root(11).item("study", study);
            let study = Crossed::draw(design, deviations, &mut stream.child("values"));
            let interval = bootstrap(design, 400, &stream, ANY, |drawn| study.mean(drawn)).unwrap();
            interval.low <= 0.0 && 0.0 <= interval.high
        });
        held.count() as f64 / 400.0
    }

    #[test]
    fn nineteen_of_twenty_intervals_hold_the_truth() {
        let of = |trainings, separations, jobs| Design { trainings, separations, jobs };
        for (design, deviations) in [
            (of(1, 1, 12), [0.0, 0.0, 1.0, 0.0]),
            (of(1, 10, 20), [0.0, 0.3, 1.0, 0.3]),
            (of(3, 10, 20), [0.3, 0.3, 1.0, 0.5]),
            (of(3, 10, 20), [1.0, 0.1, 0.3, 0.3]),
        ] {
            let share = coverage(design, deviations);
            assert!((0.92..=0.99).contains(&share), "{share} of {design:?} with {deviations:?}");
        }
    }

    /// ```text
    /// import numpy as np
    /// from scipy import stats
    /// t, s, j = np.ogrid[:3, :4, :5]
    /// x = np.sin(3 * t) + 0.5 * np.cos(2 * s) + 0.7 * np.sin(5 * j) + 0.2 * np.cos(t * s + j)
    /// part = lambda axis: np.var(x.mean(axis=tuple({0, 1, 2} - {axis})), ddof=1) / x.shape[axis]
    /// v, n = np.array([part(k) for k in range(3)]), np.array(x.shape)
    /// freedom = v.sum()**2 / (v**2 / (n - 1)).sum()
    /// rng = np.random.default_rng(1)
    /// draw = lambda k: rng.integers(n[k], size=n[k])
    /// b = [x[np.ix_(draw(0), draw(1), draw(2))].mean() for _ in range(200000)]
    /// stretch = stats.t.ppf(0.975, freedom) / stats.norm.ppf(0.975) * np.sqrt(v.sum() / (v * (n - 1) / n).sum())
    /// ends = x.mean() + stretch * (np.percentile(b, [2.5, 97.5]) - x.mean())
    /// print(x.mean(), v.sum()**0.5, freedom, 2 * stats.t.sf(abs(x.mean()) / v.sum()**0.5, freedom), ends)
    /// ```
    #[test]
    fn as_numpy_does() {
        let design = Design { trainings: 3, separations: 4, jobs: 5 };
        let value = |i: usize| {
            let (t, s, j) = ((i / 20) as f64, (i / 5 % 4) as f64, (i % 5) as f64);
            (3.0 * t).sin() + 0.5 * (2.0 * s).cos() + 0.7 * (5.0 * j).sin() + 0.2 * (t * s + j).cos()
        };
        let study = Crossed { design, values: (0..60).map(value).collect(), judged: vec![vec![true; 5]; 4] };
        let found = bootstrap(design, 20_000, &Stream::root(2), ANY, |drawn| study.mean(drawn)).unwrap();
        let close = |a: f64, b: f64, within: f64| assert!((a - b).abs() < within, "{a} is not {b}");
        close(found.estimate, 0.05826078429400507, 1e-12);
        close(found.standard_error, 0.3451499902274647, 1e-12);
        close(found.freedom, 8.411393101718094, 1e-9);
        close(found.p_value(), 0.8699440692902771, 1e-9);
        close(found.low, -0.73984252, 0.02);
        close(found.high, 0.83162025, 0.02);
    }

    #[test]
    fn jobs_stay_together_and_one_level_is_never_left_out() {
        let (place, jobs) = places(&[3, 3, 3, 8, 8, 5]);
        assert_eq!((&place[..], jobs), (&[0, 0, 0, 2, 2, 1][..], 3));
        let whole = bootstrap(Design::jobs(jobs), 50, &Stream::root(1), SHARE, |drawn| {
            assert!(drawn.jobs.iter().sum::<usize>() >= 2);
            assert_eq!((&drawn.trainings[..], &drawn.separations[..]), (&[1][..], &[1][..]));
            Some(1.0)
        });
        let whole = whole.unwrap();
        assert_eq!((whole.low, whole.estimate, whole.high, whole.standard_error), (1.0, 1.0, 1.0, 0.0));
        assert_eq!(whole.p_value(), 0.0);
    }

    #[test]
    fn what_lies_within_an_interval_is_not_excluded_by_its_test() {
        let of = |low, high| Interval { low, estimate: 0.1, high, standard_error: 0.02, freedom: 9.0 };
        assert!(of(0.05, 0.15).tested().unwrap() < 0.001);
        assert_eq!(of(-0.01, 0.2).tested(), Some(0.05));
        assert_eq!(of(0.1, 0.1).tested(), None);
        let unsure = Interval { standard_error: 0.1, ..of(-0.1, 0.3) };
        assert_eq!(unsure.tested(), Some(unsure.p_value()));
    }

    /// scipy: `2 * scipy.stats.t.sf(2.1, 9)`, `2 * scipy.stats.norm.sf(2.1)`.
    #[test]
    fn few_levels_prove_less() {
        let of = |freedom| Interval { low: 0.0, estimate: -2.1, high: 0.0, standard_error: 1.0, freedom };
        assert!((of(9.0).p_value() - 0.065_118_282_4).abs() < 1e-8, "{}", of(9.0).p_value());
        assert!((of(f64::INFINITY).p_value() - 0.035_728_841_1).abs() < 1e-5);
        assert_eq!(Interval { estimate: 0.0, standard_error: 0.0, ..of(9.0) }.p_value(), 1.0);
    }

    #[test]
    fn there_may_be_no_interval_and_none_beyond_the_range() {
        let stream = Stream::root(8);
        let of = |jobs, figure: f64| bootstrap(Design::jobs(jobs), 10, &stream, SHARE, |_| Some(figure));
        assert_eq!(of(1, 1.0), None);
        assert_eq!(of(2, f64::NAN), None);
        assert_eq!(bootstrap(Design::jobs(2), 10, &stream, SHARE, |_| None), None);
        assert_eq!(bootstrap(Design::jobs(2), 0, &stream, SHARE, |_| Some(1.0)), None);
        // Of three jobs one alone judges.
        let alone = |drawn: &Drawn| (drawn.jobs[1] > 0).then_some(0.7);
        assert_eq!(bootstrap(Design::jobs(3), 500, &stream, SHARE, alone), None);
        let near = [1.0, 1.0, 1.0, 0.9];
        let interval = bootstrap(Design::jobs(4), 500, &stream, SHARE, mean_of(&near)).unwrap();
        assert!(interval.low < 0.95 && interval.high == 1.0, "{interval:?}");
    }

    proptest! {
        #[test]
        fn it_holds_the_estimate_and_does_not_depend_on_threads(
            values in prop::collection::vec(-1.0..1.0f64, 6..30), seed in any::<u64>()
        ) {
            let design = Design::jobs(values.len());
            let run = || bootstrap(design, 200, &Stream::root(seed), ANY, mean_of(&values)).unwrap();
            let one = rayon::ThreadPoolBuilder::new().num_threads(1).build().unwrap();
            let interval = run();
            prop_assert_eq!(interval, one.install(run));
            prop_assert!(interval.low <= interval.estimate && interval.estimate <= interval.high);
        }
    }
}
