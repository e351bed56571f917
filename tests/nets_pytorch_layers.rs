//! Layers against PyTorch 2.15 in double precision: results, gradients, and the gradient of the squared norm of the
//! input gradient, which is a second derivative.
//!
//! Both sides fill their tensors by `wave`. The program that printed the numbers:
//!
//! ```python
//! import math, torch, torch.nn.functional as F
//! torch.set_default_dtype(torch.float64)
//! def wave(shape, phase, scale=1.0):
//!     n = math.prod(shape)
//!     return torch.tensor([scale * math.sin(0.7 * i * i + 1.3 * i + phase) for i in range(n)]).reshape(shape)
//! def show(name, *ts):
//!     t = torch.cat([t.detach().flatten() for t in ts])
//!     print(f"const {name}: [f64; {t.numel()}] = [" + ", ".join(f"{v:.9}" for v in t.tolist()) + "];")
//! def study(name, layer, x, *p, of_input=False):
//!     x = x.requires_grad_()
//!     p = [t.requires_grad_() for t in p]
//!     y = F.leaky_relu(layer(x, *p), 0.2)
//!     first = torch.autograd.grad((y * wave(y.shape, 9)).sum(), [x, *p], create_graph=True)
//!     second = torch.autograd.grad(first[0].pow(2).sum(), [p[0], x] if of_input else p[0])
//!     show(name, y.sum(), y.pow(2).sum(), *first, *second)
//! w = wave((4, 1, 3, 3), 2, 0.5)
//! study("CONVOLUTION", lambda x, w, b: F.conv2d(x, w, b, 2, 2, 2, 2), wave((2, 2, 5, 4), 1), w, wave((4,), 3, 0.3))
//! study("TRANSPOSED", lambda x, w, b: F.conv_transpose2d(x, w, b, 3, 1, 1, 2, 2), wave((2, 4, 2, 3), 1), w, wave((2,), 3, 0.3))
//! x = wave((2, 3, 2, 3), 1, 3.0) + 5
//! study("LAYER_NORM", lambda x, w, b: F.layer_norm(x, (3, 2, 3), w, b), x.clone(), wave((3, 2, 3), 2) + 1, wave((3, 2, 3), 3))
//! study("INSTANCE_NORM", lambda x, w, b: F.instance_norm(x, None, None, w, b), x.clone(), wave((3,), 2) + 1, wave((3,), 3))
//! study("BATCH_NORM", lambda x, w, b: F.batch_norm(x, None, None, w, b, True), x.clone(), wave((3,), 2) + 1, wave((3,), 3), of_input=True)
//! m, v = wave((3,), 4) + 5, wave((3,), 5) + 3
//! study("BATCH_NORM_INFERENCE", lambda x, w, b: F.batch_norm(x, m, v, w, b), x.clone(), wave((3,), 2) + 1, wave((3,), 3))
//! a, b = wave((3,), 1).requires_grad_(), wave((2,), 2).requires_grad_()
//! adam = torch.optim.AdamW([a, b], 0.01, (0.9, 0.999), weight_decay=0.3)
//! for step in range(5):
//!     adam.zero_grad()
//!     (a.pow(2) * wave((3,), 3 + step)).sum().backward()
//!     (b * wave((2,), 9 + step)).sum().backward()
//!     adam.step()
//! show("ADAMW", a, b)
//! ```
#![allow(clippy::unwrap_used)]

mod tensors;

use candle_core::{Device, Result, Tensor, Var};
use generators::stream::Stream;
use synthgen::nets::{
    Activation, Adam, BatchNorm2d, Conv2d, ConvTranspose2d, Init, InstanceNorm2d, LayerNorm, Mode,
    Parameters, Window,
};
use tensors::{assert_close, floats};

