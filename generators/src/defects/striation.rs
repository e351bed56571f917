//! Vertical striations from excess binder, sand or a clogged nozzle.

use super::contrast::Contrast;
use super::shape::{Lines, raster};
use super::{Defect, Phase, ZEISER_2023, place};
use crate::layer::{Layer, Mask};
use crate::params::{Draws, Param};
use crate::registry::Kind;

/// A few thin lines along y.
pub(super) const KIND: Kind<dyn Defect> = Kind {
    name: "striation",
    summary: "thin vertical lines across the part",
    source: ZEISER_2023,
    example: "\
cnr = { uniform = [3.0, 6.0] }
polarity = \"either\"
width_mm = { uniform = [1.0, 2.0] }
lines = { choice = [2, 3, 4, 5] }
",
    build: |table| {
        Ok(Box::new(Striation {
            contrast: Contrast::read(table)?,
            width_mm: table.param("width_mm", Param::uniform(1.0, 2.0), 0.01..=10_000.0)?,
            lines: table.param("lines", Param::uniform(1.5, 5.5), 1.0..=64.0)?,
        }))
    },
};

struct Striation {
    contrast: Contrast,
    width_mm: Param,
    lines: Param,
}

impl Defect for Striation {
    fn inject(&self, layer: &mut Layer, phase: &Phase, draws: &mut Draws) -> Mask {
        let width_mm = phase.draw_size("width_mm", &self.width_mm, draws);
        let count = draws.draw_count("lines", &self.lines);
        // A line thinner than a pixel could fall between pixels.
        let width = width_mm.max(1.0 / layer.frame.px_per_mm);
        let mut strengths = draws.steady_stream("strength");
        let mut at_x: Vec<(f64, f64)> = Vec::new();
        for [x, _] in place::places(layer, phase, draws) {
            if at_x.iter().all(|(other, _)| (x - other).abs() >= 3.0 * width) {
                at_x.push((x, strengths.uniform(0.6, 1.0)));
            }
            if at_x.len() == count {
                break;
            }
        }
        if at_x.is_empty() {
            return Mask::empty(layer.frame.size_px);
        }
        self.contrast.add(layer, &raster(&Lines { at_x, width }, &layer.frame), phase, draws)
    }
}
