//! How small a defect is found how surely: hit/miss curves as in MIL-HDBK-1823A (2009), appendix G.

use std::collections::BTreeMap;

use statrs::distribution::{ContinuousCDF, Normal};

/// How the log odds of being found grow.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Scale {
    /// In proportion to the size.
    Linear,
    /// In proportion to the logarithm of the size, which is greater than 0.
    Log,
}

impl Scale {
    fn forth(self, size: f64) -> f64 {
        match self {
            Self::Linear => size,
            Self::Log => size.ln(),
        }
    }

    fn back(self, x: f64) -> f64 {
        match self {
            Self::Linear => x,
            Self::Log => x.exp(),
        }
    }
}

/// Why no curve can be fitted.
#[derive(Clone, Copy, Debug, PartialEq, thiserror::Error)]
pub enum CurveError {
    /// Two lists that go together differ in length, or are empty.
    #[error("{sizes} sizes for {outcomes} outcomes")]
    Lengths {
        /// Sizes given.
        sizes: usize,
        /// Outcomes given.
        outcomes: usize,
    },
    /// A size that the scale does not know.
    #[error("size {index} is {size}, and has to be finite and, on a logarithmic scale, greater than 0")]
    Size {
        /// Which.
        index: usize,
        /// The size.
        size: f64,
    },
    /// Nothing was missed.
    #[error("all were found, from {smallest:.3} on: smaller ones are needed to see where that ends")]
    AllFound {
        /// The smallest.
        smallest: f64,
    },
    /// Nothing was found.
    #[error("none was found, up to {largest:.3}: larger ones are needed to see where that ends")]
    NoneFound {
        /// The largest.
        largest: f64,
    },
    /// Hits and misses do not overlap, so that the steepest curve is the likeliest.
    #[error(
        "hits and misses do not overlap: the change lies between {between:.3} and {and:.3}, and no curve can be told"
    )]
    Separated {
        /// The size at one side of the gap.
        between: f64,
        /// The size at the other.
        and: f64,
    },
    /// What is found is smaller than what is not.
    #[error("only those up to {found_to:.3} were found, and none from {missed_from:.3} on")]
    Reversed {
        /// The largest that was found.
        found_to: f64,
        /// The smallest that was missed.
        missed_from: f64,
    },
    /// All outcomes come from one job: nothing tells how much jobs differ.
    #[error("all come from one print job, and nothing tells how much jobs differ")]
    OneJob,
    /// Sizes are all but equal, or numbers overflow.
    #[error("the curve cannot be fitted to these sizes")]
    NoFit,
}

/// Probability of detection against size: log odds = intercept + slope x, where x is the size on its scale; fitted by
/// maximum likelihood.
///
/// Whether something is found depends on the threshold of its score, that is on the false-alarm rate: state it beside
/// every figure. The bounds of [`fit`](Self::fit) take outcomes for independent; where several come from one job,
/// [`fit_over_jobs`](Self::fit_over_jobs) does not.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct DetectionCurve {
    scale: Scale,
    intercept: f64,
    slope: f64,
    /// As if outcomes were independent.
    covariance: [[f64; 2]; 2],
    /// As if jobs were, where that was asked for.
    over_jobs: Option<[[f64; 2]; 2]>,
}

impl DetectionCurve {
    /// Fits the curve to what was `found` among defects of these `sizes`, contrasts or durations.
    ///
    /// # Errors
    /// [`CurveError`]: among others where all or none was found, or hits and misses do not overlap.
    pub fn fit(sizes: &[f64], found: &[bool], scale: Scale) -> Result<Self, CurveError> {
        if sizes.len() != found.len() || sizes.is_empty() {
            return Err(CurveError::Lengths { sizes: sizes.len(), outcomes: found.len() });
        }
        if let Some(index) = sizes.iter().position(|&size| !scale.forth(size).is_finite()) {
            return Err(CurveError::Size { index, size: sizes[index] });
        }
        overlap(sizes, found)?;
        let outcomes: Vec<(f64, bool)> =
            sizes.iter().zip(found).map(|(&size, &found)| (scale.forth(size), found)).collect();
        // Newton's method from a flat line, on x of mean 0 and deviation 1.
        let count = outcomes.len() as f64;
        let mean = outcomes.iter().map(|(x, _)| x).sum::<f64>() / count;
        let deviation = (outcomes.iter().map(|(x, _)| (x - mean).powi(2)).sum::<f64>() / count).sqrt();
        if !(deviation.is_finite() && deviation > 1e-9 * mean.abs()) {
            return Err(CurveError::NoFit);
        }
        let scaled: Vec<(f64, bool)> =
            outcomes.iter().map(|&(x, hit)| ((x - mean) / deviation, hit)).collect();
        let hits = found.iter().filter(|&&hit| hit).count() as f64;
        let ([level, steepness], inverse) =
            likeliest([logit(hits / count), 0.0], &scaled).ok_or(CurveError::NoFit)?;
        // Back to x itself: the covariance through the same linear map.
        let slope = steepness / deviation;
        let intercept = level - slope * mean;
        let lever = mean / deviation;
        let [[a, b], [_, c]] = inverse;
        let covariance = [
            [a - 2.0 * lever * b + lever * lever * c, (b - lever * c) / deviation],
            [(b - lever * c) / deviation, c / (deviation * deviation)],
        ];
        Ok(Self { scale, intercept, slope, covariance, over_jobs: None })
    }

