//! Surface textures: how the temperature of bed and part varies from place to place.

use crate::layer::{Field, Frame};
use crate::params::Draws;
use crate::registry::Kind;

/// Paints one surface of one layer.
pub trait Texture: Send + Sync {
    /// Deviations from the surface's mean temperature in degrees Celsius over the whole frame.
    ///
    /// Every number is drawn through `draws`, so that the same streams paint the same field.
    fn paint(&self, frame: &Frame, draws: &mut Draws) -> Field;
}

/// Every texture that a scenario can name.
pub const KINDS: &[Kind<dyn Texture>] = &[];
