use candle_core::{DType, Tensor};

use super::network::remainder;
use super::*;
use crate::detectors::contract::{Silent, discs, fit, small};
use crate::nets::normal;

fn noise(name: &str, shape: (usize, usize, usize, usize)) -> Tensor {
    normal(shape, &mut Stream::root(4).child(name), &Device::Cpu).unwrap()
}

fn largest(x: &Tensor) -> f32 {
    x.abs().unwrap().flatten_all().unwrap().max(0).unwrap().to_scalar::<f32>().unwrap()
}

#[test]
fn what_the_patterns_can_make_leaves_nothing_and_the_rest_stays() {
    let patterns = [noise("a", (3, 1, 8, 8)), noise("b", (3, 1, 8, 8))];
    let own = ((&patterns[0] * 2.0).unwrap() - (&patterns[1] * 0.5).unwrap()).unwrap();
    let own = (own + 7.0).unwrap();
    assert!(largest(&remainder(&own, &patterns).unwrap()) < 1e-4);
    // What is left of anything is orthogonal to the constant and to every pattern: the least squares.
    let x = noise("x", (3, 1, 8, 8));
    let rest = remainder(&x, &patterns).unwrap();
    for pattern in patterns.iter().chain([&rest.ones_like().unwrap()]) {
        let products = (pattern * &rest).unwrap().flatten_from(1).unwrap().mean(1).unwrap();
        assert!(largest(&products) < 1e-5);
    }
    assert!(largest(&(remainder(&(&x + own).unwrap(), &patterns).unwrap() - rest).unwrap()) < 1e-4);
    // A pattern that says nothing takes nothing away.
    let nothing = x.zeros_like().unwrap().to_dtype(DType::F32).unwrap();
    let centred = remainder(&x, &[]).unwrap();
    assert!(largest(&(remainder(&x, &[nothing]).unwrap() - centred).unwrap()) < 1e-6);
}

/// The images of a job that is brighter by `offset`; the layers before them are as they were.
fn brighter(images: &ImageSet, offset: f32) -> ImageSet {
    ImageSet { pixels: images.pixels.iter().map(|v| v + offset).collect(), ..images.clone() }
}

#[test]
fn a_warmer_job_is_no_anomaly_and_a_warmer_layer_is() {
    let folder = tempfile::tempdir().unwrap();
    let fitted = fit(&*small(&KIND, "layers = 1").unwrap(), folder.path(), &Silent).unwrap();
    let images = discs(40, 16, 7);
    let scores = fitted.scorer.score(&images).unwrap();
    let of = |scores: &Scores, name: &str| -> Vec<f32> {
        scores.components.iter().find(|(n, _)| *n == name).unwrap().1.clone()
    };
    // Spatial scores do not see the level of an image.
    let warmer = fitted.scorer.score(&brighter(&images, 0.1)).unwrap();
    for name in ["peak", "mean"] {
        for (a, b) in of(&scores, name).iter().zip(of(&warmer, name)) {
            assert!((a - b).abs() < 1e-2 * a.abs().max(1.0), "{name}: {a} {b}");
        }
    }
    // Against a layer before that stayed as it was the same change is a drift; the first layer of a job has none.
    let (before, after) = (of(&scores, "drift"), of(&warmer, "drift"));
    for i in 0..images.len() {
        if i % 2 == 0 {
            assert_eq!(before[i], after[i]);
        } else {
            assert!(after[i] > before[i] + 1.0, "{} {}", before[i], after[i]);
        }
        assert!(before[0] <= before[i]);
    }
}

#[test]
fn without_what_it_looks_at_it_says_what_is_missing() {
    let folder = tempfile::tempdir().unwrap();
    let fitted = fit(&*small(&KIND, "").unwrap(), folder.path(), &Silent).unwrap();
    let bare = ImageSet { nominal: Vec::new(), past: Default::default(), ..discs(2, 16, 1) };
    let error = fitted.scorer.score(&bare).err().unwrap().to_string();
    assert!(error.contains("the nominal slice of each image and the 4 layers before it"), "{error}");
}
