//! From loose facets to a surface: near corners joined, facets that say nothing new left out.

use std::collections::HashMap;

use super::Bounds;
use super::bodies::Bodies;
use super::corners::Corners;
use super::edges::Edges;
use super::repairs::{Fault, Repair, Repairs};
use super::twins::{Twins, turns_upwards};

/// Vertices at open edges that are nearer than this share of the bounding box's diagonal are one.
const TOLERANCE: f64 = 1e-5;

/// Triangles that share vertices.
pub(super) struct Welded {
    pub vertices: Vec<[f64; 3]>,
    pub triangles: Vec<[u32; 3]>,
    pub joints: Joints,
    /// The farthest that a vertex was moved to join a neighbour, in mm.
    pub moved_mm: f64,
}

/// How facets meet.
pub(super) enum Joints {
    /// There is nothing to mend.
    Sound(Bodies),
    /// All edges, whatever meets there.
    Any(Edges),
}

/// Makes a surface of facets that share equal corners. Where that leaves it unsound, it is mended.
///
/// Facets without area but with three vertices stay: they join the edges on both of their sides.
pub(super) fn weld(corners: Corners, repairs: &mut Repairs) -> Welded {
    let Corners { vertices, mut triangles, .. } = corners;
    let degenerate = drop_degenerate(&vertices, &mut triangles);
    match Bodies::of(vertices.len(), &triangles) {
        Some(bodies) => {
            repairs.note(Repair::at(Fault::Degenerate, degenerate));
            Welded { vertices, triangles, joints: Joints::Sound(bodies), moved_mm: 0.0 }
        }
        None => mend(vertices, triangles, degenerate, repairs),
    }
}

/// Joins the vertices of edges with a single facet with others of their kind within a tolerance, then leaves out
/// facets that say what others say.
fn mend(
    vertices: Vec<[f64; 3]>,
    mut triangles: Vec<[u32; 3]>,
    mut degenerate: Vec<[f64; 3]>,
    repairs: &mut Repairs,
) -> Welded {
    let mut edges = Edges::of(vertices.len(), &triangles);
    let mut open: Vec<u32> = edges.open().flat_map(|edge| edges.walked(edge, &triangles)).collect();
    let mut moved_mm = 0.0;
    let mut joined = Vec::new();
    if !open.is_empty() {
        open.sort_unstable();
        open.dedup();
        let target = nearest(&vertices, &open);
        for (from, &to) in target.iter().enumerate().filter(|&(from, &to)| to != from as u32) {
            joined.push(vertices[from]);
            moved_mm = f64::max(moved_mm, distance(vertices[from], vertices[to as usize]));
        }
        for corner in triangles.as_flattened_mut() {
            *corner = target[*corner as usize];
        }
        degenerate.extend(drop_degenerate(&vertices, &mut triangles));
        edges = Edges::of(vertices.len(), &triangles);
    }
    repairs.note(Repair::at(Fault::Degenerate, degenerate));
    let place = |triangles: &[[u32; 3]], t: u32| vertices[triangles[t as usize][0] as usize];
    let dropped = duplicates(&triangles, &edges);
    if !dropped.is_empty() {
        let left = without(&triangles, &dropped);
        let edges_left = Edges::of(vertices.len(), &left);
        // Two bodies that share a wall need both of its facets.
        if edges_left.unbalanced().count() <= edges.unbalanced().count() {
            repairs.note(Repair::at(Fault::Duplicate, dropped.iter().map(|&t| place(&triangles, t))));
            (triangles, edges) = (left, edges_left);
        }
    }
    let dropped = inner_sides(&triangles, &edges);
    if !dropped.is_empty() {
        repairs.note(Repair::at(Fault::DoubleSided, dropped.iter().map(|&t| place(&triangles, t))));
        triangles = without(&triangles, &dropped);
        edges = Edges::of(vertices.len(), &triangles);
    }
    repairs.note(Repair::at(Fault::Joined, joined));
    let joints = match Bodies::of(vertices.len(), &triangles) {
        Some(bodies) => Joints::Sound(bodies),
        None => Joints::Any(edges),
    };
    Welded { vertices, triangles, joints, moved_mm }
}

/// Takes out facets that have a vertex twice, and returns where they were.
fn drop_degenerate(vertices: &[[f64; 3]], triangles: &mut Vec<[u32; 3]>) -> Vec<[f64; 3]> {
    let mut places = Vec::new();
    triangles.retain(|&[a, b, c]| {
        let sound = a != b && b != c && c != a;
        if !sound {
            places.push(vertices[a as usize]);
        }
        sound
    });
    places
}

fn without(triangles: &[[u32; 3]], dropped: &[u32]) -> Vec<[u32; 3]> {
    let left = (0..triangles.len() as u32).filter(|t| dropped.binary_search(t).is_err());
    left.map(|t| triangles[t as usize]).collect()
}

/// All but the first of the facets with the same corners in the same turn, in order.
fn duplicates(triangles: &[[u32; 3]], edges: &Edges) -> Vec<u32> {
    // Equal facets walk their edges the same way, which is rare.
    let suspects = edges
        .all()
        .filter(|sides| {
            let forward = sides.iter().filter(|side| !side.backward()).count();
            forward > 1 || sides.len() - forward > 1
        })
        .flat_map(|sides| sides.iter().map(|side| side.triangle()))
        .collect();
    let mut repeated = Vec::new();
    for same in Twins::among(suspects, triangles).groups() {
        let (up, down): (Vec<u32>, Vec<u32>) =
            same.iter().partition(|&&facet| turns_upwards(triangles, facet));
        repeated.extend(up.into_iter().skip(1).chain(down.into_iter().skip(1)));
    }
    repeated.sort_unstable();
    repeated
}

/// Of each body all of whose facets are there twice, once each way: the second of each pair, in
/// order. Such a body would enclose nothing.
fn inner_sides(triangles: &[[u32; 3]], edges: &Edges) -> Vec<u32> {
    let suspects =
        edges.non_manifold().flat_map(|edge| edges.sides(edge)).map(|side| side.triangle()).collect();
    let mut second = vec![None; triangles.len()];
    for group in Twins::among(suspects, triangles).groups() {
        if let [a, b] = *group {
            (second[a as usize], second[b as usize]) = (Some(false), Some(true));
        }
    }
    let mut dropped = Vec::new();
    let mut seen = vec![false; triangles.len()];
    for seed in (0..triangles.len()).filter(|&t| second[t].is_some()) {
        if seen[seed] {
            continue;
        }
        let (mut body, mut next) = (vec![seed], 0);
        seen[seed] = true;
        while let Some(&t) = body.get(next) {
            next += 1;
            for side in edges.of_triangle[t].iter().flat_map(|&edge| edges.sides(edge)) {
                let other = side.triangle() as usize;
                if !seen[other] {
                    seen[other] = true;
                    body.push(other);
                }
            }
        }
        if body.iter().all(|&t| second[t].is_some()) {
            dropped.extend(body.into_iter().filter(|&t| second[t] == Some(true)).map(|t| t as u32));
        }
    }
    dropped.sort_unstable();
    dropped
}

/// For each vertex the one that it becomes: itself, or for those in `some` the nearest earlier one
/// of them within the tolerance.
fn nearest(vertices: &[[f64; 3]], some: &[u32]) -> Vec<u32> {
    let bounds = Bounds::of(vertices);
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

fn distance(a: [f64; 3], b: [f64; 3]) -> f64 {
    (0..3).map(|i| (a[i] - b[i]).powi(2)).sum::<f64>().sqrt()
}
