//! Parameters and training states on disk.
#![allow(clippy::unwrap_used)]

use std::path::Path;

use candle_core::{Device, Tensor};
use generators::stream::Stream;
use synthgen::nets::checkpoint::{self, Checkpoint};
use synthgen::nets::{
    Activation, Adam, BatchNorm2d, Conv2d, Init, Linear, Mode, NetsError, Parameters, Window, dropout_mask,
    normal,
};

struct Network {
    parameters: Parameters,
    conv: Conv2d,
    norm: BatchNorm2d,
    linear: Linear,
}

impl Network {
    fn new(seed: u64, outputs: usize) -> Self {
        let (mut parameters, stream) = (Parameters::new(&Device::Cpu), Stream::root(seed));
        let window = Window::new(4, 2, 1);
        let conv = Conv2d::new(&mut parameters, "conv", [1, 3], window, Init::Kaiming, &stream).unwrap();
        let norm = BatchNorm2d::new(&mut parameters, "norm", 3, &stream).unwrap();
        let linear =
            Linear::new(&mut parameters, "linear", 48, outputs, Init::He { slope: 0.0 }, &stream).unwrap();
        Self { parameters, conv, norm, linear }
    }

    /// One step of training on the data of `step`; the loss.
    fn step(&self, adam: &mut Adam, step: usize) -> f32 {
        let mut stream = Stream::root(11).item("step", step);
        let x = normal((5, 1, 8, 8), &mut stream, &Device::Cpu).unwrap();
        let mask = dropout_mask((5, 48), 0.3, &mut stream, &Device::Cpu).unwrap();
        let h = self.conv.forward(&x, Activation::Identity).unwrap();
        let h = self.norm.forward(&h, Mode::Training, Activation::Relu).unwrap().flatten_from(1).unwrap();
        let y = self.linear.forward(&(h * mask).unwrap(), Activation::Identity).unwrap();
        let loss = (y - 1.0).unwrap().sqr().unwrap().mean_all().unwrap();
        adam.step(&loss.backward().unwrap()).unwrap();
        loss.to_scalar().unwrap()
    }

    /// Weights and running statistics as bytes.
    fn bytes(&self, folder: &Path) -> Vec<u8> {
        let path = folder.join("network.safetensors");
        self.parameters.save(&path).unwrap();
        std::fs::read(path).unwrap()
    }
}

fn adam(network: &Network) -> Adam {
    Adam::new(&network.parameters, 1e-2, 0.5, 0.9).unwrap()
}

#[test]
fn a_network_comes_back_from_its_file() {
    let folder = tempfile::tempdir().unwrap();
    let (a, b) = (Network::new(1, 2), Network::new(2, 2));
    a.step(&mut adam(&a), 0);
    let written = a.bytes(folder.path());
    assert_ne!(written, b.bytes(folder.path()));
    let path = folder.path().join("a.safetensors");
    a.parameters.save(&path).unwrap();
    b.parameters.load(&path).unwrap();
    assert_eq!(written, b.bytes(folder.path()));
    assert_eq!(a.norm.running_mean().unwrap(), b.norm.running_mean().unwrap());
    assert_eq!(a.parameters.count(), 3 * 16 + 3 + 3 + 3 + 2 * 48 + 2);
    let left: Vec<_> = std::fs::read_dir(folder.path()).unwrap().map(|e| e.unwrap().file_name()).collect();
    assert_eq!(left.len(), 2, "nothing but the two files is left: {left:?}");
}

#[test]
fn a_file_of_another_network_is_refused_and_changes_nothing() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("a.safetensors");
    let network = Network::new(1, 2);
    let before = network.bytes(folder.path());

    Network::new(1, 3).parameters.save(&path).unwrap();
    let error = network.parameters.load(&path).unwrap_err();
    assert!(error.to_string().ends_with("\"linear.bias\" has shape [3], the network's has [2]"), "{error}");

    let mut larger = Network::new(1, 2);
    larger.parameters.variable("more", 1, Init::Ones, &Stream::root(0)).unwrap();
    larger.parameters.save(&path).unwrap();
    assert!(
        matches!(network.parameters.load(&path), Err(NetsError::Unexpected { name, .. }) if name == "more")
    );
    network.parameters.save(&path).unwrap();
    assert!(matches!(larger.parameters.load(&path), Err(NetsError::Missing { name, .. }) if name == "more"));
    assert!(matches!(
        larger.parameters.variable("norm.running_mean", 1, Init::Ones, &Stream::root(0)),
        Err(NetsError::Duplicate { .. })
    ));
    let absent = folder.path().join("absent");
    assert!(matches!(network.parameters.load(&absent), Err(NetsError::Io { .. })));
    assert!(matches!(network.parameters.save(&absent.join("x")), Err(NetsError::Io { .. })));
    assert_eq!(before, network.bytes(folder.path()));
}

