//! Bright ridges on a darker ground: wrinkled binder, smears of the recoater.

use pulp::Arch;

use super::lattice;
use super::surface::{Family, Octaves, Surface, View};
use super::{Brush, Texture};
use crate::registry::Kind;
use crate::stream::{Stream, probit};

/// Ridged multifractal of smooth lattice noise.
pub(super) const KIND: Kind<dyn Texture> = Kind {
    name: "ridged",
    summary: "bright ridges on a darker ground: ridged multifractal",
    source: "Musgrave, in Ebert et al., Texturing and Modeling, 3rd ed. 2003, chapter 16",
    example: "\
amplitude_c = 0.8
feature_mm = { uniform = [15.0, 30.0] }
octaves = 4
persistence = 0.5
fresh = false
drift = 0.2
",
    build: |table| Ok(Box::new(Surface::read(table, 4, FAMILY)?)),
};

const FAMILY: Family = Family { moments, paint };

/// The ridged multifractal was made for noise between -1 and 1, which is what three standard deviations are here.
const DEVIATION: f64 = 1.0 / 3.0;

/// The octaves are independent normal numbers: their mean and deviation over points that fill the cube of their
/// probabilities evenly (Roberts 2018, the sequence of the generalised golden ratio), to a fifth of a percent.
fn moments(octaves: Octaves) -> (f64, f64) {
    const POINTS: usize = 16384;
    let ratio = (0..64).fold(2.0, |x: f64, _| (1.0 + x).powf(1.0 / (octaves.count as f64 + 1.0)));
    let (mut values, mut weight) = (vec![0.0; POINTS], vec![1.0; POINTS]);
    for (octave, amplitude) in octaves.amplitudes().enumerate() {
        let step = ratio.powi(-(octave as i32 + 1));
        let signal = |point: usize| (DEVIATION * probit((0.5 + point as f64 * step).fract())) as f32;
        let signal: Vec<f32> = (0..POINTS).map(signal).collect();
        ridge(&mut values, &signal, &mut weight, amplitude as f32);
    }
    let mean_of = |f: fn(f64) -> f64| values.iter().map(|&v| f(v.into())).sum::<f64>() / POINTS as f64;
    let mean = mean_of(|v| v);
    (mean, (mean_of(|v| v * v) - mean * mean).sqrt())
}

fn paint(view: &View, octaves: Octaves, stream: &mut Stream) -> Brush {
    let mut fractal = lattice::each(view, octaves.count, DEVIATION, stream);
    let amplitudes: Vec<f32> = octaves.amplitudes().map(|a| a as f32).collect();
    let mut signal = vec![0.0; view.frame.size_px];
    let mut weight = vec![0.0; view.frame.size_px];
    Box::new(move |row, values| {
        values.fill(0.0);
        weight.fill(1.0);
        for (octave, &amplitude) in fractal.iter_mut().zip(&amplitudes) {
            signal.fill(0.0);
            octave.add(row, &mut signal);
            Arch::new().dispatch(
                #[inline(always)]
                || ridge(values, &signal, &mut weight, amplitude),
            );
        }
    })
}

/// Turns an octave's zeros into ridges. Where the octave before had none, there are none.
#[inline(always)]
fn ridge(values: &mut [f32], signal: &[f32], weight: &mut [f32], amplitude: f32) {
    for ((value, signal), weight) in values.iter_mut().zip(signal).zip(weight) {
        let height = 1.0 - signal.abs();
        let height = height * height * *weight;
        *weight = (height * 0.5).clamp(0.0, 1.0);
        *value += height * amplitude;
    }
}

#[cfg(test)]
mod tests {
    use noise::{MultiFractal, NoiseFn, RidgedMulti};

    use super::*;
    use crate::layer::Frame;
    use crate::textures::lattice::Octave;

    #[test]
    fn the_field_is_the_noise_crates_ridged_multifractal() {
        let view = View { frame: Frame { size_px: 48, px_per_mm: 1.3 }, feature_mm: 9.0, depth: 0.6 };
        let octaves = Octaves { count: 4, persistence: 0.6 };
        let stream = Stream::root(8);
        let fractal = RidgedMulti::<Octave>::new(0)
            .set_octaves(octaves.count)
            .set_lacunarity(2.0)
            .set_persistence(octaves.persistence)
            .set_sources(Octave::all(&view, DEVIATION, octaves.count, &mut stream.clone()));
        let mut paint = paint(&view, octaves, &mut stream.clone());
        // The crate scales its sum, by what one point tells, and shifts it by 1.
        let (mut pairs, mut values) = (Vec::new(), [0.0; 48]);
        for row in 0..48 {
            paint(row, &mut values);
            pairs.extend(values.iter().enumerate().map(|(column, &value)| {
                let at = view.frame.centre_mm(row * 48 + column).map(|mm| mm / view.feature_mm);
                (f64::from(value), fractal.get(at) + 1.0)
            }));
        }
        let scale = pairs[0].1 / pairs[0].0;
        for (index, (value, expected)) in pairs.into_iter().enumerate() {
            assert!((value * scale - expected).abs() < 2e-5, "{index}: {value} {expected}");
        }
    }
}
