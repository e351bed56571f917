//! What the jobs print: which parts lie on the bed together, and which jobs may have them.

use super::production::Model;
use super::{Result, Scenario};
use crate::bed::{Bed, Item};
use crate::dataset::Split;
use crate::layer::Frame;
use crate::stream::Stream;

/// In which jobs a part is printed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Usage {
    /// In all.
    Any,
    /// In training and validation jobs only.
    Training,
    /// In test and screening jobs only: no detector has seen it.
    Test,
}

impl Usage {
    /// Every one, in the order of their names.
    pub(super) const ALL: [Self; 3] = [Self::Any, Self::Training, Self::Test];
    /// What a scenario calls them.
    pub(super) const NAMES: [&str; 3] = ["any", "training", "test"];

    /// Whether a job of `side` may print the part.
    fn allows(self, side: Side) -> bool {
        match self {
            Self::Any => true,
            Self::Training => side == Side::Training,
            Self::Test => side == Side::Test,
        }
    }
}

/// How the parts of a scenario share its jobs.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Sharing {
    /// Each job prints all parts that it may.
    All,
    /// Each job prints one of them, drawn.
    One,
}

/// The two sides that a benchmark keeps apart.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Side {
    Training,
    Test,
}

impl Side {
    pub(super) fn of(split: Split) -> Self {
        match split {
            Split::Train | Split::Validation => Self::Training,
            Split::Test | Split::History | Split::Screening => Self::Test,
        }
    }
}

/// What lies on the bed of one job.
pub(super) struct Plate {
    /// Which entry of `[[part]]` each item of the bed is a copy of.
    pub(super) copies: Vec<usize>,
    pub(super) bed: Bed,
    /// The layers that print at least a pixel's worth.
    pub(super) printable: Vec<usize>,
}

/// The plates that the jobs draw from.
pub(super) struct Plates {
    all: Vec<Plate>,
    /// Plates of each [`Side`]; never empty where there is a job of it.
    choices: Choices,
}

impl Plates {
    /// Lays every plate out on one bed; its frame beside it.
    pub(super) fn lay_out(scenario: &Scenario, models: &[Model], layers: usize) -> Result<(Self, Frame)> {
        let (parts_of, choices) = scenario.choose()?;
        let copies: Vec<Vec<usize>> = parts_of
            .iter()
            .map(|parts| parts.iter().flat_map(|&part| vec![part; scenario.parts[part].copies]).collect())
            .collect();
        let item = |&part: &usize| {
            let [width, depth, _] = models[part].summary.size_mm;
            Item { size_mm: [width, depth], pose: scenario.parts[part].pose }
        };
        let loads: Vec<Vec<Item>> = copies.iter().map(|copies| copies.iter().map(item).collect()).collect();
        let room = scenario.bed_size.room(&loads);
        let size_px = scenario.camera.image_px;
        let frame = Frame { size_px, px_per_mm: size_px as f64 / room.side_mm };
        let sizes_mm: Vec<[f64; 3]> = models.iter().map(|m| m.summary.size_mm).collect();
        let mut all = Vec::new();
        for (copies, items) in copies.into_iter().zip(loads) {
            let bed = Bed::plan(&items, room).map_err(|e| scenario.layout_error(e, &copies, &sizes_mm))?;
            let px = |layer: usize| copies.iter().map(|&part| models[part].printed_px(layer, &frame)).sum();
            let printable = (0..layers).filter(|&layer| f64::ge(&px(layer), &1.0)).collect();
            all.push(Plate { copies, bed, printable });
        }
        scenario.check_part_px(&sizes_mm, &frame)?;
        Ok((Self { all, choices }, frame))
    }

    /// The plate of the job whose stream is `job`; more jobs or other plates of the other side do not change it.
    pub(super) fn draw(&self, side: Side, job: &Stream) -> usize {
        let choices = &self.choices[side as usize];
        choices.get(job.child("part").below(choices.len().max(1))).copied().unwrap_or(0)
    }

    pub(super) fn get(&self, plate: usize) -> &Plate {
        &self.all[plate]
    }

    /// The plates that some job may have.
    pub(super) fn all(&self) -> &[Plate] {
        &self.all
    }

    /// The plates of one side.
    pub(super) fn of(&self, side: Side) -> impl Iterator<Item = &Plate> {
        self.choices[side as usize].iter().map(|&plate| &self.all[plate])
    }
}

/// The plates of each side.
type Choices = [Vec<usize>; 2];

impl Scenario {
    /// The parts of each plate, and the plates of each side.
    fn choose(&self) -> Result<(Vec<Vec<usize>>, Choices)> {
        let mut plates: Vec<Vec<usize>> = Vec::new();
        let mut choices = [Vec::new(), Vec::new()];
        let jobs = [
            (Side::Training, "training", self.jobs.training + self.jobs.validation),
            (Side::Test, "test", self.jobs.test + self.jobs.screening),
        ];
        for (side, name, jobs) in jobs.into_iter().filter(|&(_, _, jobs)| jobs > 0) {
            let allowed: Vec<usize> =
                (0..self.parts.len()).filter(|&part| self.parts[part].usage.allows(side)).collect();
            if allowed.is_empty() {
                let place = &self.parts[0].file_place;
                return Err(place
                    .error(format!("no [[part]] is left for the {jobs} {name} jobs"))
                    .with_help(format!("write use = \"any\" or use = \"{name}\" for one of them")));
            }
            let wanted = match self.sharing {
                Sharing::All => vec![allowed],
                Sharing::One => allowed.into_iter().map(|part| vec![part]).collect(),
            };
            for parts in wanted {
                let known = plates.iter().position(|plate| *plate == parts);
                choices[side as usize].push(known.unwrap_or(plates.len()));
                if known.is_none() {
                    plates.push(parts);
                }
            }
        }
        Ok((plates, choices))
    }
}
