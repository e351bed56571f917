//! What rows look like beside each other.

use super::image::Image;

/// Differences between neighbours, as shares of the scale.
#[derive(Clone, Debug)]
pub(super) struct Lines {
    /// Mean difference of neighbours along each row.
    pub along: Vec<f32>,
    /// Mean difference of each row to the one before; that of the first is 0.
    pub across: Vec<f32>,
    /// Mean difference of the first row to the last.
    pub ends: f32,
}

/// A row of which so small a share of the usual difference is left is flat, or like the row before.
const NOTHING: f64 = 0.1;
/// Differences of less than this share of the scale are none.
const LEAST_DIFFERENCE: f64 = 1e-4;

impl Lines {
    pub(super) fn measure(image: &Image) -> Self {
        let scale = 1.0 / f64::from(image.white);
        let mean = |pairs: &mut dyn Iterator<Item = (u16, u16)>| {
            let (sum, count) =
                pairs.fold((0u64, 0u64), |(s, n), (a, b)| (s + u64::from(a.abs_diff(b)), n + 1));
            (sum as f64 / count.max(1) as f64 * scale) as f32
        };
        let rows: Vec<&[u16]> = image.rows().collect();
        let along = rows.iter().map(|row| mean(&mut row.windows(2).map(|w| (w[0], w[1])))).collect();
        let between = |w: &[&[u16]]| mean(&mut w[0].iter().copied().zip(w[1].iter().copied()));
        let across = std::iter::once(0.0).chain(rows.windows(2).map(between)).collect();
        let ends = between(&[rows[0], rows[rows.len() - 1]]);
        Self { along, across, ends }
    }

    /// How many rows there are.
    pub(super) fn count(&self) -> usize {
        self.along.len()
    }

    /// Rows that do not vary along themselves, where rows usually do by `usual`.
    pub(super) fn flat(&self, usual: f64) -> Vec<bool> {
        self.along.iter().map(|&v| f64::from(v) <= NOTHING * usual).collect()
    }

    /// The runs of set flags, as ranges.
    pub(super) fn runs(flags: &[bool]) -> Vec<std::ops::Range<usize>> {
        let mut runs = Vec::new();
        let mut start = 0;
        for run in flags.chunk_by(|a, b| a == b) {
            if run[0] {
                runs.push(start..start + run.len());
            }
            start += run.len();
        }
        runs
    }

    /// How far the rows of `run` lie from those around it: the lesser of both sides, or the one that there is.
    pub(super) fn step(&self, run: &std::ops::Range<usize>) -> f64 {
        let before = (run.start > 0).then(|| f64::from(self.across[run.start]));
        let after = self.across.get(run.end).map(|&v| f64::from(v));
        match (before, after) {
            (Some(a), Some(b)) => a.min(b),
            (a, b) => a.or(b).unwrap_or(0.0),
        }
    }

    /// How many of the first rows are alike, where the calmest rows usually differ by `usual`; none where these do not differ, so
    /// that nothing can be told.
    pub(super) fn alike_at_the_start(&self, usual: f64) -> usize {
        self.between().iter().take_while(|&&difference| alike(difference, usual)).count()
    }

    /// The same of the last rows.
    pub(super) fn alike_at_the_end(&self, usual: f64) -> usize {
        self.between().iter().rev().take_while(|&&difference| alike(difference, usual)).count()
    }

    /// How much row `i`, which is none of the first two and not the last, differs from the one before: as a factor on what the rows
    /// beside the two, and neighbours along them, differ by.
    pub(super) fn stands_out(&self, i: usize) -> f64 {
        stands_out(self.across[i], [self.across[i - 1], self.across[i + 1], self.along[i - 1], self.along[i]])
    }

    /// The same of the first row and the last, as if one followed the other; 0 of fewer than three rows.
    pub(super) fn ends_stand_out(&self) -> f64 {
        let last = self.count() - 1;
        if last < 2 {
            return 0.0;
        }
        stands_out(self.ends, [self.across[1], self.across[last], self.along[0], self.along[last]])
    }

    /// Mean difference of each row but the first to the one before.
    pub(super) fn between(&self) -> &[f32] {
        &self.across[1.min(self.across.len())..]
    }
}

fn stands_out(difference: f32, around: [f32; 4]) -> f64 {
    f64::from(difference) / f64::from(around.into_iter().fold(0.0, f32::max)).max(LEAST_DIFFERENCE)
}

fn alike(difference: f32, usual: f64) -> bool {
    usual > 0.0 && f64::from(difference) <= NOTHING * usual
}
