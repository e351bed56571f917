//! The end of the recoater's travel, behind a ragged front.

use std::f64::consts::TAU;

use super::Shape;
use super::raster::{Outline, raster};
use crate::defects::site::Site;
use crate::layer::Field;
use crate::params::{Draws, Param, ScenarioError, Table};
use crate::registry::Kind;
use crate::stream::Stream;

/// All beyond a front across the bed.
pub(super) const KIND: Kind<dyn Shape> = Kind {
    name: "far-end",
    summary: "the far end of the recoater's travel (y), behind a ragged front",
    source: "own",
    example: "reach_mm = { uniform = [20.0, 50.0] }\nragged_mm = 2.0\n",
    build: |table| Ok(Box::new(FarEnd::read(table)?)),
};

/// A far end as the scenario states it.
pub struct FarEnd {
    reach_mm: Param,
    ragged_mm: Param,
}

impl FarEnd {
    /// Reads `reach_mm`, how far it reaches back from the far edge of the image, and `ragged_mm`, the
    /// amplitude of the front.
    pub fn read(table: &mut Table) -> Result<Self, Box<ScenarioError>> {
        Ok(Self {
            reach_mm: table.param("reach_mm", Param::uniform(20.0, 50.0), 0.01..=10_000.0)?,
            ragged_mm: table.param("ragged_mm", Param::uniform(1.0, 3.0), 0.0..=10_000.0)?,
        })
    }
}

impl Shape for FarEnd {
    fn draw(&self, site: &Site<'_>, curve: &dyn Fn(f64) -> f64, draws: &mut Draws) -> Option<Field> {
        let reach = site.phase.draw_size("reach_mm", &self.reach_mm, draws);
        let ragged = draws.draw("ragged_mm", &self.ragged_mm);
        let end = site.layer.frame.side_mm();
        let front = Front::random(end, reach, ragged, &mut draws.steady_stream("front"));
        Some(raster(&front, curve, &site.layer.frame))
    }
}

struct Front {
    end: f64,
    reach: f64,
    ragged: f64,
    /// Waves over the width of the bed: how many, and their phase.
    waves: [(f64, f64); 3],
}

impl Front {
    fn random(end: f64, reach: f64, ragged: f64, stream: &mut Stream) -> Self {
        let waves = [2.0, 5.0, 11.0].map(|count| (TAU * count / end, stream.uniform(0.0, TAU)));
        Self { end, reach, ragged, waves }
    }
}

impl Outline for Front {
    fn at(&self, [x, y]: [f64; 2], curve: &dyn Fn(f64) -> f64) -> f64 {
        let wave: f64 = self.waves.iter().map(|(per_mm, shift)| (x * per_mm + shift).sin()).sum();
        let reach = self.reach + self.ragged * wave / self.waves.len() as f64;
        let beyond = y - (self.end - reach);
        if beyond > 0.0 { curve((beyond / reach).min(1.0)) } else { 0.0 }
    }

    fn bounds(&self) -> [[f64; 2]; 2] {
        [[f64::NEG_INFINITY, self.end - self.reach - self.ragged], [f64::INFINITY; 2]]
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::super::raster::tests::{FRAME, hard};
    use super::*;

    proptest! {
        #[test]
        fn the_front_stays_within_its_raggedness(seed: u64, reach in 10.0..80.0, ragged in 0.0..8.0) {
            let front = Front::random(FRAME.side_mm(), reach, ragged, &mut Stream::root(seed));
            let field = raster(&front, &hard, &FRAME);
            let slack = ragged + 0.5 / FRAME.px_per_mm;
            for (i, &value) in field.values.iter().enumerate() {
                let beyond = FRAME.centre_mm(i)[1] - (FRAME.side_mm() - reach);
                prop_assert!(value == 0.0 || beyond >= -slack);
                prop_assert!(value == 1.0 || beyond <= slack);
            }
        }
    }
}
