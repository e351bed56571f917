//! From loose facets to shared vertices.

use std::collections::HashMap;

use super::edges::Edges;

/// Boundary vertices that are nearer than this share of the bounding box's diagonal are one.
const TOLERANCE: f64 = 1e-5;

/// Triangles that share vertices.
pub(super) struct Welded {
    pub vertices: Vec<[f64; 3]>,
    pub triangles: Vec<[u32; 3]>,
    /// Facets left out since two of their corners are the same vertex.
    pub degenerate: usize,
    /// Facets left out since the same facet was there before.
    pub duplicates: usize,
    /// Vertices moved onto a neighbour.
    pub merged: usize,
}

/// Makes equal corners one vertex. Where that leaves edges with a single facet, their vertices are
/// also joined with others of their kind within a tolerance: a sound mesh is never touched.
///
/// Facets without area but with three vertices stay: they join the edges on both of their sides.
pub(super) fn weld(facets: &[[[f64; 3]; 3]]) -> Welded {
    let mut mesh = exact(facets);
    let edges = Edges::of(mesh.vertices.len(), &mesh.triangles);
    let mut boundary: Vec<u32> = edges.boundary().flatten().collect();
    boundary.sort_unstable();
    boundary.dedup();
    if !boundary.is_empty() {
        let target = near(&mesh.vertices, &boundary);
        mesh.merged = target.iter().enumerate().filter(|&(i, &to)| to != i as u32).count();
        for corner in mesh.triangles.as_flattened_mut() {
            *corner = target[*corner as usize];
        }
        drop_bad(&mut mesh);
    }
    mesh
}

fn exact(facets: &[[[f64; 3]; 3]]) -> Welded {
    let mut number: HashMap<[u64; 3], u32> = HashMap::new();
    let mut vertices = Vec::new();
    let mut vertex = |corner: [f64; 3]| {
        let corner = corner.map(|x| x + 0.0); // -0 is 0
        *number.entry(corner.map(f64::to_bits)).or_insert_with(|| {
            vertices.push(corner);
            vertices.len() as u32 - 1
        })
    };
    let triangles = facets.iter().map(|facet| facet.map(&mut vertex)).collect();
    let mut mesh = Welded { vertices, triangles, degenerate: 0, duplicates: 0, merged: 0 };
    drop_bad(&mut mesh);
    mesh
}

/// Drops facets with fewer than three vertices, and all but the first of equal facets.
fn drop_bad(mesh: &mut Welded) {
    let before = mesh.triangles.len();
    mesh.triangles.retain(|[a, b, c]| a != b && b != c && c != a);
    mesh.degenerate += before - mesh.triangles.len();

    // The same corners in the same turn, whichever comes first.
    let key = |&[a, b, c]: &[u32; 3]| [[a, b, c], [b, c, a], [c, a, b]].into_iter().min();
    let mut order: Vec<u32> = (0..mesh.triangles.len() as u32).collect();
    order.sort_by_cached_key(|&t| key(&mesh.triangles[t as usize]));
    let mut repeated = vec![false; mesh.triangles.len()];
    for pair in order.windows(2) {
        let [first, second] = [pair[0] as usize, pair[1] as usize];
        repeated[second] = key(&mesh.triangles[first]) == key(&mesh.triangles[second]);
    }
    let mut repeated = repeated.into_iter();
    let before = mesh.triangles.len();
    mesh.triangles.retain(|_| !repeated.next().unwrap_or(false));
    mesh.duplicates += before - mesh.triangles.len();
}

/// For each vertex the one that it becomes: itself, or for those in `some` the nearest earlier one
/// of them within the tolerance.
fn near(vertices: &[[f64; 3]], some: &[u32]) -> Vec<u32> {
    let (mut min, mut max) = ([f64::INFINITY; 3], [f64::NEG_INFINITY; 3]);
    for v in vertices {
        for axis in 0..3 {
            min[axis] = min[axis].min(v[axis]);
            max[axis] = max[axis].max(v[axis]);
        }
    }
    let distance = |a: [f64; 3], b: [f64; 3]| (0..3).map(|i| (a[i] - b[i]).powi(2)).sum::<f64>().sqrt();
    let reach = TOLERANCE * distance(min, max);
    // Cells much wider than the tolerance, so that most vertices look into their own cell alone.
    let cell = |x: f64, axis: usize| ((x - min[axis]) / (16.0 * reach)) as i64;
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
