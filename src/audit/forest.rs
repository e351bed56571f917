//! Extremely randomised trees (Geurts, Ernst and Wehenkel 2006, doi:10.1007/s10994-006-6226-1): many trees, each grown on
//! all rows, whose cuts are the best of a few drawn at random; a class's score is its mean share in the leaves.
//!
//! Written here, since the audit needs shares and not votes, and the same forest at any number of threads.

use generators::stream::Stream;
use rayon::prelude::*;

use crate::representations::Matrix;

/// Trees of a forest.
const TREES: usize = 64;
/// A node with fewer rows is a leaf: images of one episode are near copies of each other, and a smaller leaf
/// would learn episodes by heart.
const LEAST_ROWS: usize = 10;

/// A fitted forest.
pub struct Forest {
    trees: Vec<Tree>,
    classes: usize,
}

impl Forest {
    /// Grows a forest on `rows`, of which row `i` is of class `class[i]`, one of `classes`.
    pub fn grow(rows: &Matrix, class: &[usize], classes: usize, stream: &Stream) -> Self {
        let trees = (0..TREES).into_par_iter().map(|t| {
            let mut growth =
                Growth { rows, class, classes, stream: stream.item("tree", t), nodes: Vec::new() };
            let mut members: Vec<usize> = (0..rows.rows).collect();
            growth.node(&mut members);
            Tree { nodes: growth.nodes }
        });
        Self { trees: trees.collect(), classes }
    }

    /// The share of each class, row by row: `rows.rows` times `classes` numbers from 0 to 1.
    pub fn shares(&self, rows: &Matrix) -> Vec<Vec<f64>> {
        let of = |i: usize| {
            let mut sums = vec![0.0; self.classes];
            for tree in &self.trees {
                sums.iter_mut().zip(tree.leaf(rows.row(i))).for_each(|(sum, share)| *sum += share);
            }
            sums.iter_mut().for_each(|sum| *sum /= self.trees.len() as f64);
            sums
        };
        (0..rows.rows).into_par_iter().map(of).collect()
    }
}

enum Node {
    /// The share of each class.
    Leaf(Vec<f64>),
    /// Goes to the next node where the column is below the threshold, else to `right`.
    Cut { column: usize, threshold: f32, right: usize },
}

struct Tree {
    /// The root first.
    nodes: Vec<Node>,
}

impl Tree {
    fn leaf(&self, row: &[f32]) -> &[f64] {
        let mut at = 0;
        loop {
            match &self.nodes[at] {
                Node::Leaf(shares) => return shares,
                Node::Cut { column, threshold, right } => {
                    at = if row[*column] < *threshold { at + 1 } else { *right };
                }
            }
        }
    }
}

/// A tree while it grows.
struct Growth<'a> {
    rows: &'a Matrix,
    class: &'a [usize],
    classes: usize,
    stream: Stream,
    nodes: Vec<Node>,
}

impl Growth<'_> {
    /// Adds the node that holds `members`, with everything below it.
    fn node(&mut self, members: &mut [usize]) {
        let at = self.nodes.len();
        let counts = self.counts(members.iter().copied());
        let cut = if members.len() < LEAST_ROWS { None } else { self.cut(members, &counts) };
        let Some((column, threshold)) = cut else {
            let total = members.len().max(1) as f64;
            self.nodes.push(Node::Leaf(counts.iter().map(|&n| n / total).collect()));
            return;
        };
        self.nodes.push(Node::Cut { column, threshold, right: 0 });
        // In place and in order: which rows stand where must not depend on how they were cut before.
        members.sort_unstable_by_key(|&i| (self.value(i, column) >= threshold, i));
        let middle = members.partition_point(|&i| self.value(i, column) < threshold);
        let (below, above) = members.split_at_mut(middle);
        self.node(below);
        let next = self.nodes.len();
        if let Node::Cut { right, .. } = &mut self.nodes[at] {
            *right = next;
        }
        self.node(above);
    }

    fn value(&self, row: usize, column: usize) -> f32 {
        self.rows.values[row * self.rows.columns + column]
    }

    fn counts(&self, members: impl Iterator<Item = usize>) -> Vec<f64> {
        let mut counts = vec![0.0; self.classes];
        members.for_each(|i| counts[self.class[i]] += 1.0);
        counts
    }

    /// The best of one random cut in each of the square root of the columns, drawn among those that vary; `None`
    /// where the members are of one class or equal.
    fn cut(&mut self, members: &[usize], counts: &[f64]) -> Option<(usize, f32)> {
        if counts.iter().filter(|&&n| n > 0.0).count() < 2 {
            return None;
        }
        let wanted = (self.rows.columns as f64).sqrt().ceil() as usize;
        let mut columns: Vec<usize> = (0..self.rows.columns).collect();
        self.stream.shuffle(&mut columns);
        let mut best: Option<(f64, usize, f32)> = None;
        let mut tried = 0;
        for column in columns {
            if tried == wanted {
                break;
            }
            let values = members.iter().map(|&i| self.value(i, column));
            let (low, high) =
                values.fold((f32::INFINITY, f32::NEG_INFINITY), |(l, h), v| (l.min(v), h.max(v)));
            if low >= high {
                continue;
            }
            tried += 1;
            let drawn = self.stream.uniform(f64::from(low), f64::from(high)) as f32;
            // Both sides keep a row, whatever rounding does.
            let threshold = if drawn > low { drawn } else { high };
            let below = self.counts(members.iter().copied().filter(|&i| self.value(i, column) < threshold));
            let above: Vec<f64> = counts.iter().zip(&below).map(|(all, below)| all - below).collect();
            let purity = purity(&below) + purity(&above);
            if best.is_none_or(|(other, ..)| purity > other) {
                best = Some((purity, column, threshold));
            }
        }
        best.map(|(_, column, threshold)| (column, threshold))
    }
}

