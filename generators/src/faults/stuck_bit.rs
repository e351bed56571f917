//! A converter with a bit that no longer moves.

use super::Fault;
use crate::camera::Grey;
use crate::params::{Draws, Param};
use crate::registry::Kind;

/// One bit has the same value in every pixel.
pub(super) const KIND: Kind<dyn Fault> = Kind {
    name: "stuck-bit",
    summary: "one of the highest bits is the same in every pixel",
    source: "own",
    example: "\
bit = { choice = [1, 2, 3] }
stuck = \"either\"
",
    build: |table| {
        Ok(Box::new(StuckBit {
            bit: table.param("bit", Param::uniform(0.5, 3.5), 1.0..=16.0)?,
            high: match table.choice("stuck", Some(2), &["low", "high", "either"])? {
                0 => Some(false),
                1 => Some(true),
                _ => None,
            },
        }))
    },
};

struct StuckBit {
    /// Counted from the most significant, which is 1.
    bit: Param,
    /// 1 or 0, `None` either.
    high: Option<bool>,
}

impl Fault for StuckBit {
    fn spoil(&self, image: &mut Grey, _earlier: &[Grey], draws: &mut Draws) {
        let bit = draws.draw_count("bit", &self.bit) as u32;
        let high = self.high.unwrap_or_else(|| draws.steady_stream("stuck").chance(0.5));
        draws.note("high", f64::from(u8::from(high)));
        let bits = u32::from(image.depth.bits());
        let flag = 1u16 << (bits - bit.clamp(1, bits));
        for value in &mut image.values {
            *value = if high { *value | flag } else { *value & !flag };
        }
    }
}
