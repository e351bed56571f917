//! Progress of one detector among several, under the name that it has in the scenario.

use std::ops::ControlFlow;

use crate::detectors::Progress;
use crate::plan::Named;

/// Says of each stage whose it is.
pub struct Told<'a> {
    kind: &'a str,
    /// Name in the scenario, and which training it is.
    name: String,
    progress: &'a dyn Progress,
}

impl<'a> Told<'a> {
    /// Of `detector`; `training` says which of several trainings it is, after the first.
    pub fn new<T: ?Sized>(
        detector: &'a Named<T>,
        training: Option<&str>,
        progress: &'a dyn Progress,
    ) -> Self {
        let name = match training {
            None => detector.name.clone(),
            Some(training) => format!("{}, {training}", detector.name),
        };
        Self { kind: detector.kind, name, progress }
    }
}

impl Progress for Told<'_> {
    fn step(&self, stage: &str, done: usize, total: usize, losses: &[(&str, f64)]) -> ControlFlow<()> {
        // A detector of one stage calls it by its own kind.
        if stage == self.kind {
            return self.progress.step(&self.name, done, total, losses);
        }
        self.progress.step(&format!("{} {stage}", self.name), done, total, losses)
    }

    fn remark(&self, words: &str) {
        self.progress.remark(&format!("{}: {words}", self.name));
    }

    fn stoppable(&self, begins: bool) -> ControlFlow<()> {
        self.progress.stoppable(begins)
    }
}
