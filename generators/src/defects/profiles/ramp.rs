//! A straight rise from the edge.

use super::{Profile, edge};
use crate::params::{Draws, Param, ScenarioError, Table};
use crate::registry::Kind;

/// Linear, then level.
pub(super) const KIND: Kind<dyn Profile> = Kind {
    name: "ramp",
    summary: "a straight rise from the edge over a share of the way to the middle, level from there on",
    source: "own",
    example: "edge = 1.0\n",
    build: |table| Ok(Box::new(Ramp::read(table, 1.0)?)),
};

/// A ramp as the scenario states it.
pub struct Ramp {
    edge: Param,
}

impl Ramp {
    /// Reads `edge`.
    pub fn read(table: &mut Table, default: f64) -> Result<Self, Box<ScenarioError>> {
        Ok(Self { edge: edge(table, default)? })
    }
}

impl Profile for Ramp {
    fn curve(&self, draws: &mut Draws) -> Box<dyn Fn(f64) -> f64> {
        let edge = draws.draw("edge", &self.edge);
        Box::new(move |depth| (depth / edge).clamp(0.0, 1.0))
    }
}
