//! No texture.

use super::{Brush, Texture};
use crate::layer::Frame;
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
    fn brush(&self, _frame: &Frame, _layer: usize, _draws: &mut Draws) -> Brush {
        Box::new(|_, row| row.fill(0.0))
    }
}
