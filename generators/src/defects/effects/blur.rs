//! Detail lost: smeared powder, or heat that has run sideways.

use super::Effect;
use crate::defects::Phase;
use crate::defects::region::{Ground, Region};
use crate::gaussian;
use crate::layer::Layer;
use crate::params::{Draws, Param, ScenarioError, Table};
use crate::registry::Kind;

/// A Gaussian over the surface.
pub(super) const KIND: Kind<dyn Effect> = Kind {
    name: "blur",
    summary: "smooths the surface and the contour",
    source: "own",
    example: "blur_mm = { uniform = [2.0, 4.0] }\n",
    build: |table| Ok(Box::new(Blur::read(table)?)),
};

/// A blur as the scenario states it.
pub struct Blur {
    blur_mm: Param,
}

impl Blur {
    /// Reads `blur_mm`, the standard deviation of the Gaussian.
    fn read(table: &mut Table) -> Result<Self, Box<ScenarioError>> {
        Ok(Self { blur_mm: table.param("blur_mm", Param::uniform(2.0, 4.0), 0.01..=1000.0)? })
    }
}

impl Effect for Blur {
    fn act(&self, layer: &mut Layer, region: &Region, phase: &Phase, draws: &mut Draws) {
        let sigma_px = phase.draw_severity("blur_mm", &self.blur_mm, draws) * layer.frame.px_per_mm;
        let sigma_px = sigma_px.min(layer.frame.size_px as f64);
        let blurred = gaussian::blur(&layer.temperature_c, sigma_px);
        let to_blurred = |i: usize| f64::from(blurred.values[i]) - f64::from(layer.temperature_c.values[i]);
        let to_blurred: Vec<f64> = (0..blurred.values.len()).map(to_blurred).collect();
        region.add(layer, |i, share| share * to_blurred[i]);
    }

    fn ground(&self) -> Ground {
        Ground::Layer
    }
}