    /// The same curve, with the covariance of outcomes that are independent between jobs only as well: the sandwich of Liang and
    /// Zeger 1986 (doi:10.1093/biomet/73.1.13), times jobs / (jobs - 1). `job` is that of each outcome. Of the two bounds the
    /// greater counts: the sandwich sees too little where few jobs, hits or misses tell of it, the other takes images of one job
    /// for independent.
    ///
    /// Of 40 jobs with 5 images each, which differ by a deviation of 2 in their log odds, a90/95 is beyond the true size in
    /// 93 % of the cases, and in 86 % by the bound of [`fit`](Self::fit); of 8 jobs with 4 images each, which do not differ, in
    /// 99 %, and in 92 % by the sandwich alone.
    ///
    /// # Errors
    /// As [`fit`](Self::fit), and [`CurveError::OneJob`].
    pub fn fit_over_jobs(
        sizes: &[f64],
        found: &[bool],
        job: &[u32],
        scale: Scale,
    ) -> Result<Self, CurveError> {
        let curve = Self::fit(sizes, found, scale)?;
        if job.len() != sizes.len() {
            return Err(CurveError::Lengths { sizes: sizes.len(), outcomes: job.len() });
        }
        // What each job adds to the gradient of the log likelihood.
        let mut gradients: BTreeMap<u32, [f64; 2]> = BTreeMap::new();
        for ((&size, &hit), &job) in sizes.iter().zip(found).zip(job) {
            let rest = f64::from(hit) - curve.probability(size);
            let of_job = gradients.entry(job).or_default();
            *of_job = [of_job[0] + rest, of_job[1] + rest * scale.forth(size)];
        }
        let jobs = gradients.len() as f64;
        if jobs < 2.0 {
            return Err(CurveError::OneJob);
        }
        let mut covariance = [[0.0; 2]; 2];
        for [a, b] in gradients.into_values() {
            let moved = curve.covariance.map(|row| row[0] * a + row[1] * b);
            for (row, &left) in covariance.iter_mut().zip(&moved) {
                for (cell, &right) in row.iter_mut().zip(&moved) {
                    *cell += left * right * jobs / (jobs - 1.0);
                }
            }
        }
        Ok(Self { over_jobs: Some(covariance), ..curve })
    }

    /// Log odds at x = 0, which is size 0 or, on a logarithmic scale, 1.
    pub fn intercept(&self) -> f64 {
        self.intercept
    }

    /// Growth of the log odds with x.
    pub fn slope(&self) -> f64 {
        self.slope
    }

    /// Covariance of intercept and slope: the inverse of the information or, over jobs, the sandwich.
    pub fn covariance(&self) -> [[f64; 2]; 2] {
        self.over_jobs.unwrap_or(self.covariance)
    }

    /// Probability that a defect of this size is found, 0 to 1.
    pub fn probability(&self, size: f64) -> f64 {
        logistic(self.intercept + self.slope * self.scale.forth(size))
    }

    /// The size that is found with `probability`: a90 of 0.9. `None` where larger ones are not found more often.
    pub fn size_at(&self, probability: f64) -> Option<f64> {
        (self.slope > 0.0).then(|| self.scale.back((logit(probability) - self.intercept) / self.slope))
    }

