//! Chaining where the surface is open or knows no outside: mesh edges first, geometry last.

use super::contour::{Chained, Contour, Cut};
use super::edges::Ends;
use super::rims::Rims;

/// What had to be guessed in one section.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct Guess {
    /// Open pieces of contour, left out since a straight line would not close them sensibly.
    pub open_chains: usize,
    /// Gaps that were closed by a straight line.
    pub closed_gaps: usize,
    /// Length in mm of the longest of them; 0 without one.
    pub longest_gap_mm: f64,
    /// How much of the section's area in mm² hangs on the guesses: across a gap, a half circle on it, and
    /// where it is a hole's, no more than the section of the convex hull of its rim, all of that where the
    /// ends may belong together otherwise; for a piece that was left out, what a straight line would have made it
    /// enclose.
    pub doubt_mm2: f64,
    /// What lines across gaps add to the shoelace sum about the section's centre, less the pieces
    /// that were left out, in mm².
    pub bridged_mm2: f64,
}

/// A cut with both of its ends.
struct Segment {
    points: [[f64; 2]; 2],
    edges: [Ends; 2],
}

/// A piece of contour is closed by a straight line up to this share of its length: a half circle is
/// (0.64), a sheet, which comes back to its start on its own line, is not (1.0).
const CLOSING: f64 = 0.66;
/// Two pieces are joined across a gap up to this share of the section's diagonal.
const JOINING: f64 = 0.1;
/// It is evident which ends belong together where a gap is up to this share of the way to any other end.
const EVIDENT: f64 = 0.1;
/// With more open pieces than this, gaps must be shorter in proportion, which bounds the search.
const MANY: usize = 256;

/// No more pairs of ends are looked at, but the nearest along x of each.
const MOST_PAIRS: usize = 1 << 22;

const FREE: u32 = u32::MAX;

/// Joins cuts: first those that share a mesh edge, then those that end at the rim of the same hole,
/// then across the shortest gaps. `stop` is where a cut ends.
///
/// Each segment has two ends, `2 i` and `2 i + 1`; joining is pairing ends.
pub(super) fn chain(
    cuts: &[Cut],
    rims: &Rims,
    z: f64,
    centre: [f64; 2],
    stop: impl Fn(&Cut) -> [f64; 2],
) -> Chained {
    let segments: Vec<Segment> =
        cuts.iter().map(|cut| Segment { points: [cut.start, stop(cut)], edges: cut.edges }).collect();
    let (partner, consistent) = pair_by_edges(&segments);
    let mut gaps = Gaps { segments: &segments, partner, centre, guess: Guess::default() };
    gaps.close_holes(rims, z);
    gaps.close();
    gaps.leave_out();
    let Gaps { partner, guess, .. } = gaps;
    let mut seen: Vec<bool> = partner.chunks_exact(2).map(|ends| ends[0] == LEFT_OUT).collect();
    let mut contours = Vec::new();
    for first in 0..segments.len() {
        if seen[first] {
            continue;
        }
        let mut points = Vec::new();
        walk(&partner, 2 * first as u32, |end| {
            seen[end as usize / 2] = true;
            points.extend([point(&segments, end), point(&segments, end ^ 1)]);
        });
        contours.extend(Contour::of(points));
    }
    Chained { contours, consistent, guess }
}

/// The partner of both ends of a segment that is in no contour.
const LEFT_OUT: u32 = u32::MAX - 1;

fn point(segments: &[Segment], end: u32) -> [f64; 2] {
    segments[end as usize / 2].points[end as usize % 2]
}

/// Visits segments from the one entered at `entry` on, each by the end where it is entered, until
/// the chain ends or closes. Returns the free end where it ends, if it does.
fn walk(partner: &[u32], entry: u32, mut visit: impl FnMut(u32)) -> Option<u32> {
    let mut end = entry;
    loop {
        visit(end);
        let next = partner[end as usize ^ 1];
        if next == FREE {
            return Some(end ^ 1);
        }
        if next == entry {
            return None;
        }
        end = next;
    }
}

