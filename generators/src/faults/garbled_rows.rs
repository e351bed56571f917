//! A transmission that has lost its line synchronisation.

use super::{Fault, length_px};
use crate::camera::Grey;
use crate::params::{Draws, Param};
use crate::registry::Kind;

/// Rows out of step.
pub(super) const KIND: Kind<dyn Fault> = Kind {
    name: "garbled-rows",
    summary: "a band of rows, each displaced along itself",
    source: "own",
    example: "\
share = { uniform = [0.2, 0.7] }
displacement = { uniform = [0.1, 0.5] }
",
    build: |table| {
        Ok(Box::new(GarbledRows {
            share: table.param("share", Param::uniform(0.2, 0.7), 0.0..=1.0)?,
            displacement: table.param("displacement", Param::uniform(0.1, 0.5), 0.0..=1.0)?,
        }))
    },
};

struct GarbledRows {
    /// Of all rows.
    share: Param,
    /// The furthest that a row is displaced.
    displacement: Param,
}

impl Fault for GarbledRows {
    fn spoil(&self, image: &mut Grey, _earlier: &[Grey], draws: &mut Draws) {
        let size_px = image.size_px;
        let count = length_px(size_px, draws.draw("share", &self.share));
        let furthest = length_px(size_px, draws.draw("displacement", &self.displacement)) as f64;
        let first = draws.steady_stream("place").below(size_px - count.min(size_px) + 1);
        let mut stream = draws.layer_stream("displacements");
        for row in image.values.chunks_exact_mut(size_px).skip(first).take(count) {
            let by = stream.uniform(-furthest, furthest).round() as isize;
            row.rotate_right(by.rem_euclid(size_px as isize) as usize);
        }
    }
}
