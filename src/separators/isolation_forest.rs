//! Isolation forest: rows that few random cuts set apart are anomalous.

use generators::params::{ScenarioError, Table};
use generators::registry::Kind;
use generators::stream::Stream;
use rayon::prelude::*;

use super::{Separator, SeparatorError, Split, check};
use crate::representations::Matrix;

/// How quickly random cuts isolate a row.
pub const KIND: Kind<dyn Separator> = Kind {
    name: "isolation-forest",
    summary: "anomalous is what few random cuts isolate: a score above 0.5, or the share `contamination`",
    source: "Liu, Ting and Zhou 2008, doi:10.1109/ICDM.2008.17",
    example: "trees = 100\nsubsample = 256\ncontamination = 0.2",
    build,
};

fn build(table: &mut Table) -> Result<Box<dyn Separator>, Box<ScenarioError>> {
    Ok(Box::new(IsolationForest {
        trees: table.count("trees", Some(100), 1..=100_000)?,
        subsample: table.count("subsample", Some(256), 2..=1 << 24)?,
        contamination: table.number_if_stated("contamination", f64::MIN_POSITIVE..=0.5)?,
    }))
}

struct IsolationForest {
    trees: usize,
    /// Rows that each tree is grown on, drawn without replacement; all where there are fewer.
    subsample: usize,
    /// Share of the fitted rows that is called anomalous; `None` for those that score above 0.5.
    contamination: Option<f64>,
}

impl Separator for IsolationForest {
    fn fit(&self, rows: &Matrix, stream: &mut Stream) -> Result<Box<dyn Split>, SeparatorError> {
        check(rows, 2)?;
        let sample = self.subsample.min(rows.rows);
        let trees = (0..self.trees).into_par_iter().map(|t| Tree::grow(rows, sample, stream.item("tree", t)));
        let mut forest = Forest { trees: trees.collect(), sample, threshold: 0.5 };
        if let Some(share) = self.contamination {
            let mut scores = forest.scores(rows);
            scores.sort_unstable_by(|a, b| b.total_cmp(a));
            let called = ((share * rows.rows as f64).round() as usize).clamp(1, rows.rows - 1);
            forest.threshold = f64::midpoint(scores[called - 1], scores[called]);
        }
        Ok(Box::new(forest))
    }
}

struct Forest {
    trees: Vec<Tree>,
    /// Rows per tree.
    sample: usize,
    threshold: f64,
}

impl Forest {
    /// 2 to the power of minus the mean path length, in units of the mean path length c(sample).
    fn scores(&self, rows: &Matrix) -> Vec<f64> {
        let unit = self.trees.len() as f64 * mean_path_length(self.sample);
        // Row by row, since one row stays in the cache while all trees read it.
        let score = |i| {
            let row = rows.row(i);
            let lengths: f64 = self.trees.iter().map(|tree| f64::from(tree.path_length(row))).sum();
            (-lengths / unit).exp2()
        };
        (0..rows.rows).into_par_iter().map(score).collect()
    }
}

impl Split for Forest {
    fn groups(&self, rows: &Matrix) -> Vec<usize> {
        self.scores(rows).into_iter().map(|score| usize::from(score > self.threshold)).collect()
    }

    fn margin(&self, rows: &Matrix) -> Option<Vec<f64>> {
        Some(self.scores(rows))
    }
}

/// c(n): mean path length of an unsuccessful search in a binary search tree of n keys (Liu et al., equation 1).
fn mean_path_length(n: usize) -> f64 {
    const EULER: f64 = 0.577_215_664_901_532_9;
    match n {
        0 | 1 => 0.0,
        // Exact: the approximation of the harmonic number below is poor here (Liu et al. 2012).
        2 => 1.0,
        n => {
            let n = n as f64;
            2.0 * ((n - 1.0).ln() + EULER) - 2.0 * (n - 1.0) / n
        }
    }
}

#[derive(Clone, Copy)]
enum Node {
    /// Where a path ends: its length, with what the rows left here would add.
    Leaf { path_length: f32 },
    /// Goes to `left` where the feature is at most the threshold, else to `left + 1`.
    Cut { feature: u32, threshold: f32, left: u32 },
}

struct Tree {
    /// The root first.
    nodes: Vec<Node>,
}

impl Tree {
    fn grow(rows: &Matrix, sample: usize, mut stream: Stream) -> Self {
        let mut members: Vec<u32> = (0..rows.rows as u32).collect();
        for i in 0..sample {
            members.swap(i, i + stream.below(rows.rows - i));
        }
        let mut growth = Growth {
            rows,
            stream,
            features: (0..rows.columns as u32).collect(),
            values: vec![0.0; sample],
            nodes: vec![Node::Leaf { path_length: 0.0 }],
            deepest: sample.next_power_of_two().ilog2(),
        };
        growth.cut(0, &mut members[..sample], rows.columns, 0);
        Self { nodes: growth.nodes }
    }

