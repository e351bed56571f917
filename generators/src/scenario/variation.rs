//! A scenario's test jobs in a process that strays otherwise, or on other parts.

use super::{BedSize, Production};
use crate::dataset::formats;
use crate::params::Table;

/// What is otherwise than in the scenario.
#[derive(Clone, Debug)]
pub struct Variation {
    /// The seed, from 0.
    pub seed: i64,
    /// The width of every drawn range of camera, bed, print and thermal process, as a multiple of that in the scenario; the
    /// defects' stay.
    pub width: f64,
    /// A table whose `[[part]]` are printed in the place of the scenario's.
    pub parts: Option<Table>,
    /// How many test jobs there are, where not as many as in the scenario.
    pub test_jobs: Option<u32>,
}

impl Variation {
    /// The tables of a scenario of which the test set alone is left, and that varied: an ordinary scenario, for an ordinary dataset.
    ///
    /// `stated` is the original as it was parsed, `original` what was made of it: its bed, and with it the scale of the images, stays
    /// whatever the parts are.
    pub fn apply(&self, stated: &Table, original: &Production) -> Table {
        let mut table = stated.clone();
        table.set_integer("seed", self.seed);
        table.set_number("variability", self.width * original.scenario().variability());
        if let Some(parts) = &self.parts {
            table.set_from("part", parts);
        }
        table.remove("fault");
        table.edit_table("bed", |bed| {
            bed.remove("fit");
            bed.set_number("size_mm", original.bed_side_mm());
            if let BedSize::Fit { margin } = original.scenario().bed_size {
                bed.set_number("margin", margin);
            }
        });
        table.edit_table("dataset", |dataset| {
            for jobs in ["training_jobs", "validation_jobs", "screening_jobs"] {
                dataset.set_integer(jobs, 0);
            }
            if let Some(jobs) = self.test_jobs {
                dataset.set_integer("test_jobs", jobs.into());
            }
            dataset.remove("temperature");
            formats::keys().for_each(|key| dataset.remove(key));
        });
        table
    }
}
