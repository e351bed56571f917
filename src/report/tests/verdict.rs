use super::fake::{self, Noise};
use crate::report::record::{Judgement, Outcome, Separation, Share, ShareOfDefect};
use crate::report::{Record, Verdict, verdict};

fn told(record: &Record) -> String {
    let Verdict { headline, bar_met, pair, points } = verdict(record);
    let points: Vec<String> = points.iter().map(|p| format!("{}: {}", p.topic, p.text)).collect();
    format!("{headline}\n[bar met: {bar_met:?}] [pair: {pair:?}]\n{}", points.join("\n"))
        .replace('\u{202f}', " ")
}

/// A record with these cells only, as (representation, separator, found of 40 by two defects, false alarms of 80).
fn with(cells: &[(&str, &str, [usize; 2], usize)], named: bool) -> Record {
    let mut record = fake::record();
    record.trainings = 1;
    record.judged_images.truncate(1);
    record.detectors.truncate(1);
    record.floors.truncate(1);
    if !named {
        record.named = None;
    }
    record.separations = cells
        .iter()
        .map(|&(representation, separator, found, alarms)| Separation {
            representation: representation.into(),
            separator: separator.into(),
            outcome: Outcome::Judged(judgement(found, alarms)),
        })
        .collect();
    record
}

fn judgement(found: [usize; 2], alarms: usize) -> Judgement {
    let detected = Share::new(found[0] + found[1], 80);
    let false_alarms = Share::new(alarms, 80);
    let balanced = 0.5 * (detected.rate + 1.0 - false_alarms.rate);
    let mut judgement = fake::judgement(balanced, &mut Noise::new(1));
    judgement.balanced_accuracy.value = balanced;
    judgement.balanced_accuracy.interval = Some([(balanced - 0.03).max(0.0), (balanced + 0.03).min(1.0)]);
    judgement.accuracy = judgement.balanced_accuracy;
    judgement.oracle_accuracy = balanced.max(1.0 - balanced);
    judgement.detected_by_defect = ["porous", "shift"]
        .into_iter()
        .zip(found)
        .map(|(defect, n)| ShareOfDefect { defect: defect.into(), share: Share::new(n, 40) })
        .collect();
    Judgement { detected, false_alarms, ..judgement }
}

#[test]
fn a_run_for_types_alone_is_told_by_them() {
    let mut record = fake::record();
    record.detectors.clear();
    record.separations.clear();
    record.named = None;
    let share = record.typing.as_ref().unwrap().accuracy.value;
    let headline = verdict(&record).headline;
    let expected = format!("Grouped without labels, {}", crate::report::numbers::percent(share));
    assert!(headline.starts_with(&expected), "{headline}");
}

const NAMED: (&str, &str) = ("f-anogan A", "Gaussian mixture");

#[test]
fn good() {
    insta::assert_snapshot!(told(&with(
        &[(NAMED.0, NAMED.1, [40, 36], 2), ("vae MSE", "k-means", [40, 40], 1)],
        true
    )));
}

#[test]
fn perfect_and_best() {
    insta::assert_snapshot!(told(&with(
        &[(NAMED.0, NAMED.1, [40, 40], 0), ("vae MSE", "k-means", [20, 40], 1)],
        true
    )));
}

#[test]
fn met_but_not_surely() {
    insta::assert_snapshot!(told(&with(&[(NAMED.0, NAMED.1, [36, 36], 14)], true)));
}

#[test]
fn bad() {
    let mut record = with(&[(NAMED.0, NAMED.1, [4, 9], 71), ("vae MSE", "Otsu", [30, 31], 20)], true);
    record.floors[0].auroc.value = 0.999;
    insta::assert_snapshot!(told(&record));
}

#[test]
fn an_unfair_test_is_said_first() {
    let mut record = with(&[("vae MSE", "k-means", [38, 40], 4)], false);
    let audit = record.audit.as_mut().unwrap();
    audit.contract[1].broken = Share::new(3, 200);
    audit.contract[1].largest_levels = Some(2.0);
    let layer = audit.probes[0].unpaired.as_mut().unwrap();
    layer.auroc_by_defect[2].value = 0.874;
    layer.p_value = 0.0006;
    insta::assert_snapshot!(told(&record));
}

#[test]
fn ties() {
    let cells = [("vae MSE", "k-means", [38, 38], 4), ("vae MSE", "Otsu", [39, 37], 4)];
    insta::assert_snapshot!(told(&with(&cells, false)));
    let mut record = with(&[(NAMED.0, NAMED.1, [38, 38], 4), cells[0], cells[1]], true);
    record.interval_method.clear();
    insta::assert_snapshot!(told(&record));
}

#[test]
fn no_named_pair() {
    insta::assert_snapshot!(told(&with(
        &[("vae MSE", "k-means", [38, 40], 4), ("vae MSE", "Otsu", [31, 33], 4)],
        false
    )));
}

#[test]
fn the_named_pair_gave_no_groups() {
    let mut record = with(&[("vae MSE", "k-means", [38, 40], 4)], true);
    record.separations.push(Separation {
        representation: NAMED.0.into(),
        separator: NAMED.1.into(),
        outcome: Outcome::Empty("needs at least 20 rows, and there are 10".into()),
    });
    insta::assert_snapshot!(told(&record));
}

#[test]
fn one_class_only() {
    let mut record = with(&[], false);
    record.test_images.retain(|i| i.defect.is_none());
    for component in record.detectors.iter_mut().flat_map(|d| &mut d.components) {
        component.auroc = None;
    }
    insta::assert_snapshot!(told(&record));
}

/// What is nearly always found has no slope that chance could not have made, and is not what is never found.
#[test]
fn how_faint_tells_what_is_found_anywhere_from_what_is_found_nowhere() {
    use crate::report::record::{DetectionFit, Extent};
    let mut record = fake::record();
    let name =
        record.best_score().map(|(detector, component)| (detector.name.clone(), component.name.clone()));
    let (detector, component) = name.unwrap();
    let detectors = record.detectors.iter_mut().filter(|of| of.name == detector);
    let component = detectors.flat_map(|of| &mut of.components).find(|of| of.name == component).unwrap();
    let known = component.detectability.as_mut().unwrap();
    known.defects.truncate(4);
    let found = |slope, a90_95| DetectionFit::Found { intercept: 4.0, slope, a90: None, a90_95 };
    let fits = [found(0.2, None), DetectionFit::Gap([2.9, 3.1]), found(0.2, Some(99.0)), found(-1.5, None)];
    for (of, fit) in known.defects.iter_mut().zip(fits) {
        of.found = Share::new(106, 107);
        let curve = of.curves.iter_mut().find(|curve| curve.extent == Extent::CnrImage).unwrap();
        (curve.range, curve.fit) = ([4.0, 22.0], fit);
    }
    let names: Vec<String> = known.defects.iter().map(|of| of.defect.clone()).collect();
    let said = verdict(&record).points.into_iter().find(|point| point.topic == "How faint").unwrap().text;
    let said = said.replace('\u{202f}', " ");
    let [level, sharp, never, falling] = &names[..] else { panic!("{names:?}") };
    assert!(said.contains(&format!("No trend with contrast was seen for {level} (99.1 % found).")), "{said}");
    assert!(
        said.contains(&format!("Stronger contrast was not found more often for {falling} (99.1 % found).")),
        "{said}"
    );
    assert!(said.contains(&format!("part sharply for {sharp} (2.9 to 3.1).")), "{said}");
    assert!(said.contains(&format!("surely find nine of ten images of {never}.")), "{said}");
}
