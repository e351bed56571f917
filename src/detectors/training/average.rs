//! The average of a generator's weights over its training, which makes better images than the last ones.

use crate::nets::Parameters;

/// Moves `average` towards `network` after `step`, counted from 0: an exponential moving average that keeps a share
/// of `keep`, and less in the first steps, since later weights are better than the first ones (as in TensorFlow's
/// `ExponentialMovingAverage` with `num_updates`).
///
/// # Errors
/// Where the two are not of one shape.
pub fn follow(average: &Parameters, network: &Parameters, keep: f64, step: usize) -> candle_core::Result<()> {
    average.follow(network, keep.min((1.0 + step as f64) / (10.0 + step as f64)))
}
