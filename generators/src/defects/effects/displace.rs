//! Printed in another place.

use super::Effect;
use crate::defects::Phase;
use crate::defects::region::{Ground, Region};
use crate::layer::{Field, Layer, mix};
use crate::params::{Draws, Param, ScenarioError, Table};
use crate::registry::Kind;

/// The printed section moved by a vector.
pub(super) const KIND: Kind<dyn Effect> = Kind {
    name: "displace",
    summary: "moves the printed section; its contrast is that of part and bed",
    source: "own",
    example: "\
distance_mm = { uniform = [3.0, 8.0] }
angle_deg = { uniform = [0.0, 360.0] }
",
    build: |table| Ok(Box::new(Displace::read(table)?)),
};

/// A vector as the scenario states it.
pub struct Displace {
    distance_mm: Param,
    /// Anticlockwise from x.
    angle_deg: Param,
}

impl Displace {
    /// Reads `distance_mm` and `angle_deg`, anticlockwise from x.
    pub fn read(table: &mut Table) -> Result<Self, Box<ScenarioError>> {
        Ok(Self {
            distance_mm: table.param("distance_mm", Param::uniform(3.0, 8.0), 0.01..=10_000.0)?,
            angle_deg: table.param("angle_deg", Param::uniform(0.0, 360.0), -360.0..=360.0)?,
        })
    }
}

impl Effect for Displace {
    fn act(&self, layer: &mut Layer, region: &Region, phase: &Phase, draws: &mut Draws) {
        let distance_mm = phase.draw_severity("distance_mm", &self.distance_mm, draws);
        let (sine, cosine) = draws.draw("angle_deg", &self.angle_deg).to_radians().sin_cos();
        displace(layer, region, [distance_mm * cosine, distance_mm * sine]);
    }

    fn ground(&self) -> Ground {
        Ground::Layer
    }
}

/// Moves the section by `by_mm` times the strength of each pixel of `region`; what is printed then.
pub fn displace(layer: &mut Layer, region: &Region, by_mm: [f64; 2]) -> Field {
    let by_px = by_mm.map(|mm| mm * layer.frame.px_per_mm);
    let coverage = moved(&layer.coverage, &region.shares, [by_px[0], -by_px[1]]);
    let displaced = mix(&coverage, &layer.bed_c, &layer.part_c);
    // Only what the move uncovered or covered is taken over, so that it adds to other effects.
    for i in (0..coverage.values.len()).filter(|&i| coverage.values[i] != layer.coverage.values[i]) {
        layer.temperature_c.values[i] = displaced.values[i];
    }
    coverage
}

/// The image moved by `[columns, rows]` times `shares`, fractions interpolated, nothing coming in from
/// outside. Values that move by less than half a step of 8-bit coverage stay as they are.
fn moved(coverage: &Field, shares: &Field, [columns, rows]: [f64; 2]) -> Field {
    let side = coverage.size_px as isize;
    let value = |row: isize, column: isize| {
        let inside = (0..side).contains(&row) && (0..side).contains(&column);
        if inside { f64::from(coverage.values[(row * side + column) as usize]) } else { 0.0 }
    };
    let lerp = |a: f64, b: f64, t: f64| a + t * (b - a);
    let values = (0..coverage.values.len()).map(|i| {
        let (row, column) = (i as isize / side, i as isize % side);
        let share = f64::from(shares.values[i]);
        let (y, x) = (row as f64 - share * rows, column as f64 - share * columns);
        let (r, c) = (y.floor() as isize, x.floor() as isize);
        let (ty, tx) = (y - y.floor(), x - x.floor());
        let mixed =
            lerp(lerp(value(r, c), value(r, c + 1), tx), lerp(value(r + 1, c), value(r + 1, c + 1), tx), ty);
        let old = coverage.values[i];
        if (mixed - f64::from(old)).abs() < 0.5 / 255.0 { old } else { mixed as f32 }
    });
    Field { size_px: coverage.size_px, values: values.collect() }
}
