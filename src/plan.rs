//! A scenario, resolved: everything that the stages need, checked before any of them runs.

mod claims;
mod detectors;
mod gates;
mod photographs;
mod references;
mod shifts;

use std::path::{Path, PathBuf};

use generators::dataset::Split;
use generators::mesh::Unit;
use generators::params::{Key, ScenarioError, Table};
use generators::registry;
use generators::scenario::{Production, Scenario};

use crate::data::photographs::Folders;
use crate::detectors::Detector;
use crate::report::measures::{self, Subjects};
use crate::report::record::{Claim, Gate, References};
use crate::representations::projections::{self, Projection};
use crate::separators::{self, Separator};
use crate::thresholds::{self, Threshold};
use crate::typing::Typing;
pub use shifts::{Shift, Varied};

/// What the command line sets beside the scenario.
#[derive(Clone, Debug, Default)]
pub struct Overrides {
    /// Another part in the place of the scenario's first.
    pub part: Option<PathBuf>,
    /// The unit of that part, or of the scenario's first.
    pub unit: Option<Unit>,
    /// Another seed.
    pub seed: Option<u64>,
}

/// A scenario, resolved.
pub struct Plan {
    /// The scenario's text, as it was read.
    pub text: String,
    /// How data are made: the parts are read, sliced and laid out.
    pub production: Production,
    /// The detectors, in the scenario's order.
    pub detectors: Vec<Named<dyn Detector>>,
    /// How scores and features are split into healthy and anomalous.
    pub separation: Separation,
    /// How a score is turned into a verdict on a single image, in the scenario's order; never empty.
    pub thresholds: Vec<Named<dyn Threshold>>,
    /// How many types of defects are looked for without labels, where it asks for that.
    pub typing: Option<Typing>,
    /// How often everything is done over.
    pub evidence: Evidence,
    /// What it demands of the measures of its run.
    pub gates: Vec<Gate>,
    /// What somebody concluded, to be tested on its run.
    pub claims: Vec<Claim>,
    /// What a paper reports of the same.
    pub references: References,
    /// Photographs of the real process, where there are any.
    pub photographs: Option<Folders>,
    /// Test jobs of a process that varies otherwise than in training, or of other parts, in the scenario's order.
    pub shifts: Vec<Shift>,
}

/// How often a run does the same with other random numbers, so that its figures are means that know how sure they are.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Evidence {
    /// Trainings of every detector, at least 1.
    pub trainings: usize,
    /// Separations of what each training said, at least 1: other jobs that judge, other separators' random numbers.
    pub separations: usize,
}

/// One entry of a list of detectors, projections or separators.
pub struct Named<T: ?Sized> {
    /// How the report calls it: the entry's `name`, or its kind.
    pub name: String,
    /// Its kind.
    pub kind: &'static str,
    /// Its settings as the scenario states them, for the report.
    pub settings: Vec<String>,
    /// Itself.
    pub item: Box<T>,
    /// Where the scenario names it.
    place: Key,
}

/// How scores and features are split, and how the split is judged (Zeiser et al. 2023, section 5.2).
pub struct Separation {
    /// The separators, in the scenario's order.
    pub separators: Vec<Named<dyn Separator>>,
    /// What feature vectors are projected by, beside being separated as they are; in the scenario's order.
    pub projections: Vec<Named<dyn Projection>>,
    /// Share of the test jobs on which separators are fitted; the others judge.
    pub fit_share: f64,
    /// Healthy images on which separators are fitted, and as many defective ones, evenly of every defect; all where absent.
    pub fit: Option<usize>,
    /// Healthy images that judge, and as many defective ones, evenly of every defect; all where absent.
    pub judge: Option<usize>,
    /// The pair that the scenario names before it has seen any result.
    pub named: Option<NamedPair>,
}

/// The representation and separator that a scenario stands by, and what it expects of them.
#[derive(Clone, Debug, PartialEq)]
pub struct NamedPair {
    /// `detector component`, as in `vae A_R` or `f-anogan D_f pca`.
    pub representation: String,
    /// Name of the separator.
    pub separator: String,
    /// Least balanced accuracy that is called a success.
    pub least_balanced_accuracy: f64,
}

