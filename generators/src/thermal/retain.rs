//! Heat that stays from layer to layer (Zeiser et al. 2023, section 4.2).

use std::ops::RangeInclusive;

use crate::layer::Field;

/// What a retained share may be.
pub(super) const SHARE: RangeInclusive<f64> = 0.0..=0.99;

/// The surface temperature after a layer: `T_k = r T_(k-1) + (1 - r) S_k` for the old surface `old_c`, the
/// fresh layer `fresh_c` and the retained share `r` of each pixel, all in degrees Celsius.
///
/// A pixel depends on itself alone, bit for bit.
///
/// # Panics
/// Where the fields differ in size.
pub fn retain(old_c: &Field, fresh_c: &Field, share: impl Fn(usize) -> f64) -> Field {
    assert_eq!(old_c.size_px, fresh_c.size_px);
    let values = old_c.values.iter().zip(&fresh_c.values).enumerate();
    let mixed = values.map(|(i, (old, fresh))| {
        let stays = share(i);
        stays as f32 * old + (1.0 - stays) as f32 * fresh
    });
    Field { size_px: fresh_c.size_px, values: mixed.collect() }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_step_decays_geometrically() {
        let mut surface = Field::constant(2, 80.0);
        for k in 1..8 {
            surface = retain(&surface, &Field::constant(2, 20.0), |_| 0.25);
            assert_eq!(surface.values, [20.0 + 60.0 * 0.25f32.powi(k); 4]);
        }
    }

    #[test]
    fn nothing_or_everything_stays() {
        let (old, new) = (Field::constant(2, 80.0), Field::constant(2, 20.0));
        assert_eq!(retain(&old, &new, |_| 0.0), new);
        assert_eq!(retain(&old, &new, |_| 1.0), old);
        let share = |i: usize| if i == 0 { 1.0 } else { 0.0 };
        assert_eq!(retain(&old, &new, share).values, [80.0, 20.0, 20.0, 20.0]);
    }
}
