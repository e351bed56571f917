//! Loose facets as they are read, their equal corners made one vertex.

/// Triangles that share vertices wherever corners are equal.
#[derive(Debug, Default)]
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
            slots: vec![0; facets.next_power_of_two().max(16)],
        }
    }

    /// Adds a facet.
    pub fn push(&mut self, facet: [[f64; 3]; 3]) {
        if !facet.as_flattened().iter().all(|x| x.abs() < 1e100) {
            self.not_finite += 1;
            return;
        }
        // Most facets share corners with the one before.
        let before = self.triangles.last().copied().unwrap_or_default();
        let triangle = facet.map(|corner| {
            let corner = corner.map(|x| x + 0.0); // -0 is 0
            let known = before.into_iter().find(|&v| self.vertices.get(v as usize) == Some(&corner));
            known.unwrap_or_else(|| self.vertex(corner))
        });
        self.triangles.push(triangle);
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
        self.slots = vec![0; (2 * self.slots.len()).max(16)];
        for vertex in 0..self.vertices.len() {
            let mut at = self.slot(self.vertices[vertex]);
            while self.slots[at] > 0 {
                at = (at + 1) & (self.slots.len() - 1);
            }
            self.slots[at] = vertex as u32 + 1;
        }
    }
}
