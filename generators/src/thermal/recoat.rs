//! New powder that cools the surface.

use crate::layer::{CELSIUS, Field};
use crate::params::{Draws, Param, ScenarioError, Table};

/// The recoater's new powder takes heat from the surface that it comes to lie on: `[thermal.recoat]`.
///
/// `T' = T + exchange (powder_c - T)`: two bodies in contact come to the mean of their temperatures weighted by their
/// heat capacities, and `exchange` is the powder's share of them.
#[derive(Clone, Debug, PartialEq)]
pub struct Recoat<T> {
    /// Temperature of the new powder in degrees Celsius.
    pub powder_c: T,
    /// Share of the difference to the powder that the surface loses, 0 to 1.
    pub exchange: T,
}

impl Recoat<Param> {
    pub(super) fn read(table: &mut Table) -> Result<Self, Box<ScenarioError>> {
        Ok(Self {
            powder_c: table.param("powder_c", Param::fixed(25.0), CELSIUS)?,
            exchange: table.param("exchange", Param::fixed(0.2), 0.0..=1.0)?,
        })
    }

    pub(super) fn draw(&self, draws: &mut Draws) -> Recoat<f64> {
        Recoat {
            powder_c: draws.draw("powder_c", &self.powder_c),
            exchange: draws.draw("exchange", &self.exchange),
        }
    }
}

impl Recoat<f64> {
    /// Cools the surface (or warms it, where the powder is warmer).
    pub(super) fn cool(&self, surface_c: &mut Field) {
        let (powder_c, exchange) = (self.powder_c as f32, self.exchange as f32);
        surface_c.values.iter_mut().for_each(|t| *t += exchange * (powder_c - *t));
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_difference_to_the_powder_shrinks_by_the_share_that_is_exchanged() {
        let after = |exchange| {
            let mut surface = Field { size_px: 2, values: vec![80.0, 40.0, 20.0, 0.0] };
            Recoat { powder_c: 20.0, exchange }.cool(&mut surface);
            surface.values
        };
        assert_eq!(after(0.0), [80.0, 40.0, 20.0, 0.0]);
        assert_eq!(after(0.25), [65.0, 35.0, 20.0, 5.0]);
        assert_eq!(after(1.0), [20.0; 4]);
    }
}
