//! Soft clouds: heat that was spread by diffusion and moving air.

use noise::{Fbm, MultiFractal, Perlin};

use super::Texture;
use super::surface::{Noise, Octaves, Surface};
use crate::registry::Kind;

/// Fractional Brownian motion of Perlin noise.
pub(super) const KIND: Kind<dyn Texture> = Kind {
    name: "cloud",
    summary: "soft clouds: fractional Brownian motion of gradient noise",
    source: "Perlin 1985, doi:10.1145/325165.325247; Musgrave et al. 1989, doi:10.1145/74334.74337",
    example: "\
amplitude_c = { uniform = [0.6, 1.2], jitter = { normal = [0.0, 0.05] } }
feature_mm = { log-uniform = [10.0, 30.0] }
octaves = 4
persistence = 0.5
fresh = false
drift = 0.2
",
    build: |table| Ok(Box::new(Surface::read(table, 4, family)?)),
};

/// Also the soft part of powder.
pub(super) fn family(seed: u32, octaves: Octaves) -> Noise {
    Box::new(Fbm::<Perlin>::new(seed).set_octaves(octaves.count).set_persistence(octaves.persistence))
}
