//! Convolutions against plain loops in f64, on ordinary and awkward shapes, at several numbers of threads.
#![allow(clippy::unwrap_used)]

mod tensors;

use candle_core::{Device, Tensor, Var};
use generators::stream::Stream;
use synthgen::nets::{Activation, Conv2d, ConvTranspose2d, Init, Parameters, Window, normal};
use tensors::{assert_close, floats};

/// Batch, input channels, height, width, output channels, window.
type Case = ([usize; 5], Window);

const fn case(sizes: [usize; 5], kernel: usize, stride: usize, padding: usize) -> Case {
    (sizes, Window::new(kernel, stride, padding))
}

/// `case` with weights `dilation` pixels apart, in `groups` groups of channels.
const fn sparse((sizes, window): Case, dilation: usize, groups: usize) -> Case {
    (sizes, window.dilated(dilation).grouped(groups))
}

const CASES: [Case; 26] = [
    case([3, 2, 8, 8, 5], 4, 2, 1),
    case([2, 3, 9, 7, 4], 3, 1, 1),
    case([1, 1, 5, 5, 1], 5, 1, 0),
    // Stride 3; rows and columns that no window reaches.
    case([2, 4, 11, 13, 3], 3, 3, 0),
    case([2, 3, 10, 12, 2], 2, 3, 1),
    // The window is larger than the image without its padding.
    case([2, 2, 2, 3, 3], 5, 2, 2),
    // Padding as large as the window.
    case([1, 2, 4, 4, 2], 2, 1, 2),
    case([1, 1, 1, 1, 1], 1, 1, 0),
    // Several images in one matrix product, the last group smaller.
    case([21, 3, 8, 8, 6], 4, 2, 1),
    case([70, 5, 4, 4, 3], 3, 1, 1),
    // One image in several products, the last smaller.
    case([9, 3, 40, 34, 4], 3, 1, 1),
    case([1, 2, 70, 66, 3], 5, 2, 2),
    // Channels in several blocks.
    case([6, 67, 8, 8, 70], 3, 1, 1),
    case([4, 40, 4, 6, 130], 4, 2, 1),
    // More taps than are unfolded at a time: all threads on one product, then one product per thread.
    case([5, 70, 4, 4, 67], 4, 1, 1),
    case([170, 70, 4, 4, 5], 4, 2, 2),
    // Dilation: along and across the phases of the stride, wider than the image without its padding.
    sparse(case([2, 3, 9, 11, 4], 3, 1, 2), 2, 1),
    sparse(case([3, 2, 12, 10, 3], 3, 2, 2), 2, 1),
    sparse(case([1, 1, 13, 17, 2], 2, 3, 1), 5, 1),
    sparse(case([2, 2, 4, 3, 2], 3, 2, 4), 3, 1),
    sparse(case([5, 3, 7, 7, 2], 1, 2, 0), 4, 1),
    // Groups: few, depthwise, depthwise with several outputs per channel, all of it at once.
    sparse(case([3, 6, 8, 7, 4], 3, 1, 1), 1, 2),
    sparse(case([2, 5, 9, 9, 5], 4, 2, 1), 1, 5),
    sparse(case([1, 3, 6, 8, 9], 3, 1, 1), 1, 3),
    sparse(case([20, 4, 8, 8, 8], 3, 3, 2), 2, 4),
    sparse(case([1, 1, 1, 1, 1], 1, 1, 0), 3, 1),
];

/// Height and width of the features of a case.
fn feature_px(([_, _, height, width, _], window): Case) -> (usize, usize) {
    let Window { kernel, stride, padding, dilation, .. } = window;
    let side = |px: usize| (px + 2 * padding - (kernel - 1) * dilation - 1) / stride + 1;
    (side(height), side(width))
}

/// For every product that a convolution sums: index of the image, of the weight, of the feature.
fn visit(case: Case, mut f: impl FnMut(usize, usize, usize)) {
    let ([batch, inputs, height, width, outputs], window) = case;
    let Window { kernel, stride, padding, dilation, groups } = window;
    let ((h, w), share) = (feature_px(case), inputs / groups);
    for (b, o, y, x) in
        (0..batch * outputs * h * w).map(|i| (i / (outputs * h * w), i / (h * w) % outputs, i / w % h, i % w))
    {
        for (i, ky, kx) in
            (0..share * kernel * kernel).map(|i| (i / (kernel * kernel), i / kernel % kernel, i % kernel))
        {
            let (iy, ix) = (y * stride + ky * dilation, x * stride + kx * dilation);
            let channel = o / (outputs / groups) * share + i;
            if iy >= padding && ix >= padding && iy < height + padding && ix < width + padding {
                f(
                    ((b * inputs + channel) * height + iy - padding) * width + ix - padding,
                    ((o * share + i) * kernel + ky) * kernel + kx,
                    ((b * outputs + o) * h + y) * w + x,
                );
            }
        }
    }
}

