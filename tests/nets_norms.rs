//! Layer and instance norm and nearest upsampling: against plain loops in f64, finite differences and candle's own.
#![allow(clippy::unwrap_used)]

mod tensors;

use candle_core::{Device, Tensor, Var};
use generators::stream::Stream;
use synthgen::nets::{Activation, InstanceNorm2d, LayerNorm, Parameters, normal, upsample_nearest};
use tensors::{assert_close, floats};

const LEAKY: Activation = Activation::LeakyRelu(0.2);

fn doubles(tensor: &Tensor) -> Vec<f64> {
    floats(tensor).into_iter().map(f64::from).collect()
}

fn draw(shape: &[usize], name: &str) -> Var {
    Var::from_tensor(&normal(shape, &mut Stream::root(3).child(name), &Device::Cpu).unwrap()).unwrap()
}

/// Either layer.
enum Norm {
    Layer(LayerNorm),
    Instance(InstanceNorm2d),
}

/// Batch, channels, height, width.
const SHAPES: [[usize; 4]; 6] =
    [[3, 4, 5, 6], [1, 1, 3, 3], [2, 3, 1, 7], [1, 5, 16, 16], [7, 1, 3, 1], [4, 33, 4, 4]];

struct Case {
    norm: Norm,
    shape: [usize; 4],
    weight: Var,
    bias: Var,
}

impl Case {
    fn all() -> impl Iterator<Item = Self> {
        SHAPES.into_iter().flat_map(|shape| [Self::new(shape, true), Self::new(shape, false)])
    }

    fn new(shape: [usize; 4], layer: bool) -> Self {
        let (mut parameters, stream) = (Parameters::new(&Device::Cpu), Stream::root(1));
        let norm = match layer {
            true => Norm::Layer(LayerNorm::new(&mut parameters, "n", &shape[1..], &stream).unwrap()),
            false => Norm::Instance(InstanceNorm2d::new(&mut parameters, "n", shape[1], &stream).unwrap()),
        };
        let var = |name: &str| parameters.variables().find(|(n, _)| *n == name).unwrap().1.clone();
        let (weight, bias) = (var("n.weight"), var("n.bias"));
        weight.set(&(draw(weight.dims(), "weight").as_tensor() + 1.0).unwrap()).unwrap();
        bias.set(&draw(bias.dims(), "bias")).unwrap();
        Self { norm, shape, weight, bias }
    }

    fn forward(&self, x: &Tensor) -> Tensor {
        match &self.norm {
            Norm::Layer(norm) => norm.forward(x, LEAKY).unwrap(),
            Norm::Instance(norm) => norm.forward(x, LEAKY).unwrap(),
        }
    }

    fn input_gradient(&self, upstream: &Tensor, x: &Tensor, output: &Tensor) -> Tensor {
        match &self.norm {
            Norm::Layer(norm) => norm.input_gradient(upstream, x, output, LEAKY).unwrap(),
            Norm::Instance(norm) => norm.input_gradient(upstream, x, output, LEAKY).unwrap(),
        }
    }

    /// Values that are normalised together, and the index of the weight of value `i`.
    fn plan(&self) -> (usize, impl Fn(usize) -> usize) {
        let [_, channels, height, width] = self.shape;
        let (px, whole) = (height * width, matches!(self.norm, Norm::Layer(_)));
        (
            if whole { channels * px } else { px },
            move |i| {
                if whole { i % (channels * px) } else { i / px % channels }
            },
        )
    }

    /// The result and, for `upstream`, the gradients of x, weight and bias, in f64.
    fn reference(&self, x: &[f64], upstream: &[f64]) -> [Vec<f64>; 4] {
        let (weight, bias) = (doubles(&self.weight), doubles(&self.bias));
        let (count, of) = self.plan();
        let mut all = [vec![], vec![], vec![0.0; weight.len()], vec![0.0; weight.len()]];
        for (row, x) in x.chunks_exact(count).enumerate() {
            let n = count as f64;
            let mean = x.iter().sum::<f64>() / n;
            let scale = (x.iter().map(|x| (x - mean).powi(2)).sum::<f64>() / n + 1e-5).sqrt().recip();
            let h: Vec<f64> = x.iter().map(|x| (x - mean) * scale).collect();
            let mut inner = vec![0.0; count];
            for i in 0..count {
                let at = row * count + i;
                let z = h[i] * weight[of(at)] + bias[of(at)];
                let masked = upstream[at] * if z > 0.0 { 1.0 } else { f64::from(0.2f32) };
                all[0].push(if z > 0.0 { z } else { z * f64::from(0.2f32) });
                all[2][of(at)] += masked * h[i];
                all[3][of(at)] += masked;
                inner[i] = masked * weight[of(at)];
            }
            let plain = inner.iter().sum::<f64>() / n;
            let along = inner.iter().zip(&h).map(|(u, h)| u * h).sum::<f64>() / n;
            all[1].extend(inner.iter().zip(&h).map(|(u, h)| scale * (u - plain - h * along)));
        }
        all
    }
}

#[test]
fn norms_and_their_gradients_equal_plain_loops() {
    for case in Case::all() {
        let what = format!("{:?} {}", case.shape, matches!(case.norm, Norm::Layer(_)));
        if matches!(case.norm, Norm::Instance(_)) && case.shape[2] * case.shape[3] < 2 {
            continue;
        }
        let (x, upstream) = (draw(&case.shape, "x"), draw(&case.shape, "upstream"));
        let y = case.forward(&x);
        let gradients = (&y * upstream.as_tensor()).unwrap().sum_all().unwrap().backward().unwrap();
        let [value, dx, dw, db] = case.reference(&doubles(&x), &doubles(&upstream));
        assert_close(&what, &floats(&y), &value, 1e-5);
        for (name, var, expected) in
            [("x", &x, &dx), ("weight", &case.weight, &dw), ("bias", &case.bias, &db)]
        {
            assert_close(&format!("{what} {name}"), &floats(gradients.get(var).unwrap()), expected, 2e-5);
        }
        let upward = case.input_gradient(&upstream, &x, &y);
        assert_close(&format!("{what} input gradient"), &floats(&upward), &dx, 2e-5);
    }
}

