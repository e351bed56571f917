//! What happened over a training, kept beside the weights so that a resumed run knows all of it.

use serde::{Deserialize, Serialize};

use super::Collapse;
use crate::detectors::Curve;

/// Points of one curve at most, about: of longer trainings only every so many steps are kept. The log has them all.
const POINTS: usize = 2000;

/// Losses and events of all stages so far, in the order in which they appeared.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct History {
    losses: Vec<Losses>,
    collapses: Vec<Collapse>,
    choices: Vec<Choice>,
}

/// `f32`, as the losses are computed: text holds it exactly.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
struct Losses {
    stage: String,
    name: String,
    points: Vec<(usize, f32)>,
}

/// Which weights were taken of a stage that looked for the best.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Choice {
    /// Stage of the training.
    pub stage: String,
    /// Steps that were made.
    pub step: usize,
    /// The step whose weights were taken.
    pub best_step: usize,
    /// Their validation loss.
    pub loss: f64,
}

impl History {
    /// Whether the losses of step `done` of `steps` are kept.
    pub fn keeps(done: usize, steps: usize) -> bool {
        done.is_multiple_of(steps.div_ceil(POINTS).max(1)) || done == 1 || done == steps
    }

    /// Adds the losses of `step` of `stage`.
    pub fn record(&mut self, stage: &str, step: usize, losses: &[(&str, f64)]) {
        for &(name, value) in losses {
            let point = (step, value as f32);
            match self.losses.iter_mut().find(|l| l.stage == stage && l.name == name) {
                Some(known) => known.points.push(point),
                None => {
                    self.losses.push(Losses {
                        stage: stage.to_owned(),
                        name: name.to_owned(),
                        points: vec![point],
                    });
                }
            }
        }
    }

    /// Adds a collapse.
    pub fn collapsed(&mut self, collapse: Collapse) {
        self.collapses.push(collapse);
    }

    /// Ends the collapse of `sign`, where one is open.
    pub fn recovered(&mut self, stage: &str, sign: &str, step: usize) {
        let open = |c: &&mut Collapse| c.stage == stage && c.sign == sign && c.until.is_none();
        if let Some(collapse) = self.collapses.iter_mut().find(open) {
            collapse.until = Some(step);
        }
    }

    /// Adds a choice of weights.
    pub fn chose(&mut self, choice: Choice) {
        self.choices.push(choice);
    }

    /// Appends the stages of `later`.
    pub fn extend(&mut self, later: Self) {
        self.losses.extend(later.losses);
        self.collapses.extend(later.collapses);
        self.choices.extend(later.choices);
    }

    /// The losses as plain curves.
    pub fn curves(&self) -> Vec<Curve> {
        let curve = |losses: &Losses| Curve {
            stage: losses.stage.clone(),
            name: losses.name.clone(),
            points: losses.points.iter().map(|&(step, value)| (step, f64::from(value))).collect(),
        };
        self.losses.iter().map(curve).collect()
    }

    /// The collapses that were seen.
    pub fn collapses(&self) -> &[Collapse] {
        &self.collapses
    }

    /// The weights that were taken of stages that looked for the best.
    pub fn choices(&self) -> &[Choice] {
        &self.choices
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
        let text = serde_json::to_string(&history).unwrap();
        assert_eq!(serde_json::from_str::<History>(&text).unwrap(), history);
        assert_eq!(history.curves().len(), 2);
    }

    #[test]
    fn long_trainings_keep_some_points_and_short_ones_all() {
        let kept = |steps| (1..=steps).filter(|&done| History::keeps(done, steps)).count();
        assert_eq!([kept(1), kept(650), kept(2000)], [1, 650, 2000]);
        assert!((1500..=2002).contains(&kept(27_001)), "{}", kept(27_001));
    }
}