    /// The size from which on defects are found with `probability` at least, with `confidence`: a90/95 of 0.9 and
    /// 0.95. The lower bound of the curve, one-sided and of the log odds (Wald's), reaches the probability there.
    ///
    /// Of 100 defects it is beyond the true size in 96 % of the cases, of 400 in 95 %; a bound by the likelihood ratio
    /// is so in 93 and 94 %. `None` where the data cannot exclude that size makes no difference.
    pub fn size_bound(&self, probability: f64, confidence: f64) -> Option<f64> {
        self.size_at(probability)?;
        let covariances = std::iter::once(self.covariance).chain(self.over_jobs);
        let bounds = covariances.map(|covariance| self.bound_by(covariance, probability, confidence));
        let bounds = bounds.collect::<Option<Vec<f64>>>()?;
        bounds.into_iter().reduce(f64::max)
    }

    fn bound_by(&self, [[a, b], [_, c]]: [[f64; 2]; 2], probability: f64, confidence: f64) -> Option<f64> {
        let z = Normal::standard().inverse_cdf(confidence);
        // Where (intercept + slope x - log odds)^2 = z^2 variance: the upper root.
        let less = self.intercept - logit(probability);
        let square = self.slope * self.slope - z * z * c;
        let half = self.slope * less - z * z * b;
        let rest = less * less - z * z * a;
        (square > 0.0)
            .then(|| self.scale.back((-half + (half * half - square * rest).max(0.0).sqrt()) / square))
    }
}

/// Refuses outcomes that no curve of finite slope fits best.
fn overlap(sizes: &[f64], found: &[bool]) -> Result<(), CurveError> {
    let range = |wanted: bool| {
        let of = sizes.iter().zip(found).filter(|(_, found)| **found == wanted);
        of.fold([f64::INFINITY, f64::NEG_INFINITY], |[low, high], (&size, _)| [low.min(size), high.max(size)])
    };
    let ([least_hit, largest_hit], [least_miss, largest_miss]) = (range(true), range(false));
    if least_miss > largest_miss {
        return Err(CurveError::AllFound { smallest: least_hit });
    }
    if least_hit > largest_hit {
        return Err(CurveError::NoneFound { largest: largest_miss });
    }
    if largest_miss <= least_hit {
        return Err(CurveError::Separated { between: largest_miss, and: least_hit });
    }
    if largest_hit <= least_miss {
        return Err(CurveError::Reversed { found_to: largest_hit, missed_from: least_miss });
    }
    Ok(())
}

/// The likeliest level and slope by iteratively reweighted least squares (McCullagh and Nelder 1989, section 2.5), and the
/// inverse of the information there.
fn likeliest(mut at: [f64; 2], outcomes: &[(f64, bool)]) -> Option<([f64; 2], [[f64; 2]; 2])> {
    let mut best = log_likelihood(at[0], at[1], outcomes);
    for _ in 0..100 {
        let (mut gradient, mut information) = ([0.0; 2], [0.0; 3]);
        for &(x, hit) in outcomes {
            let p = logistic(at[0] + at[1] * x);
            let (rest, weight) = (f64::from(hit) - p, p * (1.0 - p));
            gradient = [gradient[0] + rest, gradient[1] + rest * x];
            information =
                [information[0] + weight, information[1] + weight * x, information[2] + weight * x * x];
        }
        let [a, b, c] = information;
        let determinant = a * c - b * b;
        if determinant.is_nan() || determinant <= 0.0 {
            return None;
        }
        let inverse = [[c / determinant, -b / determinant], [-b / determinant, a / determinant]];
        let mut step = inverse.map(|row| row[0] * gradient[0] + row[1] * gradient[1]);
        let moved = |step: [f64; 2]| [at[0] + step[0], at[1] + step[1]];
        let of = |at: [f64; 2]| log_likelihood(at[0], at[1], outcomes);
        // Halved where it goes too far, as it may while most are hits or misses.
        while of(moved(step)) < best && step[0].abs() + step[1].abs() > 1e-13 {
            step = step.map(|s| s / 2.0);
        }
        let settled = step[0].abs() + step[1].abs() < 1e-10;
        at = moved(step);
        best = of(at);
        if settled {
            return Some((at, inverse));
        }
    }
    None
}

fn log_likelihood(intercept: f64, slope: f64, outcomes: &[(f64, bool)]) -> f64 {
    let of = |&(x, hit): &(f64, bool)| {
        let odds = intercept + slope * x;
        // ln of the logistic function, without overflow.
        let towards = if hit { odds } else { -odds };
        towards.min(0.0) - (-towards.abs()).exp().ln_1p()
    };
    outcomes.iter().map(of).sum()
}

fn logistic(odds: f64) -> f64 {
    1.0 / (1.0 + (-odds).exp())
}

fn logit(p: f64) -> f64 {
    (p / (1.0 - p)).ln()
}

#[cfg(test)]
mod tests {
    use super::*;
    use generators::stream::Stream;

