//! A sudden change of the component's place in the printed layer.

use super::effects::Displace;
use super::element::Element;
use super::profiles::Hard;
use super::region::Ground;
use super::shapes::WholeLayer;
use super::{Defect, ZEISER_2023};
use crate::registry::Kind;

/// The whole section moved by a vector.
pub(super) const KIND: Kind<dyn Defect> = Kind {
    name: "shift",
    summary: "the whole printed section moved by a vector; its contrast is that of part and bed",
    source: ZEISER_2023,
    example: "\
distance_mm = { uniform = [3.0, 8.0] }
angle_deg = { uniform = [0.0, 360.0] }
",
    build: |table| {
        let moved = Element::on_part(WholeLayer, Hard, Displace::read(table)?);
        Ok(Box::new(Element { ground: Ground::Layer, ..moved }))
    },
};
