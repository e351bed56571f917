//! The part of a scenario that makes data, resolved into a plan.
//!
//! [`Scenario::read`] checks what the file says; [`Scenario::resolve`] reads the parts and checks
//! that everything fits together. What comes out, a [`Production`], needs no further questions.

mod advice;
mod disturbance;
mod plate;
mod production;
mod variation;

use std::path::{Path, PathBuf};

pub(crate) use disturbance::Disturbance;
pub use plate::Usage;
pub use production::{Job, PartSummary, Production};
pub use variation::Variation;

use crate::bed::{BedSize, Pose};
use crate::camera::Camera;
use crate::dataset::Temperature;
use crate::dataset::formats::{self, Formats};
use crate::defects::{self, Defect, Evolution};
use crate::layer::{CELSIUS, Frame};
use crate::mesh::Unit;
use crate::params::{Draws, Key, Param, ScenarioError, Table, Variability, Widened};
use crate::registry::{self, Kind};
use crate::textures::{self, Brush, Texture};
use crate::thermal::Thermal;
use plate::Sharing;

type Result<T> = std::result::Result<T, Box<ScenarioError>>;

/// Lengths in mm: greater than 0.
const LENGTH_MM: std::ops::RangeInclusive<f64> = f64::MIN_POSITIVE..=f64::INFINITY;
/// No more jobs than this in one split.
const MOST_JOBS: usize = 99_999;

/// The widest that ranges are made, as a multiple of what is stated.
pub const MOST_VARIABILITY: f64 = 1000.0;

/// What the tables `camera`, `bed`, `print`, `layers`, `part`, `thermal`, `dataset`, `defect` and
/// `fault` of a scenario say.
pub struct Scenario {
    /// What the run is called, safe as a file name.
    pub name: String,
    /// The seed of every random number.
    pub seed: u64,
    camera: Camera,
    bed_size: BedSize,
    sharing: Sharing,
    bed: Surface,
    print: Surface,
    layers: Layers,
    thermal: Thermal,
    parts: Vec<Part>,
    jobs: Jobs,
    afterglow: Afterglow,
    history: bool,
    temperature: Option<Temperature>,
    formats: Formats,
    defects: Vec<Anomaly>,
    faults: Vec<Disturbance>,
    /// Everything that decides the data but the seed and the parts, without layout.
    canonical: String,
    /// The same, to be written again.
    tables: toml::Table,
    /// How wide its ranges are, as a multiple of what it states.
    variability: f64,
    /// The ranges that are not as wide as stated.
    widened: Vec<Widened>,
    bed_place: Key,
    layers_place: Key,
    image_place: Key,
    training_place: Key,
    test_place: Key,
}

/// How warm a surface is and how that varies from place to place.
pub(crate) struct Surface {
    temperature_c: Param,
    texture: Box<dyn Texture>,
}

impl Surface {
    /// What paints the temperatures of one layer in degrees Celsius over the whole frame.
    pub(crate) fn brush(&self, frame: &Frame, layer: usize, draws: &mut Draws) -> Brush {
        let mean_c = draws.draw("temperature_c", &self.temperature_c) as f32;
        let mut texture = draws.scoped("texture", |draws| self.texture.brush(frame, layer, draws));
        Box::new(move |row, values| {
            texture(row, values);
            values.iter_mut().for_each(|value| *value += mean_c);
        })
    }
}

/// Which of the part's layers are printed and imaged.
#[derive(Clone, Copy, Debug)]
struct Layers {
    height_mm: f64,
    max: usize,
}

/// One entry of `[[part]]`.
#[derive(Clone, Debug)]
struct Part {
    file: PathBuf,
    unit: Unit,
    copies: usize,
    pose: Pose,
    usage: Usage,
    /// Its table as the scenario states it.
    stated: toml::Table,
    file_place: Key,
}

/// How many jobs each part of the benchmark consists of.
#[derive(Clone, Copy, Debug)]
struct Jobs {
    training: usize,
    validation: usize,
    test: usize,
    screening: usize,
}

/// What becomes of layers that show only what a defect in earlier layers left behind.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Afterglow {
    /// They are not imaged.
    Exclude,
    /// They are test images of the defect's class, with an empty footprint.
    Test,
}

/// One entry of `[[defect]]`.
pub(crate) struct Anomaly {
    /// The label, safe as a file name.
    pub(crate) name: String,
    kind: &'static str,
    /// How many layers an episode lasts.
    pub(crate) layers: Param,
    /// Least diameter in px of the disc of its footprint's area; smaller ones are drawn again.
    pub(crate) least_px: f64,
    /// What becomes of it from layer to layer.
    pub(crate) evolution: Evolution,
    pub(crate) defect: Box<dyn Defect>,
    place: Key,
}

