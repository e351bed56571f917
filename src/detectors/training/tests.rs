//! The loop on a trainee small enough to know what comes out, and made to diverge and to collapse.

use std::ops::ControlFlow;
use std::path::Path;

use candle_core::{Device, Tensor, Var};
use generators::params::Table;
use generators::stream::Stream;

use super::*;
use crate::data::ImageSet;
use crate::detectors::{DetectorError, Progress, Run};
use crate::nets::{Adam, Init, Parameters};

/// One number that is drawn to the mean grey value of the batches.
struct Level {
    parameters: Parameters,
    level: Var,
    adam: Adam,
    /// Validation loss and sample diversity of each look, the last one from then on.
    looks: Vec<(f64, f64)>,
    looked: usize,
    /// At which step the loss becomes infinite.
    diverges: usize,
}

impl Level {
    fn new(looks: &[(f64, f64)], diverges: usize) -> Self {
        let mut parameters = Parameters::new(&Device::Cpu);
        let level = parameters.variable("level", 1, Init::Zeros, &Stream::root(0)).unwrap();
        let adam = Adam::new(&parameters, 0.01, 0.9, 0.999).unwrap();
        Self { parameters, level, adam, looks: looks.to_vec(), looked: 0, diverges }
    }

    fn value(&self) -> f32 {
        self.level.to_vec1::<f32>().unwrap()[0]
    }

    fn look(&self) -> (f64, f64) {
        self.looks[self.looked.min(self.looks.len() - 1)]
    }
}

impl Trainee for Level {
    fn step(&mut self, step: usize, batches: &[Batch]) -> Result<Losses, DetectorError> {
        let mean: Vec<Tensor> =
            batches.iter().map(|b| b.images.mean_all()).collect::<candle_core::Result<_>>()?;
        let factor = if step + 1 == self.diverges { f64::INFINITY } else { 1.0 };
        let loss = (self.level.sum_all()? - Tensor::stack(&mean, 0)?.mean_all()?)?.sqr()?;
        self.adam.step(&loss.backward()?)?;
        Ok(vec![("loss", f64::from(loss.to_scalar::<f32>()?) * factor)])
    }

    fn validate(&mut self) -> Result<Losses, DetectorError> {
        Ok(vec![("validation loss", self.look().0)])
    }

    fn signs(&mut self) -> Result<Vec<Sign>, DetectorError> {
        let value = self.look().1;
        self.looked += 1;
        Ok(vec![Sign { name: "sample diversity", value, bound: Bound::AtLeast(0.1) }])
    }

    fn parts(&mut self) -> (Networks<'_>, Optimisers<'_>) {
        (vec![("level", &self.parameters)], vec![("level", &mut self.adam)])
    }
}

struct Silent;

impl Progress for Silent {
    fn step(&self, _: &str, _: usize, _: usize, _: &[(&str, f64)]) -> ControlFlow<()> {
        ControlFlow::Continue(())
    }
}

/// 40 steps with a look and a checkpoint every 4, unless `lines` say otherwise.
fn train(trainee: &mut Level, folder: &Path, lines: &str) -> Result<History, DetectorError> {
    let mut table = Table::parse("s.toml", lines).unwrap();
    let defaults =
        Defaults { steps: 40, batch: 2, learning_rate: 0.01, checkpoint_steps: 4, early_stopping: true };
    let settings = Settings { validations: 10, ..Settings::read(&mut table, defaults).unwrap() };
    let images = ImageSet {
        size_px: 2,
        pixels: (0..6 * 4).map(|v| v as f32 / 24.0).collect(),
        nominal: vec![1.0; 6 * 4],
        job: vec![0; 6],
        layer: (0..6).collect(),
        ..Default::default()
    };
    let stage = Stage {
        detector: "level",
        name: "level",
        settings: &settings,
        batches_per_step: 2,
        images: &images,
        context: Default::default(),
        order: Stream::root(3),
    };
    let device = Device::Cpu;
    let run = Run {
        stream: Stream::root(0),
        folder,
        base: None,
        reduction: 1,
        fingerprint: "",
        device: &device,
        progress: &Silent,
    };
    stage.train(trainee, &run)
}

fn lines(folder: &Path) -> Vec<serde_json::Value> {
    let text = std::fs::read_to_string(folder.join("training.jsonl")).unwrap();
    text.lines().map(|line| serde_json::from_str(line).unwrap()).collect()
}

fn step_of_checkpoint(folder: &Path) -> usize {
    crate::nets::checkpoint::describe(&folder.join("checkpoint-level.safetensors")).unwrap().step
}

