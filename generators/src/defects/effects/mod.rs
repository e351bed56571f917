//! Effects: what happens to the surface where a shape lies.

mod add;
mod bare;
mod blur;
mod displace;
mod multiply;
mod replace;

pub(super) use add::Add;
pub(super) use bare::Bare;
pub(super) use displace::{Displace, displace};
pub(super) use replace::Replace;

use super::Phase;
use super::region::{Ground, Region};
use crate::layer::Layer;
use crate::params::Draws;
use crate::registry::Kind;

/// An effect as the scenario states it.
pub trait Effect: Send + Sync {
    /// Changes `layer.temperature_c` in the pixels of `region`, each by its strength.
    ///
    /// Severity is drawn through [`Phase::draw_severity`].
    fn act(&self, layer: &mut Layer, region: &Region, phase: &Phase, draws: &mut Draws);

    /// The ground that it acts on where the scenario does not say.
    fn ground(&self) -> Ground {
        Ground::Part
    }
}

/// Every effect that a composed defect can name.
pub const KINDS: &[Kind<dyn Effect>] =
    &[add::KIND, bare::KIND, blur::KIND, displace::KIND, multiply::KIND, replace::KIND];

/// The scene of the tests of effects: half part at 60 degrees, half bed at 40, both with a ripple.
#[cfg(test)]
mod tests {
    use super::*;
    use crate::defects::{Phase, effects};
    use crate::layer::{Field, Frame};
    use crate::params::Table;
    use crate::registry;
    use crate::stream::Stream;

    fn layer() -> Layer {
        let n = 16;
        let field =
            |value: &dyn Fn(usize) -> f32| Field { size_px: n, values: (0..n * n).map(value).collect() };
        let ripple = |i: usize| if (i + i / n).is_multiple_of(2) { 0.5 } else { -0.5 };
        let coverage = field(&|i| if i % n < n / 2 { 1.0 } else { 0.0 });
        let frame = Frame { size_px: n, px_per_mm: 0.5 };
        Layer::compose(frame, 0, coverage, field(&|i| 40.0 + ripple(i)), field(&|i| 60.0 + ripple(i)))
    }

    /// The change of each pixel where every pixel of the ground has the strength `share`.
    fn change(text: &str, ground: Ground, share: f32, severity: f64) -> Vec<f64> {
        let (_, effect) = registry::build(effects::KINDS, Table::parse("s.toml", text).unwrap()).unwrap();
        let (before, mut after) = (layer(), layer());
        let region = Region::new(&before.coverage, &Field::constant(16, share), ground);
        let phase = Phase { severity, ..Phase::ONLY };
        effect.act(&mut after, &region, &phase, &mut Draws::new(&Stream::root(1), &Stream::root(2)));
        let pairs = after.temperature_c.values.iter().zip(&before.temperature_c.values);
        pairs.map(|(a, b)| f64::from(*a) - f64::from(*b)).collect()
    }

    fn close(found: &[f64], expected: impl Fn(usize) -> f64) {
        for (i, change) in found.iter().enumerate() {
            assert!((change - expected(i)).abs() < 1e-4, "pixel {i}: {change} instead of {}", expected(i));
        }
    }

    fn on_part(i: usize) -> bool {
        i % 16 < 8
    }

    #[test]
    fn add_raises_by_multiples_of_the_texture() {
        // The ripple's deviation is 0.5.
        let hot = change("kind = \"add\"\ncnr = 4\npolarity = \"hot\"", Ground::Part, 0.3, 1.0);
        close(&hot, |i| if on_part(i) { 2.0 } else { 0.0 });
        let cold = change("kind = \"add\"\ncnr = 4\npolarity = \"cold\"", Ground::Layer, 1.0, 0.25);
        close(&cold, |_| -0.5);
    }

    #[test]
    fn bare_shows_the_bed() {
        let bare = change("kind = \"bare\"\nmissing = 0.8", Ground::Part, 1.0, 0.5);
        close(&bare, |i| if on_part(i) { -8.0 } else { 0.0 });
    }

    #[test]
    fn multiply_scales_the_rise_over_the_bed() {
        let ripple = |i: usize| if (i + i / 16).is_multiple_of(2) { 0.5 } else { -0.5 };
        let found = change("kind = \"multiply\"\nfactor = 1.5", Ground::Layer, 1.0, 1.0);
        close(&found, |i| 0.5 * (ripple(i) + if on_part(i) { 20.0 } else { 0.0 }));
        let half = change("kind = \"multiply\"\nfactor = 0.5", Ground::Part, 0.5, 0.5);
        close(&half, |i| if on_part(i) { -0.125 * (20.0 + ripple(i)) } else { 0.0 });
    }

    #[test]
    fn displace_moves_the_contour() {
        // 4 mm are two pixels: what was bed right of the contour is part now.
        let found = change("kind = \"displace\"\ndistance_mm = 4\nangle_deg = 0", Ground::Layer, 1.0, 1.0);
        close(&found, |i| match i % 16 {
            8 | 9 => 20.0,
            0 | 1 => -20.0,
            _ => 0.0,
        });
    }

    #[test]
    fn blur_takes_the_texture_away() {
        let found = change("kind = \"blur\"\nblur_mm = 6", Ground::Layer, 1.0, 1.0);
        // The ripple is gone, the step has become a slope, and no heat is lost.
        let after: Vec<f64> =
            (0..256).map(|i| f64::from(layer().temperature_c.values[i]) + found[i]).collect();
        assert!(after.chunks(16).all(|row| row.windows(2).all(|pair| pair[0] > pair[1])), "{after:?}");
        assert!(found.iter().sum::<f64>().abs() < 1e-2 && found[7] < -5.0 && found[8] > 5.0);
    }

    #[test]
    fn replace_covers_at_one_temperature() {
        let found = change("kind = \"replace\"\ncnr = 8\npolarity = \"hot\"", Ground::Part, 1.0, 1.0);
        let ripple = |i: usize| if (i + i / 16).is_multiple_of(2) { 0.5 } else { -0.5 };
        close(&found, |i| if on_part(i) { 4.0 - ripple(i) } else { 0.0 });
    }
}
