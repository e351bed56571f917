//! What chance allows: one test of many statistics by their greatest (Westfall and Young 1993).
//!
//! Each statistic is computed on the data as they are and on replicates in which labels were drawn anew as
//! chance draws them. All are brought to one scale, mean and deviation over the replicates and the data themselves, and a
//! statistic's p-value is the share of replicates in which *any* statistic lies as far out as it does: with
//! probability 1 - alpha none of a clean dataset falls below alpha, however they depend on each other.

/// Normal quantile of 80 %: an effect that exceeds the critical value by so many deviations is found four times of five.
const POWER_Z: f64 = 0.8416;
/// Statistics are areas between 0 and 1: deviations below this are rounding.
const ROUNDING: f64 = 1e-12;

/// A statistic on the data and on the replicates; every statistic of a test has the same replicates.
pub struct Statistic {
    /// On the data as they are.
    pub observed: f64,
    /// On each replicate.
    pub replicates: Vec<f64>,
}

/// What came of one statistic.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Tested {
    /// Probability that chance takes any statistic of the test as far out.
    pub p_value: f64,
    /// The statistic is the same on all replicates.
    pub constant: bool,
    /// The least distance from its mean at which the statistic would have been called more than chance
    /// four times of five; `None` where no distance would.
    pub least_found: Option<f64>,
}

/// Tests all statistics together; `alpha` decides only what would have been found.
pub fn test(statistics: &[Statistic], alpha: f64) -> Vec<Tested> {
    let count = statistics.first().map_or(0, |s| s.replicates.len());
    let scaled: Vec<Scaled<'_>> = statistics.iter().map(Scaled::new).collect();
    let mut greatest: Vec<f64> = (0..count)
        .map(|b| scaled.iter().map(|s| s.distance(s.of.replicates[b])).fold(0.0, f64::max))
        .collect();
    greatest.sort_unstable_by(f64::total_cmp);
    let p_value = |distance: f64| {
        let below = greatest.partition_point(|&g| g < distance - 1e-9);
        (count - below + 1) as f64 / (count + 1) as f64
    };
    // The least distance that chance exceeds seldom enough.
    let critical = greatest.iter().copied().find(|&g| p_value(g) <= alpha);
    let tested = |s: &Scaled<'_>| Tested {
        p_value: p_value(s.distance(s.of.observed)),
        constant: s.deviation == 0.0,
        least_found: critical.filter(|_| s.deviation > 0.0).map(|z| (z + POWER_Z) * s.deviation),
    };
    scaled.iter().map(tested).collect()
}

struct Scaled<'a> {
    of: &'a Statistic,
    mean: f64,
    deviation: f64,
}

impl<'a> Scaled<'a> {
    fn new(of: &'a Statistic) -> Self {
        let all = || of.replicates.iter().chain([&of.observed]);
        let count = (of.replicates.len() + 1) as f64;
        let mean = all().sum::<f64>() / count;
        let deviation = (all().map(|v| (v - mean).powi(2)).sum::<f64>() / count).sqrt();
        Self { of, mean, deviation: if deviation > ROUNDING { deviation } else { 0.0 } }
    }

    /// How many deviations from the mean; 0 where the labels make no difference.
    fn distance(&self, value: f64) -> f64 {
        if self.deviation > 0.0 { (value - self.mean).abs() / self.deviation } else { 0.0 }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use generators::stream::Stream;

    fn normal(stream: &mut Stream, count: usize) -> Statistic {
        Statistic { observed: stream.normal(), replicates: (0..count).map(|_| stream.normal()).collect() }
    }

    #[test]
    fn one_statistic_has_the_p_value_of_its_rank() {
        let replicates: Vec<f64> = (0..99).map(|i| f64::from(i) - 49.0).collect();
        let test = |observed| test(&[Statistic { observed, replicates: replicates.clone() }], 0.05)[0];
        // 100 values, the observed one among them: no other as far out; all but 0; five at either end.
        assert_eq!(test(80.0).p_value, 0.01);
        assert_eq!(test(0.8).p_value, 0.99);
        assert_eq!(test(45.0).p_value, 0.11);
    }

    #[test]
    fn what_labels_do_not_change_is_chance() {
        let constant = || Statistic { observed: 0.5, replicates: vec![0.5 + 1e-16; 99] };
        assert_eq!(
            test(&[constant(), constant()], 0.05),
            [Tested { p_value: 1.0, constant: true, least_found: None }; 2]
        );
        assert_eq!(test(&[], 0.05), []);
    }

    #[test]
    fn too_few_arrangements_find_nothing() {
        // Eight equally likely values: the outermost comes up in a quarter of all replicates.
        let replicates: Vec<f64> = (0..800).map(|i| f64::from(i % 8) - 3.5).collect();
        let tested = test(&[Statistic { observed: 3.5, replicates }], 0.05)[0];
        assert!((tested.p_value - 0.25).abs() < 0.01);
        assert_eq!(tested.least_found, None);
    }

    #[test]
    fn any_of_many_falls_below_alpha_as_often_as_alpha_says() {
        let mut stream = Stream::root(2);
        let runs = 2000;
        let alarms = (0..runs).filter(|_| {
            let statistics: Vec<Statistic> = (0..5).map(|_| normal(&mut stream, 99)).collect();
            test(&statistics, 0.1).iter().any(|t| t.p_value <= 0.1)
        });
        let rate = alarms.count() as f64 / f64::from(runs);
        // Three standard errors.
        assert!((rate - 0.1).abs() < 3.0 * (0.09 / f64::from(runs)).sqrt(), "{rate}");
    }

    #[test]
    fn what_would_have_been_found_is_found_four_times_of_five() {
        let mut stream = Stream::root(3);
        let least = test(&[normal(&mut stream, 9999)], 0.05)[0].least_found.unwrap();
        // Normal: 1.96 for 5 % two-sided, and 0.84 for a power of 80 %.
        assert!((least - 2.80).abs() < 0.06, "{least}");
    }
}
