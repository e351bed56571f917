//! Detectors trained on synthetic images, on photographs and on both, judged on photographs (the future work of Zeiser et al.
//! 2023, section 6).

use std::borrow::Cow;
use std::path::Path;

use generators::stream::Stream;

use super::ground::Ground;
use super::judge::{estimate_over_jobs, select, wide};
use super::learn::Images;
use super::localisation::Footprints;
use super::operating::top;
use super::told::Told;
use super::{Failure, fingerprint, sample, write_picture};
use crate::data::files::FilesError;
use crate::data::photographs::{self, Photographs};
use crate::data::{Context, ImageSet};
use crate::detectors::{Detector, Fitted, Run, Scores};
use crate::metrics::MetricError;
use crate::metrics::paired::auroc_difference;
use crate::metrics::ranking::{auroc, average_precision};
use crate::plan::{Named, Plan};
use crate::report::colour::OUTLINE;
use crate::report::record::{
    self, Gain, OnPhotographs, PhotographExample, PhotographMap, PhotographScore, PixelFigures, TrainedOn,
};
use crate::report::{Picture, false_colour_png};

/// Folder of the pictures inside the run.
pub const FOLDER: &str = "photographs";

/// Photographs that the report shows.
const EXAMPLES: usize = 4;

/// The photographs that `plan` names, if it does, at the size of its images.
///
/// # Errors
/// Where they cannot be read or are not what they should be.
pub fn read(plan: &Plan) -> Result<Option<Photographs>, FilesError> {
    let stream = Stream::root(plan.scenario().seed).child("learning").child("photographs");
    let size_px = plan.production.frame().size_px;
    plan.photographs.as_ref().map(|folders| photographs::read(folders, size_px, &stream)).transpose()
}

/// Trains each detector of the plan twice more on `photographs`, and judges the three trainings on photographs. Detectors that
/// are too slow to score every image are left out, and those that have to know a slice or the layers before.
///
/// # Errors
/// Where a training fails, a score is not a number or a file cannot be written.
pub fn judged(photographs: &Photographs, ground: &Ground<'_>) -> Result<record::Photographs, Failure> {
    let &Ground { plan, run, ref stream, images: ref synthetic, .. } = ground;
    let detectors = &plan.detectors;
    let mut record = record::Photographs {
        training: photographs.training.len(),
        validation: photographs.validation.len(),
        healthy: photographs.anomalous.iter().filter(|&&anomalous| !anomalous).count(),
        anomalous: photographs.anomalous.iter().filter(|&&anomalous| anomalous).count(),
        parts: parts(&photographs.test),
        ..Default::default()
    };
    let shown = shown(&photographs.anomalous);
    record.examples =
        shown.iter().map(|&index| example(photographs, index, run)).collect::<Result<_, _>>()?;
    let footprints = (photographs.masks.as_ref()).map(|masks| {
        let size_px = photographs.test.size_px;
        Footprints::of_photographs(size_px, masks, &photographs.test.job, &photographs.anomalous)
    });
    let pixels = |maps: &[f32], stream: &Stream| -> Result<Option<PixelFigures>, MetricError> {
        let judged = footprints.as_ref().map(|footprints| footprints.judge(maps, &[], stream)).transpose()?;
        Ok(judged.flatten().and_then(|judged| judged.all))
    };
    // The training on photographs alone comes first: the others are held against it.
    let suits = |detector: &&Named<dyn Detector>| {
        detector.item.most_images().is_none() && detector.item.context() == Context::default()
    };
    for detector in detectors.iter().filter(suits) {
        let mut alone: Option<Scores> = None;
        for trained_on in [TrainedOn::Photographs, TrainedOn::Synthetic, TrainedOn::Both] {
            let healthy = Healthy::of(trained_on, synthetic, photographs);
            let fitted = fit(detector, trained_on, &healthy, ground)?;
            let scores = fitted.scorer.score(&photographs.test)?;
            let stream = stream.child("photographs").child(&detector.name);
            let result = OnPhotographs {
                detector: detector.name.clone(),
                trained_on,
                images: healthy.training.len(),
                scores: ranked(&scores, alone.as_ref(), photographs, &stream)?,
                pixels: pixels(&scores.maps, &stream)?,
            };
            draw_maps(&result, &scores, (&shown, photographs.test.size_px), &mut record.examples, run)?;
            record.results.push(result);
            alone.get_or_insert(scores);
        }
    }
    let order = |name: &str| detectors.iter().position(|d| d.name == name);
    record.results.sort_by_key(|result| (order(&result.detector), result.trained_on));
    Ok(record)
}

fn parts(set: &ImageSet) -> usize {
    let mut parts = set.job.clone();
    parts.sort_unstable();
    parts.dedup();
    parts.len()
}

/// What a detector learns from.
struct Healthy<'a> {
    training: Cow<'a, ImageSet>,
    validation: Cow<'a, ImageSet>,
}

impl<'a> Healthy<'a> {
    fn of(trained_on: TrainedOn, synthetic: &'a Images, real: &'a Photographs) -> Self {
        match trained_on {
            TrainedOn::Synthetic => Self {
                training: Cow::Borrowed(&synthetic.training),
                validation: Cow::Borrowed(&synthetic.validation),
            },
            TrainedOn::Photographs => {
                Self { training: Cow::Borrowed(&real.training), validation: Cow::Borrowed(&real.validation) }
            }
            TrainedOn::Both => Self {
                training: Cow::Owned(alike(&synthetic.training, &real.training)),
                validation: Cow::Owned(alike(&synthetic.validation, &real.validation)),
            },
        }
    }
}