/// Why no plan could be made of a scenario.
#[derive(Debug, thiserror::Error)]
pub enum PlanError {
    /// The file cannot be read.
    #[error("{}: cannot read the scenario: {source}", path.display())]
    Unreadable {
        /// Which file.
        path: PathBuf,
        /// What the system said.
        source: std::io::Error,
    },
    /// The part of the command line is not there.
    #[error("{}: there is no such part; --part is relative to the working folder", path.display())]
    NoPart {
        /// Which file.
        path: PathBuf,
    },
    /// The scenario holds a mistake.
    #[error(transparent)]
    Scenario(#[from] Box<ScenarioError>),
}

impl Plan {
    /// What the generator half of the scenario says.
    pub fn scenario(&self) -> &Scenario {
        self.production.scenario()
    }

    /// What it was read from, the scenario at `path` among it.
    pub fn inputs<'a>(&'a self, path: &'a Path) -> Vec<&'a Path> {
        let photographs = self
            .photographs
            .iter()
            .flat_map(|of| [Some(&of.healthy), Some(&of.anomalous), of.masks.as_ref()].into_iter().flatten());
        let varied = self.shifts.iter().flat_map(|shift| &shift.points).map(|varied| &varied.production);
        let parts = std::iter::once(&self.production).chain(varied).flat_map(Production::parts);
        let parts = parts.map(|part| &part.file);
        std::iter::once(path).chain(parts.chain(photographs).map(PathBuf::as_path)).collect()
    }

    /// Reads and resolves the scenario at `path`.
    ///
    /// # Errors
    /// Where the file cannot be read or holds a mistake; both are the user's to mend.
    pub fn read(path: &Path, overrides: &Overrides) -> Result<Self, PlanError> {
        let text = std::fs::read_to_string(path)
            .map_err(|source| PlanError::Unreadable { path: path.to_owned(), source })?;
        if let Some(part) = overrides.part.as_ref().filter(|part| !part.is_file()) {
            return Err(PlanError::NoPart { path: part.clone() });
        }
        let folder = path.parent().unwrap_or(Path::new(""));
        Ok(Self::resolve(&path.to_string_lossy(), folder, text, overrides)?)
    }

    /// Refuses a scenario whose data can be made, but with which nothing can be judged as it says: one with a threshold that the
    /// healthy images of its validation jobs are too few for.
    ///
    /// # Errors
    /// Where the threshold stands.
    pub fn judges(&self) -> Result<(), PlanError> {
        let healthy = self.production.images(Split::Validation);
        // What can be found from one image may be left out of the report where there is none.
        let needed = |threshold: &&Named<dyn Threshold>| threshold.item.fewest_healthy() > healthy.max(1);
        let Some(threshold) = self.thresholds.iter().find(needed).filter(|_| !self.detectors.is_empty())
        else {
            return Ok(());
        };
        let (name, needed) = (&threshold.name, threshold.item.fewest_healthy());
        let error = format!(
            "`{name}` needs at least {needed} healthy images, and the validation jobs have {healthy}"
        );
        Err(threshold
            .place
            .error(error)
            .with_help("raise `validation_jobs`, or ask less of the threshold")
            .into())
    }

