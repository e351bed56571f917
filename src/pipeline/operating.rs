//! Thresholds found without labels, and what the labels say of them.

use generators::stream::Stream;

use super::judge::{Truth, estimate, select, wide};
use super::separate::Halves;
use crate::metrics::MetricError;
use crate::metrics::classification::Confusion;
use crate::metrics::cost::{self, Costs};
use crate::metrics::decisions::Decisions;
use crate::metrics::delay::{self, Call};
use crate::metrics::interval::Design;
use crate::plan::Named;
use crate::report::record::{Delay, Estimate, Operating, OperatingPoint, Operation, Share};
use crate::thresholds::saved::{SavedThreshold, SavedThresholds};
use crate::thresholds::{Calibration, Threshold};

/// Where both errors weigh the same in each class, least cost is best balanced accuracy.
const BALANCED: Costs = Costs { scrap: 1.0, escape: 1.0, defective: 0.5 };

/// A score of a detector.
pub struct Score<'a> {
    /// What it says of the test images.
    pub test: &'a [f32],
    /// What it says of healthy images that nobody trained on.
    pub healthy: &'a [f32],
}

/// Finds every threshold of the scenario for a score and judges it; and the best that the labels can find.
///
/// A threshold is found on the healthy images and, where it wants unlabelled ones, on the half of the test images that separators
/// are fitted on; it is judged on the other.
///
/// # Errors
/// Where a score is not a number.
pub fn points(
    score: &Score<'_>,
    thresholds: &[Named<dyn Threshold>],
    truth: &Truth<'_>,
    Halves { fit, judge }: &Halves,
    stream: &Stream,
) -> Result<(Vec<Operating>, Option<OperatingPoint>), MetricError> {
    let (test, healthy) = (wide(score.test), wide(score.healthy));
    let calibration = Calibration { healthy: &healthy, unlabelled: &select(&test, fit) };
    let judged = Judged {
        truth,
        anomalous: select(&truth.anomalous(), judge),
        scores: select(&test, judge),
        judge,
        stream,
    };
    let mut points = Vec::new();
    for threshold in thresholds {
        let outcome = match threshold.item.fit(&calibration) {
            Ok(value) => judged.at(value, threshold.item.costs())?.map_or_else(
                || Operation::None("the test images that judge are all healthy or all defective".to_owned()),
                Operation::Found,
            ),
            Err(reason) => Operation::None(reason.to_string()),
        };
        points.push(Operating { threshold: threshold.name.clone(), outcome });
    }
    let best = cost::OperatingPoint::oracle(&judged.anomalous, &judged.scores, &BALANCED)?;
    let oracle = best.map(|best| judged.at(best.threshold, None)).transpose()?.flatten();
    Ok((points, oracle))
}

/// The test images that judge.
struct Judged<'a> {
    truth: &'a Truth<'a>,
    /// Whether each is anomalous, and its score.
    anomalous: Vec<bool>,
    scores: Vec<f64>,
    /// Which of the test images they are.
    judge: &'a [usize],
    stream: &'a Stream,
}

impl Judged<'_> {
    /// What comes of a threshold; `None` where a class is missing.
    fn at(&self, value: f64, costs: Option<Costs>) -> Result<Option<OperatingPoint>, MetricError> {
        let called: Vec<bool> = self.scores.iter().map(|&score| score > value).collect();
        let place = select(&self.truth.place, self.judge);
        let rates = rates(&called, &self.anomalous, &place, self.truth.jobs, self.stream)?;
        let Some([false_alarm_rate, detection_rate]) = rates else { return Ok(None) };
        let least = costs.map(|costs| cost::OperatingPoint::oracle(&self.anomalous, &self.scores, &costs));
        Ok(Some(OperatingPoint {
            // What is infinite cannot be written.
            value: value.clamp(f64::MIN, f64::MAX),
            false_alarm_rate,
            detection_rate,
            cost_per_layer: costs
                .map(|costs| costs.per_layer(false_alarm_rate.value, 1.0 - detection_rate.value)),
            least_cost_per_layer: least.transpose()?.flatten().map(|best| best.cost_per_layer),
            delays: self.truth.defects.iter().filter_map(|defect| self.delay(defect, &called)).collect(),
        }))
    }

    /// How soon the episodes of one defect are detected; `None` where none of its images judges.
    fn delay(&self, defect: &str, called: &[bool]) -> Option<Delay> {
        // A job holds at most one episode of a defect.
        let calls: Vec<Call> = self
            .judge
            .iter()
            .zip(called)
            .map(|(&i, &anomalous)| (&self.truth.images[i], anomalous))
            .filter(|(image, _)| image.defect.as_deref() == Some(defect))
            .map(|(image, anomalous)| Call { episode: image.job, layer: image.layer, anomalous })
            .collect();
        let delay = delay::Delay::of(&calls)?;
        Some(Delay {
            defect: defect.to_owned(),
            images: Share::new(calls.iter().filter(|call| call.anomalous).count(), calls.len()),
            episodes: Share::new(delay.detected, delay.episodes),
            median_layers: delay.median_layers,
        })
    }
}

