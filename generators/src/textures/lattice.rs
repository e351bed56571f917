//! Smooth noise row by row: the kernel below the cloudy textures.
//!
//! An octave is a lattice convolution (Lewis 1989, doi:10.1145/74333.74360): independent normal numbers on the nodes
//! of a square lattice, each spread by the quadratic B-spline `b` along both axes (as in Cook and DeRose 2005,
//! doi:10.1145/1073204.1073264),
//!
//! ```text
//! noise(u, v) = sum over j of  b(v - j) * sum over i of  b(u - i) * node(i, j)
//! ```
//!
//! It is a Gaussian field. Its correlation at a distance is a product of splines of degree five, which
//! are so near to Gaussians that nobody sees which way the lattice lies; and since the sum
//! of independent Gaussian fields is one, a field can change with depth and keep all its statistics.
//!
//! The inner sum is computed once per row of nodes; a row of pixels is then a weighted sum of three such rows.

use std::f64::consts::FRAC_PI_2;
use std::ops::Range;
use std::sync::LazyLock;

use noise::permutationtable::{NoiseHasher, PermutationTable};
use pulp::Arch;

use super::surface::View;
use crate::layer::Frame;
use crate::stream::{self, Stream};

/// How many cells a feature is wide: at half a feature the correlation is about two thirds.
const CELLS_PER_FEATURE: f64 = 1.4;

/// The sum of the octaves of the field that `stream` draws, with these standard deviations from the coarsest to
/// the finest.
///
/// Octaves down to a pixel are summed on the lattice of the finest of them, where the coarser ones
/// are the same splines with other numbers ([`refine`]), and only that one is spread.
pub(super) fn sum(view: &View, deviations: &[f64], stream: &mut Stream) -> Vec<Rows> {
    let octaves: Vec<_> = planes(view, stream).zip(deviations.iter().copied()).collect();
    let coarse = octaves.iter().take_while(|((step, _), _)| *step <= 1.0).count().max(1);
    let (coarse, fine) = octaves.split_at(coarse.min(octaves.len()));
    let groups = std::iter::once(coarse).chain(fine.chunks(1));
    groups.filter(|group| !group.is_empty()).map(|group| Rows::new(group, &view.frame)).collect()
}

/// Each octave of the field that `stream` draws, with a standard deviation of `deviation`, from the coarsest to
/// the finest.
pub(super) fn each(view: &View, count: usize, deviation: f64, stream: &mut Stream) -> Vec<Rows> {
    planes(view, stream).take(count).map(|plane| Rows::new(&[(plane, deviation)], &view.frame)).collect()
}

/// The planes of a fractal's octaves, and how many cells of each it is from pixel to pixel. They share the nodes'
/// numbers, but lie at different depths; two cells of one are as wide as a cell of the one before.
fn planes(view: &View, stream: &mut Stream) -> impl Iterator<Item = (f64, Plane)> {
    let hash = PermutationTable::new((stream.bits() >> 32) as u32);
    let mut origin = [(); 2].map(|()| stream.uniform(0.0, 256.0));
    let mut step = CELLS_PER_FEATURE / (view.frame.px_per_mm * view.feature_mm);
    let mut depth = view.depth;
    std::iter::repeat_with(move || {
        let octave = (step, Plane::draw(hash, origin, depth, stream.below(256) as u8));
        (step, depth) = (2.0 * step, 2.0 * depth);
        // Halving a cell puts the new nodes a quarter to either side of an old one.
        origin = origin.map(|cells| 2.0 * cells + 0.5);
        octave
    })
}

/// A plane of noise with variance 1 and coordinates in cells, periodic after 256 of them.
#[derive(Clone, Debug)]
struct Plane {
    hash: PermutationTable,
    origin: [f64; 2],
    /// Two layers of nodes and their weights, which are a sine and a cosine: the mixture of two
    /// independent layers has the variance of each.
    layers: [(u8, f64); 2],
}

impl Plane {
    /// The plane that lies `depth` layers below the one in layer `first`.
    fn draw(hash: PermutationTable, origin: [f64; 2], depth: f64, first: u8) -> Self {
        let first = first.wrapping_add(depth.floor() as u64 as u8);
        let (sine, cosine) = (FRAC_PI_2 * depth.fract()).sin_cos();
        Self { hash, origin, layers: [(first, cosine), (first.wrapping_add(1), sine)] }
    }
}

