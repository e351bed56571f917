//! From loose segments to closed contours.

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
}

/// The cut through one triangle: from a point on one edge to a point on another.
#[derive(Clone, Copy, Debug)]
pub(super) struct Segment {
    pub points: [[f64; 2]; 2],
    pub edges: [u32; 2],
}

/// Contours, and what had to be guessed.
pub(super) struct Chained {
    pub contours: Vec<Contour>,
    /// Whether no segment had to be walked backwards.
    pub consistent: bool,
    pub open_chains: usize,
    pub closed_gaps: usize,
    pub longest_gap_mm: f64,
}

/// A piece of contour is closed by a straight line up to this share of its length: a half circle is
/// (0.64), a sheet, which comes back to its start on its own line, is not (1.0).
const CLOSING: f64 = 0.66;
/// Two pieces are joined across a gap up to this share of the section's diagonal.
const JOINING: f64 = 0.1;
/// With more open pieces than this, gaps must be shorter in proportion, which bounds the search.
const MANY: usize = 256;

const FREE: u32 = u32::MAX;

/// Joins segments: first those that share a mesh edge, then across the shortest gaps.
///
/// Each segment has two ends, `2 i` and `2 i + 1`; joining is pairing ends.
pub(super) fn chain(segments: &[Segment]) -> Chained {
    let (mut partner, consistent) = pair_by_edges(segments);
    let mut gaps = Gaps { segments, partner: &mut partner, closed: 0, longest: 0.0 };
    gaps.close();
    let (closed_gaps, longest_gap_mm) = (gaps.closed, gaps.longest);
    let mut seen = vec![false; segments.len()];
    let mut open_chains = 0;
    for end in (0..partner.len() as u32).filter(|&end| partner[end as usize] == FREE) {
        if !seen[end as usize / 2] {
            open_chains += 1;
            walk(&partner, end, |end| seen[end as usize / 2] = true);
        }
    }
    let mut contours = Vec::new();
    for first in 0..segments.len() {
        if seen[first] {
            continue;
        }
        let mut points = Vec::new();
        walk(&partner, 2 * first as u32, |end| {
            seen[end as usize / 2] = true;
            points.extend([point(segments, end), point(segments, end ^ 1)]);
        });
        points.dedup();
        while points.len() > 1 && points.first() == points.last() {
            points.pop();
        }
        if points.len() > 2 {
            contours.push(Contour { points });
        }
    }
    Chained { contours, consistent, open_chains, closed_gaps, longest_gap_mm }
}

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
    let mut ends: Vec<u64> = Vec::with_capacity(partner.len());
    for (i, segment) in segments.iter().enumerate() {
        for side in 0..2 {
            ends.push(u64::from(segment.edges[side]) << 32 | (2 * i + side) as u64);
        }
    }
    ends.sort_unstable();
    let mut join = |a: u32, b: u32| {
        partner[a as usize] = b;
        partner[b as usize] = a;
    };
    let (mut starts, mut stops): (Vec<u32>, Vec<u32>) = (Vec::new(), Vec::new());
    for group in ends.chunk_by(|a, b| a >> 32 == b >> 32) {
        for end in group.iter().map(|&key| key as u32) {
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
    partner: &'a mut [u32],
    closed: usize,
    longest: f64,
}

impl Gaps<'_> {
    /// Closes gaps, the shortest first, from the stop of one piece to the start of another or its
    /// own; then pieces that have grown long enough to close themselves.
    fn close(&mut self) {
        let free: Vec<u32> =
            (0..self.partner.len() as u32).filter(|&e| self.partner[e as usize] == FREE).collect();
        if free.is_empty() {
            return;
        }
        for (gap, stop, start) in self.candidates(&free) {
            if self.partner[stop as usize] == FREE && self.partner[start as usize] == FREE {
                let (end, length) = self.piece(start);
                if end != stop || gap <= CLOSING * length {
                    self.join(stop, start, gap);
                }
            }
        }
        for &end in &free {
            if self.partner[end as usize] == FREE {
                let (other, length) = self.piece(end);
                let gap = self.distance(end, other);
                if gap <= CLOSING * length {
                    self.join(end, other, gap);
                }
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
        let x = |end: u32| point(self.segments, end)[0];
        let mut starts: Vec<u32> = free.iter().copied().filter(|end| end % 2 == 0).collect();
        starts.sort_by(|&a, &b| x(a).total_cmp(&x(b)).then(a.cmp(&b)));
        let mut found = Vec::new();
        for &stop in free.iter().filter(|&&end| end % 2 == 1) {
            let first = starts.partition_point(|&start| x(start) < x(stop) - reach);
            let near =
                starts[first..].iter().take(16 * MANY).take_while(|&&start| x(start) <= x(stop) + reach);
            found.extend(
                near.map(|&start| (self.distance(stop, start), stop, start)).filter(|c| c.0 <= reach),
            );
            let (own, _) = self.piece(stop);
            if own % 2 == 0 {
                found.push((self.distance(stop, own), stop, own));
            }
        }
        found.sort_by(|a, b| a.0.total_cmp(&b.0).then((a.1, a.2).cmp(&(b.1, b.2))));
        found
    }

    /// The other free end of the piece that begins at `end`, and the piece's length.
    fn piece(&self, end: u32) -> (u32, f64) {
        let mut length = 0.0;
        let mut last = None;
        let other = walk(self.partner, end, |entry| {
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

    fn join(&mut self, a: u32, b: u32, gap: f64) {
        self.partner[a as usize] = b;
        self.partner[b as usize] = a;
        self.closed += 1;
        self.longest = self.longest.max(gap);
    }
}
