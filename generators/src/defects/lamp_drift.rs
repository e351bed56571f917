//! An infrared lamp that ages or a supply that drifts: the whole layer is a little warmer or colder, and more
//! so in each layer.

use super::effects::Add;
use super::element::Element;
use super::profiles::Hard;
use super::region::Ground;
use super::shapes::WholeLayer;
use super::{Course, Defect};
use crate::registry::Kind;

/// The same change everywhere.
pub(super) const KIND: Kind<dyn Defect> = Kind {
    name: "lamp-drift",
    summary: "the whole layer, bed and part, warms or cools slowly from layer to layer",
    source: "own",
    example: "cnr = { uniform = [3.0, 6.0] }\npolarity = \"either\"\n",
    build: |table| {
        let all = Element::on_part(WholeLayer, Hard, Add::read(table)?);
        Ok(Box::new(Element { ground: Ground::Layer, course: Course::Grow, ..all }))
    },
};
