//! A scenario with its parts read, sliced and laid out.

use std::path::PathBuf;

use super::advice::millimetres;
use super::plate::{Plates, Sharing, Side, Usage};
use super::{Afterglow, Anomaly, Disturbance, Part, Result, Scenario, Surface};
use crate::camera::Camera;
use crate::dataset::volume::Volume;
use crate::dataset::{Split, formats};
use crate::layer::{Field, Frame};
use crate::mesh::{self, Bounds, Certificate, Mesh, Slice, Unit};
use crate::raster::{self, Placement};
use crate::stream::Stream;
use crate::thermal::Thermal;

/// More imaged layers than this are a mistake in the unit or in the layer height.
const MOST_LAYERS: usize = 10_000;

/// A scenario that can be produced: every check is behind it.
pub struct Production {
    scenario: Scenario,
    models: Vec<Model>,
    plates: Plates,
    frame: Frame,
    heights_mm: Vec<f64>,
    fingerprint: String,
}

/// What is known of one entry of `[[part]]`.
#[derive(Clone, Debug, PartialEq)]
pub struct PartSummary {
    /// The file.
    pub file: PathBuf,
    /// What its numbers mean.
    pub unit: Unit,
    /// How many copies lie on the bed.
    pub copies: usize,
    /// In which jobs it is printed.
    pub usage: Usage,
    /// Width (x), depth (y) and height in mm.
    pub size_mm: [f64; 3],
    /// BLAKE3 of the file, in hexadecimal.
    pub hash: String,
    /// What was mended in the mesh, and how sure the areas of its imaged layers are.
    pub certificate: Certificate,
}

pub(super) struct Model {
    pub(super) summary: PartSummary,
    /// Its imaged layers from the bed up; fewer than the job's where another part is higher.
    slices: Vec<Slice>,
}

impl Model {
    /// Pixels that one copy prints in a layer.
    pub(super) fn printed_px(&self, layer: usize, frame: &Frame) -> f64 {
        let area_mm2 = self.summary.certificate.layers.get(layer).map_or(0.0, |layer| layer.area_mm2);
        area_mm2 * frame.px_per_mm * frame.px_per_mm
    }
}

/// One print job.
#[derive(Clone, Debug)]
pub struct Job {
    /// Its number, unique in the dataset.
    pub number: u32,
    /// Its part of the benchmark.
    pub split: Split,
    /// The stream that everything in it is drawn from; it depends on the number within the split
    /// alone, so that more training jobs do not change the test set.
    pub stream: Stream,
    /// What lies on its bed.
    pub(super) plate: usize,
}

impl Scenario {
    /// Reads the parts, slices them and lays them out.
    ///
    /// # Errors
    /// A part that is missing, unreadable, thinner than a layer, larger than the bed or too small
    /// for the image; copies that do not fit; episodes that are longer than the layers allow.
    pub fn resolve(self) -> Result<Production> {
        let meshes = self.parts.iter().map(read).collect::<Result<Vec<_>>>()?;
        let heights_mm = self.layer_heights_mm(&meshes)?;
        let models: Vec<Model> =
            self.parts.iter().zip(&meshes).map(|(part, mesh)| model(part, mesh, &heights_mm)).collect();
        let (plates, frame) = Plates::lay_out(&self, &models, heights_mm.len())?;
        let mut production =
            Production { fingerprint: String::new(), scenario: self, models, plates, frame, heights_mm };
        production.check_layers()?;
        production.check_recorded_layers()?;
        production.fingerprint = production.compute_fingerprint();
        Ok(production)
    }

    /// Height above the bed of the middle of each imaged layer.
    fn layer_heights_mm(&self, meshes: &[Mesh]) -> Result<Vec<f64>> {
        let height_mm = self.layers.height_mm;
        let mut all: Vec<f64> = Vec::new();
        for (part, mesh) in self.parts.iter().zip(meshes) {
            let size = mesh.bounds().size();
            let heights_mm = mesh::layer_heights_mm(&Bounds { min: [0.0; 3], max: size }, height_mm);
            // The leeway is for the arithmetic of a part of exactly one layer.
            let what = if size[2] < height_mm * (1.0 - 1e-6) {
                format!("thinner than a layer of {height_mm} mm")
            } else if heights_mm.is_empty() || heights_mm.len().min(self.layers.max) > MOST_LAYERS {
                format!("more than {MOST_LAYERS} layers of {height_mm} mm")
            } else {
                if heights_mm.len() > all.len() {
                    all = heights_mm;
                }
                continue;
            };
            let error = part.file_place.error(format!("the part is {}: {what}", millimetres(size)));
            return Err(self.with_other_unit(part, size, error));
        }
        let every = all.len().div_ceil(self.layers.max).max(1);
        Ok(all.into_iter().step_by(every).collect())
    }
}

