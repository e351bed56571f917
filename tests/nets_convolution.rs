//! Convolutions against plain loops in f64, on ordinary and awkward shapes, at several numbers of threads.
#![allow(clippy::unwrap_used)]

use candle_core::{Device, Tensor, Var};
use generators::stream::Stream;
use synthgen::nets::{Activation, Conv2d, ConvTranspose2d, Init, Parameters, Window, normal};

/// Batch, input channels, height, width, output channels, window.
type Case = ([usize; 5], Window);

const fn case(sizes: [usize; 5], kernel: usize, stride: usize, padding: usize) -> Case {
    (sizes, Window { kernel, stride, padding })
}

const CASES: [Case; 14] = [
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
];

fn floats(tensor: &Tensor) -> Vec<f32> {
    tensor.flatten_all().unwrap().to_vec1().unwrap()
}

/// For every product that a convolution sums: index of the image, of the weight, of the feature.
fn visit(([batch, inputs, height, width, outputs], window): Case, mut f: impl FnMut(usize, usize, usize)) {
    let Window { kernel, stride, padding } = window;
    let (h, w) = ((height + 2 * padding - kernel) / stride + 1, (width + 2 * padding - kernel) / stride + 1);
    for b in 0..batch {
        for o in 0..outputs {
            for y in 0..h {
                for x in 0..w {
                    for i in 0..inputs {
                        for ky in 0..kernel {
                            for kx in 0..kernel {
                                let (iy, ix) = (y * stride + ky, x * stride + kx);
                                let inside = iy >= padding
                                    && ix >= padding
                                    && iy < height + padding
                                    && ix < width + padding;
                                if inside {
                                    f(
                                        ((b * inputs + i) * height + iy - padding) * width + ix - padding,
                                        ((o * inputs + i) * kernel + ky) * kernel + kx,
                                        ((b * outputs + o) * h + y) * w + x,
                                    );
                                }
                            }
                        }
                    }
                }
            }
        }
    }
}

/// Largest error, relative to the largest value.
fn error(found: &[f32], expected: &[f64]) -> f64 {
    assert_eq!(found.len(), expected.len());
    let largest = expected.iter().fold(1e-30f64, |a, b| a.max(b.abs()));
    let off = found.iter().zip(expected).map(|(f, e)| (f64::from(*f) - e).abs());
    off.fold(0.0, |a: f64, b| if b.is_nan() { f64::NAN } else { a.max(b) }) / largest
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
        assert!(error(&floats(&y), &expected) < 1e-5, "forward of {case:?}");

        let (mut dx, mut dw, mut db) = (vec![0.0; xs.len()], vec![0.0; ws.len()], vec![0.0; bs.len()]);
        visit(case, |i, k, f| {
            dx[i] += masked[f] * f64::from(ws[k]);
            dw[k] += masked[f] * f64::from(xs[i]);
        });
        masked.iter().enumerate().for_each(|(f, m)| db[channel(f)] += m);
        for (what, var, expected) in [("input", &x, dx), ("weight", &weight, dw), ("bias", &bias, db)] {
            let found = floats(gradients.get(var).unwrap());
            assert!(error(&found, &expected) < 1e-5, "{what} gradient of {case:?}");
        }
        let upward = conv.input_gradient(&upstream, &y, Activation::LeakyRelu(0.2), [height, width]).unwrap();
        assert_eq!(floats(&upward), floats(gradients.get(&x).unwrap()), "input gradient of {case:?}");
    }
}