/// The number of each hash: normal quantiles, scaled so that a plane of them has variance 1.
static NODES: LazyLock<[f64; 256]> = LazyLock::new(|| {
    /// The sum of the squared weights of one axis, on average: the spline of degree five at 0.
    const SQUARES: f64 = 11.0 / 20.0;
    // Each number is in a row of nodes but once, so that two of them in a row correlate by -1/255.
    let spread = SQUARES * (SQUARES - (1.0 - SQUARES) / 255.0);
    let quantiles: [f64; 256] = std::array::from_fn(|i| stream::probit((2 * i + 1) as f64 / 512.0));
    let variance = quantiles.iter().map(|q| q * q).sum::<f64>() / 256.0;
    quantiles.map(|q| q / (spread * variance).sqrt())
});

/// The three nodes around a place in cells: the number of the first, and the weights
/// `b` of all three.
fn around(place: f64) -> (i64, [f32; 3]) {
    let nearest = (place + 0.5).floor();
    let t = (place - nearest) as f32;
    (nearest as i64 - 1, [0.5 * (0.5 - t) * (0.5 - t), 0.75 - t * t, 0.5 * (0.5 + t) * (0.5 + t)])
}

/// The rows of an image of the sum of some octaves.
pub(super) struct Rows {
    /// From the coarsest to the finest.
    lattices: Vec<Lattice>,
    columns: Columns,
    /// Place of row 0 in cells of the finest, and the step from row to row, downwards.
    top: f64,
    step: f64,
    /// The rows of nodes of the finest around the last row of pixels, spread along the row.
    bands: Ring,
}

impl Rows {
    /// What `frame` shows of planes, each with the step from pixel to pixel and its standard deviation.
    fn new(octaves: &[((f64, Plane), f64)], frame: &Frame) -> Self {
        let size_px = frame.size_px;
        let Some(((step, finest), _)) = octaves.last() else {
            return Self {
                lattices: vec![],
                columns: Columns::default(),
                top: 0.0,
                step: 0.0,
                bands: Ring::default(),
            };
        };
        let [left, bottom] = finest.origin;
        let alone = octaves.len() == 1;
        let (columns, mut needed) = Columns::new(size_px, left, *step, alone);
        let mut lattices = Vec::with_capacity(octaves.len());
        for (octave, ((_, plane), deviation)) in octaves.iter().enumerate().rev() {
            if octave > 0 {
                // Whole pairs, as refining makes them.
                needed = 2 * needed.start.div_euclid(2)..2 * (needed.end + 1).div_euclid(2);
            }
            lattices.push(Lattice::new(plane, *deviation, needed.clone()));
            needed = needed.start.div_euclid(2) - 1..needed.end.div_euclid(2) + 1;
        }
        lattices.reverse();
        let top = bottom + (size_px as f64 - 0.5) * step;
        Self { lattices, columns, top, step: *step, bands: Ring::new(size_px) }
    }

    /// Adds the row of pixels number `row` to `sums`; quickest from row to row.
    pub fn add(&mut self, row: usize, sums: &mut [f32]) {
        let (first, weights) = around(self.top - row as f64 * self.step);
        let Self { lattices, columns, bands, .. } = self;
        for node_row in first..first + 3 {
            bands.fill(node_row, |band| {
                let nodes = row_of(lattices, node_row);
                Arch::new().dispatch(
                    #[inline(always)]
                    || spread(nodes, columns, band),
                );
            });
        }
        let bands = [0, 1, 2].map(|i| self.bands.get(first + i));
        Arch::new().dispatch(
            #[inline(always)]
            || weigh(sums, bands, weights),
        );
    }
}

/// Three consecutive rows of numbers, row `j` in place `j` modulo 3.
#[derive(Default)]
struct Ring([(Option<i64>, Vec<f32>); 3]);

impl Ring {
    fn new(width: usize) -> Self {
        Self([(); 3].map(|()| (None, vec![0.0; width])))
    }

    fn get(&self, row: i64) -> &[f32] {
        &self.0[row.rem_euclid(3) as usize].1
    }

    /// Has `fill` fill the row where it is not there yet.
    fn fill(&mut self, row: i64, fill: impl FnOnce(&mut [f32])) {
        let (number, values) = &mut self.0[row.rem_euclid(3) as usize];
        if *number != Some(row) {
            *number = Some(row);
            fill(values);
        }
    }
}

