//! A nozzle that prints nothing: a line without binder along the print head's travel.

use super::Defect;
use super::effects::Bare;
use super::element::Element;
use super::profiles::Hard;
use super::shapes::{Along, Lines};
use crate::params::Param;
use crate::registry::Kind;

/// The bed shows through the part along thin lines in x.
pub(super) const KIND: Kind<dyn Defect> = Kind {
    name: "nozzle-clog",
    summary: "a thin line along the print head's travel (x) where binder is missing and the part shows bed",
    source: "own",
    example: "\
missing = { uniform = [0.3, 1.0] }
width_mm = { uniform = [1.0, 2.0] }
lines = { choice = [1, 2] }
",
    build: |table| {
        let lines = Lines::read(table, Along::X, Param::uniform(0.5, 2.5))?;
        Ok(Box::new(Element::on_part(lines, Hard, Bare::read(table)?)))
    },
};
