//! An exposure that is far off.

use super::Fault;
use crate::camera::Grey;
use crate::params::{Draws, Param};
use crate::registry::Kind;

/// Most of the image is cut off at the end of the scale.
pub(super) const KIND: Kind<dyn Fault> = Kind {
    name: "saturated",
    summary: "a gain so far off that a large share of the pixels is white, or black",
    source: "own",
    example: "\
clipped = { uniform = [0.5, 0.98] }
end = \"either\"
",
    build: |table| {
        Ok(Box::new(Saturated {
            clipped: table.param("clipped", Param::uniform(0.5, 0.98), 0.0..=1.0)?,
            white: match table.choice("end", Some(2), &["black", "white", "either"])? {
                0 => Some(false),
                1 => Some(true),
                _ => None,
            },
        }))
    },
};

struct Saturated {
    /// Share of the pixels that reach the end of the scale.
    clipped: Param,
    /// White or black, `None` either.
    white: Option<bool>,
}

impl Fault for Saturated {
    /// Multiplies the distance to the other end of the scale by the gain that clips the share drawn.
    fn spoil(&self, image: &mut Grey, _earlier: &[Grey], draws: &mut Draws) {
        let clipped = draws.draw("clipped", &self.clipped);
        let to_white = self.white.unwrap_or_else(|| draws.steady_stream("end").chance(0.5));
        draws.note("white", f64::from(u8::from(to_white)));
        let white = image.depth.white();
        let turned = |value: u16| if to_white { value } else { white - value };
        let mut sorted: Vec<u16> = image.values.iter().map(|&v| turned(v)).collect();
        sorted.sort_unstable();
        let kept = ((1.0 - clipped) * sorted.len() as f64) as usize;
        let Some(&first_clipped) = sorted.get(kept.min(sorted.len().saturating_sub(1))) else { return };
        let gain = f64::from(white) / f64::from(first_clipped.max(1));
        draws.note("gain", gain);
        for value in &mut image.values {
            *value = turned((f64::from(turned(*value)) * gain).round().min(f64::from(white)) as u16);
        }
    }
}
