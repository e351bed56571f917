//! Training the detectors on the healthy images and scoring the test images.

use std::path::{Path, PathBuf};
use std::time::Instant;

use candle_core::Device;
use generators::stream::Stream;

use super::ground::Ground;
use super::told::Told;
use super::{Failure, sample, speed, write_picture};
use crate::data::ImageSet;
use crate::detectors::{self, Detector, Fitted, Progress, Run, Scores};
use crate::plan::Named;
use crate::report::Picture;
use crate::report::record::{self, NetworkSize, Share};

/// A detector, fitted, and what it said of the test images.
pub struct Learnt {
    /// Its name in the scenario.
    pub name: String,
    /// Its training and settings, for the record; components are still missing.
    pub record: record::Detector,
    /// The test images that it scored, ascending.
    pub scored: Vec<usize>,
    /// What it said of those.
    pub scores: Scores,
    /// What it said of validation images: healthy, and not trained on.
    pub healthy: Scores,
    /// What each further training said of them, by component.
    pub retrained: Vec<Vec<Vec<f32>>>,
    /// Pixels along one side of the images.
    pub size_px: usize,
}

impl Learnt {
    /// The place of test image `index` among those that it scored.
    pub fn row(&self, index: usize) -> Option<usize> {
        self.scored.binary_search(&index).ok()
    }

    /// The anomaly map of the test image in `row`, where it makes any.
    pub fn map(&self, row: usize) -> Option<&[f32]> {
        self.scores.maps.chunks(self.size_px * self.size_px).nth(row)
    }
}

/// The images, split by what they are for.
pub struct Images {
    /// Healthy, for fitting.
    pub training: ImageSet,
    /// Healthy, for watching the fit.
    pub validation: ImageSet,
    /// Healthy and anomalous, to be scored.
    pub test: ImageSet,
}

/// Fits `detector` on the healthy images, or finds it fitted in its run, and scores the test images; a slow one as many of them as it
/// can, which is all that it is told of their defects for. `fingerprint` identifies data and settings.
pub fn learn(
    detector: &Named<dyn Detector>,
    ground: &Ground<'_>,
    fingerprint: &str,
) -> Result<Learnt, Failure> {
    let &Ground { run, device, ref images, ref test, ref stream, progress, .. } = ground;
    let folders = Folders::of(detector, run, 0);
    let told = Told::new(detector, None, progress);
    let task = folders.task(detector, fingerprint, device, stream, &told)?;
    let started = Instant::now();
    let fitted = detector.item.fit(&images.training, &images.validation, &task)?;
    let training_secs = secs(&folders.own, started);
    let most = detector.item.most_images();
    let all: Vec<usize> = (0..images.test.len()).collect();
    let scored = most.map_or(all, |most| sample::balanced(&test.shown(), &test.defects, most));
    let test = images.test.select(&scored);
    let started = Instant::now();
    let scores = fitted.scorer.score_in(&test, "test", &task)?;
    let scoring_ms_per_image = started.elapsed().as_secs_f64() * 1e3 / test.len().max(1) as f64;
    let all: Vec<usize> = (0..images.validation.len()).collect();
    let validation = images.validation.select(&sample::spread(&all, most.unwrap_or(usize::MAX)));
    let healthy = fitted.scorer.score_in(&validation, "validation", &task)?;
    let speed = speed::measure(&*fitted.scorer, &test, device)?;
    let snapshots = snapshots(&fitted, &detector.name, run)?;
    let record = record::Detector {
        name: detector.name.clone(),
        kind: detector.kind.to_owned(),
        settings: detector.settings.iter().map(|line| setting(line)).collect(),
        parameters: (fitted.parameters.iter())
            .map(|(network, parameters)| NetworkSize { network: network.clone(), parameters: *parameters })
            .collect(),
        training_secs,
        scoring_ms_per_image,
        speed,
        retrainings: Vec::new(),
        collapses: fitted.collapses.into_iter().map(collapse).collect(),
        choices: (fitted.choices.into_iter())
            .map(|detectors::Choice { stage, step, best_step, loss }| record::Choice {
                stage,
                step,
                best_step,
                loss,
            })
            .collect(),
        curves: (fitted.curves.into_iter())
            .map(|c| record::Curve { stage: c.stage, name: c.name, points: c.points })
            .collect(),
        snapshots,
        components: Vec::new(),
        localisation: None,
        base: detector.item.base().map(|base| base.name.to_owned()),
        scored_images: most.map(|_| scored.clone()),
        unsettled: (!scores.unsettled.is_empty()).then(|| {
            Share::new(scores.unsettled.iter().filter(|&&falls| falls).count(), scores.unsettled.len())
        }),
    };
    let (name, size_px) = (detector.name.clone(), images.test.size_px);
    Ok(Learnt { name, record, scored, scores, healthy, retrained: Vec::new(), size_px })
}