#[rustfmt::skip]
mod pytorch {
    pub const CONVOLUTION: [f64; 158] = [9.80523801, 8.35099196, 0.0301600623, 0.0, 0.479667547, 0.0, 0.0,
        0.0, 0.0, 0.0, -0.1502515, 0.0, -0.181700579, 0.0, 0.0, 0.0, 0.0, 0.0, 0.38572421, 0.0, 0.508834897,
        0.0, -0.0140249227, 0.0, 0.431848249, 0.0, 0.0, 0.0, 0.0, 0.0, 0.738918952, 0.0, 0.147788803, 0.0,
        0.0, 0.0, 0.0, 0.0, -0.85012101, 0.0, -0.787821817, 0.0, -0.284611029, 0.0, 0.0706053011, 0.0, 0.0,
        0.0, 0.0, 0.0, -0.653062659, 0.0, 0.481589296, 0.0, 0.0, 0.0, 0.0, 0.0, 0.518208213, 0.0, 0.116591988,
        0.0, 0.165601348, 0.0, 0.0318324418, 0.0, 0.0, 0.0, 0.0, 0.0, -1.01094597, 0.0, -0.0458941954, 0.0,
        0.0, 0.0, 0.0, 0.0, 0.646298684, 0.0, 0.156402402, 0.0, -0.105430526, 0.842375136, 0.739924429,
        -1.99088644, -0.0782182821, 0.657253629, -0.523862019, 0.122567954, -0.398060123, 0.0236648443,
        -0.565540926, 0.477016985, 0.379833322, -0.737605507, 0.106322799, -0.0331658235, 0.805400613,
        -0.464663308, 1.2072804, -0.735864881, 0.0130959062, 0.505908703, -0.492974118, 0.18260134,
        -0.906363877, 1.31263106, 0.359946659, 0.252216559, -1.22707765, 1.33933031, 0.23893517, 1.36972599,
        -1.68878813, 0.711406499, 1.79257554, -0.00856925358, 2.04916892, 1.18796615, 2.379128, 2.62712133,
        -0.339837601, 0.556948806, 0.520235694, -0.687673068, -1.71407459, 0.514798284, -0.528722146,
        3.7173761, 0.710288988, -0.19810084, -0.382492866, 0.543343011, 0.458330313, -0.692439894,
        0.349850318, 0.125190896, 1.1264987, 0.3351679, 0.707604163, 1.94827909, 0.503091853, -0.908140284,
        -4.43828158, -1.77578074, 0.628008009, -1.49693569, -0.167028845, 0.925872126, 0.0256688935,
        0.0438065919, -2.47510441, -2.89374802, 1.58630268, -1.28498427, 4.31161434, 0.442124407];
    pub const TRANSPOSED: [f64; 124] = [6.38858732, 6.03899051, -0.575481461, 0.986253723, -0.573548784,
        0.0260205645, 0.148778272, -0.355764715, -0.395629622, 0.6357489, -0.219539598, -0.358572592,
        -0.0200961237, -0.678003228, -0.442171679, 0.0252321097, 0.652774777, -0.00750165911, 0.0123439844,
        0.597603614, -0.458238964, 0.04673892, 0.644936233, -0.0228192237, 0.0237892152, 0.573374524,
        0.0924285846, 0.135303089, -0.0479981525, 1.12852089, -0.810906062, 0.380832499, 0.240192235,
        0.192703392, -0.244910108, 0.578380488, -0.721603164, 0.379843736, -0.0215901242, -0.253015848,
        -0.487745095, -0.069820053, 0.101400766, -0.0335703729, -0.0106917468, -0.283158571, -0.471685135,
        -0.0552403487, 0.11777458, 0.0034365005, -0.735252698, 0.457968661, -1.59665645, 0.527356561,
        -1.3434579, 0.809487885, 1.49946368, -0.365932855, -1.86732335, 0.0519241152, -1.53881751, 0.87257575,
        0.401535689, -0.117676774, 0.937042869, 1.32685963, 0.117802082, 0.797800807, 0.212921154,
        -0.340516515, 0.301367523, 0.450301278, -0.00519007642, -0.0385929348, 0.09692414, -0.736979684,
        -0.188300802, -0.0728264528, 0.248952128, 0.0175606109, 0.211493106, 1.44112733, -0.204964029,
        0.099031931, -0.142316421, 0.700812279, 18.1181829, -1.21171608, 1.31460427, -1.15793743, 3.66880268,
        -1.17641278, -2.32379671, 3.67074082, -0.210205031, 2.9593265, 4.84307303, 1.04570364, -0.853767832,
        2.28066255, -2.31843903, -3.19807199, 1.60536892, 0.218787244, 1.72918787, 3.13696039, -0.0912029084,
        -0.229317789, -0.143289009, -1.37798081, -3.86869593, -0.291292064, -0.215053967, 0.54600895,
        -0.463347741, -0.0983151383, -0.188936827, -0.148660687, -1.32345356, -3.81110324, -0.285008235,
        -0.216978307, 0.621141017, -0.409205736];
    pub const LAYER_NORM: [f64; 92] = [17.064952, 29.175823, 0.0393615505, -0.375563769, 0.618651263,
        -0.285034512, -0.292028418, 0.590371947, -0.419619186, 0.527251325, 0.498385911, 0.584435883,
        -0.710815009, 0.384379929, -0.315246363, -0.316005799, -0.201818751, -0.717432653, 0.607615889,
        -0.216889238, 0.728933594, -0.121067772, -0.122998302, -0.430368542, -0.412799581, -0.141201183,
        -0.22493619, 0.753732417, -0.154410868, 0.739990736, -0.278293757, -0.16200812, -0.268343179,
        -0.267749143, -0.16399583, -0.37317384, 0.679600922, 0.219088638, 0.815436378, -0.255468115,
        0.256283634, 0.304070818, 0.325411629, -0.125939221, -0.939091308, 0.734062214, -0.450419685,
        0.610573608, -1.81312251, -0.673792878, 0.144940336, 0.154523056, -0.249424767, -1.82721398,
        0.304691307, -0.679565025, 1.4119454, -0.298516938, 1.11468443, -0.475332832, -0.50447232, 1.14239787,
        -0.605109925, 1.84096237, 1.12002263, 1.90440974, -1.20449013, 1.0700504, -0.162407349, -0.168937125,
        0.3226346, -1.10540103, 1.99592823, 0.965833746, 0.729486521, 0.0909392803, 0.612646474, 0.208179144,
        0.208578582, 0.603418943, 0.173925811, 1.20395875, 0.494079906, 1.28076072, 0.700420696, 0.3533421,
        0.0462706009, 0.04863975, -0.0607958637, 0.639492902, 1.30298471, 0.136212271];
    pub const INSTANCE_NORM: [f64; 47] = [18.8124075, 81.1410931, 0.0351954837, -1.26161852, 0.666048673,
        -0.0779304459, -0.0917927617, 0.730097573, -0.028222489, 0.0289952758, -0.00140769934, 0.025392124,
        -0.0137032518, -0.0110539595, -0.407132104, -0.411137187, 0.58051935, -0.484547678, 0.864721,
        -0.142423381, 0.958603995, -0.354559397, -0.0191232738, -0.276494912, -0.277229482, -0.0311969309,
        -0.00291082926, 0.00918092042, -0.00648789441, 0.00921235084, -0.00299845262, -0.00599609496,
        -0.287290676, -0.286499507, -0.0241447961, -0.367674149, 0.967346036, -0.00173690788, -0.199782074,
        -1.3570486, -1.69952436, 2.07766653, 0.905499764, 1.89126725, 3.96309227, 0.0235085627, 3.06603512];
    pub const BATCH_NORM: [f64; 83] = [19.1571111, 81.0601067, 0.238981083, -1.14992919, 0.779479124,
        -0.105350346, -0.120957528, 0.812120279, -0.0235395263, 0.0198100614, 0.00609946339, 0.018597797,
        -0.0152396216, 0.000919125588, -0.337015635, -0.341791956, 0.651290766, -0.477890028, 0.918811096,
        -0.0765347884, 0.812057763, -0.648736599, -0.0256311687, -0.278648262, -0.281216304, -0.0321688488,
        -0.000668514593, 0.00894436955, -0.0118821646, 0.00898845093, -0.00077642184, -0.0112530189,
        -0.355995148, -0.355693703, -0.0965744657, -0.366654677, 0.910048962, -0.0720004235, -0.0313055714,
        -1.30498562, -1.72017764, 2.07766653, 0.905499764, 1.89126725, 4.09681778, 0.0163848737, 3.12150903,
        -0.574605972, -0.216262599, -0.198481876, 0.365552554, 0.372479915, -0.0697428655, -0.000492234051,
        0.000209855159, 0.000215445198, 0.00022727527, -0.000423739246, 0.000183500736, 0.175542898,
        0.166073268, 0.206683189, -0.597718761, 0.0105643738, 0.130358426, -0.0724742048, -0.624083052,
        0.256729617, 0.247158383, 0.241666959, 0.272063141, -0.00026495714, 0.000228774807, 7.35776002e-05,
        0.000228952668, -0.000266320589, 7.98695879e-05, 0.100564329, 0.105505368, 0.147265179, -0.601768881,
        0.0306022889, 0.126328322];
    pub const BATCH_NORM_INFERENCE: [f64; 47] = [15.4054888, 91.6100742, 0.550763384, -1.33640691, 1.29052436,
        0.091762587, 0.0705866361, 1.3363022, -0.023311462, 0.0214992653, 0.0249142364, 0.0231088806,
        -0.0198254953, 0.0235733622, -0.0671606556, -0.0794001372, 0.221835026, -0.775574825, 1.2837271,
        0.205325515, 1.33618868, -0.658313117, 0.199162199, -0.145401377, -0.148954706, 0.190421154,
        -0.0107285045, 0.0253250833, 0.0178660858, 0.0253292336, -0.0108103649, 0.0182153102, -0.142065329,
        -0.138238021, 0.19380837, -0.648490167, 1.28758542, 0.207787573, -0.126172089, -1.02179261,
        -2.77511605, 2.07766653, 0.905499764, 1.20248782, 8.26682565, 0.0433805861, 4.79283913];
    pub const ADAMW: [f64; 5] = [0.843666832, 0.152233053, 0.104700898, 0.904621973, -0.725168451];
}