    fn resolve(
        file: &str,
        folder: &Path,
        text: String,
        overrides: &Overrides,
    ) -> Result<Self, Box<ScenarioError>> {
        let mut table = Table::parse(file, &text)?;
        let original = table.clone();
        let mut scenario = Scenario::read(&mut table, folder)?;
        scenario.trains()?;
        let detectors = detectors::read(&mut table)?;
        let separation = separation(&mut table, &detectors)?;
        let evidence = evidence(&mut table)?;
        let stated = named_list(&mut table, "threshold", thresholds::KINDS)?;
        let thresholds = if stated.is_empty() { default_thresholds()? } else { stated };
        let typing = table.table_if_stated("typing")?.map(Typing::read).transpose()?;
        if !detectors.is_empty() || typing.is_some() {
            scenario.tests()?;
        }
        let photographs = photographs::read(&mut table, folder)?;
        let shifts = shifts::read(&mut table)?;
        let scores = detectors.iter().map(|d| measures::Scores {
            detector: &d.name,
            names: d.item.outputs().components,
            in_shifts: d.item.most_images().is_none(),
        });
        let scores: Vec<measures::Scores<'_>> = scores.collect();
        let subjects = Subjects {
            detectors: &scores,
            representations: &representations(&detectors, &separation.projections, honest),
            separators: &separation.separators.iter().map(|s| &*s.name).collect::<Vec<_>>(),
            defects: &scenario.defects().map(|(name, _)| name).collect::<Vec<_>>(),
            thresholds: &thresholds.iter().map(|t| &*t.name).collect::<Vec<_>>(),
            shifted: &shifts.iter().flat_map(shifts::Stated::names).collect::<Vec<_>>(),
            typing: typing.is_some(),
        };
        let gates = gates::read(&mut table, &subjects)?;
        let claims = claims::read(&mut table, &subjects)?;
        let references = references::read(
            &mut table,
            &detectors.iter().map(|d| &*d.name).collect::<Vec<_>>(),
            &representations(&detectors, &separation.projections, |_| true)
                .iter()
                .map(String::as_str)
                .collect::<Vec<_>>(),
            &separation.separators.iter().map(|s| &*s.name).collect::<Vec<_>>(),
        )?;
        table.finish()?;
        scenario.seed = overrides.seed.unwrap_or(scenario.seed);
        scenario.replace_part(overrides.part.as_deref(), overrides.unit);
        let production = scenario.resolve()?;
        detectors.iter().try_for_each(|detector| suits(detector, &production, photographs.is_some()))?;
        let resolve = |shift: shifts::Stated| shift.resolve(&original, folder, overrides, &production);
        let shifts = shifts.into_iter().map(resolve).collect::<Result<_, Box<ScenarioError>>>()?;
        Ok(Self {
            text,
            production,
            detectors,
            separation,
            thresholds,
            typing,
            evidence,
            gates,
            claims,
            references,
            photographs,
            shifts,
        })
    }
}

#[cfg(test)]
impl Separation {
    /// That of a scenario which says `text` of detectors and separators.
    pub(crate) fn stated(text: &str) -> Self {
        let mut table = Table::parse("test", text).unwrap();
        let detectors = detectors::read(&mut table).unwrap();
        separation(&mut table, &detectors).unwrap()
    }
}

fn separation(
    table: &mut Table,
    detectors: &[Named<dyn Detector>],
) -> Result<Separation, Box<ScenarioError>> {
    let projections = named_list(table, "projection", projections::KINDS)?;
    let separators = named_list(table, "separator", separators::KINDS)?;
    let mut table = table.table("separation")?;
    let fit_share = table.number("fit_share", Some(0.6), 0.1..=0.9)?;
    let mut images = |key| table.count_if_stated(key, 1..=1_000_000);
    let (fit, judge) = (images("fit")?, images("judge")?);
    let known = representations(detectors, &projections, honest);
    let named =
        table.table_if_stated("named")?.map(|named| named_pair(named, known, &separators)).transpose()?;
    table.finish()?;
    Ok(Separation { separators, projections, fit_share, fit, judge, named })
}

fn evidence(table: &mut Table) -> Result<Evidence, Box<ScenarioError>> {
    let mut table = table.table("evidence")?;
    let trainings = table.count("trainings", Some(1), 1..=100)?;
    let separations = table.count("separations", Some(1), 1..=1000)?;
    table.finish()?;
    Ok(Evidence { trainings, separations })
}

fn named_pair(
    mut table: Table,
    representations: Vec<String>,
    separators: &[Named<dyn Separator>],
) -> Result<NamedPair, Box<ScenarioError>> {
    let known: Vec<&str> = representations.iter().map(String::as_str).collect();
    let representation = representations[table.choice("representation", None, &known)?].clone();
    let known: Vec<&str> = separators.iter().map(|s| s.name.as_str()).collect();
    let separator = known[table.choice("separator", None, &known)?].to_owned();
    let least_balanced_accuracy = table.number("balanced_accuracy", Some(0.85), 0.0..=1.0)?;
    table.finish()?;
    Ok(NamedPair { representation, separator, least_balanced_accuracy })
}

/// Refuses a detector that does not suit the images of the dataset, or the photographs where there are any.
fn suits(
    detector: &Named<dyn Detector>,
    production: &Production,
    photographs: bool,
) -> Result<(), Box<ScenarioError>> {
    let place = &detector.place;
    detector.item.suits(production.frame().size_px).map_err(|e| place.error(e))?;
    let context = detector.item.context();
    if photographs && context.channels() > 0 {
        let error = format!("`{}` knows the drawing, and photographs come without", detector.name);
        return Err(place.error(error).with_help("take it or [photographs] out"));
    }
    let layers = context.layers;
    if layers > 0 && !production.keeps_history() {
        let error = format!("`{}` looks back at {layers} layers, and the dataset keeps none", detector.name);
        return Err(place.error(error).with_help("write history = true in [dataset]"));
    }
    Ok(())
}

/// Whether no label has a part in it.
fn honest(projection: &Named<dyn Projection>) -> bool {
    !projection.item.components().sees_labels()
}

/// Names of everything that the separators will be given: each score, each feature vector as it is and through every projection that
/// is `wanted`.
fn representations(
    detectors: &[Named<dyn Detector>],
    projections: &[Named<dyn Projection>],
    wanted: fn(&Named<dyn Projection>) -> bool,
) -> Vec<String> {
    let wanted = projections.iter().filter(|p| wanted(p));
    let projected: Vec<String> = wanted.map(|p| format!(" {}", p.name)).collect();
    let of = |detector: &Named<dyn Detector>| {
        let outputs = detector.item.outputs();
        let scores = outputs.components.iter().map(|c| format!("{} {c}", detector.name));
        let features = outputs.features.iter().flat_map(|f| {
            let raw = format!("{} {f}", detector.name);
            let projected: Vec<String> = projected.iter().map(|p| format!("{raw}{p}")).collect();
            std::iter::once(raw).chain(projected)
        });
        scores.chain(features).collect::<Vec<_>>()
    };
    detectors.iter().flat_map(of).collect()
}

/// What holds where a scenario has no `[[threshold]]`: a false alarm in a hundred healthy images.
pub(crate) fn default_thresholds() -> Result<Vec<Named<dyn Threshold>>, Box<ScenarioError>> {
    const DEFAULT: &str = "[[threshold]]\nkind = \"quantile\"\nfalse_alarms = 0.01\n";
    named_list(&mut Table::parse("the default threshold", DEFAULT)?, "threshold", thresholds::KINDS)
}

/// The entries of `[[key]]`, each with a name of its own.
fn named_list<T: ?Sized>(
    table: &mut Table,
    key: &'static str,
    kinds: &[registry::Kind<T>],
) -> Result<Vec<Named<T>>, Box<ScenarioError>> {
    named_list_of(table, key, |entry, _| registry::build(kinds, entry))
}

/// Refuses what cannot be a folder's name, as a detector's is.
fn check_name(name: &str) -> Result<(), &'static str> {
    const LONGEST: usize = 64;
    if !name.chars().all(|c| c.is_ascii_alphanumeric() || "-_.".contains(c)) {
        Err("may hold letters, digits, `-`, `_` and `.` only")
    } else if !name.contains(|c: char| c.is_ascii_alphanumeric()) {
        Err("needs a letter or a digit")
    } else if name.len() > LONGEST {
        Err("may be of 64 characters at most")
    } else {
        Ok(())
    }
}

/// As [`named_list`], where `build` makes an entry from its table and the entries before it.
fn named_list_of<T: ?Sized>(
    table: &mut Table,
    key: &'static str,
    build: impl Fn(Table, &[Named<T>]) -> Result<(&'static str, Box<T>), Box<ScenarioError>>,
) -> Result<Vec<Named<T>>, Box<ScenarioError>> {
    let mut list: Vec<Named<T>> = Vec::new();
    for mut entry in table.tables(key)? {
        let stated = entry.string_if_stated("name")?;
        let place = entry.place_of("name").clone();
        let settings = entry.settings();
        let (kind, item) = build(entry, &list)?;
        let name = stated.unwrap_or_else(|| kind.to_owned());
        check_name(&name).map_err(|rule| place.error(format!("`name` is `{name}` but {rule}")))?;
        // Some file systems take `VAE` and `vae` for one folder.
        if list.iter().any(|other| other.name.eq_ignore_ascii_case(&name)) {
            return Err(place
                .error(format!("two entries of [[{key}]] are called `{name}`"))
                .with_help("give one a `name` of its own"));
        }
        list.push(Named { name, kind, settings, item, place });
    }
    Ok(list)
}
