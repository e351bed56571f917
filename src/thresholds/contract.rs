//! What every registered threshold has to keep.

use std::path::Path;

use generators::params::Table;
use generators::registry::{build, contract};
use generators::stream::Stream;

use super::{Calibration, KINDS, Threshold, ThresholdError};

fn built(text: &str) -> Box<dyn Threshold> {
    build(KINDS, Table::parse("s.toml", text).unwrap()).unwrap_or_else(|e| panic!("{e}")).1
}

/// Each kind as its example states it and with defaults.
fn all() -> Vec<(&'static str, Box<dyn Threshold>)> {
    let texts =
        |name: &str, example: &str| [format!("kind = \"{name}\""), format!("kind = \"{name}\"\n{example}")];
    KINDS.iter().flat_map(|k| texts(k.name, k.example).map(|text| (k.name, built(&text)))).collect()
}

fn normal(count: usize, mean: f64, stream: &mut Stream) -> Vec<f64> {
    (0..count).map(|_| mean + stream.normal()).collect()
}

#[test]
fn every_kind_is_registered_and_explained() {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("src/thresholds");
    assert_eq!(contract::check(KINDS, &folder, &[]), Ok(()));
}

#[test]
fn thresholds_move_with_the_scores() {
    let mut stream = Stream::root(1);
    let healthy = normal(400, 0.0, &mut stream);
    let unlabelled = [normal(200, 0.0, &mut stream), normal(100, 5.0, &mut stream)].concat();
    let moved = |scores: &[f64]| scores.iter().map(|s| 100.0 + 8.0 * s).collect::<Vec<f64>>();
    for (name, threshold) in all() {
        let fit = |healthy: &[f64], unlabelled: &[f64]| {
            threshold.fit(&Calibration { healthy, unlabelled }).unwrap()
        };
        let (here, there) = (fit(&healthy, &unlabelled), fit(&moved(&healthy), &moved(&unlabelled)));
        assert!((100.0 + 8.0 * here - there).abs() < 1e-4, "{name}: {here} and {there}");
        // It lies where healthy scores end and defective ones begin.
        assert!((1.0..5.0).contains(&here), "{name}: {here}");
    }
}

#[test]
fn the_stated_rate_is_kept() {
    const RATE: f64 = 0.02;
    for name in ["quantile", "peaks-over-threshold", "conformal"] {
        let threshold = built(&format!("kind = \"{name}\"\nfalse_alarms = {RATE}"));
        let rates: Vec<f64> = (0..400)
            .map(|case| {
                let mut stream = Stream::root(case);
                // Log-normal scores: a tail heavier than that of the normal law.
                let healthy: Vec<f64> = normal(300, 0.0, &mut stream).iter().map(|z| z.exp()).collect();
                let found = threshold.fit(&Calibration { healthy: &healthy, unlabelled: &[] }).unwrap();
                0.5 * statrs::function::erf::erfc(found.ln() / 2f64.sqrt())
            })
            .collect();
        let mean = rates.iter().sum::<f64>() / rates.len() as f64;
        // Conformal: at most the rate, and at least the rate less 1 / 301. The others have a bias of that order.
        let (low, high) = if name == "conformal" { (0.016, 0.0207) } else { (0.016, 0.025) };
        assert!((low..high).contains(&mean), "{name}: {mean}");
    }
}

#[test]
fn poor_input_is_refused_by_name() {
    for (name, threshold) in all() {
        let fit = |healthy: &[f64]| threshold.fit(&Calibration { healthy, unlabelled: &[1.0] });
        assert!(matches!(fit(&[]), Err(ThresholdError::TooFew { found: 0, .. })), "{name}");
        for bad in [f64::NAN, f64::INFINITY] {
            let mut scores = vec![1.0; 20_000];
            scores[7] = bad;
            let refused = fit(&scores).unwrap_err().to_string();
            assert_eq!(refused, "scores of healthy images number 7 is not finite", "{name}");
        }
    }
}
