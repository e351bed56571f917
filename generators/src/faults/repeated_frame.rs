//! A camera or a buffer that has stopped.

use super::Fault;
use crate::camera::Grey;
use crate::params::{Draws, Param};
use crate::registry::Kind;

/// An earlier image again.
pub(super) const KIND: Kind<dyn Fault> = Kind {
    name: "repeated-frame",
    summary: "an earlier image of the job again, exactly or with noise of its own",
    source: "own",
    example: "\
back = { choice = [1, 1, 1, 2, 5] }
noise = { uniform = [0.0, 0.004] }
",
    build: |table| {
        Ok(Box::new(RepeatedFrame {
            back: table.param("back", Param::fixed(1.0), 1.0..=super::MOST_EARLIER as f64)?,
            noise: table.param("noise", Param::fixed(0.0), 0.0..=1.0)?,
        }))
    },
};

struct RepeatedFrame {
    /// Which image comes again, counted back from the last before the fault.
    back: Param,
    /// Standard deviation.
    noise: Param,
}

impl Fault for RepeatedFrame {
    /// Changes nothing where there is no earlier image, and repeats the oldest where `back` is too far.
    fn spoil(&self, image: &mut Grey, earlier: &[Grey], draws: &mut Draws) {
        let back = draws.draw_count("back", &self.back);
        let noise = draws.draw("noise", &self.noise) * f64::from(image.depth.white());
        let Some(again) = earlier.get(earlier.len().saturating_sub(back)) else { return };
        let mut stream = draws.layer_stream("grain");
        for (value, &old) in image.values.iter_mut().zip(&again.values) {
            let grain = if noise > 0.0 { (noise * stream.normal()).round() } else { 0.0 };
            *value = (f64::from(old) + grain).clamp(0.0, f64::from(image.depth.white())) as u16;
        }
    }
}
