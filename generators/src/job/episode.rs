//! Episodes: branches of a job in which a defect acts.
//!
//! The printed layers of a test job are cut into one window per defect, in an order that the job's
//! stream shuffles, and each episode lies at random in its window. At its first layer the thermal
//! state is cloned from the healthy history; the clone goes on with the defect for as long as the
//! episode lasts and is then dropped, so that every anomalous image has its healthy twin. A layer whose
//! image equals its twin, as where the defect is still too faint, is in neither class. Where the scenario keeps the history,
//! such a layer and those between the episodes are given out too, without a twin.

use std::fmt;

use super::{Healthy, History, Sample, Shot, Twin, contrast};
use crate::layer::{Field, Layer, Mask};
use crate::params::Draws;
use crate::scenario::{Afterglow, Anomaly};
use crate::stream::Stream;
use crate::thermal::State;

/// How often an episode is drawn again before the defect is given up.
pub(super) const ATTEMPTS: usize = 50;

/// A defect or a fault left no trace in any of many attempts at one episode.
#[derive(Clone, Debug, PartialEq, thiserror::Error)]
#[error(
    "`{name}` never showed in {ATTEMPTS} attempts in job {job}, where a pixel is {pixel_mm:.2} mm wide: \
     {cause}"
)]
pub struct NothingShows {
    /// Name of the defect or the fault.
    pub name: String,
    /// Number of the job.
    pub job: u32,
    /// Width of a pixel in mm.
    pub pixel_mm: f64,
    /// What the last attempt lacked.
    pub cause: Cause,
}

/// Why an episode cannot stand.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Cause {
    /// The footprint was empty in one of its layers.
    NoPlace,
    /// The footprint was smaller than the scenario's `least_px` in one of its layers.
    TooSmall,
    /// All of its images were equal to their healthy twins.
    TooFaint,
    /// The fault left one of its images as it was.
    NothingSpoilt,
}

impl fmt::Display for Cause {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::NoPlace => {
                "it found no place in the layer, or changes nothing where it is; suit its size to the part and the pixels, \
                 shorten `layers`, raise image_px, or see that its effects do not cancel"
            }
            Self::TooSmall => "its footprint was smaller than `least_px`; make it larger or lower `least_px`",
            Self::TooFaint => {
                "the image stayed as it was; raise its cnr or its size, lower [camera] blur_px or [thermal] \
                 retain, narrow range_c or write bits = 16"
            }
            Self::NothingSpoilt => "the image stayed as it was; make the fault stronger",
        })
    }
}

/// How far the healthy history has come: the bed before layer `next`.
#[derive(Clone)]
pub(super) struct Progress {
    pub(super) next: usize,
    pub(super) bed: Option<State>,
}

impl Progress {
    /// The bed after the layer that comes next.
    pub(super) fn bed_after(&self, healthy: &Healthy) -> State {
        healthy.pass.next(self.bed.as_ref(), &healthy.layer)
    }
}

pub fn simulate<E: From<NothingShows>>(
    history: &History<'_>,
    sink: &mut impl FnMut(Sample) -> Result<(), E>,
) -> Result<(), E> {
    let production = history.production;
    let anomalies = production.anomalies();
    let mut order: Vec<usize> = (0..anomalies.len()).collect();
    history.job.stream.child("order").shuffle(&mut order);
    let mut progress = Progress { next: 0, bed: None };
    for (number, &defect) in order.iter().enumerate() {
        let window = production.window(history.job, number);
        let Some(&first) = window.first() else { continue };
        while progress.next < first {
            let healthy = history.layer(progress.next);
            let bed = progress.bed_after(&healthy);
            if history.keeps(progress.next) {
                sink(healthy.sample(production, &bed.surface_c))?;
            }
            progress = Progress { next: progress.next + 1, bed: Some(bed) };
        }
        let anomaly = &anomalies[defect];
        let mut cause = Cause::NoPlace;
        let stood = (0..ATTEMPTS).find_map(|attempt| {
            let episode = Episode::draw(history, anomaly, window, attempt);
            episode.run(progress.clone(), production.afterglow()).map_err(|e| cause = e).ok()
        });
        let Some((samples, after)) = stood else {
            return Err(history.nothing_shows(&anomaly.name, cause).into());
        };
        samples.into_iter().try_for_each(&mut *sink)?;
        progress = after;
    }
    Ok(())
}

pub(super) struct Episode<'a> {
    history: &'a History<'a>,
    anomaly: &'a Anomaly,
    attempt: usize,
    stream: Stream,
    /// The layers from the first with the defect to the last of the window.
    layers: &'a [usize],
    /// How many of them have the defect.
    duration: usize,
}

