//! A surface that takes up more or less heat.

use super::Effect;
use crate::defects::Phase;
use crate::defects::region::Region;
use crate::layer::Layer;
use crate::params::{Draws, Param, ScenarioError, Table};
use crate::registry::Kind;

/// The rise over the bed times a factor.
pub(super) const KIND: Kind<dyn Effect> = Kind {
    name: "multiply",
    summary: "multiplies how far it is warmer than the bed is on average",
    source: "own",
    example: "factor = { uniform = [0.7, 0.9] }\n",
    build: |table| Ok(Box::new(Multiply::read(table)?)),
};

/// A factor as the scenario states it.
pub struct Multiply {
    factor: Param,
}

impl Multiply {
    /// Reads `factor`; severity takes it from 1 to what is drawn.
    fn read(table: &mut Table) -> Result<Self, Box<ScenarioError>> {
        Ok(Self { factor: table.param("factor", Param::uniform(0.7, 0.9), 0.0..=100.0)? })
    }
}

impl Effect for Multiply {
    fn act(&self, layer: &mut Layer, region: &Region, phase: &Phase, draws: &mut Draws) {
        let more = phase.severity * (draws.draw("factor", &self.factor) - 1.0);
        draws.note("factor", 1.0 + more);
        let bed_c =
            layer.bed_c.values.iter().map(|&v| f64::from(v)).sum::<f64>() / layer.bed_c.values.len() as f64;
        let rise_c: Vec<f64> = layer.temperature_c.values.iter().map(|&v| f64::from(v) - bed_c).collect();
        region.add(layer, |i, share| more * share * rise_c[i]);
    }
}
