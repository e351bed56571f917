//! Products of rows in single precision: what the kernels of kernel PCA are functions of.

use std::ops::Range;

use faer::Mat;

use super::Matrix;
use crate::kernels::panels::{self, ROWS, Step, Sums, Vector};
use crate::kernels::transpose::transpose;

/// Columns that are multiplied at a time: the rows' share of them stays in the cache.
const DEPTH: usize = 256;
/// So many columns are summed in single precision, their sums in double: rounding does not grow with the columns.
const CHAIN: usize = 4 * DEPTH;
/// Rows on the right that are multiplied at a time.
const TASK: usize = 5 * ROWS;

/// Rows, less an origin where there is one.
#[derive(Clone, Copy)]
pub(super) struct Rows<'a> {
    pub rows: &'a Matrix,
    /// A number per column.
    pub origin: Option<&'a [f32]>,
}

impl Rows<'_> {
    /// The squared distance of every row from the origin.
    pub fn squares(&self) -> Vec<f64> {
        let square = |x: f32| f64::from(x) * f64::from(x);
        let of = |row: &[f32]| match self.origin {
            None => row.iter().map(|&x| square(x)).sum(),
            Some(origin) => row.iter().zip(origin).map(|(x, o)| square(x - o)).sum(),
        };
        (0..self.rows.rows).map(|i| of(self.rows.row(i))).collect()
    }

    /// The products of these rows with `others` of as many columns, `[rows, others]`.
    pub fn products(self, others: Self) -> Mat<f64> {
        let (mut left, mut right) = (Panels::of(self), Panels::of(others));
        let mut products = Products::zeros(self.rows.rows, others.rows.rows);
        for columns in blocks(self.rows.columns) {
            left.read(columns.clone());
            right.read(columns.clone());
            products.add(&left, &right, columns, |_| 0);
        }
        products.sums
    }

    /// The products of all pairs of rows; only the lower triangle is right.
    pub fn lower_products(self) -> Mat<f64> {
        let mut panels = Panels::of(self);
        let mut products = Products::zeros(self.rows.rows, self.rows.rows);
        for columns in blocks(self.rows.columns) {
            panels.read(columns.clone());
            products.add(&panels, &panels, columns, |first| first);
        }
        products.sums
    }
}

fn blocks(columns: usize) -> impl Iterator<Item = Range<usize>> {
    (0..columns).step_by(DEPTH).map(move |start| start..(start + DEPTH).min(columns))
}

/// Some columns of rows: as many rows as a vector has lanes, side by side.
struct Panels<'a> {
    of: Rows<'a>,
    lanes: usize,
    values: Vec<f32>,
}

impl<'a> Panels<'a> {
    fn of(rows: Rows<'a>) -> Self {
        let lanes = panels::lanes();
        Self { of: rows, lanes, values: vec![0.0; rows.rows.rows.next_multiple_of(lanes) * DEPTH] }
    }

    fn read(&mut self, columns: Range<usize>) {
        let Rows { rows, origin } = self.of;
        for (first, panel) in (0..).step_by(self.lanes).zip(self.values.chunks_exact_mut(self.lanes * DEPTH))
        {
            let source = &rows.values[first * rows.columns + columns.start..];
            let height = self.lanes.min(rows.rows - first);
            transpose((source, rows.columns), [height, columns.len()], (panel, self.lanes));
            if let Some(origin) = origin {
                for (values, origin) in panel.chunks_exact_mut(self.lanes).zip(&origin[columns.clone()]) {
                    values.iter_mut().for_each(|value| *value -= origin);
                }
            }
        }
    }

    /// Where row `index` begins; its columns are as many values apart as there are lanes.
    fn start(&self, index: usize) -> usize {
        index / self.lanes * self.lanes * DEPTH + index % self.lanes
    }
}

