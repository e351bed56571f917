//! The critic, or discriminator: how real an image looks, its features, and its exact input gradient.

use candle_core::{Device, Result, Tensor};
use generators::stream::Stream;

use super::{HE, LEAKY, Units};
use crate::nets::onnx::{Graph, Value};
use crate::nets::{Activation, Conv2d, Init, Linear, NetsError, Parameters, apply_mask, dropout_mask};

/// Units of convolution, leaky ReLU and dropout, each of which halves the side, then one linear output. No batch norm: it
/// would mix the samples that the gradient penalty takes apart (Gulrajani et al. 2017, section 4).
///
/// Images are in -1 to 1.
#[derive(Clone, Debug)]
pub struct Critic {
    units: Vec<Conv2d>,
    output: Linear,
    size_px: usize,
    channels: Vec<usize>,
    device: Device,
}

/// One dropout mask per unit, `[n, channels, size, size]`; empty where nothing is dropped.
pub type Masks = Vec<Tensor>;

impl Critic {
    /// For images of `size_px`, as many units as `shape` has feature maps behind them.
    pub fn new(
        parameters: &mut Parameters,
        shape: &Units,
        size_px: usize,
        stream: &Stream,
    ) -> std::result::Result<Self, NetsError> {
        let channels = shape.channels.clone();
        let inputs = std::iter::once(1).chain(channels.iter().copied());
        let units = (inputs.zip(&channels).zip(1..))
            .map(|((inputs, &outputs), u)| {
                let (name, window) = (format!("unit.{u}"), shape.window(2));
                Conv2d::new(parameters, &name, [inputs, outputs], window, HE, stream)
            })
            .collect::<std::result::Result<Vec<_>, NetsError>>()?;
        let features = features(&channels, size_px);
        let output = Linear::new(parameters, "output", features, 1, Init::Kaiming, stream)?;
        Ok(Self { units, output, size_px, channels, device: parameters.device().clone() })
    }

    /// The same critic, through which no gradient reaches the weights.
    pub fn frozen(&self) -> Self {
        Self {
            units: self.units.iter().map(Conv2d::frozen).collect(),
            output: self.output.frozen(),
            ..self.clone()
        }
    }

    /// Masks for `n` images.
    pub fn masks(&self, n: usize, dropout: f64, stream: &mut Stream) -> Result<Masks> {
        if dropout == 0.0 {
            return Ok(Masks::new());
        }
        let mask = |unit| {
            let (channels, side) = (self.channels[unit], self.size_px >> (unit + 1));
            dropout_mask((n, channels, side, side), dropout, stream, &self.device)
        };
        (0..self.units.len()).map(mask).collect()
    }

    /// The result of every unit before dropout, the last one after it as well.
    fn activations(&self, x: &Tensor, masks: &[Tensor]) -> Result<(Vec<Tensor>, Tensor)> {
        let mut results = Vec::with_capacity(self.units.len());
        let mut h = x.clone();
        for (i, unit) in self.units.iter().enumerate() {
            let y = unit.forward(&h, LEAKY)?;
            h = match masks.get(i) {
                Some(mask) => apply_mask(&y, mask)?,
                None => y.clone(),
            };
            results.push(y);
        }
        Ok((results, h))
    }

    /// D_f: the last feature maps as vectors `[n, features]`.
    pub fn features(&self, x: &Tensor, masks: &[Tensor]) -> Result<Tensor> {
        self.activations(x, masks)?.1.flatten_from(1)
    }

    /// As [`Critic::features`], without dropout.
    pub fn features_onnx(&self, graph: &mut Graph, x: &Value) -> Result<Value> {
        let mut h = x.clone();
        for unit in &self.units {
            h = unit.onnx(graph, &h, LEAKY)?;
        }
        Ok(graph.node("Flatten", &[&h], &[]))
    }

    /// As [`Critic::forward`], without dropout.
    pub fn judge_onnx(&self, graph: &mut Graph, x: &Value) -> Result<Value> {
        let features = self.features_onnx(graph, x)?;
        let judged = self.output.onnx(graph, &features, Activation::Identity)?;
        // One number per image: its mean.
        Ok(graph.mean(&judged, 2))
    }

    /// Numbers in a feature vector.
    pub fn feature_count(&self) -> usize {
        features(&self.channels, self.size_px)
    }

    /// How real each image looks: `[n]`.
    pub fn forward(&self, x: &Tensor, masks: &[Tensor]) -> Result<Tensor> {
        self.judge(&self.features(x, masks)?)
    }

