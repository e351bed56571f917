//! Rows in double precision and their products: the border to faer.
//!
//! On one thread: the last bit of a product may depend on how many there are.

use std::ops::Range;

use faer::linalg::matmul::matmul;
use faer::linalg::matmul::triangular::{self, BlockStructure};
use faer::{Accum, Mat, MatRef, Par};

use super::Matrix;

/// Rows less an origin, in double precision: made a few columns or rows at a time, so that what is multiplied is in the cache
/// and a table of single precision is not kept in double beside itself.
#[derive(Clone, Copy)]
pub(crate) struct Shifted<'a> {
    rows: &'a Matrix,
    origin: &'a [f64],
}

/// Numbers of a table that are made double at a time: 2 MiB.
const BLOCK: usize = 1 << 18;

impl<'a> Shifted<'a> {
    /// `rows` less `origin`, which has a number per column.
    pub fn new(rows: &'a Matrix, origin: &'a [f64]) -> Self {
        Self { rows, origin }
    }

    /// How many rows there are.
    pub fn len(&self) -> usize {
        self.rows.rows
    }

    /// Some rows and columns, row by row.
    fn fill(&self, rows: Range<usize>, columns: Range<usize>, values: &mut Vec<f64>) {
        values.clear();
        for i in rows {
            let row = &self.rows.row(i)[columns.clone()];
            values.extend(row.iter().zip(&self.origin[columns.clone()]).map(|(&x, o)| f64::from(x) - o));
        }
    }

