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
use std::sync::LazyLock;

use noise::permutationtable::{NoiseHasher, PermutationTable};
use pulp::Arch;

use super::surface::View;
use crate::layer::Frame;
use crate::stream::{self, Stream};

/// How many cells a feature is wide: as many as make the correlation half of what it is at one place a quarter of a
/// feature away, all round.
const CELLS_PER_FEATURE: f64 = 1.4;

/// The octaves of the field that `stream` draws, from the coarsest to the finest, with these standard
/// deviations. They share the nodes' numbers, but lie at different depths and places.
pub(super) fn fractal(view: &View, deviations: impl Iterator<Item = f64>, stream: &mut Stream) -> Vec<Rows> {
    let step = |cells: f64| cells * CELLS_PER_FEATURE / (view.frame.px_per_mm * view.feature_mm);
    planes(view.depth, stream)
        .zip(deviations)
        .map(|((cells, plane), deviation)| Rows::new(&plane, &view.frame, step(cells), deviation))
        .collect()
}

/// The planes of a fractal's octaves, and how many times finer than the first each one is.
fn planes(depth: f64, stream: &mut Stream) -> impl Iterator<Item = (f64, Plane)> {
    let hash = PermutationTable::new((stream.bits() >> 32) as u32);
    std::iter::successors(Some(1.0), |finer| Some(2.0 * finer))
        .map(move |finer| (finer, Plane::draw(hash, finer * depth, stream)))
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
    /// The plane that lies `depth` layers below one that `stream` draws.
    fn draw(hash: PermutationTable, depth: f64, stream: &mut Stream) -> Self {
        let origin = [(); 2].map(|()| stream.uniform(0.0, 256.0));
        let first = (stream.below(256) as u8).wrapping_add(depth.floor() as u64 as u8);
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

/// The rows of an image of a plane of noise.
pub(super) struct Rows {
    nodes: Nodes,
    columns: Columns,
    /// Place of row 0 in cells, and the step from row to row, downwards.
    top: f64,
    step: f64,
    /// The rows of nodes around the last row of pixels, spread along the row; row `j` in place `j` modulo 3.
    bands: [Band; 3],
}

impl Rows {
    /// What `frame` shows of a plane in which it is `step` cells from pixel to pixel, times `deviation`.
    fn new(plane: &Plane, frame: &Frame, step: f64, deviation: f64) -> Self {
        let [left, bottom] = plane.origin;
        Self {
            nodes: Nodes::new(plane, deviation),
            columns: Columns::new(frame.size_px, left, step),
            top: bottom + (frame.size_px as f64 - 0.5) * step,
            step,
            bands: std::array::from_fn(|_| Band { row: None, values: vec![0.0; frame.size_px] }),
        }
    }

    /// Adds the row of pixels number `row` to `sums`; quickest from row to row.
    pub fn add(&mut self, row: usize, sums: &mut [f32]) {
        let (first, weights) = around(self.top - row as f64 * self.step);
        let slots = [0, 1, 2].map(|i| (first + i).rem_euclid(3) as usize);
        for (slot, row) in slots.into_iter().zip(first..) {
            let band = &mut self.bands[slot];
            if band.row != Some(row) {
                band.row = Some(row);
                let nodes = self.nodes.row(row as u8, &self.columns);
                Arch::new().dispatch(|| spread(&nodes, &self.columns, &mut band.values));
            }
        }
        let bands = slots.map(|slot| &self.bands[slot].values[..]);
        Arch::new().dispatch(|| weigh(sums, bands, weights));
    }
}

struct Band {
    row: Option<i64>,
    values: Vec<f32>,
}

/// Where the columns of pixels lie among the nodes: the number of the first of three nodes, and
/// their weights.
struct Columns {
    first: u8,
    /// Nodes that are needed, at most all 256.
    count: usize,
    node: Vec<u8>,
    weights: [Vec<f32>; 3],
}

impl Columns {
    fn new(size_px: usize, left: f64, step: f64) -> Self {
        let place = |column: usize| left + (column as f64 + 0.5) * step;
        let (first, last) = (around(place(0)).0, around(place(size_px.saturating_sub(1))).0);
        let mut columns = Self {
            first: first as u8,
            count: usize::try_from(last - first + 3).map_or(256, |n| n.min(256)),
            node: vec![0; size_px],
            weights: std::array::from_fn(|_| vec![0.0; size_px]),
        };
        for column in 0..size_px {
            let (node, weights) = around(place(column));
            columns.node[column] = node as u8;
            for (all, weight) in columns.weights.iter_mut().zip(weights) {
                all[column] = weight;
            }
        }
        columns
    }
}

/// The numbers of all 256 nodes of a row, and the first two again.
type NodeRow = [f32; 258];

/// The lattice: for each layer the hash of each column, and the number of each hash.
///
/// A row is hashed in twice: once would make every row a permutation of every other's nodes.
struct Nodes {
    hash: [u8; 256],
    layers: Vec<([u8; 256], [f32; 256])>,
}

impl Nodes {
    fn new(plane: &Plane, deviation: f64) -> Self {
        let hash: [u8; 256] = std::array::from_fn(|i| plane.hash.hash(&[i as isize]) as u8);
        let layer = |&(layer, weight): &(u8, f64)| {
            let columns = hash.map(|column| hash[usize::from(column ^ layer)]);
            let numbers = hash.map(|hash| (NODES[usize::from(hash)] * weight * deviation) as f32);
            (columns, numbers)
        };
        let layers = plane.layers.iter().filter(|(_, weight)| *weight != 0.0).map(layer).collect();
        Self { hash, layers }
    }

    fn row(&self, row: u8, columns: &Columns) -> NodeRow {
        let mut nodes = [0.0; 258];
        for (hashes, numbers) in &self.layers {
            for offset in 0..columns.count {
                let i = usize::from(columns.first.wrapping_add(offset as u8));
                nodes[i] += numbers[usize::from(self.hash[usize::from(hashes[i] ^ row)] ^ row)];
            }
        }
        nodes[256] = nodes[0];
        nodes[257] = nodes[1];
        nodes
    }
}

#[inline(always)]
fn spread(nodes: &NodeRow, columns: &Columns, values: &mut [f32]) {
    let [a, b, c] = &columns.weights;
    for ((((value, &node), a), b), c) in values.iter_mut().zip(&columns.node).zip(a).zip(b).zip(c) {
        let node = usize::from(node);
        *value = nodes[node] * a + nodes[node + 1] * b + nodes[node + 2] * c;
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
    /// The octaves of [`fractal`], in features of the first.
    pub fn all(view: &View, deviation: f64, count: usize, stream: &mut Stream) -> Vec<Self> {
        planes(view.depth, stream).take(count).map(|(_, plane)| Self(Some(plane), deviation)).collect()
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
        let mut rows = fractal(view, [1.0].into_iter(), &mut Stream::root(3).item("field", seed));
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
        let mut rows = fractal(&view, [1.0].into_iter(), &mut Stream::root(3).item("field", 9));
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
        let (nodes, size_px) = (std::array::from_fn(|i| random(258)[i]), 1003);
        let columns = Columns::new(size_px, 200.3, 0.37);
        let (mut plain, mut wide) = (vec![0.0; size_px], vec![0.0; size_px]);
        spread(&nodes, &columns, &mut plain);
        Arch::new().dispatch(|| spread(&nodes, &columns, &mut wide));
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