/// Pairs the ends on the same mesh edge: a segment's end with another's start as long as there are
/// such, then what remains; `false` if anything remained.
fn pair_by_edges(segments: &[Segment]) -> (Vec<u32>, bool) {
    let mut partner = vec![FREE; 2 * segments.len()];
    let mut consistent = true;
    let mut ends: Vec<(Ends, u32)> = Vec::with_capacity(partner.len());
    for (i, segment) in segments.iter().enumerate() {
        for side in 0..2 {
            ends.push((segment.edges[side], (2 * i + side) as u32));
        }
    }
    ends.sort_unstable();
    let mut join = |a: u32, b: u32| {
        partner[a as usize] = b;
        partner[b as usize] = a;
    };
    let (mut starts, mut stops): (Vec<u32>, Vec<u32>) = (Vec::new(), Vec::new());
    for group in ends.chunk_by(|a, b| a.0 == b.0) {
        for &(_, end) in group {
            let (same, other) =
                if end % 2 == 0 { (&mut starts, &mut stops) } else { (&mut stops, &mut starts) };
            match other.pop() {
                Some(waiting) => join(waiting, end),
                None => same.push(end),
            }
        }
        for left in [&mut starts, &mut stops] {
            for pair in left.chunks_exact(2) {
                join(pair[0], pair[1]);
                consistent = false;
            }
            left.clear();
        }
    }
    (partner, consistent)
}

/// What is left to close after the mesh edges.
struct Gaps<'a> {
    segments: &'a [Segment],
    partner: Vec<u32>,
    centre: [f64; 2],
    guess: Guess,
}