#[test]
fn a_damaged_file_is_refused() {
    let folder = tempfile::tempdir().unwrap();
    let network = Network::new(1, 2);
    let whole = network.bytes(folder.path());
    let path = folder.path().join("damaged");
    // A flipped bit at any place, or any end missing, is noticed; neither panics.
    for i in (0..whole.len()).step_by(7) {
        let mut damaged = whole.clone();
        damaged[i] ^= 0x10;
        for bytes in [&damaged[..], &whole[..i]] {
            std::fs::write(&path, bytes).unwrap();
            let error = network.parameters.load(&path).unwrap_err();
            assert!(!matches!(error, NetsError::Io { .. } | NetsError::Tensor(_)), "{error}");
        }
    }
}

#[test]
fn a_run_that_was_cut_off_ends_with_the_identical_weights() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("state");
    let through = Network::new(1, 2);
    let mut optimiser = adam(&through);
    for step in 0..6 {
        through.step(&mut optimiser, step);
    }

    let first = Network::new(1, 2);
    let mut optimiser = adam(&first);
    for step in 0..3 {
        first.step(&mut optimiser, step);
    }
    let state = Checkpoint {
        fingerprint: "this run".to_owned(),
        architecture: serde_json::json!({ "outputs": 2 }),
        step: 3,
        notes: "[0.5]".to_owned(),
    };
    checkpoint::save(&path, &state, &[("net", &first.parameters)], &[("net", &optimiser)]).unwrap();

    let second = Network::new(7, 2);
    let mut optimiser = adam(&second);
    let mut resume = |fingerprint: &str| {
        checkpoint::load(&path, fingerprint, &[("net", &second.parameters)], &mut [("net", &mut optimiser)])
    };
    let before = second.bytes(folder.path());
    assert_eq!(resume("another run").unwrap(), None);
    assert_eq!(before, second.bytes(folder.path()));
    assert_eq!(resume("this run").unwrap(), Some(state));
    assert_eq!(optimiser.steps(), 3);
    for step in 3..6 {
        second.step(&mut optimiser, step);
    }
    assert_eq!(through.bytes(folder.path()), second.bytes(folder.path()));

    // The same state gives the same bytes.
    let again = folder.path().join("again");
    let state = Checkpoint::default();
    for path in [&path, &again] {
        checkpoint::save(path, &state, &[("net", &second.parameters)], &[("net", &optimiser)]).unwrap();
    }
    assert_eq!(std::fs::read(&path).unwrap(), std::fs::read(&again).unwrap());
}

#[test]
fn a_state_of_other_networks_is_refused() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("state");
    let network = Network::new(1, 2);
    let mut optimiser = adam(&network);
    let state = Checkpoint::default();
    let absent = checkpoint::load(&path, "", &[("net", &network.parameters)], &mut []).unwrap();
    assert_eq!(absent, None);
    checkpoint::save(&path, &state, &[("net", &network.parameters)], &[]).unwrap();
    let load = |networks: &[(&str, &Parameters)], optimisers: &mut [(&str, &mut Adam)]| {
        checkpoint::load(&path, "", networks, optimisers)
    };
    let networks = [("net", &network.parameters)];
    assert!(matches!(load(&networks, &mut [("net", &mut optimiser)]), Err(NetsError::Missing { .. })));
    assert!(matches!(load(&[], &mut []), Err(NetsError::Unexpected { .. })));
    std::fs::write(&path, b"not a state").unwrap();
    assert!(matches!(load(&networks, &mut []), Err(NetsError::Corrupted { .. })));
    let twice = [("net", &network.parameters), ("net", &network.parameters)];
    assert!(matches!(checkpoint::save(&path, &state, &twice, &[]), Err(NetsError::Duplicate { .. })));
}

