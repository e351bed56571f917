//! From loose segments to closed contours.

use super::edges::Ends;
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
    pub edges: [Ends; 2],
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

/// The contours where as many cuts start on each edge as end there, as in a sound mesh: where bodies touch in an
/// edge, the first that ends on it goes on with the first that starts, so that each body keeps its own if they follow
/// one another.
fn closed(cuts: &[Cut]) -> Option<Vec<Contour>> {
    // A hash table with open addressing: of a cut, where it starts, its number plus one, 0 where free.
    let bits = (2 * cuts.len()).max(2).next_power_of_two().ilog2();
    let mut table = vec![0u32; 1 << bits];
    // Fibonacci hashing (Knuth, The Art of Computer Programming 3, section 6.4).
    let slot = |[lower, upper]: Ends| {
        let key = u64::from(upper) << 32 | u64::from(lower);
        (key.wrapping_mul(0x9e37_79b9_7f4a_7c15) >> (64 - bits)) as usize
    };
    let next_to = |at: usize| (at + 1) & ((1 << bits) - 1);
    for (number, cut) in (1..).zip(cuts) {
        let mut at = slot(cut.edges[0]);
        while table[at] > 0 {
            at = next_to(at);
        }
        table[at] = number;
    }
    let mut next = Vec::with_capacity(cuts.len());
    let mut reached = vec![false; cuts.len()];
    for cut in cuts {
        let mut at = slot(cut.edges[1]);
        // A free slot ends the search: nothing starts there that is still to be reached.
        let mut found = (table[at] as usize).checked_sub(1)?;
        while cuts[found].edges[0] != cut.edges[1] || reached[found] {
            at = next_to(at);
            found = (table[at] as usize).checked_sub(1)?;
        }
        next.push(found as u32);
        reached[found] = true;
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
