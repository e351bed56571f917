//! Principal component analysis (Pearson 1901), computed by linfa.
//!
//! linfa-reduction finds components by LOBPCG, which misses some where many of nearly one
//! variance are asked for, and knows only the variance of those it kept. So the small
//! problem, the scatter matrix of the columns or the Gram matrix of the rows, whichever is
//! smaller, goes to linfa's full eigensolver instead: every component, always the same, and as exact as a
//! singular value decomposition down to components of 1e-6 times the deviation of the first.

use linfa_linalg::eigh::{EigSort, EighInto};
use ndarray::{Array1, Array2, Axis, s};

use super::adapter::{array_from_matrix, matrix_from_array};
use super::{Matrix, RepresentationError, check, check_columns};

/// How many components to keep. Neither choice sees a label.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Components {
    /// So many; fewer where the rows vary in fewer directions.
    Count(usize),
    /// As few as explain more than this share of the variance, greater than 0 and at most 1.
    Explained(f64),
}

/// A fitted projection onto the directions of largest variance.
#[derive(Clone, Debug, PartialEq)]
pub struct Pca {
    mean: Array1<f64>,
    /// `[kept, columns]`, each row of length 1.
    directions: Array2<f64>,
    explained_variance_ratio: Vec<f64>,
}

impl Pca {
    /// Finds the components of `rows`, largest variance first.
    ///
    /// The sign of each is such that its loading of largest size is positive (scikit-learn's rule).
    ///
    /// # Errors
    /// [`RepresentationError`] for fewer than 2 rows, values that are not finite, more components than there can
    /// be, and rows that are all equal.
    pub fn fit(rows: &Matrix, components: Components) -> Result<Self, RepresentationError> {
        check(rows, 2)?;
        let most = (rows.rows - 1).min(rows.columns);
        match components {
            Components::Count(asked) if !(1..=most).contains(&asked) => {
                let (rows, columns) = (rows.rows, rows.columns);
                return Err(RepresentationError::Components { asked, rows, columns, most });
            }
            Components::Explained(share) if !(share > 0.0 && share <= 1.0) => {
                return Err(RepresentationError::Share(share));
            }
            _ => {}
        }
        let mut x = array_from_matrix(rows);
        let mean = x.sum_axis(Axis(0)) / rows.rows as f64;
        x -= &mean;

        let wide = rows.columns > rows.rows;
        let small = if wide { x.dot(&x.t()) } else { x.t().dot(&x) };
        let (squares, vectors) =
            small.eigh_into().map_err(|e| RepresentationError::Numerical(e.to_string()))?.sort_eig_desc();

        // Directions below this are rounding, of the input as well as of the solver.
        let floor = squares[0] * f64::EPSILON * rows.rows.max(rows.columns) as f64;
        let noise = mean.iter().map(|m| (m * f64::EPSILON).powi(2)).sum::<f64>() * rows.rows as f64;
        let rank = squares.iter().take(most).take_while(|&&square| square > floor.max(noise)).count();
        if rank == 0 {
            return Err(RepresentationError::Constant);
        }
        let total: f64 = squares.iter().take(rank).sum();
        let ratios = squares.iter().map(|square| square / total);
        let kept = match components {
            Components::Count(count) => count.min(rank),
            Components::Explained(share) => {
                let below = ratios.clone().scan(0.0, |sum, ratio| {
                    *sum += ratio;
                    Some(*sum)
                });
                (below.take_while(|&sum| sum <= share).count() + 1).min(rank)
            }
        };

        let vectors = vectors.slice(s![.., ..kept]);
        let mut directions = if wide { vectors.t().dot(&x) } else { vectors.t().to_owned() };
        for mut direction in directions.rows_mut() {
            let length = direction.dot(&direction).sqrt();
            let peak = direction.iter().fold(0.0f64, |peak, &v| if v.abs() > peak.abs() { v } else { peak });
            direction /= length * peak.signum();
        }
        Ok(Self { mean, directions, explained_variance_ratio: ratios.take(kept).collect() })
    }

    /// The rows in the new coordinates, `[rows, components]`.
    ///
    /// # Errors
    /// Where the rows have another number of columns than those of the fit.
    pub fn transform(&self, rows: &Matrix) -> Result<Matrix, RepresentationError> {
        check_columns(self.mean.len(), rows)?;
        let centred = array_from_matrix(rows) - &self.mean;
        Ok(matrix_from_array(centred.dot(&self.directions.t()).view()))
    }

    /// How many components there are.
    pub fn components(&self) -> usize {
        self.explained_variance_ratio.len()
    }

    /// The share of the whole variance along each component, largest first.
    pub fn explained_variance_ratio(&self) -> &[f64] {
        &self.explained_variance_ratio
    }
}
