//! Not printed: the bed shows where the part should be.

use super::Effect;
use crate::defects::Phase;
use crate::defects::region::Region;
use crate::layer::Layer;
use crate::params::{Draws, Param, ScenarioError, Table};
use crate::registry::Kind;

/// The bed in place of the part.
pub(super) const KIND: Kind<dyn Effect> = Kind {
    name: "bare",
    summary: "lets the bed show where the part should be: binder is missing",
    source: "own",
    example: "missing = { uniform = [0.5, 1.0] }\n",
    build: |table| Ok(Box::new(Bare::read(table)?)),
};

/// Missing binder as the scenario states it.
pub struct Bare {
    missing: Param,
}

impl Bare {
    /// Reads `missing`, the share of the binder that is not there.
    pub fn read(table: &mut Table) -> Result<Self, Box<ScenarioError>> {
        Ok(Self { missing: table.param("missing", Param::uniform(0.5, 1.0), 0.001..=1.0)? })
    }
}

impl Effect for Bare {
    fn act(&self, layer: &mut Layer, region: &Region, phase: &Phase, draws: &mut Draws) {
        let missing = phase.draw_severity("missing", &self.missing, draws);
        let to_bed = |i: usize| {
            region.printed(layer, i) * (f64::from(layer.bed_c.values[i]) - f64::from(layer.part_c.values[i]))
        };
        let to_bed: Vec<f64> = (0..layer.bed_c.values.len()).map(to_bed).collect();
        region.add(layer, |i, share| missing * share * to_bed[i]);
    }
}
