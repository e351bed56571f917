//! Interference, or a sensor that breaks down.

use super::Fault;
use crate::camera::Grey;
use crate::params::{Draws, Param};
use crate::registry::Kind;

/// Salt and pepper.
pub(super) const KIND: Kind<dyn Fault> = Kind {
    name: "impulse-noise",
    summary: "single pixels anywhere are black or white",
    source: "Gonzalez and Woods, Digital Image Processing, 4th ed. 2018, section 5.2 (salt-and-pepper noise)",
    example: "share = { log-uniform = [0.03, 0.4] }\n",
    build: |table| {
        Ok(Box::new(ImpulseNoise { share: table.param("share", Param::log_uniform(0.03, 0.4), 0.0..=1.0)? }))
    },
};

struct ImpulseNoise {
    /// Of all pixels.
    share: Param,
}

impl Fault for ImpulseNoise {
    fn spoil(&self, image: &mut Grey, _earlier: &[Grey], draws: &mut Draws) {
        let share = draws.draw("share", &self.share);
        let white = image.depth.white();
        let mut stream = draws.layer_stream("impulses");
        for value in &mut image.values {
            if stream.chance(share) {
                *value = if stream.chance(0.5) { white } else { 0 };
            }
        }
    }
}