impl Scenario {
    /// Reads the generator's tables; part files are relative to `folder`. Leaves it to the caller to
    /// read the other tables and to call [`Table::finish`].
    ///
    /// # Errors
    /// The first value that cannot be, with its place.
    pub fn read(table: &mut Table, folder: &Path) -> Result<Self> {
        Self::read_with_kinds(table, folder, textures::KINDS, defects::KINDS)
    }

    /// As [`Scenario::read`], with one's own kinds of texture and defect.
    ///
    /// # Errors
    /// The first value that cannot be, with its place.
    pub fn read_with_kinds(
        table: &mut Table,
        folder: &Path,
        textures: &[Kind<dyn Texture>],
        defects: &[Kind<dyn Defect>],
    ) -> Result<Self> {
        const DECIDE: [&str; 8] =
            ["camera", "bed", "print", "layers", "thermal", "defect", "fault", "variability"];
        let mut canonical = table.canonical(&|key| DECIDE.contains(&key));
        let mut tables = table.to_toml(&|key| DECIDE.contains(&key));
        let stem = Path::new(table.place().file()).file_stem().map(|s| s.to_string_lossy().into_owned());
        let name = table.string("name", stem.as_deref())?;
        if table.has("name") {
            check_file_name("name", &name, table.place_of("name"))?;
        }
        let seed = table.seed("seed", 0)?;
        let width = table.number("variability", Some(1.0), 0.0..=MOST_VARIABILITY)?;
        let variability = Variability::new(width);
        let mut process = |key| -> Result<Table> { Ok(table.table(key)?.varied(&variability)) };
        let camera_table = process("camera")?;
        let image_place = camera_table.place_of("image_px").clone();
        let mut bed_table = process("bed")?;
        let print_table = process("print")?;
        let thermal_table = process("thermal")?;
        let bed_size = bed_size(&mut bed_table)?;
        let sharing = [Sharing::All, Sharing::One][bed_table.choice("parts", Some(0), &["all", "one"])?];
        let bed_place = bed_table.place_of("size_mm").clone();
        let mut layers_table = table.table("layers")?;
        let layers = Layers {
            height_mm: layers_table.number("height_mm", Some(0.3), LENGTH_MM)?,
            max: layers_table.count("max", Some(usize::MAX), 1..=usize::MAX)?,
        };
        let layers_place = layers_table.place_of("height_mm").clone();
        layers_table.finish()?;
        let thermal = Thermal::read(thermal_table)?;
        let part_tables = table.tables("part")?;
        if part_tables.is_empty() {
            return Err(table
                .place()
                .error("the scenario needs a [[part]]")
                .with_help("write [[part]] with file = \"part.stl\", the path relative to the scenario"));
        }
        let fit = matches!(bed_size, BedSize::Fit { .. });
        let parts = part_tables.into_iter().map(|t| part(t, folder, fit)).collect::<Result<_>>()?;
        let anomalies = anomalies(table.tables("defect")?, defects)?;
        let disturbances = disturbance::read(table.tables("fault")?, &anomalies)?;
        let mut dataset_table = table.table("dataset")?;
        let decides = |key: &str| !formats::is_key(key);
        canonical += &format!(", dataset: {}", dataset_table.canonical(&decides));
        tables.insert("dataset".to_owned(), dataset_table.to_toml(&decides).into());
        let formats = formats::read(&mut dataset_table)?;
        let training_place = dataset_table.place_of("training_jobs").clone();
        let test_place = dataset_table.place_of("test_jobs").clone();
        let (jobs, afterglow) = jobs(&mut dataset_table, anomalies.len(), disturbances.len())?;
        let history = dataset_table.flag("history", false)?;
        let temperature = dataset_table.choice("temperature", Some(0), &Temperature::NAMES)?;
        dataset_table.finish()?;
        let camera = Camera::read(camera_table)?;
        let temperature = Temperature::named(temperature, camera.range_c);
        let bed = surface(bed_table, 35.0, textures)?;
        let print = surface(print_table, 55.0, textures)?;
        Ok(Self {
            name,
            seed,
            camera,
            bed_size,
            sharing,
            bed,
            print,
            layers,
            thermal,
            parts,
            jobs,
            afterglow,
            history,
            temperature,
            formats,
            defects: anomalies,
            faults: disturbances,
            canonical,
            tables,
            variability: width,
            widened: variability.widened(),
            bed_place,
            layers_place,
            image_place,
            training_place,
            test_place,
        })
    }

