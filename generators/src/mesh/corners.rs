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
    /// A hash table of vertices with open addressing.
    slots: Vec<Slot>,
}

impl Corners {
    /// Room for `facets` of a closed surface; more may follow.
    pub fn with_capacity(facets: usize) -> Self {
        Self {
            vertices: Vec::with_capacity(facets / 2 + 2),
            triangles: Vec::with_capacity(facets),
            not_finite: 0,
            slots: vec![Slot::FREE; slots(facets)],
        }
    }

    /// Adds facets, at best many at a time.
    pub fn push(&mut self, facets: &[[[f64; 3]; 3]]) {
        facets.chunks(TOGETHER).for_each(|facets| self.push_together(facets));
    }

    /// Looks where all corners may be before it needs the first, so that the machine waits for its memory once
    /// and not for each.
    fn push_together(&mut self, facets: &[[[f64; 3]; 3]]) {
        let mut corners = [[0.0; 3]; 3 * TOGETHER];
        let mut count = 0;
        for facet in facets {
            if facet.as_flattened().iter().fold(true, |all, x| all & (x.abs() < 1e100)) {
                for corner in facet {
                    corners[count] = corner.map(|x| x + 0.0); // -0 is 0
                    count += 1;
                }
            } else {
                self.not_finite += 1;
            }
        }
        let corners = &corners[..count];
        while self.slots.len() < 2 * (self.vertices.len() + count) {
            self.grow();
        }
        let (mut hashes, mut found) = ([0; 3 * TOGETHER], [Slot::FREE; 3 * TOGETHER]);
        for (i, &corner) in corners.iter().enumerate() {
            hashes[i] = hash(corner);
            found[i] = self.slots[self.first(hashes[i])];
        }
        let mut numbers = [0; 3 * TOGETHER];
        for (i, &corner) in corners.iter().enumerate() {
            numbers[i] = self.vertex(corner, hashes[i], found[i]);
        }
        self.triangles.extend_from_slice(numbers[..count].as_chunks().0);
    }

    /// The number of a vertex, new or not; `found` stood in the first slot of its hash, which may have been filled since.
    fn vertex(&mut self, corner: [f64; 3], hash: u64, found: Slot) -> u32 {
        let (mut at, mut slot) = (self.first(hash), found);
        loop {
            if slot.is_free() {
                slot = self.slots[at];
            }
            if slot.is_free() {
                let number = self.vertices.len() as u32;
                self.vertices.push(corner);
                self.slots[at] = Slot::of(number, hash);
                return number;
            }
            if slot.may_be(hash)
                && self.vertices[slot.number() as usize].map(f64::to_bits) == corner.map(f64::to_bits)
            {
                return slot.number();
            }
            at = (at + 1) & (self.slots.len() - 1);
            slot = self.slots[at];
        }
    }

    /// Where the search for a corner begins.
    fn first(&self, hash: u64) -> usize {
        hash as usize & (self.slots.len() - 1)
    }

    fn grow(&mut self) {
        self.slots = vec![Slot::FREE; 2 * self.slots.len()];
        for (number, &vertex) in (0..).zip(&self.vertices) {
            let hash = hash(vertex);
            let mut at = self.first(hash);
            while !self.slots[at].is_free() {
                at = (at + 1) & (self.slots.len() - 1);
            }
            self.slots[at] = Slot::of(number, hash);
        }
    }
}

/// A vertex's number plus one, 0 where free, below the high half of its hash: nearly all other vertices that were
/// put where one is looked for are told by that, without looking at them.
#[derive(Clone, Copy, Debug)]
struct Slot(u64);

impl Slot {
    const FREE: Self = Self(0);

    fn of(number: u32, hash: u64) -> Self {
        Self(hash >> 32 << 32 | u64::from(number + 1))
    }

    fn is_free(self) -> bool {
        self.0 == 0
    }

    fn may_be(self, hash: u64) -> bool {
        (self.0 ^ hash) >> 32 == 0
    }

    fn number(self) -> u32 {
        self.0 as u32 - 1
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
