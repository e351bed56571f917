//! Heat that stays from layer to layer.

use crate::layer::Field;
use crate::params::{Param, ScenarioError, Table};

/// How much of a layer's temperature the next one keeps, as the scenario states it.
#[derive(Clone, Debug)]
pub struct Thermal {
    /// Share of the last layer's temperature that stays, 0 to 1.
    pub retain: Param,
}

impl Thermal {
    /// Reads the table `[thermal]`.
    pub(crate) fn read(mut table: Table) -> Result<Self, Box<ScenarioError>> {
        let retain = table.param("retain", Param::fixed(0.0), 0.0..=0.99)?;
        table.finish().map(|()| Self { retain })
    }
}

/// The surface temperature after a layer: `T_k = retain T_(k-1) + (1 - retain) S_k` for the fresh
/// layer `S_k`, and `T_0 = S_0`, all in degrees Celsius.
///
/// A pixel depends on itself alone, bit for bit.
///
/// # Panics
/// Where the fields differ in size.
pub fn decay(before_c: Option<&Field>, fresh_c: &Field, retain: f64) -> Field {
    let Some(before_c) = before_c else {
        return fresh_c.clone();
    };
    assert_eq!(before_c.size_px, fresh_c.size_px);
    let (stays, comes) = (retain as f32, (1.0 - retain) as f32);
    let values = before_c.values.iter().zip(&fresh_c.values).map(|(t, s)| stays * t + comes * s).collect();
    Field { size_px: fresh_c.size_px, values }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_step_decays_geometrically() {
        let mut state = decay(None, &Field::constant(2, 80.0), 0.25);
        assert_eq!(state.values, [80.0; 4]);
        for k in 1..8 {
            state = decay(Some(&state), &Field::constant(2, 20.0), 0.25);
            assert_eq!(state.values, [20.0 + 60.0 * 0.25f32.powi(k); 4]);
        }
    }

    #[test]
    fn nothing_or_everything_stays() {
        let (old, new) = (Field::constant(2, 80.0), Field::constant(2, 20.0));
        assert_eq!(decay(Some(&old), &new, 0.0), new);
        assert_eq!(decay(Some(&old), &new, 1.0), old);
    }
}