impl Production {
    /// What the scenario says.
    pub fn scenario(&self) -> &Scenario {
        &self.scenario
    }

    /// The parts in the order of the scenario.
    pub fn parts(&self) -> impl ExactSizeIterator<Item = &PartSummary> {
        self.models.iter().map(|m| &m.summary)
    }

    /// Pixels and millimetres.
    pub fn frame(&self) -> Frame {
        self.frame
    }

    /// The side of the square bed in mm.
    pub fn bed_side_mm(&self) -> f64 {
        self.plates.all().first().map_or(0.0, |plate| plate.bed.side_mm())
    }

    /// Height of each layer's middle above the bed in mm, from the first to the last.
    pub fn heights_mm(&self) -> &[f64] {
        &self.heights_mm
    }

    /// The layers of a job that are imaged: those that print at least a pixel's worth.
    pub fn printable(&self, job: &Job) -> &[usize] {
        &self.plates.get(job.plate).printable
    }

    /// How many layers a job images at most.
    pub fn most_layers(&self) -> usize {
        self.plates.all().iter().map(|plate| plate.printable.len()).max().unwrap_or(0)
    }

    /// Whether the layers of a test job that are no test images are kept as well, as [`Split::History`].
    pub fn keeps_history(&self) -> bool {
        self.scenario.history
    }

    /// The entry of `[[part]]` that a job prints alone; `None` where each job prints all.
    pub fn part_of(&self, job: &Job) -> Option<usize> {
        match self.scenario.sharing {
            Sharing::All => None,
            Sharing::One => self.plates.get(job.plate).copies.first().copied(),
        }
    }

    /// Names what the data depend on: equal where the images and labels would be equal.
    pub fn fingerprint(&self) -> &str {
        &self.fingerprint
    }

    /// The scenario that gives the same data, with seed and units as they were resolved; `files` are
    /// the parts', in the scenario's order, relative to where the text will be.
    pub fn to_toml(&self, files: &[String]) -> String {
        let part = |(part, file): (&Part, &String)| {
            let mut table = part.stated.clone();
            table.insert("file".to_owned(), file.as_str().into());
            table.insert("unit".to_owned(), part.unit.name().into());
            table.into()
        };
        let mut tables = self.scenario.tables.clone();
        let parts: Vec<toml::Value> = self.scenario.parts.iter().zip(files).map(part).collect();
        tables.insert("part".to_owned(), parts.into());
        tables.insert("seed".to_owned(), (self.scenario.seed as i64).into());
        tables.to_string()
    }

    /// All jobs in the order of their numbers: training, validation, test, screening.
    pub fn jobs(&self) -> Vec<Job> {
        let jobs = self.scenario.jobs;
        let splits = [
            (Split::Train, jobs.training),
            (Split::Validation, jobs.validation),
            (Split::Test, jobs.test),
            (Split::Screening, jobs.screening),
        ];
        let root = Stream::root(self.scenario.seed);
        let named = splits.into_iter().flat_map(|(split, count)| (0..count).map(move |index| (split, index)));
        named
            .zip(0..)
            .map(|((split, index), number)| {
                let stream = root.child(split.name()).item("job", index);
                let plate = self.plates.draw(Side::of(split), &stream);
                Job { number, split, stream, plate }
            })
            .collect()
    }

    /// How many jobs there are.
    pub(crate) fn job_count(&self) -> usize {
        let jobs = self.scenario.jobs;
        jobs.training + jobs.validation + jobs.test + jobs.screening
    }

