//! What every registered detector must keep to; a new one is tested on the day it is added.

use std::ops::ControlFlow;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::path::Path;
use std::sync::Arc;

use generators::params::Table;
use generators::registry::{build, contract};
use generators::stream::Stream;

use super::*;
use crate::data::Past;

/// Discs of varying place and brightness on noise, `count` of them, two layers per job.
pub(super) fn discs(count: usize, size_px: usize, seed: u64) -> ImageSet {
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
    let before = |i: u32| (i % 2 == 1).then(|| i - 1);
    images.past = Past {
        layers: 4,
        images: Arc::new(images.pixels.clone()),
        slices: Arc::new(images.nominal.clone()),
        frames: (0..count as u32).flat_map(|i| [before(i), None, None, None]).collect(),
    };
    images
}

/// The kind's example with few steps and narrow networks; `lines` are added or replace those of the same key.
pub(super) fn small(kind: &Kind<dyn Detector>, lines: &str) -> Result<Box<dyn Detector>, String> {
    let fast = "channels = 2\nlatent = 4\nsteps = 7\nbatch = 4\ncheckpoint_steps = 2\n\
                encoder = { steps = 5, batch = 4, checkpoint_steps = 2 }\n";
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

pub(super) struct Silent;

impl Progress for Silent {
    fn step(&self, _: &str, _: usize, _: usize, _: &[(&str, f64)]) -> ControlFlow<()> {
        ControlFlow::Continue(())
    }
}

/// A power cut at one step of one stage.
struct Cut(&'static str, usize);

impl Progress for Cut {
    fn step(&self, stage: &str, done: usize, _: usize, _: &[(&str, f64)]) -> ControlFlow<()> {
        assert!((stage, done) != (self.0, self.1), "cut off");
        ControlFlow::Continue(())
    }
}

/// Ctrl-C during one step of one stage.
struct Interrupt(&'static str, usize);

impl Progress for Interrupt {
    fn step(&self, stage: &str, done: usize, _: usize, _: &[(&str, f64)]) -> ControlFlow<()> {
        if (stage, done) == (self.0, self.1) { ControlFlow::Break(()) } else { ControlFlow::Continue(()) }
    }
}

pub(super) fn run<'a>(folder: &'a Path, fingerprint: &'a str, progress: &'a dyn Progress) -> Run<'a> {
    let stream = Stream::root(5).child("detector");
    Run { stream, folder, base: None, reduction: 1, fingerprint, device: &Device::Cpu, progress }
}

/// Fits `detector`, and before it the one whose networks it uses.
fn fit_in(detector: &dyn Detector, sets: [&ImageSet; 2], run: Run<'_>) -> Result<Fitted, DetectorError> {
    let Some(base) = detector.base() else { return detector.fit(sets[0], sets[1], &run) };
    let folder = tempfile::tempdir().unwrap();
    let kind = KINDS.iter().find(|kind| kind.name == base.kind).unwrap();
    let of_base = Run { folder: folder.path(), progress: &Silent, stream: Stream::root(6), ..run };
    small(kind, "").unwrap().fit(&discs(12, 16, 1), &discs(4, 16, 2), &of_base)?;
    detector.fit(sets[0], sets[1], &Run { base: Some(folder.path()), ..run })
}

/// Those that learn, and do not take over what another has learnt.
fn that_train() -> impl Iterator<Item = &'static Kind<dyn Detector>> {
    KINDS.iter().filter(|kind| small(kind, "").unwrap().base().is_none())
}

pub(super) fn fit(
    detector: &dyn Detector,
    folder: &Path,
    progress: &dyn Progress,
) -> Result<Fitted, DetectorError> {
    let sets = [&discs(12, 16, 1), &discs(4, 16, 2)];
    fit_in(detector, sets, run(folder, "data and settings", progress))
}

