//! Facets with the same corners: some say what others say, and some are the two sides of a wall.

/// Facets, those with the same corners beside each other.
pub(super) struct Twins<'a> {
    triangles: &'a [[u32; 3]],
    facets: Vec<u32>,
}

impl<'a> Twins<'a> {
    /// Of `facets`, some of which may be named more than once.
    pub fn among(mut facets: Vec<u32>, triangles: &'a [[u32; 3]]) -> Self {
        facets.sort_unstable();
        facets.dedup();
        facets.sort_by_cached_key(|&facet| corners(triangles, facet));
        Self { triangles, facets }
    }

    /// Those with the same three corners together, in order, whichever way they turn.
    pub fn groups(&self) -> impl Iterator<Item = &[u32]> {
        self.facets.chunk_by(|&a, &b| corners(self.triangles, a) == corners(self.triangles, b))
    }
}

/// The corners of a facet, in order.
fn corners(triangles: &[[u32; 3]], facet: u32) -> [u32; 3] {
    let mut corners = triangles[facet as usize];
    corners.sort_unstable();
    corners
}

/// Whether a facet's corners ascend from the least on; of two with the same corners that turn the same way both do or neither.
pub(super) fn turns_upwards(triangles: &[[u32; 3]], facet: u32) -> bool {
    let [a, b, c] = triangles[facet as usize];
    let [_, second, third] = [a, b, c].min([b, c, a]).min([c, a, b]);
    second < third
}
