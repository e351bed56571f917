//! The linear layer against plain loops in f64, in every orientation of the product, at several numbers of threads.
#![allow(clippy::unwrap_used)]

mod tensors;

use candle_core::{Device, Tensor, Var};
use generators::stream::Stream;
use synthgen::nets::{Activation, Init, Linear, Parameters, normal};
use tensors::{assert_close, floats};

/// Batch, inputs, outputs: wide and tall products, vectors, single numbers, uneven blocks.
const CASES: [[usize; 3]; 8] = [
    [64, 128, 700],
    [64, 700, 1],
    [1, 37, 53],
    [5, 1, 3],
    [1, 1, 1],
    [300, 17, 19],
    [33, 290, 31],
    [7, 300, 300],
];

/// Result and gradients of input, bias and weight, for `upstream`.
fn all([batch, inputs, outputs]: [usize; 3]) -> (Vec<f32>, Vec<Vec<f32>>, Vec<Vec<f32>>) {
    let (mut parameters, mut stream) = (Parameters::new(&Device::Cpu), Stream::root(1));
    let layer = Linear::new(&mut parameters, "layer", inputs, outputs, Init::Kaiming, &stream).unwrap();
    let vars: Vec<Var> = parameters.variables().map(|(_, var)| var.clone()).collect();
    vars[0].set(&normal(outputs, &mut stream, &Device::Cpu).unwrap()).unwrap();
    let x = Var::from_tensor(&normal((batch, inputs), &mut stream, &Device::Cpu).unwrap()).unwrap();
    let y = layer.forward(&x, Activation::LeakyRelu(0.5)).unwrap();
    let upstream = normal((batch, outputs), &mut stream, &Device::Cpu).unwrap();
    let gradients = (&y * &upstream).unwrap().sum_all().unwrap().backward().unwrap();
    let of = |var: &Var| floats(gradients.get(var).unwrap());
    let again = layer.input_gradient(&upstream, &y, Activation::LeakyRelu(0.5)).unwrap();
    assert_eq!(floats(&again), of(&x));
    let operands = vec![floats(&x), floats(&vars[0]), floats(&vars[1]), floats(&upstream)];
    (floats(&y), vec![of(&x), of(&vars[0]), of(&vars[1])], operands)
}

#[test]
fn linear_layer_and_its_gradients_equal_plain_loops() {
    for case in CASES {
        let [batch, inputs, outputs] = case;
        let (y, gradients, operands) = all(case);
        let operands: Vec<Vec<f64>> =
            operands.iter().map(|o| o.iter().map(|v| f64::from(*v)).collect()).collect();
        let [x, bias, weight, upstream] = operands.try_into().unwrap();
        let mut expected = vec![0.0; batch * outputs];
        let (mut dx, mut db, mut dw) =
            (vec![0.0; batch * inputs], vec![0.0; outputs], vec![0.0; outputs * inputs]);
        for b in 0..batch {
            for o in 0..outputs {
                let products = (0..inputs).map(|i| x[b * inputs + i] * weight[o * inputs + i]);
                let sum = bias[o] + products.sum::<f64>();
                let slope = if sum > 0.0 { 1.0 } else { 0.5 };
                expected[b * outputs + o] = sum * slope;
                let up = upstream[b * outputs + o] * slope;
                db[o] += up;
                for i in 0..inputs {
                    dx[b * inputs + i] += up * weight[o * inputs + i];
                    dw[o * inputs + i] += up * x[b * inputs + i];
                }
            }
        }
        assert_close(&format!("forward of {case:?}"), &y, &expected, 1e-5);
        for ((what, expected), found) in
            [("input", dx), ("bias", db), ("weight", dw)].into_iter().zip(gradients)
        {
            assert_close(&format!("{what} gradient of {case:?}"), &found, &expected, 1e-5);
        }
    }
}

#[test]
fn results_do_not_depend_on_the_number_of_threads() {
    for case in CASES {
        let with = |threads| {
            let pool = rayon::ThreadPoolBuilder::new().num_threads(threads).build().unwrap();
            let (y, gradients, _) = pool.install(|| all(case));
            let bits = |values: &Vec<f32>| values.iter().map(|v| v.to_bits()).collect::<Vec<_>>();
            (bits(&y), gradients.iter().map(bits).collect::<Vec<_>>())
        };
        let one = with(1);
        assert!(one == with(2) && one == with(3), "{case:?}");
    }
}

#[test]
fn an_input_of_another_width_is_refused() {
    let mut parameters = Parameters::new(&Device::Cpu);
    let layer = Linear::new(&mut parameters, "layer", 3, 2, Init::Kaiming, &Stream::root(0)).unwrap();
    let x = Tensor::zeros((4, 5), candle_core::DType::F32, &Device::Cpu).unwrap();
    let message = layer.forward(&x, Activation::Identity).unwrap_err().to_string();
    assert!(message.contains("over 5 and 3"), "{message}");
}
