//! Cutting a mesh into layers.

use rayon::prelude::*;
use serde::{Deserialize, Serialize};

use super::contour::{self, Contour, Cut};
use super::gaps::Guess;
use super::{Bounds, Mesh, area};

/// The most layers that [`layer_heights_mm`] returns.
pub const MAX_LAYERS: usize = 1_000_000;

/// Which points a set of contours encloses.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum FillRule {
    /// Those that contours wind around, counted with their direction: right for solids in solids,
    /// touching and overlapping solids.
    NonZero,
    /// Those that an odd number of contours enclose: for a surface without a consistent outside.
    EvenOdd,
}

/// The section of a part at one height.
#[derive(Clone, Debug, PartialEq)]
pub struct Slice {
    /// The height in mm, in the part's coordinates.
    pub z_mm: f64,
    /// Centre in mm of the box around the whole part, seen from above: what placements turn about.
    pub centre_mm: [f64; 2],
    /// Closed contours in mm, counter-clockwise around material.
    pub contours: Vec<Contour>,
    /// How the contours enclose the section.
    pub fill: FillRule,
    /// What had to be guessed, where the surface is open.
    pub guess: Guess,
}

impl Slice {
    /// The area in mm² of the section under its fill rule: what several contours enclose counts
    /// once. Exact up to rounding; a tangle of thousands of crossing contours is measured along 4096
    /// rows.
    pub fn area_mm2(&self) -> f64 {
        area::measure(&self.contours, self.fill).filled_mm2
    }
}

/// The heights in mm of the layers' middles: half a layer above the bottom, then one per layer, as
/// long as the middle lies inside the part. Empty where the part is thinner than half a layer,
/// `height_mm` is not a positive number, or there would be more than [`MAX_LAYERS`].
pub fn layer_heights_mm(bounds: &Bounds, height_mm: f64) -> Vec<f64> {
    // A middle that rounding puts at the very top is outside.
    let layers = (bounds.size()[2] / height_mm - 0.5 - 1e-9).ceil();
    if !(height_mm > 0.0 && layers > 0.0 && layers <= MAX_LAYERS as f64) {
        return Vec::new();
    }
    (0..layers as usize).map(|layer| bounds.min[2] + (layer as f64 + 0.5) * height_mm).collect()
}

/// Cuts a mesh at `heights_mm` (any order, in the part's coordinates), one slice per height.
///
/// A plane through vertices, edges or facets gives the section just below it, so that each height
/// belongs to exactly one side; the bottom plane gives the section just above. The time is linear in
/// the triangles and the segments that they are cut into, and the result does not depend on the
/// number of threads.
pub fn slice(mesh: &Mesh, heights_mm: &[f64]) -> Vec<Slice> {
    let bottom = mesh.bounds.min[2];
    let planes: Vec<f64> = heights_mm.iter().map(|&z| if z == bottom { z.next_up() } else { z }).collect();
    let buckets = Buckets::of(mesh, &planes);
    let centre = mesh.bounds.centre();
    let centre_mm = [centre[0], centre[1]];
    let cut = |layer: usize| {
        let z = planes[layer];
        let cuts: Vec<Cut> =
            buckets.triangles(layer).iter().filter_map(|&triangle| cut(mesh, triangle, z)).collect();
        let stop = |cut: &Cut| crossing(mesh, cut.triangle, cut.side.into(), z);
        let chained = contour::chain(&cuts, &mesh.rims, z, centre_mm, stop);
        Slice {
            z_mm: heights_mm[layer],
            centre_mm,
            contours: chained.contours,
            fill: if chained.consistent { FillRule::NonZero } else { FillRule::EvenOdd },
            guess: chained.guess,
        }
    };
    (0..planes.len()).into_par_iter().map(cut).collect()
}

/// The triangles that each plane cuts.
struct Buckets {
    starts: Vec<usize>,
    triangles: Vec<u32>,
}

impl Buckets {
    fn of(mesh: &Mesh, planes: &[f64]) -> Self {
        let mut order: Vec<usize> = (0..planes.len()).filter(|&i| planes[i].is_finite()).collect();
        order.sort_by(|&a, &b| planes[a].total_cmp(&planes[b]));
        let sorted: Vec<f64> = order.iter().map(|&i| planes[i]).collect();
        // Half-open: a plane cuts the triangles that begin below it and do not end below it.
        let cut: Vec<(u32, u32)> = mesh
            .triangles
            .par_iter()
            .map(|t| {
                let [a, b, c] = t.map(|v| mesh.vertices[v as usize][2]);
                let (low, high) = (a.min(b).min(c), a.max(b).max(c));
                let first = sorted.partition_point(|&z| z <= low);
                (first as u32, (first + sorted[first..].partition_point(|&z| z <= high)) as u32)
            })
            .collect();
        let mut starts = vec![0; planes.len() + 1];
        for &(first, end) in &cut {
            order[first as usize..end as usize].iter().for_each(|&plane| starts[plane + 1] += 1);
        }
        for plane in 0..planes.len() {
            starts[plane + 1] += starts[plane];
        }
        let mut next = starts.clone();
        let mut triangles = vec![0; starts[planes.len()]];
        for (t, &(first, end)) in cut.iter().enumerate() {
            for &plane in &order[first as usize..end as usize] {
                triangles[next[plane]] = t as u32;
                next[plane] += 1;
            }
        }
        Self { starts, triangles }
    }

    fn triangles(&self, plane: usize) -> &[u32] {
        &self.triangles[self.starts[plane]..self.starts[plane + 1]]
    }
}

/// How the plane at `z` cuts a triangle: from the edge that goes down through it to the one that
/// goes up, which leaves the inside of the part on the left.
fn cut(mesh: &Mesh, triangle: u32, z: f64) -> Option<Cut> {
    let above = mesh.triangles[triangle as usize].map(|v| mesh.vertices[v as usize][2] >= z);
    let through =
        |from_above: bool| (0..3).find(|&i| above[i] == from_above && above[(i + 1) % 3] != from_above);
    let (down, up) = (through(true)?, through(false)?);
    let edges = mesh.edges[triangle as usize];
    let start = crossing(mesh, triangle, down, z);
    Some(Cut { edges: [edges[down], edges[up]], triangle, side: up as u8, start })
}

/// Where the plane at `z` crosses a side of a triangle.
fn crossing(mesh: &Mesh, triangle: u32, side: usize, z: f64) -> [f64; 2] {
    let corners = mesh.triangles[triangle as usize];
    let (a, b) = (corners[side], corners[(side + 1) % 3]);
    // The same order of the ends in both triangles of an edge gives them the same point.
    let (a, b) = (mesh.vertices[a.min(b) as usize], mesh.vertices[a.max(b) as usize]);
    let t = ((z - a[2]) / (b[2] - a[2])).clamp(0.0, 1.0);
    [0, 1].map(|axis| a[axis] * (1.0 - t) + b[axis] * t)
}
