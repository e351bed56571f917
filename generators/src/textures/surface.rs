//! What the noise textures share: their keys, their calibration, and the painting.

use super::{Brush, Texture};
use crate::layer::Frame;
use crate::params::{Draws, Param, ScenarioError, Table};
use crate::stream::Stream;

/// The octaves of a fractal: how many, and each one's amplitude relative to the one before. Each
/// has features half as large.
#[derive(Clone, Copy, Debug)]
pub(super) struct Octaves {
    pub count: usize,
    pub persistence: f64,
}

impl Octaves {
    /// The amplitude of each octave; the first has 1.
    pub fn amplitudes(self) -> impl Iterator<Item = f64> {
        (0..self.count).map(move |octave| self.persistence.powi(octave as i32))
    }
}

/// What an image shows of a field of noise.
#[derive(Clone, Copy, Debug)]
pub(super) struct View {
    pub frame: Frame,
    /// Size of the largest features.
    pub feature_mm: f64,
    /// How far the field has moved through the noise, in features.
    pub depth: f64,
}

/// A family of noise.
pub(super) struct Family {
    /// Expected value and standard deviation at any place and depth.
    pub moments: fn(Octaves) -> (f64, f64),
    /// The member that the stream draws. It draws the same numbers at any depth.
    pub paint: fn(&View, Octaves, &mut Stream) -> Brush,
}

/// A texture made of one family of noise, scaled to a stated standard deviation.
pub(super) struct Surface {
    amplitude_c: Param,
    feature_mm: Param,
    /// How far the field moves through the noise from layer to layer, in features; `None` where each
    /// layer has a field of its own.
    drift: Option<f64>,
    octaves: Octaves,
    family: Family,
    mean: f64,
    deviation: f64,
}

impl Surface {
    /// Reads the common keys: `amplitude_c` (standard deviation in degrees), `feature_mm` (size of the
    /// largest features), `octaves`, `persistence`, `fresh` and `drift`.
    pub fn read(
        table: &mut Table,
        default_octaves: usize,
        family: Family,
    ) -> Result<Self, Box<ScenarioError>> {
        let octaves = Octaves {
            count: table.count("octaves", Some(default_octaves), 1..=12)?,
            persistence: table.number("persistence", Some(0.5), 0.01..=1.0)?,
        };
        let fresh = table.flag("fresh", true)?;
        let drift = table.number("drift", Some(0.25), 0.0..=100.0)?;
        if fresh && table.has("drift") {
            return Err(table.place_of("drift").error("`drift` needs `fresh = false`"));
        }
        let (mean, deviation) = (family.moments)(octaves);
        Ok(Self {
            amplitude_c: table.param("amplitude_c", Param::uniform(0.5, 1.5), 0.0..=1000.0)?,
            feature_mm: table.param("feature_mm", Param::log_uniform(10.0, 30.0), 0.01..=10_000.0)?,
            drift: (!fresh).then_some(drift),
            octaves,
            family,
            mean,
            deviation,
        })
    }

    /// The stated standard deviation in degrees, drawn for this layer.
    pub fn amplitude_c(&self, draws: &mut Draws) -> f64 {
        draws.draw("amplitude_c", &self.amplitude_c)
    }

    /// Paints with expected value 0 and the expected standard deviation `deviation`.
    pub fn scaled(&self, frame: &Frame, layer: usize, deviation: f64, draws: &mut Draws) -> Brush {
        let feature_mm = draws.draw("feature_mm", &self.feature_mm);
        let (mut stream, depth) = match self.drift {
            None => (draws.layer_stream("field"), 0.0),
            Some(drift) => (draws.steady_stream("field"), drift * layer as f64),
        };
        let view = View { frame: *frame, feature_mm, depth };
        let mut paint = (self.family.paint)(&view, self.octaves, &mut stream);
        let (mean, factor) = (self.mean as f32, (deviation / self.deviation) as f32);
        Box::new(move |row, values| {
            paint(row, values);
            values.iter_mut().for_each(|value| *value = (*value - mean) * factor);
        })
    }
}

impl Texture for Surface {
    fn brush(&self, frame: &Frame, layer: usize, draws: &mut Draws) -> Brush {
        let amplitude_c = self.amplitude_c(draws);
        self.scaled(frame, layer, amplitude_c, draws)
    }
}
