//! Two clusters by k-means, computed by linfa.

use generators::params::{ScenarioError, Table};
use generators::registry::Kind;
use generators::stream::Stream;
use linfa::DatasetBase;
use linfa::traits::{Fit, Predict};
use linfa_clustering::KMeans;
use linfa_linalg::LinalgError;
use linfa_linalg::cholesky::CholeskyInplace;
use ndarray::{Array1, Array2, Axis};

use super::{Separator, SeparatorError, Split, check};
use crate::representations::Matrix;
use crate::representations::adapter::{array_from_matrix, generator_from_stream};

/// Two clusters around their means.
pub const KIND: Kind<dyn Separator> = Kind {
    name: "k-means",
    summary: "two clusters around their means, the tightest of several runs from k-means++ starts",
    source: "Lloyd 1982, doi:10.1109/TIT.1982.1056489; Arthur and Vassilvitskii 2007",
    example: "runs = 10",
    build,
};

fn build(table: &mut Table) -> Result<Box<dyn Separator>, Box<ScenarioError>> {
    Ok(Box::new(TwoMeans { runs: table.count("runs", Some(10), 1..=1000)? }))
}

struct TwoMeans {
    /// Runs from different starts; the one with the least sum of squared distances is kept.
    runs: usize,
}

impl Separator for TwoMeans {
    fn fit(&self, rows: &Matrix, stream: &mut Stream) -> Result<Box<dyn Split>, SeparatorError> {
        check(rows, 2)?;
        let failed = |e: String| SeparatorError::Numerical(e);
        let points = array_from_matrix(rows);
        let points = DatasetBase::from(compact(points).map_err(|e| failed(e.to_string()))?);
        // linfa's tolerance is a distance: tie it to the spread, so that units do not matter.
        let deviation = points.records.var_axis(Axis(0), 0.0).sum().sqrt();
        let fitted = KMeans::params_with_rng(2, generator_from_stream(stream))
            .n_runs(self.runs)
            .tolerance(1e-4 * deviation)
            .fit(&points)
            .map_err(|e| failed(e.to_string()))?;
        let groups: Array1<usize> = fitted.predict(&points);
        let mean = |group| {
            let members: Vec<usize> = (0..rows.rows).filter(|&i| groups[i] == group).collect();
            array_from_matrix(&rows.select(&members)).mean_axis(Axis(0)).map(|mean| mean.to_vec())
        };
        let means =
            mean(0).zip(mean(1)).ok_or_else(|| failed("one of the two clusters is empty".to_owned()))?;
        Ok(Box::new(Clusters { means: means.into() }))
    }
}

/// Points with the same distances to each other in as few columns as there are rows.
///
/// The rows of the Cholesky factor of a Gram matrix have the products, hence the distances, of the points
/// themselves. The ridge that makes it definite stands for one more column per point, of
/// its own: it adds the same to the squared distance of every pair, and to every partition.
fn compact(mut points: Array2<f64>) -> Result<Array2<f64>, LinalgError> {
    let (rows, columns) = points.dim();
    points -= &(points.sum_axis(Axis(0)) / rows as f64);
    if columns <= rows {
        return Ok(points);
    }
    let mut gram = points.dot(&points.t());
    let ridge = 1e-9 * gram.diag().sum() / rows as f64;
    gram.diag_mut().mapv_inplace(|square| square + ridge);
    gram.cholesky_into()
}

struct Clusters {
    means: [Vec<f64>; 2],
}

impl Split for Clusters {
    fn groups(&self, rows: &Matrix) -> Vec<usize> {
        self.nearness(rows).map(|nearness| usize::from(nearness > 0.0)).collect()
    }

    fn margin(&self, rows: &Matrix) -> Option<Vec<f64>> {
        Some(self.nearness(rows).collect())
    }
}

impl Clusters {
    /// Per row, how much nearer mean 1 is than mean 0 (Euclidean).
    fn nearness(&self, rows: &Matrix) -> impl Iterator<Item = f64> {
        (0..rows.rows).map(|i| {
            let [zero, one] = self.means.each_ref().map(|mean| distance(rows.row(i), mean));
            zero - one
        })
    }
}

fn distance(row: &[f32], mean: &[f64]) -> f64 {
    row.iter().zip(mean).map(|(&x, m)| (f64::from(x) - m).powi(2)).sum::<f64>().sqrt()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn compact_points_keep_their_distances() {
        let mut stream = Stream::root(1);
        // The last two points are equal: the Gram matrix is singular even without its centre.
        let mut points = Array2::from_shape_fn((12, 500), |_| 50.0 + stream.normal());
        let last = points.row(10).to_owned();
        points.row_mut(11).assign(&last);
        let compacted = compact(points.clone()).unwrap();
        assert_eq!(compacted.dim(), (12, 12));
        for i in 0..12 {
            for j in 0..12 {
                let square = |p: &Array2<f64>| (&p.row(i) - &p.row(j)).mapv(|d| d * d).sum();
                let (before, after) = (square(&points), square(&compacted));
                assert!((before - after).abs() < 1e-5, "{i} {j}: {before} {after}");
            }
        }
    }

    #[test]
    fn wide_rows_are_split_like_their_projection() {
        let mut stream = Stream::root(2);
        let values = (0..60 * 400).map(|n| {
            let (i, j) = (n / 400, n % 400);
            let shift = if i % 3 == 0 && j % 2 == 0 { 2.0 } else { 0.0 };
            (stream.normal() + shift) as f32
        });
        let rows = Matrix::new(60, 400, values.collect());
        let split = TwoMeans { runs: 10 }.fit(&rows, &mut stream).unwrap();
        let groups = split.groups(&rows);
        assert!((0..60).all(|i| (groups[i] == groups[0]) == (i % 3 == 0)), "{groups:?}");
    }
}
