//! What the noise textures share: their keys, their calibration, and the painting.

use std::f64::consts::TAU;

use noise::NoiseFn;

use super::Texture;
use crate::layer::{Field, Frame};
use crate::params::{Draws, Param, ScenarioError, Table};
use crate::stream::Stream;

/// Three-dimensional noise; one unit is the size of the largest features.
pub(super) type Noise = Box<dyn NoiseFn<f64, 3>>;

/// The octaves of a fractal: how many, and each one's amplitude relative to the one before.
#[derive(Clone, Copy, Debug)]
pub(super) struct Octaves {
    pub count: usize,
    pub persistence: f64,
}

/// A family of noise: one member per seed.
pub(super) type Family = fn(seed: u32, octaves: Octaves) -> Noise;

/// Where the image lies in three-dimensional noise: two axes in the plane and its normal.
///
/// The plane is tilted against the lattice of the noise, so that it meets every part of a lattice
/// cell equally often: in a plane along the lattice the deviation would depend on the depth. Each field
/// is also turned within the plane, so that the lattices of two fields never coincide.
const PLANE: [[f64; 3]; 3] =
    [[0.693851, -0.073502, 0.716357], [0.425404, 0.844484, -0.325390], [-0.581035, 0.530513, 0.617214]];

/// A texture made of one family of noise, scaled to a stated standard deviation.
pub(super) struct Surface {
    amplitude_c: Param,
    feature_mm: Param,
    /// How far the field moves through the noise from layer to layer, in features; `None` where each
    /// layer has a field of its own.
    drift: Option<f64>,
    octaves: Octaves,
    family: Family,
    /// Expected value and standard deviation of the family at these octaves.
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
        let (mean, deviation) = moments(family, octaves);
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

    /// A field with expected value 0 and expected variance 1.
    pub fn standard(&self, frame: &Frame, layer: usize, draws: &mut Draws) -> Field {
        let feature_mm = draws.draw("feature_mm", &self.feature_mm);
        let (mut stream, depth) = match self.drift {
            None => (draws.layer_stream("field"), 0.0),
            Some(drift) => (draws.steady_stream("field"), drift * layer as f64),
        };
        let noise = (self.family)(seed(&mut stream), self.octaves);
        let origin = [(); 3].map(|()| stream.uniform(0.0, 256.0));
        let (sine, cosine) = stream.uniform(0.0, TAU).sin_cos();
        let at = |[x, y]: [f64; 2]| {
            let (x, y) = ((cosine * x - sine * y) / feature_mm, (sine * x + cosine * y) / feature_mm);
            let point =
                [0, 1, 2].map(|i| origin[i] + x * PLANE[0][i] + y * PLANE[1][i] + depth * PLANE[2][i]);
            ((noise.get(point) - self.mean) / self.deviation) as f32
        };
        let pixels = frame.size_px * frame.size_px;
        Field { size_px: frame.size_px, values: (0..pixels).map(|i| at(frame.centre_mm(i))).collect() }
    }
}

impl Texture for Surface {
    fn paint(&self, frame: &Frame, layer: usize, draws: &mut Draws) -> Field {
        let amplitude_c = self.amplitude_c(draws) as f32;
        let mut field = self.standard(frame, layer, draws);
        field.values.iter_mut().for_each(|v| *v *= amplitude_c);
        field
    }
}

/// A seed for the `noise` crate, which adds the number of the octave to it: 31 bits leave it room.
fn seed(stream: &mut Stream) -> u32 {
    (stream.bits() >> 33) as u32
}

/// Expected value and standard deviation of a family, to half a percent of the latter: the same
/// scattered points of the same few members every time, so that a texture never depends on when or
/// where it was built.
fn moments(family: Family, octaves: Octaves) -> (f64, f64) {
    const MEMBERS: usize = 8;
    const POINTS: usize = 2048;
    let mut stream = Stream::root(0).child("texture moments");
    let (mut sum, mut squares) = (0.0, 0.0);
    for _ in 0..MEMBERS {
        let noise = family(seed(&mut stream), octaves);
        for _ in 0..POINTS {
            let value = noise.get([(); 3].map(|()| stream.uniform(0.0, 256.0)));
            sum += value;
            squares += value * value;
        }
    }
    let mean = sum / (MEMBERS * POINTS) as f64;
    (mean, (squares / (MEMBERS * POINTS) as f64 - mean * mean).sqrt())
}
