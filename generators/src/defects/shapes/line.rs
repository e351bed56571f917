//! Thin strips across the whole bed.

use super::raster::{Outline, raster};
use super::{Along, Shape};
use crate::defects::site::Site;
use crate::layer::Field;
use crate::params::{Draws, Param, ScenarioError, Table};
use crate::registry::Kind;

/// One or several lines along an axis.
pub(super) const KIND: Kind<dyn Shape> = Kind {
    name: "line",
    summary: "thin lines across the whole bed, as the recoater (y) or the print head (x) travels",
    source: "own",
    example: "\
along = \"y\"
width_mm = { uniform = [1.0, 2.0] }
lines = { choice = [1, 2, 3] }
",
    build: |table| {
        let along = Along::read(table, 1)?;
        Ok(Box::new(Lines::read(table, along, Param::fixed(1.0))?))
    },
};

/// Lines as the scenario states them.
pub struct Lines {
    along: Along,
    width_mm: Param,
    lines: Param,
}

impl Lines {
    /// Reads `width_mm` and `lines`, how many there are.
    pub fn read(table: &mut Table, along: Along, lines: Param) -> Result<Self, Box<ScenarioError>> {
        Ok(Self {
            along,
            width_mm: table.param("width_mm", Param::uniform(1.0, 2.0), 0.01..=10_000.0)?,
            lines: table.param("lines", lines, 1.0..=64.0)?,
        })
    }
}

impl Shape for Lines {
    fn draw(&self, site: &Site<'_>, curve: &dyn Fn(f64) -> f64, draws: &mut Draws) -> Option<Field> {
        let frame = site.layer.frame;
        let width_mm = site.phase.draw_size("width_mm", &self.width_mm, draws);
        let count = draws.draw_count("lines", &self.lines);
        // A line thinner than a pixel could fall between pixels.
        let width = width_mm.max(1.0 / frame.px_per_mm);
        // As far apart in every layer, however wide they are in this one: lines stay where they are.
        let apart = 3.0 * draws.steady("width_mm", &self.width_mm).max(1.0 / frame.px_per_mm);
        let mut strengths = draws.steady_stream("strength");
        let mut at: Vec<(f64, f64)> = Vec::new();
        for place in site.places() {
            let middle = self.along.across(place);
            if at.iter().all(|(other, _)| (middle - other).abs() >= apart) {
                at.push((middle, strengths.uniform(0.6, 1.0)));
            }
            if at.len() == count {
                break;
            }
        }
        (!at.is_empty()).then(|| raster(&Strips { along: self.along, at, width }, curve, &frame))
    }
}

struct Strips {
    along: Along,
    /// Middle of each strip and its strength, 0 to 1.
    at: Vec<(f64, f64)>,
    width: f64,
}

impl Outline for Strips {
    fn at(&self, point: [f64; 2], curve: &dyn Fn(f64) -> f64) -> f64 {
        let across = self.along.across(point);
        let depths = self
            .at
            .iter()
            .map(|&(middle, strength)| (1.0 - (across - middle).abs() / (0.5 * self.width), strength));
        depths.filter(|d| d.0 >= 0.0).map(|(depth, strength)| strength * curve(depth)).fold(0.0, f64::max)
    }

    fn bounds(&self) -> [[f64; 2]; 2] {
        let ends =
            self.at.iter().fold([f64::INFINITY, f64::NEG_INFINITY], |[a, b], l| [a.min(l.0), b.max(l.0)]);
        self.along.endless(ends[0] - 0.5 * self.width, ends[1] + 0.5 * self.width)
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::super::raster::tests::{FRAME, hard};
    use super::*;

    proptest! {
        #[test]
        fn lines_cover_their_width(middle in 20.0..80.0, width in 1.7..10.0) {
            let field = |along| raster(&Strips { along, at: vec![(middle, 1.0)], width }, &hard, &FRAME);
            let rows = field(Along::Y);
            let covered = rows.values[..64].iter().map(|&v| f64::from(v)).sum::<f64>() / FRAME.px_per_mm;
            // A quarter of a pixel at most is lost or won at each edge.
            prop_assert!((covered - width).abs() <= 0.5 / FRAME.px_per_mm, "{covered} instead of {width}");
            prop_assert!(rows.values.chunks(64).all(|row| row == &rows.values[..64]));
            // Along x it is the same, turned by a quarter: rows count from the far edge.
            let columns = field(Along::X);
            let turned = |i: usize| columns.values[(63 - i % 64) * 64 + i / 64];
            prop_assert!((0..64 * 64).all(|i| (rows.values[i] - turned(i)).abs() < 0.26));
        }
    }
}
