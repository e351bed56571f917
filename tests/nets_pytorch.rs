//! The networks against PyTorch 2.15 in double precision.
//!
//! Both sides fill their tensors by `wave`. The programs that printed the numbers stand above them.
#![allow(clippy::unwrap_used)]

mod tensors;

use candle_core::{Device, Tensor, Var};
use generators::stream::Stream;
use synthgen::nets::{
    Activation, Adam, BatchNorm2d, Conv2d, Init, Linear, Mode, Parameters, Window,
    binary_cross_entropy_with_logits,
};
use tensors::{assert_close, floats};

/// sin(0.7 i² + 1.3 i + phase) * scale + offset for i = 0, 1, ...
fn wave(shape: &[usize], phase: f64, scale: f64, offset: f64) -> Tensor {
    let count: usize = shape.iter().product();
    let value = |i: usize| (scale * (0.7 * (i * i) as f64 + 1.3 * i as f64 + phase).sin() + offset) as f32;
    Tensor::from_vec((0..count).map(value).collect(), shape, &Device::Cpu).unwrap()
}

fn variable(parameters: &Parameters, name: &str) -> Var {
    parameters.variables().find(|(n, _)| *n == name).unwrap().1.clone()
}

// The gradient penalty of WGAN-GP, differentiated in the weights:
//
// import math, torch, torch.nn.functional as F
// torch.set_default_dtype(torch.float64)
// def wave(shape, phase, scale=1.0):
//     n = math.prod(shape)
//     return torch.tensor([scale * math.sin(0.7 * i * i + 1.3 * i + phase) for i in range(n)]).reshape(shape)
// def show(name, t):
//     print(f"const {name}: [f64; {t.numel()}] = [" + ", ".join(f"{v:.9}" for v in t.detach().flatten().tolist()) + "];")
//
// # The critic: two convolutions (kernel 4 and 3), two linear layers.
// w0, b0 = wave((2, 1, 4, 4), 1, 0.5), wave((2,), 2, 0.3)
// w1, b1 = wave((3, 2, 3, 3), 3, 0.5), wave((3,), 4, 0.3)
// w2, b2 = wave((4, 12), 5, 0.4), wave((4,), 6, 0.3)
// w3, b3 = wave((1, 4), 7, 0.9), wave((1,), 8, 0.3)
// p = [t.requires_grad_() for t in (w0, b0, w1, b1, w2, b2, w3, b3)]
// def critic(x):
//     h = F.leaky_relu(F.conv2d(x, w0, b0, 2, 1), 0.2)
//     h = F.leaky_relu(F.conv2d(h, w1, b1, 2, 1), 0.2)
//     h = F.leaky_relu(F.linear(h.flatten(1), w2, b2), 0.2)
//     return F.linear(h, w3, b3)
// real, fake, a = wave((3, 1, 9, 7), 9), wave((3, 1, 9, 7), 10, 0.7), wave((3, 1, 1, 1), 11, 0.5) + 0.5
// mixed = (real * a + fake * (1 - a)).requires_grad_()
// g, = torch.autograd.grad(critic(mixed).sum(), mixed, create_graph=True)
// penalty = ((g.flatten(1).pow(2).sum(1) + 1e-12).sqrt() - 1).pow(2).mean() * 10
// loss = critic(fake).mean() - critic(real).mean() + penalty
// grads = torch.autograd.grad(loss, p)
// show("PENALTY_AND_LOSS", torch.stack([penalty, loss]))
// for i in (0, 1, 2, 3): show(f"W{i}", grads[2 * i])
// show("BIASES", torch.cat([grads[i] for i in (1, 3, 5, 7)]))
#[rustfmt::skip]
mod penalty {
    pub const PENALTY_AND_LOSS: [f64; 2] = [7.08769174, 7.04951854];
    pub const W0: [f64; 32] = [-0.419513279, 0.115531137, 0.169056203, 0.184290361, 0.540412804, -0.0631423227,
    -0.282629689, -0.128555163, 0.0768036397, -0.150758696, -0.424909232, 0.32232754, 0.299328266, 0.706293109,
    0.998145474, -0.501279878, -0.154387233, 0.0978866541, 0.138431044, -0.115061865, 0.316450879, 0.15988577,
    0.0502645221, 0.155186318, -0.107832076, 0.0489411213, 0.0490085404, 0.0985854189, -0.00572811873,
    0.465242212, 0.337058898, 0.0224794399];
    pub const W1: [f64; 54] = [-0.0314794627, 0.0860268733, -0.164823333, -0.76265651, -0.569244438, -0.763682712,
    0.704478697, -1.36661185, 0.496934981, 0.00560890174, 0.0677463249, 0.0213361782, -0.0306540089,
    -0.527378217, 0.00447622273, -0.157290153, -1.00626615, -0.356227534, 0.0169956484, 0.0532543233,
    -0.0172730009, 0.0426573128, 0.402226585, 0.663186292, 0.00131841345, -0.0134458765, -0.425877709,
    0.00365724185, 0.0542403313, 0.0256510252, -0.00355389348, 0.270848847, -0.014965282, -0.228242236,
    -0.0413841158, -0.490405678, -0.00101877808, -0.0533680182, 0.412512034, -0.689722496, -0.140732723,
    -0.0525596341, 0.627988199, -0.938820198, -0.0970865742, -0.0064744087, -0.0567985441, -0.0533322863,
    -0.0342674291, -0.253970875, 0.0242203383, 0.172681594, -0.828284903, 0.727689052];
    pub const W2: [f64; 48] = [-0.229840991, -0.893302831, 0.444679455, 0.121839573, -0.0599557395, -0.378638219,
    0.39916843, 0.0362024297, -0.222359456, -0.543972431, 0.368077335, -0.0414053176, -0.720880162,
    -2.80178173, 1.39470595, 0.382141281, -0.188046975, -1.18757224, 1.25196381, 0.113546384, -0.69741485,
    -1.70613141, 1.15444877, -0.129864877, 0.072711763, 0.219349748, -0.087725863, -0.0171537766, 0.0222089032,
    0.0918383633, -0.0764587818, 0.0363650048, 0.0725979341, 0.133689427, -0.0574548039, 0.0564073151,
    0.348756732, 1.35548222, -0.674748889, -0.184877254, 0.0909757988, 0.574539064, -0.605691251,
    -0.0549329388, 0.33740438, 0.82541433, -0.558514162, 0.0628277106];
    pub const W3: [f64; 4] = [0.173221779, -5.16418003, 0.626495738, 0.826279894];
    pub const BIASES: [f64; 10] = [-0.050617238, -0.00490410381, -0.0651769225, 0.0189925721, 0.0933724184, 0.0,
    0.0, 0.0397450021, 0.0, 0.0];
}

