//! One print job, layer after layer.
//!
//! Each layer goes through the steps of Zeiser et al. (2023), section 4.2: mask, paint, inject,
//! decay, blur, invert and scale, quantise. Decay is the process's ([`crate::thermal`]); blur, scaling
//! and quantisation are the camera's ([`crate::camera`]).

mod contrast;
mod episode;
mod recording;

use std::collections::BTreeMap;

use crate::camera::{Exposure, Grey};
use crate::dataset::Split;
use crate::layer::{Field, Layer, Mask};
use crate::params::Draws;
use crate::raster::Placement;
use crate::scenario::{Job, Production};
use crate::stream::Stream;
use crate::thermal::Pass;

pub use episode::{Cause, NothingShows};
pub use recording::Recorded;

/// One image and what made it.
#[derive(Clone, Debug, PartialEq)]
pub struct Shot {
    /// The image.
    pub grey: Grey,
    /// The temperatures in degrees Celsius that the sensor read, before they became grey levels.
    pub apparent_c: Field,
    /// Every number drawn or derived for it, by name: `bed.temperature_c`, `defect.cnr`.
    pub parameters: BTreeMap<String, f64>,
    /// Path of the random stream that made the layer.
    pub stream: String,
}

/// One imaged layer of a job: the healthy image, and in a test job its anomalous twin, unless the layer belongs to the
/// job's history only.
#[derive(Clone, Debug, PartialEq)]
pub struct Sample {
    /// Number of the layer in its job.
    pub layer: usize,
    /// The nominal slice: printed share of each pixel, 0 to 1.
    pub nominal: Field,
    /// The layer as it should be.
    pub healthy: Shot,
    /// The same layer in the branch of the job that has the defect.
    pub twin: Option<Twin>,
}

/// A layer that a defect, or what it left behind, has changed in at least one pixel of the image.
#[derive(Clone, Debug, PartialEq)]
pub struct Twin {
    /// Name of the defect.
    pub defect: String,
    /// The layer shows only what the defect left behind.
    pub afterglow: bool,
    /// The anomalous image.
    pub shot: Shot,
    /// The footprint: the pixels that the defect changed in this layer before decay and blur; none
    /// in the afterglow.
    pub mask: Mask,
}

/// Runs one job and gives each imaged layer to `sink` as soon as it is known to stand, in order. The samples of a test job
/// are those of its episodes and, where the scenario keeps its history, every other layer up to the last of them.
///
/// # Errors
/// What `sink` returns; [`NothingShows`] where a defect never shows.
pub fn simulate<E: From<NothingShows> + Send>(
    production: &Production,
    job: &Job,
    mut sink: impl FnMut(Sample) -> Result<(), E> + Send,
) -> Result<(), E> {
    let history = History::new(production, job);
    match job.split {
        Split::Test => episode::simulate(&history, &mut sink),
        _ => simulate_healthy(&history, &mut sink),
    }
}

/// A job where nothing goes wrong. Where there are more threads than jobs, one paints the next layer while another
/// takes this one's image.
fn simulate_healthy<E: Send>(
    history: &History<'_>,
    sink: &mut (impl FnMut(Sample) -> Result<(), E> + Send),
) -> Result<(), E> {
    let production = history.production;
    let alone = production.job_count() < rayon::current_num_threads();
    let printable = production.printable(history.job);
    let layers = printable.last().map_or(0, |last| last + 1);
    let paint = |index: usize| (index < layers).then(|| history.layer(index));
    let (mut bed, mut painted) = (None, paint(0));
    while let Some(healthy) = painted {
        let index = healthy.layer.index;
        let state = healthy.pass.next(bed.as_ref(), &healthy.layer);
        let deliver = || {
            if printable.binary_search(&index).is_err() {
                return Ok(());
            }
            sink(healthy.sample(production, &state.surface_c))
        };
        let paint_next = || paint(index + 1);
        let (delivered, next) =
            if alone { rayon::join(deliver, paint_next) } else { (deliver(), paint_next()) };
        delivered?;
        (bed, painted) = (Some(state), next);
    }
    Ok(())
}

/// Runs one screening job and gives each of its images to `sink`, layer after layer.
///
/// # Errors
/// What `sink` returns; [`NothingShows`] where a defect never shows or a fault never changes anything.
pub fn record<E: From<NothingShows>>(
    production: &Production,
    job: &Job,
    mut sink: impl FnMut(Recorded) -> Result<(), E>,
) -> Result<(), E> {
    recording::record(&History::new(production, job), &mut sink)
}

/// What happens in a job where nothing goes wrong.
struct History<'a> {
    production: &'a Production,
    job: &'a Job,
    placements: Vec<Placement>,
}

/// One layer of it, freshly printed.
struct Healthy {
    layer: Layer,
    pass: Pass,
    exposure: Exposure,
    parameters: BTreeMap<String, f64>,
    stream: Stream,
}

impl<'a> History<'a> {
    fn new(production: &'a Production, job: &'a Job) -> Self {
        let placements = production.lay_out(job);
        Self { production, job, placements }
    }

    /// Whether a layer without a twin is given out all the same.
    fn keeps(&self, layer: usize) -> bool {
        let production = self.production;
        production.keeps_history() && production.printable(self.job).binary_search(&layer).is_ok()
    }

    fn nothing_shows(&self, name: &str, cause: Cause) -> NothingShows {
        let pixel_mm = 1.0 / self.production.frame().px_per_mm;
        NothingShows { name: name.to_owned(), job: self.job.number, pixel_mm, cause }
    }

    /// Mask and paint: the layer from its streams alone, whatever came before it.
    fn layer(&self, index: usize) -> Healthy {
        let frame = self.production.frame();
        let stream = self.job.stream.item("layer", index);
        let mut draws = Draws::new(&self.job.stream, &stream).after(index);
        let coverage = self.production.mask(self.job, index, &self.placements);
        let [bed, print] = self.production.surfaces();
        let bed = draws.scoped("bed", |draws| bed.brush(&frame, index, draws));
        let print = draws.scoped("print", |draws| print.brush(&frame, index, draws));
        let pass = draws.scoped("thermal", |draws| self.production.thermal().draw(draws));
        let exposure = draws.scoped("camera", |draws| self.production.camera().expose(draws));
        draws.note("part_area_mm2", coverage.sum() / (frame.px_per_mm * frame.px_per_mm));
        draws.note("height_mm", self.production.heights_mm()[index]);
        if let Some(part) = self.production.part_of(self.job) {
            draws.note("part", (part + 1) as f64);
        }
        for (number, placement) in (1..).zip(&self.placements) {
            draws.note(&format!("copy{number}.x_mm"), placement.at_mm[0]);
            draws.note(&format!("copy{number}.y_mm"), placement.at_mm[1]);
            draws.note(&format!("copy{number}.rotation_deg"), placement.rotation_deg);
        }
        let layer = Layer::paint(frame, index, coverage, bed, print);
        Healthy { layer, pass, exposure, parameters: draws.into_record(), stream }
    }
}

impl Healthy {
    fn photograph(&self, production: &Production, surface_c: &Field) -> Shot {
        let apparent_c = production.camera().observe(surface_c, &self.exposure);
        Shot {
            grey: production.camera().digitise(&apparent_c, &self.exposure),
            apparent_c,
            parameters: self.parameters.clone(),
            stream: self.stream.path().to_owned(),
        }
    }

    /// The layer with nothing wrong.
    fn sample(self, production: &Production, surface_c: &Field) -> Sample {
        let shot = self.photograph(production, surface_c);
        Sample { layer: self.layer.index, nominal: self.layer.coverage, healthy: shot, twin: None }
    }
}
