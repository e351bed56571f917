//! Noise that is new in every image.

use crate::layer::Field;
use crate::params::{Draws, Param, ScenarioError, Table};
use crate::stream::Stream;

/// Noise of the sensor: `[camera.noise]`. A pixel at the share `s` of the camera's range (0 where it is cold, and
/// no less) gets normal noise of variance `read_c^2 + shot_c^2 s`: what reading costs everywhere, and what the number of
/// photons adds, whose variance grows with the signal (Healey and Kondepudy 1994, doi:10.1109/34.276126).
///
/// Both twins of a layer get the same draws, so that equal temperatures give equal bits.
#[derive(Clone, Debug, PartialEq)]
pub struct Noise<T> {
    /// Standard deviation of the reading noise in degrees: the noise-equivalent temperature difference that a
    /// maker states.
    pub read_c: T,
    /// Standard deviation of the shot noise in degrees at the upper end of the range.
    pub shot_c: T,
}

/// The noise of one image.
#[derive(Clone, Debug)]
pub struct Reading {
    noise: Noise<f64>,
    stream: Stream,
}

impl Noise<Param> {
    pub(super) fn read(table: &mut Table) -> Result<Self, Box<ScenarioError>> {
        Ok(Self {
            read_c: table.param("read_c", Param::fixed(0.1), 0.0..=1000.0)?,
            shot_c: table.param("shot_c", Param::fixed(0.1), 0.0..=1000.0)?,
        })
    }

    pub(super) fn draw(&self, draws: &mut Draws) -> Reading {
        let noise =
            Noise { read_c: draws.draw("read_c", &self.read_c), shot_c: draws.draw("shot_c", &self.shot_c) };
        Reading { noise, stream: draws.layer_stream("grain") }
    }
}

impl Reading {
    /// Adds the noise to temperatures that the camera's range `range_c` holds.
    pub(super) fn disturb(&self, celsius: &mut Field, [low, high]: [f64; 2]) {
        let Noise { read_c, shot_c } = self.noise;
        let (read_c2, low) = ((read_c * read_c) as f32, low as f32);
        let shot_c2_per_c = (shot_c * shot_c / (high - f64::from(low))) as f32;
        let mut stream = self.stream.clone();
        let mut normal = vec![0.0; celsius.size_px];
        for row in celsius.values.chunks_exact_mut(celsius.size_px.max(1)) {
            stream.fill_normal(&mut normal);
            for (t, normal) in row.iter_mut().zip(&normal) {
                *t += (read_c2 + shot_c2_per_c * (*t - low).max(0.0)).sqrt() * normal;
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn noise_has_the_stated_variance_and_no_mean() {
        let reading = Reading { noise: Noise { read_c: 0.3, shot_c: 0.4 }, stream: Stream::root(1) };
        for (celsius, expected) in [(10.0, 0.09), (20.0, 0.09), (50.0, 0.17), (80.0, 0.25)] {
            let n = 256;
            let mut field = Field::constant(n, celsius);
            reading.disturb(&mut field, [20.0, 80.0]);
            let noise = field.values.iter().map(|t| f64::from(t - celsius));
            let (sum, squares) = noise.fold((0.0, 0.0), |(sum, squares), v| (sum + v, squares + v * v));
            let (mean, variance) = (sum / (n * n) as f64, squares / (n * n) as f64);
            // Five standard errors of each estimate.
            assert!(mean.abs() < 5.0 * (expected / (n * n) as f64).sqrt(), "{mean}");
            assert!((variance / expected - 1.0).abs() < 5.0 * (2.0 / (n * n) as f64).sqrt(), "{variance}");
        }
    }

    #[test]
    fn equal_temperatures_get_equal_noise_whatever_is_beside_them() {
        let reading = Reading { noise: Noise { read_c: 0.3, shot_c: 0.4 }, stream: Stream::root(1) };
        let (mut plain, mut spotted) = (Field::constant(8, 50.0), Field::constant(8, 50.0));
        spotted.values[20] = 70.0;
        reading.disturb(&mut plain, [20.0, 80.0]);
        reading.disturb(&mut spotted, [20.0, 80.0]);
        for i in (0..64).filter(|&i| i != 20) {
            assert_eq!(plain.values[i].to_bits(), spotted.values[i].to_bits());
        }
    }
}