/// Greater where one class prevails: the rows less their Gini impurity.
fn purity(counts: &[f64]) -> f64 {
    let total: f64 = counts.iter().sum();
    if total == 0.0 { 0.0 } else { counts.iter().map(|n| n * n).sum::<f64>() / total }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::metrics::ranking::auroc;

    /// Rows of four columns; class 1 where exactly one of the first two is positive: no column tells by itself.
    fn checkers(rows: usize, seed: u64) -> (Matrix, Vec<usize>) {
        let mut stream = Stream::root(seed);
        let values: Vec<f32> = (0..4 * rows).map(|_| stream.uniform(-1.0, 1.0) as f32).collect();
        let class = values.chunks(4).map(|r| usize::from((r[0] > 0.0) != (r[1] > 0.0))).collect();
        (Matrix::new(rows, 4, values), class)
    }

    fn area(forest: &Forest, (rows, class): &(Matrix, Vec<usize>)) -> f64 {
        let scores: Vec<f64> = forest.shares(rows).iter().map(|shares| shares[1]).collect();
        auroc(&class.iter().map(|&c| c == 1).collect::<Vec<_>>(), &scores).unwrap().unwrap()
    }

    #[test]
    fn what_no_column_tells_alone_is_learnt_and_noise_is_not() {
        let (rows, class) = checkers(600, 1);
        let fresh = checkers(600, 2);
        let forest = Forest::grow(&rows, &class, 2, &Stream::root(3));
        assert!(area(&forest, &fresh) > 0.9, "{}", area(&forest, &fresh));
        // Classes of a coin: on other rows the area is 0.5 within four standard errors.
        let mut coin = Stream::root(4);
        let coins = |coin: &mut Stream| -> Vec<usize> { (0..600).map(|_| coin.below(2)).collect() };
        let forest = Forest::grow(&rows, &coins(&mut coin), 2, &Stream::root(3));
        let chance = area(&forest, &(fresh.0, coins(&mut coin)));
        assert!((chance - 0.5).abs() < 4.0 / (12.0f64 * 300.0).sqrt(), "{chance}");
    }

    #[test]
    fn shares_sum_to_one_and_do_not_depend_on_threads() {
        let (rows, class) = checkers(200, 5);
        let grow = || Forest::grow(&rows, &class, 3, &Stream::root(6)).shares(&rows);
        let shares = grow();
        assert!(shares.iter().all(|s| (s.iter().sum::<f64>() - 1.0).abs() < 1e-12 && s[2] == 0.0));
        let one = rayon::ThreadPoolBuilder::new().num_threads(1).build().unwrap();
        assert_eq!(one.install(grow), shares);
    }

    #[test]
    fn equal_rows_are_one_leaf() {
        let rows = Matrix::new(30, 1, vec![2.0; 30]);
        let class: Vec<usize> = (0..30).map(|i| i % 3).collect();
        let forest = Forest::grow(&rows, &class, 3, &Stream::root(7));
        assert!(forest.shares(&rows).iter().flatten().all(|s| (s - 1.0 / 3.0).abs() < 1e-12));
    }
}
