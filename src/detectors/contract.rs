//! What every registered detector must keep to; a new one is tested on the day it is added.

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::path::Path;

use generators::params::Table;
use generators::registry::build;
use generators::stream::Stream;

use super::*;

/// Discs of varying place and brightness on noise, `count` of them, two layers per job.
fn discs(count: usize, size_px: usize, seed: u64) -> ImageSet {
    let mut images = ImageSet { size_px, ..Default::default() };
    for i in 0..count {
        let mut stream = Stream::root(seed).item("image", i);
        let centre = size_px as f64 / 2.0 + stream.uniform(-2.0, 2.0);
        let (level, radius) = (stream.uniform(0.6, 0.8), size_px as f64 / 4.0);
        for p in 0..size_px * size_px {
            let (x, y) = ((p % size_px) as f64 - centre, (p / size_px) as f64 - centre);
            let inside = (radius - x.hypot(y) + 0.5).clamp(0.0, 1.0);
            let value = 0.2 + inside * (level - 0.2) + 0.02 * stream.normal();
            images.pixels.push(value.clamp(0.0, 1.0) as f32);
            images.nominal.push(inside as f32);
        }
        images.job.push(i as u32 / 2);
        images.layer.push(i as u32 % 2);
    }
    images
}

/// The kind's example with few steps and narrow networks; `lines` are added or replace those of the same key.
fn small(kind: &Kind<dyn Detector>, lines: &str) -> Result<Box<dyn Detector>, String> {
    let fast = "channels = 2\nlatent = 4\nsteps = 7\nencoder_steps = 5\nbatch = 4\ncheckpoint_steps = 2\n";
    let key = |line: &str| line.split(" =").next().unwrap_or_default().to_owned();
    let mut all: Vec<String> = kind.example.lines().map(str::to_owned).collect();
    for line in fast.lines().chain(lines.lines()) {
        match all.iter_mut().find(|known| key(known) == key(line)) {
            Some(known) => *known = line.to_owned(),
            None if lines.contains(line) => all.push(line.to_owned()),
            None => {}
        }
    }
    let text = format!("kind = \"{}\"\n{}\n", kind.name, all.join("\n"));
    let table = Table::parse("s.toml", &text).map_err(|e| e.to_string())?;
    build(KINDS, table).map(|(_, detector)| detector).map_err(|e| e.to_string())
}

struct Silent;

impl Progress for Silent {
    fn step(&self, _: &str, _: usize, _: usize, _: &[(&str, f64)]) {}
}

