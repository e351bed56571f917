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
        let (mut hashes, mut known) = ([0; 3 * TOGETHER], [0; 3 * TOGETHER]);
        for (i, &corner) in corners.iter().enumerate() {
            hashes[i] = hash(corner);
            known[i] = self.slots[self.slot(hashes[i])];
        }
        for (number, &corner) in known.iter_mut().zip(corners) {
            *number = if self.is(*number, corner) { *number } else { 0 };
        }
        for ((number, &corner), &hash) in known.iter_mut().zip(corners).zip(&hashes) {
            if *number == 0 {
                *number = self.vertex(corner, hash);
            }
        }
        self.triangles.extend(known[..count].chunks_exact(3).map(|v| [v[0] - 1, v[1] - 1, v[2] - 1]));
    }

    /// Whether a number is that of a vertex, and of this one.
    fn is(&self, number: u32, corner: [f64; 3]) -> bool {
        self.vertices.get((number as usize).wrapping_sub(1)) == Some(&corner)
    }

    /// The number of a vertex, new or not.
    fn vertex(&mut self, corner: [f64; 3], hash: u64) -> u32 {
        if 2 * self.vertices.len() >= self.slots.len() {
            self.grow();
        }
        let mut at = self.slot(hash);
        while self.slots[at] > 0 {
            if self.is(self.slots[at], corner) {
                return self.slots[at];
            }
            at = (at + 1) & (self.slots.len() - 1);
        }
        self.vertices.push(corner);
        self.slots[at] = self.vertices.len() as u32;
        self.slots[at]
    }

    /// Where the search for a corner begins.
    fn slot(&self, hash: u64) -> usize {
        hash as usize & (self.slots.len() - 1)
    }

    fn grow(&mut self) {
        self.slots = vec![0; 2 * self.slots.len()];
        for vertex in 0..self.vertices.len() {
            let mut at = self.slot(hash(self.vertices[vertex]));
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

/// The high half of a product brings the leading digits down to where the table looks.
fn hash([x, y, z]: [f64; 3]) -> u64 {
    let folded = |a: u64, b: u64| {
        let product = u128::from(a) * u128::from(b);
        (product as u64) ^ ((product >> 64) as u64)
    };
    let plane = folded(x.to_bits() ^ 0x9e37_79b9_7f4a_7c15, y.to_bits() ^ 0xd1b5_4a32_d192_ed03);
    folded(plane ^ z.to_bits(), 0xa24b_aed4_963e_e407)
}
