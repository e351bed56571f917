//! Loose facets as they are read, their equal corners made one vertex.

/// Facets that are looked up together.
const TOGETHER: usize = 32;

/// Triangles that share vertices wherever corners are equal.
#[derive(Debug)]
pub(super) struct Corners {
    pub vertices: Vec<[f64; 3]>,
    pub triangles: Vec<[u32; 3]>,
    /// Facets left out for a coordinate that is infinite, not a number, or beyond 1e100.
    pub not_finite: usize,
    /// A hash table of vertices with open addressing: the vertex's number plus one, 0 where free.
    slots: Vec<u32>,
}

impl Corners {
    /// Room for `facets` of a closed surface; more may follow.
    pub fn with_capacity(facets: usize) -> Self {
        Self {
            vertices: Vec::with_capacity(facets / 2 + 2),
            triangles: Vec::with_capacity(facets),
            not_finite: 0,
            slots: vec![0; slots(facets)],
        }
    }

    /// Adds facets, at best many at a time.
    pub fn push(&mut self, facets: &[[[f64; 3]; 3]]) {
        facets.chunks(TOGETHER).for_each(|facets| self.push_together(facets));
    }

    /// Looks up all corners before it needs the first, so that the machine waits for its memory once
    /// and not for each.
    fn push_together(&mut self, facets: &[[[f64; 3]; 3]]) {
        let mut corners = [[0.0; 3]; 3 * TOGETHER];
        let mut count = 0;
        for facet in facets {
            if facet.as_flattened().iter().all(|x| x.abs() < 1e100) {
                for corner in facet {
                    corners[count] = corner.map(|x| x + 0.0); // -0 is 0
                    count += 1;
                }
            } else {
                self.not_finite += 1;
            }
        }
        let corners = &corners[..count];
        let mut known = [0; 3 * TOGETHER];
        for (slot, &corner) in known.iter_mut().zip(corners) {
            *slot = self.slots[self.slot(corner)];
        }
        for (vertex, corner) in known.iter_mut().zip(corners) {
            let first = self.vertices.get((*vertex as usize).wrapping_sub(1));
            *vertex = if first == Some(corner) { *vertex } else { 0 };
        }
        let mut vertices = [0; 3 * TOGETHER];
        for (i, &corner) in corners.iter().enumerate() {
            vertices[i] = known[i].checked_sub(1).unwrap_or_else(|| self.vertex(corner));
        }
        self.triangles.extend(vertices[..count].chunks_exact(3).map(|v| [v[0], v[1], v[2]]));
    }

    fn vertex(&mut self, corner: [f64; 3]) -> u32 {
        if 2 * self.vertices.len() >= self.slots.len() {
            self.grow();
        }
        let mut at = self.slot(corner);
        loop {
            match self.slots[at].checked_sub(1) {
                Some(vertex) if self.vertices[vertex as usize] == corner => return vertex,
                Some(_) => at = (at + 1) & (self.slots.len() - 1),
                None => break,
            }
        }
        self.vertices.push(corner);
        self.slots[at] = self.vertices.len() as u32;
        self.slots[at] - 1
    }

    /// Where the search for a corner begins.
    fn slot(&self, corner: [f64; 3]) -> usize {
        let hash = corner.into_iter().fold(0u64, |hash, x| {
            // The product's high half brings the leading digits down to where the table looks.
            let mixed = u128::from(hash ^ x.to_bits()) * 0x9e37_79b9_7f4a_7c15;
            (mixed as u64) ^ ((mixed >> 64) as u64)
        });
        hash as usize & (self.slots.len() - 1)
    }

    fn grow(&mut self) {
        self.slots = vec![0; 2 * self.slots.len()];
        for vertex in 0..self.vertices.len() {
            let mut at = self.slot(self.vertices[vertex]);
            while self.slots[at] > 0 {
                at = (at + 1) & (self.slots.len() - 1);
            }
            self.slots[at] = vertex as u32 + 1;
        }
    }
}

/// Twice as many slots as a closed surface of that many facets has vertices, at least.
fn slots(facets: usize) -> usize {
    facets.next_power_of_two().max(16)
}
