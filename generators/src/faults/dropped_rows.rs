//! A frame whose end never arrived.

use super::{Fault, length_px};
use crate::camera::Grey;
use crate::params::{Draws, Param};
use crate::registry::Kind;

/// The lower part is missing.
pub(super) const KIND: Kind<dyn Fault> = Kind {
    name: "dropped-rows",
    summary: "the last rows never arrived: one level, or the last row that came again and again",
    source: "own",
    example: "\
missing = { uniform = [0.2, 0.8] }
filled = \"either\"
level = { choice = [0.0, 1.0] }
",
    build: |table| {
        let fillings = ["level", "last-row", "either"];
        Ok(Box::new(DroppedRows {
            missing: table.param("missing", Param::uniform(0.2, 0.8), 0.0..=1.0)?,
            smeared: match table.choice("filled", Some(2), &fillings)? {
                0 => Some(false),
                1 => Some(true),
                _ => None,
            },
            level: table.param("level", super::black_or_white(), 0.0..=1.0)?,
        }))
    },
};

struct DroppedRows {
    /// Share of the rows.
    missing: Param,
    /// The last row that arrived stands in for the others, `None` either.
    smeared: Option<bool>,
    level: Param,
}

impl Fault for DroppedRows {
    fn spoil(&self, image: &mut Grey, _earlier: &[Grey], draws: &mut Draws) {
        let size_px = image.size_px;
        let missing = length_px(size_px, draws.draw("missing", &self.missing));
        let smeared = self.smeared.unwrap_or_else(|| draws.steady_stream("filled").chance(0.5));
        let level = super::level(image.depth, draws.draw("level", &self.level));
        draws.note("smeared", f64::from(u8::from(smeared)));
        let (arrived, lost) = image.values.split_at_mut((size_px - missing) * size_px);
        match arrived.rchunks_exact(size_px).next() {
            Some(last) if smeared => lost.chunks_exact_mut(size_px).for_each(|row| row.copy_from_slice(last)),
            _ => lost.fill(level),
        }
    }
}