impl Gaps<'_> {
    fn free(&self) -> Vec<u32> {
        (0..self.partner.len() as u32).filter(|&end| self.is_free(end)).collect()
    }

    fn is_free(&self, end: u32) -> bool {
        self.partner[end as usize] == FREE
    }

    /// Joins ends at the rim of the same hole, the nearest first: a stop with a start as long as
    /// there are such.
    fn close_holes(&mut self, rims: &Rims, z: f64) {
        let hole = |end: u32| rims.hole(self.segments[end as usize / 2].edges[end as usize % 2]);
        let mut ends: Vec<(u32, u32)> =
            self.free().into_iter().filter_map(|end| Some((hole(end)?, end))).collect();
        ends.sort_unstable();
        for group in ends.chunk_by(|a, b| a.0 == b.0) {
            let ends: Vec<u32> = group.iter().map(|&(_, end)| end).collect();
            let mut pairs = self.near_pairs(&ends, f64::INFINITY);
            // Ends that face the same way, last of all.
            pairs.sort_by_key(|&(_, a, b)| a % 2 == b % 2);
            let (mut bulges_mm2, mut doubtful) = (0.0, false);
            for (gap, a, b) in pairs {
                if self.is_free(a) && self.is_free(b) {
                    self.join(a, b, gap);
                    bulges_mm2 += half_disc(gap);
                    let others = ends.iter().filter(|&&end| end != a && end != b);
                    let next = others.map(|&end| self.distance(a, end).min(self.distance(b, end)));
                    doubtful = doubtful || gap > EVIDENT * next.fold(f64::INFINITY, f64::min);
                }
            }
            if bulges_mm2 > 0.0 {
                let hull_mm2 = rims.hull_section_mm2(group[0].0, z);
                // Where the ends may belong together otherwise, all that the hole could hold is in doubt.
                self.guess.doubt_mm2 += if doubtful { hull_mm2 } else { bulges_mm2.min(hull_mm2) };
            }
        }
    }

    /// Closes gaps, the shortest first, from the stop of one piece to the start of another or its
    /// own; then pieces that have grown long enough to close themselves.
    fn close(&mut self) {
        let free = self.free();
        if free.is_empty() {
            return;
        }
        for (gap, stop, start) in self.candidates(&free) {
            if self.is_free(stop) && self.is_free(start) {
                let (end, length) = self.piece(start);
                if end != stop || gap <= CLOSING * length {
                    self.guess.doubt_mm2 += half_disc(gap);
                    self.join(stop, start, gap);
                }
            }
        }
        for &end in &free {
            if self.is_free(end) {
                let (other, length) = self.piece(end);
                let gap = self.distance(end, other);
                if gap <= CLOSING * length {
                    self.guess.doubt_mm2 += half_disc(gap);
                    self.join(end, other, gap);
                }
            }
        }
    }

    /// Takes out what is still open.
    fn leave_out(&mut self) {
        for end in self.free() {
            if !self.is_free(end) {
                continue;
            }
            self.guess.open_chains += 1;
            let mut entries = Vec::new();
            let last = walk(&self.partner, end, |entry| entries.push(entry)).unwrap_or(end);
            let area: f64 = entries.iter().map(|&entry| self.shoelace(entry, entry ^ 1)).sum();
            let bridges: f64 = entries.windows(2).map(|pair| self.shoelace(pair[0] ^ 1, pair[1])).sum();
            self.guess.doubt_mm2 += (area + bridges + self.shoelace(last, end)).abs();
            // In the sums over facets and over bridges, each has its own direction.
            let facets: f64 = entries.iter().map(|&entry| self.shoelace(entry & !1, entry | 1)).sum();
            let bridged: f64 = entries.windows(2).map(|pair| self.bridge(pair[0] ^ 1, pair[1])).sum();
            self.guess.bridged_mm2 -= facets + bridged;
            for entry in entries {
                (self.partner[entry as usize], self.partner[entry as usize ^ 1]) = (LEFT_OUT, LEFT_OUT);
            }
        }
    }

    /// Gaps that may be closed, the shortest first: stop, start.
    fn candidates(&self, free: &[u32]) -> Vec<(f64, u32, u32)> {
        let (mut min, mut max) = ([f64::INFINITY; 2], [f64::NEG_INFINITY; 2]);
        for point in self.segments.iter().flat_map(|s| s.points) {
            for axis in 0..2 {
                min[axis] = min[axis].min(point[axis]);
                max[axis] = max[axis].max(point[axis]);
            }
        }
        let crowd = (MANY as f64 / free.len() as f64).min(1.0);
        let reach = JOINING * crowd * (max[0] - min[0]).hypot(max[1] - min[1]);
        let mut found = self.near_pairs(free, reach);
        found.retain(|&(_, a, b)| a % 2 != b % 2);
        for &stop in free.iter().filter(|&&end| end % 2 == 1) {
            let (own, _) = self.piece(stop);
            if own % 2 == 0 {
                found.push((self.distance(stop, own), stop, own));
            }
        }
        found.sort_by(|a, b| a.0.total_cmp(&b.0).then((a.1, a.2).cmp(&(b.1, b.2))));
        found
    }

    /// Pairs of ends up to `reach` apart, the nearest first; a stop stands before a start.
    fn near_pairs(&self, ends: &[u32], reach: f64) -> Vec<(f64, u32, u32)> {
        let x = |end: u32| point(self.segments, end)[0];
        let mut by_x = ends.to_vec();
        by_x.sort_by(|&a, &b| x(a).total_cmp(&x(b)).then(a.cmp(&b)));
        let most = (MOST_PAIRS / ends.len().max(1)).max(16);
        let mut found = Vec::new();
        for (i, &a) in by_x.iter().enumerate() {
            let near = by_x[i + 1..].iter().take(most).take_while(|&&b| x(b) <= x(a) + reach);
            found.extend(near.map(|&b| if a % 2 == 1 { (a, b) } else { (b, a) }).filter_map(|(a, b)| {
                let gap = self.distance(a, b);
                (gap <= reach).then_some((gap, a, b))
            }));
        }
        found.sort_by(|a, b| a.0.total_cmp(&b.0).then((a.1, a.2).cmp(&(b.1, b.2))));
        found
    }

    /// The other free end of the piece that begins at `end`, and the piece's length.
    fn piece(&self, end: u32) -> (u32, f64) {
        let mut length = 0.0;
        let mut last = None;
        let other = walk(&self.partner, end, |entry| {
            if let Some(last) = last {
                length += self.distance(last, entry);
            }
            length += self.distance(entry, entry ^ 1);
            last = Some(entry ^ 1);
        });
        (other.unwrap_or(end), length)
    }

    fn distance(&self, a: u32, b: u32) -> f64 {
        let ([ax, ay], [bx, by]) = (point(self.segments, a), point(self.segments, b));
        (ax - bx).hypot(ay - by)
    }

    /// What the way from one end to another adds to the shoelace sum about the centre.
    fn shoelace(&self, a: u32, b: u32) -> f64 {
        let [a, b] = [a, b]
            .map(|end| point(self.segments, end))
            .map(|p| [0, 1].map(|axis| p[axis] - self.centre[axis]));
        0.5 * (a[0] * b[1] - a[1] * b[0])
    }

    fn join(&mut self, a: u32, b: u32, gap: f64) {
        self.partner[a as usize] = b;
        self.partner[b as usize] = a;
        self.guess.closed_gaps += 1;
        self.guess.longest_gap_mm = self.guess.longest_gap_mm.max(gap);
        self.guess.bridged_mm2 += self.bridge(a, b);
    }

    /// What the way from the stop among two ends to the start adds to the shoelace sum.
    fn bridge(&self, a: u32, b: u32) -> f64 {
        if a % 2 == 1 { self.shoelace(a, b) } else { self.shoelace(b, a) }
    }
}

/// The area of a half circle on a gap.
fn half_disc(gap: f64) -> f64 {
    std::f64::consts::PI / 8.0 * gap * gap
}