/// Where the columns of pixels lie among the nodes of a row: the place of the first of three nodes, and
/// their weights.
#[derive(Default)]
struct Columns {
    node: Vec<u16>,
    weights: [Vec<f32>; 3],
}

impl Columns {
    /// Also says which nodes are needed. Where a lattice is `alone`, they are those of one period at most.
    fn new(size_px: usize, left: f64, step: f64, alone: bool) -> (Self, Range<i64>) {
        let place = |column: usize| left + (column as f64 + 0.5) * step;
        let (first, last) = (around(place(0)).0, around(place(size_px.saturating_sub(1))).0);
        let period = if alone { 256 } else { i64::MAX };
        // Whole pairs, as refining makes them.
        let start = if alone { first } else { 2 * first.div_euclid(2) };
        let mut columns = Self { node: vec![0; size_px], weights: [(); 3].map(|()| vec![0.0; size_px]) };
        for column in 0..size_px {
            let (node, weights) = around(place(column));
            columns.node[column] = ((node - start) % period) as u16;
            for (all, weight) in columns.weights.iter_mut().zip(weights) {
                all[column] = weight;
            }
        }
        (columns, start..start + (last - start).min(period - 1) + 3)
    }
}

/// Some of the columns of a plane's nodes.
struct Lattice {
    /// Number of the first column.
    first: i64,
    hash: [u8; 256],
    /// For each of the plane's layers the hash of each column, and the number of each hash.
    ///
    /// A row is hashed in twice: once would make every row a permutation of every other's nodes.
    layers: Vec<(Vec<u8>, [f32; 256])>,
    /// The last rows.
    rows: Ring,
}

impl Lattice {
    fn new(plane: &Plane, deviation: f64, columns: Range<i64>) -> Self {
        let hash: [u8; 256] = std::array::from_fn(|i| plane.hash.hash(&[i as isize]) as u8);
        let layer = |&(layer, weight): &(u8, f64)| {
            let hashed = |column: i64| hash[usize::from(hash[usize::from(column as u8)] ^ layer)];
            let numbers = hash.map(|hash| (NODES[usize::from(hash)] * weight * deviation) as f32);
            (columns.clone().map(hashed).collect(), numbers)
        };
        let layers = plane.layers.iter().filter(|(_, weight)| *weight != 0.0).map(layer).collect();
        Self { first: columns.start, hash, layers, rows: Ring::new((columns.end - columns.start) as usize) }
    }

    /// Adds the numbers of the nodes in a row.
    fn add(hash: &[u8; 256], layers: &[(Vec<u8>, [f32; 256])], row: i64, nodes: &mut [f32]) {
        for (columns, numbers) in layers {
            for (node, column) in nodes.iter_mut().zip(columns) {
                *node += numbers[usize::from(hash[usize::from(column ^ row as u8)] ^ row as u8)];
            }
        }
    }
}

/// A row of nodes of the last lattice, with the coarser ones brought onto it.
fn row_of(lattices: &mut [Lattice], row: i64) -> &[f32] {
    let Some((finest, coarser)) = lattices.split_last_mut() else { return &[] };
    let Lattice { first, hash, layers, rows } = finest;
    rows.fill(row, |nodes| {
        nodes.fill(0.0);
        if !coarser.is_empty() {
            // An even row of nodes lies a quarter below row j of the coarser lattice, an odd one above it.
            let (near, far) = (row.div_euclid(2), row.div_euclid(2) + 2 * row.rem_euclid(2) - 1);
            row_of(coarser, near);
            row_of(coarser, far);
            if let Some(coarse) = coarser.last() {
                let skipped = (first.div_euclid(2) - 1 - coarse.first) as usize;
                let [near, far] = [near, far].map(|row| &coarse.rows.get(row)[skipped..]);
                Arch::new().dispatch(
                    #[inline(always)]
                    || refine(near, far, nodes),
                );
            }
        }
        Lattice::add(hash, layers, row, nodes);
    });
    rows.get(row)
}

