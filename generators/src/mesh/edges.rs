//! Which facets meet in which edge.

/// An edge by its vertices, the lower one first.
pub(super) type Ends = [u32; 2];

/// The ends of a side of a triangle: from its corner 0 to 1, 1 to 2, 2 to 0.
#[inline]
pub(super) fn ends(corners: [u32; 3], side: usize) -> Ends {
    let (from, to) = (corners[side], corners[(side + 1) % 3]);
    [from.min(to), from.max(to)]
}

/// The undirected edges of a triangle mesh, numbered by their lower vertex, then by their upper one.
#[derive(Debug)]
pub(super) struct Edges {
    /// The edges of each triangle: from its corner 0 to 1, 1 to 2, 2 to 0.
    pub of_triangle: Vec<[u32; 3]>,
    /// Where the sides of each edge begin in `sides`, and the end of the last.
    starts: Vec<u32>,
    /// The sides of all edges, edge by edge.
    sides: Vec<Side>,
}

/// One side of a triangle, packed so that sorting sorts by the upper vertex.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct Side(u64);

impl Side {
    const NONE: Side = Side(0);

    fn new(upper: u32, triangle: usize, side: usize, backward: bool) -> Self {
        Self(u64::from(upper) << 32 | ((3 * triangle + side) << 1 | usize::from(backward)) as u64)
    }

    fn upper(self) -> u32 {
        (self.0 >> 32) as u32
    }

    /// The triangle.
    pub fn triangle(self) -> u32 {
        (self.0 as u32 >> 1) / 3
    }

    /// 0, 1 or 2.
    fn side(self) -> usize {
        (self.0 as u32 >> 1) as usize % 3
    }

    /// Whether it runs from the edge's upper vertex to its lower one, counter-clockwise.
    pub fn backward(self) -> bool {
        self.0 & 1 == 1
    }
}

/// The most triangles that sides can be numbered for.
pub(super) const MOST_TRIANGLES: usize = (1 << 31) / 3;

impl Edges {
    /// Collects the edges in time linear in the triangles.
    pub fn of(vertices: usize, triangles: &[[u32; 3]]) -> Self {
        // Sides are sorted by counting into the bucket of their lower vertex, then within it.
        let mut bucket = vec![0u32; vertices + 1];
        let directed = |t: &[u32; 3]| [(t[0], t[1]), (t[1], t[2]), (t[2], t[0])];
        for (from, to) in triangles.iter().flat_map(directed) {
            bucket[from.min(to) as usize] += 1;
        }
        let mut end = 0;
        for size in &mut bucket {
            end += *size;
            *size = end;
        }
        let mut sides = vec![Side::NONE; 3 * triangles.len()];
        for (triangle, corners) in triangles.iter().enumerate() {
            for (side, (from, to)) in directed(corners).into_iter().enumerate() {
                // Filled from its end, so that the bucket's end becomes its beginning.
                let at = &mut bucket[from.min(to) as usize];
                *at -= 1;
                sides[*at as usize] = Side::new(from.max(to), triangle, side, from > to);
            }
        }
        let mut edges = Self { of_triangle: vec![[0; 3]; triangles.len()], starts: Vec::new(), sides };
        edges.starts.reserve(edges.sides.len() / 2 + 1);
        for v in 0..vertices {
            edges.number(bucket[v] as usize, bucket[v + 1] as usize);
        }
        edges.starts.push(edges.sides.len() as u32);
        edges
    }

    /// Numbers the edges of the sides from `begin` to `end`, which share their lower vertex.
    fn number(&mut self, begin: usize, end: usize) {
        self.sides[begin..end].sort_unstable();
        let mut at = begin;
        while at < end {
            let first = self.sides[at];
            let edge = self.starts.len() as u32;
            self.starts.push(at as u32);
            while at < end && self.sides[at].upper() == first.upper() {
                let side = self.sides[at];
                self.of_triangle[side.triangle() as usize][side.side()] = edge;
                at += 1;
            }
        }
    }

    /// How many there are.
    pub fn len(&self) -> usize {
        self.starts.len() - 1
    }

    /// The sides that meet in an edge, at least one.
    pub fn sides(&self, edge: u32) -> &[Side] {
        &self.sides[self.starts[edge as usize] as usize..self.starts[edge as usize + 1] as usize]
    }

    /// The two vertices of an edge, in the order of its first side.
    pub fn walked(&self, edge: u32, triangles: &[[u32; 3]]) -> [u32; 2] {
        let side = self.sides(edge)[0];
        let (corners, at) = (triangles[side.triangle() as usize], side.side());
        [corners[at], corners[(at + 1) % 3]]
    }

    /// The edges that belong to an odd number of triangles.
    pub fn open(&self) -> impl Iterator<Item = u32> {
        self.which(|sides| sides.len() % 2 == 1)
    }

    /// The edges that belong to more than two triangles.
    pub fn non_manifold(&self) -> impl Iterator<Item = u32> {
        self.which(|sides| sides.len() > 2)
    }

    /// The edges that are not walked as often one way as the other, open edges aside.
    pub fn inconsistent(&self) -> impl Iterator<Item = u32> {
        self.which(|sides| sides.len() > 1 && balance(sides) != 0)
    }

    /// The edges that are not walked as often one way as the other.
    pub fn unbalanced(&self) -> impl Iterator<Item = u32> {
        self.which(|sides| balance(sides) != 0)
    }

    /// The sides of every edge.
    pub fn all(&self) -> impl Iterator<Item = &[Side]> {
        (0..self.len() as u32).map(|edge| self.sides(edge))
    }

    fn which(&self, asked: impl Fn(&[Side]) -> bool) -> impl Iterator<Item = u32> {
        (0..self.len() as u32).filter(move |&edge| asked(self.sides(edge)))
    }
}

fn balance(sides: &[Side]) -> i64 {
    sides.iter().map(|side| if side.backward() { -1 } else { 1 }).sum()
}
