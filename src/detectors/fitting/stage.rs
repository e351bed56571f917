//! One stage of training: steps, curves, checkpoints, and the stop where a loss is no longer finite.

use std::collections::BTreeMap;
use std::path::PathBuf;

use candle_core::{DType, Device, Tensor};

use crate::detectors::{Curve, DetectorError, Run, Snapshot};

/// Named tensors: everything that the next step depends on.
pub type State = BTreeMap<String, Tensor>;

/// What is trained.
pub trait Trainee {
    /// Step `step`, counted from 0. All randomness comes from streams named after the step. Returns the
    /// losses by name; a loss may be absent in some steps.
    fn step(&mut self, step: usize) -> Result<Vec<(&'static str, f64)>, DetectorError>;

    /// Weights, moments of the optimiser and running statistics.
    fn state(&self) -> Result<State, DetectorError>;

    /// Takes back what [`Trainee::state`] returned.
    fn restore(&mut self, state: &State) -> Result<(), DetectorError>;

    /// Images of a fixed latent, `[n, 1, size, size]`, where the stage shows any.
    fn snapshot(&self) -> Result<Option<Tensor>, DetectorError> {
        Ok(None)
    }
}

/// Name and length of a stage.
#[derive(Clone, Copy, Debug)]
pub struct Stage {
    /// Kind of detector.
    pub detector: &'static str,
    /// `vae`, `wgan-gp`, `encoder`: names curves and the checkpoint.
    pub name: &'static str,
    /// Steps in all.
    pub steps: usize,
    /// Steps from one checkpoint to the next.
    pub checkpoint_steps: usize,
}

/// What is remembered of a stage beside the weights.
#[derive(Clone, Debug, Default)]
pub struct History {
    losses: BTreeMap<String, Vec<(usize, f64)>>,
    snapshots: Vec<(usize, Tensor)>,
}

impl History {
    fn record(&mut self, step: usize, losses: &[(&'static str, f64)]) {
        for &(name, value) in losses {
            self.losses.entry(name.to_owned()).or_default().push((step, value));
        }
    }

    /// The curves of `stage`, by name.
    pub fn curves(&self, stage: &str) -> Vec<Curve> {
        let curve = |(name, points): (&String, &Vec<(usize, f64)>)| Curve {
            stage: stage.to_owned(),
            name: name.clone(),
            points: points.clone(),
        };
        self.losses.iter().map(curve).collect()
    }

    /// The snapshots as plain pixels.
    ///
    /// # Errors
    /// [`DetectorError::Tensor`] where a snapshot is not a stack of images.
    pub fn snapshots(&self) -> Result<Vec<Snapshot>, DetectorError> {
        let plain = |(step, images): &(usize, Tensor)| {
            let pixels = images.flatten_all()?.to_vec1()?;
            Ok(Snapshot { step: *step, size_px: images.dim(3)?, pixels })
        };
        self.snapshots.iter().map(plain).collect()
    }

    /// Adds the history to `state`, under names of its own.
    pub fn store(&self, state: &mut State) -> Result<(), DetectorError> {
        for (name, points) in &self.losses {
            let values: Vec<f64> = points.iter().flat_map(|&(step, value)| [step as f64, value]).collect();
            let tensor = Tensor::from_vec(values, (points.len(), 2), &Device::Cpu)?;
            state.insert(format!("{CURVE}{name}"), tensor);
        }
        for (step, images) in &self.snapshots {
            state.insert(format!("{SNAPSHOT}{step:08}"), images.clone());
        }
        Ok(())
    }

    /// Takes the history out of `state`.
    pub fn take(state: &mut State) -> Result<Self, DetectorError> {
        let mut history = Self::default();
        let names: Vec<String> = state.keys().cloned().collect();
        for key in names {
            if let Some(name) = key.strip_prefix(CURVE) {
                let rows = state.remove(&key).map_or(Ok(Vec::new()), |t| t.to_vec2::<f64>())?;
                let points = rows.iter().map(|row| (row[0] as usize, row[1])).collect();
                history.losses.insert(name.to_owned(), points);
            } else if let Some(step) = key.strip_prefix(SNAPSHOT).and_then(|s| s.parse().ok())
                && let Some(images) = state.remove(&key)
            {
                history.snapshots.push((step, images));
            }
        }
        Ok(history)
    }
}

const CURVE: &str = "curve/";
const SNAPSHOT: &str = "snapshot/";

/// The learning rate of `step`: constant for the first half, then straight down to 1 % at the last step.
pub fn decayed(rate: f64, step: usize, steps: usize) -> f64 {
    rate * (2.0 * (1.0 - step as f64 / steps.max(1) as f64)).clamp(0.01, 1.0)
}