impl<'a> Episode<'a> {
    pub(super) fn draw(
        history: &'a History<'a>,
        anomaly: &'a Anomaly,
        window: &'a [usize],
        attempt: usize,
    ) -> Self {
        let stream = history.job.stream.child("defect").child(&anomaly.name).item("attempt", attempt);
        let drawn = Draws::new(&stream, &stream).draw("layers", &anomaly.layers);
        let duration = (drawn.round() as usize).clamp(1, window.len());
        let start = stream.child("start").below(window.len() - duration + 1);
        Self { history, anomaly, attempt, stream, layers: &window[start..], duration }
    }

    /// Goes on from `progress` through the episode; its samples, those of the history among them, and the healthy history
    /// after it.
    pub(super) fn run(
        &self,
        mut progress: Progress,
        afterglow: Afterglow,
    ) -> Result<(Vec<Sample>, Progress), Cause> {
        let mut samples = Vec::with_capacity(self.duration);
        let mut branch = None;
        let mut age = 0;
        let most = match afterglow {
            Afterglow::Exclude => self.duration,
            Afterglow::Test => self.layers.len(),
        };
        while age < most {
            let index = progress.next;
            let healthy = self.history.layer(index);
            let bed = progress.bed_after(&healthy);
            let kept = self.history.keeps(index);
            if index < self.layers[0] {
                if kept {
                    samples.push(healthy.sample(self.history.production, &bed.surface_c));
                }
            } else {
                let before = if age == 0 { progress.bed.as_ref() } else { branch.as_ref() };
                if self.layers[age] != index {
                    // Nothing is printed here, and nothing imaged.
                    branch = Some(healthy.pass.next(before, &healthy.layer));
                } else {
                    let afterglow = age >= self.duration;
                    let branched = self.inject(&healthy, age, afterglow)?;
                    let changed = healthy.pass.next(before, &branched.layer);
                    // An image that equals its twin shows nothing, and is in neither class.
                    let sample = self.image(healthy, branched, [&bed.surface_c, &changed.surface_c]);
                    if sample.twin.is_none() && afterglow {
                        break;
                    }
                    if sample.twin.is_some() || kept {
                        samples.push(sample);
                    }
                    branch = Some(changed);
                    age += 1;
                }
            }
            progress = Progress { next: index + 1, bed: Some(bed) };
        }
        let shown = samples.iter().filter_map(|sample: &Sample| sample.twin.as_ref());
        if shown.into_iter().all(|twin| twin.afterglow) {
            return Err(Cause::TooFaint);
        }
        Ok((samples, progress))
    }

    /// The fresh layer with the defect.
    fn inject(&self, healthy: &Healthy, age: usize, afterglow: bool) -> Result<Branched, Cause> {
        let size_px = healthy.layer.coverage.size_px;
        let stream = self.stream.item("layer", healthy.layer.index);
        let mut draws = Draws::new(&self.stream, &stream).after(age);
        let mut layer = healthy.layer.clone();
        let mut mask = Mask { size_px, pixels: vec![false; size_px * size_px] };
        draws.scoped("defect", |draws| {
            if !afterglow {
                let phase = self.anomaly.evolution.phase(age, self.duration, draws);
                mask = self.anomaly.defect.inject(&mut layer, &phase, draws);
            }
            draws.note("area_px", mask.count() as f64);
            draws.note("attempt", self.attempt as f64);
            draws.note("start_layer", self.layers[0] as f64);
            draws.note("layers", self.duration as f64);
            draws.note("age_layers", age as f64);
        });
        if !afterglow && mask.count() == 0 {
            return Err(Cause::NoPlace);
        }
        if !afterglow && mask.diameter_px() < self.anomaly.least_px {
            return Err(Cause::TooSmall);
        }
        Ok(Branched { layer, mask, afterglow, draws, stream })
    }

    /// Both images of the layer; the healthy one alone where they are equal.
    fn image(&self, healthy: Healthy, branched: Branched, [surface_c, changed_c]: [&Field; 2]) -> Sample {
        let production = self.history.production;
        let apparent_c = production.camera().observe(changed_c, &healthy.exposure);
        let grey = production.camera().digitise(&apparent_c, &healthy.exposure);
        let blur_px = healthy.exposure.blur_px;
        let sample = healthy.sample(production, surface_c);
        let (nominal, shot) = (&sample.nominal, &sample.healthy);
        if shot.grey == grey {
            return sample;
        }
        let Branched { mask, mut draws, stream, afterglow, .. } = branched;
        let change = grey.difference(&shot.grey);
        if let Some(cnr) = contrast::cnr_image(&shot.grey, &change, &mask, nominal, blur_px) {
            draws.note("defect.cnr_image", cnr);
        }
        let mut parameters = shot.parameters.clone();
        parameters.extend(draws.into_record());
        let shot = Shot { grey, apparent_c, parameters, stream: stream.path().to_owned() };
        Sample { twin: Some(Twin { defect: self.anomaly.name.clone(), afterglow, shot, mask }), ..sample }
    }
}

/// A layer with the defect, and how it came about.
struct Branched {
    layer: Layer,
    mask: Mask,
    afterglow: bool,
    draws: Draws,
    stream: Stream,
}
