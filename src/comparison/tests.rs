use super::*;
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
    record.detectors.truncate(1);
    record.test_images = record.test_images.into_iter().step_by(4).collect();
    let score = &mut record.detectors[0].components[0];
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
    assert!(comparison.paired);
    assert!(comparison.changes.len() > 40);
    assert!(comparison.changes.iter().all(|c| c.direction == Direction::Level && c.difference() == 0.0));
    assert!(comparison.only_before.is_empty() && comparison.only_after.is_empty());
}

#[test]
fn a_score_that_lost_its_meaning_is_worse_and_nothing_else_is() {
    let before = fake::record();
    let mut after = before.clone();
    let mut stream = Stream::root(3);
    after.detectors[0].components[0].values.iter_mut().for_each(|v| *v = stream.normal());
    let comparison = compare(&before, &after);
    let worse: Vec<&str> = comparison.regressions().map(|c| c.subject.as_str()).collect();
    assert!(worse.contains(&"vae MSE") && worse.iter().all(|s| s.starts_with("vae MSE")), "{worse:?}");
    let back = compare(&after, &before);
    assert_eq!(back.regressions().count(), 0);
    assert_eq!(back.changes.iter().filter(|c| c.direction == Direction::Better).count(), worse.len());
}

#[test]
fn calls_that_are_turned_over_are_worse() {
    let before = fake::record();
    let mut after = before.clone();
    let crate::report::record::Outcome::Judged(judgement) = &mut after.separations[0].outcome else {
        panic!()
    };
    judgement.calls.0.iter_mut().for_each(|call| *call = !*call);
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
        let (p, z2) = (count / of, NORMAL_97_5 * NORMAL_97_5);
        let half = NORMAL_97_5 * (z2 + 4.0 * count * (1.0 - p)).sqrt();
        let end = |sign: f64| (2.0 * count + z2 + sign * half) / (2.0 * (of + z2));
        Interval { low: end(-1.0), estimate: p, high: end(1.0) }
    };
    let [low, high] = recovered(wilson(48.0, 80.0), wilson(56.0, 70.0));
    assert!((low - 0.0524).abs() < 5e-5 && (high - 0.3339).abs() < 5e-5, "{low} {high}");
}

/// R: `p.adjust(c(0.01, 0.04, 0.03, 0.005), "holm")` is 0.03, 0.06, 0.06, 0.02.
#[test]
fn the_family_is_holms() {
    assert_eq!(stand(&[0.01, 0.04, 0.03, 0.005]), [true, false, false, true]);
    assert_eq!(stand(&[]), [] as [bool; 0]);
}

/// scipy: `2 * scipy.stats.t.sf(0.1 / (0.1 / norm.ppf(0.975) * np.sqrt(10 / 9)), 9)`.
#[test]
fn few_jobs_prove_less() {
    let p = p_value(0.1, [0.0, 0.2], 10);
    assert!((p - 0.095_907_278_6).abs() < 1e-9, "{p}");
    assert!((p_value(-0.1, [-0.2, 0.0], 100_000) - 0.05).abs() < 1e-4);
    assert_eq!(p_value(0.0, [0.0, 0.0], 10), 1.0);
    assert_eq!(p_value(0.1, [0.1, 0.1], 10), 0.0);
}
