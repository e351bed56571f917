//! Warmer or colder by a contrast.

use super::Effect;
use crate::defects::Phase;
use crate::defects::contrast::Contrast;
use crate::defects::region::Region;
use crate::layer::Layer;
use crate::params::{Draws, ScenarioError, Table};
use crate::registry::Kind;

/// A change of the temperature that keeps the texture.
pub(super) const KIND: Kind<dyn Effect> = Kind {
    name: "add",
    summary: "makes it warmer or colder and keeps the texture",
    source: "own",
    example: "cnr = { uniform = [3.0, 6.0] }\npolarity = \"either\"\n",
    build: |table| Ok(Box::new(Add::read(table)?)),
};

/// An addition as the scenario states it.
pub struct Add {
    contrast: Contrast,
}

impl Add {
    /// Reads `cnr` and `polarity`.
    pub fn read(table: &mut Table) -> Result<Self, Box<ScenarioError>> {
        Ok(Self { contrast: Contrast::read(table)? })
    }
}

impl Effect for Add {
    fn act(&self, layer: &mut Layer, region: &Region, phase: &Phase, draws: &mut Draws) {
        let (target_c, sign) = self.contrast.draw(layer, region, phase, draws);
        let mean = region.mean(|_, share| share.abs());
        let scale = if mean > 0.0 { sign * target_c / mean } else { 0.0 };
        region.add(layer, |_, share| scale * share);
    }
}
