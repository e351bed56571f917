//! A smooth rise from the edge.

use super::{Profile, edge};
use crate::params::{Draws, Param, ScenarioError, Table};
use crate::registry::Kind;

/// The cubic that is level at both ends, then level.
pub(super) const KIND: Kind<dyn Profile> = Kind {
    name: "soft",
    summary: "a smooth rise from the edge over a share of the way to the middle, level at both ends",
    source: "own",
    example: "edge = 0.5\n",
    build: |table| Ok(Box::new(Soft::read(table, 0.5)?)),
};

/// A soft edge as the scenario states it.
pub struct Soft {
    edge: Param,
}

impl Soft {
    /// Reads `edge`.
    pub fn read(table: &mut Table, default: f64) -> Result<Self, Box<ScenarioError>> {
        Ok(Self { edge: edge(table, default)? })
    }
}

impl Profile for Soft {
    fn curve(&self, draws: &mut Draws) -> Box<dyn Fn(f64) -> f64> {
        let edge = draws.draw("edge", &self.edge);
        Box::new(move |depth| {
            let t = (depth / edge).clamp(0.0, 1.0);
            t * t * (3.0 - 2.0 * t)
        })
    }
}
