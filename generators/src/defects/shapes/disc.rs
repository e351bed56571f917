//! A circle around a place.

use super::Shape;
use super::raster::{Outline, distance, raster, square};
use crate::defects::site::Site;
use crate::layer::Field;
use crate::params::{Draws, Param, ScenarioError, Table};
use crate::registry::Kind;

/// All within a radius of a place.
pub(super) const KIND: Kind<dyn Shape> = Kind {
    name: "disc",
    summary: "all within a radius of a place",
    source: "own",
    example: "radius_mm = { uniform = [5.0, 12.0] }\n",
    build: |table| Ok(Box::new(Disc::read(table)?)),
};

/// A disc as the scenario states it.
pub struct Disc {
    radius_mm: Param,
}

impl Disc {
    /// Reads `radius_mm`.
    pub fn read(table: &mut Table) -> Result<Self, Box<ScenarioError>> {
        Ok(Self { radius_mm: table.param("radius_mm", Param::uniform(5.0, 12.0), 0.01..=10_000.0)? })
    }
}

impl Shape for Disc {
    fn draw(&self, site: &Site<'_>, curve: &dyn Fn(f64) -> f64, draws: &mut Draws) -> Option<Field> {
        let radius = site.phase.draw_size("radius_mm", &self.radius_mm, draws);
        let centre = site.noted(draws)?;
        Some(raster(&Circle { centre, radius }, curve, &site.layer.frame))
    }
}

struct Circle {
    centre: [f64; 2],
    radius: f64,
}

impl Outline for Circle {
    fn at(&self, point: [f64; 2], curve: &dyn Fn(f64) -> f64) -> f64 {
        let depth = 1.0 - distance(point, self.centre) / self.radius;
        if depth > 0.0 { curve(depth) } else { 0.0 }
    }

    fn bounds(&self) -> [[f64; 2]; 2] {
        square(self.centre, self.radius)
    }
}

#[cfg(test)]
mod tests {
    use std::f64::consts::PI;

    use proptest::prelude::*;

    use super::super::raster::tests::{FRAME, check, hard, outside};
    use super::*;

    proptest! {
        #[test]
        fn a_disc_is_what_lies_within_its_radius(x in 40.0..60.0, y in 40.0..60.0, radius in 8.0..30.0) {
            let disc = Circle { centre: [x, y], radius };
            prop_assert!(outside([x, y], radius).all(|point| disc.at(point, &hard) == 0.0));
            check(&disc, [x, y], radius)?;
            let pixel_mm2 = FRAME.px_per_mm.powi(-2);
            let area = |field: Field| field.values.iter().map(|&v| f64::from(v)).sum::<f64>() * pixel_mm2;
            let full = PI * radius * radius;
            prop_assert!((area(raster(&disc, &hard, &FRAME)) / full - 1.0).abs() < 0.02);
            // A cone holds a third; its rim below a tenth is cut, which holds 2.8 % of the cylinder.
            let cone = area(raster(&disc, &|depth| depth, &FRAME)) / full;
            prop_assert!((cone - (1.0 / 3.0 - 0.028 / 3.0)).abs() < 0.02, "{cone}");
        }
    }
}