/// The numbers of a row of nodes with which splines of half the width make the same sum as those
/// of rows `near` and `far`: three quarters of the nearer node and one of the farther, along both axes (Chaikin
/// 1974, doi:10.1016/0146-664X(74)90028-8).
#[inline(always)]
fn refine(near: &[f32], far: &[f32], nodes: &mut [f32]) {
    let pairs = nodes.as_chunks_mut::<2>().0;
    let count = pairs.len();
    let [near_left, near, near_right] = [&near[..count], &near[1..][..count], &near[2..][..count]];
    let [far_left, far, far_right] = [&far[..count], &far[1..][..count], &far[2..][..count]];
    for (i, pair) in pairs.iter_mut().enumerate() {
        let left = 0.75 * near_left[i] + 0.25 * far_left[i];
        let middle = 0.75 * near[i] + 0.25 * far[i];
        let right = 0.75 * near_right[i] + 0.25 * far_right[i];
        *pair = [0.75 * middle + 0.25 * left, 0.75 * middle + 0.25 * right];
    }
}

#[inline(always)]
fn spread(nodes: &[f32], columns: &Columns, values: &mut [f32]) {
    let [a, b, c] = &columns.weights;
    for ((((value, &node), a), b), c) in values.iter_mut().zip(&columns.node).zip(a).zip(b).zip(c) {
        let node = &nodes[usize::from(node)..][..3];
        *value = node[0] * a + node[1] * b + node[2] * c;
    }
}

#[inline(always)]
fn weigh(sums: &mut [f32], [a, b, c]: [&[f32]; 3], weights: [f32; 3]) {
    for (((sum, a), b), c) in sums.iter_mut().zip(a).zip(b).zip(c) {
        *sum += weights[0] * a + weights[1] * b + weights[2] * c;
    }
}

/// The definition, point by point, as a source for the fractals of the `noise` crate.
#[cfg(test)]
#[derive(Clone, Default)]
pub(super) struct Octave(Option<Plane>, f64);

#[cfg(test)]
impl Octave {
    /// The octaves of a fractal, in features of each.
    pub fn all(view: &View, deviation: f64, count: usize, stream: &mut Stream) -> Vec<Self> {
        planes(view, stream).take(count).map(|(_, plane)| Self(Some(plane), deviation)).collect()
    }
}

#[cfg(test)]
impl noise::NoiseFn<f64, 2> for Octave {
    fn get(&self, features: [f64; 2]) -> f64 {
        let Some(plane) = &self.0 else { return 0.0 };
        let spline = |t: f64| match t.abs() {
            t if t < 0.5 => 0.75 - t * t,
            t if t < 1.5 => 0.5 * (1.5 - t).powi(2),
            _ => 0.0,
        };
        let [u, v] = [0, 1].map(|axis| plane.origin[axis] + features[axis] * CELLS_PER_FEATURE);
        let [columns, rows] = [u, v].map(|place| place.floor() as isize - 1..=place.floor() as isize + 2);
        let node = |i: isize, j: isize| {
            let number =
                |&(layer, weight): &(u8, f64)| weight * NODES[plane.hash.hash(&[i, layer.into(), j, j])];
            plane.layers.iter().map(number).sum::<f64>()
        };
        columns
            .flat_map(|i| rows.clone().map(move |j| (i, j)))
            .map(|(i, j)| spline(u - i as f64) * spline(v - j as f64) * node(i, j))
            .sum::<f64>()
            * self.1
    }
}

#[cfg(test)]
impl noise::Seedable for Octave {
    fn set_seed(self, _seed: u32) -> Self {
        self
    }

    fn seed(&self) -> u32 {
        0
    }
}

#[cfg(test)]
mod tests {
    use noise::NoiseFn;

    use super::*;

    fn image(view: &View, seed: usize) -> Vec<f32> {
        let mut rows = each(view, 1, 1.0, &mut Stream::root(3).item("field", seed));
        let size_px = view.frame.size_px;
        let mut values = vec![0.0; size_px * size_px];
        values.chunks_exact_mut(size_px).enumerate().for_each(|(row, sums)| rows[0].add(row, sums));
        values
    }

    fn view(size_px: usize, px_per_mm: f64, feature_mm: f64, depth: f64) -> View {
        View { frame: Frame { size_px, px_per_mm }, feature_mm, depth }
    }

    /// Features of many pixels, of about one, and of a fraction of one, at several depths.
    #[test]
    fn rows_are_the_sum_over_the_lattice() {
        for (seed, (feature_mm, depth)) in
            [(20.0, 0.0), (0.9, 0.3), (0.11, 7.99), (3.0, 400.5)].into_iter().enumerate()
        {
            let view = view(70, 1.4, feature_mm, depth);
            let octave = &Octave::all(&view, 1.0, 1, &mut Stream::root(3).item("field", seed))[0];
            for (index, value) in image(&view, seed).into_iter().enumerate() {
                let expected = octave.get(view.frame.centre_mm(index).map(|mm| mm / feature_mm));
                assert!(
                    (f64::from(value) - expected).abs() < 1e-5,
                    "{feature_mm} {index}: {value} {expected}"
                );
            }
        }
    }