#[test]
fn early_stopping_takes_the_best_weights() {
    let folder = tempfile::tempdir().unwrap();
    // Best at the third look, after 12 steps; three worse ones end it after 24.
    let looks = [3.0, 2.0, 1.0, 1.0, 1.5, 1.2, 0.5].map(|loss| (loss, 1.0));
    let mut stopped = Level::new(&looks, 0);
    let history =
        train(&mut stopped, folder.path(), "patience = 3\nschedule = { kind = \"constant\" }").unwrap();
    let expected = Choice { stage: "level".to_owned(), step: 24, best_step: 12, loss: 1.0 };
    assert_eq!(history.choices(), [expected]);
    assert_eq!(lines(folder.path()).len(), 24);
    let short = tempfile::tempdir().unwrap();
    let mut twelve = Level::new(&[(1.0, 1.0)], 0);
    train(&mut twelve, short.path(), "steps = 12\nschedule = { kind = \"constant\" }").unwrap();
    assert_eq!(stopped.value(), twelve.value());

    // Found finished, with the same weights, by a run that was cut off later.
    let mut again = Level::new(&looks, 0);
    assert_eq!(
        train(&mut again, folder.path(), "patience = 3\nschedule = { kind = \"constant\" }").unwrap(),
        history
    );
    assert_eq!((again.value(), again.looked), (stopped.value(), 0));
}

#[test]
fn the_best_weights_are_taken_at_the_end_too_and_the_last_ones_where_nobody_asked() {
    let looks = [(1.0, 1.0), (0.5, 1.0), (2.0, 1.0)];
    let fit = |lines: &str| {
        let folder = tempfile::tempdir().unwrap();
        let mut level = Level::new(&looks, 0);
        let history = train(&mut level, folder.path(), lines).unwrap();
        (level.value(), history.choices().first().map(|choice| choice.best_step))
    };
    let (best, step) = fit("patience = 99\nschedule = { kind = \"constant\" }");
    assert_eq!(step, Some(8));
    assert_eq!(best, fit("steps = 8\nschedule = { kind = \"constant\" }").0);
    let (last, step) = fit("schedule = { kind = \"constant\" }");
    assert!(last != best && step.is_none());
}

#[test]
fn a_number_that_is_not_finite_stops_it_and_the_good_checkpoint_stays() {
    let folder = tempfile::tempdir().unwrap();
    let mut level = Level::new(&[(1.0, 1.0)], 15);
    let error = train(&mut level, folder.path(), "").unwrap_err();
    assert_eq!(
        error.to_string(),
        "training of level diverged: loss is inf at step 15 of level; the checkpoint of step 12 is kept, lower `learning_rate` or set `clip_norm` in [[detector]]"
    );
    assert_eq!(step_of_checkpoint(folder.path()), 12);
    let last = lines(folder.path()).pop().unwrap();
    assert!(last["step"] == 15 && last["losses"]["loss"].is_null());

    // A held-out loss counts as well, and so do weights, where losses and gradients say nothing of them.
    let error = train(&mut Level::new(&[(f64::NAN, 1.0)], 0), folder.path(), "steps = 20").unwrap_err();
    assert!(error.to_string().contains("validation loss is NaN at step"), "{error}");
    let mut level = Level::new(&[(1.0, 1.0)], 0);
    level.level.set(&Tensor::new(&[f32::MAX], &Device::Cpu).unwrap()).unwrap();
    level.adam.learning_rate = -f64::from(f32::MAX);
    let other = tempfile::tempdir().unwrap();
    let error = train(&mut level, other.path(), "checkpoint_steps = 1").unwrap_err();
    assert!(matches!(error, DetectorError::Diverged { kept: 0, .. }), "{error}");
    assert!(!other.path().join("checkpoint-level.safetensors").exists());
}

/// Looks whose samples are all the same from step 20, the fifth look, on.
const COLLAPSING: [(f64, f64); 5] = [(1.0, 0.0), (1.0, 0.9), (1.0, 0.8), (1.0, 0.7), (1.0, 0.03)];

#[test]
fn a_collapse_is_reported_and_ends_nothing_by_itself() {
    let folder = tempfile::tempdir().unwrap();
    let history = train(&mut Level::new(&COLLAPSING, 0), folder.path(), "").unwrap();
    let [collapse] = history.collapses() else { panic!("{:?}", history.collapses()) };
    assert_eq!((collapse.step, collapse.value, collapse.until), (20, 0.03, None));
    assert_eq!(lines(folder.path()).len(), 40);
    let diversity = history.curves().into_iter().find(|c| c.name == "sample diversity").unwrap();
    assert_eq!(diversity.points.len(), 10);
    let healthy = train(&mut Level::new(&[(1.0, 0.5)], 0), tempfile::tempdir().unwrap().path(), "").unwrap();
    assert!(healthy.collapses().is_empty());
}

