//! An unknown object on the printed part.

use super::effects::Replace;
use super::element::Element;
use super::profiles::Hard;
use super::shapes::Polygon;
use super::{Defect, ZEISER_2023};
use crate::registry::Kind;

/// A polygon with sharp edges and a surface of its own.
pub(super) const KIND: Kind<dyn Defect> = Kind {
    name: "foreign-object",
    summary: "an unknown object on the part: a sharp polygon with a surface of its own",
    source: ZEISER_2023,
    example: "\
cnr = { uniform = [3.0, 6.0] }
polarity = \"either\"
radius_mm = { uniform = [4.0, 8.0] }
corners = { choice = [3, 4, 5] }
aspect = { uniform = [0.5, 1.0] }
texture = { kind = \"cloud\", amplitude_c = 0.2, feature_mm = 5.0 }
",
    build: |table| Ok(Box::new(Element::on_part(Polygon::read(table)?, Hard, Replace::read(table)?))),
};