/// Sums of products of rows on the left (the rows) and on the right (the columns).
struct Products {
    sums: Mat<f64>,
    /// What is not yet in `sums`, as [`Sums`] lays it out: rows on the left in the lanes.
    recent: Vec<f32>,
    lanes: usize,
}

impl Products {
    fn zeros(left: usize, right: usize) -> Self {
        let lanes = panels::lanes();
        let recent = vec![0.0; right.next_multiple_of(ROWS) * left.next_multiple_of(lanes)];
        Self { sums: Mat::zeros(left, right), recent, lanes }
    }

    /// Adds the products over `columns`, which both sides hold: for each row on the right those with rows from
    /// `first` of it on the left on, and some before it.
    fn add(&mut self, left: &Panels, right: &Panels, columns: Range<usize>, first: impl Fn(usize) -> usize) {
        let lanes = self.lanes;
        let (rows, others) = (self.sums.nrows(), self.sums.ncols());
        let vectors = rows.div_ceil(lanes);
        let step = |column: usize| (column * lanes) as u32;
        let steps: Vec<Step> = (0..columns.len()).map(|c| Step { a: step(c), b: step(c) }).collect();
        let accumulate = !columns.start.is_multiple_of(CHAIN);
        let finish = columns.end.is_multiple_of(CHAIN) || columns.end == left.of.rows.columns;
        for task in (0..others).step_by(TASK) {
            let task = task..(task + TASK).min(others);
            let from = first(task.start) / lanes;
            let starts: Vec<usize> = task.clone().map(|index| right.start(index)).collect();
            let wanted: Vec<Vector> =
                (from..vectors).map(|v| Vector { start: left.start(v * lanes), place: v }).collect();
            let recent = &mut self.recent[task.start * vectors * lanes..];
            let mut sums = Sums { values: recent, vectors, accumulate };
            panels::multiply(&mut sums, (&right.values, &starts), (&left.values, &wanted), &steps);
            if finish {
                for index in task.clone() {
                    let row = index - task.start;
                    let column = &mut self.sums.col_as_slice_mut(index)[from * lanes..];
                    for (v, sums) in (from..).zip(column.chunks_mut(lanes)) {
                        let at = ((row / ROWS * vectors + v) * ROWS + row % ROWS) * lanes;
                        sums.iter_mut().zip(&recent[at..]).for_each(|(sum, &new)| *sum += f64::from(new));
                    }
                }
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use generators::stream::Stream;

    use super::*;

    /// Whole numbers, whose products are exact.
    fn whole(rows: usize, columns: usize) -> Matrix {
        let mut stream = Stream::root((rows + columns) as u64);
        Matrix::new(rows, columns, (0..rows * columns).map(|_| stream.below(9) as f32 - 4.0).collect())
    }

    #[test]
    fn products_are_exact_for_every_shape() {
        for (left, right, columns) in [(1, 1, 1), (17, 9, 300), (40, 83, 1025), (97, 45, 2048)] {
            let (a, b) = (whole(left, columns), whole(right, columns));
            let origin: Vec<f32> = (0..columns).map(|c| (c % 3) as f32).collect();
            for origin in [None, Some(&origin[..])] {
                let of = |rows| Rows { rows, origin };
                let value = |rows: &Matrix, i: usize, c: usize| rows.row(i)[c] - origin.map_or(0.0, |o| o[c]);
                let product = |x: &Matrix, i, y: &Matrix, j| -> f64 {
                    (0..columns).map(|c| f64::from(value(x, i, c) * value(y, j, c))).sum()
                };
                let products = of(&a).products(of(&b));
                let lower = of(&a).lower_products();
                for i in 0..left {
                    assert!((0..right).all(|j| products[(i, j)] == product(&a, i, &b, j)));
                    assert!((0..=i).all(|j| lower[(i, j)] == product(&a, i, &a, j)));
                    assert_eq!(of(&a).squares()[i], product(&a, i, &a, i));
                }
            }
        }
    }
}
