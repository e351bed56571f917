//! From temperatures to grey values.

use super::Exposure;
use crate::layer::Field;

/// Temperatures to grey values from 0 (black) to 1 (white): the place within `range_c`, turned
/// over where `invert`, times the gain, plus the offset, cut at black and white.
pub fn invert_and_scale(celsius: &Field, range_c: [f64; 2], invert: bool, exposure: &Exposure) -> Field {
    let [low, high] = range_c;
    let slope = exposure.gain / if invert { low - high } else { high - low };
    let dark = if invert { high } else { low };
    let (slope, dark, offset) = (slope as f32, dark as f32, exposure.offset as f32);
    let values = celsius.values.iter().map(|c| ((c - dark) * slope + offset).clamp(0.0, 1.0)).collect();
    Field { size_px: celsius.size_px, values }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn scaling_is_linear_inverted_and_cut() {
        let celsius = Field { size_px: 2, values: vec![16.0, 32.0, 80.0, 96.0] };
        let plain = Exposure { gain: 1.0, ..Exposure::default() };
        let scaled =
            |invert, exposure: &Exposure| invert_and_scale(&celsius, [16.0, 80.0], invert, exposure).values;
        assert_eq!(scaled(false, &plain), [0.0, 0.25, 1.0, 1.0]);
        assert_eq!(scaled(true, &plain), [1.0, 0.75, 0.0, 0.0]);
        assert_eq!(
            scaled(false, &Exposure { gain: 2.0, offset: 0.125, ..plain.clone() }),
            [0.125, 0.625, 1.0, 1.0]
        );
    }
}
