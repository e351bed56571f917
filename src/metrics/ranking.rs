//! How well scores rank anomalous images above healthy ones, at every threshold at once.

use super::interval::Drawn;
use super::{MetricError, check_lengths, checked_scores};

/// One threshold of the receiver operating characteristic.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct RocPoint {
    /// Images with this score or a higher one are called anomalous; infinite at the first point.
    pub threshold: f64,
    /// Share of the healthy images called anomalous, 0 to 1.
    pub false_positive_rate: f64,
    /// Share of the anomalous images called anomalous, 0 to 1.
    pub true_positive_rate: f64,
}

/// Scores in their order, for the figures at every threshold, of all images or of many resamples of them.
pub struct Ranking {
    /// Score, image and whether it is anomalous, from the highest score down.
    ranked: Vec<(f64, usize, bool)>,
}

impl Ranking {
    /// Ranks the images.
    ///
    /// # Errors
    /// As [`auroc`].
    pub fn new<S: Copy + Into<f64>>(truth: &[bool], scores: &[S]) -> Result<Self, MetricError> {
        check_lengths(("labels", truth.len()), ("scores", scores.len()))?;
        let scores = checked_scores(scores)?.into_iter().enumerate();
        let mut ranked: Vec<_> = scores.zip(truth).map(|((i, score), &t)| (score, i, t)).collect();
        ranked.sort_unstable_by(|a, b| b.0.total_cmp(&a.0));
        Ok(Self { ranked })
    }

    /// Each distinct score from the highest down, with its anomalous and its healthy images, where image `i` comes up
    /// `times(i)` times.
    fn ties(&self, times: impl Fn(usize) -> usize) -> impl Iterator<Item = (f64, [u64; 2])> {
        // -0 and 0 are one score: `==` joins what the total order tells apart.
        self.ranked.chunk_by(|a, b| a.0 == b.0).map(move |tie| {
            let mut counts = [0; 2];
            tie.iter()
                .for_each(|&(_, image, anomalous)| counts[usize::from(!anomalous)] += times(image) as u64);
            (tie[0].0, counts)
        })
    }

    /// How many images are anomalous and healthy; `None` where a class is missing.
    fn classes(&self) -> Option<[u64; 2]> {
        let anomalous = self.ranked.iter().filter(|image| image.2).count();
        let counts = [anomalous, self.ranked.len() - anomalous].map(|count| count as u64);
        (!counts.contains(&0)).then_some(counts)
    }

    /// The area where image `i` comes up `times(i)` times; `None` where a class does not come up.
    pub fn auroc(&self, times: impl Fn(usize) -> usize) -> Option<f64> {
        // Twice the pairs won, so that the count stays whole.
        let (mut positives, mut negatives, mut won_twice) = (0, 0, 0);
        for (_, [anomalous, healthy]) in self.ties(times) {
            won_twice += healthy * (2 * positives + anomalous);
            positives += anomalous;
            negatives += healthy;
        }
        (positives > 0 && negatives > 0)
            .then(|| won_twice as f64 / (2.0 * positives as f64 * negatives as f64))
    }
}

/// Area under the receiver operating characteristic, 0 to 1: the probability that an anomalous
/// image scores higher than a healthy one, where a tie counts half (Mann and Whitney 1947).
///
/// `None` where a class is missing.
///
/// # Errors
/// Where the lengths differ, nothing is given, or a score is not a number.
pub fn auroc<S: Copy + Into<f64>>(truth: &[bool], scores: &[S]) -> Result<Option<f64>, MetricError> {
    Ok(Ranking::new(truth, scores)?.auroc(|_| 1))
}

/// The mean area of the drawn trainings, on the drawn jobs; `place` is that of an image's job.
pub fn mean_auroc(rankings: &[Ranking], drawn: &Drawn, place: impl Fn(usize) -> usize) -> Option<f64> {
    let (mut sum, mut count) = (0.0, 0.0);
    for (ranking, &times) in rankings.iter().zip(&drawn.trainings).filter(|(_, times)| **times > 0) {
        sum += times as f64 * ranking.auroc(|image| drawn.jobs[place(image)])?;
        count += times as f64;
    }
    (count > 0.0).then(|| sum / count)
}

