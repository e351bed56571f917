//! A nick in the recoater's blade, or a grain that it drags along: a groove across the whole bed.

use super::Defect;
use super::effects::Add;
use super::element::Element;
use super::profiles::Soft;
use super::region::Ground;
use super::shapes::{Along, Lines};
use crate::params::Param;
use crate::registry::Kind;

/// A soft line in y over bed and part.
pub(super) const KIND: Kind<dyn Defect> = Kind {
    name: "recoater-streak",
    summary: "a groove along the recoater's travel (y) across the whole bed, part and powder alike",
    source: "Stribos et al. 2024, doi:10.1108/RPJ-03-2024-0125",
    example: "\
cnr = { uniform = [3.0, 6.0] }
polarity = \"either\"
width_mm = { uniform = [1.5, 3.0] }
lines = { choice = [1, 2] }
edge = 1.0
",
    build: |table| {
        let lines = Lines::read(table, Along::Y, Param::fixed(1.0))?;
        let groove = Element::on_part(lines, Soft::read(table, 1.0)?, Add::read(table)?);
        Ok(Box::new(Element { ground: Ground::Layer, ..groove }))
    },
};
