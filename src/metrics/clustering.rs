//! Whether groups that nobody named match classes: many of either, in any order.

use super::{MetricError, check_lengths};

/// How many of each class are in each cluster. The numbers of classes and of clusters may differ.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Contingency {
    classes: usize,
    clusters: usize,
    /// `[classes, clusters]`, row by row.
    counts: Vec<usize>,
}

impl Contingency {
    /// Counts the classes `truth` against the clusters `found`, one entry per image, each from 0.
    ///
    /// # Errors
    /// Where there is nothing to count or the lengths differ.
    pub fn count(truth: &[usize], found: &[usize]) -> Result<Self, MetricError> {
        check_lengths(("classes", truth.len()), ("clusters", found.len()))?;
        let count = |labels: &[usize]| labels.iter().max().map_or(0, |most| most + 1);
        let (classes, clusters) = (count(truth), count(found));
        let mut counts = vec![0; classes * clusters];
        for (class, cluster) in truth.iter().zip(found) {
            counts[class * clusters + cluster] += 1;
        }
        Ok(Self { classes, clusters, counts })
    }

    /// The images of each class by cluster: one row per class.
    pub fn rows(&self) -> impl Iterator<Item = &[usize]> {
        self.counts.chunks(self.clusters)
    }

    fn class_sizes(&self) -> Vec<usize> {
        self.rows().map(|row| row.iter().sum()).collect()
    }

    fn cluster_sizes(&self) -> Vec<usize> {
        (0..self.clusters).map(|j| self.rows().map(|row| row[j]).sum()).collect()
    }

    fn total(&self) -> usize {
        self.counts.iter().sum()
    }

    /// Adjusted Rand index (Hubert and Arabie 1985, doi:10.1007/BF01908075): 1 for the same groups, 0 on average by
    /// chance, and below for worse than chance.
    pub fn adjusted_rand(&self) -> f64 {
        let pairs = |n: usize| n as f64 * (n as f64 - 1.0) / 2.0;
        let sum = |sizes: &[usize]| sizes.iter().map(|&n| pairs(n)).sum::<f64>();
        let (together, of_class, of_cluster) =
            (sum(&self.counts), sum(&self.class_sizes()), sum(&self.cluster_sizes()));
        let all = pairs(self.total());
        if together == of_class && together == of_cluster {
            return 1.0;
        }
        let chance = of_class * of_cluster / all;
        (together - chance) / (f64::midpoint(of_class, of_cluster) - chance)
    }

    /// Mutual information over the mean of the two entropies, 0 to 1 (scikit-learn's, arithmetic); 1 where
    /// both are one group.
    pub fn normalised_mutual_information(&self) -> f64 {
        let total = self.total() as f64;
        let (of_class, of_cluster) = (self.class_sizes(), self.cluster_sizes());
        let entropy = |sizes: &[usize]| -> f64 {
            let shares = sizes.iter().filter(|n| **n > 0).map(|&n| n as f64 / total);
            -shares.map(|p| p * p.ln()).sum::<f64>()
        };
        let (class_entropy, cluster_entropy) = (entropy(&of_class), entropy(&of_cluster));
        let mean = f64::midpoint(class_entropy, cluster_entropy);
        if mean == 0.0 {
            return 1.0;
        }
        // The entropy of both at once is exact where one follows from the other.
        ((class_entropy + cluster_entropy - entropy(&self.counts)) / mean).max(0.0)
    }

    /// The cluster of each class, if any, such that as many images as can be are in the cluster of their
    /// class; no cluster belongs to two (Kuhn 1955, Munkres 1957).
    pub fn matching(&self) -> Vec<Option<usize>> {
        let side = self.classes.max(self.clusters);
        let gain = |class: usize, cluster: usize| match class < self.classes && cluster < self.clusters {
            true => self.counts[class * self.clusters + cluster] as i64,
            false => 0,
        };
        let of_cluster = best_assignment(side, gain);
        let mut of_class = vec![None; self.classes];
        for (cluster, class) in of_cluster.into_iter().enumerate().take(self.clusters) {
            if class < self.classes {
                of_class[class] = Some(cluster);
            }
        }
        of_class
    }

    /// Share of the images that are in the cluster of their class after [`Self::matching`], 0 to 1: accuracy with the
    /// clusters named as well as can be. Images of surplus clusters are wrong.
    ///
    /// The names come from the labels, as those of classes without a teacher must; nothing else may.
    pub fn matched_accuracy(&self) -> f64 {
        let in_place = self.matching().into_iter().enumerate();
        let right = in_place.filter_map(|(i, j)| j.map(|j| self.counts[i * self.clusters + j]));
        right.sum::<usize>() as f64 / self.total() as f64
    }
}