    /// How real the images of these features look: `[n]`.
    pub fn judge(&self, features: &Tensor) -> Result<Tensor> {
        self.output.forward(features, Activation::Identity)?.squeeze(1)
    }

    /// The gradient of [`Critic::forward`] with respect to each image `[n, 1, size, size]`, written forwards:
    /// the weights' gradient of anything made of it is exact (the leaky ReLU's slopes are constant almost everywhere).
    pub fn input_gradient(&self, x: &Tensor, masks: &[Tensor]) -> Result<Tensor> {
        let (results, last) = self.frozen().activations(x, masks)?;
        let n = x.dim(0)?;
        let one = Tensor::ones((n, 1), x.dtype(), x.device())?;
        let mut gradient =
            self.output.input_gradient(&one, &one, Activation::Identity)?.reshape(last.dims())?;
        for (i, unit) in self.units.iter().enumerate().rev() {
            if let Some(mask) = masks.get(i) {
                gradient = apply_mask(&gradient, mask)?;
            }
            let side = self.size_px >> i;
            gradient = unit.input_gradient(&gradient, &results[i], LEAKY, [side, side])?;
        }
        Ok(gradient)
    }
}

/// Numbers in the last feature maps.
fn features(channels: &[usize], size_px: usize) -> usize {
    let side = size_px >> channels.len();
    channels.last().copied().unwrap_or(1) * side * side
}

#[cfg(test)]
mod tests {
    use candle_core::Var;

    use super::*;
    use crate::nets::normal;

    fn critic(parameters: &mut Parameters) -> (Critic, Tensor, Masks) {
        let mut stream = Stream::root(4);
        let shape = Units::doubling(3, 2, 4);
        let critic = Critic::new(parameters, &shape, 16, &stream.child("weights")).unwrap();
        let x = normal((5, 1, 16, 16), &mut stream, &Device::Cpu).unwrap();
        let masks = critic.masks(5, 0.3, &mut stream).unwrap();
        (critic, x, masks)
    }

    fn penalty(critic: &Critic, x: &Tensor, masks: &[Tensor]) -> Tensor {
        let gradient = critic.input_gradient(x, masks).unwrap();
        let norm = gradient.sqr().unwrap().flatten_from(1).unwrap().sum(1).unwrap().sqrt().unwrap();
        (norm - 1.0).unwrap().sqr().unwrap().mean_all().unwrap()
    }

    /// Against candle's own first derivative.
    #[test]
    fn the_input_gradient_is_that_of_backpropagation() {
        let (critic, x, masks) = critic(&mut Parameters::new(&Device::Cpu));
        let x = Var::from_tensor(&x).unwrap();
        let total = critic.forward(&x, &masks).unwrap().sum_all().unwrap();
        let expected = total.backward().unwrap().get(&x).unwrap().flatten_all().unwrap();
        let found = critic.input_gradient(x.as_tensor(), &masks).unwrap().flatten_all().unwrap();
        let (expected, found) = (expected.to_vec1::<f32>().unwrap(), found.to_vec1::<f32>().unwrap());
        let largest = expected.iter().fold(0f32, |a, b| a.max(b.abs()));
        assert!(largest > 1e-3);
        assert!(expected.iter().zip(&found).all(|(a, b)| (a - b).abs() < 1e-5 * largest));
    }

    /// Against central differences, along the gradient of the weights of each layer: the second derivative.
    #[test]
    fn the_gradient_of_the_penalty_is_exact() {
        let mut parameters = Parameters::new(&Device::Cpu);
        let (critic, x, masks) = critic(&mut parameters);
        let gradients = penalty(&critic, &x, &masks).backward().unwrap();
        for (name, weight) in parameters.variables().filter(|(name, _)| name.ends_with("weight")) {
            let gradient = gradients.get(weight).unwrap();
            let norm = gradient.sqr().unwrap().sum_all().unwrap().sqrt().unwrap().to_scalar::<f32>().unwrap();
            let (start, step) = (weight.as_detached_tensor().copy().unwrap(), 1e-3);
            let at = |signed: f64| {
                let moved = (&start + (gradient * (signed / f64::from(norm))).unwrap()).unwrap();
                weight.set(&moved).unwrap();
                f64::from(penalty(&critic, &x, &masks).to_scalar::<f32>().unwrap())
            };
            let slope = (at(step) - at(-step)) / (2.0 * step);
            weight.set(&start).unwrap();
            assert!((slope / f64::from(norm) - 1.0).abs() < 0.02, "{name}: {slope} for {norm}");
        }
    }
}
