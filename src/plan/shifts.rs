//! `[[shift]]`: test jobs of a process that varies otherwise than in training, or of other parts.

use std::path::Path;

use generators::dataset::Split;
use generators::params::{Key, ScenarioError, Table};
use generators::scenario::{MOST_VARIABILITY, Production, Scenario, Variation};
use generators::stream::Stream;

use super::Overrides;
use crate::report::measures;

/// One entry of `[[shift]]`, resolved.
pub struct Shift {
    /// How the report calls it.
    pub name: String,
    /// Whether it has parts of its own.
    pub other_parts: bool,
    /// Its test sets, from the narrowest.
    pub points: Vec<Varied>,
}

/// The test jobs of a shift at one width.
pub struct Varied {
    /// The width of every drawn range, as a multiple of that in training.
    pub width: f64,
    /// The folder of its run inside that of all shifts.
    pub folder: String,
    /// How its data are made.
    pub production: Production,
}

/// One entry of `[[shift]]`, as the scenario states it.
pub(super) struct Stated {
    name: String,
    widths: Vec<f64>,
    parts: Option<Table>,
    test_jobs: Option<u32>,
    place: Key,
    widths_place: Key,
}

/// Reads the shifts.
///
/// ```toml
/// [[shift]]
/// name = "wider"
/// widths = [0.5, 1.0, 2.0]           # of every drawn range of camera, bed, print and thermal process about its middle; [1.0]
/// test_jobs = 8                      # as many as in [dataset] unless stated
/// [[shift.part]]                     # the scenario's parts unless stated
/// file = "parts/lattice.stl"
/// ```
///
/// # Errors
/// Two of one name; one that is no shift at all.
pub(super) fn read(table: &mut Table) -> Result<Vec<Stated>, Box<ScenarioError>> {
    let mut shifts: Vec<Stated> = Vec::new();
    for mut entry in table.tables("shift")? {
        let name = entry.string("name", None)?;
        let (name_place, widths_place) = (entry.place_of("name").clone(), entry.place_of("widths").clone());
        if folder(&name).is_empty() {
            return Err(name_place.error("a shift needs a `name` with a letter or a digit in it"));
        }
        if let Some(other) = shifts.iter().find(|other| folder(&other.name) == folder(&name)) {
            return Err(name_place
                .error(format!("the shifts `{}` and `{name}` have the same name", other.name))
                .with_help("give one a `name` of its own; letters and digits count"));
        }
        let own_parts = !entry.tables("part")?.is_empty();
        if !own_parts && !entry.has("widths") {
            return Err(entry
                .place()
                .error(format!("the shift `{name}` needs `widths` or a [[shift.part]]")));
        }
        let mut widths = entry.numbers("widths", Some(&[1.0]), None, 0.0..=1000.0)?;
        widths.sort_by(f64::total_cmp);
        if widths.is_empty() || widths.windows(2).any(|pair| pair[0] == pair[1]) {
            return Err(widths_place.error("`widths` needs at least one width, and each but once"));
        }
        let test_jobs = entry.count_if_stated("test_jobs", 1..=99_999)?.map(|jobs| jobs as u32);
        let place = entry.place().clone();
        shifts.push(Stated {
            name,
            widths,
            parts: own_parts.then(|| entry.clone()),
            test_jobs,
            place,
            widths_place,
        });
        entry.finish()?;
    }
    Ok(shifts)
}

impl Stated {
    /// What gates call it at each of its widths.
    pub(super) fn names(&self) -> impl Iterator<Item = String> {
        self.widths.iter().map(|&width| measures::at(&self.name, width))
    }

    /// Reads and lays out the parts of every width. `table` is the scenario as it was parsed, `original` what was made of it.
    ///
    /// All shifts have one seed: what is drawn differs by the width alone.
    pub(super) fn resolve(
        self,
        table: &Table,
        files: &Path,
        overrides: &Overrides,
        original: &Production,
    ) -> Result<Shift, Box<ScenarioError>> {
        let mut points = Vec::new();
        let seed = Stream::root(original.scenario().seed).child("shift").bits() >> 1;
        let variability = original.scenario().variability();
        for &width in &self.widths {
            if width * variability > MOST_VARIABILITY {
                return Err(self.widths_place.error(format!(
                    "the width {width} of a scenario with variability = {variability} comes to {}, more than {MOST_VARIABILITY}",
                    width * variability
                )));
            }
            let variation =
                Variation { seed: seed as i64, width, parts: self.parts.clone(), test_jobs: self.test_jobs };
            let mut scenario = Scenario::read(&mut variation.apply(table, original), files)?;
            if self.parts.is_none() {
                scenario.replace_part(overrides.part.as_deref(), overrides.unit);
            }
            let drawn = [&scenario, original.scenario()].iter().any(|of| !of.widened().is_empty());
            if width != 1.0 && variability == 0.0 {
                return Err(self
                    .widths_place
                    .error("no width changes anything: the scenario's `variability` is 0"));
            }
            if width != 1.0 && !drawn {
                return Err(self.widths_place.error(
                    "no width changes anything: [camera], [bed], [print] and [thermal] draw from no range",
                ));
            }
            let production = scenario.resolve()?;
            if production.images(Split::Test) == 0 {
                return Err(self
                    .place
                    .error(format!("the shift `{}` has no test jobs", self.name))
                    .with_help("state `test_jobs` here or in [dataset]"));
            }
            let folder = format!("{}/{width}", folder(&self.name));
            points.push(Varied { width, folder, production });
        }
        Ok(Shift { other_parts: self.parts.is_some(), name: self.name, points })
    }
}

/// The name as a folder's.
fn folder(name: &str) -> String {
    let words = name.split(|c: char| !c.is_ascii_alphanumeric()).filter(|word| !word.is_empty());
    words.map(str::to_ascii_lowercase).collect::<Vec<_>>().join("-")
}
