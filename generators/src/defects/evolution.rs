//! What becomes of a defect from layer to layer.

use std::f64::consts::PI;

use crate::params::{Draws, Param, ScenarioError, Table};

/// How far an episode is in one layer, and what that makes of the defect.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Phase {
    /// Layers since the episode began: 0 in its first.
    pub age_layers: usize,
    /// How many layers the episode lasts, at least 1.
    pub duration_layers: usize,
    /// Factor on the severity that was drawn, greater than 0 and at most 1.
    pub severity: f64,
    /// Factor on the size that was drawn, greater than 0 and at most 1.
    pub size: f64,
    /// How far the place has moved since the first layer, in mm.
    pub moved_mm: [f64; 2],
}

impl Phase {
    /// The layer of an episode that lasts no longer.
    pub const ONLY: Self =
        Self { age_layers: 0, duration_layers: 1, severity: 1.0, size: 1.0, moved_mm: [0.0; 2] };

    /// What `param` states of the severity, times what the phase makes of it; the ledger has the product.
    pub fn draw_severity(&self, name: &str, param: &Param, draws: &mut Draws) -> f64 {
        scaled(name, param, self.severity, draws)
    }

    /// What `param` states of the size, times what the phase makes of it; the ledger has the product.
    pub fn draw_size(&self, name: &str, param: &Param, draws: &mut Draws) -> f64 {
        scaled(name, param, self.size, draws)
    }
}

fn scaled(name: &str, param: &Param, factor: f64, draws: &mut Draws) -> f64 {
    let value = factor * draws.draw(name, param);
    draws.note(name, value);
    value
}

/// The course of a quantity over the layers of an episode, between `from` and all of it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Course {
    /// All of it in every layer.
    Constant,
    /// From `from` in the first layer to all of it in the last, by the same amount in each layer.
    Grow,
    /// The other way round.
    Fade,
    /// Up in the middle and down again: a raised cosine that is `from` one layer before the first and one after the last. All of
    /// it is reached where a layer is in the middle, that is where the number of layers is odd.
    Pulse,
    /// `from`, and all of it from the middle layer on.
    Step,
    /// From `from` in the first layer to all of it in the last, by the same factor in each layer: long
    /// too little to be seen.
    Trend,
}

impl Course {
    const ALL: [Self; 6] = [Self::Constant, Self::Grow, Self::Fade, Self::Pulse, Self::Step, Self::Trend];
    const NAMES: [&str; 6] = ["constant", "grow", "fade", "pulse", "step", "trend"];

    /// The share in the layer of that age; an episode of one layer has all of it.
    fn share(self, from: f64, age: usize, duration: usize) -> f64 {
        if duration <= 1 {
            return 1.0;
        }
        let done = age as f64 / (duration - 1) as f64;
        let between = |t: f64| from + (1.0 - from) * t;
        match self {
            Self::Constant => 1.0,
            Self::Grow => between(done),
            Self::Fade => between(1.0 - done),
            Self::Pulse => between((PI * (age + 1) as f64 / (duration + 1) as f64).sin().powi(2)),
            Self::Step => between(if 2 * (age + 1) > duration { 1.0 } else { 0.0 }),
            Self::Trend => from.powf(1.0 - done),
        }
    }
}

/// How severity, size and place of a defect change over an episode; every defect may have it.
#[derive(Clone, Debug, PartialEq)]
pub struct Evolution {
    course: Course,
    from: Param,
    size_from: Param,
    drift_mm: Param,
    drift_deg: Param,
}

impl Evolution {
    /// That course of the severity, from a tenth, at the same size and place.
    pub fn new(course: Course) -> Self {
        Self {
            course,
            from: Param::fixed(0.1),
            size_from: Param::fixed(1.0),
            drift_mm: Param::fixed(0.0),
            drift_deg: Param::uniform(0.0, 360.0),
        }
    }

    /// This one with what the table `evolution` states, which every defect may have: the `course` (`"constant"`, `"grow"`,
    /// `"fade"`, `"pulse"`, `"step"` or `"trend"`), the share of the severity and of the size that it
    /// comes `from` (`from`, `size_from`), and how far the place drifts per layer (`drift_mm`) and
    /// where to (`drift_deg`, anticlockwise from x).
    ///
    /// # Errors
    /// The first value that cannot be, with its place.
    pub fn stated(self, mut table: Table) -> Result<Self, Box<ScenarioError>> {
        let course = table.choice_if_stated("course", &Course::NAMES)?.map(|index| Course::ALL[index]);
        let share = 0.001..=1.0;
        let evolution = Self {
            course: course.unwrap_or(self.course),
            from: table.param("from", self.from, share.clone())?,
            size_from: table.param("size_from", self.size_from, share)?,
            drift_mm: table.param("drift_mm", self.drift_mm, 0.0..=10_000.0)?,
            drift_deg: table.param("drift_deg", self.drift_deg, -360.0..=360.0)?,
        };
        for key in ["from", "size_from"].into_iter().filter(|_| evolution.course == Course::Constant) {
            if table.has(key) {
                return Err(table
                    .place_of(key)
                    .error(format!("`{key}` needs a `course` other than \"constant\"")));
            }
        }
        table.finish()?;
        Ok(evolution)
    }

    /// The same in every layer.
    pub fn is_constant(&self) -> bool {
        self.course == Course::Constant && self.drift_mm.max() == 0.0
    }

    /// The phase of an episode of `duration_layers` in the layer of age `age_layers`. What was drawn for
    /// it, and what came of it, is noted unless nothing changes.
    pub fn phase(&self, age_layers: usize, duration_layers: usize, draws: &mut Draws) -> Phase {
        let same = Phase { age_layers, duration_layers, ..Phase::ONLY };
        if self.is_constant() {
            return same;
        }
        draws.scoped("evolution", |draws| {
            let mut share = |name: &str, param: &Param| {
                let from = draws.draw(name, param);
                self.course.share(from, age_layers, duration_layers)
            };
            let (severity, size) = (share("from", &self.from), share("size_from", &self.size_from));
            let moved_mm = age_layers as f64 * draws.draw("drift_mm", &self.drift_mm);
            let (sine, cosine) = draws.draw("drift_deg", &self.drift_deg).to_radians().sin_cos();
            draws.note("severity", severity);
            draws.note("size", size);
            Phase { severity, size, moved_mm: [moved_mm * cosine, moved_mm * sine], ..same }
        })
    }
}
