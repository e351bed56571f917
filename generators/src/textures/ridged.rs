//! Bright ridges on a darker ground: wrinkled binder, smears of the recoater.

use noise::{MultiFractal, Perlin, RidgedMulti};

use super::Texture;
use super::surface::{Noise, Octaves, Surface};
use crate::registry::Kind;

/// Ridged multifractal of Perlin noise.
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
    build: |table| Ok(Box::new(Surface::read(table, 4, family)?)),
};

fn family(seed: u32, octaves: Octaves) -> Noise {
    Box::new(RidgedMulti::<Perlin>::new(seed).set_octaves(octaves.count).set_persistence(octaves.persistence))
}
