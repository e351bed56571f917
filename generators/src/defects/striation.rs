//! Vertical striations from excess binder, sand or a clogged nozzle.

use super::effects::Add;
use super::element::Element;
use super::profiles::Hard;
use super::shapes::{Along, Lines};
use super::{Defect, ZEISER_2023};
use crate::params::Param;
use crate::registry::Kind;

/// A few thin lines along y.
pub(super) const KIND: Kind<dyn Defect> = Kind {
    name: "striation",
    summary: "thin vertical lines across the part",
    source: ZEISER_2023,
    example: "\
cnr = { uniform = [3.0, 6.0] }
polarity = \"either\"
width_mm = { uniform = [1.0, 2.0] }
lines = { choice = [2, 3, 4, 5] }
",
    build: |table| {
        let lines = Lines::read(table, Along::Y, Param::uniform(1.5, 5.5))?;
        Ok(Box::new(Element::on_part(lines, Hard, Add::read(table)?)))
    },
};
