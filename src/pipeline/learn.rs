//! Training the detectors on the healthy images and scoring the test images.

use std::path::Path;
use std::time::Instant;

use candle_core::Device;
use generators::stream::Stream;

use super::{Failure, sample, speed, write_file};
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

/// What may be known of the test images before they are scored: which of them a slow detector should look at.
pub struct Classes<'a> {
    /// The defect of each; `None` for a healthy one.
    pub of: &'a [Option<&'a str>],
    /// Labels of the defects.
    pub defects: &'a [&'a str],
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

/// Fits `detector` on the healthy images, or finds it fitted in its run, and scores the test images; a slow one as many of them as it
/// can.
pub fn learn(
    detector: &Named<dyn Detector>,
    images: &Images,
    classes: &Classes<'_>,
    &Place { run, fingerprint, device }: &Place<'_>,
    stream: &Stream,
    progress: &dyn Progress,
) -> Result<Learnt, Failure> {
    let folder = run.join("models").join(&detector.name);
    std::fs::create_dir_all(&folder).map_err(|e| Failure::io(&folder, e))?;
    let base = detector.item.base().map(|base| run.join("models").join(base.name));
    let stream = stream.child(&detector.name);
    let task =
        Run { stream, folder: &folder, base: base.as_deref(), reduction: 1, fingerprint, device, progress };
    let started = Instant::now();
    let fitted = detector.item.fit(&images.training, &images.validation, &task)?;
    let training_secs = started.elapsed().as_secs_f64();
    let most = detector.item.most_images();
    let all: Vec<usize> = (0..images.test.len()).collect();
    let scored = most.map_or(all, |most| sample::balanced(classes.of, classes.defects, most));
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
    let size_px = images.test.size_px;
    Ok(Learnt { name: detector.name.clone(), record, scored, scores, healthy, size_px })
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
