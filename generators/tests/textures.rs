//! Textures against what they promise: the stated deviation, and continuity from layer to layer.

use generators::layer::{Field, Frame};
use generators::params::{Draws, Table};
use generators::registry;
use generators::stream::Stream;
use generators::textures::{self, Texture};

fn build(text: &str) -> Box<dyn Texture> {
    match Table::parse("texture.toml", text).and_then(|table| registry::build(textures::KINDS, table)) {
        Ok((_, texture)) => texture,
        Err(error) => panic!("{error}\n{text}"),
    }
}

fn paint(texture: &dyn Texture, frame: &Frame, layer: usize) -> Field {
    let root = Stream::root(11);
    texture.paint(frame, layer, &mut Draws::new(&root.child("job"), &root.item("layer", layer)))
}

fn mean_and_deviation(values: impl Iterator<Item = f64> + Clone) -> (f64, f64) {
    let count = values.clone().count() as f64;
    let mean = values.clone().sum::<f64>() / count;
    (mean, (values.map(|v| (v - mean).powi(2)).sum::<f64>() / count).sqrt())
}

/// A window of 60 by 60 features, large enough for the deviation of one field to settle.
#[test]
fn the_deviation_over_a_large_area_is_the_amplitude() {
    let frame = Frame { size_px: 480, px_per_mm: 1.0 };
    for kind in ["cellular", "cloud", "grain", "ridged"] {
        for (octaves, persistence) in [(1, 0.5), (4, 0.5), (6, 0.8)] {
            for continuity in ["", "fresh = false\ndrift = 0.5"] {
                let texture = build(&format!(
                    "kind = \"{kind}\"\namplitude_c = 2.0\nfeature_mm = 8.0\noctaves = {octaves}\n\
                     persistence = {persistence}\n{continuity}"
                ));
                // Layer 2 at half a feature per layer lies a whole lattice cell deep.
                let field = paint(&*texture, &frame, 2);
                let (mean, deviation) = mean_and_deviation(field.values.iter().map(|&v| f64::from(v)));
                println!("{kind} {octaves} {persistence} {continuity:?}: {mean:.3} {deviation:.3}");
                assert!((deviation / 2.0 - 1.0).abs() < 0.05, "{kind}: deviation {deviation}");
                assert!(mean.abs() < 0.1, "{kind}: mean {mean}");
            }
        }
    }
}

fn correlation(a: &Field, b: &Field) -> f64 {
    let pairs = || a.values.iter().zip(&b.values).map(|(&x, &y)| (f64::from(x), f64::from(y)));
    let (mean_a, deviation_a) = mean_and_deviation(pairs().map(|p| p.0));
    let (mean_b, deviation_b) = mean_and_deviation(pairs().map(|p| p.1));
    let covariance = pairs().map(|(x, y)| (x - mean_a) * (y - mean_b)).sum::<f64>() / a.values.len() as f64;
    covariance / (deviation_a * deviation_b)
}

#[test]
fn fresh_fields_are_independent_and_drifting_fields_continue() {
    let frame = Frame { size_px: 200, px_per_mm: 1.0 };
    for kind in ["cellular", "cloud", "ridged"] {
        let fresh = build(&format!("kind = \"{kind}\"\nfeature_mm = 5.0"));
        let drifting =
            build(&format!("kind = \"{kind}\"\nfeature_mm = 5.0\noctaves = 1\nfresh = false\ndrift = 0.1"));
        let between =
            |texture: &dyn Texture, a, b| correlation(&paint(texture, &frame, a), &paint(texture, &frame, b));
        let independent = between(&*fresh, 0, 1);
        assert!(independent.abs() < 0.15, "{kind}: {independent}");
        assert!(between(&*drifting, 0, 1) > 0.8, "{kind}: {}", between(&*drifting, 0, 1));
        assert!(between(&*drifting, 0, 1) > between(&*drifting, 0, 3), "{kind}");
        let far = between(&*drifting, 0, 40);
        assert!(far.abs() < 0.15, "{kind}: {far}");
    }
}

/// The field is a function of millimetres: a finer image of the same bed shows the same texture.
#[test]
fn features_have_their_size_in_millimetres() {
    let texture = build("kind = \"cloud\"\nfeature_mm = 20.0\noctaves = 1");
    let coarse = paint(&*texture, &Frame { size_px: 50, px_per_mm: 0.5 }, 0);
    let fine = paint(&*texture, &Frame { size_px: 150, px_per_mm: 1.5 }, 0);
    for i in 0..50 * 50 {
        // The middle one of three by three fine pixels has the coarse pixel's centre.
        let (row, column) = (i / 50, i % 50);
        let same = fine.values[(3 * row + 1) * 150 + 3 * column + 1];
        assert!((coarse.values[i] - same).abs() < 1e-4);
    }
}

#[test]
fn drift_without_continuity_is_refused() {
    let table = Table::parse("s.toml", "kind = \"cloud\"\ndrift = 0.5\n");
    let error = table.and_then(|t| registry::build(textures::KINDS, t)).err().map(|e| e.to_string());
    assert_eq!(error.as_deref(), Some("s.toml:2:9: `drift` needs `fresh = false`"));
}
