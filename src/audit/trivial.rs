//! What a rule that looks at nothing of interest reaches: the floors that every detector has to beat.
//!
//! These may tell: a defect changes the mean of its image. How far each gets is reported and gates nothing.

use generators::stream::Stream;

use super::design::Design;
use super::images::Measured;
use super::outside::histogram;
use crate::metrics::MetricError;
use crate::metrics::interval::{self, SHARE, bootstrap};
use crate::metrics::ranking::{Ranking, auroc};
use crate::report::record::{AgainstDefect, Estimate, Floor};

/// Equal steps from black to white in the histogram.
const BINS: usize = 32;
/// Replicates of every bootstrap.
const REPLICATES: usize = 1000;

/// What the rules look at in one image.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Plain {
    mean: f64,
    deviation: f64,
    histogram: Vec<f32>,
    bytes: f64,
}

impl Plain {
    /// Looks at grey values, and at how many bytes their file has.
    pub fn of(image: &[f32], bytes: u64) -> Self {
        let count = image.len().max(1) as f64;
        let mean = image.iter().map(|&v| f64::from(v)).sum::<f64>() / count;
        let variance = image.iter().map(|&v| (f64::from(v) - mean).powi(2)).sum::<f64>() / count;
        let histogram = histogram(image.iter().copied(), BINS);
        Self { mean, deviation: variance.sqrt(), histogram, bytes: bytes as f64 }
    }
}

/// How well each rule ranks anomalous above healthy images, in its better direction.
///
/// # Errors
/// Where a grey value is not a number.
pub fn floors(design: &Design, measured: &[Measured], stream: &Stream) -> Result<Vec<Floor>, MetricError> {
    let of = |rule: &dyn Fn(&Plain) -> f64| {
        [0, 1].map(|member| measured.iter().map(|pair| rule(&pair.plain[member])).collect::<Vec<f64>>())
    };
    let rules = [
        ("mean grey value", of(&|p| p.mean)),
        ("deviation of the grey values", of(&|p| p.deviation)),
        ("distance to the usual histogram", strangeness(design, measured)),
        ("size of the image file", of(&|p| p.bytes)),
    ];
    rules.iter().map(|(name, values)| floor(name, values, design, &stream.child(name))).collect()
}

/// Half the sum of |difference| between an image's histogram and the mean one of the healthy images of other jobs.
fn strangeness(design: &Design, measured: &[Measured]) -> [Vec<f64>; 2] {
    let mut sums = vec![([0.0f64; BINS], 0.0); design.jobs()];
    for (&job, pair) in design.job.iter().zip(measured) {
        sums[job]
            .0
            .iter_mut()
            .zip(&pair.plain[0].histogram)
            .for_each(|(sum, share)| *sum += f64::from(*share));
        sums[job].1 += 1.0;
    }
    let total = |bin: usize| sums.iter().map(|(bins, _)| bins[bin]).sum::<f64>();
    let totals: Vec<f64> = (0..BINS).map(total).collect();
    let distance = |job: usize, image: &Plain| {
        let others = f64::max(design.len() as f64 - sums[job].1, 1.0);
        let usual = totals.iter().zip(&sums[job].0).map(|(all, own)| (all - own) / others);
        image.histogram.iter().zip(usual).map(|(share, usual)| (f64::from(*share) - usual).abs()).sum::<f64>()
            / 2.0
    };
    let of =
        |member: usize| design.job.iter().zip(measured).map(move |(&job, pair)| (job, &pair.plain[member]));
    [0, 1].map(|member| of(member).map(|(job, image)| distance(job, image)).collect())
}

fn floor(
    name: &str,
    [healthy, anomalous]: &[Vec<f64>; 2],
    design: &Design,
    stream: &Stream,
) -> Result<Floor, MetricError> {
    let pairs = design.len();
    let truth: Vec<bool> = (0..2 * pairs).map(|i| i >= pairs).collect();
    let place: Vec<usize> = design.job.iter().chain(&design.job).copied().collect();
    let mut values = [healthy.as_slice(), anomalous].concat();
    if auroc(&truth, &values)?.is_some_and(|forwards| forwards < 0.5) {
        values.iter_mut().for_each(|value| *value = -*value);
    }
    let area = |of: &[usize]| {
        let truth: Vec<bool> = of.iter().map(|&i| truth[i]).collect();
        auroc(&truth, &of.iter().map(|&i| values[i]).collect::<Vec<f64>>()).ok().flatten()
    };
    let value = area(&(0..2 * pairs).collect::<Vec<_>>()).unwrap_or(0.5);
    let ranking = Ranking::new(&truth, &values)?;
    let jobs = interval::Design::jobs(design.jobs());
    let resampled = |drawn: &interval::Drawn| ranking.auroc(|image| drawn.jobs[place[image]]);
    let interval = bootstrap(jobs, REPLICATES, stream, SHARE, resampled).and_then(|interval| interval.ends());
    let by_defect = design.defects.iter().enumerate().filter_map(|(d, defect)| {
        let of = (0..2 * pairs).filter(|&i| i < pairs || design.defect(i - pairs) == d);
        Some(AgainstDefect { defect: defect.clone(), value: area(&of.collect::<Vec<_>>())?, interval: None })
    });
    Ok(Floor {
        name: name.to_owned(),
        auroc: Estimate { value, interval },
        auroc_by_defect: by_defect.collect(),
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_by_hand() {
        let plain = Plain::of(&[0.0, 1.0, 1.0, 0.0], 70);
        assert_eq!((plain.mean, plain.deviation, plain.bytes), (0.5, 0.5, 70.0));
        assert_eq!((plain.histogram[0], plain.histogram[BINS - 1]), (0.5, 0.5));
    }
}
