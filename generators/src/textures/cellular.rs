//! Cells with darker centres: drying binder, clumps of sand.

use noise::core::worley::ReturnType;
use noise::{Fbm, MultiFractal, Worley};

use super::Texture;
use super::surface::{Noise, Octaves, Surface};
use crate::registry::Kind;

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
    build: |table| Ok(Box::new(Surface::read(table, 1, family)?)),
};

fn family(seed: u32, octaves: Octaves) -> Noise {
    let cells = (0..octaves.count)
        .map(|octave| Worley::new(seed + octave as u32).set_return_type(ReturnType::Distance))
        .collect();
    let fractal = Fbm::<Worley>::new(seed).set_octaves(octaves.count).set_persistence(octaves.persistence);
    Box::new(fractal.set_sources(cells))
}
