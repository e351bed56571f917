//! The network against PyTorch 2.15:
//!
//! ```python
//! import torch
//! from torch.nn import Conv2d, ConvTranspose2d
//! half, same, whole = (4, 2, 1), (3, 1, 1), (8, 1, 0)
//! shapes = [(1, 32, half), (32, 32, half), (32, 32, same), (32, 64, half), (64, 64, same), (64, 128, half), (128, 64, same),
//!           (64, 32, same), (32, 100, whole)]
//! encoder = torch.nn.Sequential(*[Conv2d(i, o, *window) for i, o, window in shapes])
//! decoder = torch.nn.Sequential(*[ConvTranspose2d(o, i, *window) for i, o, window in shapes[::-1]])
//! x = torch.zeros(1, 1, 128, 128)
//! for layer in [*encoder, *decoder]:
//!     x = layer(x)
//!     print(*x.shape[1:])
//! print(sum(p.numel() for p in [*encoder.parameters(), *decoder.parameters()]))
//! ```
//!
//! Its shapes are the column `Output Size` of Zouar 2021, Table 4.

use candle_core::Tensor;

use super::*;
use crate::detectors::contract::{Silent, discs, fit, small};

fn settings(lines: &str) -> AutoEncoder {
    read(&mut Table::parse("s.toml", lines).unwrap()).unwrap()
}

fn network(lines: &str, size_px: usize) -> Network {
    let range = GreyRange::between([0.0, 1.0]);
    Network::new(&settings(lines), size_px, range, &Stream::root(0), &Device::Cpu).unwrap()
}

#[test]
fn it_has_the_size_of_the_paper() {
    assert_eq!(network("", 128).parameters.count(), 1_048_549);
}

/// Layers are left out from the outside, so that the others are those of the paper at every side.
#[test]
fn every_side_is_halved_down_to_8_px_and_comes_back() {
    for (size_px, first) in [(16, 5), (32, 3), (64, 2), (128, 1), (256, 0)] {
        let network = network("channels = 2\nlatent = 3", size_px);
        let mut names: Vec<String> = (first..=9).map(|k| format!("encoder.{k}.weight")).collect();
        let found = network.parameters.variables().map(|(name, _)| name.to_owned());
        let found: Vec<String> =
            found.filter(|name| name.starts_with("encoder") && name.ends_with("weight")).collect();
        names.sort();
        assert_eq!(found, names);
        let images = Tensor::full(0.5f32, (2, 1, size_px, size_px), &Device::Cpu).unwrap();
        let (residual, z) = network.residual(&images).unwrap();
        assert_eq!((residual.dims(), z.dims()), (images.dims(), &[2, 3][..]));
    }
}

/// A network without weights redraws nothing: of grey values 0.3 and 0.5 is left over what was there, or all likeness but that of
/// the constants.
#[test]
fn residuals_are_those_of_the_loss() {
    for (loss, expected) in
        [("l2", [0.09, 0.25]), ("ssim", [0.3f64, 0.5].map(|v| 1.0 - 1e-4 / (v * v + 1e-4)))]
    {
        let network = network(&format!("channels = 2\nlatent = 3\nloss = \"{loss}\""), 16);
        for (_, variable) in network.parameters.variables() {
            variable.set(&variable.zeros_like().unwrap()).unwrap();
        }
        let images = Tensor::new(&[0.3f32, 0.5], &Device::Cpu).unwrap().reshape((2, 1, 1, 1)).unwrap();
        let images = images.broadcast_as((2, 1, 16, 16)).unwrap().contiguous().unwrap();
        let means = network.residual(&images).unwrap().0.flatten_from(1).unwrap().mean(1).unwrap();
        let means = means.to_vec1::<f32>().unwrap();
        for (mean, expected) in means.iter().zip(expected) {
            assert!((f64::from(*mean) - expected).abs() < 1e-5, "{loss}: {mean} for {expected}");
        }
        let of_loss = f64::from(network.loss(&images).unwrap().to_scalar::<f32>().unwrap());
        assert!((of_loss - (expected[0] + expected[1]) / 2.0).abs() < 1e-5, "{loss}: {of_loss}");
    }
}

#[test]
fn with_structural_similarity_it_is_restored_as_it_was_and_the_same_at_any_thread_count() {
    let detector = small(&KIND, "loss = \"ssim\"").unwrap();
    let images = discs(5, 16, 3);
    let in_pool = |threads: usize| {
        let pool = rayon::ThreadPoolBuilder::new().num_threads(threads).build().unwrap();
        pool.install(|| {
            let folder = tempfile::tempdir().unwrap();
            let scores = fit(&*detector, folder.path(), &Silent).unwrap().scorer.score(&images).unwrap();
            let restored = Saved::open(folder.path(), &Device::Cpu).unwrap().scorer().unwrap();
            let restored = restored.score(&images).unwrap();
            assert_eq!((&restored.components, &restored.maps), (&scores.components, &scores.maps));
            (scores.components, scores.maps, std::fs::read(folder.path().join("model.safetensors")).unwrap())
        })
    };
    assert!(in_pool(1) == in_pool(3));
}

/// What it has not seen is left over: a bright spot on a disc, by either loss.
#[test]
fn a_spot_scores_higher_than_the_disc_without_it() {
    for loss in LOSSES {
        let lines = format!("loss = \"{loss}\"\nchannels = 4\nsteps = 150\nlearning_rate = 0.003");
        let folder = tempfile::tempdir().unwrap();
        let scorer = fit(&*small(&KIND, &lines).unwrap(), folder.path(), &Silent).unwrap().scorer;
        let healthy = discs(20, 16, 3);
        let mut spots = healthy.clone();
        for pixels in spots.pixels.chunks_mut(256) {
            for (row, column) in [(7, 7), (7, 8), (8, 7), (8, 8)] {
                pixels[row * 16 + column] = 0.2;
            }
        }
        let [healthy, spots] = [healthy, spots].map(|images| scorer.score(&images).unwrap());
        let peaks = healthy.components[1].1.iter().zip(&spots.components[1].1);
        let larger = peaks.filter(|(healthy, spot)| spot > healthy).count();
        assert!(larger >= 19, "{loss}: {larger} of 20");
    }
}

/// Weights as too high a learning rate leaves them, and none.
#[test]
fn reconstructions_that_left_the_grey_values_or_are_all_the_same_are_collapses() {
    let (settings, network, images) =
        (settings("channels = 2"), network("channels = 2", 16), discs(8, 16, 3));
    for (factor, expected) in [(30.0, [true, false]), (0.0, [false, true])] {
        for (_, variable) in network.parameters.variables() {
            variable.set(&(variable.as_detached_tensor() * factor).unwrap()).unwrap();
        }
        let signs = Training::new(&settings, &network, &images).unwrap().signs().unwrap();
        let holds: Vec<bool> = signs.iter().map(|sign| sign.bound.holds(sign.value)).collect();
        assert_eq!(holds, expected, "{signs:?}");
    }
}

#[test]
fn mistakes_are_placed() {
    let error = read(&mut Table::parse("s.toml", "loss = \"l1\"").unwrap()).unwrap_err().to_string();
    assert!(error.starts_with("s.toml:1:8: `loss` cannot be `l1`; choose from `l2`, `ssim`"), "{error}");
    let error = read(&mut Table::parse("s.toml", "weight_decay = 2").unwrap()).unwrap_err().to_string();
    assert_eq!(error, "s.toml:1:16: `weight_decay` is 2 but must be between 0 and 1");
}