    /// Refuses a scenario without a job to learn from.
    ///
    /// # Errors
    /// Where there is no training job.
    pub fn trains(&self) -> Result<()> {
        if self.jobs.training > 0 {
            return Ok(());
        }
        Err(self
            .training_place
            .error("`training_jobs` is 0 but must be at least 1")
            .with_help("detectors learn from healthy images, and these are all of them"))
    }

    /// Refuses a scenario whose detectors would be judged on the jobs that thresholds and separators are fitted on.
    ///
    /// # Errors
    /// Where there is one test job or none.
    pub fn tests(&self) -> Result<()> {
        if self.jobs.test > 1 {
            return Ok(());
        }
        Err(self
            .test_place
            .error(format!("`test_jobs` is {} but must be at least 2 to judge anything", self.jobs.test))
            .with_help("one part of the test jobs is what separators are fitted on, the other judges them"))
    }

    /// How wide the ranges of camera, bed, print and thermal process are, as a multiple of what is stated.
    pub fn variability(&self) -> f64 {
        self.variability
    }

    /// The ranges of camera, bed, print and thermal process that are not as wide as stated, where `variability` says so.
    pub fn widened(&self) -> &[Widened] {
        &self.widened
    }

    /// Puts another file in the place of the first part's, or reads it in another unit; what is
    /// `None` stays as the scenario has it.
    pub fn replace_part(&mut self, file: Option<&Path>, unit: Option<Unit>) {
        if let Some(part) = self.parts.first_mut() {
            part.file = file.map_or_else(|| part.file.clone(), Path::to_owned);
            part.unit = unit.unwrap_or(part.unit);
        }
    }

    /// Label and kind of every defect, in the order of the scenario.
    pub fn defects(&self) -> impl Iterator<Item = (&str, &str)> {
        self.defects.iter().map(|d| (d.name.as_str(), d.kind))
    }

    /// Label and kind of every fault, in the order of the scenario.
    pub fn faults(&self) -> impl Iterator<Item = (&str, &str)> {
        self.faults.iter().map(|f| (f.name.as_str(), f.kind))
    }

    /// How the dataset's temperatures are to be written, where it has them.
    pub fn temperature(&self) -> Option<&Temperature> {
        self.temperature.as_ref()
    }

    /// The formats that the dataset is to be in beside the default one.
    pub fn formats(&self) -> &Formats {
        &self.formats
    }

    /// The camera.
    pub fn camera(&self) -> &Camera {
        &self.camera
    }
}

fn bed_size(table: &mut Table) -> Result<BedSize> {
    let side_mm = table.number_if_stated("size_mm", LENGTH_MM)?;
    let fit = table.flag("fit", side_mm.is_none())?;
    let margin = table.number("margin", Some(if side_mm.is_some() { 0.0 } else { 0.1 }), 0.0..=0.45)?;
    match (side_mm, fit) {
        (Some(_), true) => Err(table.place_of("fit").error("[bed] has both `size_mm` and `fit`; choose one")),
        (Some(side_mm), false) => Ok(BedSize::Stated { side_mm, margin }),
        (None, true) => Ok(BedSize::Fit { margin }),
        (None, false) => Err(table
            .place_of("fit")
            .error("[bed] needs `size_mm`, the side of the square that the camera sees")),
    }
}

/// `table` with what is left of it: how warm the surface is, and its texture.
fn surface(mut table: Table, default_c: f64, kinds: &[Kind<dyn Texture>]) -> Result<Surface> {
    let temperature_c = table.param("temperature_c", Param::fixed(default_c), CELSIUS)?;
    let (_, texture) = registry::build(kinds, table.table("texture")?)?;
    table.finish()?;
    Ok(Surface { temperature_c, texture })
}

fn part(mut table: Table, folder: &Path, fit: bool) -> Result<Part> {
    let stated = table.to_toml(&|_| true);
    let file = folder.join(table.string("file", None)?);
    let file_place = table.place_of("file").clone();
    let unit = Unit::ALL[table.choice("unit", Some(0), &Unit::NAMES)?];
    let copies = table.count("copies", Some(1), 1..=1000)?;
    let usage = Usage::ALL[table.choice("use", Some(0), &Usage::NAMES)?];
    let random = table.choice("pose", Some(0), &["fixed", "random"])? == 1;
    let everywhere = f64::MIN..=f64::MAX;
    let rotation_deg = table.number("rotation_deg", Some(0.0), everywhere.clone())?;
    let at = table.numbers("at_mm", Some(&[]), table.has("at_mm").then_some(2), everywhere)?;
    let at_mm = <[f64; 2]>::try_from(at).ok();
    for key in ["at_mm", "rotation_deg"] {
        if random && table.has(key) {
            return Err(table.place_of(key).error(format!("`{key}` goes with pose = \"fixed\"")));
        }
    }
    if at_mm.is_some() && copies > 1 {
        return Err(table
            .place_of("at_mm")
            .error(format!("`at_mm` is the place of one copy, and there are {copies}"))
            .with_help("write one [[part]] for each place"));
    }
    if at_mm.is_some() && fit {
        return Err(table
            .place_of("at_mm")
            .error("`at_mm` needs a bed of a stated size")
            .with_help("state [bed] size_mm"));
    }
    table.finish()?;
    let pose = if random { Pose::Random } else { Pose::Fixed { at_mm, rotation_deg } };
    Ok(Part { file, unit, copies, pose, usage, stated, file_place })
}

