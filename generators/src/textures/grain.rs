//! Powder: grain from pixel to pixel over a soft cloud.

use super::cloud::FAMILY;
use super::surface::Surface;
use super::{Brush, Texture};
use crate::layer::Frame;
use crate::params::Draws;
use crate::registry::Kind;

/// Independent normal noise in each pixel over a cloud.
pub(super) const KIND: Kind<dyn Texture> = Kind {
    name: "grain",
    summary: "powder: grain from pixel to pixel over a soft cloud",
    source: "own",
    example: "\
amplitude_c = { uniform = [0.5, 1.0] }
feature_mm = 25.0
octaves = 3
persistence = 0.5
grain_share = 0.5
fresh = false
drift = 0.2
",
    build: |table| {
        let grain_share = table.number("grain_share", Some(0.5), 0.0..=1.0)?;
        Ok(Box::new(Grain { cloud: Surface::read(table, 3, FAMILY)?, grain_share }))
    },
};

struct Grain {
    cloud: Surface,
    /// Share of the variance that is grain.
    grain_share: f64,
}

impl Texture for Grain {
    fn brush(&self, frame: &Frame, layer: usize, draws: &mut Draws) -> Brush {
        let amplitude_c = self.cloud.amplitude_c(draws);
        let soft = amplitude_c * (1.0 - self.grain_share).sqrt();
        let fine = (amplitude_c * self.grain_share.sqrt()) as f32;
        // New powder lies on every layer, so the grain is fresh even where the cloud only drifts.
        let mut stream = draws.layer_stream("grain");
        let mut grain = vec![0.0; frame.size_px];
        let mut cloud = self.cloud.scaled(frame, layer, soft, draws);
        Box::new(move |row, values| {
            cloud(row, values);
            stream.fill_normal(&mut grain);
            values.iter_mut().zip(&grain).for_each(|(value, grain)| *value += fine * grain);
        })
    }
}