    /// How many images a split will have; for [`Split::Test`] and [`Split::History`] about that many, half of the
    /// test images healthy.
    pub fn images(&self, split: Split) -> usize {
        let layers = |split: Split| -> usize {
            self.jobs().iter().filter(|job| job.split == split).map(|job| self.printable(job).len()).sum()
        };
        match split {
            Split::Train | Split::Validation | Split::Screening => layers(split),
            Split::Test => {
                let durations: f64 = self.scenario.defects.iter().map(|d| self.mean_duration(d)).sum();
                2 * (self.scenario.jobs.test as f64 * durations).round() as usize
            }
            Split::History if self.scenario.history => {
                layers(Split::Test).saturating_sub(self.images(Split::Test) / 2)
            }
            Split::History => 0,
        }
    }

    /// About how many bytes the dataset takes on disk, in all its formats.
    pub fn estimated_bytes(&self) -> u64 {
        let pixels = (self.frame.size_px * self.frame.size_px) as f64;
        // Of a level's bits, noise and texture fill the lower ones, and a filter finds the upper four in the neighbours.
        let image = pixels * f64::from(self.scenario.camera.depth.bits() - 4) / 8.0;
        let anomalous = self.images(Split::Test) as f64 / 2.0;
        let single = [Split::Train, Split::Validation, Split::History, Split::Screening];
        let volume = Volume {
            healthy: single.into_iter().map(|split| self.images(split)).sum::<usize>() as f64 + anomalous,
            anomalous,
            image,
            nominal: 0.1 * pixels,
            mask: 0.05 * pixels,
            change: 0.3 * image,
            temperature: self.scenario.temperature().map(|temperature| temperature.pixel_bytes() * pixels),
        };
        let parts = self.parts().filter_map(|part| std::fs::metadata(&part.file).ok());
        let parts: u64 = parts.map(|file| file.len()).sum();
        parts + (volume.bytes() + formats::bytes(self.scenario.formats(), &volume)) as u64
    }

    /// The camera.
    pub fn camera(&self) -> &Camera {
        &self.scenario.camera
    }

    pub(crate) fn thermal(&self) -> &Thermal {
        &self.scenario.thermal
    }

    pub(crate) fn surfaces(&self) -> [&Surface; 2] {
        [&self.scenario.bed, &self.scenario.print]
    }

    pub(crate) fn anomalies(&self) -> &[Anomaly] {
        &self.scenario.defects
    }

    pub(crate) fn disturbances(&self) -> &[Disturbance] {
        &self.scenario.faults
    }

    pub(crate) fn afterglow(&self) -> Afterglow {
        self.scenario.afterglow
    }

    /// Where the copies lie in one job, in the order of the scenario.
    pub(crate) fn lay_out(&self, job: &Job) -> Vec<Placement> {
        let places = self.plates.get(job.plate).bed.lay_out(&mut job.stream.child("pose")).into_iter();
        places.map(|p| Placement { rotation_deg: p.rotation_deg, at_mm: p.centre_mm }).collect()
    }

    /// The nominal slice: printed share of each pixel in layer `index` of a job.
    pub(crate) fn mask(&self, job: &Job, index: usize, placements: &[Placement]) -> Field {
        let slices: Vec<(&Slice, Placement)> = (self.plates.get(job.plate).copies.iter().zip(placements))
            .filter_map(|(&model, placement)| Some((self.models[model].slices.get(index)?, *placement)))
            .collect();
        raster::coverage(&slices, &self.frame)
    }

    /// The layers in which episode number `window` of a job may lie.
    pub(crate) fn window(&self, job: &Job, window: usize) -> &[usize] {
        cut(self.printable(job), window, self.scenario.defects.len())
    }

    /// The layers of a screening job in which defect or fault number `window` may act: all but the
    /// first, so that there is always an image before.
    pub(crate) fn recorded_window(&self, job: &Job, window: usize) -> &[usize] {
        let windows = self.scenario.defects.len() + self.scenario.faults.len();
        cut(self.printable(job).get(1..).unwrap_or_default(), window, windows)
    }

    /// Printed layers of the test job that has fewest.
    fn fewest_layers(&self) -> usize {
        self.plates.of(Side::Test).map(|plate| plate.printable.len()).min().unwrap_or(0)
    }

    /// The shortest window.
    fn window_len(&self) -> usize {
        self.fewest_layers() / self.scenario.defects.len().max(1)
    }

    fn mean_duration(&self, anomaly: &Anomaly) -> f64 {
        let mut stream = Stream::root(0).child("mean duration");
        let longest = self.window_len() as f64;
        let mut draw = || anomaly.layers.distribution.draw(&mut stream).round().clamp(1.0, longest.max(1.0));
        (0..256).map(|_| draw()).sum::<f64>() / 256.0
    }

