//! Tells the features of healthy places from fakes, and how it learns to.

use candle_core::{Device, Result, Tensor};
use generators::stream::Stream;

use super::filters::FEATURES;
use crate::nets::onnx::{Graph, Value};
use crate::nets::{
    Activation, BatchNorm2d, Conv2d, Init, Mode, NetsError, Parameters, Window,
    binary_cross_entropy_with_logits, normal, uniform,
};

/// Each place by itself: a linear layer over its features.
const PLACE: Window = Window::new(1, 1, 0);
const SLOPE: f32 = 0.2;
const LEAKY: Activation = Activation::LeakyRelu(SLOPE);

/// A linear layer, batch norm, a leaky ReLU and a linear layer, the same at every place (Tang and Jung 2023, section III.C).
#[derive(Debug)]
pub struct Discriminator {
    /// Weights.
    pub parameters: Parameters,
    hidden: Conv2d,
    norm: BatchNorm2d,
    output: Conv2d,
}

impl Discriminator {
    /// With `channels` units in its hidden layer.
    pub fn new(channels: usize, stream: &Stream, device: &Device) -> std::result::Result<Self, NetsError> {
        let mut parameters = Parameters::new(device);
        let p = &mut parameters;
        let he = Init::He { slope: f64::from(SLOPE) };
        let hidden = Conv2d::new(p, "hidden", [FEATURES, channels], PLACE, he, stream)?;
        let norm = BatchNorm2d::new(p, "norm", channels, stream)?;
        let output = Conv2d::new(p, "output", [channels, 1], PLACE, Init::Kaiming, stream)?;
        Ok(Self { parameters, hidden, norm, output })
    }

    /// Logit of D, the chance that a place is healthy: of features `[n, FEATURES, h, w]`, `[n, 1, h, w]`.
    pub fn logits(&self, features: &Tensor, mode: Mode) -> Result<Tensor> {
        let hidden = self.hidden.forward(features, Activation::Identity)?;
        self.output.forward(&self.norm.forward(&hidden, mode, LEAKY)?, Activation::Identity)
    }

    /// As [`Discriminator::logits`] after the training.
    pub fn onnx(&self, graph: &mut Graph, features: &Value) -> Result<Value> {
        let hidden = self.hidden.onnx(graph, features, Activation::Identity)?;
        let hidden = self.norm.onnx(graph, &hidden, LEAKY)?;
        self.output.onnx(graph, &hidden, Activation::Identity)
    }
}

/// Features of defects that nobody has seen: those of healthy places `[n, FEATURES, h, w]` with Gaussian noise on them, whose standard
/// deviation each place draws from `sigma` (eq. 4, with a mean of 0).
pub fn fakes(healthy: &Tensor, [low, high]: [f64; 2], stream: &Stream) -> Result<Tensor> {
    let (n, _, h, w) = healthy.dims4()?;
    let device = healthy.device();
    let sigma = uniform((n, 1, h, w), low, high, &mut stream.child("sigma"), device)?;
    healthy + normal(healthy.shape(), &mut stream.child("noise"), device)?.broadcast_mul(&sigma)?
}

/// Hardness-aware cross entropy (eqs. 5 to 7) of the logits of `healthy` places, which should be 1, and of `fake` ones, which should be
/// 0: the mean over each, added. Dividing logits by a temperature `tau` below 1 makes the loss look at those near the wrong side and
/// beyond it. The paper writes f / tau inside the logarithms, for the softmax-based losses that it takes the
/// temperature from (Wang and Liu 2021, arXiv:2012.09740): what is divided there is the logit.
pub fn hardness_aware_cross_entropy(healthy: &Tensor, fake: &Tensor, tau: f64) -> Result<Tensor> {
    let mean = |logits: &Tensor, targets: Tensor| {
        binary_cross_entropy_with_logits(&(logits / tau)?, &targets)? / logits.elem_count().max(1) as f64
    };
    mean(healthy, healthy.ones_like()?)? + mean(fake, fake.zeros_like()?)?
}

#[cfg(test)]
mod tests {
    use candle_core::Var;

    use super::*;

    const LOGITS: [[f32; 4]; 2] = [[2.0, -0.5, 0.1, -30.0], [-1.5, 0.25, 3.0, 60.0]];

    fn tensor(values: [f32; 4]) -> Tensor {
        Tensor::new(&values, &Device::Cpu).unwrap()
    }

    /// PyTorch 2.15:
    ///
    /// ```python
    /// import torch, torch.nn.functional as F
    /// torch.set_default_dtype(torch.float64)
    /// for tau in [1.0, 0.5, 0.2]:
    ///     h = torch.tensor([2, -0.5, 0.1, -30]).double().requires_grad_()
    ///     f = torch.tensor([-1.5, 0.25, 3, 60]).double().requires_grad_()
    ///     bce = F.binary_cross_entropy_with_logits
    ///     loss = bce(h / tau, torch.ones(4)) + bce(f / tau, torch.zeros(4))
    ///     loss.backward()
    ///     print(tau, *(f"{v:.6f}" for v in [loss, *h.grad, *f.grad]))
    /// ```
    const PYTORCH: [[f64; 10]; 3] = [
        [1.0, 23.955335, -0.029801, -0.155615, -0.118755, -0.250000, 0.045606, 0.140544, 0.238144, 0.250000],
        [0.5, 47.238673, -0.008993, -0.365529, -0.225083, -0.500000, 0.023713, 0.311230, 0.498764, 0.500000],
        [0.2, 117.388874, -0.000057, -1.155177, -0.471926, -1.250000, 0.000691, 0.971625, 1.250000, 1.250000],
    ];

