//! Values and distributions of values.

use std::ops::RangeInclusive;

use crate::stream::Stream;

/// What a number is drawn from.
#[derive(Clone, Debug, PartialEq)]
pub enum Distribution {
    /// Always this value.
    Fixed(f64),
    /// Uniform between `low` and `high`.
    Uniform {
        /// Least value.
        low: f64,
        /// Greatest value.
        high: f64,
    },
    /// Uniform in the logarithm.
    LogUniform {
        /// Least value, greater than 0.
        low: f64,
        /// Greatest value.
        high: f64,
    },
    /// Normal.
    Normal {
        /// Mean.
        mean: f64,
        /// Standard deviation.
        deviation: f64,
    },
    /// One of these, equally likely.
    Choice(Vec<f64>),
}

impl Distribution {
    /// One value.
    pub fn draw(&self, stream: &mut Stream) -> f64 {
        match self {
            Self::Fixed(value) => *value,
            Self::Uniform { low, high } => stream.uniform(*low, *high),
            Self::LogUniform { low, high } => stream.uniform(low.ln(), high.ln()).exp().clamp(*low, *high),
            Self::Normal { mean, deviation } => mean + deviation * stream.normal(),
            Self::Choice(items) => items[stream.below(items.len())],
        }
    }
}

/// How often a [`Param`] is drawn.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Per {
    /// Once per job (once per episode, for a defect's parameters).
    Job,
    /// Anew in every layer.
    Layer,
}

/// A parameter as the scenario states it: a value or a distribution, drawn per job or per layer.
///
/// `{ uniform = [50, 55], per = "job", jitter = { normal = [0, 0.4] }, drift = { uniform = [-0.01, 0.01] } }`
/// draws from the interval once per job, lets the value drift by a slope that is also drawn once per job, in
/// units per layer from the job's first layer on, and adds an offset drawn anew in every layer.
#[derive(Clone, Debug, PartialEq)]
pub struct Param {
    /// What the value is drawn from.
    pub distribution: Distribution,
    /// How often.
    pub per: Per,
    /// An offset added per layer.
    pub jitter: Option<Distribution>,
    /// A slope in units per layer, drawn once per job (once per episode, for a defect's parameters).
    pub drift: Option<Distribution>,
    /// What the parameter may be; draws outside are clamped.
    pub range: RangeInclusive<f64>,
}

impl Param {
    /// Whether it is drawn once, and then the same in every layer.
    pub fn is_steady(&self) -> bool {
        self.per == Per::Job && self.jitter.is_none() && self.drift.is_none()
    }

    /// A parameter that always has this value.
    pub fn fixed(value: f64) -> Self {
        Self::of(Distribution::Fixed(value), value..=value)
    }

    /// Uniform between `low` and `high`, once per job.
    pub fn uniform(low: f64, high: f64) -> Self {
        Self::of(Distribution::Uniform { low, high }, low..=high)
    }

    /// Uniform in the logarithm between `low` and `high`, once per job.
    pub fn log_uniform(low: f64, high: f64) -> Self {
        Self::of(Distribution::LogUniform { low, high }, low..=high)
    }

    /// Drawn once per job, steady from layer to layer.
    pub(super) fn of(distribution: Distribution, range: RangeInclusive<f64>) -> Self {
        Self { distribution, per: Per::Job, jitter: None, drift: None, range }
    }

    /// The greatest value that can be drawn.
    pub fn max(&self) -> f64 {
        if self.jitter.is_some() || self.drift.is_some() {
            return *self.range.end();
        }
        match &self.distribution {
            Distribution::Fixed(value) => *value,
            Distribution::Uniform { high, .. } | Distribution::LogUniform { high, .. } => *high,
            Distribution::Normal { .. } => *self.range.end(),
            Distribution::Choice(items) => items.iter().copied().fold(f64::NEG_INFINITY, f64::max),
        }
    }
}
