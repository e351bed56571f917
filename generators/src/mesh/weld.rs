//! From loose facets to shared vertices.

use std::collections::HashMap;
use std::hash::{BuildHasherDefault, Hasher};

use super::Bounds;
use super::edges::Edges;

/// Boundary vertices that are nearer than this share of the bounding box's diagonal are one.
const TOLERANCE: f64 = 1e-5;

/// Triangles that share vertices.
pub(super) struct Welded {
    pub vertices: Vec<[f64; 3]>,
    pub triangles: Vec<[u32; 3]>,
    pub edges: Edges,
    /// Facets left out since two of their corners are the same vertex.
    pub degenerate: usize,
    /// Facets left out since the same facet was there before.
    pub duplicates: usize,
    /// Vertices moved onto a neighbour.
    pub joined: usize,
}

/// Makes equal corners one vertex. Where that leaves edges with a single facet, their vertices are
/// also joined with others of their kind within a tolerance: a sound mesh is never touched.
///
/// Facets without area but with three vertices stay: they join the edges on both of their sides.
pub(super) fn weld(facets: &[[[f64; 3]; 3]]) -> Welded {
    let (vertices, mut triangles) = share_corners(facets);
    let mut degenerate = drop_degenerate(&mut triangles);
    let mut edges = Edges::of(vertices.len(), &triangles);
    let mut boundary: Vec<u32> = edges.boundary().flatten().collect();
    let mut joined = 0;
    if !boundary.is_empty() {
        boundary.sort_unstable();
        boundary.dedup();
        let target = nearest(&vertices, &boundary);
        joined = target.iter().enumerate().filter(|&(i, &to)| to != i as u32).count();
        for corner in triangles.as_flattened_mut() {
            *corner = target[*corner as usize];
        }
        degenerate += drop_degenerate(&mut triangles);
        edges = Edges::of(vertices.len(), &triangles);
    }
    let (once, duplicates) = without_duplicates(&triangles, &edges);
    let mut dropped = 0;
    if duplicates > 0 {
        // Two bodies that share a wall need both of its facets.
        let edges_once = Edges::of(vertices.len(), &once);
        if edges_once.unbalanced() <= edges.unbalanced() {
            (triangles, edges, dropped) = (once, edges_once, duplicates);
        }
    }
    Welded { vertices, triangles, edges, degenerate, duplicates: dropped, joined }
}

fn share_corners(facets: &[[[f64; 3]; 3]]) -> (Vec<[f64; 3]>, Vec<[u32; 3]>) {
    let mut number: HashMap<[u64; 3], u32, BuildHasherDefault<Bits>> = HashMap::default();
    number.reserve(facets.len() / 2 + 1);
    let mut vertices = Vec::new();
    let mut vertex = |corner: [f64; 3]| {
        let corner = corner.map(|x| x + 0.0); // -0 is 0
        *number.entry(corner.map(f64::to_bits)).or_insert_with(|| {
            vertices.push(corner);
            vertices.len() as u32 - 1
        })
    };
    let triangles = facets.iter().map(|facet| facet.map(&mut vertex)).collect();
    (vertices, triangles)
}

/// A hash of coordinates, several times faster than the standard one.
#[derive(Default)]
struct Bits(u64);

impl Hasher for Bits {
    fn write(&mut self, bytes: &[u8]) {
        for chunk in bytes.chunks(8) {
            let mut word = [0; 8];
            word[..chunk.len()].copy_from_slice(chunk);
            // The product's high half brings the leading digits down to where the table looks.
            let mixed = u128::from(self.0 ^ u64::from_le_bytes(word)) * 0x9e37_79b9_7f4a_7c15;
            self.0 = (mixed as u64) ^ ((mixed >> 64) as u64);
        }
    }

    fn finish(&self) -> u64 {
        self.0
    }
}

fn drop_degenerate(triangles: &mut Vec<[u32; 3]>) -> usize {
    let before = triangles.len();
    triangles.retain(|[a, b, c]| a != b && b != c && c != a);
    before - triangles.len()
}

/// The facets less all but the first of those with the same corners in the same turn, and how many
/// that are.
fn without_duplicates(triangles: &[[u32; 3]], edges: &Edges) -> (Vec<[u32; 3]>, usize) {
    // Equal facets walk their edges the same way, which is rare.
    let mut suspects: Vec<u32> = edges
        .all()
        .filter(|sides| {
            let forward = sides.iter().filter(|side| side.from < side.to).count();
            forward > 1 || sides.len() - forward > 1
        })
        .flat_map(|sides| sides.iter().map(|side| side.triangle))
        .collect();
    let turned_to_least = |t: u32| {
        let [a, b, c] = triangles[t as usize];
        [a, b, c].min([b, c, a]).min([c, a, b])
    };
    suspects.sort_unstable_by_key(|&t| (turned_to_least(t), t));
    suspects.dedup();
    let repeated = suspects.windows(2).filter(|pair| turned_to_least(pair[0]) == turned_to_least(pair[1]));
    let mut repeated: Vec<u32> = repeated.map(|pair| pair[1]).collect();
    repeated.sort_unstable();
    if repeated.is_empty() {
        return (Vec::new(), 0);
    }
    let once = (0..triangles.len() as u32).filter(|t| repeated.binary_search(t).is_err());
    (once.map(|t| triangles[t as usize]).collect(), repeated.len())
}

/// For each vertex the one that it becomes: itself, or for those in `some` the nearest earlier one
/// of them within the tolerance.
fn nearest(vertices: &[[f64; 3]], some: &[u32]) -> Vec<u32> {
    let bounds = Bounds::of(vertices);
    let distance = |a: [f64; 3], b: [f64; 3]| (0..3).map(|i| (a[i] - b[i]).powi(2)).sum::<f64>().sqrt();
    let reach = TOLERANCE * distance(bounds.min, bounds.max);
    // Cells much wider than the tolerance, so that most vertices look into their own cell alone.
    let cell = |x: f64, axis: usize| ((x - bounds.min[axis]) / (16.0 * reach)) as i64;
    let mut cells: HashMap<[i64; 3], Vec<u32>> = HashMap::new();
    let mut target: Vec<u32> = (0..vertices.len() as u32).collect();
    for &i in some {
        let v = vertices[i as usize];
        let range = |axis: usize| cell(v[axis] - reach, axis)..=cell(v[axis] + reach, axis);
        let mut best: Option<(f64, u32)> = None;
        for x in range(0) {
            for y in range(1) {
                for z in range(2) {
                    for &j in cells.get(&[x, y, z]).into_iter().flatten() {
                        let d = distance(v, vertices[j as usize]);
                        if d <= reach && best.is_none_or(|(least, _)| d < least) {
                            best = Some((d, j));
                        }
                    }
                }
            }
        }
        match best {
            Some((_, j)) => target[i as usize] = j,
            None => cells.entry([0, 1, 2].map(|axis| cell(v[axis], axis))).or_default().push(i),
        }
    }
    target
}
