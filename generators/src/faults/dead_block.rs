//! A part of the sensor that reads nothing.

use super::{Fault, length_px};
use crate::camera::Grey;
use crate::params::{Draws, Param};
use crate::registry::Kind;

/// A rectangle of one level.
pub(super) const KIND: Kind<dyn Fault> = Kind {
    name: "dead-block",
    summary: "a rectangle of the sensor that delivers one level",
    source: "own",
    example: "\
width = { uniform = [0.15, 0.5] }
height = { uniform = [0.15, 0.5] }
level = { choice = [0.0, 1.0] }
",
    build: |table| {
        Ok(Box::new(DeadBlock {
            width: table.param("width", Param::uniform(0.15, 0.5), 0.0..=1.0)?,
            height: table.param("height", Param::uniform(0.15, 0.5), 0.0..=1.0)?,
            level: table.param("level", super::black_or_white(), 0.0..=1.0)?,
        }))
    },
};

struct DeadBlock {
    width: Param,
    height: Param,
    level: Param,
}

impl Fault for DeadBlock {
    fn spoil(&self, image: &mut Grey, _earlier: &[Grey], draws: &mut Draws) {
        let size_px = image.size_px;
        let width_px = length_px(size_px, draws.draw("width", &self.width));
        let height_px = length_px(size_px, draws.draw("height", &self.height));
        let level = super::level(image.depth, draws.draw("level", &self.level));
        let mut place = draws.steady_stream("place");
        let column = place.below(size_px - width_px + 1);
        let row = place.below(size_px - height_px + 1);
        for line in image.values.chunks_exact_mut(size_px).skip(row).take(height_px) {
            line[column..column + width_px].fill(level);
        }
    }
}