#[test]
fn a_collapse_stops_the_run_where_the_scenario_says_so() {
    let folder = tempfile::tempdir().unwrap();
    let error = train(&mut Level::new(&COLLAPSING, 0), folder.path(), "on_collapse = \"stop\"").unwrap_err();
    assert_eq!(
        error.to_string(),
        "training of level collapsed: sample diversity is 3.000e-2 from step 20 of level on and should be at least 0.1; the checkpoint of step 16 is kept, lower `learning_rate`, change the seed, or let it pass with `on_collapse = \"report\"` in [[detector]]"
    );
    // Not the one of step 20, when it began.
    assert_eq!(step_of_checkpoint(folder.path()), 16);
    assert_eq!(lines(folder.path()).last().unwrap()["step"], 24);
}

#[test]
fn the_log_says_rates_norms_and_losses_of_the_steps_that_were_asked_for() {
    let folder = tempfile::tempdir().unwrap();
    train(&mut Level::new(&[(0.25, 1.0)], 0), folder.path(), "log_steps = 5\nclip_norm = 0.1").unwrap();
    let lines = lines(folder.path());
    let steps: Vec<u64> = lines.iter().map(|line| line["step"].as_u64().unwrap()).collect();
    assert_eq!(steps, [4, 5, 8, 10, 12, 15, 16, 20, 24, 25, 28, 30, 32, 35, 36, 40]);
    assert_eq!(lines[0]["stage"], "level");
    assert_eq!(lines[0]["losses"]["validation loss"], 0.25);
    assert_eq!(lines[0]["learning_rate"]["level"], 0.01);
    // Straight down from the middle: step 40 of 40 starts at 39 / 40, and 2 (1 - 39 / 40) is 0.05.
    assert!((lines[15]["learning_rate"]["level"].as_f64().unwrap() - 0.0005).abs() < 1e-12);
    assert!(lines[0]["gradient_norm"]["level"].as_f64().unwrap() > 0.1, "before clipping");
    assert!(lines[1]["losses"].get("validation loss").is_none());
}

/// What a training says of itself.
#[derive(Default)]
struct Remarks(std::sync::Mutex<Vec<String>>);

impl Progress for Remarks {
    fn step(&self, _: &str, _: usize, _: usize, _: &[(&str, f64)]) -> ControlFlow<()> {
        ControlFlow::Continue(())
    }

    fn remark(&self, words: &str) {
        self.0.lock().unwrap().push(words.to_owned());
    }
}

#[test]
fn a_training_is_said_to_be_anew_only_where_another_was_kept() {
    let folder = tempfile::tempdir().unwrap();
    let folder = folder.path();
    let trained = |fingerprint: &str| {
        let remarks = Remarks::default();
        let device = Device::Cpu;
        let run = Run {
            stream: Stream::root(0),
            folder,
            base: None,
            reduction: 1,
            fingerprint,
            device: &device,
            progress: &remarks,
        };
        let level = Level::new(&[(1.0, 1.0)], 0);
        let architecture = Architecture::new("level", Vec::new(), 2, [0.0, 1.0]);
        let train = || Ok(History::default());
        super::trained(&run, &architecture, &vec![("level", &level.parameters)], train).unwrap();
        remarks.0.into_inner().unwrap()
    };
    // Killed before its first checkpoint.
    train(&mut Level::new(&[(1.0, 1.0)], 0), folder, "steps = 3").unwrap();
    std::fs::remove_file(folder.join("checkpoint-level.safetensors")).unwrap();
    assert!(folder.join("training.jsonl").is_file());
    assert_eq!(trained("one"), [] as [&str; 0]);
    assert!(!folder.join("training.jsonl").exists(), "its steps are done again");
    // Finished with these settings, and with others.
    assert_eq!(trained("one"), [] as [&str; 0]);
    let [anew] = &trained("two")[..] else { panic!("nothing was said") };
    assert!(anew.starts_with("trained anew, since its settings or images are not those"), "{anew}");
    // Killed after a checkpoint, and begun with others.
    std::fs::remove_file(folder.join("model.safetensors")).unwrap();
    train(&mut Level::new(&[(1.0, 1.0)], 0), folder, "").unwrap();
    // What another program calls a checkpoint is none of this one, and stays.
    std::fs::write(folder.join("checkpoint-last.safetensors"), "mine").unwrap();
    assert_eq!(trained("three").len(), 1);
    assert!(!folder.join("checkpoint-level.safetensors").exists());
    assert_eq!(std::fs::read(folder.join("checkpoint-last.safetensors")).unwrap(), b"mine");
}