/// Both sets, the smaller repeated until they weigh the same.
fn alike(one: &ImageSet, other: &ImageSet) -> ImageSet {
    let images = one.len().max(other.len());
    let repeated =
        |set: &ImageSet| set.select(&(0..images).map(|i| i % set.len().max(1)).collect::<Vec<_>>());
    repeated(one).followed_by(&repeated(other))
}

fn fit(
    detector: &Named<dyn Detector>,
    trained_on: TrainedOn,
    healthy: &Healthy<'_>,
    ground: &Ground<'_>,
) -> Result<Fitted, Failure> {
    let model = ground.run.join("models").join(&detector.name);
    let (fingerprint, stream) = (fingerprint(ground.plan, detector), ground.stream.child(&detector.name));
    // What was trained on synthetic images is there already.
    let (folder, fingerprint, stream) = match trained_on {
        TrainedOn::Synthetic => (model, fingerprint, stream),
        TrainedOn::Photographs | TrainedOn::Both => {
            let name = trained_on.words();
            (
                model.join(name),
                format!("{fingerprint} {name} {} {}", hash(&healthy.training), hash(&healthy.validation)),
                stream.child(name),
            )
        }
    };
    std::fs::create_dir_all(&folder).map_err(|e| Failure::io(&folder, e))?;
    let told = Told::new(detector, Some(trained_on.words()), ground.progress);
    let run = Run {
        stream,
        folder: &folder,
        base: None,
        reduction: 1,
        fingerprint: &fingerprint,
        device: ground.device,
        progress: &told,
    };
    Ok(detector.item.fit(&healthy.training, &healthy.validation, &run)?)
}

fn hash(set: &ImageSet) -> String {
    let mut hasher = blake3::Hasher::new();
    set.pixels.iter().for_each(|value| {
        hasher.update(&value.to_le_bytes());
    });
    hasher.finalize().to_hex().to_string()
}

/// Every score, and its gain over the same score of `alone`, which learnt from photographs.
fn ranked(
    scores: &Scores,
    alone: Option<&Scores>,
    photographs: &Photographs,
    stream: &Stream,
) -> Result<Vec<PhotographScore>, MetricError> {
    let (anomalous, parts) = (&photographs.anomalous, &photographs.test.job);
    let mut list = Vec::new();
    for (index, (name, values)) in scores.components.iter().enumerate() {
        let values = wide(values);
        // The whole sample is checked once; what is drawn from it is as sound.
        auroc(anomalous, &values)?;
        let area = estimate_over_jobs(parts, &stream.child(name), |drawn| {
            auroc(&select(anomalous, drawn), &select(&values, drawn)).ok().flatten()
        });
        let (Some(area), Some(precision)) = (area, average_precision(anomalous, &values)?) else { continue };
        let gain = match alone {
            Some(alone) => {
                let other = wide(&alone.components[index].1);
                auroc_difference(anomalous, &values, &other, parts)?
                    .map(|test| Gain { auroc: test.areas[0] - test.areas[1], p_value: test.p_value })
            }
            None => None,
        };
        let name = (*name).to_owned();
        list.push(PhotographScore { name, auroc: area, average_precision: precision, gain, values });
    }
    Ok(list)
}

/// Indices of the tested photographs that the report shows: anomalous ones, evenly spread.
fn shown(anomalous: &[bool]) -> Vec<usize> {
    let of: Vec<usize> = (0..anomalous.len()).filter(|&i| anomalous[i]).collect();
    sample::spread(&of, EXAMPLES)
}

/// Draws a photograph that the report shows, its mask outlined.
fn example(photographs: &Photographs, index: usize, run: &Path) -> Result<PhotographExample, Failure> {
    let side = photographs.test.size_px;
    let grey = Picture::grey(photographs.test.image(index), side);
    let factor = 256usize.div_ceil(side.max(1)).clamp(1, 4);
    let picture = match &photographs.masks {
        Some(masks) => grey.outlined(&masks[index * side * side..(index + 1) * side * side], factor, OUTLINE),
        None => grey.enlarged(factor),
    };
    let file = format!("{FOLDER}/{index:04}.png");
    write_picture(&run.join(&file), &picture.png())?;
    Ok(PhotographExample { photograph: file, maps: Vec::new() })
}

/// Draws the anomaly maps of the photographs `shown`, on one scale: from 0 to what one pixel in a thousand of all exceeds.
fn draw_maps(
    result: &OnPhotographs,
    scores: &Scores,
    (shown, size_px): (&[usize], usize),
    examples: &mut [PhotographExample],
    run: &Path,
) -> Result<(), Failure> {
    let Some(top) = top(&scores.maps) else { return Ok(()) };
    let words = result.trained_on.words();
    for (&index, example) in shown.iter().zip(examples) {
        let map = &scores.maps[index * size_px * size_px..(index + 1) * size_px * size_px];
        let file = format!("{FOLDER}/{index:04}_{}_{}.png", result.detector, words.replace(' ', "-"));
        write_picture(&run.join(&file), &false_colour_png(map, size_px, [0.0, top]))?;
        example.maps.push(PhotographMap { caption: format!("{}, {words}", result.detector), file });
    }
    Ok(())
}