    #[test]
    fn the_loss_and_its_gradient_are_pytorch_s() {
        for [tau, loss, gradients @ ..] in PYTORCH {
            let [healthy, fake] = LOGITS.map(|values| Var::from_tensor(&tensor(values)).unwrap());
            let found = hardness_aware_cross_entropy(&healthy, &fake, tau).unwrap();
            let close = |found: f32, expected: f64| {
                (f64::from(found) - expected).abs() < 1e-6 * expected.abs().max(1.0)
            };
            assert!(close(found.to_scalar().unwrap(), loss), "{tau}: {found} for {loss}");
            let store = found.backward().unwrap();
            let both = [healthy, fake].map(|of| store.get(&of).unwrap().to_vec1::<f32>().unwrap());
            for (found, expected) in both.concat().into_iter().zip(gradients) {
                assert!(close(found, expected), "{tau}: {found} for {expected}");
            }
        }
    }

    /// The slope between two values of the loss.
    #[test]
    fn the_weights_gradient_is_that_of_differences() {
        let network = Discriminator::new(3, &Stream::root(1), &Device::Cpu).unwrap();
        let healthy = normal((2, FEATURES, 3, 3), &mut Stream::root(2), &Device::Cpu).unwrap();
        let fake = fakes(&healthy, [1.0, 2.0], &Stream::root(3)).unwrap();
        let loss = || {
            let both = network.logits(&Tensor::cat(&[&healthy, &fake], 0).unwrap(), Mode::Training).unwrap();
            let [healthy, fake] = [0, 2].map(|start| both.narrow(0, start, 2).unwrap());
            hardness_aware_cross_entropy(&healthy, &fake, 0.5).unwrap()
        };
        let store = loss().backward().unwrap();
        let value = || f64::from(loss().to_scalar::<f32>().unwrap());
        for (name, var) in network.parameters.variables() {
            let gradient = store.get(var).unwrap().flatten_all().unwrap().to_vec1::<f32>().unwrap();
            let length = gradient.iter().map(|g| f64::from(g * g)).sum::<f64>().sqrt();
            // The norm takes away what a bias before it adds.
            if name == "hidden.bias" {
                assert!(length < 1e-4, "{length}");
                continue;
            }
            // Along the gradient itself, in which the loss changes most.
            let (start, along) = (var.as_detached_tensor().copy().unwrap(), store.get(var).unwrap());
            let at = |step: f64| {
                var.set(&(&start + (along * (step / length)).unwrap()).unwrap()).unwrap();
                value()
            };
            let step = 1e-3;
            let slope = (at(step) - at(-step)) / (2.0 * step);
            var.set(&start).unwrap();
            assert!((slope - length).abs() < 0.02 * length + 1e-3, "{name}: {slope} for {length}");
        }
    }

    /// Of the noise of n numbers, the mean square is that of its deviation; deviations lie in their range, evenly.
    #[test]
    fn fakes_scatter_as_far_as_their_range_says() {
        let healthy = Tensor::full(3.0f32, (4, FEATURES, 40, 40), &Device::Cpu).unwrap();
        let noise = (fakes(&healthy, [0.5, 2.0], &Stream::root(1)).unwrap() - &healthy).unwrap();
        let squares = noise.sqr().unwrap().mean(1).unwrap().flatten_all().unwrap().to_vec1::<f32>().unwrap();
        let mean = |values: &[f32]| values.iter().map(|v| f64::from(*v)).sum::<f64>() / values.len() as f64;
        // The mean of s² for s uniform between a and b: (a² + a b + b²) / 3. 6400 places.
        let expected = (0.25 + 1.0 + 4.0) / 3.0;
        assert!((mean(&squares) / expected - 1.0).abs() < 0.05, "{}", mean(&squares));
        let all = noise.flatten_all().unwrap().to_vec1::<f32>().unwrap();
        assert!(mean(&all).abs() < 0.02);
        // The mean of s⁴, which a single s for all would miss: (a⁴ + a³ b + a² b² + a b³ + b⁴) / 5, and 1 + 2 / n times that of
        // means of n squares.
        let fourth = (0.0625 + 0.25 + 1.0 + 4.0 + 16.0) / 5.0 * (1.0 + 2.0 / FEATURES as f64);
        let found = mean(&squares.iter().map(|v| v * v).collect::<Vec<_>>());
        assert!((found / fourth - 1.0).abs() < 0.1, "{found} for {fourth}");
        // No place is louder than the greatest deviation makes it, five of its own deviations of sqrt(2 / n) aside.
        let wide = 5.0 * (2.0 / FEATURES as f32).sqrt();
        assert!(squares.iter().all(|v| *v < 4.0 * (1.0 + wide)));
        let one = (fakes(&healthy, [1.5, 1.5], &Stream::root(2)).unwrap() - &healthy).unwrap();
        let one = one.flatten_all().unwrap().to_vec1::<f32>().unwrap();
        let deviation = mean(&one.iter().map(|v| v * v).collect::<Vec<_>>()).sqrt();
        assert!((deviation / 1.5 - 1.0).abs() < 0.01, "{deviation}");
    }
}
