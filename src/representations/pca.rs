//! Principal component analysis (Pearson 1901), computed by linfa.
//!
//! linfa-reduction finds components by LOBPCG, which misses some where many of nearly one
//! variance are asked for, and knows only the variance of those it kept. So the scatter matrix of the
//! columns or the Gram matrix of the rows, whichever is smaller, goes to linfa's full eigensolver
//! instead: every component, always the same, and as exact as a singular value decomposition
//! down to components of 1e-6 times the deviation of the first.

use ndarray::{Array1, Array2, Axis, s};

use super::adapter::{array_from_matrix, matrix_from_array};
use super::eigen;
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
            eigen::decompose(&small).map_err(|e| RepresentationError::Numerical(e.to_string()))?;

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

#[cfg(test)]
mod tests {
    use generators::stream::Stream;

    use super::*;

    fn random(rows: usize, columns: usize, mut value: impl FnMut(&mut Stream) -> f64) -> Matrix {
        let mut stream = Stream::root((rows * columns) as u64);
        Matrix::new(rows, columns, (0..rows * columns).map(|_| value(&mut stream) as f32).collect())
    }

    #[test]
    fn all_components_keep_all_distances() {
        let sparse = |s: &mut Stream| s.normal().max(0.0) * f64::from(s.chance(0.3));
        for rows in [random(30, 8, Stream::normal), random(30, 100, sparse), random(200, 40, sparse)] {
            let pca = Pca::fit(&rows, Components::Explained(1.0)).unwrap();
            assert!((pca.explained_variance_ratio().iter().sum::<f64>() - 1.0).abs() < 1e-12);
            let projected = pca.transform(&rows).unwrap();
            let square = |m: &Matrix, i: usize| -> f64 {
                m.row(i).iter().zip(m.row(0)).map(|(a, b)| f64::from(a - b).powi(2)).sum()
            };
            for i in 0..rows.rows {
                assert!((square(&rows, i) - square(&projected, i)).abs() < 1e-4);
            }
        }
    }

    #[test]
    fn units_and_order_of_rows_do_not_matter() {
        let rows = random(40, 90, Stream::normal);
        let fit = |rows: &Matrix| Pca::fit(rows, Components::Count(3)).unwrap().transform(rows).unwrap();
        let turned: Vec<usize> = (0..40).rev().collect();
        let (plain, reversed) = (fit(&rows), fit(&rows.select(&turned)));
        let large = fit(&Matrix { values: rows.values.iter().map(|x| x * 1024.0).collect(), ..rows });
        for i in 0..40 {
            for k in 0..3 {
                assert!((plain.row(i)[k] - reversed.row(39 - i)[k]).abs() < 1e-4);
                assert!((plain.row(i)[k] - large.row(i)[k] / 1024.0).abs() < 1e-4);
            }
        }
    }

    #[test]
    fn fewer_directions_than_asked_for() {
        // Two directions only, in three and in thirty columns, 1000 off the origin.
        for columns in [3, 30] {
            let mut stream = Stream::root(3);
            let values = (0..20).flat_map(|_| {
                let (a, b) = (stream.normal(), stream.normal());
                (0..columns).map(move |j| (1000.0 + if j % 2 == 0 { a } else { b }) as f32)
            });
            let rows = Matrix::new(20, columns, values.collect());
            assert_eq!(Pca::fit(&rows, Components::Count(3)).unwrap().components(), 2);
        }
    }

    #[test]
    fn bad_input_is_refused() {
        let fit = |rows: &Matrix, components| Pca::fit(rows, components).unwrap_err().to_string();
        let rows = random(5, 9, Stream::normal);
        assert_eq!(
            fit(&rows, Components::Count(5)),
            "5 components of 5 rows and 9 columns; there can be 1 to 4"
        );
        assert!(fit(&rows, Components::Count(0)).starts_with("0 components"));
        for share in [0.0, 1.1, f64::NAN] {
            assert!(fit(&rows, Components::Explained(share)).starts_with("a share of explained variance"));
        }
        let count = Components::Count(1);
        assert_eq!(
            fit(&Matrix::new(3, 2, vec![0.1; 6]), count),
            "all rows are equal, there is no direction of variance"
        );
        assert_eq!(fit(&Matrix::new(1, 2, vec![0.1; 2]), count), "needs at least 2 rows, and there are 1");
        let infinite = Matrix::column(vec![1.0, 2.0, f32::INFINITY]);
        assert_eq!(fit(&infinite, count), "row 2 holds a value that is not finite");
        let pca = Pca::fit(&rows, count).unwrap();
        assert_eq!(pca.transform(&infinite).unwrap_err().to_string(), "fitted on 9 columns, and this has 1");
    }
}
