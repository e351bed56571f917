//! Projections: rows of many numbers in, rows of few out, without labels (Zeiser et al. 2023, section 5.2).

pub mod pca;
mod poly_kpca;
mod rbf_kpca;

#[cfg(test)]
mod contract;

use generators::registry::Kind;
use generators::stream::Stream;

use super::{Components, Matrix, RepresentationError};

/// Finds the directions that matter; fitted without labels.
pub trait Projection: Send + Sync {
    /// Learns the directions from `rows`, which some projections keep; `stream` is for choosing their number.
    ///
    /// # Errors
    /// [`RepresentationError`] says why there is no projection: it is the text of empty cells in the report.
    fn fit(&self, rows: Matrix, stream: &Stream) -> Result<Box<dyn Projected>, RepresentationError>;

    /// How the number of components is chosen.
    fn components(&self) -> Components;
}

/// A fitted projection.
pub trait Projected: Send + Sync {
    /// The rows in the new coordinates, `[rows, components]`, the one of largest variance first.
    ///
    /// # Errors
    /// Where the rows have another number of columns than those of the fit.
    fn transform(&self, rows: &Matrix) -> Result<Matrix, RepresentationError>;

    /// The rows of the fit in the new coordinates, as [`Self::transform`] would give them but for rounding: known since the fit.
    fn fitted(&self) -> &Matrix;

    /// The share of the whole variance along each component, largest first.
    fn explained_variance_ratio(&self) -> &[f64];
}

/// Every projection that a scenario can name.
pub const KINDS: &[Kind<dyn Projection>] = &[pca::KIND, poly_kpca::KIND, rbf_kpca::KIND];
