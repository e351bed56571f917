//! Rows or columns of the sensor that have failed.

use super::{Fault, length_px};
use crate::camera::Grey;
use crate::params::{Draws, Param};
use crate::registry::Kind;

/// Single rows or columns of one level.
pub(super) const KIND: Kind<dyn Fault> = Kind {
    name: "dead-lines",
    summary: "rows or columns of the sensor that deliver one level",
    source: "own",
    example: "\
share = { log-uniform = [0.02, 0.3] }
direction = \"either\"
level = { choice = [0.0, 1.0] }
",
    build: |table| {
        let directions = ["rows", "columns", "either"];
        Ok(Box::new(DeadLines {
            share: table.param("share", Param::log_uniform(0.02, 0.3), 0.0..=1.0)?,
            rows: match table.choice("direction", Some(2), &directions)? {
                0 => Some(true),
                1 => Some(false),
                _ => None,
            },
            level: table.param("level", super::black_or_white(), 0.0..=1.0)?,
        }))
    },
};

struct DeadLines {
    /// Of all rows or columns.
    share: Param,
    /// Rows or columns, `None` either.
    rows: Option<bool>,
    level: Param,
}

impl Fault for DeadLines {
    fn spoil(&self, image: &mut Grey, _earlier: &[Grey], draws: &mut Draws) {
        let size_px = image.size_px;
        let count = length_px(size_px, draws.draw("share", &self.share));
        let rows = self.rows.unwrap_or_else(|| draws.steady_stream("direction").chance(0.5));
        let level = super::level(image.depth, draws.draw("level", &self.level));
        draws.note("rows", f64::from(u8::from(rows)));
        draws.note("lines", count as f64);
        let mut lines: Vec<usize> = (0..size_px).collect();
        draws.steady_stream("lines").shuffle(&mut lines);
        for &line in &lines[..count.min(size_px)] {
            for along in 0..size_px {
                let at = if rows { line * size_px + along } else { along * size_px + line };
                image.values[at] = level;
            }
        }
    }
}
