//! Principal component analysis (Pearson 1901).
//!
//! The scatter matrix of the columns or the Gram matrix of the rows, whichever is smaller, goes to an eigensolver in double
//! precision: always the same components, and as exact as a singular value decomposition down to those of 1e-6 times the deviation
//! of the first.

use faer::Mat;
use generators::registry::Kind;
use generators::stream::Stream;

use super::{Projected, Projection};
use crate::representations::algebra::{Shifted, single};
use crate::representations::components::Spectrum;
use crate::representations::eigen::Tridiagonal;
use crate::representations::{Components, Matrix, RepresentationError, check, check_columns};

/// Directions of largest variance.
pub(super) const KIND: Kind<dyn Projection> = Kind {
    name: "pca",
    summary: "principal components: the directions along which the rows vary most",
    source: "Pearson 1901, doi:10.1080/14786440109462720",
    example: "choice = \"explained\"\nexplained = 0.9",
    build: |table| Ok(Box::new(PrincipalComponents(Components::read(table)?))),
};

struct PrincipalComponents(Components);

impl Projection for PrincipalComponents {
    fn fit(&self, rows: Matrix, stream: &Stream) -> Result<Box<dyn Projected>, RepresentationError> {
        Ok(Box::new(Pca::fit(&rows, self.0, stream)?))
    }

    fn components(&self) -> Components {
        self.0
    }
}

/// A fitted projection onto the directions of largest variance.
pub struct Pca {
    mean: Vec<f64>,
    /// `[columns, kept]`, each column of length 1.
    directions: Mat<f64>,
    fitted: Matrix,
    explained_variance_ratio: Vec<f64>,
}

impl Pca {
    /// Finds the components of `rows`, largest variance first.
    ///
    /// The sign of each is such that its loading of largest size is positive (scikit-learn's rule). `stream` is
    /// drawn from where the number of components is found by shuffling.
    ///
    /// # Errors
    /// [`RepresentationError`] for fewer than 2 rows, values that are not finite, more components than there can
    /// be, and rows that are all equal.
    pub fn fit(rows: &Matrix, components: Components, stream: &Stream) -> Result<Self, RepresentationError> {
        check(rows, 2)?;
        components.check(rows, (rows.rows - 1).min(rows.columns))?;
        let mean = rows.mean();
        let spread = Spread::new(rows, &mean);
        let found = spread.spectrum(components.needed());
        if found.values.is_empty() {
            return Err(RepresentationError::Constant);
        }
        // Shuffled columns have the mean that they had.
        let kept = components
            .keep(rows, &found, stream, |rows| Ok(Spread::new(rows, &mean).spectrum(usize::MAX)))?;
        let shifted = Shifted::new(rows, &mean);
        let vectors = spread.small.vectors(&found.values[..kept])?;
        // One direction per column, which lie one after the other.
        let mut directions = match spread.wide {
            true => shifted.columns_times(vectors.as_ref()),
            false => vectors.clone(),
        };
        let mut signs = Vec::with_capacity(kept);
        for k in 0..kept {
            let direction = directions.col_as_slice_mut(k);
            let length = direction.iter().map(|v| v * v).sum::<f64>().sqrt();
            let peak = direction.iter().fold(0.0f64, |peak, &v| if v.abs() > peak.abs() { v } else { peak });
            direction.iter_mut().for_each(|v| *v /= length * peak.signum());
            signs.push(peak.signum());
        }
        let fitted = match spread.wide {
            true => {
                let along = |i, k: usize| vectors[(i, k)] * signs[k] * found.values[k].sqrt();
                single(Mat::from_fn(rows.rows, kept, along).as_ref())
            }
            false => single(shifted.times(directions.as_ref()).as_ref()),
        };
        let explained_variance_ratio = found.values[..kept].iter().map(|s| s / found.total).collect();
        Ok(Self { mean, directions, fitted, explained_variance_ratio })
    }
}

impl Projected for Pca {
    fn transform(&self, rows: &Matrix) -> Result<Matrix, RepresentationError> {
        check_columns(self.mean.len(), rows)?;
        Ok(single(Shifted::new(rows, &self.mean).times(self.directions.as_ref()).as_ref()))
    }

    fn fitted(&self) -> &Matrix {
        &self.fitted
    }

    fn explained_variance_ratio(&self) -> &[f64] {
        &self.explained_variance_ratio
    }
}

/// How rows lie around their mean.
struct Spread<'a> {
    mean: &'a [f64],
    rows: usize,
    /// Whether there are more columns than rows.
    wide: bool,
    /// The Gram matrix of the rows or the scatter matrix of the columns, whichever is smaller.
    small: Tridiagonal,
    /// The sum of all squares.
    total: f64,
}

impl<'a> Spread<'a> {
    fn new(rows: &Matrix, mean: &'a [f64]) -> Self {
        let shifted = Shifted::new(rows, mean);
        let wide = rows.columns > rows.rows;
        let lower = if wide { shifted.lower_gram() } else { shifted.lower_scatter() };
        let total = (0..lower.nrows()).map(|i| lower[(i, i)]).sum();
        Self { mean, rows: rows.rows, wide, small: Tridiagonal::of(lower), total }
    }

    /// The `count` largest squares, without those that are rounding, of the input as well as of the solver.
    fn spectrum(&self, count: usize) -> Spectrum {
        let squares = self.small.largest(count);
        let (rows, columns) = (self.rows, self.mean.len());
        let floor = squares[0] * f64::EPSILON * rows.max(columns) as f64;
        let noise = self.mean.iter().map(|m| (m * f64::EPSILON).powi(2)).sum::<f64>() * rows as f64;
        let most = (rows - 1).min(columns);
        let real = squares.into_iter().take(most).take_while(|&square| square > floor.max(noise));
        Spectrum { values: real.collect(), total: self.total }
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
            let pca = Pca::fit(&rows, Components::Explained(1.0), &Stream::root(0)).unwrap();
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
        let fit = |rows: &Matrix| {
            Pca::fit(rows, Components::Count(3), &Stream::root(0)).unwrap().transform(rows).unwrap()
        };
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
            assert_eq!(
                Pca::fit(&rows, Components::Count(3), &Stream::root(0))
                    .unwrap()
                    .explained_variance_ratio()
                    .len(),
                2
            );
        }
    }

    #[test]
    fn bad_input_is_refused() {
        let fit = |rows: &Matrix, components| {
            Pca::fit(rows, components, &Stream::root(0)).err().unwrap().to_string()
        };
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
        let pca = Pca::fit(&rows, count, &Stream::root(0)).unwrap();
        assert_eq!(pca.transform(&infinite).unwrap_err().to_string(), "fitted on 9 columns, and this has 1");
    }
}