    fn refused(sizes: &[f64], found: &[bool]) -> String {
        DetectionCurve::fit(sizes, found, Scale::Log).unwrap_err().to_string()
    }

    #[test]
    fn what_tells_no_curve_says_why() {
        let sizes = [1.0, 2.0, 3.0, 4.0];
        assert_eq!(
            refused(&sizes, &[true; 4]),
            "all were found, from 1.000 on: smaller ones are needed to see where that ends"
        );
        assert_eq!(
            refused(&sizes, &[false; 4]),
            "none was found, up to 4.000: larger ones are needed to see where that ends"
        );
        assert_eq!(
            refused(&sizes, &[false, false, true, true]),
            "hits and misses do not overlap: the change lies between 2.000 and 3.000, and no curve can be told"
        );
        assert_eq!(
            refused(&sizes, &[true, false, false, false]),
            "only those up to 1.000 were found, and none from 2.000 on"
        );
        assert!(refused(&[1.0, 0.0], &[true, false]).starts_with("size 1 is 0"));
        assert_eq!(refused(&[1.0], &[]), "1 sizes for 0 outcomes");
        // One size alone is all miss or all hit at its place: there is nothing between.
        assert!(refused(&[2.0, 2.0, 2.0], &[true, false, true]).contains("do not overlap"));
    }

    #[test]
    fn larger_ones_that_are_found_less_have_no_a90() {
        let sizes: Vec<f64> = (1..=20).map(f64::from).collect();
        let found: Vec<bool> = (1..=20).map(|i| i < 8 || i == 12).collect();
        let curve = DetectionCurve::fit(&sizes, &found, Scale::Linear).unwrap();
        assert!(curve.slope() < 0.0);
        assert_eq!((curve.size_at(0.9), curve.size_bound(0.9, 0.95)), (None, None));
    }

    #[test]
    fn the_bound_is_beyond_the_truth_19_times_of_20() {
        let (mut beyond, mut fitted) = (0, 0);
        let truth = 4.0 * (logit(0.9) / 3.0).exp();
        for case in 0..1000 {
            let mut stream = Stream::root(case);
            let sizes: Vec<f64> = (0..100).map(|_| stream.uniform(0.0, 3.0).exp()).collect();
            let odds = |size: f64| 3.0 * (size / 4.0).ln();
            let found: Vec<bool> = sizes.iter().map(|&size| stream.chance(logistic(odds(size)))).collect();
            if let Ok(curve) = DetectionCurve::fit(&sizes, &found, Scale::Log) {
                fitted += 1;
                beyond += usize::from(curve.size_bound(0.9, 0.95).is_none_or(|bound| bound >= truth));
            }
        }
        let share = beyond as f64 / f64::from(fitted);
        // Two standard errors of a share of 0.958 (see `size_bound`) among 1000 are 0.013.
        assert!(fitted > 990 && (share - 0.958).abs() < 0.013, "{share} of {fitted}");
    }

    #[test]
    fn the_sandwich_takes_the_same_image_twice_in_its_job_for_no_more_evidence() {
        let mut stream = Stream::root(4);
        let sizes: Vec<f64> = (0..80).map(|_| stream.uniform(1.0, 9.0)).collect();
        let found: Vec<bool> = sizes.iter().map(|&s| stream.chance(logistic(s - 5.0))).collect();
        let job: Vec<u32> = (0..80).map(|i| i / 4).collect();
        let fit = |times: usize| {
            let sizes = sizes.repeat(times);
            DetectionCurve::fit_over_jobs(&sizes, &found.repeat(times), &job.repeat(times), Scale::Log)
                .unwrap()
        };
        let (once, thrice) = (fit(1), fit(3));
        for (a, b) in once.covariance().as_flattened().iter().zip(thrice.covariance().as_flattened()) {
            assert!((a - b).abs() < 1e-9 * a.abs().max(1.0), "{a} {b}");
        }
        assert_eq!(
            DetectionCurve::fit_over_jobs(&sizes, &found, &[7; 80], Scale::Log),
            Err(CurveError::OneJob)
        );
    }

