//! Judging scores and splits against the synthetic labels.
//!
//! Truth is one `bool` per image (or pixel), true where it is anomalous; scores are higher where more
//! anomalous and are never clamped. A figure that does not exist, such as the AUROC of one class, is `None`.

pub mod agreement;
pub mod classification;
pub mod clustering;
pub mod cost;
pub mod decisions;
pub mod delay;
pub mod detectability;
pub mod interval;
pub mod localisation;
pub mod paired;
pub mod ranking;

/// Why numbers cannot be judged.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum MetricError {
    /// Two lists that go together differ in length.
    #[error("{left} {left_name} for {right} {right_name}")]
    Lengths {
        /// What the first list holds.
        left_name: &'static str,
        /// Its length.
        left: usize,
        /// What the second list holds.
        right_name: &'static str,
        /// Its length.
        right: usize,
    },
    /// A score is not a number.
    #[error("score {index} is not a number")]
    NotANumber {
        /// First such score.
        index: usize,
    },
    /// There is nothing to judge.
    #[error("there is nothing to judge")]
    Empty,
}

/// Refuses nothing, and lists of different lengths.
fn check_lengths(
    (left_name, left): (&'static str, usize),
    (right_name, right): (&'static str, usize),
) -> Result<(), MetricError> {
    if left != right {
        return Err(MetricError::Lengths { left_name, left, right_name, right });
    }
    if left == 0 { Err(MetricError::Empty) } else { Ok(()) }
}

/// The scores in double precision; refuses what is not a number. Infinite scores have a rank, and stay.
fn checked_scores<S: Copy + Into<f64>>(scores: &[S]) -> Result<Vec<f64>, MetricError> {
    let scores: Vec<f64> = scores.iter().map(|&s| s.into()).collect();
    match scores.iter().position(|s| s.is_nan()) {
        Some(index) => Err(MetricError::NotANumber { index }),
        None => Ok(scores),
    }
}