fn network(weights: [usize; 2], window: Window, transposed: bool) -> (Parameters, Conv2d, ConvTranspose2d) {
    let (mut parameters, stream) = (Parameters::new(&Device::Cpu), Stream::root(3));
    let init = Init::Normal { std: 0.7 };
    let (forward, backward) = if transposed { ("unused", "layer") } else { ("layer", "unused") };
    let conv = Conv2d::new(&mut parameters, forward, weights, window, init, &stream).unwrap();
    let [inputs, outputs] = weights;
    let back =
        ConvTranspose2d::new(&mut parameters, backward, [outputs, inputs], window, init, &stream).unwrap();
    let bias: Vec<(String, Var)> = parameters
        .variables()
        .filter(|v| v.0.ends_with("bias"))
        .map(|(n, v)| (n.to_owned(), v.clone()))
        .collect();
    for (name, var) in bias {
        var.set(&normal(var.dims(), &mut stream.child(&name).child("bias"), &Device::Cpu).unwrap()).unwrap();
    }
    (parameters, conv, back)
}

fn variable(parameters: &Parameters, name: &str) -> Var {
    parameters.variables().find(|(n, _)| *n == name).unwrap().1.clone()
}

fn leaky(x: f64, slope: f64) -> f64 {
    if x > 0.0 { x } else { slope * x }
}

#[test]
fn convolution_and_its_gradients_equal_plain_loops() {
    for (number, case) in CASES.into_iter().enumerate() {
        let ([batch, inputs, height, width, outputs], window) = case;
        let (parameters, conv, _) = network([inputs, outputs], window, false);
        let mut stream = Stream::root(4).item("case", number);
        let x = Var::from_tensor(&normal((batch, inputs, height, width), &mut stream, &Device::Cpu).unwrap())
            .unwrap();
        let y = conv.forward(&x, Activation::LeakyRelu(0.2)).unwrap();
        let upstream = normal(y.dims(), &mut stream, &Device::Cpu).unwrap();
        let gradients = (&y * &upstream).unwrap().sum_all().unwrap().backward().unwrap();
        let (weight, bias) = (variable(&parameters, "layer.weight"), variable(&parameters, "layer.bias"));

        let (xs, ws, bs) = (floats(&x), floats(&weight), floats(&bias));
        let (h, w) = (y.dim(2).unwrap(), y.dim(3).unwrap());
        let channel = |feature: usize| feature / (h * w) % outputs;
        let mut expected: Vec<f64> = (0..y.elem_count()).map(|f| f64::from(bs[channel(f)])).collect();
        visit(case, |i, k, f| expected[f] += f64::from(xs[i]) * f64::from(ws[k]));
        let masked: Vec<f64> = expected
            .iter()
            .zip(floats(&upstream))
            .map(|(z, u)| f64::from(u) * if *z > 0.0 { 1.0 } else { f64::from(0.2f32) })
            .collect();
        let expected: Vec<f64> = expected.into_iter().map(|z| leaky(z, f64::from(0.2f32))).collect();
        assert_close(&format!("forward of {case:?}"), &floats(&y), &expected, 1e-5);

        let (mut dx, mut dw, mut db) = (vec![0.0; xs.len()], vec![0.0; ws.len()], vec![0.0; bs.len()]);
        visit(case, |i, k, f| {
            dx[i] += masked[f] * f64::from(ws[k]);
            dw[k] += masked[f] * f64::from(xs[i]);
        });
        masked.iter().enumerate().for_each(|(f, m)| db[channel(f)] += m);
        for (what, var, expected) in [("input", &x, dx), ("weight", &weight, dw), ("bias", &bias, db)] {
            let found = floats(gradients.get(var).unwrap());
            assert_close(&format!("{what} gradient of {case:?}"), &found, &expected, 1e-5);
        }
        let upward = conv.input_gradient(&upstream, &y, Activation::LeakyRelu(0.2), [height, width]).unwrap();
        assert_eq!(floats(&upward), floats(gradients.get(&x).unwrap()), "input gradient of {case:?}");
    }
}

