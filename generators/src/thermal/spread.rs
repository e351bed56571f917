//! Heat that spreads sideways.

use crate::gaussian::{blur, reach_px};
use crate::layer::Field;
use crate::params::{Draws, Param, ScenarioError, Table};

/// Lateral diffusion while one layer is made: `[thermal.spread]`.
///
/// The heat equation spreads a point of heat over the time `t` into a Gaussian of standard deviation
/// `sqrt(2 D t)` along each axis (Carslaw and Jaeger 1959, section 2.2); no heat leaves through the edges of
/// the image.
#[derive(Clone, Debug, PartialEq)]
pub struct Spread<T> {
    /// Thermal diffusivity `D` of the bed in mm2 per second; dry sand has 0.1 to 0.3.
    pub diffusivity_mm2_per_s: T,
    /// Time `t` from one image to the next in seconds.
    pub layer_secs: T,
}

impl Spread<Param> {
    pub(super) fn read(table: &mut Table) -> Result<Self, Box<ScenarioError>> {
        Ok(Self {
            diffusivity_mm2_per_s: table.param("diffusivity_mm2_per_s", Param::fixed(0.2), 0.0..=1000.0)?,
            layer_secs: table.param("layer_secs", Param::fixed(25.0), 0.0..=100_000.0)?,
        })
    }

    pub(super) fn draw(&self, draws: &mut Draws) -> Spread<f64> {
        let spread = Spread {
            diffusivity_mm2_per_s: draws.draw("diffusivity_mm2_per_s", &self.diffusivity_mm2_per_s),
            layer_secs: draws.draw("layer_secs", &self.layer_secs),
        };
        draws.note("sigma_mm", spread.sigma_mm());
        spread
    }
}

impl Spread<f64> {
    /// Standard deviation of the Gaussian in mm.
    pub fn sigma_mm(&self) -> f64 {
        (2.0 * self.diffusivity_mm2_per_s * self.layer_secs).sqrt()
    }

    /// How far, in pixels along a row or column, one layer's time carries a change.
    pub fn reach_px(&self, px_per_mm: f64) -> usize {
        reach_px(self.sigma_mm() * px_per_mm)
    }

    /// The surface after one layer's time.
    pub(super) fn diffuse(&self, surface_c: &Field, px_per_mm: f64) -> Field {
        // At twice the image's side the slowest wave that it holds has lost all but 3e-9 of its height: what
        // is wider makes no difference.
        let widest_px = 2.0 * surface_c.size_px as f64;
        blur(surface_c, (self.sigma_mm() * px_per_mm).min(widest_px))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const SAND: Spread<f64> = Spread { diffusivity_mm2_per_s: 0.2, layer_secs: 22.5 };

    #[test]
    fn a_point_spreads_to_the_variance_of_the_heat_equation() {
        assert_eq!(SAND.sigma_mm(), 3.0);
        let (n, px_per_mm) = (65, 1.5);
        let mut point = Field::constant(n, 0.0);
        point.values[n / 2 * n + n / 2] = 1.0;
        for layers in 1..3 {
            point = SAND.diffuse(&point, px_per_mm);
            let offset_mm = |i: usize| ((i % n) as f64 - (n / 2) as f64) / px_per_mm;
            let variance = point.values.iter().enumerate().map(|(i, v)| f64::from(*v) * offset_mm(i).powi(2));
            let variance_mm2: f64 = variance.sum();
            // The cut at four standard deviations costs a thousandth.
            assert!((variance_mm2 / (9.0 * f64::from(layers)) - 1.0).abs() < 2e-3, "{variance_mm2}");
        }
    }

    #[test]
    fn no_heat_is_lost_or_made() {
        let n = 48;
        let wave = |i: usize| 40.0 + 8.0 * ((i * i) as f32 * 0.37).sin();
        let field = Field { size_px: n, values: (0..n * n).map(wave).collect() };
        let mean = |f: &Field| f.values.iter().copied().map(f64::from).sum::<f64>() / (n * n) as f64;
        for px_per_mm in [0.01, 0.5, 2.0, 1e6] {
            let spread = SAND.diffuse(&field, px_per_mm);
            assert!((mean(&spread) - mean(&field)).abs() < 1e-4, "{px_per_mm}");
        }
        let flat = SAND.diffuse(&field, 1e6);
        assert!(
            flat.values.iter().all(|v| (f64::from(*v) - mean(&field)).abs() < 1e-3),
            "nothing is left but the mean"
        );
        assert_eq!(SAND.diffuse(&field, 0.01), field, "narrower than a pixel can tell");
    }
}