/// A power cut at one step of one stage.
struct Cut(&'static str, usize);

impl Progress for Cut {
    fn step(&self, stage: &str, done: usize, _: usize, _: &[(&str, f64)]) {
        assert!((stage, done) != (self.0, self.1), "cut off");
    }
}

fn fit(detector: &dyn Detector, folder: &Path, progress: &dyn Progress) -> Result<Fitted, DetectorError> {
    let run =
        Run { stream: Stream::root(5).child("detector"), folder, fingerprint: "data and settings", progress };
    detector.fit(&discs(12, 16, 1), &discs(4, 16, 2), &run)
}

/// Everything a detector says, bit by bit.
fn bits(scores: &Scores) -> Vec<u32> {
    let components = scores.components.iter().flat_map(|(_, values)| values);
    let features = scores.features.iter().flat_map(|(_, matrix)| &matrix.values);
    components.chain(features).chain(&scores.maps).map(|v| v.to_bits()).collect()
}

#[test]
fn every_detector_is_registered() {
    let names: Vec<String> = KINDS.iter().map(|kind| kind.name.replace('-', "_")).collect();
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("src/detectors");
    for entry in std::fs::read_dir(folder).unwrap() {
        let name = entry.unwrap().file_name().into_string().unwrap();
        let stem = name.trim_end_matches(".rs").to_owned();
        // The seam, these tests, and what detectors share.
        if !["mod", "contract", "fitting"].contains(&stem.as_str()) {
            assert!(names.contains(&stem), "{name} is no registered detector");
        }
    }
}

#[test]
fn examples_set_every_key_and_unknown_keys_are_refused() {
    for kind in KINDS {
        small(kind, "").unwrap_or_else(|e| panic!("{}: {e}", kind.name));
        let line = kind.example.lines().count() + 2;
        let error = small(kind, "learning_rat = 0.1").err().unwrap();
        let expected = format!(
            "s.toml:{line}:1: unknown key `learning_rat` in the scenario; did you mean `learning_rate`?"
        );
        assert_eq!(error, expected, "{}", kind.name);
        assert!(small(kind, "batch = 0").is_err() && small(kind, "learning_rate = -1.0").is_err());
        assert!(!kind.summary.is_empty() && !kind.source.is_empty());
    }
}

#[test]
fn scores_are_finite_in_order_and_the_same_for_an_image_in_any_company() {
    for kind in KINDS {
        let detector = small(kind, "").unwrap();
        let folder = tempfile::tempdir().unwrap();
        let fitted = fit(&*detector, folder.path(), &Silent).unwrap();
        let images = discs(70, 16, 3);
        let scores = fitted.scorer.score(&images).unwrap();
        assert!(scores.components.iter().all(|(_, v)| v.len() == 70 && v.iter().all(|v| v.is_finite())));
        assert!(scores.features.iter().all(|(_, m)| m.rows == 70 && m.values.iter().all(|v| v.is_finite())));
        assert!(scores.maps.is_empty() || scores.maps.len() == images.pixels.len());
        assert!(!scores.components.is_empty() && !fitted.curves.is_empty());
        assert!(fitted.parameters.iter().all(|(_, count)| *count > 0));

        let alone = fitted.scorer.score(&images.select(&[66])).unwrap();
        for ((name, many), (_, one)) in scores.components.iter().zip(&alone.components) {
            assert!((many[66] - one[0]).abs() <= 1e-5 * one[0].abs(), "{} {name}", kind.name);
        }
        assert!(bits(&fitted.scorer.score(&images.select(&[])).unwrap()).is_empty());
    }
}

#[test]
fn the_same_at_any_thread_count() {
    for kind in KINDS {
        let detector = small(kind, "").unwrap();
        let in_pool = |threads: usize| {
            let folder = tempfile::tempdir().unwrap();
            let pool = rayon::ThreadPoolBuilder::new().num_threads(threads).build().unwrap();
            pool.install(|| {
                let fitted = fit(&*detector, folder.path(), &Silent).unwrap();
                let model = std::fs::read(folder.path().join("model.safetensors")).unwrap();
                (model, bits(&fitted.scorer.score(&discs(9, 16, 3)).unwrap()))
            })
        };
        let one = in_pool(1);
        assert!(in_pool(2) == one && in_pool(5) == one, "{}", kind.name);
    }
}

#[test]
fn a_run_that_was_cut_off_ends_with_the_identical_model() {
    for kind in KINDS {
        let detector = small(kind, "").unwrap();
        let whole = tempfile::tempdir().unwrap();
        let fitted = fit(&*detector, whole.path(), &Silent).unwrap();
        let model = std::fs::read(whole.path().join("model.safetensors")).unwrap();
        let mut stages: Vec<String> = fitted.curves.iter().map(|curve| curve.stage.clone()).collect();
        stages.dedup();
        for stage in stages {
            let folder = tempfile::tempdir().unwrap();
            let cut = Cut(stage.clone().leak(), 3);
            let lost = catch_unwind(AssertUnwindSafe(|| fit(&*detector, folder.path(), &cut).map(drop)));
            assert!(lost.is_err() && !folder.path().join("model.safetensors").exists());
            let resumed = fit(&*detector, folder.path(), &Silent).unwrap();
            assert!(std::fs::read(folder.path().join("model.safetensors")).unwrap() == model, "{stage}");
            assert_eq!(resumed.curves, fitted.curves);
            assert_eq!(resumed.snapshots, fitted.snapshots);
            // Only the model is left.
            assert_eq!(std::fs::read_dir(folder.path()).unwrap().count(), 1);
        }
    }
}

#[test]
fn a_finished_model_is_read_instead_of_trained_again() {
    for kind in KINDS {
        let detector = small(kind, "").unwrap();
        let folder = tempfile::tempdir().unwrap();
        let first = fit(&*detector, folder.path(), &Silent).unwrap();
        let stage: &'static str = first.curves[0].stage.clone().leak();
        let second = fit(&*detector, folder.path(), &Cut(stage, 1)).unwrap();
        let images = discs(5, 16, 3);
        assert_eq!(bits(&first.scorer.score(&images).unwrap()), bits(&second.scorer.score(&images).unwrap()));
        assert_eq!(second.curves, first.curves);
        assert_eq!(second.snapshots, first.snapshots);

        // Other data or settings: trained again.
        let other = Run {
            stream: Stream::root(5),
            folder: folder.path(),
            fingerprint: "other",
            progress: &Cut(stage, 1),
        };
        let trained = catch_unwind(AssertUnwindSafe(|| {
            detector.fit(&discs(12, 16, 1), &discs(4, 16, 2), &other).map(drop)
        }));
        assert!(trained.is_err(), "{} took a model with another fingerprint", kind.name);
    }
}

#[test]
fn wrong_sizes_are_refused() {
    for kind in KINDS {
        let detector = small(kind, "").unwrap();
        let folder = tempfile::tempdir().unwrap();
        let run = Run { stream: Stream::root(5), folder: folder.path(), fingerprint: "", progress: &Silent };
        let error = detector.fit(&discs(4, 24, 1), &discs(2, 24, 2), &run).err().unwrap();
        let expected = format!("{} works on images of 16, 32, 64, 128 or 256 px, not of 24 px", kind.name);
        assert_eq!(error.to_string(), expected);
        let fitted = fit(&*detector, folder.path(), &Silent).unwrap();
        let error = fitted.scorer.score(&discs(2, 32, 3)).err().unwrap();
        assert_eq!(error.to_string(), format!("{} works on images of 16 px, not of 32 px", kind.name));
        let none = ImageSet { size_px: 16, ..Default::default() };
        let error = detector.fit(&none, &none, &run).err().unwrap();
        let expected = format!("{} needs healthy images for training, and there are none", kind.name);
        assert_eq!(error.to_string(), expected);
    }
}

#[test]
fn without_validation_images_it_still_trains() {
    for kind in KINDS {
        let folder = tempfile::tempdir().unwrap();
        let run = Run { stream: Stream::root(5), folder: folder.path(), fingerprint: "", progress: &Silent };
        let none = ImageSet { size_px: 16, ..Default::default() };
        small(kind, "").unwrap().fit(&discs(3, 16, 1), &none, &run).unwrap();
    }
}

#[test]
fn divergence_stops_the_training_and_says_where() {
    for kind in KINDS {
        let detector = small(kind, "learning_rate = 1e30\nsteps = 200").unwrap();
        let folder = tempfile::tempdir().unwrap();
        match fit(&*detector, folder.path(), &Silent).err() {
            Some(DetectorError::Diverged { detector, value, step, kept, .. }) => {
                assert_eq!(detector, kind.name);
                assert!(!value.is_finite() && kept < step && kept % 2 == 0);
            }
            other => panic!("{}: {other:?}", kind.name),
        }
    }
}
