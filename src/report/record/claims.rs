//! What somebody concluded, tested on the run.

use serde::{Deserialize, Serialize};

use super::Estimate;

/// The conclusion that one [measure](crate::report::measures) is higher than another.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Claim {
    /// What is said to be better: `f-anogan difference with isolation-forest`.
    pub better: String,
    /// Than what.
    pub than: String,
    /// Which measure of both: `balanced_accuracy`.
    pub measure: String,
    /// Who says so; empty where the scenario does not tell.
    pub source: String,
    /// What came of it; absent where one of the two could not be measured.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub test: Option<ClaimTest>,
}

/// The test of a claim on the same images, trainings and separations.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct ClaimTest {
    /// The measure of what is said to be better.
    pub better: f64,
    /// The measure of the other.
    pub than: f64,
    /// The first less the second.
    pub difference: Estimate,
    /// Probability of a difference at least as large where there is none, of this claim alone.
    pub p_value: f64,
    /// What it comes to, among all claims of the run.
    pub finding: Finding,
}

/// Whether a claim holds.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Finding {
    /// The first is better, by more than chance explains.
    Holds,
    /// The second is, by more than chance explains.
    DoesNotHold,
    /// Chance explains the difference.
    Undecided,
}

impl std::fmt::Display for Finding {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(match self {
            Self::Holds => "holds",
            Self::DoesNotHold => "does not hold",
            Self::Undecided => "undecided",
        })
    }
}