/// The rank of each value among all, from 1 for the least; equal values share the mean of their ranks.
///
/// Values have to be numbers.
pub fn midranks(values: &[f64]) -> Vec<f64> {
    let mut order: Vec<usize> = (0..values.len()).collect();
    order.sort_unstable_by(|&a, &b| values[a].total_cmp(&values[b]));
    let mut ranks = vec![0.0; values.len()];
    let mut below = 0;
    for tie in order.chunk_by(|&a, &b| values[a] == values[b]) {
        let rank = below as f64 + (tie.len() + 1) as f64 / 2.0;
        tie.iter().for_each(|&i| ranks[i] = rank);
        below += tie.len();
    }
    ranks
}

/// Average precision, 0 to 1: precision at every distinct score, weighted by the recall gained
/// there, without interpolation (as scikit-learn defines it).
///
/// `None` where a class is missing.
///
/// # Errors
/// As [`auroc`].
pub fn average_precision<S: Copy + Into<f64>>(
    truth: &[bool],
    scores: &[S],
) -> Result<Option<f64>, MetricError> {
    let ranking = Ranking::new(truth, scores)?;
    let Some([positives, _]) = ranking.classes() else { return Ok(None) };
    let (mut found, mut called, mut sum) = (0, 0, 0.0);
    for (_, [anomalous, healthy]) in ranking.ties(|_| 1) {
        found += anomalous;
        called += anomalous + healthy;
        sum += anomalous as f64 * found as f64 / called as f64;
    }
    Ok(Some(sum / positives as f64))
}

