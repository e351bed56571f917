//! How many layers pass until a defect is detected.

use crate::quantile::median;

/// An image of a defect that was called anomalous, or not.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Call {
    /// The episode that it belongs to: a defect in a job.
    pub episode: u32,
    /// Number of its layer in the job.
    pub layer: u32,
    /// Whether it was called anomalous.
    pub anomalous: bool,
}

/// How soon the episodes of a defect are detected.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct Delay {
    /// Episodes.
    pub episodes: usize,
    /// Those in which at least one layer was called anomalous.
    pub detected: usize,
    /// Layers from the first that shows the defect to the first that is called, both counted: 1 where the first is called.
    /// The median over the episodes, in which one that is never detected takes for ever; absent where that is the median.
    pub median_layers: Option<f64>,
}

impl Delay {
    /// Of the images of defects, in any order; `None` without one.
    pub fn of(calls: &[Call]) -> Option<Self> {
        let mut calls = calls.to_vec();
        calls.sort_unstable_by_key(|call| (call.episode, call.layer));
        let mut layers: Vec<f64> = calls
            .chunk_by(|a, b| a.episode == b.episode)
            .map(|episode| {
                let called = episode.iter().find(|call| call.anomalous);
                called.map_or(f64::INFINITY, |call| f64::from(call.layer - episode[0].layer + 1))
            })
            .collect();
        layers.sort_unstable_by(f64::total_cmp);
        let episodes = layers.len();
        let detected = layers.iter().filter(|l| l.is_finite()).count();
        let median = median(&layers)?;
        Some(Self { episodes, detected, median_layers: Some(median).filter(|m| m.is_finite()) })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn calls(episodes: &[(u32, &[bool])]) -> Vec<Call> {
        let of = |(number, &(first, called)): (usize, &(u32, &[bool]))| -> Vec<Call> {
            let layers = called.iter().zip(first..);
            layers.map(|(&anomalous, layer)| Call { episode: number as u32, layer, anomalous }).collect()
        };
        episodes.iter().enumerate().flat_map(of).rev().collect()
    }

    #[test]
    fn the_first_layer_counts_as_one() {
        let delay = Delay::of(&calls(&[(7, &[true, false]), (3, &[false, false, true, true])])).unwrap();
        assert_eq!(delay, Delay { episodes: 2, detected: 2, median_layers: Some(2.0) });
        let delay = Delay::of(&calls(&[(7, &[false, true]), (3, &[false]), (5, &[true])])).unwrap();
        assert_eq!(delay, Delay { episodes: 3, detected: 2, median_layers: Some(2.0) });
    }

    #[test]
    fn what_is_missed_takes_for_ever() {
        let delay = Delay::of(&calls(&[(7, &[true]), (3, &[false, false])])).unwrap();
        assert_eq!(delay, Delay { episodes: 2, detected: 1, median_layers: None });
        assert_eq!(Delay::of(&[]), None);
    }

    /// A layer in the middle may be in neither class: the count goes by the layers' numbers.
    #[test]
    fn a_missing_layer_has_passed_too() {
        let call = |layer, anomalous| Call { episode: 1, layer, anomalous };
        let delay = Delay::of(&[call(4, false), call(9, true)]).unwrap();
        assert_eq!(delay.median_layers, Some(6.0));
    }
}
