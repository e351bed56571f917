//! Contours cut into horizontal bands, so that most of them need no sweep: a stretch of contour that
//! never turns back in its band, and has its place along x for itself, crosses nothing.

use super::Contour;
use super::sweep::{Edge, Enclosed, Sweep};

/// Edges of a contour that a band holds together, on average.
const TOGETHER: f64 = 4.0;
/// The most bands.
const MOST: f64 = 4096.0;

/// Contours in bands of the same height.
pub(super) struct Bands {
    bottom: f64,
    height: f64,
    last: u32,
    /// The contours one after the other, each with its beginning again at its end.
    points: Vec<[f64; 2]>,
    /// By band, then by where they begin along x.
    pieces: Vec<Piece>,
}

/// A stretch of contour inside a band from border to border, or a contour that never leaves it.
struct Piece {
    band: u32,
    /// Least and greatest x, rounded outwards.
    x: [f32; 2],
    /// The numbers of the points of its edges; the first and the last may lie in other bands.
    points: [u32; 2],
    /// How much oftener what lies to its right is wound around than what lies to its left, all the way
    /// up: 0 where it leaves the band where it came in.
    winding: i8,
    /// The same of what lies beyond the leftmost part of it.
    within: i8,
    /// Whether it goes up or down, or left or right, all the way, so that it does not cross itself.
    simple: bool,
}

/// A piece that is being walked along.
struct Walk {
    band: u32,
    x: [f64; 2],
    begin: usize,
    /// Whether it came in upwards.
    up: bool,
    /// Whether anything of it goes right, left, up, down.
    goes: [bool; 4],
}

impl Walk {
    fn enter(band: u32, up: bool, x: f64, begin: usize) -> Self {
        Self { band, x: [x, x], begin, up, goes: [false; 4] }
    }

    fn along(&mut self, a: [f64; 2], b: [f64; 2], x: f64) {
        self.x = [self.x[0].min(x), self.x[1].max(x)];
        let goes = [a[0] < b[0], a[0] > b[0], a[1] < b[1], a[1] > b[1]];
        self.goes = [0, 1, 2, 3].map(|i| self.goes[i] | goes[i]);
    }

    fn leave(self, up: bool, end: usize) -> Piece {
        let [right, left, rises, falls] = self.goes;
        let winding = match (self.up, up) {
            (true, true) => -1,
            (false, false) => 1,
            _ => 0,
        };
        // The leftmost part is where it came in, or where it leaves.
        let within = if self.up == right { -1 } else { 1 };
        Piece {
            band: self.band,
            x: [(self.x[0] as f32).next_down(), (self.x[1] as f32).next_up()],
            points: [self.begin as u32, end as u32],
            winding,
            within: if winding == 0 { within } else { winding },
            simple: !(right && left) || (winding != 0 && !(rises && falls)),
        }
    }
}

impl Bands {
    /// The contours as seen from `middle`, from where they reach from `bottom` to `top`.
    pub fn of(contours: &[Contour], middle: [f64; 2], [bottom, top]: [f64; 2]) -> Self {
        let climb = |pair: &[[f64; 2]]| (pair[0][1] - pair[1][1]).abs();
        let climbs: f64 = contours.iter().flat_map(|contour| contour.points.windows(2)).map(climb).sum();
        let edges: usize = contours.iter().map(|contour| contour.points.len()).sum();
        let count = (edges as f64 / TOGETHER * (top - bottom) / climbs).clamp(1.0, MOST).floor();
        let mut bands = Self {
            bottom,
            height: (top - bottom) / count,
            last: count as u32 - 1,
            points: Vec::with_capacity(edges + 2 * contours.len()),
            pieces: Vec::with_capacity(edges / TOGETHER as usize + 2 * contours.len()),
        };
        contours.iter().for_each(|contour| bands.cut(contour, middle));
        bands.pieces.sort_unstable_by(|a, b| a.band.cmp(&b.band).then(a.x[0].total_cmp(&b.x[0])));
        bands
    }

