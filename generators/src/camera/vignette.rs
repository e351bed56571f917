//! A lens that gives less light to the corners.

use crate::layer::Field;
use crate::params::{Draws, Param, ScenarioError, Table};

/// Vignetting: `[camera.vignette]`.
///
/// Where light comes in at the angle `a`, a thin lens gives the sensor `cos^4 a` of what it gives in the middle (Gardner
/// 1947, doi:10.6028/jres.039.015). The image's middle lies on the axis and `tan a` grows with the distance to it; what
/// is scaled is the temperature above the lower end of the camera's range, where the sensor reads nothing.
#[derive(Clone, Debug, PartialEq)]
pub struct Vignette<T> {
    /// Share that the corners of the image lose.
    pub corner_loss: T,
}

impl Vignette<Param> {
    pub(super) fn read(table: &mut Table) -> Result<Self, Box<ScenarioError>> {
        Ok(Self { corner_loss: table.param("corner_loss", Param::fixed(0.1), 0.0..=0.99)? })
    }

    pub(super) fn draw(&self, draws: &mut Draws) -> Vignette<f64> {
        Vignette { corner_loss: draws.draw("corner_loss", &self.corner_loss) }
    }
}

impl Vignette<f64> {
    /// What is left of the light at `distance` from the middle, where a corner is at 1.
    pub fn transmits(&self, distance: f64) -> f64 {
        // cos^4 a = (1 + tan^2 a)^-2, and tan a is proportional to the distance.
        (1.0 + self.corner() * distance * distance).powi(-2)
    }

    /// The square of `tan a` in a corner.
    fn corner(&self) -> f64 {
        (1.0 - self.corner_loss).powf(-0.5) - 1.0
    }

    /// Darkens the temperatures of which `lowest_c` is read as nothing.
    pub(super) fn darken(&self, celsius: &mut Field, lowest_c: f64) {
        let n = celsius.size_px;
        // From the middle to a corner it is 1, so to the middle of a side the root of a half.
        let offset = |pixel: usize| (2.0 * (pixel as f64 + 0.5) / n as f64 - 1.0) * 0.5f64.sqrt();
        let tan2: Vec<f64> = (0..n).map(|pixel| self.corner() * offset(pixel).powi(2)).collect();
        for (down, row) in tan2.iter().zip(celsius.values.chunks_exact_mut(n.max(1))) {
            for (across, t) in tan2.iter().zip(row) {
                let lost = 1.0 + (across + down);
                *t = (lowest_c + (f64::from(*t) - lowest_c) / (lost * lost)) as f32;
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_loss_is_that_of_the_fourth_power_of_the_cosine() {
        let vignette = Vignette { corner_loss: 0.4 };
        assert_eq!(vignette.transmits(0.0), 1.0);
        assert!((vignette.transmits(1.0) - 0.6).abs() < 1e-12);
        let corner_rad = 0.6f64.powf(0.25).acos();
        for distance in [0.1, 0.3, 0.7] {
            let angle_rad = (distance * corner_rad.tan()).atan();
            assert!((vignette.transmits(distance) - angle_rad.cos().powi(4)).abs() < 1e-12);
        }
    }

    #[test]
    fn the_middle_stays_and_corners_lose_what_is_above_the_lowest() {
        let mut field = Field::constant(101, 80.0);
        Vignette { corner_loss: 0.2 }.darken(&mut field, 20.0);
        assert_eq!(field.values[50 * 101 + 50], 80.0);
        for corner in [0, 100, 100 * 101, 101 * 101 - 1] {
            // The centre of the outermost pixel lies half a pixel inside the corner.
            assert!((field.values[corner] - 68.0).abs() < 0.25, "{}", field.values[corner]);
        }
        let mut cold = Field::constant(8, 20.0);
        Vignette { corner_loss: 0.2 }.darken(&mut cold, 20.0);
        assert_eq!(cold, Field::constant(8, 20.0));
    }
}
