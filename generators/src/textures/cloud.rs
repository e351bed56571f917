//! Soft clouds: heat that was spread by diffusion and moving air.

use super::lattice;
use super::surface::{Family, Octaves, Surface, View};
use super::{Brush, Texture};
use crate::registry::Kind;
use crate::stream::Stream;

/// Fractional Brownian motion of smooth lattice noise.
pub(super) const KIND: Kind<dyn Texture> = Kind {
    name: "cloud",
    summary: "soft clouds: fractional Brownian motion of smooth lattice noise",
    source: "Lewis 1989, doi:10.1145/74333.74360; Musgrave et al. 1989, doi:10.1145/74334.74337",
    example: "\
amplitude_c = { uniform = [0.6, 1.2], jitter = { normal = [0.0, 0.05] } }
feature_mm = { log-uniform = [10.0, 30.0] }
octaves = 4
persistence = 0.5
fresh = false
drift = 0.2
",
    build: |table| Ok(Box::new(Surface::read(table, 4, FAMILY)?)),
};

/// Also the soft part of powder.
pub(super) const FAMILY: Family = Family { moments, paint };

/// The octaves are independent, and each has variance 1 times its amplitude.
fn moments(octaves: Octaves) -> (f64, f64) {
    let squares: f64 = octaves.amplitudes().map(|a| a * a).sum();
    (0.0, squares.sqrt())
}

fn paint(view: &View, octaves: Octaves, stream: &mut Stream) -> Brush {
    let deviations: Vec<f64> = octaves.amplitudes().collect();
    let mut parts = lattice::sum(view, &deviations, stream);
    Box::new(move |row, values| {
        values.fill(0.0);
        parts.iter_mut().for_each(|part| part.add(row, values));
    })
}

#[cfg(test)]
mod tests {
    use noise::{Fbm, MultiFractal, NoiseFn};

    use super::*;
    use crate::layer::Frame;
    use crate::textures::lattice::Octave;

    #[test]
    fn the_field_is_the_noise_crates_fbm() {
        // Four octaves above a pixel and two below.
        let view = View { frame: Frame { size_px: 48, px_per_mm: 1.3 }, feature_mm: 9.0, depth: 0.6 };
        let octaves = Octaves { count: 6, persistence: 0.6 };
        let stream = Stream::root(8);
        let fractal = Fbm::<Octave>::new(0)
            .set_octaves(octaves.count)
            .set_lacunarity(2.0)
            .set_persistence(octaves.persistence)
            .set_sources(Octave::all(&view, 1.0, octaves.count, &mut stream.clone()));
        // The crate divides by the sum of the amplitudes.
        let total: f64 = octaves.amplitudes().sum();
        let mut paint = paint(&view, octaves, &mut stream.clone());
        let mut values = [0.0; 48];
        for row in 0..48 {
            paint(row, &mut values);
            for (column, value) in values.iter().enumerate() {
                let at = view.frame.centre_mm(row * 48 + column).map(|mm| mm / view.feature_mm);
                let expected = fractal.get(at) * total;
                assert!((f64::from(*value) - expected).abs() < 2e-5, "{row} {column}: {value} {expected}");
            }
        }
    }
}