struct Critic {
    convolutions: [Conv2d; 2],
    linear: [Linear; 2],
}

const LEAKY: Activation = Activation::LeakyRelu(0.2);

impl Critic {
    fn new(parameters: &mut Parameters) -> Self {
        let stream = Stream::root(0);
        let mut conv = |name, channels, kernel| {
            let window = Window::new(kernel, 2, 1);
            Conv2d::new(parameters, name, channels, window, Init::Zeros, &stream).unwrap()
        };
        let convolutions = [conv("0", [1, 2], 4), conv("1", [2, 3], 3)];
        let mut linear = |name, inputs, outputs| {
            Linear::new(parameters, name, inputs, outputs, Init::Zeros, &stream).unwrap()
        };
        Self { convolutions, linear: [linear("2", 12, 4), linear("3", 4, 1)] }
    }

    fn frozen(&self) -> Self {
        Self {
            convolutions: self.convolutions.each_ref().map(Conv2d::frozen),
            linear: self.linear.each_ref().map(Linear::frozen),
        }
    }

    /// Input, activations and score.
    fn forward(&self, x: &Tensor) -> Vec<Tensor> {
        let h0 = self.convolutions[0].forward(x, LEAKY).unwrap();
        let h1 = self.convolutions[1].forward(&h0, LEAKY).unwrap();
        let h2 = self.linear[0].forward(&h1.flatten_from(1).unwrap(), LEAKY).unwrap();
        let score = self.linear[1].forward(&h2, Activation::Identity).unwrap();
        vec![x.clone(), h0, h1, h2, score]
    }

    fn mean_score(&self, x: &Tensor) -> Tensor {
        self.forward(x)[4].mean_all().unwrap()
    }

