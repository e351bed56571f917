//! The operators on an NVIDIA card against the processor, and a training there that is cut and resumed. Skipped where the
//! program is built without the feature `cuda` or finds no card.
#![allow(clippy::unwrap_used)]

mod tensors;

use std::path::Path;

use candle_core::{Device, Result, Tensor, Var};
use generators::stream::Stream;
use synthgen::nets::checkpoint::{self, Checkpoint};
use synthgen::nets::device::{self, Place};
use synthgen::nets::{
    Activation, Adam, BatchNorm2d, Conv2d, ConvTranspose2d, Init, InstanceNorm2d, LayerNorm, Linear, Mode,
    Parameters, Window, apply_mask, binary_cross_entropy_with_logits, dropout_mask, normal, upsample_nearest,
};
use tensors::{assert_close, floats};

const LEAKY: Activation = Activation::LeakyRelu(0.2);

/// The first card, or a printed line.
fn card() -> Option<Device> {
    let device = Place::Best.open().unwrap();
    if device.is_cpu() {
        println!("skipped: no NVIDIA card, or built without --features cuda");
        return None;
    }
    println!("on {}", device::name(&device));
    Some(device)
}

fn draw(shape: &[usize], name: &str, device: &Device) -> Tensor {
    normal(shape, &mut Stream::root(11).child(name), device).unwrap()
}

type Forward = Box<dyn Fn(&Tensor) -> Result<Tensor>>;

/// A network with one layer and no more, and the shape of its input.
struct Case {
    name: &'static str,
    input: Vec<usize>,
    build: fn(&mut Parameters) -> Forward,
}

fn conv(p: &mut Parameters, channels: [usize; 2], window: Window) -> Forward {
    let layer = Conv2d::new(p, "layer", channels, window, Init::Kaiming, &Stream::root(1)).unwrap();
    Box::new(move |x| layer.forward(x, LEAKY))
}

fn transposed(p: &mut Parameters, channels: [usize; 2], window: Window) -> Forward {
    let layer = ConvTranspose2d::new(p, "layer", channels, window, Init::Kaiming, &Stream::root(1)).unwrap();
    Box::new(move |x| layer.forward(x, LEAKY))
}

fn cases() -> Vec<Case> {
    let case = |name, input: &[usize], build| Case { name, input: input.to_vec(), build };
    vec![
        case("convolution", &[16, 32, 32, 32], |p| conv(p, [32, 64], Window::new(4, 2, 1))),
        case("one channel", &[5, 1, 17, 13], |p| conv(p, [1, 3], Window::new(3, 1, 1))),
        case("stride 3", &[1, 4, 11, 13], |p| conv(p, [4, 3], Window::new(3, 3, 0))),
        case("dilation", &[2, 3, 12, 10], |p| conv(p, [3, 4], Window::new(3, 2, 2).dilated(2))),
        case("groups", &[3, 6, 8, 7], |p| conv(p, [6, 4], Window::new(3, 1, 1).grouped(2))),
        case("depthwise", &[2, 5, 9, 9], |p| conv(p, [5, 5], Window::new(4, 2, 1).grouped(5))),
        case("transposed", &[16, 64, 8, 8], |p| transposed(p, [64, 32], Window::new(4, 2, 1))),
        case("transposed, groups", &[2, 4, 5, 3], |p| {
            transposed(p, [4, 2], Window::new(3, 3, 1).grouped(2).dilated(2))
        }),
        case("linear", &[33, 290], |p| {
            let layer = Linear::new(p, "layer", 290, 31, Init::Kaiming, &Stream::root(1)).unwrap();
            Box::new(move |x| layer.forward(x, LEAKY))
        }),
        case("batch norm", &[7, 5, 6, 9], |p| {
            let layer = BatchNorm2d::new(p, "layer", 5, &Stream::root(1)).unwrap();
            Box::new(move |x| layer.forward(x, Mode::Training, LEAKY))
        }),
        case("batch norm in inference", &[7, 5, 6, 9], |p| {
            let layer = BatchNorm2d::new(p, "layer", 5, &Stream::root(1)).unwrap();
            Box::new(move |x| layer.forward(x, Mode::Inference, LEAKY))
        }),
        case("layer norm", &[5, 33, 4, 4], |p| {
            let layer = LayerNorm::new(p, "layer", &[33, 4, 4], &Stream::root(1)).unwrap();
            Box::new(move |x| layer.forward(x, LEAKY))
        }),
        case("instance norm", &[5, 3, 17, 4], |p| {
            let layer = InstanceNorm2d::new(p, "layer", 3, &Stream::root(1)).unwrap();
            Box::new(move |x| layer.forward(x, LEAKY))
        }),
        case("upsampling", &[2, 3, 5, 7], |_| Box::new(|x| upsample_nearest(x, 3))),
        case("dropout", &[2, 3, 5, 7], |_| {
            Box::new(|x| apply_mask(x, &dropout_mask(x.dims(), 0.3, &mut Stream::root(2), x.device())?))
        }),
        case("cross entropy", &[40, 9], |_| {
            Box::new(|x| {
                let targets = x.affine(0.0, 0.3)?;
                binary_cross_entropy_with_logits(x, &targets)
            })
        }),
    ]
}