    /// Calls `visit` with all rows of some columns after the others.
    fn column_blocks(&self, mut visit: impl FnMut(Range<usize>, MatRef<'_, f64>)) {
        let (rows, columns) = (self.rows.rows, self.rows.columns);
        let width = (BLOCK / rows.max(1)).max(64);
        let mut values = Vec::with_capacity(rows * width.min(columns));
        for start in (0..columns).step_by(width) {
            let range = start..(start + width).min(columns);
            self.fill(0..rows, range.clone(), &mut values);
            visit(range.clone(), MatRef::from_row_major_slice(&values, rows, range.len()));
        }
    }

    /// As `column_blocks`, with all columns of some rows.
    fn row_blocks(&self, mut visit: impl FnMut(Range<usize>, MatRef<'_, f64>)) {
        let (rows, columns) = (self.rows.rows, self.rows.columns);
        let height = (BLOCK / columns.max(1)).max(64);
        let mut values = Vec::with_capacity(columns * height.min(rows));
        for start in (0..rows).step_by(height) {
            let range = start..(start + height).min(rows);
            self.fill(range.clone(), 0..columns, &mut values);
            visit(range.clone(), MatRef::from_row_major_slice(&values, range.len(), columns));
        }
    }

    /// The products of all pairs of rows; only the lower triangle is filled.
    pub fn lower_gram(&self) -> Mat<f64> {
        let mut gram = Mat::zeros(self.rows.rows, self.rows.rows);
        self.column_blocks(|_, block| add_lower(&mut gram, block));
        gram
    }

    /// The products of all pairs of columns; only the lower triangle is filled.
    pub fn lower_scatter(&self) -> Mat<f64> {
        let mut scatter = Mat::zeros(self.rows.columns, self.rows.columns);
        self.row_blocks(|_, block| add_lower(&mut scatter, block.transpose()));
        scatter
    }

    /// The products of these rows with `others` of as many columns, `[rows, others]`.
    pub fn products(&self, others: Self) -> Mat<f64> {
        let mut products = Mat::zeros(self.rows.rows, others.rows.rows);
        let mut values = Vec::new();
        self.column_blocks(|range, block| {
            others.fill(0..others.rows.rows, range.clone(), &mut values);
            let other = MatRef::from_row_major_slice(&values, others.rows.rows, range.len());
            matmul(products.as_mut(), Accum::Add, block, other.transpose(), 1.0, Par::Seq);
        });
        products
    }

    /// The rows times `directions` `[columns, k]`: `[rows, k]`.
    pub fn times(&self, directions: MatRef<'_, f64>) -> Mat<f64> {
        let mut result = Mat::zeros(self.rows.rows, directions.ncols());
        self.column_blocks(|range, block| {
            matmul(result.as_mut(), Accum::Add, block, directions.get(range, ..), 1.0, Par::Seq);
        });
        result
    }

    /// The columns times `weights` `[rows, k]`: `[columns, k]`.
    pub fn columns_times(&self, weights: MatRef<'_, f64>) -> Mat<f64> {
        let mut result = Mat::zeros(self.rows.columns, weights.ncols());
        self.column_blocks(|range, block| {
            let part = result.as_mut().get_mut(range, ..);
            matmul(part, Accum::Replace, block.transpose(), weights, 1.0, Par::Seq);
        });
        result
    }

    /// The squared distance of every row from the origin.
    pub fn squares(&self) -> Vec<f64> {
        let square = |i: usize| {
            self.rows.row(i).iter().zip(self.origin).map(|(&x, o)| (f64::from(x) - o).powi(2)).sum()
        };
        (0..self.rows.rows).map(square).collect()
    }
}

/// Adds the products of all pairs of rows to the lower triangle of `gram`.
fn add_lower(gram: &mut Mat<f64>, rows: MatRef<'_, f64>) {
    use BlockStructure::{Rectangular, TriangularLower};
    let (gram, columns) = (gram.as_mut(), rows.transpose());
    triangular::matmul(
        gram,
        TriangularLower,
        Accum::Add,
        rows,
        Rectangular,
        columns,
        Rectangular,
        1.0,
        Par::Seq,
    );
}

/// The product of two matrices.
pub(crate) fn product(left: MatRef<'_, f64>, right: MatRef<'_, f64>) -> Mat<f64> {
    let mut product = Mat::zeros(left.nrows(), right.ncols());
    matmul(product.as_mut(), Accum::Replace, left, right, 1.0, Par::Seq);
    product
}

/// The values of `matrix`, rounded to single precision.
pub(crate) fn single(matrix: MatRef<'_, f64>) -> Matrix {
    let (rows, columns) = (matrix.nrows(), matrix.ncols());
    let values = (0..rows).flat_map(|i| (0..columns).map(move |k| matrix[(i, k)] as f32));
    Matrix::new(rows, columns, values.collect())
}

#[cfg(test)]
mod tests {
    use generators::stream::Stream;

    use super::*;

    fn greatest(matrix: &Mat<f64>) -> f64 {
        matrix.col_iter().flat_map(|c| c.iter()).fold(0.0f64, |most, x| most.max(x.abs()))
    }

    #[test]
    fn blocks_are_one_table() {
        let mut stream = Stream::root(2);
        // More than one block of columns, and of rows.
        for (rows, columns) in [(70, 9000), (9000, 70)] {
            let table =
                Matrix::new(rows, columns, (0..rows * columns).map(|_| stream.normal() as f32).collect());
            let origin = table.mean();
            let shifted = Shifted::new(&table, &origin);
            let whole = Mat::from_fn(rows, columns, |i, j| f64::from(table.row(i)[j]) - origin[j]);
            let near = |found: Mat<f64>, expected: Mat<f64>| greatest(&(found - expected)) < 1e-9;
            let some = Mat::from_fn(columns, 3, |_, _| stream.normal());
            assert!(near(shifted.times(some.as_ref()), product(whole.as_ref(), some.as_ref())));
            let some = Mat::from_fn(rows, 3, |_, _| stream.normal());
            assert!(near(shifted.columns_times(some.as_ref()), product(whole.transpose(), some.as_ref())));
            let few = table.select(&[3, 1, 3]);
            let others = Mat::from_fn(3, columns, |i, j| f64::from(few.row(i)[j]) - origin[j]);
            let products = shifted.products(Shifted::new(&few, &origin));
            assert!(near(products, product(whole.as_ref(), others.transpose())));
            assert!((shifted.squares()[5] - whole.row(5).iter().map(|x| x * x).sum::<f64>()).abs() < 1e-9);
            let small = if rows < columns { shifted.lower_gram() } else { shifted.lower_scatter() };
            let expected = match rows < columns {
                true => product(whole.as_ref(), whole.transpose()),
                false => product(whole.transpose(), whole.as_ref()),
            };
            for (i, j) in [(0, 0), (69, 0), (35, 20), (69, 69)] {
                assert!((small[(i, j)] - expected[(i, j)]).abs() < 1e-9);
            }
        }
    }
}
