//! A bell around the middle.

use super::Profile;
use crate::params::{Draws, Param, ScenarioError, Table};
use crate::registry::Kind;

/// A Gaussian of the way from the middle.
pub(super) const KIND: Kind<dyn Profile> = Kind {
    name: "gaussian",
    summary: "a bell around the middle: heat that has spread",
    source: "own",
    example: "sigma = 0.45\n",
    build: |table| Ok(Box::new(Gaussian::read(table)?)),
};

/// A bell as the scenario states it.
pub struct Gaussian {
    sigma: Param,
}

impl Gaussian {
    /// Reads `sigma`, the standard deviation as a share of the way from the middle to the edge.
    pub fn read(table: &mut Table) -> Result<Self, Box<ScenarioError>> {
        Ok(Self { sigma: table.param("sigma", Param::fixed(0.45), 0.01..=10.0)? })
    }
}

impl Profile for Gaussian {
    fn curve(&self, draws: &mut Draws) -> Box<dyn Fn(f64) -> f64> {
        let sigma = draws.draw("sigma", &self.sigma);
        Box::new(move |depth| (-0.5 * ((1.0 - depth) / sigma).powi(2)).exp())
    }
}
