//! The features of an image: responses of fixed filters, relative to those of healthy images at the same place.

use candle_core::{Device, Result, Tensor, Var};

use super::filters::{FEATURES, Filters, PLACE_PX};
use crate::nets::onnx::{Graph, Value};
use crate::nets::{NetsError, Parameters};

/// Least deviation of a response, as a share of its deviation over the whole image: one that never varies would make any change
/// of it infinite.
const LEAST_SHARE: f64 = 0.1;
/// Least deviation of a response, in grey values: far less than a step of 8 bits.
const LEAST: f64 = 1e-4;

/// What is known of healthy responses.
#[derive(Clone, Debug)]
pub struct Features {
    filters: Filters,
    /// Mean and standard deviation at each place, `[1, FEATURES, size / 2, size / 2]`.
    centre: Var,
    spread: Var,
    /// For saving.
    parameters: Parameters,
}

impl Features {
    /// Not yet measured, for images of `size_px`.
    pub fn new(size_px: usize, device: &Device) -> std::result::Result<Self, NetsError> {
        let mut parameters = Parameters::new(device);
        let shape = (1, FEATURES, size_px / PLACE_PX, size_px / PLACE_PX);
        let centre = parameters.buffer("centre", shape, 0.0)?;
        let spread = parameters.buffer("spread", shape, 1.0)?;
        Ok(Self { filters: Filters::bank(device)?, centre, spread, parameters })
    }

    /// What is saved of it.
    pub fn parameters(&self) -> &Parameters {
        &self.parameters
    }

    /// Measures healthy images `[n, 1, size, size]`, which `parts` gives in parts, the same ones each time.
    pub fn measure<P: Iterator<Item = Result<Tensor>>>(&self, parts: impl Fn() -> P) -> Result<()> {
        let mean = |of: &dyn Fn(&Tensor) -> Result<Tensor>| {
            let (mut sum, mut count) = (self.centre.zeros_like()?, 0);
            for part in parts() {
                let responses = self.filters.forward(&part?)?;
                count += responses.dim(0)?;
                sum = (sum + of(&responses)?.sum_keepdim(0)?)?;
            }
            sum / count.max(1) as f64
        };
        self.centre.set(&mean(&|responses| Ok(responses.clone()))?)?;
        let centre = self.centre.as_detached_tensor();
        let variance = mean(&|responses| responses.broadcast_sub(&centre)?.sqr())?;
        let overall = variance.mean_keepdim((2, 3))?.sqrt()?;
        let least = ((overall * LEAST_SHARE)? + LEAST)?;
        self.spread.set(&variance.sqrt()?.broadcast_maximum(&least)?)
    }

    /// The feature vectors of images `x` `[n, 1, size, size]`, `[n, FEATURES, size / 2, size / 2]`: over healthy images each has mean 0
    /// and deviation 1.
    pub fn of(&self, x: &Tensor) -> Result<Tensor> {
        let off = self.filters.forward(x)?.broadcast_sub(&self.centre.as_detached_tensor())?;
        off.broadcast_div(&self.spread.as_detached_tensor())
    }

    /// As [`Features::of`].
    pub fn onnx(&self, graph: &mut Graph, x: &Value) -> Result<Value> {
        let responses = self.filters.onnx(graph, x)?;
        let centre = graph.constant(&self.centre.as_detached_tensor())?;
        let spread = graph.constant(&self.spread.as_detached_tensor())?;
        let off = graph.node("Sub", &[&responses, &centre], &[]);
        Ok(graph.node("Div", &[&off, &spread], &[]))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::detectors::contract::discs;
    use crate::detectors::fitting::chunks;

    #[test]
    fn healthy_features_have_mean_0_and_deviation_1_at_every_place() {
        let images = discs(150, 16, 1);
        let features = Features::new(16, &Device::Cpu).unwrap();
        let parts = || chunks(&images, &Device::Cpu);
        features.measure(parts).unwrap();
        let all: Vec<Tensor> = parts().map(|x| features.of(&x.unwrap()).unwrap()).collect();
        let all = Tensor::cat(&all, 0).unwrap();
        let values = |t: Tensor| t.flatten_all().unwrap().to_vec1::<f32>().unwrap();
        assert!(values(all.mean(0).unwrap()).iter().all(|v| v.abs() < 1e-3));
        let mean_squares = values(all.sqr().unwrap().mean(0).unwrap());
        // Less where a response hardly varies.
        assert!(mean_squares.iter().all(|&v| v < 1.001));
        assert!(mean_squares.iter().filter(|&&v| v > 0.999).count() > mean_squares.len() / 2);
    }

    #[test]
    fn images_that_never_vary_leave_finite_features() {
        let features = Features::new(16, &Device::Cpu).unwrap();
        let same = Tensor::full(0.5f32, (3, 1, 16, 16), &Device::Cpu).unwrap();
        features.measure(|| [Ok(same.clone())].into_iter()).unwrap();
        let other =
            features.of(&(same * 1.5).unwrap()).unwrap().flatten_all().unwrap().to_vec1::<f32>().unwrap();
        assert!(other.iter().all(|v| v.is_finite()) && other.iter().any(|v| *v > 100.0));
    }
}