/// The receiver operating characteristic from (0, 0) to (1, 1), one point per distinct score.
///
/// `None` where a class is missing.
///
/// # Errors
/// As [`auroc`].
pub fn roc_curve<S: Copy + Into<f64>>(
    truth: &[bool],
    scores: &[S],
) -> Result<Option<Vec<RocPoint>>, MetricError> {
    let ranking = Ranking::new(truth, scores)?;
    let Some([positives, negatives]) = ranking.classes() else { return Ok(None) };
    let start = RocPoint { threshold: f64::INFINITY, false_positive_rate: 0.0, true_positive_rate: 0.0 };
    let mut points = vec![start];
    let (mut found, mut wrong) = (0, 0);
    for (threshold, [anomalous, healthy]) in ranking.ties(|_| 1) {
        found += anomalous;
        wrong += healthy;
        points.push(RocPoint {
            threshold,
            false_positive_rate: wrong as f64 / negatives as f64,
            true_positive_rate: found as f64 / positives as f64,
        });
    }
    Ok(Some(points))
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn by_hand() {
        let truth = [false, true, false, true];
        // Of four pairs, two are won, one is tied and one lost.
        assert_eq!(auroc(&truth, &[1.0, 1.0, 2.0, 3.0]), Ok(Some(0.625)));
        // Precision 1/1 at the first find and 2/4 at the second, which is tied with a healthy image.
        assert_eq!(average_precision(&truth, &[1.0, 1.0, 2.0, 3.0]), Ok(Some(0.75)));
        assert_eq!(auroc(&truth, &[0.0f32, 1.0, 0.0, 1.0]), Ok(Some(1.0)));
        assert_eq!(auroc(&truth, &[0.0, -0.0, 0.0, -0.0]), Ok(Some(0.5)));
        assert_eq!(auroc(&truth, &[f64::NEG_INFINITY, 1.0, 0.0, f64::INFINITY]), Ok(Some(1.0)));
    }

    /// `scipy.stats.rankdata([3, 1, 4, 1, 5])`.
    #[test]
    fn ties_share_their_ranks() {
        assert_eq!(midranks(&[3.0, 1.0, 4.0, 1.0, 5.0]), [3.0, 1.5, 4.0, 1.5, 5.0]);
        assert_eq!(midranks(&[0.0, -0.0]), [1.5, 1.5]);
        assert!(midranks(&[]).is_empty());
    }

    #[test]
    fn one_class_has_no_ranking_and_nan_is_refused() {
        assert_eq!(auroc(&[true, true], &[1.0, 2.0]), Ok(None));
        assert_eq!(average_precision(&[true, true], &[1.0, 2.0]), Ok(None));
        assert_eq!(roc_curve(&[false], &[1.0]), Ok(None));
        assert_eq!(auroc(&[true, false], &[1.0, f64::NAN]), Err(MetricError::NotANumber { index: 1 }));
        assert_eq!(auroc::<f64>(&[], &[]), Err(MetricError::Empty));
        assert!(matches!(auroc(&[true], &[1.0, 2.0]), Err(MetricError::Lengths { .. })));
    }

    /// Few distinct scores, so that ties abound.
    fn cases() -> impl Strategy<Value = (Vec<bool>, Vec<f64>)> {
        prop::collection::vec((any::<bool>(), -9..9i32), 2..60)
            .prop_map(|pairs| pairs.into_iter().map(|(t, s)| (t, f64::from(s))).unzip())
    }

    proptest! {
        #[test]
        fn a_resample_is_ranked_as_its_images_are((truth, scores) in cases(), shift in 0..5usize) {
            let times = |i: usize| (i + shift) % 3;
            let drawn: Vec<usize> = (0..truth.len()).flat_map(|i| vec![i; times(i)]).collect();
            let of = |i: &usize| (truth[*i], scores[*i]);
            let (drawn_truth, drawn_scores): (Vec<bool>, Vec<f64>) = drawn.iter().map(of).unzip();
            let expected = auroc(&drawn_truth, &drawn_scores).unwrap_or(None);
            prop_assert_eq!(Ranking::new(&truth, &scores).unwrap().auroc(times), expected);
        }

        #[test]
        fn auroc_flips_with_the_sign((truth, scores) in cases()) {
            let negated: Vec<f64> = scores.iter().map(|s| -s).collect();
            match (auroc(&truth, &scores).unwrap(), auroc(&truth, &negated).unwrap()) {
                (Some(a), Some(b)) => prop_assert!((a + b - 1.0).abs() < 1e-12),
                (a, b) => prop_assert_eq!(a, b),
            }
        }

        #[test]
        fn only_the_order_counts((truth, scores) in cases()) {
            let bent: Vec<f64> = scores.iter().map(|s| (s / 3.0).exp() + 7.0).collect();
            prop_assert_eq!(auroc(&truth, &scores), auroc(&truth, &bent));
            prop_assert_eq!(average_precision(&truth, &scores), average_precision(&truth, &bent));
        }

        #[test]
        fn auroc_is_the_share_of_pairs_won((truth, scores) in cases()) {
            let of = |class: bool| -> Vec<f64> {
                scores.iter().zip(&truth).filter(|(_, t)| **t == class).map(|(s, _)| *s).collect()
            };
            let (positives, negatives) = (of(true), of(false));
            let won: f64 = positives.iter().flat_map(|p| negatives.iter().map(move |n| (p, n)))
                .map(|(p, n)| if p > n { 1.0 } else if p == n { 0.5 } else { 0.0 }).sum();
            let pairs = (positives.len() * negatives.len()) as f64;
            match auroc(&truth, &scores).unwrap() {
                Some(area) => prop_assert!((area - won / pairs).abs() < 1e-12),
                None => prop_assert_eq!(pairs, 0.0),
            }
        }

        #[test]
        fn the_curve_rises_and_encloses_the_area((truth, scores) in cases()) {
            if let Some(points) = roc_curve(&truth, &scores).unwrap() {
                let area: f64 = points.windows(2).map(|w| {
                    assert!(w[1].false_positive_rate >= w[0].false_positive_rate);
                    assert!(w[1].true_positive_rate >= w[0].true_positive_rate);
                    assert!(w[1].threshold < w[0].threshold);
                    (w[1].false_positive_rate - w[0].false_positive_rate)
                        * (w[1].true_positive_rate + w[0].true_positive_rate) / 2.0
                }).sum();
                let last = points[points.len() - 1];
                prop_assert_eq!((last.false_positive_rate, last.true_positive_rate), (1.0, 1.0));
                prop_assert!((area - auroc(&truth, &scores).unwrap().unwrap()).abs() < 1e-12);
            }
        }
    }
}
