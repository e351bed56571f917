//! A spot that is hotter or colder than its surroundings: a lamp too near, a draught, a drop.

use super::Defect;
use super::effects::Add;
use super::element::Element;
use super::profiles::Gaussian;
use super::region::Ground;
use super::shapes::Disc;
use crate::registry::Kind;

/// A bell of heat over bed and part.
pub(super) const KIND: Kind<dyn Defect> = Kind {
    name: "spot",
    summary: "a round hot or cold spot, strongest in its middle, on bed and part alike",
    source: "own",
    example: "\
cnr = { uniform = [3.0, 6.0] }
polarity = \"either\"
radius_mm = { uniform = [5.0, 12.0] }
sigma = 0.45
",
    build: |table| {
        let spot = Element::on_part(Disc::read(table)?, Gaussian::read(table)?, Add::read(table)?);
        Ok(Box::new(Element { ground: Ground::Layer, ..spot }))
    },
};
