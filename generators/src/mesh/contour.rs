//! From loose segments to closed contours.

use super::gaps::{self, Guess};
use super::rims::Rims;

/// A closed line in a plane; the last point is joined to the first, and not repeated.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Contour {
    /// Corners in mm, counter-clockwise around material, clockwise around a hole.
    pub points: Vec<[f64; 2]>,
}

impl Contour {
    /// The area in mm² that it encloses (shoelace formula), negative if clockwise.
    pub fn signed_area_mm2(&self) -> f64 {
        let Some(&[x0, y0]) = self.points.first() else { return 0.0 };
        let cross = |a: [f64; 2], b: [f64; 2]| (a[0] - x0) * (b[1] - y0) - (b[0] - x0) * (a[1] - y0);
        0.5 * self.points.windows(2).map(|pair| cross(pair[0], pair[1])).sum::<f64>()
    }

    /// Without points that repeat the one before; `None` if too few are left.
    pub(super) fn of(mut points: Vec<[f64; 2]>) -> Option<Self> {
        points.dedup();
        while points.len() > 1 && points.first() == points.last() {
            points.pop();
        }
        (points.len() > 2).then_some(Self { points })
    }
}

/// The cut through one triangle: from a point on one edge to a point on another.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Cut {
    /// The edge that it comes from and the edge that it goes to.
    pub edges: [u32; 2],
    /// The triangle, and the side of it where the cut ends.
    pub triangle: u32,
    /// See `triangle`.
    pub side: u8,
    /// Where it starts.
    pub start: [f64; 2],
}

/// Contours, and what had to be guessed.
pub(super) struct Chained {
    pub contours: Vec<Contour>,
    /// Whether no segment had to be walked backwards.
    pub consistent: bool,
    pub guess: Guess,
}

/// Joins the cuts of the plane at `z`: those that share a mesh edge, and if that leaves ends, across
/// gaps. `stop` is where a cut ends.
pub(super) fn chain(
    cuts: &[Cut],
    rims: &Rims,
    z: f64,
    centre: [f64; 2],
    stop: impl Fn(&Cut) -> [f64; 2],
) -> Chained {
    closed(cuts).map_or_else(
        || gaps::chain(cuts, rims, z, centre, stop),
        |contours| Chained { contours, consistent: true, guess: Guess::default() },
    )
}

const NONE: u32 = u32::MAX;

/// The contours where each cut ends on the edge that exactly one other starts from, as in a sound mesh.
fn closed(cuts: &[Cut]) -> Option<Vec<Contour>> {
    // A hash table with open addressing: from an edge to the cut that starts on it.
    let bits = usize::BITS - (2 * cuts.len()).leading_zeros();
    let slot = |edge: u32| (edge.wrapping_mul(0x9e37_79b1) >> (32 - bits.clamp(1, 32))) as usize;
    let mask = (1usize << bits.max(1)) - 1;
    let mut table = vec![(NONE, 0u32); mask + 1];
    for (i, cut) in cuts.iter().enumerate() {
        let mut at = slot(cut.edges[0]);
        while table[at].0 != NONE {
            if table[at].0 == cut.edges[0] {
                return None;
            }
            at = (at + 1) & mask;
        }
        table[at] = (cut.edges[0], i as u32);
    }
    let mut next = vec![NONE; cuts.len()];
    let mut reached = vec![false; cuts.len()];
    for (i, cut) in cuts.iter().enumerate() {
        let mut at = slot(cut.edges[1]);
        while table[at].0 != cut.edges[1] {
            if table[at].0 == NONE {
                return None;
            }
            at = (at + 1) & mask;
        }
        next[i] = table[at].1;
        if std::mem::replace(&mut reached[next[i] as usize], true) {
            return None;
        }
    }
    let mut contours = Vec::new();
    let mut points = Vec::new();
    for first in 0..cuts.len() {
        let mut at = first;
        points.clear();
        while std::mem::replace(&mut reached[at], false) {
            points.push(cuts[at].start);
            at = next[at] as usize;
        }
        if !points.is_empty() {
            contours.extend(Contour::of(points.clone()));
        }
    }
    Some(contours)
}
