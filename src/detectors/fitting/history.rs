//! Losses over training, kept beside the weights so that a resumed run has whole curves.

use serde::{Deserialize, Serialize};

use crate::detectors::Curve;

/// Losses of all stages so far, in the order in which they appeared.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct History(Vec<Losses>);

/// `f32`, as the losses are computed: text holds it exactly.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
struct Losses {
    stage: String,
    name: String,
    points: Vec<(usize, f32)>,
}

impl History {
    /// Adds the losses of `step` of `stage`.
    pub fn record(&mut self, stage: &str, step: usize, losses: &[(&str, f64)]) {
        for &(name, value) in losses {
            let point = (step, value as f32);
            match self.0.iter_mut().find(|l| l.stage == stage && l.name == name) {
                Some(known) => known.points.push(point),
                None => {
                    self.0.push(Losses {
                        stage: stage.to_owned(),
                        name: name.to_owned(),
                        points: vec![point],
                    });
                }
            }
        }
    }

    /// Appends the stages of `later`.
    pub fn extend(&mut self, later: Self) {
        self.0.extend(later.0);
    }

    /// As text, for a checkpoint.
    pub fn to_notes(&self) -> String {
        // Strings and finite numbers cannot fail.
        serde_json::to_string(self).unwrap_or_default()
    }

    /// From a checkpoint's text; empty where that is no history.
    pub fn from_notes(notes: &str) -> Self {
        serde_json::from_str(notes).unwrap_or_default()
    }

    /// As plain curves.
    pub fn curves(&self) -> Vec<Curve> {
        let curve = |losses: &Losses| Curve {
            stage: losses.stage.clone(),
            name: losses.name.clone(),
            points: losses.points.iter().map(|&(step, value)| (step, f64::from(value))).collect(),
        };
        self.0.iter().map(curve).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn text_keeps_every_bit() {
        let mut history = History::default();
        for step in 0..1000 {
            let value = f64::from((step as f32).sin() * 1e-3);
            history.record("vae", step, &[("loss", value), ("divergence", 1.0 / (1.0 + step as f64))]);
        }
        assert_eq!(History::from_notes(&history.to_notes()), history);
        assert_eq!(history.curves().len(), 2);
    }
}
