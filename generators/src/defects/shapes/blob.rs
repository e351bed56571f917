//! Soft lumps grown together, within a circle.

use std::f64::consts::TAU;

use super::Shape;
use super::raster::{Outline, distance, raster, square};
use crate::defects::site::Site;
use crate::layer::Field;
use crate::params::{Draws, Param, ScenarioError, Table};
use crate::registry::Kind;
use crate::stream::Stream;

/// Lumps around a place.
pub(super) const KIND: Kind<dyn Shape> = Kind {
    name: "blob",
    summary: "lumps grown together around a place; they tremble a little from layer to layer",
    source: "own",
    example: "radius_mm = { uniform = [4.0, 8.0] }\n",
    build: |table| Ok(Box::new(Blob::read(table)?)),
};

/// A blob as the scenario states it.
pub struct Blob {
    radius_mm: Param,
}

impl Blob {
    /// Reads `radius_mm`.
    pub fn read(table: &mut Table) -> Result<Self, Box<ScenarioError>> {
        Ok(Self { radius_mm: table.param("radius_mm", Param::uniform(4.0, 8.0), 0.01..=10_000.0)? })
    }
}

impl Shape for Blob {
    fn draw(&self, site: &Site<'_>, curve: &dyn Fn(f64) -> f64, draws: &mut Draws) -> Option<Field> {
        let radius = site.phase.draw_size("radius_mm", &self.radius_mm, draws);
        let centre = site.noted(draws)?;
        let lumps = Lumps::random(centre, radius, &mut draws.steady_stream("lumps"))
            .trembled(0.1, &mut draws.layer_stream("lumps"));
        Some(raster(&lumps, curve, &site.layer.frame))
    }
}

struct Lumps {
    centre: [f64; 2],
    radius: f64,
    lumps: Vec<([f64; 2], f64)>,
}

impl Lumps {
    /// A lump in the middle and smaller ones that touch it, anywhere within `radius` of `centre`.
    fn random(centre: [f64; 2], radius: f64, stream: &mut Stream) -> Self {
        let mut lumps = vec![(centre, radius * stream.uniform(0.45, 0.6))];
        for _ in 0..5 + stream.below(5) {
            let angle = stream.uniform(0.0, TAU);
            let size = radius * stream.uniform(0.2, 0.5);
            let out = (radius - size) * stream.uniform(0.5, 1.0);
            lumps.push(([centre[0] + out * angle.cos(), centre[1] + out * angle.sin()], size));
        }
        Self { centre, radius, lumps }
    }

    /// The same blob with each lump moved by up to `share` of its size, still within the circle.
    fn trembled(mut self, share: f64, stream: &mut Stream) -> Self {
        for (centre, size) in &mut self.lumps {
            let moved = centre.map(|c| c + *size * stream.uniform(-share, share));
            let out = distance(moved, self.centre);
            let most = self.radius - *size;
            let pull = if out > most { most / out } else { 1.0 };
            *centre = [0, 1].map(|k| self.centre[k] + pull * (moved[k] - self.centre[k]));
        }
        self
    }
}

impl Outline for Lumps {
    /// Lumps overlap as translucent discs do, so that the blob is uneven where they meet.
    fn at(&self, point: [f64; 2], curve: &dyn Fn(f64) -> f64) -> f64 {
        let depths = self.lumps.iter().map(|&(centre, size)| 1.0 - distance(point, centre) / size);
        1.0 - depths.filter(|&depth| depth > 0.0).map(|depth| 1.0 - 0.85 * curve(depth)).product::<f64>()
    }

    fn bounds(&self) -> [[f64; 2]; 2] {
        square(self.centre, self.radius)
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::super::raster::tests::{check, hard, outside};
    use super::*;

    proptest! {
        #[test]
        fn a_blob_lies_in_its_circle_around_its_centre(
            seed: u64, x in -10.0..110.0, y in -10.0..110.0, radius in 0.1..40.0, share in 0.0..0.5,
        ) {
            let centre = [x, y];
            let mut stream = Stream::root(seed);
            let blob = Lumps::random(centre, radius, &mut stream).trembled(share, &mut stream);
            prop_assert!(outside(centre, radius).all(|point| blob.at(point, &hard) == 0.0));
            prop_assert!(blob.at(centre, &|depth| (depth / 0.45).min(1.0)) > 0.5);
            check(&blob, centre, radius)?;
        }
    }
}