/// The lines of the log without what a clock says.
fn log(folder: &Path) -> Vec<serde_json::Value> {
    let text = std::fs::read_to_string(folder.join("training.jsonl")).unwrap();
    let line = |line: &str| {
        let mut line: serde_json::Value = serde_json::from_str(line).unwrap();
        for clock in ["images_per_second", "elapsed_secs"] {
            assert!(line[clock].as_f64().unwrap() > 0.0);
            line[clock] = 0.into();
        }
        line
    };
    text.lines().map(line).collect()
}

/// Everything a detector says, bit by bit.
fn bits(scores: &Scores) -> Vec<u32> {
    let components = scores.components.iter().flat_map(|(_, values)| values);
    let features = scores.features.iter().flat_map(|(_, matrix)| &matrix.values);
    components.chain(features).chain(&scores.maps).map(|v| v.to_bits()).collect()
}

#[test]
fn every_kind_is_registered_and_explained() {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("src/detectors");
    // They stand in the place of steps.
    assert_eq!(contract::check(KINDS, &folder, &["epochs"]), Ok(()));
}

#[test]
fn mistakes_in_the_settings_are_refused() {
    for kind in KINDS {
        let error = small(kind, "learning_rat = 0.1").err().unwrap();
        assert!(error.ends_with("did you mean `learning_rate`?"), "{}: {error}", kind.name);
        assert!(small(kind, "batch = 0").is_err() && small(kind, "learning_rate = -1.0").is_err());
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
        assert!(!scores.components.is_empty() && (detector.base().is_some() || !fitted.curves.is_empty()));
        assert!(scores.unsettled.is_empty() || scores.unsettled.len() == 70);
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

/// What changes from step to step, all of it at once: schedule, clipping, moves of the images, early stopping.
const EVERYTHING: &str = "steps = 45
schedule = { kind = \"cosine\", last = 0.1 }
clip_norm = 0.5
augment = { flip_x = true, flip_y = true, shift_px = 2 }
validations = 9
patience = 4
checkpoint_steps = 10
encoder = { steps = 45, batch = 4, schedule = { kind = \"step\", every = 0.2 }, clip_norm = 0.5, \
            augment = { flip_x = true, shift_px = 1 }, validations = 15, patience = 3, checkpoint_steps = 10 }";

/// With the keys that the kind knows.
fn with_everything(kind: &Kind<dyn Detector>) -> Box<dyn Detector> {
    let knows = |line: &&str| {
        let key = line.split(" =").next().unwrap_or_default();
        kind.example.lines().any(|known| known.split(" =").next() == Some(key))
    };
    let lines: Vec<&str> = EVERYTHING.lines().filter(knows).collect();
    small(kind, &lines.join("\n")).unwrap()
}

#[test]
fn a_run_that_was_cut_off_ends_with_the_identical_model() {
    for kind in that_train() {
        let detector = with_everything(kind);
        let whole = tempfile::tempdir().unwrap();
        let fitted = fit(&*detector, whole.path(), &Silent).unwrap();
        let model = std::fs::read(whole.path().join("model.safetensors")).unwrap();
        let mut stages: Vec<String> = fitted.curves.iter().map(|curve| curve.stage.clone()).collect();
        stages.dedup();
        for stage in stages {
            let last = fitted.curves.iter().filter(|c| c.stage == stage).flat_map(|c| &c.points);
            let at = last.map(|(step, _)| *step).max().unwrap().min(37);
            let stage: &'static str = stage.leak();
            // A power cut, after which the checkpoint before it counts, and an interruption, which writes one.
            let folder = tempfile::tempdir().unwrap();
            let cut =
                catch_unwind(AssertUnwindSafe(|| fit(&*detector, folder.path(), &Cut(stage, at)).map(drop)));
            assert!(cut.is_err() && !folder.path().join("model.safetensors").exists());
            let interrupted = tempfile::tempdir().unwrap();
            match fit(&*detector, interrupted.path(), &Interrupt(stage, at)).err() {
                Some(DetectorError::Interrupted { kept, .. }) => assert_eq!(kept, at),
                other => panic!("{} {stage}: {other:?}", kind.name),
            }
            for folder in [folder, interrupted] {
                let resumed = fit(&*detector, folder.path(), &Silent).unwrap();
                let found = std::fs::read(folder.path().join("model.safetensors")).unwrap();
                assert!(found == model, "{} {stage}", kind.name);
                assert_eq!(resumed.curves, fitted.curves);
                assert_eq!(resumed.choices, fitted.choices);
                assert_eq!(resumed.snapshots, fitted.snapshots);
                assert_eq!(log(folder.path()), log(whole.path()));
                // Only the model and the log are left.
                assert_eq!(std::fs::read_dir(folder.path()).unwrap().count(), 2);
            }
        }
    }
}

#[test]
fn a_model_is_restored_from_its_file_alone() {
    for kind in KINDS {
        let folder = tempfile::tempdir().unwrap();
        let fitted = fit(&*small(kind, "").unwrap(), folder.path(), &Silent).unwrap();
        let images = discs(5, 16, 3);
        let expected = bits(&fitted.scorer.score(&images).unwrap());
        for path in [folder.path().to_owned(), folder.path().join("model.safetensors")] {
            let restored = Saved::open(&path, &Device::Cpu).unwrap().scorer().unwrap();
            assert_eq!(bits(&restored.score(&images).unwrap()), expected, "{}", kind.name);
            // What it says to other programs is held against them in tests/interop.
            let file = |scorer: &dyn Scorer| match scorer.onnx() {
                Ok(graph) => graph.into_file(&[]),
                Err(error @ DetectorError::NoGraph { .. }) => error.to_string().into_bytes(),
                Err(error) => panic!("{error}"),
            };
            assert_eq!(file(&*restored), file(&*fitted.scorer));
        }

        // An architecture that the tensors are not those of.
        let saved = Saved::open(folder.path(), &Device::Cpu).unwrap();
        let of_networks =
            |saved: &mut Saved, change: fn(&mut Architecture)| match saved.architecture.base.as_deref_mut() {
                Some(base) => change(base),
                None => change(&mut saved.architecture),
            };
        let mut wider = saved.clone();
        of_networks(&mut wider, |a| drop(a.settings.insert("channels".to_owned(), 3.into())));
        let error = wider.scorer().err().unwrap().to_string();
        assert!(error.contains("model.safetensors: \"network/") && error.contains("has shape ["), "{error}");
        let mut larger = saved.clone();
        of_networks(&mut larger, |a| a.size_px = 32);
        // What is for images of another size, or says that it is, scores none of these.
        assert!(larger.scorer().and_then(|scorer| scorer.score(&images)).is_err());
        let mut other = saved;
        other.architecture.kind = "vea".to_owned();
        let error = other.scorer().err().unwrap().to_string();
        assert!(error.contains("`kind` cannot be `vea`"), "{error}");
    }
}

#[test]
fn a_finished_model_is_read_instead_of_trained_again() {
    for kind in that_train() {
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
        let cut = Cut(stage, 1);
        let other = run(folder.path(), "other", &cut);
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
        let run = run(folder.path(), "", &Silent);
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
        let run = run(folder.path(), "", &Silent);
        let none = ImageSet { size_px: 16, ..Default::default() };
        fit_in(&*small(kind, "").unwrap(), [&discs(3, 16, 1), &none], run).unwrap();
    }
}

#[test]
fn divergence_stops_the_training_and_says_where() {
    for kind in that_train() {
        let detector = small(kind, "learning_rate = 1e30\nsteps = 200").unwrap();
        let folder = tempfile::tempdir().unwrap();
        match fit(&*detector, folder.path(), &Silent).err() {
            Some(DetectorError::Diverged { detector, what, step, kept, .. }) => {
                assert_eq!(detector, kind.name);
                let not_finite = ["NaN", "inf", "not finite"].iter().any(|word| what.contains(word));
                assert!(not_finite && kept < step && kept % 2 == 0, "{what} at {step}, {kept}");
                let last = log(folder.path()).pop().unwrap();
                assert!(last["step"] == step || kept + 1 == step, "{last}");
            }
            other => panic!("{}: {other:?}", kind.name),
        }
    }
}
