//! Screening jobs: what the camera delivered of a whole job, with everything that went wrong.
#![allow(clippy::unwrap_used, reason = "a panic is how a test fails")]

mod workshop;

use std::ops::ControlFlow;

use generators::dataset::{self, Dataset, Row, Split};
use generators::job::{self, NothingShows, Recorded};
use workshop::{SCENARIO, resolve};

const FAULTS: &str = r#"
[[fault]]
kind = "blank"
layers = { uniform = [1, 2] }
[[fault]]
kind = "repeated-frame"
name = "frozen"
layers = 3
noise = 0.0
[[fault]]
kind = "impulse-noise"
"#;

/// The workshop's scenario with screening jobs.
fn screened(faults: &str) -> String {
    SCENARIO.replacen("test_jobs = 4", "test_jobs = 4\nscreening_jobs = 3", 1) + faults
}

/// The images of every screening job.
fn recordings(text: &str) -> Vec<Vec<Recorded>> {
    let production = resolve(text).unwrap();
    let jobs = production.jobs().into_iter().filter(|job| job.split == Split::Screening);
    let record = |job| {
        let mut recorded = Vec::new();
        job::record::<NothingShows>(&production, &job, |image| {
            recorded.push(image);
            Ok(())
        })
        .unwrap();
        recorded
    };
    jobs.map(record).collect()
}

#[test]
fn a_recording_has_every_layer_once_and_everything_in_it_once() {
    for recorded in recordings(&screened(FAULTS)) {
        assert_eq!(recorded.iter().map(|r| r.layer).collect::<Vec<_>>(), (0..24).collect::<Vec<_>>());
        assert!(recorded[0].fault.is_none() && recorded[0].defect.is_none());
        for name in ["blank", "frozen", "impulse-noise"] {
            let layers: Vec<usize> =
                recorded.iter().filter(|r| r.fault.as_deref() == Some(name)).map(|r| r.layer).collect();
            let asked = recorded[layers[0]].shot.parameters["fault.layers"] as usize;
            assert_eq!(layers, (layers[0]..layers[0] + asked).collect::<Vec<_>>(), "{name}");
        }
        for name in ["spot", "moody"] {
            let shown = recorded.iter().filter(|r| r.defect.as_deref() == Some(name));
            let (after, during): (Vec<_>, Vec<_>) = shown.partition(|r| r.afterglow);
            assert!((2..=4).contains(&during.len()), "{name}: {}", during.len());
            assert!(after.iter().all(|r| r.mask.as_ref().unwrap().count() == 0));
        }
        assert!(recorded.iter().all(|r| r.mask.is_some() == (r.defect.is_some() || r.fault.is_some())));
    }
}

#[test]
fn the_process_goes_on_below_a_fault() {
    let other = FAULTS.replace("kind = \"blank\"", "kind = \"saturated\"\nname = \"blank\"");
    for (a, b) in recordings(&screened(FAULTS)).iter().zip(recordings(&screened(&other))) {
        for (a, b) in a.iter().zip(&b) {
            assert_eq!(a.fault, b.fault);
            assert_eq!(a.shot.grey == b.shot.grey, a.fault.as_deref() != Some("blank"), "layer {}", a.layer);
        }
    }
}

#[test]
fn a_frozen_camera_repeats_the_last_image_before_it_froze() {
    for recorded in recordings(&screened(FAULTS)) {
        let first = recorded.iter().position(|r| r.fault.as_deref() == Some("frozen")).unwrap();
        for image in &recorded[first..first + 3] {
            assert!(image.shot.grey == recorded[first - 1].shot.grey);
        }
        assert!(recorded[first + 3..].iter().all(|r| r.shot.grey != recorded[first - 1].shot.grey));
    }
}

#[test]
fn the_dataset_holds_recordings_whose_names_say_nothing_and_the_other_splits_stay() {
    let folder = tempfile::tempdir().unwrap();
    let write = |text: &str, name: &str| -> Dataset {
        let production = resolve(text).unwrap();
        let folder = folder.path().join(name);
        dataset::write(&production, &folder, None, &|_| ControlFlow::Continue(())).unwrap();
        Dataset::open(&folder).unwrap()
    };
    let (plain, with) = (write(SCENARIO, "plain"), write(&screened(FAULTS), "screened"));
    let recorded: Vec<&Row> = with.rows().iter().filter(|r| r.split == Split::Screening).collect();
    assert_eq!((recorded.len(), with.manifest().images["screening"]), (3 * 24, 3 * 24));
    for row in &recorded {
        let stem = format!("job{:04}/job{0:04}_layer{:04}", row.job, row.layer);
        assert_eq!(row.file, format!("screening/{stem}.png"));
        let mask =
            (row.defect.is_some() || row.fault.is_some()).then(|| format!("screening_masks/{stem}_mask.png"));
        assert_eq!(row.mask, mask);
        if row.fault.is_some() {
            let mask = with.read(row.mask.as_deref().unwrap()).unwrap();
            assert_eq!(mask.iter().filter(|&&v| v == 1.0).count() as f64, row.parameters["fault.area_px"]);
        }
    }
    for (file, hash) in plain.manifest().files.iter().filter(|(file, _)| file.ends_with(".png")) {
        assert_eq!(with.manifest().files.get(file), Some(hash), "{file}");
    }
}

#[test]
fn mistakes_are_named_where_they_stand() {
    let message = |text: &str| resolve(text).err().unwrap();
    assert_eq!(
        message(&screened("")),
        "s.toml:30:18: `screening_jobs` is 3 but there is no [[fault]] to screen for"
    );
    assert_eq!(
        message(&screened("[[fault]]\nkind = \"blank\"\nname = \"spot\"\n")),
        "s.toml:41:8: `spot` is the label of other images; give the fault another `name`"
    );
    assert_eq!(
        message(&screened("[[fault]]\nkind = \"blank\"\nlayers = 8\n")),
        "s.toml:41:10: an episode of 8 layers does not fit: in a screening job 3 defects and faults share 24 \
         printed layers, 7 each; shorten `layers`, lower [layers] height_mm or raise [layers] max"
    );
    let silent = screened("[[fault]]\nkind = \"shifted-frame\"\ndisplacement = 0.0\n");
    let production = resolve(&silent).unwrap();
    let job = production.jobs().into_iter().find(|job| job.split == Split::Screening).unwrap();
    assert!(job::record::<NothingShows>(&production, &job, |_| Ok(())).is_ok(), "a pixel is the least");
    let dark = screened("[[fault]]\nkind = \"stuck-bit\"\nbit = 1\nstuck = \"low\"\n");
    let dark = dark.replacen("range_c = [20.0, 90.0]", "range_c = [20.0, 90.0]\ninvert = false", 1).replacen(
        "[print]\ntemperature_c = { uniform = [66.0, 69.0] }",
        "[print]\ntemperature_c = 44.0",
        1,
    );
    let production = resolve(&dark).unwrap();
    let job = production.jobs().into_iter().find(|job| job.split == Split::Screening).unwrap();
    let error = job::record::<NothingShows>(&production, &job, |_| Ok(())).unwrap_err().to_string();
    assert_eq!(
        error,
        "`stuck-bit` never showed in 50 attempts in job 8, where a pixel is 1.17 mm wide: the image stayed as it \
         was; make the fault stronger"
    );
}
