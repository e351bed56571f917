//! A mixture of two Gaussians with full covariances, computed by linfa.

use generators::params::{ScenarioError, Table};
use generators::registry::Kind;
use generators::stream::Stream;
use linfa::DatasetBase;
use linfa::traits::Fit;
use linfa_clustering::{GaussianMixtureModel, GmmError};
use linfa_linalg::cholesky::Cholesky;
use linfa_linalg::triangular::{SolveTriangular, UPLO};
use ndarray::{Array1, Array2, ArrayView1, Axis};

use super::{Separator, SeparatorError, Split, check};
use crate::representations::Matrix;
use crate::representations::adapter::{array_from_matrix, generator_from_stream};

/// Two Gaussians, each row to the likelier one.
pub const KIND: Kind<dyn Separator> = Kind {
    name: "gaussian-mixture",
    summary: "two Gaussians with full covariances, fitted by expectation maximisation from a k-means start",
    source: "Dempster, Laird and Rubin 1977, doi:10.1111/j.2517-6161.1977.tb01600.x",
    example: "regularisation = 1e-6\niterations = 1000",
    build,
};

fn build(table: &mut Table) -> Result<Box<dyn Separator>, Box<ScenarioError>> {
    Ok(Box::new(Mixture {
        regularisation: table.number("regularisation", Some(1e-6), 1e-12..=1.0)?,
        iterations: table.count("iterations", Some(1000), 1..=1_000_000)?,
    }))
}

struct Mixture {
    /// Added to the variances of each Gaussian, as a share of the mean variance of the columns.
    regularisation: f64,
    /// Most iterations; the fit fails where the likelihood still rises after them.
    iterations: usize,
}

impl Separator for Mixture {
    fn fit(&self, rows: &Matrix, stream: &mut Stream) -> Result<Box<dyn Split>, SeparatorError> {
        // A covariance has full rank only where there are more rows than columns, and there are two.
        check(rows, 2 * (rows.columns + 1))?;
        let mut points = array_from_matrix(rows);
        let frame = Frame::of(&points, self.regularisation);
        points = (points - &frame.centre) * frame.scale;

        let fitted = GaussianMixtureModel::params_with_rng(2, generator_from_stream(stream))
            .reg_covariance(frame.regularisation)
            .max_n_iterations(self.iterations as u64)
            .fit(&DatasetBase::from(points))
            .map_err(|e| self.reason(e))?;

        let gaussian = |group: usize| {
            let covariance = fitted.covariances().index_axis(Axis(0), group);
            let mean = fitted.means().row(group).to_owned();
            Gaussian::new(fitted.weights()[group], mean, &covariance.to_owned())
        };
        let gaussians = [gaussian(0)?, gaussian(1)?];
        if gaussians.iter().any(|g| !g.log_scale.is_finite()) {
            return Err(SeparatorError::Numerical("a Gaussian shrank to a point".to_owned()));
        }
        Ok(Box::new(Gaussians { frame, gaussians }))
    }
}

impl Mixture {
    /// linfa's error in the terms of a scenario.
    fn reason(&self, error: GmmError) -> SeparatorError {
        SeparatorError::Numerical(match error {
            GmmError::NotConverged(_) => format!("did not converge in {} iterations", self.iterations),
            GmmError::LinalgError(_) | GmmError::EmptyCluster(_) => {
                "a Gaussian collapsed onto too few rows; raise `regularisation`".to_owned()
            }
            GmmError::MinMaxError(_) => {
                "a row is so far from both Gaussians that its density is 0 in double precision".to_owned()
            }
            other => other.to_string(),
        })
    }
}

/// Shift and scale under which linfa fits.
///
/// linfa adds up densities, not their logarithms, and loses them below exp(-745). Scaling all columns
/// alike leaves the mixture as it is but moves every log density by the same amount: here such that their mean is near 0.
struct Frame {
    centre: Array1<f64>,
    scale: f64,
    /// In the units of the scaled columns, squared.
    regularisation: f64,
}