/// The shares of the healthy and of the defective images that were called anomalous, with intervals over jobs; `None` where a class is
/// missing. `place` is that of each image's job among all `jobs`.
///
/// # Errors
/// Where there is no image.
pub fn rates(
    called: &[bool],
    anomalous: &[bool],
    place: &[usize],
    jobs: usize,
    stream: &Stream,
) -> Result<Option<[Estimate; 2]>, MetricError> {
    let mut decisions = Decisions::default();
    decisions.add((0, 0), anomalous, called, place)?;
    let rate = |figure: fn(&Confusion) -> Option<f64>| {
        estimate(Design::jobs(jobs), stream, |drawn| decisions.mean(drawn, figure))
    };
    Ok(rate(Confusion::false_alarm_rate)
        .zip(rate(Confusion::sensitivity))
        .map(|(false_alarms, detected)| [false_alarms, detected]))
}

/// What is kept of thresholds beside the model: (score, its thresholds) in the detector's order, and the anomaly maps of
/// healthy images.
pub fn saved<'a>(
    scores: impl Iterator<Item = (&'a str, &'a [Operating])>,
    healthy_maps: &[f32],
) -> SavedThresholds {
    let found = |(score, points): (&str, &[Operating])| -> Vec<SavedThreshold> {
        let entry = |point: &Operating| match &point.outcome {
            Operation::Found(found) => Some(SavedThreshold {
                score: score.to_owned(),
                threshold: point.threshold.clone(),
                value: found.value,
            }),
            Operation::None(_) => None,
        };
        points.iter().filter_map(entry).collect()
    };
    SavedThresholds { thresholds: scores.flat_map(found).collect(), healthy_map_top: top(healthy_maps) }
}

/// The value that one in a thousand exceeds.
pub fn top(values: &[f32]) -> Option<f32> {
    let mut values = values.to_vec();
    let place = values.len().checked_sub(1 + values.len() / 1000)?;
    let (_, top, _) = values.select_nth_unstable_by(place, f32::total_cmp);
    Some(top.max(f32::MIN_POSITIVE))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::plan::default_thresholds;
    use crate::report::record::TestImage;

    /// Ten jobs with ten healthy layers each, scores 0 to 9, and an episode of four layers, scores 6, 8, 20 and 20.
    #[test]
    fn rates_and_delays_by_hand() {
        let (mut images, mut scores) = (Vec::new(), Vec::new());
        for job in 0..10 {
            for layer in 0..10u8 {
                images.push(TestImage { job, layer: layer.into(), ..Default::default() });
                scores.push(f32::from(layer));
            }
            for (layer, score) in [(3, 6.0), (4, 8.0), (5, 20.0), (6, 20.0)] {
                let defect = Some("porous".to_owned());
                images.push(TestImage { job, layer, defect, ..Default::default() });
                scores.push(score);
            }
        }
        let truth = Truth::new(&images, &["porous", "shift"]);
        let healthy: Vec<f32> = (0..1001u16).map(|i| f32::from(i) / 100.0).collect();
        let score = Score { test: &scores, healthy: &healthy };
        let (fit, judge): (Vec<usize>, Vec<usize>) = (0..images.len()).partition(|&i| truth.job[i] < 5);
        let (points, oracle) =
            points(&score, &default_thresholds().unwrap(), &truth, &Halves { fit, judge }, &Stream::root(1))
                .unwrap();
        let [Operating { outcome: Operation::Found(point), .. }] = &points[..] else { panic!("{points:?}") };
        // The quantile 0.99 of 0 to 10.
        assert!((point.value - 9.9).abs() < 1e-6);
        assert_eq!((point.false_alarm_rate.value, point.detection_rate.value), (0.0, 0.5));
        assert_eq!(point.false_alarm_rate.interval, None, "no alarm in any job");
        let [porous] = &point.delays[..] else { panic!("no image of a shift judges: {:?}", point.delays) };
        assert_eq!((porous.images.count, porous.images.of), (10, 20));
        assert_eq!((porous.episodes.count, porous.episodes.of, porous.median_layers), (5, 5, Some(3.0)));
        // Above 5 lie all of the defective and four in ten of the healthy images, a sum of 0.4 errors; above 7 it is 0.45, above 9 0.5.
        let oracle = oracle.unwrap();
        assert_eq!((oracle.false_alarm_rate.value, oracle.detection_rate.value), (0.4, 1.0));
        let kept = saved([("A", &points[..])].into_iter(), &[1.0; 10]);
        assert_eq!((kept.thresholds.len(), kept.healthy_map_top), (1, Some(1.0)));
    }
}
