//! Surface textures: how the temperature of bed and part varies from place to place.

mod cellular;
mod cloud;
mod flat;
mod grain;
mod lattice;
mod ridged;
mod surface;

use crate::layer::{Field, Frame};
use crate::params::Draws;
use crate::registry::Kind;

/// Writes the row of pixels of a number; asked for each row once, from the top.
pub type Brush = Box<dyn FnMut(usize, &mut [f32])>;

/// How one surface of a layer looks.
pub trait Texture: Send + Sync {
    /// What paints deviations from the surface's mean temperature in degrees Celsius over the whole frame.
    ///
    /// `layer` is the number of the layer in its job, for textures that change slowly from layer to
    /// layer. Every number is drawn through `draws`, so that the same streams paint the same field.
    fn brush(&self, frame: &Frame, layer: usize, draws: &mut Draws) -> Brush;

    /// The field that the brush paints.
    fn paint(&self, frame: &Frame, layer: usize, draws: &mut Draws) -> Field {
        Field::by_rows(frame.size_px, self.brush(frame, layer, draws))
    }
}

/// Every texture that a scenario can name.
pub const KINDS: &[Kind<dyn Texture>] = &[cellular::KIND, cloud::KIND, flat::KIND, grain::KIND, ridged::KIND];
