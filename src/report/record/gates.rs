//! What a scenario demands of the measures.

use serde::{Deserialize, Serialize};

/// A bound on one [measure](crate::report::measures).
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Gate {
    /// What is measured: `vae A_R peak`.
    pub subject: String,
    /// Which measure of it: `auroc`.
    pub measure: String,
    /// What it has to keep to.
    pub bound: Bound,
    /// Its value; absent where it could not be had, which no gate lets pass.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub value: Option<f64>,
}

/// Where a value has to lie.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Bound {
    /// Here or above.
    AtLeast(f64),
    /// Here or below.
    AtMost(f64),
}

impl Gate {
    /// Whether the value is there and keeps to its bound.
    pub fn holds(&self) -> bool {
        self.value.is_some_and(|value| match self.bound {
            Bound::AtLeast(least) => value >= least,
            Bound::AtMost(most) => value <= most,
        })
    }
}

impl std::fmt::Display for Gate {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let Self { subject, measure, bound, value } = self;
        match value {
            Some(value) => write!(f, "{measure} of {subject} is {value}, and should be {bound}"),
            None => write!(f, "{measure} of {subject} could not be measured, and should be {bound}"),
        }
    }
}

impl std::fmt::Display for Bound {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::AtLeast(least) => write!(f, "at least {least}"),
            Self::AtMost(most) => write!(f, "at most {most}"),
        }
    }
}
