//! Two records side by side: is the later run worse than the earlier one by more than chance allows?
//!
//! Where both were judged on the same test images, equally often, the difference of each measure is resampled over
//! trainings, separations and print jobs, both records on the same draw (the paired [bootstrap]): what is hard
//! for both cancels out. Otherwise the two intervals
//! are joined into one of the difference, without assuming either symmetric (Zou and Donner 2008, *Statistics in
//! Medicine* 27, 1693: the method of variance estimates recovery).
//!
//! Many measures are compared at once, so that a 95 % interval of a single one misses zero in every twentieth by chance
//! alone. A change is called one only where it stands in the whole family: Holm's step-down procedure at 5 %
//! (Holm 1979), on the tail of Student's law.
//!
//! Where each record has one training only, nothing is known of how much two trainings differ.

pub mod claims;
mod evidence;
mod words;

use generators::stream::Stream;
use serde::Serialize;

use crate::metrics::interval::{DIFFERENCE, Drawn, Interval, SHARE, bootstrap};
use crate::report::record::Record;
use evidence::Evidence;

/// Probability that runs which are equally good are told apart in any of their measures.
pub const ALPHA: f64 = 0.05;

/// Draws of every bootstrap.
pub const REPLICATES: usize = 2000;

/// What changed from one record to another.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Comparison {
    /// What both measured, in the later record's order.
    pub changes: Vec<Change>,
    /// What only the earlier record has measured.
    pub only_before: Vec<String>,
    /// What only the later record has measured.
    pub only_after: Vec<String>,
}

/// The change of one measure.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Change {
    /// What is measured: `vae A_R with k-means`.
    pub subject: String,
    /// Which measure of it; all that are compared are better when higher.
    pub measure: &'static str,
    /// Its value in the earlier record.
    pub before: f64,
    /// Its value in the later record.
    pub after: f64,
    /// Whether both are about the same test images, equally often.
    pub paired: bool,
    /// 95 % interval of `after - before`, of this measure alone; absent where too few jobs tell of it, or all tell the same.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub interval: Option<[f64; 2]>,
    /// Probability of a difference at least as large where there is none, of this measure alone; absent where too few jobs tell of it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub p_value: Option<f64>,
    /// What it comes to, among all that were compared.
    pub direction: Direction,
}

/// Whether a measure changed by more than chance allows.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Direction {
    /// It fell.
    Worse,
    /// Chance explains it.
    Level,
    /// It rose.
    Better,
}

impl Comparison {
    /// Changes for the worse.
    pub fn regressions(&self) -> impl Iterator<Item = &Change> {
        self.changes.iter().filter(|change| change.direction == Direction::Worse)
    }
}

impl Change {
    /// `after - before`.
    pub fn difference(&self) -> f64 {
        self.after - self.before
    }
}

/// Compares what two records say, measure by measure.
pub fn compare(before: &Record, after: &Record) -> Comparison {
    let (earlier, later) = (evidence::of(before), evidence::of(after));
    let stream = Stream::root(after.scenario.seed).child("compare");
    let same = |a: &Evidence, b: &Evidence| a.subject == b.subject && a.measure == b.measure;
    let mut changes: Vec<Change> = later
        .iter()
        .filter_map(|new| {
            let old = earlier.iter().find(|old| same(old, new))?;
            let paired = old.pairs_with(new);
            let interval = difference(old, new, paired, &stream.child(&new.subject));
            Some(Change {
                subject: new.subject.clone(),
                measure: new.measure,
                before: old.whole()?,
                after: new.whole()?,
                paired,
                interval: interval.and_then(|interval| interval.ends()),
                // Where all jobs tell the same difference, nothing speaks for chance.
                p_value: interval.map(|interval| interval.tested().unwrap_or_else(|| interval.p_value())),
                direction: Direction::Level,
            })
        })
        .collect();
    judge(&mut changes);
    let missing = |from: &[Evidence], other: &[Evidence]| -> Vec<String> {
        let missing = from.iter().filter(|a| !other.iter().any(|b| same(a, b)));
        missing.map(|e| format!("{} {}", e.subject, e.measure)).collect()
    };
    Comparison { changes, only_before: missing(&earlier, &later), only_after: missing(&later, &earlier) }
}

/// The interval of `new - old`: of both on the same draws where they are `paired`.
fn difference(old: &Evidence, new: &Evidence, paired: bool, stream: &Stream) -> Option<Interval> {
    if paired {
        let difference = |drawn: &Drawn| Some(new.value(drawn)? - old.value(drawn)?);
        return bootstrap(new.design, REPLICATES, stream, DIFFERENCE, difference);
    }
    let of = |evidence: &Evidence, name: &str| {
        let stream = stream.child(name);
        let found = bootstrap(evidence.design, REPLICATES, &stream, SHARE, |drawn| evidence.value(drawn));
        // Of one that did not vary nobody knows how much it does.
        found.filter(|interval| interval.ends().is_some())
    };
    Some(independent(of(old, "before")?, of(new, "after")?))
}

/// `after - before` where the two are independent.
fn independent(before: Interval, after: Interval) -> Interval {
    let estimate = after.estimate - before.estimate;
    let down = (after.estimate - after.low).hypot(before.high - before.estimate);
    let up = (after.high - after.estimate).hypot(before.estimate - before.low);
    let (old, new) = (before.standard_error.powi(2), after.standard_error.powi(2));
    Interval {
        low: estimate - down,
        estimate,
        high: estimate + up,
        standard_error: (old + new).sqrt(),
        // Welch's.
        freedom: match old * old / before.freedom + new * new / after.freedom {
            0.0 => f64::INFINITY,
            squares => (old + new).powi(2) / squares,
        },
    }
}

fn judge(changes: &mut [Change]) {
    let p_values: Vec<f64> = changes.iter().map(|change| change.p_value.unwrap_or(1.0)).collect();
    for (change, stands) in changes.iter_mut().zip(stand(&p_values)) {
        if stands {
            change.direction = if change.difference() < 0.0 { Direction::Worse } else { Direction::Better };
        }
    }
}

/// Which of a family of p-values stand at [`ALPHA`] by Holm's step-down procedure: from the least on, each against those
/// that are left.
fn stand(p_values: &[f64]) -> Vec<bool> {
    let mut order: Vec<usize> = (0..p_values.len()).collect();
    order.sort_by(|&a, &b| p_values[a].total_cmp(&p_values[b]));
    let holds = |&(rank, &index): &(usize, &usize)| p_values[index] <= ALPHA / (order.len() - rank) as f64;
    let mut stand = vec![false; p_values.len()];
    order.iter().enumerate().take_while(holds).for_each(|(_, &index)| stand[index] = true);
    stand
}

#[cfg(test)]
mod tests;