    fn check_layers(&self) -> Result<()> {
        let scenario = &self.scenario;
        if self.plates.all().iter().any(|plate| plate.printable.is_empty()) {
            return Err(scenario
                .layers_place
                .error("no layer prints as much as one pixel")
                .with_help("lower `height_mm`, raise `max` or raise [camera] image_px"));
        }
        if scenario.jobs.test == 0 {
            return Ok(());
        }
        let printable = self.fewest_layers();
        for anomaly in &scenario.defects {
            let longest = anomaly.layers.max().round();
            // A normal distribution has no longest episode; it is cut to the window.
            if longest.is_finite() && longest > self.window_len() as f64 {
                let count = scenario.defects.len();
                return Err(anomaly
                    .place
                    .error(format!(
                        "an episode of {longest} layers does not fit: {printable} printed layers for {count} \
                         {} leave {} each",
                        if count == 1 { "defect" } else { "defects" },
                        self.window_len()
                    ))
                    .with_help("shorten `layers`, lower [layers] height_mm or raise [layers] max"));
            }
        }
        Ok(())
    }

    /// Every defect and every fault needs a window of its own in a screening job.
    fn check_recorded_layers(&self) -> Result<()> {
        let scenario = &self.scenario;
        if scenario.jobs.screening == 0 {
            return Ok(());
        }
        let windows = scenario.defects.len() + scenario.faults.len();
        let printable = self.fewest_layers();
        let shortest = printable.saturating_sub(1) / windows.max(1);
        let events = (scenario.defects.iter().map(|d| (&d.layers, &d.place)))
            .chain(scenario.faults.iter().map(|f| (&f.layers, &f.place)));
        for (layers, place) in events {
            let longest = layers.max().round();
            if shortest == 0 || (longest.is_finite() && longest > shortest as f64) {
                return Err(place
                    .error(format!(
                        "an episode of {longest} layers does not fit: in a screening job {windows} defects and \
                         faults share {printable} printed layers, {shortest} each"
                    ))
                    .with_help("shorten `layers`, lower [layers] height_mm or raise [layers] max"));
            }
        }
        Ok(())
    }

    fn compute_fingerprint(&self) -> String {
        let mut said = format!(
            "{} {}\nseed {}\n{}\n",
            env!("CARGO_PKG_VERSION"),
            crate::dataset::FORMAT,
            self.scenario.seed,
            self.scenario.canonical
        );
        for (part, model) in self.scenario.parts.iter().zip(&self.models) {
            let PartSummary { hash, unit, copies, .. } = &model.summary;
            said += &format!("{hash} {} {copies} {:?}\n", unit.name(), part.pose);
            if part.usage != Usage::Any {
                said += &format!("{:?}\n", part.usage);
            }
        }
        blake3::hash(said.as_bytes()).to_hex().to_string()
    }
}

/// Share number `index` of `parts` nearly equal ones of `layers`.
fn cut(layers: &[usize], index: usize, parts: usize) -> &[usize] {
    let parts = parts.max(1);
    &layers[index * layers.len() / parts..(index + 1) * layers.len() / parts]
}

fn read(part: &Part) -> Result<Mesh> {
    if !part.file.exists() {
        return Err(part
            .file_place
            .error(format!("there is no part file {}", part.file.display()))
            .with_help("`file` is relative to the scenario's folder"));
    }
    Mesh::read(&part.file, part.unit).map_err(|e| part.file_place.error(e))
}

fn model(part: &Part, mesh: &Mesh, heights_mm: &[f64]) -> Model {
    let bounds = mesh.bounds();
    let size_mm = bounds.size();
    let inside = heights_mm.iter().filter(|&&z| z < size_mm[2]);
    let heights_mm: Vec<f64> = inside.map(|z| z + bounds.min[2]).collect();
    let slices = mesh::slice(mesh, &heights_mm);
    let summary = PartSummary {
        file: part.file.clone(),
        unit: part.unit,
        copies: part.copies,
        usage: part.usage,
        size_mm,
        hash: mesh.hash().to_owned(),
        certificate: Certificate::of(mesh, &slices),
    };
    Model { summary, slices }
}
