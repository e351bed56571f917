//! Images of a fixed latent over the training (Zeiser et al. 2023, Fig. 5).

use candle_core::{Device, Var};

use crate::detectors::{DetectorError, Snapshot};
use crate::nets::Parameters;

/// Images in one snapshot.
pub const SHOWN: usize = 16;
/// Moments of the training at which a snapshot is taken, as a share of all steps.
const MOMENTS: [f64; 6] = [0.02, 0.05, 0.12, 0.3, 0.6, 1.0];
/// Images of a fixed latent over the training.
#[derive(Debug)]
pub struct Snapshots {
    /// One buffer per moment, so that they are saved with the networks.
    pub parameters: Parameters,
    moments: Vec<Var>,
    /// Pixels along one side.
    pub size_px: usize,
}

impl Snapshots {
    /// Not yet taken.
    pub fn new(size_px: usize, device: &Device) -> Result<Self, DetectorError> {
        let mut parameters = Parameters::new(device);
        let shape = (SHOWN, 1, size_px, size_px);
        let moments = (0..MOMENTS.len()).map(|i| parameters.buffer(&format!("moment.{i}"), shape, 0.0));
        let moments = moments.collect::<Result<_, _>>()?;
        Ok(Self { parameters, moments, size_px })
    }

    /// After how many of `steps` each is taken.
    fn steps(steps: usize) -> [usize; MOMENTS.len()] {
        MOMENTS.map(|moment| ((moment * steps as f64).ceil() as usize).max(1))
    }

    /// Those to be taken after step `done` of `steps`.
    pub fn due(&self, done: usize, steps: usize) -> Vec<&Var> {
        let all = Self::steps(steps).into_iter().zip(&self.moments);
        all.filter(|(step, _)| *step == done).map(|(_, images)| images).collect()
    }

    /// Those of a training of `steps` steps, as plain pixels; moments that fell on the same step are one.
    pub fn images(&self, steps: usize) -> Result<Vec<Snapshot>, DetectorError> {
        let mut all: Vec<Snapshot> = Vec::new();
        for (step, images) in Self::steps(steps).into_iter().zip(&self.moments) {
            if all.last().is_none_or(|last| last.step < step) {
                let pixels = images.flatten_all()?.to_vec1()?;
                all.push(Snapshot { step, size_px: self.size_px, pixels });
            }
        }
        Ok(all)
    }
}