    /// The gradient of the scores with respect to the input, as an expression in the weights.
    fn input_gradient(&self, x: &Tensor) -> Tensor {
        let a = self.frozen().forward(x);
        let px = |t: &Tensor| [t.dim(2).unwrap(), t.dim(3).unwrap()];
        let up = a[4].ones_like().unwrap();
        let up = self.linear[1].input_gradient(&up, &a[4], Activation::Identity).unwrap();
        let up = self.linear[0].input_gradient(&up, &a[3], LEAKY).unwrap();
        let up = up.reshape(a[2].shape()).unwrap();
        let up = self.convolutions[1].input_gradient(&up, &a[2], LEAKY, px(&a[1])).unwrap();
        self.convolutions[0].input_gradient(&up, &a[1], LEAKY, px(&a[0])).unwrap()
    }
}

#[test]
fn gradient_penalty_is_exact() {
    let mut parameters = Parameters::new(&Device::Cpu);
    let critic = Critic::new(&mut parameters);
    for (name, phase, scale) in [
        ("0.weight", 1.0, 0.5),
        ("0.bias", 2.0, 0.3),
        ("1.weight", 3.0, 0.5),
        ("1.bias", 4.0, 0.3),
        ("2.weight", 5.0, 0.4),
        ("2.bias", 6.0, 0.3),
        ("3.weight", 7.0, 0.9),
        ("3.bias", 8.0, 0.3),
    ] {
        let var = variable(&parameters, name);
        var.set(&wave(var.dims(), phase, scale, 0.0)).unwrap();
    }
    let (real, fake) = (wave(&[3, 1, 9, 7], 9.0, 1.0, 0.0), wave(&[3, 1, 9, 7], 10.0, 0.7, 0.0));
    let share = wave(&[3, 1, 1, 1], 11.0, 0.5, 0.5);
    let mixed =
        (real.broadcast_mul(&share).unwrap() + fake.broadcast_mul(&(1.0 - share).unwrap()).unwrap()).unwrap();

    let input_gradient = critic.input_gradient(&mixed);
    let squares = input_gradient.flatten_from(1).unwrap().sqr().unwrap().sum(1).unwrap();
    let norms = (squares + 1e-12).unwrap().sqrt().unwrap();
    let penalty = ((norms - 1.0).unwrap().sqr().unwrap().mean_all().unwrap() * 10.0).unwrap();
    let wasserstein = (critic.mean_score(&fake) - critic.mean_score(&real)).unwrap();
    let loss = (wasserstein + &penalty).unwrap();
    let gradients = loss.backward().unwrap();

    let both = [penalty.to_scalar().unwrap(), loss.to_scalar().unwrap()];
    assert_close("penalty and loss", &both, &penalty::PENALTY_AND_LOSS, 1e-5);
    let gradient = |name: &str| floats(gradients.get(&variable(&parameters, name)).unwrap());
    assert_close("0.weight", &gradient("0.weight"), &penalty::W0, 1e-5);
    assert_close("1.weight", &gradient("1.weight"), &penalty::W1, 1e-5);
    assert_close("2.weight", &gradient("2.weight"), &penalty::W2, 1e-5);
    assert_close("3.weight", &gradient("3.weight"), &penalty::W3, 1e-5);
    let biases: Vec<f32> = (0..4).flat_map(|i| gradient(&format!("{i}.bias"))).collect();
    assert_close("biases", &biases, &penalty::BIASES, 1e-5);

    // Way 2 against the ordinary backward pass through the same layers.
    let input = Var::from_tensor(&mixed).unwrap();
    let ordinary = critic.forward(&input)[4].sum_all().unwrap().backward().unwrap();
    let ordinary = floats(ordinary.get(&input).unwrap());
    assert_close("input gradient", &floats(&input_gradient), &ordinary, 1e-6);
}

