use super::*;
use crate::metrics::interval;
use crate::report::tests::fake;

fn noisy(record: &Record, seed: u64) -> Record {
    // Scores of another training: healthy and anomalous images lie two deviations apart, whatever the seed.
    let mut stream = Stream::root(seed);
    let mut record = record.clone();
    let anomalous: Vec<bool> = record.test_images.iter().map(|image| image.defect.is_some()).collect();
    for component in record.detectors.iter_mut().flat_map(|d| &mut d.components) {
        let score = |&anomalous: &bool| stream.normal() + if anomalous { 2.0 } else { 0.0 };
        component.values = anomalous.iter().map(score).collect();
    }
    record
}

/// One detector with one score on every fourth image, and no separation.
fn small() -> Record {
    let mut record = fake::record();
    record.trainings = 1;
    record.detectors.truncate(1);
    record.test_images = record.test_images.into_iter().step_by(4).collect();
    let score = &mut record.detectors[0].components[0];
    score.retrained.clear();
    score.values = score.values.iter().copied().step_by(4).collect();
    record.judged_images.clear();
    record.separations.clear();
    record.named = None;
    record
}

#[test]
fn a_record_is_level_with_itself() {
    let record = fake::record();
    let comparison = compare(&record, &record);
    assert!(comparison.changes.iter().all(|change| change.paired));
    assert!(comparison.changes.len() > 40);
    assert!(comparison.changes.iter().all(|c| c.direction == Direction::Level && c.difference() == 0.0));
    assert!(comparison.only_before.is_empty() && comparison.only_after.is_empty());
}

#[test]
fn a_score_that_lost_its_meaning_is_worse_and_nothing_else_is() {
    let before = fake::record();
    let mut after = before.clone();
    let mut stream = Stream::root(3);
    let score = &mut after.detectors[0].components[0];
    let trainings = std::iter::once(&mut score.values).chain(&mut score.retrained);
    trainings.flatten().for_each(|v| *v = stream.normal());
    let comparison = compare(&before, &after);
    let worse: Vec<&str> = comparison.regressions().map(|c| c.subject.as_str()).collect();
    assert!(worse.contains(&"vae MSE") && worse.iter().all(|s| s.starts_with("vae MSE")), "{worse:?}");
    let back = compare(&after, &before);
    assert_eq!(back.regressions().count(), 0);
    assert_eq!(back.changes.iter().filter(|c| c.direction == Direction::Better).count(), worse.len());
}

#[test]
fn a_score_that_fails_on_a_shift_alone_is_worse_there() {
    let before = fake::record();
    let mut after = before.clone();
    let score = &mut after.shifts[0].points[1].scores[0];
    score.values.iter_mut().flatten().for_each(|v| *v = -*v);
    let worse = |comparison: &Comparison| -> Vec<String> {
        comparison.regressions().map(|change| change.subject.clone()).collect()
    };
    assert_eq!(worse(&compare(&before, &after)), ["vae MSE in wider at 1"]);
    // On another dataset the two are no pair.
    let change = |after: &Record| {
        let changes = compare(&before, after).changes;
        changes.into_iter().find(|change| change.subject == "vae MSE in wider at 1").unwrap()
    };
    let paired = change(&after);
    after.shifts[0].points[1].dataset_fingerprint = "other".into();
    let apart = change(&after);
    assert_eq!([apart.before, apart.after], [paired.before, paired.after]);
    assert!(
        paired.paired
            && !apart.paired
            && apart.interval != paired.interval
            && apart.interval.unwrap()[1] < 0.0,
        "{apart:?}"
    );
    // A record of an earlier version does not hold what was said.
    let mut earlier = before.clone();
    earlier.shifts.iter_mut().flat_map(|shift| &mut shift.points).for_each(|point| {
        point.test_images.clear();
        point.scores.iter_mut().for_each(|score| score.values.clear());
    });
    let comparison = compare(&earlier, &before);
    assert!(comparison.only_after.contains(&"vae MSE in wider at 1 auroc".to_owned()));
}

