//! Extreme values: the tail of the healthy scores, continued beyond the largest that was seen.

use generators::params::{ScenarioError, Table};
use generators::registry::Kind;

use super::{Calibration, HEALTHY, Threshold, ThresholdError, false_alarms, sorted};
use crate::quantile::linear_quantile;

/// A threshold from the law of large excesses.
pub(super) const KIND: Kind<dyn Threshold> = Kind {
    name: "peaks-over-threshold",
    summary: "a generalised Pareto tail fitted to the highest healthy scores, for rates that the sample is too small for",
    source: "Pickands 1975, doi:10.1214/aos/1176343003; Siffer et al. 2017, doi:10.1145/3097983.3098144",
    example: "false_alarms = 0.001\ntail = 0.1",
    build,
};

/// Fewest scores that a tail is fitted to.
const FEWEST: usize = 10;

fn build(table: &mut Table) -> Result<Box<dyn Threshold>, Box<ScenarioError>> {
    let false_alarms = false_alarms(table)?;
    let tail = table.number("tail", Some(0.1), 1e-3..=0.9)?;
    if tail <= false_alarms {
        let message = format!("`tail` is {tail}, but has to be greater than `false_alarms`, {false_alarms}");
        return Err(table.place_of("tail").error(message));
    }
    Ok(Box::new(PeaksOverThreshold { false_alarms, tail }))
}

struct PeaksOverThreshold {
    /// Share of healthy images that may be called anomalous.
    false_alarms: f64,
    /// Share of the healthy scores that are taken for the tail.
    tail: f64,
}

impl Threshold for PeaksOverThreshold {
    fn fit(&self, scores: &Calibration<'_>) -> Result<f64, ThresholdError> {
        let healthy = sorted(HEALTHY, scores.healthy, self.fewest_healthy())?;
        let start = linear_quantile(&healthy, 1.0 - self.tail);
        let excesses: Vec<f64> =
            healthy.iter().filter(|&&score| score > start).map(|score| score - start).collect();
        if excesses.len() < FEWEST {
            // Ties at the start of the tail.
            let what = "distinct high scores of healthy images";
            return Err(ThresholdError::TooFew { what, needed: FEWEST, found: excesses.len() });
        }
        let share = excesses.len() as f64 / healthy.len() as f64;
        Ok(start + Pareto::fit(&excesses).exceeded_with((self.false_alarms / share).min(1.0)))
    }

    fn fewest_healthy(&self) -> usize {
        (FEWEST as f64 / self.tail).ceil() as usize
    }
}

/// The generalised Pareto law of excesses.
#[derive(Clone, Copy, Debug, PartialEq)]
struct Pareto {
    /// 0 for an exponential tail, above for a heavier one, below for one that ends.
    shape: f64,
    scale: f64,
}

impl Pareto {
    /// The likeliest law of some excesses greater than 0.
    ///
    /// For a given ratio of shape to scale the likeliest shape is a mean (Grimshaw 1993, doi:10.2307/1269663), which leaves a
    /// search along one line. Shapes below -1/2 are left out: the likelihood has no bound there (Smith 1985).
    fn fit(excesses: &[f64]) -> Self {
        let count = excesses.len() as f64;
        let largest = excesses.iter().fold(0.0f64, |most, &y| most.max(y));
        let mean = excesses.iter().sum::<f64>() / count;
        // From minus to plus infinity: from a law that ends at the largest excess to the heaviest of tails.
        let law = |at: f64| {
            let ratio = at.exp_m1() / largest;
            let shape = excesses.iter().map(|y| (ratio * y).ln_1p()).sum::<f64>() / count;
            // Near 0 the quotient is the mean of the excesses, and rounding is all that is left of it.
            let scale = if at.abs() < 1e-6 { mean } else { shape / ratio };
            Self { shape, scale }
        };
        let value = |at: f64| {
            let Self { shape, scale } = law(at);
            if shape >= -0.5 { -(scale.ln() + shape) } else { f64::NEG_INFINITY }
        };
        const STEP: f64 = 0.05;
        let grid = (-400..=400).map(|step| f64::from(step) * STEP);
        let (peak, _) = grid
            .map(|at| (at, value(at)))
            .fold((0.0, f64::NEG_INFINITY), |best, next| if next.1 > best.1 { next } else { best });
        // Golden section between the neighbours of the highest point.
        let golden = (5f64.sqrt() - 1.0) / 2.0;
        let (mut low, mut high) = (peak - STEP, peak + STEP);
        while high - low > 1e-9 {
            let (left, right) = (high - golden * (high - low), low + golden * (high - low));
            if value(left) > value(right) { high = right } else { low = left }
        }
        law(f64::midpoint(low, high))
    }

    /// The excess that is exceeded with `probability`.
    fn exceeded_with(self, probability: f64) -> f64 {
        let log = probability.ln();
        match self.shape.abs() < 1e-9 {
            true => -self.scale * log,
            false => self.scale * (-self.shape * log).exp_m1() / self.shape,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// SciPy 1.17.1:
    /// ```python
    /// import numpy as np
    /// from scipy.stats import genpareto
    /// for shape in (-0.3, 0.0, 0.4):
    ///     y = genpareto.ppf((np.arange(60) * 37 % 60 + 0.5) / 60, shape, scale=2)
    ///     c, _, scale = genpareto.fit(y, floc=0)
    ///     print(c, scale, genpareto.isf(0.01, c, scale=scale))
    /// ```
    #[test]
    fn the_likeliest_law_is_scipys() {
        for (shape, expected) in [
            (-0.3, [-0.3367698967314786, 2.064546230568511, 4.8304112437271085]),
            (0.0, [-0.03079049088977988, 2.049849982925828, 8.801182781852908]),
            (0.4, [0.37441966879805205, 2.0350329093331867, 25.0474422735687]),
        ] {
            let truth = Pareto { shape, scale: 2.0 };
            let excesses: Vec<f64> =
                (0..60).map(|i| truth.exceeded_with(1.0 - (f64::from(i * 37 % 60) + 0.5) / 60.0)).collect();
            let found = Pareto::fit(&excesses);
            let figures = [found.shape, found.scale, found.exceeded_with(0.01)];
            assert!(
                figures.iter().zip(expected).all(|(a, b)| (a - b).abs() < 1e-3 * b.abs().max(0.1)),
                "{found:?}"
            );
        }
    }

    #[test]
    fn the_tail_has_to_hold_the_rate() {
        let text = "kind = \"peaks-over-threshold\"\nfalse_alarms = 0.2\ntail = 0.1";
        let table = Table::parse("s.toml", text).unwrap();
        let error = generators::registry::build(super::super::KINDS, table).err().unwrap().to_string();
        assert!(error.starts_with("s.toml:3:8: `tail` is 0.1, but has to be greater"), "{error}");
    }
}
