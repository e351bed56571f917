//! The learning rate over a training.

use std::f64::consts::PI;

use generators::params::{ScenarioError, Table};

/// Which share of the learning rate each step takes. Moments are shares of the training, 0 to 1.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Schedule {
    /// All of it.
    Constant,
    /// Times `factor` each time another `every` of the training is over.
    Step {
        /// Share of the training between two falls.
        every: f64,
        /// What the rate is multiplied with.
        factor: f64,
    },
    /// Half a period of a cosine from 1 down to `last` (Loshchilov and Hutter 2017, equation 5, without restarts).
    Cosine {
        /// Share at the end.
        last: f64,
    },
    /// All of it up to `hold`, then straight towards 0 at the end, but never below `last`.
    Linear {
        /// When it begins to fall.
        hold: f64,
        /// Least share.
        last: f64,
    },
}

impl Schedule {
    /// From the table `schedule = { kind = "linear", hold = 0.5, last = 0.01 }`, which is what an absent one means.
    ///
    /// # Errors
    /// A wrong type or range, or an unknown key.
    pub fn read(table: &mut Table) -> Result<Self, Box<ScenarioError>> {
        let mut table = table.table("schedule")?;
        let share = |table: &mut Table, key, default| table.number(key, Some(default), 0.0..=1.0);
        let schedule = match table.choice("kind", Some(3), &["constant", "step", "cosine", "linear"])? {
            0 => Self::Constant,
            1 => Self::Step {
                every: table.number("every", Some(0.25), 1e-6..=1.0)?,
                factor: share(&mut table, "factor", 0.5)?,
            },
            2 => Self::Cosine { last: share(&mut table, "last", 0.01)? },
            _ => Self::Linear {
                hold: table.number("hold", Some(0.5), 0.0..=0.999)?,
                last: share(&mut table, "last", 0.01)?,
            },
        };
        table.finish()?;
        Ok(schedule)
    }

    /// The share of the learning rate that `step` of `steps` takes, counted from 0.
    pub fn share(self, step: usize, steps: usize) -> f64 {
        let at = step as f64 / steps.max(1) as f64;
        match self {
            Self::Constant => 1.0,
            Self::Step { every, factor } => factor.powf((at / every).floor()),
            Self::Cosine { last } => last + (1.0 - last) * 0.5 * (1.0 + (PI * at).cos()),
            Self::Linear { hold, last } => ((1.0 - at) / (1.0 - hold)).clamp(last, 1.0),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn shares_are_those_of_their_formulas() {
        let shares = |text: &str| {
            let mut table = Table::parse("s.toml", text).unwrap();
            let schedule = Schedule::read(&mut table).unwrap();
            [0, 25, 50, 75, 99].map(|step| (schedule.share(step, 100) * 1e6).round() / 1e6)
        };
        assert_eq!(shares(""), [1.0, 1.0, 1.0, 0.5, 0.02]);
        assert_eq!(shares("schedule = { last = 0.1 }"), [1.0, 1.0, 1.0, 0.5, 0.1]);
        assert_eq!(shares("schedule = { kind = \"constant\" }"), [1.0; 5]);
        assert_eq!(shares("schedule = { kind = \"step\", factor = 0.1 }"), [1.0, 0.1, 0.01, 0.001, 0.001]);
        // 0.5 (1 + cos(pi t)) at 0.25 and 0.75 is 0.5 (1 ± sqrt(1/2)).
        let cosine = shares("schedule = { kind = \"cosine\", last = 0.0 }");
        assert_eq!(cosine[..4], [1.0, 0.853553, 0.5, 0.146447]);
    }

    #[test]
    fn mistakes_are_placed() {
        let error = |text: &str| {
            let mut table = Table::parse("s.toml", text).unwrap();
            Schedule::read(&mut table).unwrap_err().to_string()
        };
        assert_eq!(
            error("schedule = { kind = \"cosin\" }"),
            "s.toml:1:21: `kind` cannot be `cosin`; choose from `constant`, `step`, `cosine`, `linear`; did you mean `cosine`?"
        );
        assert_eq!(
            error("schedule = { kind = \"cosine\", hold = 0.2 }"),
            "s.toml:1:31: unknown key `hold` in [schedule]; known keys are `kind`, `last`"
        );
        assert_eq!(
            error("schedule = { last = 2.0 }"),
            "s.toml:1:21: `last` is 2 but must be between 0 and 1"
        );
    }
}
