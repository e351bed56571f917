//! How the camera sees the surface: blur, invert and scale, quantise (Zeiser et al. 2023, Fig. 3).
//!
//! [`Camera::observe`] ends with the temperatures that the sensor reads, in degrees; [`Camera::digitise`]
//! makes grey levels of them.

mod blur;
mod quantise;
mod scale;

use std::ops::RangeInclusive;

use crate::layer::{CELSIUS, Field};
use crate::params::{Draws, Param, ScenarioError, Table};

pub use blur::{blur, reach_px};
pub use quantise::{Depth, Grey, quantise};
pub use scale::invert_and_scale;

/// How the camera sees temperatures, as the scenario states it.
#[derive(Clone, Debug)]
pub struct Camera {
    /// Pixels along one side of the square image.
    pub image_px: usize,
    /// Standard deviation of the Gaussian that softens contours, in pixels.
    pub blur_px: Param,
    /// The temperatures in degrees Celsius at the two ends of the grey scale, low before high.
    pub range_c: [f64; 2],
    /// The lower end is white and the upper black.
    pub invert: bool,
    /// Factor on the grey value.
    pub gain: Param,
    /// Added to the grey value after the gain; 1 is the whole scale.
    pub offset: Param,
    /// Grey levels.
    pub depth: Depth,
}

/// What the camera was set to when it took one layer.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Exposure {
    /// See [`Camera::blur_px`].
    pub blur_px: f64,
    /// See [`Camera::gain`].
    pub gain: f64,
    /// See [`Camera::offset`].
    pub offset: f64,
}

impl Camera {
    /// What `blur_px` may be.
    pub const BLUR_PX: RangeInclusive<f64> = 0.0..=64.0;

    /// Reads the table `[camera]`.
    pub(crate) fn read(mut table: Table) -> Result<Self, Box<ScenarioError>> {
        let range = table.numbers("range_c", Some(&[20.0, 80.0]), Some(2), CELSIUS)?;
        if range[0] >= range[1] {
            let message =
                format!("`range_c = [low, high]` needs low < high, not {} >= {}", range[0], range[1]);
            return Err(table.place_of("range_c").error(message));
        }
        let bits = table.count("bits", Some(8), 1..=64)?;
        let depth = match bits {
            8 => Depth::Eight,
            16 => Depth::Sixteen,
            _ => return Err(table.place_of("bits").error(format!("`bits` is {bits} but must be 8 or 16"))),
        };
        let camera = Self {
            image_px: table.count("image_px", Some(64), 16..=4096)?,
            blur_px: table.param("blur_px", Param::fixed(0.8), Self::BLUR_PX)?,
            range_c: [range[0], range[1]],
            invert: table.flag("invert", true)?,
            gain: table.param("gain", Param::fixed(1.0), 0.01..=100.0)?,
            offset: table.param("offset", Param::fixed(0.0), -1.0..=1.0)?,
            depth,
        };
        table.finish().map(|()| camera)
    }

    /// Draws the settings for one layer.
    pub fn expose(&self, draws: &mut Draws) -> Exposure {
        Exposure {
            blur_px: draws.draw("blur_px", &self.blur_px),
            gain: draws.draw("gain", &self.gain),
            offset: draws.draw("offset", &self.offset),
        }
    }

    /// The temperatures in degrees Celsius that the sensor reads of the surface temperatures `surface_c`.
    ///
    /// A pixel depends on the temperatures within [`reach_px`] of it and on nothing else, bit for bit.
    pub fn observe(&self, surface_c: &Field, exposure: &Exposure) -> Field {
        blur(surface_c, exposure.blur_px)
    }

    /// The image of the temperatures `apparent_c` that the sensor reads, pixel by pixel.
    pub fn digitise(&self, apparent_c: &Field, exposure: &Exposure) -> Grey {
        quantise(&invert_and_scale(apparent_c, self.range_c, self.invert, exposure), self.depth)
    }
}
