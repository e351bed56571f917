//! Separators: rows of numbers in, one of two groups per row out, without labels (Zeiser et al. 2023, section 5.2).

mod gaussian_mixture;
mod isolation_forest;
mod k_means;
mod otsu;

#[cfg(test)]
mod contract;

use generators::registry::Kind;
use generators::stream::Stream;

use crate::representations::Matrix;

/// Splits rows into groups; fitted without labels.
pub trait Separator: Send + Sync {
    /// Learns the split from `rows`.
    ///
    /// # Errors
    /// [`SeparatorError`] says why the split cannot be computed: it is the text of an empty cell in the report.
    fn fit(&self, rows: &Matrix, stream: &mut Stream) -> Result<Box<dyn Split>, SeparatorError>;
}

/// A fitted separator. Rows to split have as many columns as those of the fit.
pub trait Split: Send + Sync {
    /// The group of every row, 0 or 1; the numbers mean nothing by themselves.
    fn groups(&self, rows: &Matrix) -> Vec<usize>;

    /// A continuous version of the split, greater towards group 1, where the separator has one.
    fn margin(&self, rows: &Matrix) -> Option<Vec<f64>>;
}

/// Why a separator cannot be used on a representation.
#[derive(Clone, Debug, PartialEq, thiserror::Error)]
pub enum SeparatorError {
    /// The separator works on a single number per row.
    #[error("only for one number per image")]
    OneDimensional {
        /// Columns found.
        columns: usize,
    },
    /// There are too few rows for this many columns or groups.
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
    /// There is nothing to tell apart.
    #[error("all rows are equal")]
    Constant,
    /// The numerical method failed.
    #[error("{0}")]
    Numerical(String),
}

/// Every separator that a scenario can name.
pub const KINDS: &[Kind<dyn Separator>] =
    &[isolation_forest::KIND, k_means::KIND, otsu::KIND, gaussian_mixture::KIND];

/// Refuses rows that nothing can be learnt from: fewer than `needed`, not finite, or all equal.
fn check(rows: &Matrix, needed: usize) -> Result<(), SeparatorError> {
    if rows.rows < needed {
        return Err(SeparatorError::TooFewRows { needed, found: rows.rows });
    }
    if let Some(row) = rows.first_not_finite() {
        return Err(SeparatorError::NotFinite { row });
    }
    if (1..rows.rows).all(|i| rows.row(i) == rows.row(0)) {
        return Err(SeparatorError::Constant);
    }
    Ok(())
}
