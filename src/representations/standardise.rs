//! Columns brought to mean 0 and deviation 1.

use super::{Matrix, RepresentationError, check, check_columns};

/// Subtracts the mean of each column and divides by its standard deviation (that of the population,
/// as scikit-learn's `StandardScaler`); a column that does not vary becomes 0.
#[derive(Clone, Debug, PartialEq)]
pub struct Standardise {
    means: Vec<f64>,
    /// 1 for columns that do not vary.
    deviations: Vec<f64>,
}

impl Standardise {
    /// Learns mean and deviation of every column.
    ///
    /// # Errors
    /// Without rows, or where a value is not finite.
    pub fn fit(rows: &Matrix) -> Result<Self, RepresentationError> {
        check(rows, 1)?;
        let average = |term: &dyn Fn(usize, f64) -> f64| {
            let mut sums = vec![0.0; rows.columns];
            for i in 0..rows.rows {
                for (j, (sum, &x)) in sums.iter_mut().zip(rows.row(i)).enumerate() {
                    *sum += term(j, f64::from(x));
                }
            }
            sums.iter().map(|sum| sum / rows.rows as f64).collect::<Vec<f64>>()
        };
        let means = average(&|_, x| x);
        let variances = average(&|j, x| (x - means[j]).powi(2));
        let deviations = variances.iter().zip(&means).map(|(variance, mean)| {
            // Below this the deviation is nothing but the rounding of the mean.
            let noise = 10.0 * f64::EPSILON * rows.rows as f64 * mean.abs();
            if variance.sqrt() > noise { variance.sqrt() } else { 1.0 }
        });
        Ok(Self { deviations: deviations.collect(), means })
    }

    /// The standardised rows, of the same shape.
    ///
    /// # Errors
    /// Where the rows have another number of columns than those of the fit.
    pub fn transform(&self, rows: &Matrix) -> Result<Matrix, RepresentationError> {
        check_columns(self.means.len(), rows)?;
        let values = (0..rows.rows).flat_map(|i| {
            let scales = self.means.iter().zip(&self.deviations);
            rows.row(i)
                .iter()
                .zip(scales)
                .map(|(&x, (mean, deviation))| ((f64::from(x) - mean) / deviation) as f32)
        });
        Ok(Matrix::new(rows.rows, rows.columns, values.collect()))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn columns_get_mean_0_and_deviation_1() {
        let rows = Matrix::new(3, 2, vec![1.0, 7.0, 2.0, 7.0, 6.0, 7.0]);
        let scaled = Standardise::fit(&rows).unwrap().transform(&rows).unwrap();
        // Mean 3, deviation sqrt((4 + 1 + 9) / 3); the second column does not vary.
        let deviation = (14.0f64 / 3.0).sqrt();
        let expected: Vec<f32> =
            [-2.0, -1.0, 3.0].iter().flat_map(|x| [(x / deviation) as f32, 0.0]).collect();
        assert_eq!(scaled.values, expected);
    }

    #[test]
    fn bad_input_is_refused() {
        assert!(matches!(Standardise::fit(&Matrix::default()), Err(RepresentationError::TooFewRows { .. })));
        let nan = Matrix::column(vec![1.0, f32::NAN]);
        assert_eq!(Standardise::fit(&nan), Err(RepresentationError::NotFinite { row: 1 }));
        let fitted = Standardise::fit(&Matrix::column(vec![1.0, 2.0])).unwrap();
        assert!(fitted.transform(&Matrix::new(1, 2, vec![0.0, 0.0])).is_err());
    }
}
