//! A lens that gives less light to the corners.

use crate::layer::Field;
use crate::params::{Draws, Param, ScenarioError, Table};

/// Vignetting: `[camera.vignette]`.
///
/// Where light comes in at the angle `a`, a thin lens gives the sensor `cos^4 a` of what it gives on its axis (Gardner
/// 1947, doi:10.6028/jres.039.015). Here `tan a` grows with the distance to the axis to the power `steepness`: 1 is that
/// law, and more is a barrel or a shade that cuts into the light towards the edge. Where the image is a part of what the camera
/// sees, the axis need not be in its middle. What is scaled is the temperature above the lower end of the camera's
/// range, where the sensor reads nothing.
#[derive(Clone, Debug, PartialEq)]
pub struct Vignette<T> {
    /// Share that is lost half a diagonal of the image away from the axis: in the corners, where the axis is in the middle.
    pub corner_loss: T,
    /// Place of the axis from left to right, in sides of the image.
    pub centre_x: T,
    /// Place of the axis from the near edge to the far one, in sides of the image.
    pub centre_y: T,
    /// How late and how steeply the light falls: 1 is the law of the thin lens.
    pub steepness: T,
}

impl Vignette<Param> {
    pub(super) fn read(table: &mut Table) -> Result<Self, Box<ScenarioError>> {
        Ok(Self {
            corner_loss: table.param("corner_loss", Param::fixed(0.1), 0.0..=0.99)?,
            centre_x: table.param("centre_x", Param::fixed(0.5), -1.0..=2.0)?,
            centre_y: table.param("centre_y", Param::fixed(0.5), -1.0..=2.0)?,
            steepness: table.param("steepness", Param::fixed(1.0), 0.5..=8.0)?,
        })
    }

    pub(super) fn draw(&self, draws: &mut Draws) -> Vignette<f64> {
        Vignette {
            corner_loss: draws.draw("corner_loss", &self.corner_loss),
            centre_x: draws.draw("centre_x", &self.centre_x),
            centre_y: draws.draw("centre_y", &self.centre_y),
            steepness: draws.draw("steepness", &self.steepness),
        }
    }
}

impl Vignette<f64> {
    /// What is left of the light at `distance` from the axis, in half diagonals.
    pub fn transmits(&self, distance: f64) -> f64 {
        // cos^4 a = (1 + tan^2 a)^-2.
        (1.0 + self.corner() * (distance * distance).powf(self.steepness)).powi(-2)
    }

    /// What is left of the light at a place that is so many sides of the image from its left and upper edges.
    pub fn transmits_at(&self, [x, y]: [f64; 2]) -> f64 {
        let [across, down] = self.offset([x, y]);
        self.transmits(across.hypot(down))
    }

    /// The square of `tan a` half a diagonal away.
    fn corner(&self) -> f64 {
        (1.0 - self.corner_loss).powf(-0.5) - 1.0
    }

    /// To the right of the axis and below it, in half diagonals: the root of a half of a side.
    fn offset(&self, [x, y]: [f64; 2]) -> [f64; 2] {
        [2.0 * x - 2.0 * self.centre_x, 2.0 * y - 2.0 * (1.0 - self.centre_y)].map(|by| by * 0.5f64.sqrt())
    }

    /// Darkens the temperatures of which `lowest_c` is read as nothing.
    pub(super) fn darken(&self, celsius: &mut Field, lowest_c: f64) {
        let n = celsius.size_px;
        let corner = self.corner();
        let offset = |pixel: usize| {
            let place = (pixel as f64 + 0.5) / n as f64;
            self.offset([place, place])
        };
        let tan2 =
            |axis: usize| -> Vec<f64> { (0..n).map(|pixel| corner * offset(pixel)[axis].powi(2)).collect() };
        let (across, down) = (tan2(0), tan2(1));
        // The usual law is spared the power.
        let steep = self.steepness != 1.0 && corner > 0.0;
        for (down, row) in down.iter().zip(celsius.values.chunks_exact_mut(n.max(1))) {
            for (across, t) in across.iter().zip(row) {
                let tan2 = across + down;
                let lost = 1.0 + if steep { corner * (tan2 / corner).powf(self.steepness) } else { tan2 };
                *t = (lowest_c + (f64::from(*t) - lowest_c) / (lost * lost)) as f32;
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn thin_lens(corner_loss: f64) -> Vignette<f64> {
        Vignette { corner_loss, centre_x: 0.5, centre_y: 0.5, steepness: 1.0 }
    }

    #[test]
    fn the_loss_is_that_of_the_fourth_power_of_the_cosine() {
        let vignette = thin_lens(0.4);
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
        thin_lens(0.2).darken(&mut field, 20.0);
        assert_eq!(field.values[50 * 101 + 50], 80.0);
        for corner in [0, 100, 100 * 101, 101 * 101 - 1] {
            // The centre of the outermost pixel lies half a pixel inside the corner.
            assert!((field.values[corner] - 68.0).abs() < 0.25, "{}", field.values[corner]);
        }
        let mut cold = Field::constant(8, 20.0);
        thin_lens(0.2).darken(&mut cold, 20.0);
        assert_eq!(cold, Field::constant(8, 20.0));
    }

    #[test]
    fn the_axis_may_lie_elsewhere_and_the_light_fall_more_steeply() {
        let vignette = Vignette { centre_x: 0.25, centre_y: 0.75, steepness: 3.0, ..thin_lens(0.4) };
        // From the left and upper edges: the axis itself, and half a diagonal to the right of it.
        assert_eq!(vignette.transmits_at([0.25, 0.25]), 1.0);
        assert!((vignette.transmits_at([0.25 + 0.5f64.sqrt(), 0.25]) - 0.6).abs() < 1e-12);
        let thin = thin_lens(0.4);
        assert!(
            vignette.transmits(0.5) > thin.transmits(0.5) && vignette.transmits(1.2) < thin.transmits(1.2)
        );
        let mut field = Field::constant(64, 80.0);
        vignette.darken(&mut field, 20.0);
        for (pixel, t) in field.values.iter().enumerate() {
            let place = [pixel % 64, pixel / 64].map(|at| (at as f64 + 0.5) / 64.0);
            let seen = 20.0 + 60.0 * vignette.transmits_at(place);
            assert!((f64::from(*t) - seen).abs() < 1e-5, "{place:?}: {t}, not {seen}");
        }
    }
}