#[test]
fn transposed_convolution_and_its_gradients_equal_plain_loops() {
    for (number, case) in CASES.into_iter().enumerate() {
        let ([batch, inputs, height, _, outputs], window) = case;
        let Window { kernel, stride, padding, dilation, .. } = window;
        let ((h, w), extent) = (feature_px(case), (kernel - 1) * dilation + 1);
        // The output padding that gives back the height; the width may come out smaller.
        let output_padding = height + 2 * padding - extent - (h - 1) * stride;
        let (width_back, height_back) = ((w - 1) * stride + extent + output_padding - 2 * padding, height);
        let case = ([batch, inputs, height_back, width_back, outputs], window);
        let w = feature_px(case).1;
        let (parameters, _, layer) = network([inputs, outputs], window, true);
        let layer = layer.with_output_padding(output_padding);
        let mut stream = Stream::root(5).item("case", number);
        let x =
            Var::from_tensor(&normal((batch, outputs, h, w), &mut stream, &Device::Cpu).unwrap()).unwrap();
        let y = layer.forward(&x, Activation::Relu).unwrap();
        assert_eq!(y.dims(), [batch, inputs, height_back, width_back], "{case:?}");
        let upstream = normal(y.dims(), &mut stream, &Device::Cpu).unwrap();
        let gradients = (&y * &upstream).unwrap().sum_all().unwrap().backward().unwrap();
        let (weight, bias) = (variable(&parameters, "layer.weight"), variable(&parameters, "layer.bias"));

        let (xs, ws, bs) = (floats(&x), floats(&weight), floats(&bias));
        let channel = |pixel: usize| pixel / (height_back * width_back) % inputs;
        let mut expected: Vec<f64> = (0..y.elem_count()).map(|i| f64::from(bs[channel(i)])).collect();
        visit(case, |i, k, f| expected[i] += f64::from(xs[f]) * f64::from(ws[k]));
        let both = expected.iter().zip(floats(&upstream));
        let masked: Vec<f64> = both.map(|(z, u)| if *z > 0.0 { f64::from(u) } else { 0.0 }).collect();
        let expected: Vec<f64> = expected.into_iter().map(|z| z.max(0.0)).collect();
        assert_close(&format!("forward of {case:?}"), &floats(&y), &expected, 1e-5);

        let (mut dx, mut dw, mut db) = (vec![0.0; xs.len()], vec![0.0; ws.len()], vec![0.0; bs.len()]);
        visit(case, |i, k, f| {
            dx[f] += masked[i] * f64::from(ws[k]);
            dw[k] += masked[i] * f64::from(xs[f]);
        });
        masked.iter().enumerate().for_each(|(i, m)| db[channel(i)] += m);
        for (what, var, expected) in [("input", &x, dx), ("weight", &weight, dw), ("bias", &bias, db)] {
            let found = floats(gradients.get(var).unwrap());
            assert_close(&format!("{what} gradient of {case:?}"), &found, &expected, 1e-5);
        }
    }
}

/// Everything that a step computes for one case, with that many threads.
fn bits(case: Case, threads: usize) -> Vec<u32> {
    let ([batch, inputs, height, width, outputs], window) = case;
    let pool = rayon::ThreadPoolBuilder::new().num_threads(threads).build().unwrap();
    pool.install(|| {
        let (parameters, conv, back) = network([inputs, outputs], window, false);
        let x = normal((batch, inputs, height, width), &mut Stream::root(6), &Device::Cpu).unwrap();
        let y = conv.forward(&x, Activation::LeakyRelu(0.1)).unwrap();
        let y = back.forward(&y, Activation::Identity).unwrap();
        let gradients = y.sqr().unwrap().sum_all().unwrap().backward().unwrap();
        let of = |(_, var): (&str, &Var)| floats(gradients.get(var).unwrap());
        let mut all = floats(&y);
        all.extend(parameters.variables().flat_map(of));
        all.into_iter().map(f32::to_bits).collect()
    })
}

#[test]
fn results_do_not_depend_on_the_number_of_threads() {
    let large = [
        case([64, 1, 32, 32, 16], 4, 2, 1),
        case([33, 24, 16, 16, 40], 4, 2, 1),
        case([17, 96, 8, 8, 160], 5, 2, 2),
    ];
    for case in CASES.into_iter().chain(large) {
        let one = bits(case, 1);
        assert!(one == bits(case, 2) && one == bits(case, 3), "{case:?}");
    }
}

#[test]
fn frozen_layers_and_constants_get_no_gradient() {
    let (parameters, conv, _) = network([2, 3], CASES[0].1, false);
    let x = Var::from_tensor(&normal((1, 2, 8, 8), &mut Stream::root(7), &Device::Cpu).unwrap()).unwrap();
    let weight = variable(&parameters, "layer.weight");
    let through = conv.frozen().forward(&x, Activation::Relu).unwrap().sum_all().unwrap().backward().unwrap();
    assert!(through.get(&x).is_some() && through.get(&weight).is_none());
    let constant = x.as_detached_tensor();
    let onto = conv.forward(&constant, Activation::Relu).unwrap().sum_all().unwrap().backward().unwrap();
    assert!(onto.get(&constant).is_none() && onto.get(&weight).is_some());
}

