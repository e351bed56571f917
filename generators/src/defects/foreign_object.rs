//! An unknown object on the printed part.

use super::contrast::Contrast;
use super::shape::{Polygon, raster};
use super::{Defect, Phase, ZEISER_2023, place};
use crate::layer::{Layer, Mask};
use crate::params::{Draws, Param};
use crate::registry::{self, Kind};
use crate::textures::{self, Texture};

/// A polygon with sharp edges and a surface of its own.
pub(super) const KIND: Kind<dyn Defect> = Kind {
    name: "foreign-object",
    summary: "an unknown object on the part: a sharp polygon with a surface of its own",
    source: ZEISER_2023,
    example: "\
cnr = { uniform = [3.0, 6.0] }
polarity = \"either\"
radius_mm = { uniform = [4.0, 8.0] }
corners = { choice = [3, 4, 5] }
aspect = { uniform = [0.5, 1.0] }
texture = { kind = \"cloud\", amplitude_c = 0.2, feature_mm = 5.0 }
",
    build: |table| {
        let contrast = Contrast::read(table)?;
        let radius_mm = table.param("radius_mm", Param::uniform(4.0, 8.0), 0.01..=10_000.0)?;
        let corners = table.param("corners", Param::uniform(2.5, 5.5), 3.0..=24.0)?;
        let aspect = table.param("aspect", Param::uniform(0.5, 1.0), 0.05..=1.0)?;
        let (_, texture) = registry::build_or(textures::KINDS, Some("flat"), table.table("texture")?)?;
        Ok(Box::new(ForeignObject { contrast, radius_mm, corners, aspect, texture }))
    },
};

struct ForeignObject {
    contrast: Contrast,
    radius_mm: Param,
    corners: Param,
    aspect: Param,
    texture: Box<dyn Texture>,
}

impl Defect for ForeignObject {
    fn inject(&self, layer: &mut Layer, phase: &Phase, draws: &mut Draws) -> Mask {
        let radius_mm = phase.draw_size("radius_mm", &self.radius_mm, draws);
        let aspect = draws.draw("aspect", &self.aspect);
        let corners = draws.draw_count("corners", &self.corners);
        let Some(centre) = place::noted(layer, phase, draws) else {
            return Mask::empty(layer.frame.size_px);
        };
        let polygon =
            Polygon::random(centre, radius_mm, corners, aspect, &mut draws.steady_stream("outline"));
        let surface_c = draws.scoped("texture", |d| self.texture.paint(&layer.frame, layer.index, d));
        self.contrast.cover(layer, &raster(&polygon, &layer.frame), &surface_c, phase, draws)
    }
}