const LEAKY: Activation = Activation::LeakyRelu(0.2);

/// sin(0.7 i² + 1.3 i + phase) * scale + offset for i = 0, 1, ...
fn wave(shape: &[usize], phase: f64, scale: f64, offset: f64) -> Tensor {
    let count: usize = shape.iter().product();
    let value = |i: usize| (scale * (0.7 * (i * i) as f64 + 1.3 * i as f64 + phase).sin() + offset) as f32;
    Tensor::from_vec((0..count).map(value).collect(), shape, &Device::Cpu).unwrap()
}

/// What `study` in the program above prints, without the second derivative in the input.
fn study(forward: &dyn Fn(&Tensor) -> Result<Tensor>, x: Tensor, weight: &Var, bias: &Var) -> Vec<f32> {
    study_twice(forward, x, weight, bias).0
}

/// What `study` in the program above prints, and the second derivative in the input.
fn study_twice(
    forward: &dyn Fn(&Tensor) -> Result<Tensor>,
    x: Tensor,
    weight: &Var,
    bias: &Var,
) -> (Vec<f32>, Vec<f32>) {
    let x = Var::from_tensor(&x).unwrap();
    let y = forward(&x).unwrap();
    let upstream = wave(y.dims(), 9.0, 1.0, 0.0);
    let first = (&y * upstream).unwrap().sum_all().unwrap().backward().unwrap();
    let mut all = floats(&y.sum_all().unwrap());
    all.extend(floats(&y.sqr().unwrap().sum_all().unwrap()));
    for var in [&x, weight, bias] {
        all.extend(floats(first.get(var).unwrap()));
    }
    let second = first.get(&x).unwrap().sqr().unwrap().sum_all().unwrap().backward().unwrap();
    all.extend(floats(second.get(weight).unwrap()));
    (all, floats(second.get(&x).unwrap_or(&x.zeros_like().unwrap())))
}

