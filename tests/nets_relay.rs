//! Gradients where the result of a layer is used more than once: by other layers, by candle's own operators, and in two
//! backward passes. The reference cuts the graph there, and sums by hand.
#![allow(clippy::unwrap_used)]

mod tensors;

use candle_core::{Device, Tensor, Var};
use generators::stream::Stream;
use synthgen::nets::{
    Activation, BatchNorm2d, Conv2d, Init, Linear, Mode, Parameters, Window, apply_mask, dropout_mask, normal,
};
use tensors::{assert_close, floats};

const LEAKY: Activation = Activation::LeakyRelu(0.2);

fn draw(shape: &[usize], name: &str) -> Tensor {
    normal(shape, &mut Stream::root(3).child(name), &Device::Cpu).unwrap()
}

fn assert_same(what: &str, found: &Tensor, expected: &Tensor) {
    assert_close(what, &floats(found), &floats(expected), 2e-6);
}

struct Net {
    parameters: Parameters,
    first: Conv2d,
    norm: BatchNorm2d,
    second: Conv2d,
    score: Linear,
    mask: Tensor,
}

impl Net {
    fn new() -> Self {
        let (mut p, stream, window) = (Parameters::new(&Device::Cpu), Stream::root(1), Window::new(3, 1, 1));
        let init = Init::He { slope: 0.2 };
        Self {
            first: Conv2d::new(&mut p, "first", [2, 4], window, init, &stream).unwrap(),
            norm: BatchNorm2d::new(&mut p, "norm", 4, &stream).unwrap(),
            second: Conv2d::new(&mut p, "second", [4, 4], window, init, &stream).unwrap(),
            score: Linear::new(&mut p, "score", 4 * 30, 3, Init::Kaiming, &stream).unwrap(),
            mask: dropout_mask((2, 4, 5, 6), 0.3, &mut Stream::root(2), &Device::Cpu).unwrap(),
            parameters: p,
        }
    }

    /// The result that is used several times.
    fn trunk(&self, x: &Tensor) -> Tensor {
        let h = self.norm.forward(&self.first.forward(x, LEAKY).unwrap(), Mode::Training, LEAKY).unwrap();
        apply_mask(&h, &self.mask).unwrap()
    }

    /// A loss that uses the trunk in a layer twice, in a skip connection and in an operator of candle's.
    fn branches(&self, h: &Tensor) -> Tensor {
        let a = self.second.forward(h, LEAKY).unwrap();
        let b = self.second.forward(&a, LEAKY).unwrap();
        let skip = ((&b + h).unwrap() + self.second.forward(h, Activation::Identity).unwrap()).unwrap();
        let score = self.score.forward(&skip.flatten_from(1).unwrap(), LEAKY).unwrap();
        (score.sqr().unwrap().sum_all().unwrap() + (h * a).unwrap().sum_all().unwrap()).unwrap()
    }
}

#[test]
fn every_use_of_a_result_counts_once() {
    let net = Net::new();
    let x = Var::from_tensor(&draw(&[2, 2, 5, 6], "x")).unwrap();
    let h = net.trunk(&x);
    let cut = Var::from_tensor(&h.detach()).unwrap();
    let after = net.branches(&cut).backward().unwrap();
    let before = (&h * after.get(&cut).unwrap()).unwrap().sum_all().unwrap().backward().unwrap();

    let trunk = net.trunk(&x);
    let loss = net.branches(&trunk);
    // The second pass over the same graph must find nothing left over from the first.
    for pass in 0..2 {
        let whole = loss.backward().unwrap();
        assert_same("x", whole.get(&x).unwrap(), before.get(&x).unwrap());
        for (name, var) in net.parameters.variables() {
            let expected = after.get(var).or(before.get(var)).unwrap();
            assert_same(&format!("{name} in pass {pass}"), whole.get(var).unwrap(), expected);
        }
    }
}

#[test]
fn a_graph_that_went_to_another_thread_has_the_same_gradients() {
    let net = Net::new();
    let x = Var::from_tensor(&draw(&[2, 2, 5, 6], "x")).unwrap();
    let here = net.branches(&net.trunk(&x)).backward().unwrap();
    let trunk = net.trunk(&x);
    let there =
        std::thread::scope(|scope| scope.spawn(|| net.branches(&trunk).backward().unwrap()).join().unwrap());
    for (name, var) in net.parameters.variables() {
        assert_same(name, there.get(var).unwrap(), here.get(var).unwrap());
    }
}
