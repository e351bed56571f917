//! Too little binder or sand along the way of the print head.

use super::contrast::Contrast;
use super::shape::Pores;
use super::{Defect, Phase, ZEISER_2023, place};
use crate::layer::{Layer, Mask};
use crate::params::{Draws, Param};
use crate::registry::Kind;

/// A band of pores along x.
pub(super) const KIND: Kind<dyn Defect> = Kind {
    name: "porous",
    summary: "a speckled band along the print head's travel (x) on the part",
    source: ZEISER_2023,
    example: "\
cnr = { uniform = [3.0, 6.0] }
polarity = \"either\"
band_mm = { uniform = [6.0, 14.0] }
pore_mm = 1.5
density = { uniform = [0.4, 0.7] }
",
    build: |table| {
        Ok(Box::new(Porous {
            contrast: Contrast::read(table)?,
            band_mm: table.param("band_mm", Param::uniform(6.0, 14.0), 0.01..=10_000.0)?,
            pore_mm: table.param("pore_mm", Param::fixed(1.5), 0.01..=10_000.0)?,
            density: table.param("density", Param::uniform(0.4, 0.7), 0.01..=0.99)?,
        }))
    },
};

struct Porous {
    contrast: Contrast,
    band_mm: Param,
    pore_mm: Param,
    density: Param,
}

impl Defect for Porous {
    fn inject(&self, layer: &mut Layer, phase: &Phase, draws: &mut Draws) -> Mask {
        let band_mm = phase.draw_size("band_mm", &self.band_mm, draws);
        let diameter = draws.draw("pore_mm", &self.pore_mm);
        let density = draws.draw("density", &self.density);
        let Some([_, y]) = place::noted(layer, phase, draws) else {
            return Mask::empty(layer.frame.size_px);
        };
        let pores = Pores { band: [y - 0.5 * band_mm, y + 0.5 * band_mm], diameter, density };
        // The band stays; where exactly binder was missing differs from layer to layer.
        let shape = pores.raster(&layer.frame, &mut draws.layer_stream("pores"));
        self.contrast.add(layer, &shape, phase, draws)
    }
}