// Batch norm in training, then in inference; result, gradients of input, weight and bias, running statistics:
//
// import math, torch, torch.nn.functional as F
// torch.set_default_dtype(torch.float64)
// def wave(shape, phase, scale=1.0):
//     n = math.prod(shape)
//     return torch.tensor([scale * math.sin(0.7 * i * i + 1.3 * i + phase) for i in range(n)]).reshape(shape)
// def show(name, t):
//     print(f"const {name}: [f64; {t.numel()}] = [" + ", ".join(f"{v:.9}" for v in t.detach().flatten().tolist()) + "];")
// bn = torch.nn.BatchNorm2d(2)
// bn.weight.data, bn.bias.data = wave((2,), 1) + 1, wave((2,), 2)
// upstream = wave((3, 2, 2, 3), 4)
// for name in ("TRAINING", "INFERENCE"):
//     x = (3 * wave((3, 2, 2, 3), 3) + 5).requires_grad_()
//     y = F.leaky_relu(bn(x), 0.2)
//     gx, gw, gb = torch.autograd.grad((y * upstream).sum(), [x, bn.weight, bn.bias])
//     show(name, torch.cat([y.flatten(), gx.flatten(), gw, gb, bn.running_mean, bn.running_var]))
//     bn.eval()
#[rustfmt::skip]
mod batch_norm {
    pub const TRAINING: [f64; 80] = [0.314987563, -0.52647726, 2.22662793, 1.52323763, 1.33834358, 2.49932144,
    -0.525943064, -0.0251943228, 0.380284031, 0.0153090039, -0.505260088, 0.377359694, -0.00218616813,
    -0.0287383415, 2.53262613, -0.441933026, 2.43751956, 2.43925342, 0.316780572, -0.442497069, 0.236549461,
    -0.312846584, -0.317452752, 0.203749186, -0.365408768, 2.56783317, 2.27680565, 2.56692875, -0.366839501,
    2.30178418, -0.315400623, -0.31026824, 0.243443504, -0.445107542, 0.310241393, 0.293689666, -0.861396757,
    0.190203508, -0.439406368, 0.531382018, 0.559658356, -0.258962681, 0.0353972646, -0.234307533,
    -0.0313259399, -0.296218867, 0.00472081948, 0.0457927471, 0.0137284104, 0.0280776846, 0.148018086,
    0.0118013825, -0.311471219, 0.227026385, -0.12701245, -0.0491564675, 0.178054352, 0.0352585471,
    0.0368545596, 0.194248071, -0.0528525875, -0.17912503, 0.318736679, -0.180467935, -0.0517250112,
    0.306775079, 0.0361462933, 0.0343553726, 0.174359258, -0.0472647867, -0.13313576, 0.143234518, 5.35924791,
    4.99381284, 5.46806779, 4.61678595, 0.608880038, 0.573664851, 1.350137, 1.44158009];
    pub const INFERENCE: [f64; 80] = [8.53928337, 3.30923416, 11.9314466, 10.6832962, 10.3552058, 12.4153351,
    0.62223926, 5.33840386, 6.29200984, 5.60452641, 0.817036196, 6.28650142, 7.96094843, 7.72536723,
    12.4744336, 4.05934345, 12.3056691, 12.3087458, 6.17239186, 1.40815247, 6.02126492, 2.62922998, 2.58584805,
    5.95948084, 4.7382964, 12.5369077, 12.0204858, 12.5353028, 4.72560238, 12.0648097, 2.60517547, 2.65351341,
    6.03425085, 1.38356644, 6.16007436, 6.12889678, -1.19938029, -0.442817569, 0.0392640843, 1.58167224,
    1.58447139, 0.429331384, -0.611624273, -0.259095919, 0.447505328, -0.135792807, -0.781062863, 0.592093847,
    1.34998827, 1.30720978, 1.16004356, -1.4840878, 0.320320264, 1.27631653, 0.252592315, -0.925928957,
    0.808691105, 0.618061018, 0.606484233, 0.831615247, -1.56751544, 0.588556715, 1.39742938, 0.585942015,
    -1.5666763, 1.38260419, 0.611668129, 0.624449009, 0.803323849, -0.923192572, 0.239547181, 0.756306138,
    35.4927859, 29.7560694, 4.25458992, 3.74116926, 0.608880038, 0.573664851, 1.350137, 1.44158009];
}