impl Frame {
    fn of(points: &Array2<f64>, regularisation: f64) -> Self {
        let centre = points.sum_axis(Axis(0)) / points.nrows() as f64;
        let variances = points.var_axis(Axis(0), 0.0);
        let columns = points.ncols() as f64;
        let least = regularisation * variances.sum() / columns;
        // A Gaussian with these variances has this mean log density per column.
        let log_density = variances.mapv(|v| -0.5 * ((v + least) * std::f64::consts::TAU).ln() - 0.5);
        let scale = (log_density.sum() / columns).exp();
        Self { centre, scale, regularisation: least * scale * scale }
    }
}

struct Gaussian {
    mean: Array1<f64>,
    /// Inverse of the lower Cholesky factor of the covariance.
    whitening: Array2<f64>,
    /// Logarithm of weight over root determinant.
    log_scale: f64,
}

impl Gaussian {
    fn new(weight: f64, mean: Array1<f64>, covariance: &Array2<f64>) -> Result<Self, SeparatorError> {
        let whitening = covariance
            .cholesky()
            .and_then(|factor| factor.solve_triangular(&Array2::eye(mean.len()), UPLO::Lower))
            .map_err(|e| SeparatorError::Numerical(e.to_string()))?;
        let log_scale = weight.ln() + whitening.diag().mapv(f64::ln).sum();
        Ok(Self { mean, whitening, log_scale })
    }

    /// Logarithm of weight times density, less a constant that both Gaussians share.
    fn log_density(&self, point: ArrayView1<'_, f64>) -> f64 {
        let white = self.whitening.dot(&(&point - &self.mean));
        self.log_scale - 0.5 * white.dot(&white)
    }
}

struct Gaussians {
    frame: Frame,
    gaussians: [Gaussian; 2],
}

impl Split for Gaussians {
    fn groups(&self, rows: &Matrix) -> Vec<usize> {
        self.log_odds(rows).into_iter().map(|odds| usize::from(odds > 0.0)).collect()
    }

    fn margin(&self, rows: &Matrix) -> Option<Vec<f64>> {
        Some(self.log_odds(rows))
    }
}

impl Gaussians {
    /// Per row, the logarithm of the posterior odds of Gaussian 1 over Gaussian 0.
    fn log_odds(&self, rows: &Matrix) -> Vec<f64> {
        let points = (array_from_matrix(rows) - &self.frame.centre) * self.frame.scale;
        let [zero, one] = &self.gaussians;
        points.rows().into_iter().map(|point| one.log_density(point) - zero.log_density(point)).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn error(rows: &Matrix, iterations: usize) -> String {
        let mixture = Mixture { regularisation: 1e-6, iterations };
        mixture.fit(rows, &mut Stream::root(1)).err().unwrap().to_string()
    }

    fn normal(rows: usize, columns: usize) -> Matrix {
        let mut stream = Stream::root(2);
        Matrix::new(rows, columns, (0..rows * columns).map(|_| stream.normal() as f32).collect())
    }

    #[test]
    fn failures_say_why() {
        assert_eq!(error(&normal(30, 40), 100), "needs at least 82 rows, and there are 30");
        assert_eq!(error(&normal(100, 2), 1), "did not converge in 1 iterations");
        let mut far = normal(20_000, 1);
        far.values[0] = 100.0;
        let expected = "a row is so far from both Gaussians that its density is 0 in double precision";
        assert_eq!(error(&far, 100), expected);
    }

    #[test]
    fn many_columns_of_any_unit() {
        // 120 columns put a standard normal density near exp(-170), and near exp(-2800) in units 1e-10 as large.
        for unit in [1e-10, 1.0, 1e10] {
            let mut rows = normal(600, 120);
            for i in 0..300 {
                rows.values[i * 120..][..120].iter_mut().for_each(|x| *x += 3.0);
            }
            rows.values.iter_mut().for_each(|x| *x *= unit);
            let mixture = Mixture { regularisation: 1e-6, iterations: 1000 };
            let groups = mixture.fit(&rows, &mut Stream::root(3)).unwrap().groups(&rows);
            assert!((0..600).all(|i| (groups[i] == groups[0]) == (i < 300)), "unit {unit}");
        }
    }
}