/// Row of each column such that the sum of the gains is greatest, by shortest augmenting paths
/// (Jonker and Volgenant 1987, doi:10.1007/BF02278710).
fn best_assignment(side: usize, gain: impl Fn(usize, usize) -> i64) -> Vec<usize> {
    const NONE: usize = usize::MAX;
    // One more column, the last, is where the path of a new row starts.
    let (mut row_price, mut column_price) = (vec![0i64; side], vec![0i64; side + 1]);
    let mut row_of = vec![NONE; side + 1];
    for row in 0..side {
        row_of[side] = row;
        let mut at = side;
        let (mut slack, mut from, mut done) = (vec![i64::MAX; side], vec![NONE; side], vec![false; side + 1]);
        while row_of[at] != NONE {
            done[at] = true;
            let row = row_of[at];
            let (mut least, mut next) = (i64::MAX, at);
            for column in (0..side).filter(|&column| !done[column]) {
                let reduced = -gain(row, column) - row_price[row] - column_price[column];
                if reduced < slack[column] {
                    (slack[column], from[column]) = (reduced, at);
                }
                if slack[column] < least {
                    (least, next) = (slack[column], column);
                }
            }
            for column in 0..=side {
                if done[column] {
                    row_price[row_of[column]] += least;
                    column_price[column] -= least;
                } else {
                    slack[column] -= least;
                }
            }
            at = next;
        }
        while at != side {
            row_of[at] = row_of[from[at]];
            at = from[at];
        }
    }
    row_of.truncate(side);
    row_of
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn count(truth: &[usize], found: &[usize]) -> Contingency {
        Contingency::count(truth, found).unwrap()
    }

    #[test]
    fn names_of_clusters_do_not_matter() {
        let table = count(&[0, 0, 1, 1, 2, 2], &[2, 2, 0, 0, 1, 1]);
        assert_eq!(table.matching(), [Some(2), Some(0), Some(1)]);
        assert_eq!(table.matched_accuracy(), 1.0);
        assert_eq!(table.adjusted_rand(), 1.0);
        assert!((table.normalised_mutual_information() - 1.0).abs() < 1e-12);
    }

    #[test]
    fn greed_is_not_best() {
        // Taking the 5 first leaves 0; 4 + 4 is more.
        let table = Contingency { classes: 2, clusters: 2, counts: vec![5, 4, 4, 0] };
        assert_eq!(table.matching(), [Some(1), Some(0)]);
        assert_eq!(table.matched_accuracy(), 8.0 / 13.0);
    }

    #[test]
    fn unequal_numbers_of_classes_and_clusters() {
        let few = count(&[0, 0, 1, 2], &[0, 0, 0, 0]);
        assert_eq!((few.matching(), few.matched_accuracy()), (vec![Some(0), None, None], 0.5));
        let many = count(&[0, 0, 0, 0, 1], &[0, 0, 1, 2, 3]);
        assert_eq!((many.matching(), many.matched_accuracy()), (vec![Some(0), Some(3)], 0.6));
        assert_eq!(Contingency::count(&[], &[]), Err(MetricError::Empty));
    }

    /// Every assignment of up to six rows.
    fn best_by_trying(side: usize, gain: &dyn Fn(usize, usize) -> i64, row: usize, used: u32) -> i64 {
        let free = (0..side).filter(|column| used >> column & 1 == 0);
        free.map(|column| gain(row, column) + best_by_trying(side, gain, row + 1, used | 1 << column))
            .max()
            .unwrap_or(0)
    }

    proptest! {
        #[test]
        fn no_assignment_is_better(side in 1..6usize, counts in prop::collection::vec(0..30i64, 36..=36)) {
            let gain = |row: usize, column: usize| counts[row * 6 + column];
            let rows = best_assignment(side, gain);
            let mut sorted = rows.clone();
            sorted.sort_unstable();
            prop_assert_eq!(sorted, (0..side).collect::<Vec<_>>());
            let sum: i64 = rows.iter().enumerate().map(|(column, &row)| gain(row, column)).sum();
            prop_assert_eq!(sum, best_by_trying(side, &gain, 0, 0));
        }

        #[test]
        fn figures_stay_in_bounds_and_do_not_take_sides(
            pairs in prop::collection::vec((0..5usize, 0..7usize), 1..60)
        ) {
            let (truth, found): (Vec<_>, Vec<_>) = pairs.into_iter().unzip();
            let (one, other) = (count(&truth, &found), count(&found, &truth));
            prop_assert!((one.adjusted_rand() - other.adjusted_rand()).abs() < 1e-12);
            prop_assert!((one.matched_accuracy() - other.matched_accuracy()).abs() < 1e-12);
            let information = one.normalised_mutual_information();
            prop_assert!((information - other.normalised_mutual_information()).abs() < 1e-12);
            prop_assert!((0.0..=1.0 + 1e-12).contains(&information));
            prop_assert!(one.adjusted_rand() <= 1.0 && one.matched_accuracy() <= 1.0);
        }
    }
}
