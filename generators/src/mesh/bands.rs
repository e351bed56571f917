//! Contours cut into horizontal bands, so that most of them need no sweep: a stretch of contour that
//! passes straight through its band, and has its place along x for itself, crosses nothing.

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
    last: usize,
    /// The contours one after the other, each with its beginning again at its end.
    points: Vec<[f64; 2]>,
    /// By band, then by where they begin along x.
    pieces: Vec<Piece>,
}

/// A stretch of contour inside a band from border to border, or a contour that never leaves it.
struct Piece {
    band: usize,
    /// Least and greatest x.
    x: [f64; 2],
    /// The numbers of the points of its edges; the first and the last may lie in other bands.
    points: [usize; 2],
    /// How much oftener what lies to its right is wound around than what lies to its left, above and
    /// below alike: 0 where it turns back.
    winding: i64,
    /// Whether it came in upwards, and whether anything of it goes up, and down.
    up: bool,
    rises: bool,
    falls: bool,
}

impl Piece {
    fn enter(band: usize, up: bool, x: f64, point: usize) -> Self {
        Self { band, x: [x, x], points: [point, point], winding: 0, up, rises: up, falls: !up }
    }

    fn go(&mut self, a: [f64; 2], b: [f64; 2]) {
        self.x = [self.x[0].min(b[0]), self.x[1].max(b[0])];
        self.rises |= a[1] < b[1];
        self.falls |= a[1] > b[1];
    }

    fn leave(mut self, up: bool, x: f64, point: usize) -> Self {
        self.x = [self.x[0].min(x), self.x[1].max(x)];
        self.points[1] = point;
        (self.rises, self.falls) = (self.rises | up, self.falls | !up);
        self.winding = match (self.up, up) {
            (true, true) => -1,
            (false, false) => 1,
            _ => 0,
        };
        self
    }

    /// Whether it passes through the band without ever turning back.
    fn is_straight(&self) -> bool {
        self.winding != 0 && !(self.rises && self.falls)
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
            last: count as usize - 1,
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
        let begin = self.points.len();
        // From an edge on that leaves its band, if there is one.
        let leaves = |pair: &[[f64; 2]]| self.band(&seen(&pair[0])) != self.band(&seen(&pair[1]));
        let leaving = points.windows(2).position(leaves);
        let (before, after) = points.split_at(leaving.unwrap_or(0));
        self.points.extend(after.iter().chain(before).chain(&after[..1]).map(seen));
        if leaving.is_none() {
            let [x, _] = self.points[begin];
            let mut whole = Piece::enter(self.band(&self.points[begin]), true, x, begin);
            self.points[begin..].windows(2).for_each(|pair| whole.go(pair[0], pair[1]));
            self.pieces.push(whole.leave(false, x, self.points.len() - 1));
            return;
        }
        self.points.push(self.points[begin + 1]);
        let mut open: Option<Piece> = None;
        for at in begin..self.points.len() - 1 {
            let [a, b] = [self.points[at], self.points[at + 1]];
            let (mut band, end) = (self.band(&a), self.band(&b));
            while band != end {
                let up = band < end;
                let border = self.border(if up { band + 1 } else { band });
                let x = a[0] + ((border - a[1]) / (b[1] - a[1])).clamp(0.0, 1.0) * (b[0] - a[0]);
                // The first edge comes again.
                if let Some(piece) = open.take()
                    && at > begin
                {
                    self.pieces.push(piece.leave(up, x, at + 1));
                }
                band = if up { band + 1 } else { band - 1 };
                open = Some(Piece::enter(band, up, x, at));
            }
            open.iter_mut().for_each(|piece| piece.go(a, b));
        }
    }

    fn band(&self, point: &[f64; 2]) -> usize {
        (((point[1] - self.bottom) / self.height) as usize).min(self.last)
    }

    /// The lower border of a band.
    fn border(&self, band: usize) -> f64 {
        self.bottom + band as f64 * self.height
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

    /// What the pieces of a band enclose that share their place along x or turn back. The inner
    /// `None` where there is more than that between them.
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
            if group.len() > 1 || !first.is_straight() {
                enclosed.add(self.swept(group, winding, sweep)?, 1.0);
            }
            winding += group.iter().map(|piece| piece.winding).sum::<i64>();
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
        let edges = pieces.iter().flat_map(|piece| self.points[piece.points[0]..=piece.points[1]].windows(2));
        let mut edges: Vec<Edge> = edges.filter_map(|pair| Edge::of(pair[0], pair[1])).collect();
        sweep.between(&mut edges, [self.border(band), self.border(band + 1)], outside)
    }
}
