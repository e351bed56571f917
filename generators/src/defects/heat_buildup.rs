//! Heat that a part gathers faster than it gives it away: too little in any layer to be seen, and more in each.

use super::effects::Add;
use super::element::Element;
use super::profiles::Hard;
use super::shapes::WholeLayer;
use super::{Course, Defect};
use crate::registry::Kind;

/// The whole part against the bed.
pub(super) const KIND: Kind<dyn Defect> = Kind {
    name: "heat-buildup",
    summary: "a slow trend: the whole part warms or cools against the bed, by the same factor in each layer",
    source: "own",
    example: "cnr = { uniform = [3.0, 6.0] }\npolarity = \"either\"\n",
    build: |table| {
        let part = Element::on_part(WholeLayer, Hard, Add::read(table)?);
        Ok(Box::new(Element { course: Course::Trend, ..part }))
    },
};