/// The variables `layer.weight` and `layer.bias`, set to waves.
fn set(parameters: &Parameters, [scale, offset]: [f64; 2], bias_scale: f64) -> [Var; 2] {
    let var = |name: &str| parameters.variables().find(|(n, _)| *n == name).unwrap().1.clone();
    let (weight, bias) = (var("layer.weight"), var("layer.bias"));
    weight.set(&wave(weight.dims(), 2.0, scale, offset)).unwrap();
    bias.set(&wave(bias.dims(), 3.0, bias_scale, 0.0)).unwrap();
    [weight, bias]
}

/// candle keeps the graph of a backward pass only where an environment variable says so when the process starts:
/// the test runs itself again.
#[test]
fn layers_and_their_derivatives_equal_pytorch() {
    const KEEP: &str = "CANDLE_GRAD_DO_NOT_DETACH";
    if std::env::var_os(KEEP).is_none() {
        let run = std::process::Command::new(std::env::current_exe().unwrap())
            .args(["--exact", "layers_and_their_derivatives_equal_pytorch"])
            .env(KEEP, "1")
            .output()
            .unwrap();
        assert!(run.status.success(), "{}", String::from_utf8_lossy(&run.stdout));
        return;
    }
    let (stream, init) = (Stream::root(0), Init::Zeros);
    let mut p = Parameters::new(&Device::Cpu);
    let window = Window::new(3, 2, 2).dilated(2).grouped(2);
    let conv = Conv2d::new(&mut p, "layer", [2, 4], window, init, &stream).unwrap();
    let [weight, bias] = set(&p, [0.5, 0.0], 0.3);
    let found = study(&|x| conv.forward(x, LEAKY), wave(&[2, 2, 5, 4], 1.0, 1.0, 0.0), &weight, &bias);
    assert_close("convolution", &found, &pytorch::CONVOLUTION, 2e-6);

    let mut p = Parameters::new(&Device::Cpu);
    let window = Window::new(3, 3, 1).dilated(2).grouped(2);
    let conv = ConvTranspose2d::new(&mut p, "layer", [4, 2], window, init, &stream).unwrap();
    let (conv, [weight, bias]) = (conv.with_output_padding(1), set(&p, [0.5, 0.0], 0.3));
    let found = study(&|x| conv.forward(x, LEAKY), wave(&[2, 4, 2, 3], 1.0, 1.0, 0.0), &weight, &bias);
    assert_close("transposed convolution", &found, &pytorch::TRANSPOSED, 2e-6);

    let x = wave(&[2, 3, 2, 3], 1.0, 3.0, 5.0);
    let mut p = Parameters::new(&Device::Cpu);
    let norm = LayerNorm::new(&mut p, "layer", &[3, 2, 3], &stream).unwrap();
    let [weight, bias] = set(&p, [1.0, 1.0], 1.0);
    let found = study(&|x| norm.forward(x, LEAKY), x.clone(), &weight, &bias);
    assert_close("layer norm", &found, &pytorch::LAYER_NORM, 2e-6);

    let mut p = Parameters::new(&Device::Cpu);
    let norm = InstanceNorm2d::new(&mut p, "layer", 3, &stream).unwrap();
    let [weight, bias] = set(&p, [1.0, 1.0], 1.0);
    let found = study(&|x| norm.forward(x, LEAKY), x.clone(), &weight, &bias);
    assert_close("instance norm", &found, &pytorch::INSTANCE_NORM, 2e-6);

    let mut p = Parameters::new(&Device::Cpu);
    let norm = BatchNorm2d::new(&mut p, "layer", 3, &stream).unwrap();
    let [weight, bias] = set(&p, [1.0, 1.0], 1.0);
    let training = |x: &Tensor| norm.forward(x, Mode::Training, LEAKY);
    let (mut found, of_input) = study_twice(&training, x.clone(), &weight, &bias);
    found.extend(of_input);
    assert_close("batch norm", &found, &pytorch::BATCH_NORM, 2e-6);

    // Variables that the other side lacks stay as they are.
    let mut p = Parameters::new(&Device::Cpu);
    let norm = BatchNorm2d::new(&mut p, "layer", 3, &stream).unwrap();
    let mut statistics = Parameters::new(&Device::Cpu);
    for (name, phase, offset) in [("mean", 4.0, 5.0), ("variance", 5.0, 3.0)] {
        let buffer = statistics.buffer(&format!("layer.running_{name}"), 3, 0.0).unwrap();
        buffer.set(&wave(&[3], phase, 1.0, offset)).unwrap();
    }
    p.assign(&statistics).unwrap();
    let [weight, bias] = set(&p, [1.0, 1.0], 1.0);
    let found = study(&|x| norm.forward(x, Mode::Inference, LEAKY), x, &weight, &bias);
    assert_close("batch norm in inference", &found, &pytorch::BATCH_NORM_INFERENCE, 2e-6);
}

#[test]
fn adamw_equals_pytorch() {
    let (mut parameters, stream) = (Parameters::new(&Device::Cpu), Stream::root(0));
    let a = parameters.variable("a", 3, Init::Zeros, &stream).unwrap();
    let b = parameters.variable("b", 2, Init::Zeros, &stream).unwrap();
    a.set(&wave(&[3], 1.0, 1.0, 0.0)).unwrap();
    b.set(&wave(&[2], 2.0, 1.0, 0.0)).unwrap();
    let mut adam = Adam::new(&parameters, 0.01, 0.9, 0.999).unwrap();
    adam.weight_decay = 0.3;
    for step in 0..5 {
        let factor = wave(&[3], 3.0 + f64::from(step), 1.0, 0.0);
        let loss = (a.sqr().unwrap() * factor).unwrap().sum_all().unwrap();
        let factor = wave(&[2], 9.0 + f64::from(step), 1.0, 0.0);
        let loss = (loss + (b.as_tensor() * factor).unwrap().sum_all().unwrap()).unwrap();
        adam.step(&loss.backward().unwrap()).unwrap();
    }
    assert_close("AdamW", &[floats(&a), floats(&b)].concat(), &pytorch::ADAMW, 2e-6);
}
