//! A sharp edge.

use super::Profile;
use crate::params::Draws;
use crate::registry::Kind;

/// Full strength everywhere inside.
pub(super) const KIND: Kind<dyn Profile> = Kind {
    name: "hard",
    summary: "a sharp edge: the same strength everywhere inside",
    source: "own",
    example: "",
    build: |_| Ok(Box::new(Hard)),
};

/// It has no parameters.
pub struct Hard;

impl Profile for Hard {
    fn curve(&self, _: &mut Draws) -> Box<dyn Fn(f64) -> f64> {
        Box::new(|_| 1.0)
    }
}