/// Fits `detector` once more, with random numbers of its own, and scores the same images. `training` is at least 1.
///
/// Its models stand in a folder below those of the first; nothing else is kept of it but its scores.
pub fn again(
    learnt: &mut Learnt,
    training: usize,
    detector: &Named<dyn Detector>,
    ground: &Ground<'_>,
    fingerprint: &str,
) -> Result<Scores, Failure> {
    let (images, stream) = (&ground.images, ground.stream.item("training", training));
    let folders = Folders::of(detector, ground.run, training);
    let which = format!("training {}", training + 1);
    let told = Told::new(detector, Some(&which), ground.progress);
    let task = folders.task(detector, fingerprint, ground.device, &stream, &told)?;
    let started = Instant::now();
    let fitted = detector.item.fit(&images.training, &images.validation, &task)?;
    learnt.record.retrainings.push(record::Retraining {
        training_secs: secs(&folders.own, started),
        collapses: fitted.collapses.into_iter().map(collapse).collect(),
    });
    let mut scores = fitted.scorer.score_in(&images.test.select(&learnt.scored), "test", &task)?;
    scores.maps = Vec::new();
    learnt.retrained.push(scores.components.iter().map(|(_, values)| values.clone()).collect());
    Ok(scores)
}

/// How long the training in `folder` took: what its log says, since it may have been done in parts or long ago, or else since `started`.
fn secs(folder: &Path, started: Instant) -> f64 {
    detectors::training_secs(folder).unwrap_or_else(|| started.elapsed().as_secs_f64())
}

/// Where training `training`, counted from 0, of the detector `name` is kept.
pub fn model_folder(run: &Path, name: &str, training: usize) -> PathBuf {
    let first = run.join("models").join(name);
    if training == 0 { first } else { first.join(format!("training-{}", training + 1)) }
}

/// Where one training of a detector and the same of its base are kept.
struct Folders {
    own: PathBuf,
    base: Option<PathBuf>,
}

impl Folders {
    /// `training` counts from 0.
    fn of(detector: &Named<dyn Detector>, run: &Path, training: usize) -> Self {
        let of = |name: &str| model_folder(run, name, training);
        Self { own: of(&detector.name), base: detector.item.base().map(|base| of(base.name)) }
    }

    fn task<'a>(
        &'a self,
        detector: &Named<dyn Detector>,
        fingerprint: &'a str,
        device: &'a Device,
        stream: &Stream,
        progress: &'a dyn Progress,
    ) -> Result<Run<'a>, Failure> {
        std::fs::create_dir_all(&self.own).map_err(|e| Failure::io(&self.own, e))?;
        let stream = stream.child(&detector.name);
        Ok(Run {
            stream,
            folder: &self.own,
            base: self.base.as_deref(),
            reduction: 1,
            fingerprint,
            device,
            progress,
        })
    }
}

fn collapse(seen: detectors::Collapse) -> record::Collapse {
    let detectors::Collapse { stage, sign, step, value, bound, until } = seen;
    let bound = match bound {
        detectors::Bound::AtLeast(least) => record::Bound::AtLeast(least),
        detectors::Bound::AtMost(most) => record::Bound::AtMost(most),
    };
    record::Collapse { stage, sign, step, value, bound, until }
}

/// `key = value`, as the record holds it.
fn setting(line: &str) -> record::Setting {
    let (name, value) = line.split_once(" = ").unwrap_or((line, ""));
    record::Setting { name: name.to_owned(), value: value.to_owned() }
}

/// Writes the generated images, one PNG each.
fn snapshots(fitted: &Fitted, detector: &str, run: &Path) -> Result<Vec<record::Snapshot>, Failure> {
    let mut list = Vec::new();
    for snapshot in &fitted.snapshots {
        let folder = format!("models/{detector}/snapshots");
        let mut files = Vec::new();
        for (index, image) in snapshot.pixels.chunks(snapshot.size_px * snapshot.size_px).enumerate() {
            let file = format!("{folder}/step{:06}_{index:02}.png", snapshot.step);
            write_picture(&run.join(&file), &Picture::grey(image, snapshot.size_px).png())?;
            files.push(file);
        }
        list.push(record::Snapshot { step: snapshot.step, files });
    }
    Ok(list)
}
