//! How the camera sees the surface.
//!
//! What happens to the surface temperatures, in this order. The paper (Zeiser et al. 2023, Fig. 3) blurs, inverts
//! and scales; a scenario switches the other stages on by their tables.
//!
//! | stage | table | what it does |
//! |---|---|---|
//! | [`blur`] | `[camera] blur_px` | the lens softens contours |
//! | [`vignette`](vignette::Vignette) | `[camera.vignette]` | the corners get less light |
//! | [`pattern`](pattern::Pattern) | `[camera.pattern]` | sensor elements and columns differ, the same way in all layers of a job |
//! | [`noise`](noise::Noise) | `[camera.noise]` | reading and shot noise, new in every image |
//! | `invert_and_scale` | `[camera] range_c`, `invert`, `gain`, `offset` | degrees become grey values, cut at black and white: saturation |
//! | `quantise` | `[camera] bits` | grey values become levels |
//!
//! [`Camera::observe`] ends with the temperatures that the sensor reads, in degrees; [`Camera::digitise`]
//! makes grey levels of them.

pub mod noise;
pub mod pattern;
mod quantise;
mod scale;
pub mod vignette;

use std::ops::RangeInclusive;

use crate::gaussian::blur;
use crate::layer::{CELSIUS, Field};
use crate::params::{Draws, Param, ScenarioError, Table};

pub(crate) use quantise::bytes;
pub use quantise::{Depth, Grey};

use noise::{Noise, Reading};
use pattern::{Pattern, Sensor};
use quantise::quantise;
use scale::invert_and_scale;
use vignette::Vignette;

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
    vignette: Option<Vignette<Param>>,
    pattern: Option<Pattern<Param>>,
    noise: Option<Noise<Param>>,
}

/// What the camera was set to when it took one layer.
#[derive(Clone, Debug, Default)]
pub struct Exposure {
    /// See [`Camera::blur_px`].
    pub blur_px: f64,
    /// See [`Camera::gain`].
    pub gain: f64,
    /// See [`Camera::offset`].
    pub offset: f64,
    vignette: Option<Vignette<f64>>,
    sensor: Option<Sensor>,
    reading: Option<Reading>,
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
        let bits = table.count("bits", Some(8), 0..=usize::MAX)?;
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
            vignette: table.stage("vignette", Vignette::read)?,
            pattern: table.stage("pattern", Pattern::read)?,
            noise: table.stage("noise", Noise::read)?,
        };
        table.finish().map(|()| camera)
    }

    /// Draws the settings for one layer.
    pub fn expose(&self, draws: &mut Draws) -> Exposure {
        Exposure {
            blur_px: draws.draw("blur_px", &self.blur_px),
            gain: draws.draw("gain", &self.gain),
            offset: draws.draw("offset", &self.offset),
            vignette: self.vignette.as_ref().map(|v| draws.scoped("vignette", |draws| v.draw(draws))),
            sensor: self.pattern.as_ref().map(|p| draws.scoped("pattern", |draws| p.draw(draws))),
            reading: self.noise.as_ref().map(|n| draws.scoped("noise", |draws| n.draw(draws))),
        }
    }

    /// The temperatures in degrees Celsius that the sensor reads of the surface temperatures `surface_c`.
    ///
    /// A pixel depends on the temperatures within [`reach_px`](crate::gaussian::reach_px) of it and on nothing else, bit for bit.
    pub fn observe(&self, surface_c: &Field, exposure: &Exposure) -> Field {
        let mut apparent_c = blur(surface_c, exposure.blur_px);
        if let Some(vignette) = &exposure.vignette {
            vignette.darken(&mut apparent_c, self.range_c[0]);
        }
        if let Some(sensor) = &exposure.sensor {
            sensor.offset(&mut apparent_c);
        }
        if let Some(reading) = &exposure.reading {
            reading.disturb(&mut apparent_c, self.range_c);
        }
        apparent_c
    }

    /// The image of the temperatures `apparent_c` that the sensor reads, pixel by pixel.
    pub fn digitise(&self, apparent_c: &Field, exposure: &Exposure) -> Grey {
        quantise(apparent_c, self.depth, invert_and_scale(self.range_c, self.invert, exposure))
    }
}
