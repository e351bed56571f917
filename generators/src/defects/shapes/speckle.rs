//! Discs scattered independently of each other: a Boolean model (Chiu et al., Stochastic Geometry and its
//! Applications, 3rd ed. 2013, chapter 3).

use std::f64::consts::PI;

use super::Shape;
use super::raster::{LEAST, distance};
use crate::defects::site::Site;
use crate::layer::{Field, Frame};
use crate::params::{Draws, Param, ScenarioError, Table};
use crate::registry::Kind;
use crate::stream::Stream;

/// Small discs all over the layer.
pub(super) const KIND: Kind<dyn Shape> = Kind {
    name: "speckle",
    summary: "small discs scattered over the whole layer, anew in each; cut it to a band or blob by an intersection",
    source: "Chiu et al., Stochastic Geometry and its Applications, 3rd ed. 2013, chapter 3",
    example: "pore_mm = 1.5\ndensity = { uniform = [0.4, 0.7] }\n",
    build: |table| Ok(Box::new(Speckle::read(table)?)),
};

/// A speckle as the scenario states it.
pub struct Speckle {
    pore_mm: Param,
    density: Param,
}

impl Speckle {
    /// Reads `pore_mm`, the mean diameter of the discs, and `density`, the share that they cover.
    pub fn read(table: &mut Table) -> Result<Self, Box<ScenarioError>> {
        Ok(Self {
            pore_mm: table.param("pore_mm", Param::fixed(1.5), 0.01..=10_000.0)?,
            density: table.param("density", Param::uniform(0.4, 0.7), 0.01..=0.99)?,
        })
    }
}

impl Shape for Speckle {
    fn draw(&self, site: &Site<'_>, curve: &dyn Fn(f64) -> f64, draws: &mut Draws) -> Option<Field> {
        let diameter_mm = draws.draw("pore_mm", &self.pore_mm);
        let density = draws.draw("density", &self.density);
        let frame = site.layer.frame;
        Some(scattered(diameter_mm, density, curve, &frame, &mut draws.layer_stream("pores")))
    }
}

/// The strongest disc at each pixel. Discs are a pixel wide at least: a smaller one could fall between
/// pixels.
fn scattered(
    diameter_mm: f64,
    density: f64,
    curve: &dyn Fn(f64) -> f64,
    frame: &Frame,
    stream: &mut Stream,
) -> Field {
    /// Radii lie within this share of their mean, uniformly; the mean square follows.
    const SPREAD: f64 = 0.4;
    let mut field = Field::constant(frame.size_px, 0.0);
    let radius = 0.5 * diameter_mm.max(1.0 / frame.px_per_mm) * frame.px_per_mm;
    let side = frame.size_px as f64;
    // Discs may begin outside the image.
    let reach = -2.0 * radius..side + 2.0 * radius;
    let mean_area = PI * radius * radius * (1.0 + SPREAD * SPREAD / 3.0);
    let count = -(1.0 - density).ln() * (side + 4.0 * radius).powi(2) / mean_area;
    for _ in 0..count.round() as usize {
        let centre = [(); 2].map(|()| stream.uniform(reach.start, reach.end));
        let size = radius * stream.uniform(1.0 - SPREAD, 1.0 + SPREAD);
        let strength = stream.uniform(0.5, 1.0);
        let span = |middle: f64| {
            let from = (middle - size - 1.0).clamp(0.0, side) as usize;
            from..(middle + size + 1.0).clamp(0.0, side) as usize
        };
        for row in span(centre[1]) {
            for column in span(centre[0]) {
                let out = distance([column as f64 + 0.5, row as f64 + 0.5], centre);
                let inside = (size - out + 0.5).clamp(0.0, 1.0);
                let share = strength * inside * curve((1.0 - out / size).max(0.0));
                let value = &mut field.values[row * frame.size_px + column];
                if share >= LEAST {
                    *value = value.max(share as f32);
                }
            }
        }
    }
    field
}

#[cfg(test)]
mod tests {
    use super::super::raster::tests::hard;
    use super::*;

    /// Large discs, so that antialiasing does not count: a pixel counts where its centre is covered.
    #[test]
    fn pores_cover_the_stated_share() {
        let frame = Frame { size_px: 400, px_per_mm: 1.0 };
        for density in [0.1, 0.5, 0.9] {
            let field = scattered(10.0, density, &hard, &frame, &mut Stream::root(8));
            assert!(field.values.iter().all(|v| (0.0..=1.0).contains(v)));
            let covered = field.values.iter().filter(|&&v| v > 0.375).count() as f64 / 160_000.0;
            assert!((covered - density).abs() < 0.03, "{covered} instead of {density}");
        }
    }
}
