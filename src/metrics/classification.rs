//! Yes-or-no decisions: counts, accuracy, balanced accuracy.

use super::{MetricError, check_lengths};

/// Decisions counted by what was true; anomalous is positive.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Confusion {
    /// Anomalous, and called so.
    pub true_positives: usize,
    /// Healthy, but called anomalous.
    pub false_positives: usize,
    /// Healthy, and called so.
    pub true_negatives: usize,
    /// Anomalous, but called healthy.
    pub false_negatives: usize,
}

impl Confusion {
    /// Counts `predicted` against `truth`, one entry per image.
    ///
    /// # Errors
    /// Where there is nothing to count or the lengths differ.
    pub fn count(truth: &[bool], predicted: &[bool]) -> Result<Self, MetricError> {
        check_lengths(("labels", truth.len()), ("predictions", predicted.len()))?;
        let mut counts = Self::default();
        for (&truth, &predicted) in truth.iter().zip(predicted) {
            *match (truth, predicted) {
                (true, true) => &mut counts.true_positives,
                (false, true) => &mut counts.false_positives,
                (false, false) => &mut counts.true_negatives,
                (true, false) => &mut counts.false_negatives,
            } += 1;
        }
        Ok(counts)
    }

    /// Adds `other` as often as `times` says.
    pub fn add(&mut self, other: &Self, times: usize) {
        self.true_positives += times * other.true_positives;
        self.false_positives += times * other.false_positives;
        self.true_negatives += times * other.true_negatives;
        self.false_negatives += times * other.false_negatives;
    }

    /// Anomalous images that were found, and all of them.
    pub fn found(&self) -> (usize, usize) {
        (self.true_positives, self.true_positives + self.false_negatives)
    }

    /// Healthy images that were called anomalous, and all of them.
    pub fn false_alarms(&self) -> (usize, usize) {
        (self.false_positives, self.false_positives + self.true_negatives)
    }

    /// Share of right decisions, 0 to 1; `None` where nothing was counted.
    pub fn accuracy(&self) -> Option<f64> {
        let right = self.true_positives + self.true_negatives;
        share(right, self.false_positives + self.false_negatives)
    }

    /// Share of the anomalous images that were found, 0 to 1; `None` without any.
    pub fn sensitivity(&self) -> Option<f64> {
        share(self.true_positives, self.false_negatives)
    }

    /// Share of the healthy images that were called anomalous, 0 to 1; `None` without any.
    pub fn false_alarm_rate(&self) -> Option<f64> {
        share(self.false_positives, self.true_negatives)
    }

    /// Share of the healthy images that were left alone, 0 to 1; `None` without any.
    pub fn specificity(&self) -> Option<f64> {
        share(self.true_negatives, self.false_positives)
    }

    /// Mean of sensitivity and specificity, 0 to 1; `None` where a class is missing.
    pub fn balanced_accuracy(&self) -> Option<f64> {
        Some((self.sensitivity()? + self.specificity()?) / 2.0)
    }
}

fn share(part: usize, rest: usize) -> Option<f64> {
    (part + rest > 0).then(|| part as f64 / (part + rest) as f64)
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn counts_by_hand() {
        let truth = [true, true, true, false, false];
        let predicted = [true, true, false, true, false];
        let c = Confusion::count(&truth, &predicted).unwrap();
        assert_eq!((c.true_positives, c.false_negatives, c.false_positives, c.true_negatives), (2, 1, 1, 1));
        assert_eq!(c.accuracy(), Some(0.6));
        assert_eq!(c.balanced_accuracy(), Some((2.0 / 3.0 + 0.5) / 2.0));
    }

    #[test]
    fn a_missing_class_has_no_share() {
        let c = Confusion::count(&[true, true], &[true, false]).unwrap();
        assert_eq!((c.accuracy(), c.sensitivity()), (Some(0.5), Some(0.5)));
        assert_eq!((c.specificity(), c.balanced_accuracy()), (None, None));
        assert_eq!(Confusion::default().accuracy(), None);
    }

    #[test]
    fn lengths_are_checked() {
        assert_eq!(Confusion::count(&[], &[]), Err(MetricError::Empty));
        let error = Confusion::count(&[true], &[]).unwrap_err();
        assert_eq!(error.to_string(), "1 labels for 0 predictions");
    }

    proptest! {
        #[test]
        fn balanced_accuracy_is_bounded_and_flips(
            pairs in prop::collection::vec(any::<(bool, bool)>(), 1..60)
        ) {
            let (truth, predicted): (Vec<bool>, Vec<bool>) = pairs.into_iter().unzip();
            let flipped: Vec<bool> = predicted.iter().map(|p| !p).collect();
            let a = Confusion::count(&truth, &predicted).unwrap().balanced_accuracy();
            let b = Confusion::count(&truth, &flipped).unwrap().balanced_accuracy();
            prop_assert_eq!(a.is_none(), truth.iter().all(|&t| t) || truth.iter().all(|&t| !t));
            if let (Some(a), Some(b)) = (a, b) {
                prop_assert!((0.0..=1.0).contains(&a));
                prop_assert!((a + b - 1.0).abs() < 1e-12);
            }
        }
    }
}
