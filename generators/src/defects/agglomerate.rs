//! Unwanted loose components that have gathered into a solid compound.

use super::contrast::Contrast;
use super::shape::{Blob, raster};
use super::{Defect, Phase, ZEISER_2023, place};
use crate::layer::{Layer, Mask};
use crate::params::{Draws, Param};
use crate::registry::Kind;

/// A lumpy blob with soft edges on the part.
pub(super) const KIND: Kind<dyn Defect> = Kind {
    name: "agglomerate",
    summary: "loose components gathered into a lump: a blob with soft edges on the part",
    source: ZEISER_2023,
    example: "\
cnr = { uniform = [3.0, 6.0] }
polarity = \"either\"
radius_mm = { uniform = [4.0, 8.0], jitter = { normal = [0.0, 0.1] } }
",
    build: |table| {
        Ok(Box::new(Agglomerate {
            contrast: Contrast::read(table)?,
            radius_mm: table.param("radius_mm", Param::uniform(4.0, 8.0), 0.01..=10_000.0)?,
        }))
    },
};

struct Agglomerate {
    contrast: Contrast,
    radius_mm: Param,
}

impl Defect for Agglomerate {
    fn inject(&self, layer: &mut Layer, phase: &Phase, draws: &mut Draws) -> Mask {
        let radius_mm = phase.draw_size("radius_mm", &self.radius_mm, draws);
        let Some(centre) = place::noted(layer, phase, draws) else {
            return Mask::empty(layer.frame.size_px);
        };
        let blob = Blob::random(centre, radius_mm, &mut draws.steady_stream("lumps"))
            .trembled(0.1, &mut draws.layer_stream("lumps"));
        self.contrast.add(layer, &raster(&blob, &layer.frame), phase, draws)
    }
}
