//! Which of two groups is the anomalous one.

use super::classification::Confusion;
use super::{MetricError, check_lengths, checked_scores};
use crate::quantile::median;

/// The group that is to be called anomalous, 0 or 1, decided without labels: the one with the larger
/// median of the reference score.
///
/// Where all images are in one group, that one is healthy and the empty one anomalous. Where the
/// medians are equal the reference cannot tell, and it is group 1, towards which a separator's margin grows.
///
/// # Errors
/// Where the lengths differ, nothing is given, or a score is not a number.
pub fn anomalous_group<S: Copy + Into<f64>>(groups: &[usize], reference: &[S]) -> Result<usize, MetricError> {
    check_lengths(("groups", groups.len()), ("scores", reference.len()))?;
    let reference = checked_scores(reference)?;
    let median_of = |group: usize| {
        let of = groups.iter().zip(&reference).filter(|(g, _)| **g == group);
        let mut sorted: Vec<f64> = of.map(|(_, s)| *s).collect();
        sorted.sort_unstable_by(f64::total_cmp);
        median(&sorted)
    };
    Ok(match (median_of(0), median_of(1)) {
        (Some(zero), Some(one)) => usize::from(one >= zero),
        (zero, _) => usize::from(zero.is_some()),
    })
}

/// The group that fits the labels better when it is called anomalous, 0 or 1, by balanced accuracy
/// (by accuracy where a class is missing); group 1 where both fit alike.
///
/// This reads the labels: what follows from it is an upper bound, not a result.
///
/// # Errors
/// Where the lengths differ or nothing is given.
pub fn oracle_group(groups: &[usize], truth: &[bool]) -> Result<usize, MetricError> {
    let counts = Confusion::count(truth, &called_anomalous(groups, 1))?;
    // Calling the other group anomalous turns every decision round: the share becomes one less itself.
    let fits = counts.balanced_accuracy().or(counts.accuracy());
    Ok(usize::from(fits.is_none_or(|share| share >= 0.5)))
}

/// True for the images in the group that is called anomalous.
pub fn called_anomalous(groups: &[usize], anomalous: usize) -> Vec<bool> {
    groups.iter().map(|&group| group == anomalous).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn the_larger_median_is_anomalous() {
        // One large outlier in group 1 moves its mean, not its median.
        assert_eq!(anomalous_group(&[0, 0, 0, 1, 1, 1], &[2.0, 3.0, 4.0, 1.0, 1.0, 99.0]), Ok(0));
        assert_eq!(anomalous_group(&[0, 0, 1, 1], &[1.0f32, 2.0, 2.0, 2.0]), Ok(1));
        assert_eq!(anomalous_group(&[0, 1], &[1.0, f64::NAN]), Err(MetricError::NotANumber { index: 1 }));
    }

    #[test]
    fn a_lone_group_is_healthy() {
        assert_eq!(anomalous_group(&[0, 0], &[5.0, 6.0]), Ok(1));
        assert_eq!(anomalous_group(&[1, 1], &[5.0, 6.0]), Ok(0));
        assert_eq!(anomalous_group::<f64>(&[], &[]), Err(MetricError::Empty));
    }

    proptest! {
        #[test]
        fn the_oracle_is_at_least_as_good_as_either_group(
            pairs in prop::collection::vec((0..2usize, any::<bool>()), 1..40)
        ) {
            let (groups, truth): (Vec<usize>, Vec<bool>) = pairs.into_iter().unzip();
            let fit = |group| {
                let counts = Confusion::count(&truth, &called_anomalous(&groups, group)).unwrap();
                counts.balanced_accuracy().or(counts.accuracy()).unwrap()
            };
            let oracle = oracle_group(&groups, &truth).unwrap();
            prop_assert!(fit(oracle) >= fit(1 - oracle));
        }
    }
}