#[test]
fn what_does_not_fit_is_refused() {
    let (_, conv, back) = network([2, 3], Window::new(4, 2, 1), false);
    let zeros = |shape: &[usize]| Tensor::zeros(shape, candle_core::DType::F32, &Device::Cpu).unwrap();
    let refused = |result: candle_core::Result<Tensor>, words: &str| {
        let message = result.unwrap_err().to_string();
        assert!(message.contains(words), "{message}");
    };
    refused(conv.forward(&zeros(&[1, 3, 8, 8]), Activation::Relu), "2 channels, given an image of 3");
    refused(conv.forward(&zeros(&[1, 2, 1, 8]), Activation::Relu), "smaller than");
    let (_, uneven, _) = network([4, 3], CASES[0].1.grouped(2), false);
    refused(uneven.forward(&zeros(&[1, 4, 8, 8]), Activation::Relu), "3 channels in 2 groups");
    refused(conv.forward(&zeros(&[2, 8, 8]), Activation::Relu), "4 dimensions");
    refused(conv.forward(&zeros(&[0, 2, 8, 8]), Activation::Relu), "nothing to do");
    refused(conv.forward(&zeros(&[1, 2, 8, 8]), Activation::LeakyRelu(-1.0)), "slope");
    refused(
        conv.forward(&zeros(&[1, 2, 8, 8]).to_dtype(candle_core::DType::F64).unwrap(), Activation::Relu),
        "",
    );
    refused(back.forward(&zeros(&[1, 2, 4, 4]), Activation::Relu), "give features");
    refused(
        back.clone().with_output_padding(2).forward(&zeros(&[1, 3, 4, 4]), Activation::Relu),
        "output padding",
    );
    let output = zeros(&[1, 3, 4, 4]);
    refused(conv.input_gradient(&output, &output, Activation::Relu, [12, 8]), "give features");
    refused(
        conv.input_gradient(&zeros(&[1, 3, 4, 5]), &output, Activation::Relu, [8, 8]),
        "gradient of shape",
    );
}

/// The Hessian of a quadratic form in the weights, by differentiating twice. candle keeps the graph of a backward
/// pass only where an environment variable says so when the process starts: the test runs itself again.
#[test]
fn second_derivatives_are_exact() {
    const KEEP: &str = "CANDLE_GRAD_DO_NOT_DETACH";
    if std::env::var_os(KEEP).is_none() {
        let itself = std::env::current_exe().unwrap();
        let run = std::process::Command::new(itself)
            .args(["--exact", "second_derivatives_are_exact"])
            .env(KEEP, "1")
            .output()
            .unwrap();
        assert!(run.status.success(), "{}", String::from_utf8_lossy(&run.stdout));
        return;
    }
    let (parameters, conv, back) = network([2, 3], Window::new(3, 2, 1), false);
    let weights = [variable(&parameters, "layer.weight"), variable(&parameters, "unused.weight")];
    let x = Var::from_tensor(&normal((2, 2, 7, 7), &mut Stream::root(8), &Device::Cpu).unwrap()).unwrap();
    // The squared norm of the input gradient: way 1 of the gradient penalty.
    let penalty = || {
        let y = conv.forward(&x, Activation::Identity).unwrap();
        let y = back.forward(&y, Activation::Identity).unwrap();
        let first = y.sqr().unwrap().sum_all().unwrap().backward().unwrap();
        first.get(&x).unwrap().sqr().unwrap().sum_all().unwrap()
    };
    let gradients = penalty().backward().unwrap();
    for (i, weight) in weights.iter().enumerate() {
        let direction = normal(weight.dims(), &mut Stream::root(9).item("w", i), &Device::Cpu).unwrap();
        let along = (gradients.get(weight).unwrap() * &direction).unwrap().sum_all().unwrap();
        let start = weight.as_tensor().copy().unwrap();
        let at = |t: f64| {
            weight.set(&(&start + (&direction * t).unwrap()).unwrap().detach()).unwrap();
            f64::from(penalty().to_scalar::<f32>().unwrap())
        };
        // A polynomial: the error of the difference is that of its third derivative, and rounding.
        let (step, slope) = (2e-3, f64::from(along.to_scalar::<f32>().unwrap()));
        let difference = (at(step) - at(-step)) / (2.0 * step);
        weight.set(&start.detach()).unwrap();
        assert!((slope - difference).abs() < 2e-3 * slope.abs(), "{slope} against {difference}");
    }
}
