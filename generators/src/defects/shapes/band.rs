//! A broad strip across the whole bed.

use super::raster::{Outline, raster};
use super::{Along, Shape};
use crate::defects::site::Site;
use crate::layer::Field;
use crate::params::{Draws, Param, ScenarioError, Table};
use crate::registry::Kind;

/// A strip along an axis through a place.
pub(super) const KIND: Kind<dyn Shape> = Kind {
    name: "band",
    summary: "a broad strip across the whole bed, as the print head (x) or the recoater (y) travels",
    source: "own",
    example: "along = \"x\"\nband_mm = { uniform = [6.0, 14.0] }\n",
    build: |table| {
        let along = Along::read(table, 0)?;
        Ok(Box::new(Band::read(table, along)?))
    },
};

/// A band as the scenario states it.
pub struct Band {
    along: Along,
    band_mm: Param,
}

impl Band {
    /// Reads `band_mm`, its width.
    pub fn read(table: &mut Table, along: Along) -> Result<Self, Box<ScenarioError>> {
        Ok(Self { along, band_mm: table.param("band_mm", Param::uniform(6.0, 14.0), 0.01..=10_000.0)? })
    }
}

impl Shape for Band {
    fn draw(&self, site: &Site<'_>, curve: &dyn Fn(f64) -> f64, draws: &mut Draws) -> Option<Field> {
        let half = 0.5 * site.phase.draw_size("band_mm", &self.band_mm, draws);
        let middle = self.along.across(site.noted(draws)?);
        Some(raster(&Strip { along: self.along, middle, half }, curve, &site.layer.frame))
    }
}

struct Strip {
    along: Along,
    middle: f64,
    half: f64,
}

impl Outline for Strip {
    fn at(&self, point: [f64; 2], curve: &dyn Fn(f64) -> f64) -> f64 {
        let depth = 1.0 - (self.along.across(point) - self.middle).abs() / self.half;
        if depth > 0.0 { curve(depth) } else { 0.0 }
    }

    fn bounds(&self) -> [[f64; 2]; 2] {
        self.along.endless(self.middle - self.half, self.middle + self.half)
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::super::raster::tests::{FRAME, hard};
    use super::*;

    proptest! {
        #[test]
        fn a_band_covers_its_width(middle in 30.0..70.0, half in 2.0..20.0) {
            for along in [Along::X, Along::Y] {
                let field = raster(&Strip { along, middle, half }, &hard, &FRAME);
                let covered = field.values.iter().map(|&v| f64::from(v)).sum::<f64>() / 64.0 / FRAME.px_per_mm;
                prop_assert!((covered - 2.0 * half).abs() <= 0.5 / FRAME.px_per_mm, "{covered} of {}", 2.0 * half);
                for (i, &value) in field.values.iter().enumerate() {
                    let out = (along.across(FRAME.centre_mm(i)) - middle).abs();
                    prop_assert!(value == 0.0 || out <= half + 0.5 / FRAME.px_per_mm);
                }
            }
        }
    }
}
