//! From temperatures to grey values.

use super::Exposure;

/// A temperature to its grey value from 0 (black) to 1 (white): the place within the range, turned
/// over where `invert`, times the gain, plus the offset, cut at black and white.
pub(super) fn invert_and_scale(
    [low, high]: [f64; 2],
    invert: bool,
    exposure: &Exposure,
) -> impl Fn(f32) -> f32 {
    let slope = exposure.gain / if invert { low - high } else { high - low };
    let dark = if invert { high } else { low };
    let (slope, dark, offset) = (slope as f32, dark as f32, exposure.offset as f32);
    #[inline(always)]
    move |celsius| ((celsius - dark) * slope + offset).clamp(0.0, 1.0)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn scaling_is_linear_inverted_and_cut() {
        let celsius = [16.0, 32.0, 80.0, 96.0];
        let plain = Exposure { gain: 1.0, ..Exposure::default() };
        let scaled =
            |invert, exposure: &Exposure| celsius.map(invert_and_scale([16.0, 80.0], invert, exposure));
        assert_eq!(scaled(false, &plain), [0.0, 0.25, 1.0, 1.0]);
        assert_eq!(scaled(true, &plain), [1.0, 0.75, 0.0, 0.0]);
        assert_eq!(
            scaled(false, &Exposure { gain: 2.0, offset: 0.125, ..plain.clone() }),
            [0.125, 0.625, 1.0, 1.0]
        );
    }
}