    #[test]
    fn rows_in_any_order_are_the_same() {
        let view = view(24, 1.0, 2.3, 0.25);
        let expected = image(&view, 9);
        let mut rows = each(&view, 1, 1.0, &mut Stream::root(3).item("field", 9));
        for row in (0..24).map(|i| i * 7 % 24) {
            let mut sums = vec![0.0; 24];
            rows[0].add(row, &mut sums);
            assert_eq!(sums, expected[row * 24..(row + 1) * 24], "row {row}");
        }
    }

    /// The widest vectors that the machine has, against plain code.
    #[test]
    fn vectors_give_the_bits_of_plain_code() {
        let random = |count: usize| {
            let mut numbers = vec![0.0; count];
            Stream::root(4).item("numbers", count).fill_normal(&mut numbers);
            numbers
        };
        let size_px = 1003;
        let (columns, needed) = Columns::new(size_px, 200.3, 0.37, false);
        let (near, far) = (random(needed.clone().count()), random(needed.clone().count() + 1));
        let (mut plain, mut wide) = (vec![0.0; 2 * near.len() - 4], vec![0.0; 2 * near.len() - 4]);
        refine(&near, &far, &mut plain);
        Arch::new().dispatch(|| refine(&near, &far, &mut wide));
        assert_eq!(plain, wide);
        let (mut plain, mut wide) = (vec![0.0; size_px], vec![0.0; size_px]);
        spread(&near, &columns, &mut plain);
        Arch::new().dispatch(|| spread(&near, &columns, &mut wide));
        assert_eq!(plain, wide);
        let bands = [size_px, size_px + 1, size_px + 2].map(|count| random(count)[..size_px].to_vec());
        let bands = [&bands[0][..], &bands[1][..], &bands[2][..]];
        weigh(&mut plain, bands, [0.3, 0.1, 0.7]);
        Arch::new().dispatch(|| weigh(&mut wide, bands, [0.3, 0.1, 0.7]));
        assert_eq!(plain, wide);
    }

    /// The correlation over 64 fields of 40 by 40 cells against the product of the splines of degree
    /// five, along the lattice, across it and between, at several depths.
    #[test]
    fn fields_are_correlated_as_stated_in_every_direction_at_any_depth() {
        // Schoenberg 1946: the spline of degree five, which is 11/20 at 0.
        let spline = |t: f64| {
            let power = |k: f64| (3.0 - k - t.abs()).max(0.0).powi(5);
            let inner = power(0.0) - 6.0 * power(1.0) + 15.0 * power(2.0);
            inner / 120.0 / (11.0 / 20.0)
        };
        let size_px = 160;
        let px_per_cell = 4.0;
        for depth in [0.0, 0.25, 0.5, 0.75] {
            let view = view(size_px, 1.0, px_per_cell * CELLS_PER_FEATURE, depth);
            let images: Vec<Vec<f32>> = (0..64).map(|seed| image(&view, seed)).collect();
            for (dx, dy) in [(0, 0), (2, 0), (0, 2), (4, 0), (0, 4), (3, 3), (6, 2), (2, 6)] {
                let (mut sum, mut count) = (0.0, 0.0);
                for (image, y) in images.iter().flat_map(|image| (0..size_px - dy).map(move |y| (image, y))) {
                    let (from, to) = (&image[y * size_px..], &image[(y + dy) * size_px + dx..]);
                    let products = from.iter().zip(to).take(size_px - dx);
                    sum += products.map(|(a, b)| f64::from(a * b)).sum::<f64>();
                    count += (size_px - dx) as f64;
                }
                let expected = spline(dx as f64 / px_per_cell) * spline(dy as f64 / px_per_cell);
                let measured = sum / count;
                println!("depth {depth}, ({dx}, {dy}): {measured:.4}, expected {expected:.4}");
                assert!(
                    (measured - expected).abs() < 0.02,
                    "depth {depth}, ({dx}, {dy}): {measured} {expected}"
                );
            }
        }
    }
}
