//! A sudden change of the component's place in the printed layer.

use super::contrast::settle;
use super::{Defect, Phase, ZEISER_2023};
use crate::layer::{Field, Layer, Mask, mix};
use crate::params::{Draws, Param};
use crate::registry::Kind;

/// The whole section moved by a vector.
pub(super) const KIND: Kind<dyn Defect> = Kind {
    name: "shift",
    summary: "the whole printed section moved by a vector; its contrast is that of part and bed",
    source: ZEISER_2023,
    example: "\
distance_mm = { uniform = [3.0, 8.0] }
angle_deg = { uniform = [0.0, 360.0] }
",
    build: |table| {
        Ok(Box::new(Shift {
            distance_mm: table.param("distance_mm", Param::uniform(3.0, 8.0), 0.01..=10_000.0)?,
            angle_deg: table.param("angle_deg", Param::uniform(0.0, 360.0), -360.0..=360.0)?,
        }))
    },
};

struct Shift {
    distance_mm: Param,
    /// Anticlockwise from x.
    angle_deg: Param,
}

impl Defect for Shift {
    fn inject(&self, layer: &mut Layer, phase: &Phase, draws: &mut Draws) -> Mask {
        let distance_px =
            phase.draw_severity("distance_mm", &self.distance_mm, draws) * layer.frame.px_per_mm;
        let (sine, cosine) = draws.draw("angle_deg", &self.angle_deg).to_radians().sin_cos();
        let coverage = moved(&layer.coverage, [distance_px * cosine, -distance_px * sine]);
        let shifted = mix(&coverage, &layer.bed_c, &layer.part_c);
        // Only what the move uncovered or covered is taken over, so that it adds to other defects.
        let mut after = layer.temperature_c.clone();
        for i in (0..after.values.len()).filter(|&i| coverage.values[i] != layer.coverage.values[i]) {
            after.values[i] = shifted.values[i];
        }
        settle(layer, after, draws)
    }
}

/// The image moved by `[columns, rows]`, fractions interpolated, nothing coming in from outside.
/// Values that move by less than half a step of 8-bit coverage stay as they are.
fn moved(coverage: &Field, [columns, rows]: [f64; 2]) -> Field {
    let side = coverage.size_px as isize;
    let value = |row: isize, column: isize| {
        let inside = (0..side).contains(&row) && (0..side).contains(&column);
        if inside { f64::from(coverage.values[(row * side + column) as usize]) } else { 0.0 }
    };
    let lerp = |a: f64, b: f64, t: f64| a + t * (b - a);
    let values = (0..coverage.values.len()).map(|i| {
        let (row, column) = (i as isize / side, i as isize % side);
        let (y, x) = (row as f64 - rows, column as f64 - columns);
        let (r, c) = (y.floor() as isize, x.floor() as isize);
        let (ty, tx) = (y - y.floor(), x - x.floor());
        let mixed =
            lerp(lerp(value(r, c), value(r, c + 1), tx), lerp(value(r + 1, c), value(r + 1, c + 1), tx), ty);
        let old = coverage.values[i];
        if (mixed - f64::from(old)).abs() < 0.5 / 255.0 { old } else { mixed as f32 }
    });
    Field { size_px: coverage.size_px, values: values.collect() }
}