fn anomalies(tables: Vec<Table>, kinds: &[Kind<dyn Defect>]) -> Result<Vec<Anomaly>> {
    let mut anomalies: Vec<Anomaly> = Vec::new();
    for mut table in tables {
        let place = table.place_of("layers").clone();
        let name_place = table.place_of(if table.has("name") { "name" } else { "kind" }).clone();
        let layers = episode_layers(&mut table)?;
        let least_px = table.number("least_px", Some(0.0), 0.0..=4096.0)?;
        let evolution = table.table_if_stated("evolution")?;
        let name = table.string_if_stated("name")?;
        let (kind, defect) = registry::build(kinds, table)?;
        let name = name.unwrap_or_else(|| kind.to_owned());
        check_file_name("name", &name, &name_place)?;
        if name.eq_ignore_ascii_case("good") {
            return Err(name_place.error("a defect cannot be called `good`: so are the healthy images"));
        }
        if anomalies.iter().any(|a| a.name.eq_ignore_ascii_case(&name)) {
            return Err(name_place
                .error(format!("there are two defects called `{name}`"))
                .with_help("give one of them another `name`"));
        }
        let usual = defect.evolution();
        let evolution = match evolution {
            Some(stated) => usual.stated(stated)?,
            None => usual,
        };
        anomalies.push(Anomaly { name, kind, layers, least_px, evolution, defect, place });
    }
    Ok(anomalies)
}

/// How many layers an episode has. It is drawn once, before there is a layer that it could be another in.
fn episode_layers(table: &mut Table) -> Result<Param> {
    let layers = table.param("layers", Param::fixed(1.0), 1.0..=f64::INFINITY)?;
    if layers.is_steady() {
        return Ok(layers);
    }
    Err(table
        .place_of("layers")
        .error("`layers` is drawn once for an episode, without `per`, `jitter` or `drift`"))
}

fn jobs(table: &mut Table, defects: usize, faults: usize) -> Result<(Jobs, Afterglow)> {
    let jobs = Jobs {
        training: table.count("training_jobs", None, 0..=MOST_JOBS)?,
        validation: table.count("validation_jobs", Some(0), 0..=MOST_JOBS)?,
        test: table.count("test_jobs", Some(0), 0..=MOST_JOBS)?,
        screening: table.count("screening_jobs", Some(0), 0..=MOST_JOBS)?,
    };
    if jobs.training + jobs.validation + jobs.test + jobs.screening == 0 {
        return Err(table.place().error("[dataset] has no jobs").with_help("state `training_jobs`"));
    }
    if jobs.test > 0 && defects == 0 {
        return Err(table
            .place_of("test_jobs")
            .error(format!("`test_jobs` is {} but there is no [[defect]] to test", jobs.test)));
    }
    if jobs.screening > 0 && faults == 0 {
        return Err(table.place_of("screening_jobs").error(format!(
            "`screening_jobs` is {} but there is no [[fault]] to screen for",
            jobs.screening
        )));
    }
    let afterglow = [Afterglow::Exclude, Afterglow::Test];
    Ok((jobs, afterglow[table.choice("afterglow", Some(0), &["exclude", "test"])?]))
}

/// Refuses what no file or folder should be called.
fn check_file_name(key: &str, name: &str, place: &Key) -> Result<()> {
    let plain = |c: char| c.is_ascii_alphanumeric() || c == '-' || c == '_';
    let safe =
        name.starts_with(|c: char| c.is_ascii_alphanumeric()) && name.chars().all(plain) && name.len() <= 64;
    if safe {
        return Ok(());
    }
    Err(place
        .error(format!("`{key}` is \"{name}\" but must be safe as a file name"))
        .with_help("use at most 64 of a-z, A-Z, 0-9, `-` and `_`, a letter or digit first"))
}