    /// Few jobs that do not differ: what they add to the gradient all but cancels.
    #[test]
    fn the_bound_over_jobs_holds_of_few_jobs() {
        let (mut beyond, mut sandwich, mut fitted) = (0, 0, 0);
        let truth = 4.0 * (logit(0.9) / 3.0).exp();
        for case in 0..1000 {
            let mut stream = Stream::root(case).child("few");
            let (mut sizes, mut found, mut job) = (Vec::new(), Vec::new(), Vec::new());
            for number in 0..8 {
                for _ in 0..4 {
                    let size = stream.uniform(0.0, 3.0).exp();
                    sizes.push(size);
                    found.push(stream.chance(logistic(3.0 * (size / 4.0).ln())));
                    job.push(number);
                }
            }
            if let Ok(curve) = DetectionCurve::fit_over_jobs(&sizes, &found, &job, Scale::Log) {
                let is_beyond = |bound: Option<f64>| usize::from(bound.is_none_or(|bound| bound >= truth));
                fitted += 1;
                beyond += is_beyond(curve.size_bound(0.9, 0.95));
                sandwich += is_beyond(curve.bound_by(curve.covariance(), 0.9, 0.95));
            }
        }
        let share = |count: usize| count as f64 / f64::from(fitted);
        let (beyond, sandwich) = (share(beyond), share(sandwich));
        assert!(beyond >= 0.95 && sandwich < 0.935, "{beyond} {sandwich} of {fitted}");
    }

    /// Images of a job share a difficulty of their own, as large as the whole range of odds between sizes.
    #[test]
    fn the_bound_over_jobs_holds_where_jobs_differ() {
        let (mut over_jobs, mut by_image, mut fitted) = (0, 0, 0);
        for case in 0..600 {
            let mut stream = Stream::root(case).child("jobs");
            let (mut sizes, mut found, mut job) = (Vec::new(), Vec::new(), Vec::new());
            for number in 0..40 {
                let (size, hard) = (stream.uniform(0.0, 3.0).exp(), 2.0 * stream.normal());
                for _ in 0..5 {
                    sizes.push(size);
                    found.push(stream.chance(logistic(3.0 * (size / 4.0).ln() + hard)));
                    job.push(number);
                }
            }
            let bounds = |curve: DetectionCurve| curve.size_bound(0.9, 0.95).unwrap_or(f64::INFINITY);
            // The marginal curve: the share of jobs in which a size is found, found by integration.
            let truth = marginal_a90();
            if let (Ok(a), Ok(b)) = (
                DetectionCurve::fit_over_jobs(&sizes, &found, &job, Scale::Log),
                DetectionCurve::fit(&sizes, &found, Scale::Log),
            ) {
                fitted += 1;
                over_jobs += usize::from(bounds(a) >= truth);
                by_image += usize::from(bounds(b) >= truth);
            }
        }
        let share = |count: usize| count as f64 / f64::from(fitted);
        // Two standard errors of a share of 0.93 among 600 are 0.021.
        let (over_jobs, by_image) = (share(over_jobs), share(by_image));
        assert!((over_jobs - 0.93).abs() < 0.021 && by_image < 0.88, "{over_jobs} {by_image} of {fitted}");
    }

    /// The size that is found with 0.9 on average over difficulties of deviation 2.
    fn marginal_a90() -> f64 {
        let mean = |odds: f64| {
            let steps = (-400..=400).map(|k| f64::from(k) / 50.0);
            let density = |t: f64| (-t * t / 2.0).exp();
            let total: f64 = steps.clone().map(density).sum();
            steps.map(|t| density(t) * logistic(odds + 2.0 * t)).sum::<f64>() / total
        };
        let (mut low, mut high) = (0.0, 20.0);
        for _ in 0..60 {
            let middle = f64::midpoint(low, high);
            if mean(middle) < 0.9 { low = middle } else { high = middle }
        }
        4.0 * (low / 3.0).exp()
    }

    #[test]
    fn a_unit_changes_nothing_but_the_unit() {
        let mut stream = Stream::root(9);
        let sizes: Vec<f64> = (0..60).map(|_| stream.uniform(1.0, 9.0)).collect();
        let found: Vec<bool> = sizes.iter().map(|&s| stream.chance(logistic(s - 5.0))).collect();
        for scale in [Scale::Linear, Scale::Log] {
            let of = |unit: f64| {
                let sizes: Vec<f64> = sizes.iter().map(|s| s * unit).collect();
                let curve = DetectionCurve::fit(&sizes, &found, scale).unwrap();
                [curve.size_at(0.9).unwrap() / unit, curve.size_bound(0.9, 0.95).unwrap() / unit]
            };
            let (mm, um) = (of(1.0), of(1000.0));
            assert!((mm[0] - um[0]).abs() < 1e-6 && (mm[1] - um[1]).abs() < 1e-6, "{mm:?} {um:?}");
            assert!(mm[1] > mm[0]);
        }
    }
}