#[test]
fn batch_norm_equals_pytorch() {
    let mut parameters = Parameters::new(&Device::Cpu);
    let layer = BatchNorm2d::new(&mut parameters, "norm", 2, &Stream::root(0)).unwrap();
    let (weight, bias) = (variable(&parameters, "norm.weight"), variable(&parameters, "norm.bias"));
    weight.set(&wave(&[2], 1.0, 1.0, 1.0)).unwrap();
    bias.set(&wave(&[2], 2.0, 1.0, 0.0)).unwrap();
    let upstream = wave(&[3, 2, 2, 3], 4.0, 1.0, 0.0);
    for (mode, expected) in
        [(Mode::Training, &batch_norm::TRAINING), (Mode::Inference, &batch_norm::INFERENCE)]
    {
        let x = Var::from_tensor(&wave(&[3, 2, 2, 3], 3.0, 3.0, 5.0)).unwrap();
        let y = layer.forward(&x, mode, LEAKY).unwrap();
        let gradients = (&y * &upstream).unwrap().sum_all().unwrap().backward().unwrap();
        let mut found = floats(&y);
        for var in [&x, &weight, &bias] {
            found.extend(floats(gradients.get(var).unwrap()));
        }
        found.extend(layer.running_mean().unwrap().iter().chain(&layer.running_variance().unwrap()));
        assert_close(&format!("{mode:?}"), &found, expected, 1e-6);
    }
    // A channel with one value has no variance.
    assert!(layer.forward(&wave(&[1, 2, 1, 1], 0.0, 1.0, 0.0), Mode::Training, LEAKY).is_err());
}

// Five steps of Adam on two variables:
//
// import math, torch
// torch.set_default_dtype(torch.float64)
// def wave(n, phase, scale=1.0):
//     return torch.tensor([scale * math.sin(0.7 * i * i + 1.3 * i + phase) for i in range(n)])
// for betas in ((0.9, 0.999), (0.0, 0.9)):
//     a, b = wave(3, 1).requires_grad_(), wave(2, 2).requires_grad_()
//     opt = torch.optim.Adam([a, b], 0.01, betas)
//     for step in range(5):
//         opt.zero_grad()
//         (a.pow(2) * wave(3, 3 + step)).sum().backward()
//         (b * wave(2, 9 + step)).sum().backward()
//         opt.step()
//     print([round(v, 10) for v in torch.cat([a, b]).tolist()])
const ADAM: [([f64; 2], [f64; 5]); 2] = [
    ([0.9, 0.999], [0.8562138072, 0.1544591561, 0.1063610226, 0.9181346357, -0.7362232294]),
    ([0.0, 0.9], [0.8522540452, 0.1272748534, 0.1329840275, 0.9255931678, -0.767532312]),
];

#[test]
fn adam_equals_pytorch() {
    for (betas, expected) in ADAM {
        let mut parameters = Parameters::new(&Device::Cpu);
        let stream = Stream::root(0);
        let a = parameters.variable("a", 3, Init::Zeros, &stream).unwrap();
        let b = parameters.variable("b", 2, Init::Zeros, &stream).unwrap();
        a.set(&wave(&[3], 1.0, 1.0, 0.0)).unwrap();
        b.set(&wave(&[2], 2.0, 1.0, 0.0)).unwrap();
        let mut adam = Adam::new(&parameters, 0.01, betas[0], betas[1]).unwrap();
        for step in 0..5 {
            let factor = wave(&[3], 3.0 + f64::from(step), 1.0, 0.0);
            let loss = (a.sqr().unwrap() * factor).unwrap().sum_all().unwrap();
            let factor = wave(&[2], 9.0 + f64::from(step), 1.0, 0.0);
            let loss = (loss + (b.as_tensor() * factor).unwrap().sum_all().unwrap()).unwrap();
            adam.step(&loss.backward().unwrap()).unwrap();
        }
        let found = [floats(&a), floats(&b)].concat();
        assert_close(&format!("betas {betas:?}"), &found, &expected, 2e-6);
        let incomplete = a.sqr().unwrap().sum_all().unwrap().backward().unwrap();
        assert!(adam.step(&incomplete).unwrap_err().to_string().contains("\"b\""));
        assert_eq!(adam.steps(), 5);
    }
}

