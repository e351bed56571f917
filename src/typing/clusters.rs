//! k-means with any number of clusters.

use generators::stream::Stream;
use rayon::prelude::*;

use crate::representations::Matrix;

/// Steps of one run at most; tables of a few numbers per row settle in tens.
const MOST_STEPS: usize = 300;

/// Clusters around their means (Lloyd 1982, doi:10.1109/TIT.1982.1056489), the tightest of several runs from k-means++
/// starts (Arthur and Vassilvitskii 2007).
#[derive(Clone, Debug, PartialEq)]
pub struct Clusters {
    means: Vec<Vec<f64>>,
}

impl Clusters {
    /// Fits `count` clusters to `rows`; `None` where there are fewer different rows.
    pub fn fit(rows: &Matrix, count: usize, runs: usize, stream: &Stream) -> Option<Self> {
        let rows = points(rows);
        let fitted: Vec<(f64, Self)> = (0..runs)
            .into_par_iter()
            .filter_map(|run| Self::run(&rows, count, &mut stream.item("clusters", count).item("run", run)))
            .collect();
        // The first of equals, so that the number of threads does not matter.
        let best = fitted.into_iter().reduce(|best, next| if next.0 < best.0 { next } else { best });
        best.map(|(_, clusters)| clusters)
    }

    fn run(rows: &[Vec<f64>], count: usize, stream: &mut Stream) -> Option<(f64, Self)> {
        let mut clusters = Self { means: vec![rows.get(stream.below(rows.len().max(1)))?.clone()] };
        while clusters.means.len() < count {
            let squares: Vec<f64> = rows.iter().map(|row| clusters.nearest_of(row).1).collect();
            let mut left = stream.unit() * squares.iter().sum::<f64>();
            let drawn = squares.iter().position(|&square| {
                left -= square;
                square > 0.0 && left <= 0.0
            });
            let drawn = drawn.or_else(|| squares.iter().rposition(|&square| square > 0.0))?;
            clusters.means.push(rows[drawn].clone());
        }
        let mut groups = Vec::new();
        for _ in 0..MOST_STEPS {
            let next: Vec<usize> = rows.iter().map(|row| clusters.nearest(row)).collect();
            if next == groups {
                break;
            }
            groups = next;
            for (group, mean) in clusters.means.iter_mut().enumerate() {
                let members: Vec<&Vec<f64>> =
                    rows.iter().zip(&groups).filter(|(_, g)| **g == group).map(|(row, _)| row).collect();
                // A cluster that lost all its members stays where it was.
                if !members.is_empty() {
                    for (column, value) in mean.iter_mut().enumerate() {
                        *value = members.iter().map(|row| row[column]).sum::<f64>() / members.len() as f64;
                    }
                }
            }
        }
        Some((rows.iter().map(|row| clusters.nearest_of(row).1).sum(), clusters))
    }

    /// The cluster whose mean is nearest to `row`, from 0.
    pub fn nearest(&self, row: &[f64]) -> usize {
        self.nearest_of(row).0
    }

    /// The nearest cluster and the squared distance to it.
    fn nearest_of(&self, row: &[f64]) -> (usize, f64) {
        let squares = self.means.iter().map(|mean| square(row, mean)).enumerate();
        squares.reduce(|best, next| if next.1 < best.1 { next } else { best }).unwrap_or((0, 0.0))
    }

    /// The mean silhouette of `rows`, -1 to 1: how much nearer each is to its own cluster's rows than to the next cluster's
    /// (Rousseeuw 1987). `None` of fewer than two clusters with rows.
    pub fn silhouette(&self, rows: &Matrix) -> Option<f64> {
        let rows = points(rows);
        let groups: Vec<usize> = rows.iter().map(|row| self.nearest(row)).collect();
        let sizes: Vec<usize> =
            (0..self.means.len()).map(|group| groups.iter().filter(|&&g| g == group).count()).collect();
        if sizes.iter().filter(|&&size| size > 0).count() < 2 {
            return None;
        }
        let of = |i: usize| {
            let mut sums = vec![0.0; sizes.len()];
            for (row, &group) in rows.iter().zip(&groups) {
                sums[group] += square(&rows[i], row).sqrt();
            }
            let own = groups[i];
            if sizes[own] == 1 {
                return 0.0;
            }
            let within = sums[own] / (sizes[own] - 1) as f64;
            let others = (0..sizes.len()).filter(|&group| group != own && sizes[group] > 0);
            let next = others.map(|group| sums[group] / sizes[group] as f64).fold(f64::INFINITY, f64::min);
            let most = within.max(next);
            if most > 0.0 { (next - within) / most } else { 0.0 }
        };
        let each: Vec<f64> = (0..rows.len()).into_par_iter().map(of).collect();
        Some(each.iter().sum::<f64>() / each.len() as f64)
    }
}

fn points(rows: &Matrix) -> Vec<Vec<f64>> {
    (0..rows.rows).map(|i| rows.row(i).iter().copied().map(f64::from).collect()).collect()
}

fn square(a: &[f64], b: &[f64]) -> f64 {
    a.iter().zip(b).map(|(a, b)| (a - b).powi(2)).sum()
}

#[cfg(test)]
mod tests {
    use super::*;

    /// scikit-learn 1.9.1: `KMeans(3, n_init=20).fit(x)`, `silhouette_score(x, labels)` of
    /// `i = np.arange(60); x = np.stack([i % 3 * 2 + (i * 37 % 60) / 60, i * 17 % 23 / 23], 1).astype("float32")`
    #[test]
    fn clusters_are_those_of_another_program() {
        let values: Vec<f32> = (0..60)
            .flat_map(|i| [(i % 3 * 2) as f32 + (i * 37 % 60) as f32 / 60.0, (i * 17 % 23) as f32 / 23.0])
            .collect();
        let rows = Matrix::new(60, 2, values);
        let clusters = Clusters::fit(&rows, 3, 20, &Stream::root(1)).unwrap();
        let groups: Vec<usize> = points(&rows).iter().map(|row| clusters.nearest(row)).collect();
        assert!(
            (3..60).all(|i| groups[i] == groups[i - 3]) && groups[0] != groups[1] && groups[1] != groups[2]
        );
        let silhouette = clusters.silhouette(&rows).unwrap();
        assert!((silhouette - SILHOUETTE).abs() < 1e-5, "{silhouette}");
    }

    const SILHOUETTE: f64 = 0.719_368_955_7;

    #[test]
    fn fewer_rows_than_clusters_are_none() {
        let equal = Matrix::new(4, 1, vec![2.0; 4]);
        assert_eq!(Clusters::fit(&equal, 2, 5, &Stream::root(1)), None);
        assert_eq!(Clusters::fit(&Matrix::default(), 1, 5, &Stream::root(1)), None);
        let one = Clusters::fit(&equal, 1, 5, &Stream::root(1)).unwrap();
        assert_eq!((one.nearest(&[9.0]), one.silhouette(&equal)), (0, None));
    }
}