    fn path_length(&self, row: &[f32]) -> f32 {
        let mut node = self.nodes[0];
        loop {
            match node {
                Node::Leaf { path_length } => return path_length,
                Node::Cut { feature, threshold, left } => {
                    node = self.nodes[left as usize + usize::from(row[feature as usize] > threshold)];
                }
            }
        }
    }
}

/// A tree while it grows.
struct Growth<'a> {
    rows: &'a Matrix,
    stream: Stream,
    /// A permutation of the columns; at each node a part at its end is known to be constant.
    features: Vec<u32>,
    /// Room for one column of the members of a node.
    values: Vec<f32>,
    nodes: Vec<Node>,
    /// The average height of a tree of this many rows: what lies deeper is not anomalous.
    deepest: u32,
}

impl Growth<'_> {
    /// Turns node `at`, which holds `members`, into a cut with everything below it, or into a leaf.
    /// `varied` features may still vary among the members.
    fn cut(&mut self, at: usize, members: &mut [u32], mut varied: usize, depth: u32) {
        let leaf = Node::Leaf { path_length: (f64::from(depth) + mean_path_length(members.len())) as f32 };
        self.nodes[at] = leaf;
        if depth == self.deepest || members.len() < 2 {
            return;
        }
        let (feature, low, high) = loop {
            if varied == 0 {
                return;
            }
            let pick = self.stream.below(varied);
            let (low, high) = self.gather(self.features[pick], members);
            if low < high {
                break (self.features[pick], low, high);
            }
            varied -= 1;
            self.features.swap(pick, varied);
        };
        // Rounded to single precision the threshold may reach the top, and would leave one side empty.
        let drawn = self.stream.uniform(f64::from(low), f64::from(high)) as f32;
        let threshold = if drawn < high { drawn } else { low };
        let middle = self.part(threshold, members);

        let left = self.nodes.len();
        self.nodes.extend([leaf, leaf]);
        self.nodes[at] = Node::Cut { feature, threshold, left: left as u32 };
        let (below, above) = members.split_at_mut(middle);
        self.cut(left, below, varied, depth + 1);
        self.cut(left + 1, above, varied, depth + 1);
    }

    /// Reads one feature of the members; returns its least and greatest value.
    fn gather(&mut self, feature: u32, members: &[u32]) -> (f32, f32) {
        let (mut low, mut high) = (f32::INFINITY, f32::NEG_INFINITY);
        for (value, &member) in self.values.iter_mut().zip(members) {
            *value = self.rows.values[member as usize * self.rows.columns + feature as usize];
            low = low.min(*value);
            high = high.max(*value);
        }
        (low, high)
    }

    /// Brings members whose value is at most `threshold` to the front; returns how many they are.
    fn part(&mut self, threshold: f32, members: &mut [u32]) -> usize {
        let mut front = 0;
        for i in 0..members.len() {
            if self.values[i] <= threshold {
                self.values.swap(front, i);
                members.swap(front, i);
                front += 1;
            }
        }
        front
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// `sklearn.ensemble._iforest._average_path_length(np.array([1, 2, 3, 4, 10, 100, 256, 1000]))`, scikit-learn 1.9.1.
    #[test]
    fn mean_path_lengths() {
        let expected = [
            (1, 0.0),
            (2, 1.0),
            (3, 1.207392357589623),
            (4, 1.8516559071392855),
            (10, 3.748880484475505),
            (100, 8.364671030072245),
            (256, 10.244770920119917),
            (1000, 12.969940887100174),
        ];
        for (n, length) in expected {
            assert!((mean_path_length(n) - length).abs() < 1e-9, "c({n})");
        }
    }

    #[test]
    fn a_tree_isolates_every_row_it_can() {
        // Column 1 is constant and must not be cut; two rows are equal and cannot be told apart.
        let rows = Matrix::new(4, 2, vec![0.0, 5.0, 1.0, 5.0, 1.0, 5.0, 9.0, 5.0]);
        for seed in 0..50 {
            let tree = Tree::grow(&rows, 4, Stream::root(seed));
            let cuts = tree.nodes.iter().filter(|n| matches!(n, Node::Cut { feature: 0, .. })).count();
            assert_eq!((tree.nodes.len(), cuts), (5, 2));
            let lengths: Vec<f32> = (0..4).map(|i| tree.path_length(rows.row(i))).collect();
            // Either end is cut off first; the equal rows end together, c(2) = 1 deeper than their leaf.
            assert!(lengths == [1.0, 3.0, 3.0, 2.0] || lengths == [2.0, 3.0, 3.0, 1.0], "{lengths:?}");
        }
    }

    #[test]
    fn contamination_calls_that_share() {
        let rows = Matrix::column((0..100).map(|i| (i as f32).powi(2)).collect());
        for share in [0.01, 0.1, 0.5] {
            let forest = IsolationForest { trees: 200, subsample: 256, contamination: Some(share) };
            let groups = forest.fit(&rows, &mut Stream::root(1)).unwrap().groups(&rows);
            let called = groups.iter().sum::<usize>() as f64 / 100.0;
            // Rows that no tree tells apart share a score, and fall on one side.
            assert!(called <= share && called >= share - 0.03, "{called} for {share}");
        }
    }
}
