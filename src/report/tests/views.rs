//! What other programs read of a record.

use std::io::Write;

use parquet::file::reader::{FileReader, SerializedFileReader};
use parquet::record::Field;

use super::fake;
use crate::report::measures::{Scores, Subjects, measured, measures};
use crate::report::record::{Bound, Gate, Outcome, Record, Share};
use crate::report::{bencher, junit, scores};

fn gate(subject: &str, measure: &str, bound: Bound) -> Gate {
    Gate { subject: subject.into(), measure: measure.into(), bound, value: None }
}

fn gated() -> Record {
    let mut record = fake::record();
    let gates = [
        gate("f-anogan A", "auroc", Bound::AtLeast(0.5)),
        gate("f-anogan A with Gaussian mixture on shift", "detection_rate", Bound::AtLeast(0.999)),
        gate("run", "leaks", Bound::AtMost(0.0)),
        gate("vae MSE on shift <&> \"crack\"", "auroc", Bound::AtLeast(0.5)),
    ];
    record.gates = measured(&gates, &record);
    record
}

#[test]
fn the_gates_are_measured() {
    let record = gated();
    let held: Vec<bool> = record.gates.iter().map(Gate::holds).collect();
    assert_eq!(held, [true, false, true, false]);
    let (_, component) = record.components().find(|(d, _)| d.name == "f-anogan").unwrap();
    assert_eq!(record.gates[0].value, component.auroc.map(|auroc| auroc.value));
    assert_eq!(record.gates[3].value, None, "what cannot be measured does not pass");
}

#[test]
fn every_measure_has_the_name_that_a_scenario_may_state() {
    let record = fake::record();
    let scores: Vec<(&str, Vec<&str>)> = record
        .detectors
        .iter()
        .map(|d| (d.name.as_str(), d.components.iter().map(|c| c.name.as_str()).collect()))
        .collect();
    let names = Subjects {
        detectors: &scores
            .iter()
            .map(|(detector, names)| Scores { detector, names, in_shifts: true })
            .collect::<Vec<_>>(),
        representations: &record.representations.iter().map(|r| r.name.clone()).collect::<Vec<_>>(),
        separators: &record.separators.iter().map(String::as_str).collect::<Vec<_>>(),
        defects: &record.defects(),
        thresholds: &["conformal"],
        shifted: &[],
        typing: true,
    }
    .names();
    let mut stated: Vec<(&str, &str)> =
        names.iter().flat_map(|(subject, of)| of.iter().map(|m| (subject.as_str(), *m))).collect();
    let empty = |subject: &str| {
        record.separations.iter().any(|cell| {
            matches!(cell.outcome, Outcome::Empty(_))
                && subject.starts_with(&format!("{} with {}", cell.representation, cell.separator))
        })
    };
    stated.retain(|(subject, _)| !empty(subject));
    let mut found = measures(&record);
    // Not every score of the record was tried on its shifts.
    let shifted =
        ["vae MSE in wider at 3", "vae MSE above conformal in wider at 3", "f-anogan A in another part at 1"];
    assert!(shifted.iter().all(|name| found.iter().any(|m| m.subject == *name)));
    found.retain(|m| !m.subject.contains(" in "));
    let mut found: Vec<(&str, &str)> = found.iter().map(|m| (m.subject.as_str(), m.name)).collect();
    stated.sort_unstable();
    found.sort_unstable();
    assert_eq!(found, stated);
}

#[test]
fn benchmarking_services_get_every_measure() {
    let json = bencher::json(&fake::record());
    let count: usize = json.as_object().unwrap().values().map(|s| s.as_object().unwrap().len()).sum();
    assert_eq!(count, measures(&fake::record()).len());
    insta::assert_json_snapshot!(json["f-anogan A with k-means"]);
}

#[test]
fn ci_services_get_every_check() {
    insta::assert_snapshot!(junit::xml(&gated()));
}

/// Nobody demands the bar of the named pair nor a fair test, so that neither is red where the exit status is 0.
#[test]
fn only_what_a_gate_demands_fails() {
    let mut record = gated();
    record.gates.retain(Gate::holds);
    record.named.as_mut().unwrap().least_balanced_accuracy = Some(0.999);
    record.audit.as_mut().unwrap().contract[1].broken = Share::new(3, 200);
    let xml = junit::xml(&record).replace('\u{202f}', " ");
    assert!(xml.contains("failures=\"0\" errors=\"0\" skipped=\"2\""), "{xml}");
    assert!(xml.contains("<skipped message=\"The pair was named in the scenario before the run."), "{xml}");
    assert!(
        xml.contains("; the bar of 99.9 % is missed") && xml.contains("</system-out></testcase>"),
        "{xml}"
    );
}

