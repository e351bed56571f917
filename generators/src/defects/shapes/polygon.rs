//! A polygon, its corners in order of their angle around the centre.

use std::f64::consts::TAU;

use super::Shape;
use super::raster::{Outline, raster, square};
use crate::defects::site::Site;
use crate::layer::Field;
use crate::params::{Draws, Param, ScenarioError, Table};
use crate::registry::Kind;
use crate::stream::Stream;

/// Straight edges between random corners.
pub(super) const KIND: Kind<dyn Shape> = Kind {
    name: "polygon",
    summary: "straight edges between corners at random around a place",
    source: "own",
    example: "\
radius_mm = { uniform = [4.0, 8.0] }
corners = { choice = [3, 4, 5] }
aspect = { uniform = [0.5, 1.0] }
",
    build: |table| Ok(Box::new(Polygon::read(table)?)),
};

/// A polygon as the scenario states it.
pub struct Polygon {
    radius_mm: Param,
    corners: Param,
    aspect: Param,
}

impl Polygon {
    /// Reads `radius_mm`, `corners` and `aspect` (width over length, 1: equal).
    pub fn read(table: &mut Table) -> Result<Self, Box<ScenarioError>> {
        Ok(Self {
            radius_mm: table.param("radius_mm", Param::uniform(4.0, 8.0), 0.01..=10_000.0)?,
            corners: table.param("corners", Param::uniform(2.5, 5.5), 3.0..=24.0)?,
            aspect: table.param("aspect", Param::uniform(0.5, 1.0), 0.05..=1.0)?,
        })
    }
}

impl Shape for Polygon {
    fn draw(&self, site: &Site<'_>, curve: &dyn Fn(f64) -> f64, draws: &mut Draws) -> Option<Field> {
        let radius = site.phase.draw_size("radius_mm", &self.radius_mm, draws);
        let aspect = draws.draw("aspect", &self.aspect);
        let count = draws.draw_count("corners", &self.corners);
        let centre = site.noted(draws)?;
        let corners = Corners::random(centre, radius, count, aspect, &mut draws.steady_stream("outline"));
        Some(raster(&corners, curve, &site.layer.frame))
    }
}

struct Corners {
    centre: [f64; 2],
    radius: f64,
    corners: Vec<[f64; 2]>,
}

impl Corners {
    /// `count` corners within `radius` of `centre`, drawn out to one side by `aspect` (1: not at all).
    fn random(centre: [f64; 2], radius: f64, count: usize, aspect: f64, stream: &mut Stream) -> Self {
        let (turn, lie) = (stream.uniform(0.0, TAU), stream.uniform(0.0, TAU));
        let corners = (0..count)
            .map(|k| {
                let angle = turn + TAU * (k as f64 + stream.uniform(-0.2, 0.2)) / count as f64;
                let out = radius * stream.uniform(0.75, 1.0);
                let [along, across] = [out * angle.cos(), out * angle.sin() * aspect];
                [
                    centre[0] + along * lie.cos() - across * lie.sin(),
                    centre[1] + along * lie.sin() + across * lie.cos(),
                ]
            })
            .collect();
        Self { centre, radius, corners }
    }

    fn edges(&self) -> impl Iterator<Item = ([f64; 2], [f64; 2])> {
        (0..self.corners.len()).map(|k| (self.corners[k], self.corners[(k + 1) % self.corners.len()]))
    }

    /// Distance from a point to the nearest edge.
    fn to_edge(&self, [x, y]: [f64; 2]) -> f64 {
        let distances = self.edges().map(|([ax, ay], [bx, by])| {
            let (dx, dy) = (bx - ax, by - ay);
            let along = (((x - ax) * dx + (y - ay) * dy) / (dx * dx + dy * dy)).clamp(0.0, 1.0);
            (x - ax - along * dx).hypot(y - ay - along * dy)
        });
        distances.fold(f64::INFINITY, f64::min)
    }
}

impl Outline for Corners {
    /// Even-odd rule. The depth is the distance to the nearest edge over that of the centre.
    fn at(&self, point: [f64; 2], curve: &dyn Fn(f64) -> f64) -> f64 {
        let [x, y] = point;
        let mut inside = false;
        for ([ax, ay], [bx, by]) in self.edges() {
            if (ay > y) != (by > y) && x < ax + (y - ay) / (by - ay) * (bx - ax) {
                inside = !inside;
            }
        }
        if inside { curve((self.to_edge(point) / self.to_edge(self.centre)).min(1.0)) } else { 0.0 }
    }

    fn bounds(&self) -> [[f64; 2]; 2] {
        square(self.centre, self.radius)
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::super::raster::tests::{FRAME, check, hard, outside};
    use super::*;

    /// Shoelace formula.
    fn area(polygon: &Corners) -> f64 {
        0.5 * polygon.edges().map(|([ax, ay], [bx, by])| ax * by - bx * ay).sum::<f64>()
    }

    proptest! {
        #[test]
        fn a_polygon_lies_in_its_circle_and_is_not_a_sliver(
            seed: u64, count in 3usize..24, radius in 0.1..40.0, aspect in 0.05..1.0,
        ) {
            let centre = [50.0, 50.0];
            let polygon = Corners::random(centre, radius, count, aspect, &mut Stream::root(seed));
            prop_assert!(outside(centre, radius).all(|point| polygon.at(point, &hard) == 0.0));
            prop_assert_eq!(polygon.at(centre, &|depth| depth), 1.0);
            check(&polygon, centre, radius)?;
            // Against the thinnest triangle that the draws allow.
            prop_assert!(area(&polygon) > 0.4 * aspect * radius * radius, "area {}", area(&polygon));
        }

        #[test]
        fn the_raster_of_a_polygon_has_its_area(seed: u64, count in 3usize..9, radius in 10.0..40.0) {
            let polygon = Corners::random([50.0, 50.0], radius, count, 1.0, &mut Stream::root(seed));
            let field = raster(&polygon, &hard, &FRAME);
            let found = field.values.iter().map(|&v| f64::from(v)).sum::<f64>() / FRAME.px_per_mm.powi(2);
            let exact = area(&polygon);
            prop_assert!((found / exact - 1.0).abs() < 0.03, "{found} instead of {exact}");
        }
    }
}
