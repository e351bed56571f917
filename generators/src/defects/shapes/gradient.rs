//! A tilt over the whole layer: one side against the other.

use super::Shape;
use crate::defects::site::Site;
use crate::layer::Field;
use crate::params::{Draws, Param, ScenarioError, Table};
use crate::registry::Kind;

/// From -1 on one side through 0 in the middle to 1 on the other.
pub(super) const KIND: Kind<dyn Shape> = Kind {
    name: "gradient",
    summary: "the whole layer, from the full change on one side through none in the middle to its opposite; linear with the profile \"ramp\"",
    source: "own",
    example: "toward_deg = { uniform = [0.0, 360.0] }\n",
    build: |table| Ok(Box::new(Gradient::read(table)?)),
};

/// A gradient as the scenario states it.
pub struct Gradient {
    toward_deg: Param,
}

impl Gradient {
    /// Reads `toward_deg`, the direction in which it rises, anticlockwise from x.
    pub fn read(table: &mut Table) -> Result<Self, Box<ScenarioError>> {
        Ok(Self { toward_deg: table.param("toward_deg", Param::uniform(0.0, 360.0), -360.0..=360.0)? })
    }
}

impl Shape for Gradient {
    fn draw(&self, site: &Site<'_>, curve: &dyn Fn(f64) -> f64, draws: &mut Draws) -> Option<Field> {
        let (sine, cosine) = draws.draw("toward_deg", &self.toward_deg).to_radians().sin_cos();
        let frame = site.layer.frame;
        let half = 0.5 * frame.side_mm();
        // How far the corner lies in that direction.
        let furthest = half * (sine.abs() + cosine.abs());
        let at = |i: usize| {
            let [x, y] = frame.centre_mm(i);
            let rise = ((x - half) * cosine + (y - half) * sine) / furthest;
            rise.signum() * curve(rise.abs())
        };
        let values = (0..frame.size_px * frame.size_px).map(|i| at(i) as f32).collect();
        Some(Field { size_px: frame.size_px, values })
    }
}
