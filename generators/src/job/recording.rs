//! Recordings: every image of a job as the camera delivered it, with whatever went wrong.
//!
//! After the first, the printed layers of a screening job are cut into one window per defect and per
//! fault, in an order that the job's stream shuffles; each acts once, somewhere in its window. A defect
//! belongs to the process: it stays visible for as long as the heat lasts, in its window. A fault belongs to the image:
//! the process below it goes on undisturbed.

use super::episode::{ATTEMPTS, Cause, Episode, NothingShows, Progress};
use super::{History, Shot};
use crate::camera::Grey;
use crate::faults::{self, MOST_EARLIER};
use crate::layer::{Field, Mask};
use crate::params::Draws;
use crate::scenario::{Afterglow, Anomaly, Disturbance};

/// One image of a screening job and what is wrong with it.
#[derive(Clone, Debug, PartialEq)]
pub struct Recorded {
    /// Number of the layer in its job.
    pub layer: usize,
    /// The nominal slice: printed share of each pixel, 0 to 1.
    pub nominal: Field,
    /// The image.
    pub shot: Shot,
    /// Name of the defect that the layer shows, whether or not a fault hides it.
    pub defect: Option<String>,
    /// The layer shows only what the defect left behind.
    pub afterglow: bool,
    /// Name of the fault that spoilt the image.
    pub fault: Option<String>,
    /// The pixels that the fault changed in the image, or else the footprint of the defect in the layer;
    /// none where there is neither.
    pub mask: Option<Mask>,
}

/// Which window belongs to what.
#[derive(Clone, Copy)]
enum Event<'a> {
    Defect(&'a Anomaly),
    Fault(&'a Disturbance),
}

/// Gives each image of a screening job to `sink`, layer after layer.
pub fn record<E: From<NothingShows>>(
    history: &History<'_>,
    sink: &mut impl FnMut(Recorded) -> Result<(), E>,
) -> Result<(), E> {
    let production = history.production;
    let mut events: Vec<Event<'_>> = production.anomalies().iter().map(Event::Defect).collect();
    events.extend(production.disturbances().iter().map(Event::Fault));
    history.job.stream.child("order").shuffle(&mut events);
    let mut earlier = Earlier(Vec::new());
    let mut progress = Progress { next: 0, bed: None };
    for (number, event) in events.into_iter().enumerate() {
        let window = production.recorded_window(history.job, number);
        let (Some(&first), Some(&last)) = (window.first(), window.last()) else { continue };
        let (before, reached) = sound(history, progress, first);
        earlier.keep(&before);
        before.into_iter().try_for_each(&mut *sink)?;
        let (mut recorded, after) = sound(history, reached.clone(), last + 1);
        let mut cause = Cause::NoPlace;
        let stood = (0..ATTEMPTS).find_map(|attempt| {
            let changed = match event {
                Event::Defect(anomaly) => disturbed(history, anomaly, window, attempt, reached.clone()),
                Event::Fault(fault) => spoilt(history, fault, &recorded, attempt, &earlier),
            };
            changed.map_err(|e| cause = e).ok()
        });
        let Some(changed) = stood else {
            let name = match event {
                Event::Defect(anomaly) => &anomaly.name,
                Event::Fault(fault) => &fault.name,
            };
            return Err(history.nothing_shows(name, cause).into());
        };
        for image in changed {
            if let Ok(at) = window.binary_search(&image.layer) {
                recorded[at] = image;
            }
        }
        earlier.keep(&recorded);
        recorded.into_iter().try_for_each(&mut *sink)?;
        progress = after;
    }
    let (rest, _) = sound(history, progress, production.heights_mm().len());
    rest.into_iter().try_for_each(sink)
}

/// The images before `until`, with nothing wrong.
fn sound(history: &History<'_>, mut progress: Progress, until: usize) -> (Vec<Recorded>, Progress) {
    let production = history.production;
    let mut recorded = Vec::new();
    while progress.next < until {
        let index = progress.next;
        let healthy = history.layer(index);
        let bed = progress.bed_after(&healthy);
        if production.printable(history.job).binary_search(&index).is_ok() {
            let shot = healthy.photograph(production, &bed.surface_c);
            let (nominal, defect, fault, mask) = (healthy.layer.coverage, None, None, None);
            recorded.push(Recorded { layer: index, nominal, shot, defect, afterglow: false, fault, mask });
        }
        progress = Progress { next: index + 1, bed: Some(bed) };
    }
    (recorded, progress)
}

/// The images of an episode and its afterglow, where they show; the process comes from `progress`.
fn disturbed(
    history: &History<'_>,
    anomaly: &Anomaly,
    window: &[usize],
    attempt: usize,
    progress: Progress,
) -> Result<Vec<Recorded>, Cause> {
    let (samples, _) = Episode::draw(history, anomaly, window, attempt).run(progress, Afterglow::Test)?;
    let shown = samples.into_iter().filter_map(|sample| {
        let twin = sample.twin?;
        Some(Recorded {
            layer: sample.layer,
            nominal: sample.nominal,
            shot: twin.shot,
            defect: Some(twin.defect),
            afterglow: twin.afterglow,
            fault: None,
            mask: Some(twin.mask),
        })
    });
    Ok(shown.collect())
}

/// Those of a window's `sound` images that a fault strikes, spoilt.
fn spoilt(
    history: &History<'_>,
    fault: &Disturbance,
    sound: &[Recorded],
    attempt: usize,
    earlier: &Earlier,
) -> Result<Vec<Recorded>, Cause> {
    let stream = history.job.stream.child("fault").child(&fault.name).item("attempt", attempt);
    let drawn = Draws::new(&stream, &stream).draw("layers", &fault.layers);
    let duration = (drawn.round() as usize).clamp(1, sound.len());
    let start = stream.child("start").below(sound.len() - duration + 1);
    let mut before = Earlier(earlier.0.clone());
    before.keep(&sound[..start]);
    let mut struck = sound[start..start + duration].to_vec();
    let first = struck[0].layer;
    for (age, recorded) in struck.iter_mut().enumerate() {
        let mut draws = Draws::new(&stream, &stream.item("layer", recorded.layer)).after(age);
        let mask = draws.scoped("fault", |draws| {
            draws.note("attempt", attempt as f64);
            draws.note("start_layer", first as f64);
            draws.note("layers", duration as f64);
            draws.note("age_layers", age as f64);
            faults::strike(&*fault.fault, &mut recorded.shot.grey, &before.0, draws)
        });
        if mask.count() == 0 {
            return Err(Cause::NothingSpoilt);
        }
        recorded.shot.parameters.extend(draws.into_record());
        recorded.fault = Some(fault.name.clone());
        recorded.mask = Some(mask);
    }
    Ok(struck)
}

/// The last images that were delivered, the oldest first.
struct Earlier(Vec<Grey>);

impl Earlier {
    fn keep(&mut self, recorded: &[Recorded]) {
        self.0.extend(recorded.iter().map(|r| r.shot.grey.clone()));
        self.0.drain(..self.0.len().saturating_sub(MOST_EARLIER));
    }
}
