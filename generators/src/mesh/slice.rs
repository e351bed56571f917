//! Cutting a mesh into layers.

use std::ops::Range;
use std::sync::OnceLock;

use rayon::prelude::*;
use serde::{Deserialize, Serialize};

use super::area::{self, Enclosed};
use super::contour::{self, Chained, Contour, Cut};
use super::edges::{Ends, ends};
use super::gaps::Guess;
use super::planes::Planes;
use super::{Bounds, Mesh};

/// The most layers that [`layer_heights_mm`] returns.
pub const MAX_LAYERS: usize = 1_000_000;

/// Triangles that one task cuts.
const TASK: usize = 1 << 14;
/// Cuts that are held in memory together, where one plane does not have more.
const MOST_CUTS: usize = 1 << 21;

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
    /// Measured when it is first asked for.
    enclosed: OnceLock<Enclosed>,
}

impl Slice {
    pub(super) fn empty(z_mm: f64, centre_mm: [f64; 2]) -> Self {
        Self {
            z_mm,
            centre_mm,
            contours: Vec::new(),
            fill: FillRule::NonZero,
            guess: Guess::default(),
            enclosed: OnceLock::new(),
        }
    }

    /// The area in mm² of the section under its fill rule: what several contours enclose counts
    /// once. Exact up to rounding; a tangle of thousands of crossing contours is measured along 4096
    /// rows.
    pub fn area_mm2(&self) -> f64 {
        self.enclosed().filled_mm2
    }

    /// Whether the contours wind around every point once or not at all, so that signed areas
    /// are areas; but for a ten-billionth of what they enclose, as rounding leaves it where bodies
    /// touch.
    pub fn winds_once(&self) -> bool {
        let Enclosed { filled_mm2, doubled_mm2, inverted_mm2, error_mm2, .. } = *self.enclosed();
        doubled_mm2 + inverted_mm2 + error_mm2 <= 1e-10 * filled_mm2
    }

    pub(super) fn enclosed(&self) -> &Enclosed {
        self.enclosed.get_or_init(|| area::measure(&self.contours, self.fill))
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
    let mut planes: Vec<(f64, usize)> = heights_mm.iter().copied().zip(0..).collect();
    planes.retain(|(z, _)| z.is_finite());
    planes.sort_by(|a, b| a.0.total_cmp(&b.0).then(a.1.cmp(&b.1)));
    let (sorted, order): (Vec<f64>, Vec<usize>) =
        planes.into_iter().map(|(z, layer)| (if z == bottom { z.next_up() } else { z }, layer)).unzip();
    let centre = mesh.bounds.centre();
    let centre_mm = [centre[0], centre[1]];
    let mut slices: Vec<Slice> = heights_mm.iter().map(|&z_mm| Slice::empty(z_mm, centre_mm)).collect();
    let crossed = Crossed::of(mesh, &sorted);
    for batch in crossed.batches(sorted.len()) {
        let cuts: Vec<Cuts> = crossed.tasks().map(|task| Cuts::of(mesh, task, &batch, &sorted)).collect();
        let chained: Vec<Chained> = (batch.clone().into_par_iter())
            .map(|plane| {
                let z = sorted[plane];
                let cuts: Vec<Cut> =
                    cuts.iter().flat_map(|task| task.of_plane(plane - batch.start)).copied().collect();
                let stop = |cut: &Cut| crossing(mesh, cut.edges[1], z);
                contour::chain(&cuts, &mesh.rims, z, centre_mm, stop)
            })
            .collect();
        for (&layer, Chained { contours, consistent, guess }) in order[batch].iter().zip(chained) {
            let fill = if consistent { FillRule::NonZero } else { FillRule::EvenOdd };
            slices[layer] = Slice { contours, fill, guess, ..Slice::empty(slices[layer].z_mm, centre_mm) };
        }
    }
    slices
}

/// The planes that each triangle is cut by.
struct Crossed(Vec<Range<u32>>);

impl Crossed {
    /// Half-open: a plane cuts the triangles that begin below it and do not end below it.
    fn of(mesh: &Mesh, planes: &[f64]) -> Self {
        let ordered = Planes::new(planes);
        let crossed = |t: &[u32; 3]| {
            let z = |corner: usize| mesh.vertices[t[corner] as usize][2];
            let (a, b, c) = (z(0), z(1), z(2));
            let first = ordered.up_to(a.min(b).min(c));
            let high_z = a.max(b).max(c);
            let count = planes[first..].iter().take_while(|&&z| z <= high_z).count();
            first as u32..(first + count) as u32
        };
        Self(mesh.triangles.par_iter().map(crossed).collect())
    }

