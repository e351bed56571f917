//! Two clusters by k-means, computed by linfa.

use generators::params::{ScenarioError, Table};
use generators::registry::Kind;
use generators::stream::Stream;
use linfa::DatasetBase;
use linfa::traits::Fit;
use linfa_clustering::KMeans;
use ndarray::Axis;

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
        let points = array_from_matrix(rows);
        // linfa's tolerance is a distance: tie it to the spread, so that units do not matter.
        let deviation = points.var_axis(Axis(0), 0.0).sum().sqrt();
        let fitted = KMeans::params_with_rng(2, generator_from_stream(stream))
            .n_runs(self.runs)
            .tolerance(1e-6 * deviation)
            .fit(&DatasetBase::from(points))
            .map_err(|e| SeparatorError::Numerical(e.to_string()))?;
        let means = [0, 1].map(|group| fitted.centroids().row(group).to_vec());
        Ok(Box::new(Clusters { means }))
    }
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