    /// Adds the pieces of a contour.
    fn cut(&mut self, Contour { points }: &Contour, middle: [f64; 2]) {
        let seen = |p: &[f64; 2]| [p[0] - middle[0], p[1] - middle[1]];
        let per_mm = self.height.recip();
        let (bottom, last) = (self.bottom, self.last);
        let band = |point: &[f64; 2]| (((point[1] - bottom) * per_mm) as u32).min(last);
        // From an edge on that leaves its band, if there is one.
        let leaves = |pair: &[[f64; 2]]| band(&seen(&pair[0])) != band(&seen(&pair[1]));
        let leaving = points.windows(2).position(leaves);
        let (before, after) = points.split_at(leaving.unwrap_or(0));
        let begin = self.points.len();
        self.points.extend(after.iter().map(seen));
        self.points.extend(before.iter().map(seen));
        self.points.push(seen(&after[0]));
        let mut from = self.points[begin];
        let mut here = band(&from);
        if leaving.is_none() {
            let mut whole = Walk::enter(here, true, from[0], begin);
            self.points[begin..].windows(2).for_each(|pair| whole.along(pair[0], pair[1], pair[1][0]));
            self.pieces.push(whole.leave(false, self.points.len() - 1));
            return;
        }
        self.points.push(self.points[begin + 1]);
        let mut walk: Option<Walk> = None;
        for at in begin + 1..self.points.len() {
            let to = self.points[at];
            let there = band(&to);
            while here != there {
                let up = here < there;
                let border = self.border(if up { here + 1 } else { here });
                let x =
                    from[0] + ((border - from[1]) / (to[1] - from[1])).clamp(0.0, 1.0) * (to[0] - from[0]);
                if let Some(mut walk) = walk.take()
                    // The first edge comes again.
                    && at > begin + 1
                {
                    walk.along(from, to, x);
                    self.pieces.push(walk.leave(up, at));
                }
                here = if up { here + 1 } else { here - 1 };
                walk = Some(Walk::enter(here, up, x, at - 1));
            }
            walk.iter_mut().for_each(|walk| walk.along(from, to, to[0]));
            from = to;
        }
    }

    /// The lower border of a band.
    fn border(&self, band: u32) -> f64 {
        self.bottom + f64::from(band) * self.height
    }

    /// What is enclosed wherever it may be more or less than once; `None` where the sweep's patience
    /// runs out.
    pub fn doubtful(&self, sweep: &mut Sweep) -> Option<Enclosed> {
        let mut enclosed = Enclosed::default();
        for pieces in self.pieces.chunk_by(|a, b| a.band == b.band) {
            let doubtful = match self.between(pieces, sweep)? {
                Some(doubtful) => doubtful,
                None => self.swept(pieces, 0, sweep)?,
            };
            enclosed.add(doubtful, 1.0);
        }
        Some(enclosed)
    }

    /// What the pieces of a band enclose that share their place along x or may cross themselves. The
    /// inner `None` where there is more than that between them.
    fn between(&self, pieces: &[Piece], sweep: &mut Sweep) -> Option<Option<Enclosed>> {
        let (mut enclosed, mut winding, mut rest) = (Enclosed::default(), 0, pieces);
        while let Some(first) = rest.first() {
            let mut reach = first.x[1];
            let apart = rest[1..].iter().position(|piece| {
                let apart = piece.x[0] > reach;
                reach = reach.max(piece.x[1]);
                apart
            });
            let (group, after) = rest.split_at(apart.map_or(rest.len(), |at| at + 1));
            let clear = first.simple && (0..=1).contains(&(winding + i64::from(first.within)));
            if group.len() > 1 || !clear {
                enclosed.add(self.swept(group, winding, sweep)?, 1.0);
            }
            winding += group.iter().map(|piece| i64::from(piece.winding)).sum::<i64>();
            if !(0..=1).contains(&winding) {
                return Some(None);
            }
            rest = after;
        }
        Some(Some(enclosed))
    }

    /// What pieces of the same band enclose, wound around `outside` times to the left of all.
    fn swept(&self, pieces: &[Piece], outside: i64, sweep: &mut Sweep) -> Option<Enclosed> {
        let band = pieces[0].band;
        let points = |piece: &Piece| &self.points[piece.points[0] as usize..=piece.points[1] as usize];
        let edges = pieces.iter().flat_map(|piece| points(piece).windows(2));
        let edges = edges.filter_map(|pair| Edge::of(pair[0], pair[1]));
        sweep.between(edges, [self.border(band), self.border(band + 1)], outside)
    }
}