    /// The triangles, some for each task.
    fn tasks(&self) -> impl IndexedParallelIterator<Item = (usize, &[Range<u32>])> {
        self.0.par_chunks(TASK).enumerate().map(|(task, planes)| (task * TASK, planes))
    }

    /// Neighbouring planes with as many cuts as are held in memory together.
    fn batches(&self, planes: usize) -> Vec<Range<usize>> {
        let mut begin = vec![0usize; planes + 1];
        let mut end = vec![0usize; planes + 1];
        for range in &self.0 {
            begin[range.start as usize] += 1;
            end[range.end as usize] += 1;
        }
        let mut batches = Vec::new();
        let (mut first, mut held, mut cut) = (0, 0, 0);
        for plane in 0..planes {
            cut = cut + begin[plane] - end[plane];
            if held + cut > MOST_CUTS && plane > first {
                batches.push(first..plane);
                (first, held) = (plane, 0);
            }
            held += cut;
        }
        batches.push(first..planes);
        batches
    }
}

/// The cuts of some triangles, plane by plane.
struct Cuts {
    starts: Vec<u32>,
    cuts: Vec<Cut>,
}

impl Cuts {
    fn of(
        mesh: &Mesh,
        (first, crossed): (usize, &[Range<u32>]),
        batch: &Range<usize>,
        planes: &[f64],
    ) -> Self {
        let inside =
            |range: &Range<u32>| (range.start as usize).max(batch.start)..(range.end as usize).min(batch.end);
        let mut starts = vec![0; batch.len() + 1];
        for plane in crossed.iter().flat_map(inside) {
            starts[plane - batch.start] += 1;
        }
        let mut end = 0;
        for start in &mut starts {
            end += *start;
            *start = end;
        }
        let mut cuts = vec![Cut::default(); end as usize];
        // From the last triangle to the first, so that each plane's end becomes its beginning.
        for (triangle, range) in (first..first + crossed.len()).zip(crossed).rev() {
            for plane in inside(range) {
                let start = &mut starts[plane - batch.start];
                *start -= 1;
                cuts[*start as usize] = cut(mesh, triangle as u32, planes[plane]);
            }
        }
        Self { starts, cuts }
    }

    fn of_plane(&self, plane: usize) -> &[Cut] {
        &self.cuts[self.starts[plane] as usize..self.starts[plane + 1] as usize]
    }
}

/// How the plane at `z` cuts a triangle that it crosses: from the edge that goes down through it to
/// the one that goes up, which leaves the inside of the part on the left.
#[inline]
fn cut(mesh: &Mesh, triangle: u32, z: f64) -> Cut {
    // By which corners are above, the first of them in the lowest bit: the side that goes down, and the one that
    // goes up. A plane that has all of them on one side does not cross.
    const SIDES: [[usize; 2]; 8] = [[0, 0], [0, 2], [1, 0], [1, 2], [2, 1], [0, 1], [2, 0], [0, 0]];
    let corners = mesh.triangles[triangle as usize];
    let above = |corner: usize| usize::from(mesh.vertices[corners[corner] as usize][2] >= z);
    let [down, up] = SIDES[above(0) | above(1) << 1 | above(2) << 2];
    let edges = [ends(corners, down), ends(corners, up)];
    Cut { edges, start: crossing(mesh, edges[0], z) }
}

/// Where the plane at `z` crosses an edge: the same point for both of its triangles.
#[inline]
fn crossing(mesh: &Mesh, [lower, upper]: Ends, z: f64) -> [f64; 2] {
    let (a, b) = (mesh.vertices[lower as usize], mesh.vertices[upper as usize]);
    let t = ((z - a[2]) / (b[2] - a[2])).clamp(0.0, 1.0);
    [a[0] * (1.0 - t) + b[0] * t, a[1] * (1.0 - t) + b[1] * t]
}
