//! Lamps that stand askew or burn unequally: one side of the bed gets more heat than the other.

use super::Defect;
use super::effects::Add;
use super::element::Element;
use super::profiles::Ramp;
use super::region::Ground;
use super::shapes::Gradient;
use crate::registry::Kind;

/// A gradient around the mean, which stays.
pub(super) const KIND: Kind<dyn Defect> = Kind {
    name: "uneven-heating",
    summary: "a gradient across bed and part, warm on one side and cold on the other",
    source: "own",
    example: "\
cnr = { uniform = [3.0, 6.0] }
polarity = \"either\"
toward_deg = { uniform = [0.0, 360.0] }
edge = 1.0
",
    build: |table| {
        let all = Element::on_part(Gradient::read(table)?, Ramp::read(table, 1.0)?, Add::read(table)?);
        Ok(Box::new(Element { ground: Ground::Layer, ..all }))
    },
};
