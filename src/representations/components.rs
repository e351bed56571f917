//! How many components a projection keeps.

use generators::params::{ScenarioError, Table};
use generators::stream::Stream;
use rayon::prelude::*;

use super::{Matrix, RepresentationError};

/// How many components to keep. No choice but the last sees a label.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Components {
    /// So many; fewer where the rows vary in fewer directions.
    Count(usize),
    /// As few as explain more than this share of the variance, greater than 0 and at most 1.
    Explained(f64),
    /// Those that stand out of columns that have nothing to do with each other: see [`Self::keep`].
    Parallel,
    /// All, since whoever holds the labels will pick: the number that separates best is no result but a bound.
    Oracle,
}

/// Permutations of a parallel analysis: a component that exceeds them all is one in twenty by chance.
const PERMUTATIONS: usize = 19;

/// The eigenvalues of some rows, largest first, without those that are rounding; all, or the first of them.
pub(super) struct Spectrum {
    pub values: Vec<f64>,
    /// The sum of all that there are.
    pub total: f64,
}

impl Components {
    /// Reads `components`, or `choice` and what belongs to it.
    pub(super) fn read(table: &mut Table) -> Result<Self, Box<ScenarioError>> {
        let count = table.count_if_stated("components", 1..=65_536)?;
        let choice = table.choice_if_stated("choice", &["explained", "parallel", "oracle"])?;
        let explained = table.number_if_stated("explained", 0.1..=1.0)?;
        let refused =
            |key: &str, why: &str| Err(table.place_of(key).error(why).with_help("state one of them"));
        match (count, choice) {
            (Some(_), Some(_)) => {
                refused("choice", "`components` and `choice` both say how many components there are")
            }
            (Some(_), None) if explained.is_some() => {
                refused("explained", "`components` and `explained` both say how many components there are")
            }
            (None, Some(1 | 2)) if explained.is_some() => {
                refused("explained", "`explained` goes with choice = \"explained\"")
            }
            (Some(count), None) => Ok(Self::Count(count)),
            (None, Some(1)) => Ok(Self::Parallel),
            (None, Some(2)) => Ok(Self::Oracle),
            (None, _) => Ok(Self::Explained(explained.unwrap_or(0.95))),
        }
    }

    /// Whether the number is picked by its result.
    pub fn sees_labels(self) -> bool {
        self == Self::Oracle
    }

    /// Refuses a number that `rows` cannot have; `most` is the greatest that they can.
    pub(super) fn check(self, rows: &Matrix, most: usize) -> Result<(), RepresentationError> {
        match self {
            Self::Count(asked) if !(1..=most).contains(&asked) => {
                let (rows, columns) = (rows.rows, rows.columns);
                Err(RepresentationError::Components { asked, rows, columns, most })
            }
            Self::Explained(share) if !(share > 0.0 && share <= 1.0) => {
                Err(RepresentationError::Share(share))
            }
            _ => Ok(()),
        }
    }

    /// How many eigenvalues have to be known, at most, to say how many components to keep.
    pub(super) fn needed(self) -> usize {
        if let Self::Count(count) = self { count } else { usize::MAX }
    }

    /// How many components to keep of `rows`, whose eigenvalues are `found`, as many as [`Self::needed`]; `spectrum` finds
    /// all of other rows of the same size.
    ///
    /// A parallel analysis (Horn 1965, doi:10.1007/BF02289447, with permutations instead of
    /// normal numbers: Buja and Eyuboglu 1992, doi:10.1207/s15327906mbr2704_2) shuffles every column by itself, which keeps
    /// what each column is and takes away what they have in common. Kept are the leading components whose
    /// eigenvalue is greater than that of the same place in every one of 19 shuffles.
    pub(super) fn keep(
        self,
        rows: &Matrix,
        found: &Spectrum,
        stream: &Stream,
        spectrum: impl Fn(&Matrix) -> Result<Spectrum, RepresentationError> + Sync,
    ) -> Result<usize, RepresentationError> {
        let rank = found.values.len();
        match self {
            Self::Count(count) => Ok(count.min(rank)),
            Self::Oracle => Ok(rank),
            Self::Explained(share) => {
                let mut sum = 0.0;
                let explain_less = |value: &&f64| {
                    sum += **value / found.total;
                    sum <= share
                };
                Ok((found.values.iter().take_while(explain_less).count() + 1).min(rank))
            }
            Self::Parallel => {
                let shuffled = (0..PERMUTATIONS).into_par_iter().map(|index| {
                    let mut stream = stream.item("permutation", index);
                    spectrum(&columns_shuffled(rows, &mut stream)).map(|found| found.values)
                });
                let shuffled = shuffled.collect::<Result<Vec<_>, _>>()?;
                let stands_out = |(place, value): &(usize, &f64)| {
                    shuffled.iter().all(|values| values.get(*place).is_none_or(|chance| *value > chance))
                };
                match found.values.iter().enumerate().take_while(stands_out).count() {
                    0 => Err(RepresentationError::NoneStandsOut),
                    kept => Ok(kept),
                }
            }
        }
    }
}

/// The values of every column in an order of their own.
fn columns_shuffled(rows: &Matrix, stream: &mut Stream) -> Matrix {
    let mut shuffled = rows.clone();
    // As Fisher and Yates, all columns at once: a row is read from front to back.
    for i in (1..rows.rows).rev() {
        for j in 0..rows.columns {
            let other = stream.below(i + 1);
            shuffled.values.swap(i * rows.columns + j, other * rows.columns + j);
        }
    }
    shuffled
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn shuffled_columns_keep_their_values() {
        let mut stream = Stream::root(1);
        let rows = Matrix::new(40, 3, (0..120).map(|i| i as f32).collect());
        let shuffled = columns_shuffled(&rows, &mut stream);
        let column = |m: &Matrix, j: usize| -> Vec<f32> { (0..40).map(|i| m.row(i)[j]).collect() };
        for j in 0..3 {
            let mut sorted = column(&shuffled, j);
            assert_ne!(sorted, column(&rows, j));
            sorted.sort_by(f32::total_cmp);
            assert_eq!(sorted, column(&rows, j));
        }
        let order = |j| column(&shuffled, j).iter().map(|v| (v / 3.0) as usize).collect::<Vec<_>>();
        assert_ne!(order(0), order(1));
    }

    #[test]
    fn one_number_has_one_source() {
        let read = |text: &str| Components::read(&mut Table::parse("s.toml", text).unwrap());
        assert_eq!(read("").unwrap(), Components::Explained(0.95));
        assert_eq!(read("components = 7").unwrap(), Components::Count(7));
        assert_eq!(read("choice = \"parallel\"").unwrap(), Components::Parallel);
        assert!(read("choice = \"oracle\"").unwrap().sees_labels());
        let error = read("components = 7\nchoice = \"oracle\"").unwrap_err().to_string();
        assert!(error.starts_with("s.toml:2:10: `components` and `choice` both say"), "{error}");
    }
}
