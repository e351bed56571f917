//! Scores and features as tables of numbers, and their projections.

pub(crate) mod adapter;
pub(crate) mod algebra;
mod components;
mod eigen;
mod kernel_pca;
pub mod projections;

pub use components::Components;
pub use kernel_pca::{Gamma, Kernel, KernelPca};
pub use projections::pca::Pca;

/// Rows of numbers: one row per image, all of one length.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Matrix {
    /// How many rows.
    pub rows: usize,
    /// How many values in each.
    pub columns: usize,
    /// `rows * columns` values, row by row.
    pub values: Vec<f32>,
}

impl Matrix {
    /// Rows from `rows * columns` values.
    ///
    /// # Panics
    /// Where the number of values is not `rows * columns`.
    pub fn new(rows: usize, columns: usize, values: Vec<f32>) -> Self {
        assert_eq!(values.len(), rows * columns, "a matrix of {rows} x {columns}");
        Self { rows, columns, values }
    }

    /// One score per image as a matrix of one column.
    pub fn column(scores: Vec<f32>) -> Self {
        Self { rows: scores.len(), columns: 1, values: scores }
    }

    /// Row `index`.
    pub fn row(&self, index: usize) -> &[f32] {
        &self.values[index * self.columns..(index + 1) * self.columns]
    }

    /// These rows, then those of `other`.
    ///
    /// # Panics
    /// Where they have not as many columns.
    pub fn followed_by(&self, other: &Self) -> Self {
        Self::new(self.rows + other.rows, self.columns, [&self.values[..], &other.values].concat())
    }

    /// The rows at `indices`, in that order.
    pub fn select(&self, indices: &[usize]) -> Self {
        let values = indices.iter().flat_map(|&i| self.row(i)).copied().collect();
        Self { rows: indices.len(), columns: self.columns, values }
    }

    /// The first `count` columns, all where there are fewer.
    pub fn leading(&self, count: usize) -> Self {
        let count = count.min(self.columns);
        let values = (0..self.rows).flat_map(|i| &self.row(i)[..count]).copied().collect();
        Self { rows: self.rows, columns: count, values }
    }

    /// The mean of every column; 0 without rows.
    pub fn mean(&self) -> Vec<f64> {
        let mut sums = vec![0.0; self.columns];
        for i in 0..self.rows {
            sums.iter_mut().zip(self.row(i)).for_each(|(sum, &x)| *sum += f64::from(x));
        }
        sums.iter_mut().for_each(|sum| *sum /= self.rows.max(1) as f64);
        sums
    }

    /// The first row that holds an infinite value or none at all.
    pub fn first_not_finite(&self) -> Option<usize> {
        // Without an early way out of the row the test runs at the speed of the memory.
        let finite = |values: &[f32]| values.iter().fold(true, |so_far, x| so_far & x.is_finite());
        (0..self.rows).find(|&i| !finite(self.row(i)))
    }
}

/// Why a projection cannot be computed.
#[derive(Clone, Debug, PartialEq, thiserror::Error)]
pub enum RepresentationError {
    /// There are too few rows.
    #[error("needs at least {needed} rows, and there are {found}")]
    TooFewRows {
        /// Rows needed.
        needed: usize,
        /// Rows found.
        found: usize,
    },
    /// A number is infinite or missing.
    #[error("row {row} holds a value that is not finite")]
    NotFinite {
        /// First such row.
        row: usize,
    },
    /// More components than there can be, or none.
    #[error("{asked} components of {rows} rows and {columns} columns; there can be 1 to {most}")]
    Components {
        /// Components asked for.
        asked: usize,
        /// Rows given.
        rows: usize,
        /// Columns given.
        columns: usize,
        /// The smaller of `rows - 1` and `columns`.
        most: usize,
    },
    /// A share of variance that is not within 0 and 1.
    #[error("a share of explained variance is greater than 0 and at most 1, not {0}")]
    Share(f64),
    /// No eigenvalue exceeds what chance makes of unrelated columns.
    #[error("no component stands out of the same columns shuffled")]
    NoneStandsOut,
    /// All rows are equal: nothing varies.
    #[error("all rows are equal, there is no direction of variance")]
    Constant,
    /// The projection was fitted on another number of columns.
    #[error("fitted on {expected} columns, and this has {found}")]
    Columns {
        /// Columns at the fit.
        expected: usize,
        /// Columns given.
        found: usize,
    },
    /// The numerical method failed.
    #[error("{0}")]
    Numerical(String),
}

/// Refuses what no projection can be fitted on.
fn check(rows: &Matrix, needed: usize) -> Result<(), RepresentationError> {
    if rows.rows < needed {
        return Err(RepresentationError::TooFewRows { needed, found: rows.rows });
    }
    match rows.first_not_finite() {
        Some(row) => Err(RepresentationError::NotFinite { row }),
        None => Ok(()),
    }
}

/// Refuses rows of another length than those of the fit.
fn check_columns(expected: usize, rows: &Matrix) -> Result<(), RepresentationError> {
    let found = rows.columns;
    if found == expected { Ok(()) } else { Err(RepresentationError::Columns { expected, found }) }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn rows_are_picked_in_order() {
        let a = Matrix::new(2, 2, vec![1.0, 2.0, 3.0, 4.0]);
        assert_eq!(a.select(&[1, 0, 1]).values, [3.0, 4.0, 1.0, 2.0, 3.0, 4.0]);
        assert_eq!(a.leading(1).values, [1.0, 3.0]);
        assert_eq!(a.leading(9), a);
        assert_eq!(a.mean(), [2.0, 3.0]);
    }

    #[test]
    fn what_is_not_finite_is_found() {
        for bad in [f32::NAN, f32::INFINITY, f32::NEG_INFINITY] {
            let matrix = Matrix::new(3, 2, vec![1.0, f32::MAX, f32::MAX, -0.0, 1.0, bad]);
            assert_eq!(matrix.first_not_finite(), Some(2));
        }
        assert_eq!(Matrix::new(1, 2, vec![f32::MAX, f32::MAX]).first_not_finite(), None);
        assert_eq!(Matrix::default().first_not_finite(), None);
    }
}