#[test]
fn a_state_says_what_it_is_and_is_refused_where_that_was_altered() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("state");
    let network = Network::new(1, 2);
    let architecture = serde_json::json!({ "outputs": 2, "grey": [0.125, 0.75] });
    let state = Checkpoint { architecture, step: 5, ..Default::default() };
    checkpoint::save(&path, &state, &[("net", &network.parameters)], &[]).unwrap();
    assert_eq!(checkpoint::describe(&path).unwrap(), state);
    let mut bytes = std::fs::read(&path).unwrap();
    let at = bytes.windows(5).position(|w| w == b"0.125").unwrap();
    bytes[at + 4] = b'7';
    std::fs::write(&path, bytes).unwrap();
    let error = checkpoint::load(&path, "", &[("net", &network.parameters)], &mut []).unwrap_err();
    assert!(error.to_string().contains("its values were altered"), "{error}");
}

#[test]
fn values_that_are_not_finite_are_not_written() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("state");
    let network = Network::new(1, 2);
    network.parameters.save(&path).unwrap();
    let before = std::fs::read(&path).unwrap();
    let (_, bias) = network.parameters.variables().find(|(name, _)| *name == "linear.bias").unwrap();
    bias.set(&Tensor::new(&[0.0, f32::NAN], &Device::Cpu).unwrap()).unwrap();
    let error = network.parameters.save(&path).unwrap_err();
    assert!(matches!(error, NetsError::NotFinite { name, .. } if name == "linear.bias"));
    assert_eq!(std::fs::read(&path).unwrap(), before);
}

#[test]
fn copies_keep_their_values_and_an_average_follows() {
    let folder = tempfile::tempdir().unwrap();
    let network = Network::new(1, 2);
    let before = network.bytes(folder.path());
    let copy = network.parameters.copied().unwrap();
    network.step(&mut adam(&network), 0);
    assert_ne!(network.bytes(folder.path()), before);
    network.parameters.assign(&copy).unwrap();
    assert_eq!(network.bytes(folder.path()), before);

    // Of weights that stay, what is left of the start after n steps is keep^n.
    let (average, target) = (Network::new(2, 2), Network::new(3, 2));
    let all = |n: &Network| -> Vec<f32> {
        n.parameters.variables().flat_map(|(_, v)| v.flatten_all().unwrap().to_vec1().unwrap()).collect()
    };
    let (start, end) = (all(&average), all(&target));
    (0..3).for_each(|_| average.parameters.follow(&target.parameters, 0.75).unwrap());
    let left = 0.75f32.powi(3);
    for ((found, start), end) in all(&average).iter().zip(&start).zip(&end) {
        assert!((found - (end + left * (start - end))).abs() < 1e-6);
    }
}

#[test]
fn draws_depend_on_the_stream_alone() {
    let (a, b) = (Network::new(1, 2), Network::new(1, 2));
    let first = |n: &Network| -> Vec<Vec<f32>> {
        n.parameters.variables().map(|(_, v)| v.flatten_all().unwrap().to_vec1().unwrap()).collect()
    };
    assert_eq!(first(&a), first(&b));
    assert_ne!(first(&a), first(&Network::new(2, 2)));

    let mask: Tensor = dropout_mask((100, 100), 0.25, &mut Stream::root(0), &Device::Cpu).unwrap();
    let mask: Vec<f32> = mask.flatten_all().unwrap().to_vec1().unwrap();
    let dropped = mask.iter().filter(|&&m| m == 0.0).count();
    assert!(mask.iter().all(|&m| m == 0.0 || m == 1.0 / 0.75));
    // Five standard deviations of a binomial count.
    assert!(dropped.abs_diff(2500) < 5 * 44, "{dropped}");
    assert!(dropout_mask(3, 1.0, &mut Stream::root(0), &Device::Cpu).is_err());
}

#[test]
fn initial_weights_have_the_stated_spread() {
    let (mut parameters, stream) = (Parameters::new(&Device::Cpu), Stream::root(3));
    for (name, init, std) in [
        ("normal", Init::Normal { std: 0.02 }, 0.02),
        ("kaiming", Init::Kaiming, (1.0 / 3.0f64 / 128.0).sqrt()),
        ("he", Init::He { slope: 0.2 }, (2.0 / 1.04 / 128.0f64).sqrt()),
    ] {
        let var = parameters.variable(name, (100, 8, 4, 4), init, &stream).unwrap();
        let values: Vec<f32> = var.flatten_all().unwrap().to_vec1().unwrap();
        let found = values.iter().map(|v| f64::from(v * v)).sum::<f64>() / values.len() as f64;
        assert!((found.sqrt() / std - 1.0).abs() < 0.03, "{name}: {} instead of {std}", found.sqrt());
    }
}