// The same with the gradient clipped as torch.nn.utils.clip_grad_norm_ does, and a rate that falls as 1 / (1 + step);
// unclipped and at a constant rate it prints the first row of ADAM:
//
// import numpy as np
// def wave(n, phase): return np.array([np.sin(0.7 * i * i + 1.3 * i + phase) for i in range(n)])
// p, m, v = np.concatenate([wave(3, 1), wave(2, 2)]), np.zeros(5), np.zeros(5)
// for step in range(5):
//     g = np.concatenate([2 * p[:3] * wave(3, 3 + step), wave(2, 9 + step)])
//     norm = np.sqrt((g * g).sum())
//     g = g * min(1, 0.5 / norm)
//     m, v, t = 0.9 * m + 0.1 * g, 0.999 * v + 0.001 * g * g, step + 1
//     p = p - 0.01 / (1 + step) / (1 - 0.9**t) * m / (np.sqrt(v / (1 - 0.999**t)) + 1e-8)
// print(p, norm)

#[test]
fn clipped_and_scheduled_adam_is_numpys() {
    let (mut parameters, stream) = (Parameters::new(&Device::Cpu), Stream::root(0));
    let a = parameters.variable("a", 3, Init::Zeros, &stream).unwrap();
    let b = parameters.variable("b", 2, Init::Zeros, &stream).unwrap();
    a.set(&wave(&[3], 1.0, 1.0, 0.0)).unwrap();
    b.set(&wave(&[2], 2.0, 1.0, 0.0)).unwrap();
    let mut adam = Adam::new(&parameters, 0.01, 0.9, 0.999).unwrap();
    adam.clip_norm = 0.5;
    for step in 0..5 {
        adam.rate_share = 1.0 / (1.0 + f64::from(step));
        let factor = wave(&[3], 3.0 + f64::from(step), 1.0, 0.0);
        let loss = (a.sqr().unwrap() * factor).unwrap().sum_all().unwrap();
        let factor = wave(&[2], 9.0 + f64::from(step), 1.0, 0.0);
        let loss = (loss + (b.as_tensor() * factor).unwrap().sum_all().unwrap()).unwrap();
        adam.step(&loss.backward().unwrap()).unwrap();
    }
    let found = [floats(&a), floats(&b)].concat();
    assert_close(
        "clipped",
        &found,
        &[0.8392206247, 0.1552781618, 0.1036102791, 0.9035150377, -0.740958021],
        2e-6,
    );
    assert!((adam.gradient_norm() - 1.3533857346).abs() < 1e-6);
}

// Binary cross entropy and its gradient:
//
// import torch, torch.nn.functional as F
// x = torch.tensor([-200., -3.5, -1e-3, 0., .25, 4., 90.], dtype=torch.float64, requires_grad=True)
// t = torch.tensor([0.1, 0., .5, 1., .75, 1., 0.2], dtype=torch.float64)
// l = F.binary_cross_entropy_with_logits(x, t, reduction="sum"); l.backward()
// print(l.item(), [round(v, 10) for v in x.grad.tolist()])

#[test]
fn binary_cross_entropy_equals_pytorch() {
    let logits = [-200.0, -3.5, -1e-3, 0.0, 0.25, 4.0, 90.0f32];
    let x = Var::from_slice(&logits, 7, &Device::Cpu).unwrap();
    let targets = Tensor::new(&[0.1f32, 0.0, 0.5, 1.0, 0.75, 1.0, 0.2], &Device::Cpu).unwrap();
    let loss = binary_cross_entropy_with_logits(&x, &targets).unwrap();
    assert_close("loss", &[loss.to_scalar().unwrap()], &[94.07263425218918], 1e-6);
    let expected = [-0.1, 0.0293122308, -0.00025, -0.5, -0.1878234991, -0.01798621, 0.8];
    let gradients = loss.backward().unwrap();
    assert_close("gradient", &floats(gradients.get(&x).unwrap()), &expected, 1e-6);
}

#[test]
fn activations_have_pytorchs_derivative_at_zero() {
    for (activation, y, slope) in [
        (Activation::LeakyRelu(0.2), [-0.2, 0.0, 2.0], [0.2, 0.2, 1.0]),
        (Activation::Relu, [0.0, 0.0, 2.0], [0.0, 0.0, 1.0]),
        (Activation::Identity, [-1.0, 0.0, 2.0], [1.0, 1.0, 1.0f32]),
    ] {
        let x = Var::new(&[-1.0f32, 0.0, 2.0], &Device::Cpu).unwrap();
        let output = activation.forward(&x).unwrap();
        let gradients = output.sum_all().unwrap().backward().unwrap();
        assert_eq!((floats(&output), floats(gradients.get(&x).unwrap())), (y.to_vec(), slope.to_vec()));
    }
}
