use std::path::Path;

use super::fake;
use crate::report::Record;
use crate::report::record::{FILE, RecordError, StageTime};

#[test]
fn what_was_saved_is_read_back() {
    let run = tempfile::tempdir().unwrap();
    let record = fake::record();
    let path = record.save(run.path()).unwrap();
    assert_eq!(path, run.path().join(FILE));
    assert_eq!(Record::read(&run.path().join(FILE)).unwrap(), record);
    let first = std::fs::read(&path).unwrap();
    record.save(run.path()).unwrap();
    assert_eq!(std::fs::read(&path).unwrap(), first, "the order is stable");
    let copy = run.path().join("before.json");
    std::fs::rename(&path, &copy).unwrap();
    assert_eq!(Record::read(&copy).unwrap(), record, "a copy of another name");
    std::fs::rename(&copy, &path).unwrap();
    let left: Vec<_> = std::fs::read_dir(run.path()).unwrap().map(|e| e.unwrap().file_name()).collect();
    assert_eq!(left, [FILE], "no temporary file is left");
    assert!(!String::from_utf8(first).unwrap().contains("null"));
}

#[test]
fn a_finished_run_that_is_run_again_took_as_long_as_it_did() {
    let earlier = fake::record();
    let mut again = earlier.clone();
    let kept = |stage: &StageTime| ["vae", "f-anogan"].contains(&&*stage.stage);
    for stage in &mut again.provenance.stages {
        stage.wall_secs = 0.1;
    }
    again.provenance.peak_memory_mib = Some(1.0);
    let quick = again.clone();
    again.goes_on_from(&earlier);
    for (now, then) in again.provenance.stages.iter().zip(&earlier.provenance.stages) {
        assert_eq!(now.wall_secs, if kept(now) { then.wall_secs } else { 0.1 }, "{}", now.stage);
    }
    assert_eq!(again.provenance.stages.iter().filter(|stage| kept(stage)).count(), 2);
    assert_eq!(again.provenance.peak_memory_mib, earlier.provenance.peak_memory_mib);
    for change in [
        |record: &mut Record| record.scenario.seed += 1,
        |record: &mut Record| record.provenance.dataset_fingerprint.push('0'),
        |record: &mut Record| record.provenance.machine.threads += 1,
        |record: &mut Record| record.provenance.git_commit = None,
    ] {
        let (mut other, mut now) = (earlier.clone(), quick.clone());
        change(&mut other);
        now.goes_on_from(&other);
        assert_eq!(now, quick, "another run");
    }
}

fn message(json: &str) -> String {
    let run = tempfile::tempdir().unwrap();
    std::fs::write(run.path().join(FILE), json).unwrap();
    let error = Record::read(&run.path().join(FILE)).unwrap_err().to_string();
    error.replace(&run.path().display().to_string(), "RUN").replace('\\', "/")
}

#[test]
fn another_version_or_a_broken_record_is_refused() {
    assert_eq!(
        message(r#"{ "version": 1, "something": "else" }"#),
        "RUN/record.json has version 1, and this program reads 2 to 3: use the synthgen that wrote it, or run the scenario again"
    );
    assert_eq!(
        message("{}"),
        "RUN/record.json is not a record of a run: missing field `version` at line 1 column 2"
    );
    assert!(matches!(Record::read(Path::new("no-such-run")), Err(RecordError::Missing { .. })));
}

#[test]
fn a_number_that_json_cannot_hold_is_named() {
    let run = tempfile::tempdir().unwrap();
    let mut record = fake::record();
    record.detectors[1].components[2].values[3] = f64::NAN;
    let error = record.save(run.path()).unwrap_err().to_string();
    assert_eq!(error, "the record's detectors[1].components[2].values[3] is not a finite number");
    assert_eq!(std::fs::read_dir(run.path()).unwrap().count(), 0);
}

#[test]
fn contradictions_are_refused() {
    let refused = |change: fn(&mut Record)| {
        let mut record = fake::record();
        change(&mut record);
        record.check().unwrap_err()
    };
    assert_eq!(
        refused(|r| r.detectors[0].components[0].values.truncate(9)),
        "vae MSE has 9 scores for 400 of 400 test images"
    );
    assert_eq!(
        refused(|r| r.shifts[1].points[0].scores[1].values[1].truncate(9)),
        "f-anogan A in another part at 1 has not one score for each of 400 images in 2 trainings"
    );
    assert_eq!(
        refused(|r| r.test_images[0].defect = Some("crack".into())),
        "the defect crack of a test image is not among the dataset's"
    );
    let calls = refused(|r| match &mut r.separations[0].outcome {
        crate::report::record::Outcome::Judged(judgement) => judgement.calls[4].0.truncate(9),
        crate::report::record::Outcome::Empty(_) => {}
    });
    assert_eq!(calls, "vae MSE with isolation forest has 9 calls for 320 judged images");
    let calls = refused(|r| match &mut r.separations[0].outcome {
        crate::report::record::Outcome::Judged(judgement) => judgement.calls.truncate(5),
        crate::report::record::Outcome::Empty(_) => {}
    });
    assert_eq!(calls, "vae MSE with isolation forest was judged 5 times and not 6 times");
    assert_eq!(refused(|r| r.trainings = 0), "it is of no training");
    assert_eq!(refused(|r| r.trainings = 3), "vae MSE has scores of 2 trainings of 3");
    assert_eq!(
        refused(|r| r.named.as_mut().unwrap().separator = "dbscan".into()),
        "the named pair f-anogan A with dbscan is not in the table"
    );
}