type Rows = Vec<parquet::record::Row>;

fn rows(bytes: &[u8]) -> Rows {
    let file = tempfile::tempfile().unwrap();
    (&file).write_all(bytes).unwrap();
    let reader = SerializedFileReader::new(file).unwrap();
    reader.get_row_iter(None).unwrap().map(Result::unwrap).collect()
}

fn of(row: &parquet::record::Row, column: &str) -> Field {
    row.get_column_iter().find(|(name, _)| *name == column).map(|(_, field)| field.clone()).unwrap()
}

#[test]
fn every_score_can_be_read_back() {
    let record = fake::record();
    let bytes = scores::parquet(&record).unwrap();
    assert_eq!(bytes, scores::parquet(&record).unwrap());
    let rows = rows(&bytes);
    assert_eq!(rows.len(), record.test_images.len());
    let (detector, component) = record.components().last().unwrap();
    let score = format!("{} {}", detector.name, component.name);
    for (at, (row, image)) in rows.iter().zip(&record.test_images).enumerate() {
        assert_eq!(of(row, "file"), Field::Str(image.id.clone()));
        assert_eq!(of(row, "defect"), image.defect.clone().map_or(Field::Null, Field::Str));
        assert_eq!(of(row, &score), Field::Double(component.values[at]));
        let again = of(row, &format!("{score}, training 2"));
        assert_eq!(again, Field::Double(component.retrained[0][at]));
    }
}

#[test]
fn every_score_on_a_shift_can_be_read_back() {
    let record = fake::record();
    let rows = rows(&scores::shifts_parquet(&record).unwrap().unwrap());
    let mut rows = rows.iter();
    for shift in &record.shifts {
        for point in &shift.points {
            for (at, image) in point.test_images.iter().enumerate() {
                let row = rows.next().unwrap();
                assert_eq!(of(row, "shift"), Field::Str(shift.name.clone()));
                assert_eq!(of(row, "width"), Field::Double(point.width));
                assert_eq!(of(row, "file"), Field::Str(image.id.clone()));
                for score in &point.scores {
                    let name = format!("{} {}", score.detector, score.score);
                    assert_eq!(of(row, &name), Field::Double(score.values[0][at]));
                    assert_eq!(of(row, &format!("{name}, training 2")), Field::Double(score.values[1][at]));
                }
            }
        }
    }
    assert!(rows.next().is_none());
    let mut without = record;
    without.shifts.clear();
    assert_eq!(scores::shifts_parquet(&without).unwrap(), None);
}

#[test]
fn every_call_can_be_read_back() {
    let record = fake::record();
    let rows = rows(&scores::calls_parquet(&record).unwrap());
    let (cell, judgement) = record.judged().last().unwrap();
    let pair = format!("{} with {}", cell.representation, cell.separator);
    let mut rows = rows.iter();
    for training in 0..record.trainings {
        for (separation, images) in record.judged_images.iter().enumerate() {
            let calls = &judgement.calls[training * record.judged_images.len() + separation];
            for (&image, &call) in images.iter().zip(&calls.0) {
                let row = rows.next().unwrap();
                assert_eq!(of(row, "training"), Field::Int(training as i32 + 1));
                assert_eq!(of(row, "separation"), Field::Int(separation as i32 + 1));
                assert_eq!(of(row, "file"), Field::Str(record.test_images[image].id.clone()));
                assert_eq!(of(row, &pair), Field::Bool(call));
            }
        }
    }
    assert!(rows.next().is_none());
}

#[test]
fn a_collapse_of_any_training_is_counted() {
    let mut record = fake::record();
    let collapses = |record: &Record| {
        let measures = measures(record);
        let of = measures.iter().find(|m| m.subject == record.detectors[1].name && m.name == "collapses");
        of.unwrap().estimate.value
    };
    let before = collapses(&record);
    let collapse = record.detectors[1].collapses[0].clone();
    record.detectors[1].retrainings[0].collapses.push(collapse);
    assert_eq!(collapses(&record), before + 1.0);
}
