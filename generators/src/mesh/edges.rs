//! Which facets meet in which edge.

/// The undirected edges of a triangle mesh, numbered.
pub(super) struct Edges {
    /// The edges of each triangle: from its corner 0 to 1, 1 to 2, 2 to 0.
    pub of_triangle: Vec<[u32; 3]>,
    /// Where the sides of each edge begin in `sides`, and the end of the last.
    starts: Vec<u32>,
    /// The sides of all edges, edge by edge.
    sides: Vec<Side>,
}

/// One side of a triangle.
#[derive(Clone, Copy, Debug)]
pub(super) struct Side {
    /// The corner where it starts and the corner where it ends, counter-clockwise.
    pub from: u32,
    /// See `from`.
    pub to: u32,
    /// The triangle.
    pub triangle: u32,
    /// 0, 1 or 2.
    pub side: u8,
}

impl Edges {
    /// Collects the edges in time linear in the triangles.
    pub fn of(vertices: usize, triangles: &[[u32; 3]]) -> Self {
        // Sides are sorted by counting into the bucket of their lower vertex, then within it.
        let mut bucket = vec![0u32; vertices + 1];
        let ends = |t: &[u32; 3]| [(t[0], t[1]), (t[1], t[2]), (t[2], t[0])];
        for (from, to) in triangles.iter().flat_map(ends) {
            bucket[from.min(to) as usize + 1] += 1;
        }
        for v in 0..vertices {
            bucket[v + 1] += bucket[v];
        }
        let mut next = bucket.clone();
        let mut sides = vec![Side { from: 0, to: 0, triangle: 0, side: 0 }; 3 * triangles.len()];
        for (triangle, corners) in triangles.iter().enumerate() {
            for (side, (from, to)) in ends(corners).into_iter().enumerate() {
                let at = &mut next[from.min(to) as usize];
                sides[*at as usize] = Side { from, to, triangle: triangle as u32, side: side as u8 };
                *at += 1;
            }
        }
        let mut starts = Vec::with_capacity(sides.len() / 2 + 1);
        let mut of_triangle = vec![[0; 3]; triangles.len()];
        for v in 0..vertices {
            let (begin, end) = (bucket[v] as usize, bucket[v + 1] as usize);
            let upper = |side: &Side| side.from.max(side.to);
            sides[begin..end].sort_by_key(upper);
            for at in begin..end {
                if at == begin || upper(&sides[at]) != upper(&sides[at - 1]) {
                    starts.push(at as u32);
                }
                let side = sides[at];
                of_triangle[side.triangle as usize][side.side as usize] = starts.len() as u32 - 1;
            }
        }
        starts.push(sides.len() as u32);
        Self { of_triangle, starts, sides }
    }

    /// How many there are.
    pub fn len(&self) -> usize {
        self.starts.len() - 1
    }

    /// The sides that meet in an edge, at least one.
    pub fn sides(&self, edge: u32) -> &[Side] {
        &self.sides[self.starts[edge as usize] as usize..self.starts[edge as usize + 1] as usize]
    }

    /// The ends of the edges that belong to one triangle only.
    pub fn boundary(&self) -> impl Iterator<Item = [u32; 2]> + '_ {
        self.all().filter(|sides| sides.len() == 1).map(|sides| [sides[0].from, sides[0].to])
    }

    /// How many edges belong to more than two triangles.
    pub fn non_manifold(&self) -> usize {
        self.all().filter(|sides| sides.len() > 2).count()
    }

    /// How many edges are not walked as often one way as the other, boundary edges aside.
    pub fn inconsistent(&self) -> usize {
        self.all().filter(|sides| sides.len() > 1 && balance(sides) != 0).count()
    }

    /// How many edges are not walked as often one way as the other.
    pub fn unbalanced(&self) -> usize {
        self.all().filter(|sides| balance(sides) != 0).count()
    }

    /// The sides of every edge.
    pub fn all(&self) -> impl Iterator<Item = &[Side]> {
        (0..self.len() as u32).map(|edge| self.sides(edge))
    }
}

fn balance(sides: &[Side]) -> i64 {
    sides.iter().map(|side| if side.from < side.to { 1 } else { -1 }).sum()
}