/// The squared norm of the input gradient, differentiated in x and in the weight, against central differences
/// of the reference in f64: what a gradient penalty needs.
#[test]
fn second_derivatives_are_exact() {
    for case in Case::all() {
        let what = format!("{:?} {}", case.shape, matches!(case.norm, Norm::Layer(_)));
        let (x, upstream) = (draw(&case.shape, "x"), draw(&case.shape, "upstream"));
        let inner = case.input_gradient(&upstream, &x, &case.forward(&x).detach());
        let penalty = inner.sqr().unwrap().sum_all().unwrap();
        let gradient = floats(penalty.backward().unwrap().get(&x).unwrap());
        let (start, up) = (doubles(&x), doubles(&upstream));
        // Away from the kinks of the leaky ReLU: the step changes no sign.
        let step = 1e-6;
        let at = |i: usize, by: f64| {
            let mut moved = start.clone();
            moved[i] += by;
            case.reference(&moved, &up)[1].iter().map(|g| g * g).sum::<f64>()
        };
        let expected: Vec<f64> =
            (0..start.len()).map(|i| (at(i, step) - at(i, -step)) / (2.0 * step)).collect();
        assert_close(&what, &gradient, &expected, 2e-4);
    }
}

/// Way 1 of the gradient penalty, through candle's own second backward pass. candle keeps the graph of the first only
/// where an environment variable says so when the process starts: the test runs itself again.
#[test]
fn a_second_backward_pass_is_exact() {
    const KEEP: &str = "CANDLE_GRAD_DO_NOT_DETACH";
    if std::env::var_os(KEEP).is_none() {
        let run = std::process::Command::new(std::env::current_exe().unwrap())
            .args(["--exact", "a_second_backward_pass_is_exact"])
            .env(KEEP, "1")
            .output()
            .unwrap();
        assert!(run.status.success(), "{}", String::from_utf8_lossy(&run.stdout));
        return;
    }
    for case in Case::all() {
        let (x, upstream) = (draw(&case.shape, "x"), draw(&case.shape, "upstream"));
        let y = case.forward(&x);
        let first = (&y * upstream.as_tensor()).unwrap().sum_all().unwrap().backward().unwrap();
        let twice = first.get(&x).unwrap().sqr().unwrap().sum_all().unwrap().backward().unwrap();
        let once = case.input_gradient(&upstream, &x, &y.detach()).sqr().unwrap().sum_all().unwrap();
        let once = once.backward().unwrap();
        for var in [&x, &case.weight] {
            let expected = floats(once.get(var).unwrap());
            assert_close("second derivative", &floats(twice.get(var).unwrap()), &expected, 1e-5);
        }
    }
}

/// Against candle's own forward pass, and its backward pass where x is used once; where it is used twice candle
/// forgets one of the two.
#[test]
fn upsampling_repeats_pixels_and_sums_gradients() {
    for ([batch, channels, height, width], factor) in
        [([2, 3, 4, 5], 2), ([1, 1, 1, 1], 4), ([3, 2, 7, 3], 3), ([1, 2, 5, 6], 1)]
    {
        let x = draw(&[batch, channels, height, width], "x");
        let (h, w) = (height * factor, width * factor);
        let upstream = draw(&[batch, channels, h, w], "upstream");
        let gradient = |y: &Tensor| {
            let loss = (y * upstream.as_tensor()).unwrap().sum_all().unwrap();
            floats(loss.backward().unwrap().get(&x).unwrap())
        };
        let (ours, theirs) = (upsample_nearest(&x, factor).unwrap(), x.upsample_nearest2d(h, w).unwrap());
        assert_eq!(floats(&ours), floats(&theirs));
        let expected = gradient(&theirs);
        assert_close("gradient", &gradient(&ours), &expected, 1e-6);
        let twice: Vec<f32> = expected.iter().map(|g| 3.0 * g).collect();
        let skipped = (&ours + (upsample_nearest(&x, factor).unwrap() * 2.0).unwrap()).unwrap();
        assert_close("two uses", &gradient(&skipped), &twice, 1e-6);
    }
    assert!(upsample_nearest(&draw(&[1, 1, 2, 2], "x"), 0).is_err());
}

#[test]
fn what_does_not_fit_is_refused() {
    let (mut parameters, stream) = (Parameters::new(&Device::Cpu), Stream::root(1));
    let layer = LayerNorm::new(&mut parameters, "layer", &[2, 3], &stream).unwrap();
    let instance = InstanceNorm2d::new(&mut parameters, "instance", 2, &stream).unwrap();
    let refused = |result: candle_core::Result<Tensor>, words: &str| {
        let message = result.unwrap_err().to_string();
        assert!(message.contains(words), "{message}");
    };
    refused(layer.forward(&draw(&[4, 3, 2], "x"), LEAKY), "samples of [2, 3]");
    refused(layer.forward(&draw(&[2, 3], "x"), LEAKY), "samples of [2, 3]");
    refused(instance.forward(&draw(&[1, 3, 2, 2], "x"), LEAKY), "over 2 channels");
    refused(instance.forward(&draw(&[1, 2, 1, 1], "x"), LEAKY), "more than one pixel");
}
