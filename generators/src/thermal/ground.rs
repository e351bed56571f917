//! Printed layers below the surface.

use super::retain::SHARE;
use crate::layer::Field;
use crate::params::{Draws, Param, ScenarioError, Table};

/// Printed ground keeps more heat than loose powder, and the more of it lies below, the more heat has
/// gathered: `[thermal.ground]`.
///
/// How much was printed below a place is `G_k = G_(k-1) + (C_(k-1) - G_(k-1)) / depth_layers` for the nominal slices `C`, and 0
/// below the first layer: a mean over the layers below whose weights fall off with depth.
#[derive(Clone, Debug, PartialEq)]
pub struct Ground<T> {
    /// How many layers below count, at least 1.
    pub depth_layers: T,
    /// Rise of the fresh layer's temperature in degrees over ground that is printed through and through.
    pub rise_c: T,
    /// What such ground retains in place of `[thermal] retain`; the same where `None`.
    pub retain: Option<T>,
}

impl Ground<Param> {
    pub(super) fn read(table: &mut Table) -> Result<Self, Box<ScenarioError>> {
        let depth_layers = table.param("depth_layers", Param::fixed(5.0), 1.0..=10_000.0)?;
        let rise_c = table.param("rise_c", Param::fixed(0.0), -1000.0..=1000.0)?;
        Ok(Self { depth_layers, rise_c, retain: table.param_if_stated("retain", SHARE)? })
    }

    pub(super) fn draw(&self, draws: &mut Draws) -> Ground<f64> {
        Ground {
            depth_layers: draws.draw("depth_layers", &self.depth_layers),
            rise_c: draws.draw("rise_c", &self.rise_c),
            retain: self.retain.as_ref().map(|retain| draws.draw("retain", retain)),
        }
    }
}

impl Ground<f64> {
    /// How much of the ground below the next layer is printed, where this layer's slice is `coverage` and
    /// that much of the ground below this one.
    pub(super) fn bury(&self, below: Option<&Field>, coverage: &Field) -> Field {
        let weight = (1.0 / self.depth_layers) as f32;
        let below = |i: usize| below.map_or(0.0, |field| field.values[i]);
        let values = coverage.values.iter().enumerate().map(|(i, c)| below(i) + weight * (c - below(i)));
        Field { size_px: coverage.size_px, values: values.collect() }
    }

    /// Warms the fresh layer.
    pub(super) fn rise(&self, fresh_c: &mut Field, below: &Field) {
        let rise_c = self.rise_c as f32;
        fresh_c.values.iter_mut().zip(&below.values).for_each(|(t, printed)| *t += rise_c * printed);
    }

    /// The share that a pixel retains over ground of which that much is printed, where powder retains
    /// `powder`.
    pub(super) fn retains(&self, printed: f32, powder: f64) -> f64 {
        powder + (self.retain.unwrap_or(powder) - powder) * f64::from(printed)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ground_fills_up_and_empties_geometrically() {
        let ground = Ground { depth_layers: 4.0, rise_c: 8.0, retain: Some(0.75) };
        let (solid, powder) = (Field::constant(1, 1.0), Field::constant(1, 0.0));
        let mut below = None;
        for k in 1..6 {
            below = Some(ground.bury(below.as_ref(), &solid));
            assert_eq!(below.as_ref().map(|f| f.values[0]), Some(1.0 - 0.75f32.powi(k)));
        }
        let full = below.map_or(0.0, |f| f.values[0]);
        let emptier = ground.bury(Some(&Field::constant(1, full)), &powder);
        assert_eq!(emptier.values, [0.75 * full]);
    }

    #[test]
    fn printed_ground_warms_and_retains_by_how_much_of_it_there_is() {
        let ground = Ground { depth_layers: 4.0, rise_c: 8.0, retain: Some(0.75) };
        let mut fresh_c = Field { size_px: 2, values: vec![40.0; 4] };
        ground.rise(&mut fresh_c, &Field { size_px: 2, values: vec![0.0, 0.25, 0.5, 1.0] });
        assert_eq!(fresh_c.values, [40.0, 42.0, 44.0, 48.0]);
        assert_eq!([0.0, 0.5, 1.0].map(|g| ground.retains(g, 0.25)), [0.25, 0.5, 0.75]);
        let plain = Ground { retain: None, ..ground };
        assert_eq!(plain.retains(0.7, 0.3), 0.3);
    }
}
