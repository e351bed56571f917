//! Cells with darker centres: drying binder, clumps of sand.

use std::f64::consts::TAU;

use noise::core::worley::ReturnType;
use noise::{Fbm, MultiFractal, NoiseFn, Worley};

use super::surface::{Family, Octaves, Surface, View};
use super::{Brush, Texture};
use crate::registry::Kind;
use crate::stream::Stream;

/// Distance to the nearest of scattered points, in octaves.
pub(super) const KIND: Kind<dyn Texture> = Kind {
    name: "cellular",
    summary: "rounded cells: distance to the nearest of scattered points",
    source: "Worley 1996, doi:10.1145/237170.237267",
    example: "\
amplitude_c = 0.8
feature_mm = { uniform = [8.0, 16.0] }
octaves = 2
persistence = 0.4
fresh = false
drift = 0.2
",
    build: |table| Ok(Box::new(Surface::read(table, 1, FAMILY)?)),
};

const FAMILY: Family = Family { moments, paint };

/// Where the image lies in three-dimensional noise: two axes in the plane and its normal.
///
/// The plane is tilted against the lattice of the noise, so that it meets every part of a lattice
/// cell equally often: in a plane along the lattice the deviation would depend on the depth. Each field
/// is also turned within the plane, so that the lattices of two fields never coincide.
const PLANE: [[f64; 3]; 3] =
    [[0.693851, -0.073502, 0.716357], [0.425404, 0.844484, -0.325390], [-0.581035, 0.530513, 0.617214]];

/// The member with that seed: distances to the nearest point, in octaves.
fn member(seed: u32, octaves: Octaves) -> Fbm<Worley> {
    let cells = (0..octaves.count)
        .map(|octave| Worley::new(seed + octave as u32).set_return_type(ReturnType::Distance))
        .collect();
    let fractal = Fbm::<Worley>::new(seed).set_octaves(octaves.count).set_persistence(octaves.persistence);
    fractal.set_sources(cells)
}

/// A seed for the `noise` crate; 31 bits leave room for the number of the octave.
fn seed(stream: &mut Stream) -> u32 {
    (stream.bits() >> 33) as u32
}

/// To half a percent of the deviation: the same scattered points of the same few members every time, so that
/// a texture never depends on when or where it was built.
fn moments(octaves: Octaves) -> (f64, f64) {
    const MEMBERS: usize = 8;
    const POINTS: usize = 2048;
    let mut stream = Stream::root(0).child("texture moments");
    let (mut sum, mut squares) = (0.0, 0.0);
    for _ in 0..MEMBERS {
        let noise = member(seed(&mut stream), octaves);
        for _ in 0..POINTS {
            let value = noise.get([(); 3].map(|()| stream.uniform(0.0, 256.0)));
            sum += value;
            squares += value * value;
        }
    }
    let mean = sum / (MEMBERS * POINTS) as f64;
    (mean, (squares / (MEMBERS * POINTS) as f64 - mean * mean).sqrt())
}

fn paint(view: &View, octaves: Octaves, stream: &mut Stream) -> Brush {
    let noise = member(seed(stream), octaves);
    let origin = [(); 3].map(|()| stream.uniform(0.0, 256.0));
    let (sine, cosine) = stream.uniform(0.0, TAU).sin_cos();
    let View { frame, feature_mm, depth } = *view;
    Box::new(move |row, values| {
        for (column, value) in values.iter_mut().enumerate() {
            let [x, y] = frame.centre_mm(row * frame.size_px + column);
            let (x, y) = ((cosine * x - sine * y) / feature_mm, (sine * x + cosine * y) / feature_mm);
            let at = [0, 1, 2].map(|i| origin[i] + x * PLANE[0][i] + y * PLANE[1][i] + depth * PLANE[2][i]);
            *value = noise.get(at) as f32;
        }
    })
}
