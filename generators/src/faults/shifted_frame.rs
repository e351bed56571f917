//! A camera that was knocked, or a trigger that came at another time.

use super::{Fault, length_px};
use crate::camera::Grey;
use crate::params::{Draws, Param};
use crate::registry::Kind;

/// The whole image is displaced, bed and all.
pub(super) const KIND: Kind<dyn Fault> = Kind {
    name: "shifted-frame",
    summary: "the whole image is displaced; what leaves it comes in again opposite, or the edge is drawn out",
    source: "own",
    example: "\
displacement = { log-uniform = [0.04, 0.3] }
edge = \"either\"
",
    build: |table| {
        Ok(Box::new(ShiftedFrame {
            displacement: table.param("displacement", Param::log_uniform(0.04, 0.3), 0.0..=1.0)?,
            rolled: match table.choice("edge", Some(2), &["rolled", "drawn-out", "either"])? {
                0 => Some(true),
                1 => Some(false),
                _ => None,
            },
        }))
    },
};

struct ShiftedFrame {
    displacement: Param,
    /// What leaves the image comes in again opposite, `None` either.
    rolled: Option<bool>,
}

impl Fault for ShiftedFrame {
    fn spoil(&self, image: &mut Grey, _earlier: &[Grey], draws: &mut Draws) {
        let side = image.size_px as isize;
        let far_px = length_px(image.size_px, draws.draw("displacement", &self.displacement)) as f64;
        let rolled = self.rolled.unwrap_or_else(|| draws.steady_stream("edge").chance(0.5));
        let angle = draws.steady_stream("direction").uniform(0.0, std::f64::consts::TAU);
        let [right_px, down_px] = [angle.cos(), angle.sin()].map(|part| (far_px * part).round());
        draws.note("right_px", right_px);
        draws.note("down_px", down_px);
        draws.note("rolled", f64::from(u8::from(rolled)));
        let source = |to: isize, by: f64| {
            let from = to - by as isize;
            (if rolled { from.rem_euclid(side) } else { from.clamp(0, side - 1) }) as usize
        };
        let before = image.values.clone();
        for row in 0..side {
            for column in 0..side {
                let from = source(row, down_px) * image.size_px + source(column, right_px);
                image.values[row as usize * image.size_px + column as usize] = before[from];
            }
        }
    }
}