#[test]
fn calls_that_are_turned_over_are_worse() {
    let before = fake::record();
    let mut after = before.clone();
    let crate::report::record::Outcome::Judged(judgement) = &mut after.separations[0].outcome else {
        panic!()
    };
    judgement.calls.iter_mut().flat_map(|calls| &mut calls.0).for_each(|call| *call = !*call);
    let comparison = compare(&before, &after);
    let worse: Vec<&str> = comparison.regressions().map(|c| c.subject.as_str()).collect();
    assert_eq!(worse, ["vae MSE with isolation forest"]);
}

/// Of 40 pairs of equally good runs 2 are called different in the mean; 7 or more have a probability of 0.3 %.
#[test]
fn chance_is_not_called_a_change() {
    let record = small();
    let other_data = |mut record: Record| {
        record.provenance.dataset_fingerprint = "other".into();
        record
    };
    for other in [|record| record, other_data as fn(Record) -> Record] {
        let alarms = (0..40)
            .filter(|&i| {
                let comparison = compare(&noisy(&record, 2 * i), &other(noisy(&record, 2 * i + 1)));
                comparison.changes.iter().any(|c| c.direction != Direction::Level)
            })
            .count();
        assert!(alarms < 7, "{alarms} of 40");
    }
}

#[test]
fn what_only_one_has_is_named() {
    let (before, after) = (fake::record(), small());
    let comparison = compare(&before, &after);
    assert!(comparison.only_before.contains(&"f-anogan A auroc".to_owned()));
    assert!(comparison.only_after.is_empty());
    assert!(comparison.text(&before, &after).contains("only before: f-anogan A_D auroc"));
}

/// Newcombe (1998), *Statistics in Medicine* 17, 873, table II (a), method 10: 56 of 70 against 48 of 80, from Wilson's
/// intervals of the two.
#[test]
fn independent_intervals_are_joined_as_published() {
    let wilson = |count: f64, of: f64| {
        let (p, z2) = (count / of, interval::NORMAL_97_5 * interval::NORMAL_97_5);
        let half = interval::NORMAL_97_5 * (z2 + 4.0 * count * (1.0 - p)).sqrt();
        let end = |sign: f64| (2.0 * count + z2 + sign * half) / (2.0 * (of + z2));
        let standard_error = (p * (1.0 - p) / of).sqrt();
        Interval { low: end(-1.0), estimate: p, high: end(1.0), standard_error, freedom: of - 1.0 }
    };
    let joined = independent(wilson(48.0, 80.0), wilson(56.0, 70.0));
    assert!((joined.low - 0.0524).abs() < 5e-5 && (joined.high - 0.3339).abs() < 5e-5, "{joined:?}");
}

/// R: `p.adjust(c(0.01, 0.04, 0.03, 0.005), "holm")` is 0.03, 0.06, 0.06, 0.02.
#[test]
fn the_family_is_holms() {
    assert_eq!(stand(&[0.01, 0.04, 0.03, 0.005]), [true, false, false, true]);
    assert_eq!(stand(&[]), [] as [bool; 0]);
}

/// Welch's test in scipy: `scipy.stats.ttest_ind_from_stats(0.8, 0.3, 9, 0.6, 0.1, 4, equal_var=False)`.
#[test]
fn independent_runs_are_tested_as_welch_does() {
    let of = |estimate: f64, deviation: f64, n: f64| {
        let standard_error = deviation / n.sqrt();
        Interval { low: 0.0, estimate, high: 1.0, standard_error, freedom: n - 1.0 }
    };
    let p = independent(of(0.6, 0.1, 4.0), of(0.8, 0.3, 9.0)).p_value();
    assert!((p - 0.101_910_253_562_670_2).abs() < 1e-9, "{p}");
    assert_eq!(independent(of(0.6, 0.0, 4.0), of(0.8, 0.0, 4.0)).p_value(), 0.0);
    assert_eq!(independent(of(0.6, 0.0, 4.0), of(0.6, 0.0, 4.0)).p_value(), 1.0);
}
