//! Everything that the camera sees.

use super::Shape;
use crate::defects::site::Site;
use crate::layer::Field;
use crate::params::Draws;
use crate::registry::Kind;

/// Each pixel, at full strength.
pub(super) const KIND: Kind<dyn Shape> = Kind {
    name: "whole-layer",
    summary: "everything that the camera sees; with on = \"part\" the whole part",
    source: "own",
    example: "",
    build: |_| Ok(Box::new(WholeLayer)),
};

/// It has no parameters.
pub struct WholeLayer;

impl Shape for WholeLayer {
    fn draw(&self, site: &Site<'_>, curve: &dyn Fn(f64) -> f64, _: &mut Draws) -> Option<Field> {
        Some(Field::constant(site.layer.frame.size_px, curve(1.0) as f32))
    }
}
