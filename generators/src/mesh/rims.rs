//! The rims of an open surface: what a hole is bounded by.

use super::edges::{Edges, Ends};
use super::union::Union;

/// A rim whose flat filling has up to this share of the surface's own area is a hole in it: an open
/// half sphere is closed (0.5), a sheet, which is its own filling, is not (1.0).
const HOLE: f64 = 0.66;
/// Lines from one side of a plane to the other that are looked at, before a rim's outline seen from
/// above is taken instead.
const MOST_LINES: usize = 4096;

/// All rims of a mesh; none where it is closed.
#[derive(Clone, Debug, Default)]
pub(super) struct Rims {
    /// The open edges and the rim of each, sorted by edge.
    of_edge: Vec<(Ends, u32)>,
    rims: Vec<Rim>,
}

#[derive(Clone, Debug, Default)]
struct Rim {
    corners: Vec<[f64; 3]>,
    /// Whether it is the rim of a hole, rather than of a sheet.
    hole: bool,
}

impl Rims {
    /// Collects the edges of an odd number of facets; those that share vertices are one rim.
    pub fn of(vertices: &[[f64; 3]], triangles: &[[u32; 3]], edges: &Edges) -> Self {
        let open: Vec<u32> = edges.open().collect();
        if open.is_empty() {
            return Self::default();
        }
        let ends = |edge: u32| edges.walked(edge, triangles);
        let sorted = |[a, b]: Ends| [a.min(b), a.max(b)];
        let mut rim = Union::of(vertices.len());
        open.iter().map(|&edge| ends(edge)).for_each(|[a, b]| rim.join(a, b));
        let mut surface = Union::of(triangles.len());
        for sides in edges.all() {
            sides.windows(2).for_each(|pair| surface.join(pair[0].triangle(), pair[1].triangle()));
        }
        let mut areas_mm2 = vec![0.0; triangles.len()];
        for (t, corners) in triangles.iter().enumerate() {
            let [a, b, c] = corners.map(|v| vertices[v as usize]);
            areas_mm2[surface.root(t as u32) as usize] += length(twice_area(a, b, c)) / 2.0;
        }
        let mut by_rim: Vec<(u32, u32)> = open.iter().map(|&edge| (rim.root(ends(edge)[0]), edge)).collect();
        by_rim.sort_unstable();
        let mut all = Self::default();
        for group in by_rim.chunk_by(|a, b| a.0 == b.0) {
            let number = all.rims.len() as u32;
            all.of_edge.extend(group.iter().map(|&(_, edge)| (sorted(ends(edge)), number)));
            let corners: Vec<[f64; 3]> =
                group.iter().flat_map(|&(_, edge)| ends(edge)).map(|v| vertices[v as usize]).collect();
            // Twice the area of its flat filling, as a vector.
            let filling = corners.chunks_exact(2).fold([0.0; 3], |sum, edge| {
                let part = twice_area(corners[0], edge[0], edge[1]);
                [0, 1, 2].map(|i| sum[i] + part[i])
            });
            let triangle = edges.sides(group[0].1)[0].triangle();
            let area_mm2 = areas_mm2[surface.root(triangle) as usize];
            all.rims.push(Rim { corners, hole: length(filling) / 2.0 <= HOLE * area_mm2 });
        }
        all.of_edge.sort_unstable();
        all
    }

    /// The hole that an open edge is at the rim of, if it is.
    pub fn hole(&self, edge: Ends) -> Option<u32> {
        let at = self.of_edge.binary_search_by_key(&edge, |&(edge, _)| edge).ok()?;
        let rim = self.of_edge[at].1;
        self.rims[rim as usize].hole.then_some(rim)
    }

    /// The area in mm² of the section at `z` through the convex hull of a rim: whatever surface of
    /// least area fills the hole lies in that hull.
    pub fn hull_section_mm2(&self, rim: u32, z: f64) -> f64 {
        let corners = &self.rims[rim as usize].corners;
        let (above, below): (Vec<[f64; 3]>, Vec<[f64; 3]>) =
            corners.iter().partition(|corner| corner[2] >= z);
        let points: Vec<[f64; 2]> = if above.len() * below.len() <= MOST_LINES {
            let cut = |a: &[f64; 3], b: &[f64; 3]| {
                let t = (z - a[2]) / (b[2] - a[2]);
                [0, 1].map(|axis| a[axis] + t * (b[axis] - a[axis]))
            };
            above.iter().flat_map(|a| below.iter().map(move |b| cut(a, b))).collect()
        } else {
            corners.iter().map(|corner| [corner[0], corner[1]]).collect()
        };
        hull_area(points)
    }
}

/// The area of the convex hull of points, by Andrew's monotone chains.
fn hull_area(mut points: Vec<[f64; 2]>) -> f64 {
    points.sort_by(|a, b| a[0].total_cmp(&b[0]).then(a[1].total_cmp(&b[1])));
    points.dedup();
    let cross =
        |o: [f64; 2], a: [f64; 2], b: [f64; 2]| (a[0] - o[0]) * (b[1] - o[1]) - (a[1] - o[1]) * (b[0] - o[0]);
    let half = |points: &mut dyn Iterator<Item = &[f64; 2]>| {
        let mut chain: Vec<[f64; 2]> = Vec::new();
        for &point in points {
            while let [.., a, b] = chain[..]
                && cross(a, b, point) <= 0.0
            {
                chain.pop();
            }
            chain.push(point);
        }
        chain
    };
    let ring = [half(&mut points.iter()), half(&mut points.iter().rev())].concat();
    let Some(&first) = ring.first() else { return 0.0 };
    0.5 * ring.windows(2).map(|pair| cross(first, pair[0], pair[1])).sum::<f64>()
}

fn twice_area(a: [f64; 3], b: [f64; 3], c: [f64; 3]) -> [f64; 3] {
    let (u, v) = ([0, 1, 2].map(|i| b[i] - a[i]), [0, 1, 2].map(|i| c[i] - a[i]));
    [u[1] * v[2] - u[2] * v[1], u[2] * v[0] - u[0] * v[2], u[0] * v[1] - u[1] * v[0]]
}

fn length(v: [f64; 3]) -> f64 {
    v[0].hypot(v[1]).hypot(v[2])
}
