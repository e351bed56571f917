//! Areas and volumes straight from the facets: no buckets, no chaining, no filling.

use rayon::prelude::*;

use super::Mesh;
use super::planes::Planes;

/// Facets that one task sums up; a constant, so that sums do not depend on the number of threads.
const TASK: usize = 1 << 16;

/// Sums over the facets of a mesh.
pub(super) struct Sums {
    /// For each plane, the area counted as often as bodies lie there (Green's theorem over the raw
    /// cuts), in mm²; about the middle of the part's box, which matters where the surface is open.
    pub wound_mm2: Vec<f64>,
    /// For each plane, the height that it stands for: the part's heights nearer to it than to any
    /// other.
    pub heights_mm: Vec<f64>,
    /// The volume less the sum of areas times heights: what the surface does between the planes.
    pub between_mm3: f64,
}

/// Cuts every facet at every plane that it crosses.
///
/// With `A(z)` the area, `z_k` the planes and `c_k` the bounds of the heights that they stand for, the
/// error of the sum over `(c_k+1 - c_k) A(z_k)` is the integral of `c_j(z) - z` over `dA(z)`, where `j`
/// is the number of planes up to `z` (Peano's kernel, after integration by parts). `A` shrinks with `z`
/// by what a facet covers seen from above, which is how the facets enter one by one.
pub(super) fn sums(mesh: &Mesh, planes_mm: &[f64]) -> Sums {
    let (bottom, top) = (mesh.bounds.min[2], mesh.bounds.max[2]);
    let mut order: Vec<usize> = (0..planes_mm.len()).filter(|&k| planes_mm[k].is_finite()).collect();
    order.sort_by(|&a, &b| planes_mm[a].total_cmp(&planes_mm[b]));
    let sorted: Vec<f64> = order.iter().map(|&k| planes_mm[k].max(bottom.next_up())).collect();
    // Where the heights of one plane end and those of the next begin.
    let mut cells = vec![bottom];
    cells.extend(sorted.windows(2).map(|pair| (0.5 * (pair[0] + pair[1])).clamp(bottom, top)));
    cells.push(top);
    let (centre, ordered) = (mesh.bounds.centre(), Planes::new(&sorted));
    let task = |triangles: &[[u32; 3]]| {
        let mut sums = (vec![0.0; sorted.len()], 0.0);
        for &corners in triangles {
            let corners = corners.map(|v| {
                let p = mesh.vertices[v as usize];
                [p[0] - centre[0], p[1] - centre[1], p[2]]
            });
            let first = ordered.up_to(corners[0][2].min(corners[1][2]).min(corners[2][2]));
            facet(corners, first, &sorted, &cells, &mut sums.0, &mut sums.1);
        }
        sums
    };
    let tasks: Vec<(Vec<f64>, f64)> = mesh.triangles.par_chunks(TASK).map(task).collect();
    let (mut wound_mm2, mut heights_mm) = (vec![0.0; planes_mm.len()], vec![0.0; planes_mm.len()]);
    for (at, &plane) in order.iter().enumerate() {
        wound_mm2[plane] = tasks.iter().map(|(wound, _)| wound[at]).sum();
        heights_mm[plane] = cells[at + 1] - cells[at];
    }
    Sums { wound_mm2, heights_mm, between_mm3: tasks.iter().map(|(_, between)| between).sum() }
}

/// Adds what one facet contributes to the area in each plane, from the `first` above its lowest
/// corner on, and between them.
fn facet(
    corners: [[f64; 3]; 3],
    first: usize,
    planes: &[f64],
    cells: &[f64],
    wound: &mut [f64],
    between: &mut f64,
) {
    let [a, b, c] = corners;
    let seen_from_above = 0.5 * ((b[0] - a[0]) * (c[1] - a[1]) - (c[0] - a[0]) * (b[1] - a[1]));
    // From the lowest corner to the highest; an odd exchange turns the facet round.
    let (mut low, mut middle, mut high, mut turn) = (a, b, c, 0.5);
    if low[2] > middle[2] {
        (low, middle, turn) = (middle, low, -turn);
    }
    if middle[2] > high[2] {
        (middle, high, turn) = (high, middle, -turn);
    }
    if low[2] > middle[2] {
        (low, middle, turn) = (middle, low, -turn);
    }
    let (mut below, mut end) = (0.0, first);
    for (k, &z) in planes.iter().enumerate().skip(first).take_while(|(_, z)| **z <= high[2]) {
        end = k + 1;
        let along = |from: [f64; 3], to: [f64; 3]| {
            let t = (z - from[2]) / (to[2] - from[2]);
            ([from[0] + t * (to[0] - from[0]), from[1] + t * (to[1] - from[1])], t)
        };
        let (long, t) = along(low, high);
        let (short, share) = if z <= middle[2] {
            let (short, s) = along(low, middle);
            (short, t * s)
        } else {
            let (short, s) = along(middle, high);
            (short, 1.0 - (1.0 - t) * (1.0 - s))
        };
        // The inside is on the left of the way from the long side to the short one where the corners, from low
        // to high, run counter-clockwise.
        wound[k] += turn * (long[0] * short[1] - short[0] * long[1]);
        below += share * (cells[k + 1] - cells[k]);
    }
    let mean = (low[2] + middle[2] + high[2]) / 3.0;
    *between -= seen_from_above * (cells[end] - mean - below);
}
