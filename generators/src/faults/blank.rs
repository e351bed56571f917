//! The shutter is closed, the lens is covered, the cable is out.

use super::Fault;
use crate::camera::Grey;
use crate::params::{Draws, Param};
use crate::registry::Kind;

/// One level everywhere.
pub(super) const KIND: Kind<dyn Fault> = Kind {
    name: "blank",
    summary: "one grey level everywhere, with or without faint noise",
    source: "own",
    example: "\
level = { choice = [0.0, 0.5, 1.0] }
noise = { uniform = [0.0, 0.004] }
",
    build: |table| {
        Ok(Box::new(Blank {
            level: table.param("level", Param::uniform(0.0, 1.0), 0.0..=1.0)?,
            noise: table.param("noise", Param::uniform(0.0, 0.004), 0.0..=1.0)?,
        }))
    },
};

struct Blank {
    level: Param,
    /// Standard deviation.
    noise: Param,
}

impl Fault for Blank {
    fn spoil(&self, image: &mut Grey, _earlier: &[Grey], draws: &mut Draws) {
        let level = draws.draw("level", &self.level);
        let noise = draws.draw("noise", &self.noise);
        let mut stream = draws.layer_stream("grain");
        for value in &mut image.values {
            *value = super::level(image.depth, level + noise * stream.normal());
        }
    }
}