/// The result and the gradients of the input and of every variable, for an upstream gradient of waves.
fn all(case: &Case, device: &Device) -> Vec<Vec<f32>> {
    let mut parameters = Parameters::new(device);
    let layer = (case.build)(&mut parameters);
    for (name, var) in parameters.variables() {
        let by = (draw(var.dims(), name, device) * 0.3).unwrap();
        var.set(&(var.as_detached_tensor() + by).unwrap()).unwrap();
    }
    let x = Var::from_tensor(&draw(&case.input, "x", device)).unwrap();
    let y = layer(&x).unwrap();
    let upstream = draw(y.dims(), "upstream", device);
    let gradients = (&y * upstream).unwrap().sum_all().unwrap().backward().unwrap();
    let mut all = vec![floats(&y), floats(gradients.get(&x).unwrap())];
    all.extend(parameters.variables().map(|(_, var)| floats(gradients.get(var).unwrap())));
    all
}

#[test]
fn operators_and_gradients_are_those_of_the_processor() {
    let Some(card) = card() else { return };
    for (tf32, tolerance) in [(true, 1e-3), (false, 1e-6)] {
        device::allow_tf32(tf32);
        for case in cases() {
            let (found, expected) = (all(&case, &card), all(&case, &Device::Cpu));
            assert_eq!(found.len(), expected.len());
            for (i, (found, expected)) in found.iter().zip(&expected).enumerate() {
                assert_close(&format!("{}: tensor {i}", case.name), found, expected, tolerance);
            }
        }
    }
    device::allow_tf32(true);
}

/// The gradient penalty: the layers' input gradients as forward expressions, differentiated.
#[test]
fn second_derivatives_are_those_of_the_processor() {
    let Some(card) = card() else { return };
    device::allow_tf32(false);
    let penalty = |device: &Device| {
        let (mut p, stream) = (Parameters::new(device), Stream::root(4));
        let conv =
            Conv2d::new(&mut p, "conv", [2, 6], Window::new(4, 2, 1), Init::He { slope: 0.2 }, &stream)
                .unwrap();
        let norm = LayerNorm::new(&mut p, "norm", &[6, 5, 4], &stream).unwrap();
        let x = draw(&[3, 2, 10, 8], "x", device);
        let features = conv.forward(&x, LEAKY).unwrap();
        let output = norm.forward(&features, LEAKY).unwrap().detach();
        let upstream = draw(output.dims(), "upstream", device);
        let inner = norm.input_gradient(&upstream, &features, &output, LEAKY).unwrap();
        let inner = conv.input_gradient(&inner, &features.detach(), LEAKY, [10, 8]).unwrap();
        let gradients = inner.sqr().unwrap().sum_all().unwrap().backward().unwrap();
        let of = |name: &str| p.variables().find(|(n, _)| *n == name).unwrap().1.clone();
        ["conv.weight", "norm.weight"].map(|name| floats(gradients.get(&of(name)).unwrap())).concat()
    };
    let (found, expected) = (penalty(&card), penalty(&Device::Cpu));
    assert_close("second derivative", &found, &expected, 1e-5);
    device::allow_tf32(true);
}

/// Steps `from` to `to` of a small training, from the state in `file` where there is one; the weights in the end.
fn train(device: &Device, file: &Path, from: usize, to: usize) -> Vec<f32> {
    let mut parameters = Parameters::new(device);
    let (stream, window) = (Stream::root(5), Window::new(4, 2, 1));
    let conv = Conv2d::new(&mut parameters, "conv", [1, 8], window, Init::Kaiming, &stream).unwrap();
    let norm = BatchNorm2d::new(&mut parameters, "norm", 8, &stream).unwrap();
    let back = ConvTranspose2d::new(&mut parameters, "back", [8, 1], window, Init::Kaiming, &stream).unwrap();
    let mut adam = Adam::new(&parameters, 1e-2, 0.9, 0.999).unwrap();
    let loaded = checkpoint::load(file, "run", &[("net", &parameters)], &mut [("net", &mut adam)]).unwrap();
    assert_eq!(loaded.map_or(0, |state| state.step), from);
    for step in from..to {
        let x = draw(&[8, 1, 16, 16], &format!("step {step}"), device);
        let h = conv.forward(&x, LEAKY).unwrap();
        let h = norm.forward(&h, Mode::Training, LEAKY).unwrap();
        let loss = (back.forward(&h, Activation::Identity).unwrap() - &x).unwrap().sqr().unwrap();
        adam.step(&loss.mean_all().unwrap().backward().unwrap()).unwrap();
    }
    let state = Checkpoint { fingerprint: "run".to_owned(), step: to, ..Default::default() };
    checkpoint::save(file, &state, &[("net", &parameters)], &[("net", &adam)]).unwrap();
    parameters.variables().flat_map(|(_, var)| floats(var)).collect()
}

#[test]
fn a_training_that_is_cut_goes_on_to_the_same_weights() {
    let Some(card) = card() else { return };
    device::deterministic(true);
    let folder = tempfile::tempdir().unwrap();
    let whole = train(&card, &folder.path().join("whole"), 0, 25);
    train(&card, &folder.path().join("cut"), 0, 11);
    let resumed = train(&card, &folder.path().join("cut"), 11, 25);
    device::deterministic(false);
    assert_eq!(whole, resumed);
}
