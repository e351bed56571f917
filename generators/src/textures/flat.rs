//! No texture.

use super::Texture;
use crate::layer::{Field, Frame};
use crate::params::Draws;
use crate::registry::Kind;

/// The same temperature everywhere.
pub(super) const KIND: Kind<dyn Texture> = Kind {
    name: "flat",
    summary: "no texture: the same temperature everywhere",
    source: "own",
    example: "",
    build: |_| Ok(Box::new(Flat)),
};

struct Flat;

impl Texture for Flat {
    fn paint(&self, frame: &Frame, _layer: usize, _draws: &mut Draws) -> Field {
        Field::constant(frame.size_px, 0.0)
    }
}
