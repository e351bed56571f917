//! Training the detectors on the healthy images and scoring the test images.

use std::path::Path;
use std::time::Instant;

use candle_core::Device;
use generators::stream::Stream;

use super::{Failure, speed, write_file};
use crate::data::ImageSet;
use crate::detectors::{self, Detector, Fitted, Progress, Run, Scores};
use crate::plan::Named;
use crate::report::Picture;
use crate::report::record::{self, NetworkSize};

/// A detector, fitted, and what it said of the test images.
pub struct Learnt {
    /// Its name in the scenario.
    pub name: String,
    /// Its training and settings, for the record; components are still missing.
    pub record: record::Detector,
    /// What it said of the test images.
    pub scores: Scores,
    /// What it said of the validation images: healthy, and not trained on.
    pub healthy: Scores,
    /// Pixels along one side of the images.
    pub size_px: usize,
}

impl Learnt {
    /// The anomaly map of test image `index`.
    pub fn map(&self, index: usize) -> &[f32] {
        let n = self.size_px * self.size_px;
        &self.scores.maps[index * n..(index + 1) * n]
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

/// Where a detector is fitted and kept.
pub struct Place<'a> {
    /// The run's folder.
    pub run: &'a Path,
    /// Identifies data and settings.
    pub fingerprint: &'a str,
    /// Where the networks live.
    pub device: &'a Device,
}

/// Fits `detector` on the healthy images, or finds it fitted in its run, and scores the test images.
pub fn learn(
    detector: &Named<dyn Detector>,
    images: &Images,
    &Place { run, fingerprint, device }: &Place<'_>,
    stream: &Stream,
    progress: &dyn Progress,
) -> Result<Learnt, Failure> {
    let folder = run.join("models").join(&detector.name);
    std::fs::create_dir_all(&folder).map_err(|e| Failure::io(&folder, e))?;
    let started = Instant::now();
    let fitted = detector.item.fit(
        &images.training,
        &images.validation,
        &Run { stream: stream.child(&detector.name), folder: &folder, fingerprint, device, progress },
    )?;
    let training_secs = started.elapsed().as_secs_f64();
    let started = Instant::now();
    let scores = fitted.scorer.score(&images.test)?;
    let scoring_ms_per_image = started.elapsed().as_secs_f64() * 1e3 / images.test.len().max(1) as f64;
    let healthy = fitted.scorer.score(&images.validation)?;
    let speed = speed::measure(&*fitted.scorer, &images.test, device)?;
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
    };
    Ok(Learnt { name: detector.name.clone(), record, scores, healthy, size_px: images.test.size_px })
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
            write_file(&run.join(&file), &Picture::grey(image, snapshot.size_px).png())?;
            files.push(file);
        }
        list.push(record::Snapshot { step: snapshot.step, files });
    }
    Ok(list)
}
