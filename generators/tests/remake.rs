//! Any image of a dataset can be made again from the dataset alone: with every stage of the process on, so that
//! it depends on all the layers before it, and with faults and temperatures.
#![allow(clippy::unwrap_used, reason = "a panic is how a test fails")]

mod workshop;

use std::collections::BTreeSet;
use std::path::Path;

use generators::dataset::{DatasetError, Origin};
use generators::params::Table;
use generators::scenario::Scenario;
use workshop::write;

/// `scenarios/process.toml`, smaller, with a job as the camera delivers it.
fn scenario() -> Scenario {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("../scenarios");
    let mut text = std::fs::read_to_string(folder.join("process.toml")).unwrap();
    for (from, to) in [
        ("image_px = 128", "image_px = 48"),
        ("training_jobs = 4", "training_jobs = 1\nscreening_jobs = 1\ntemperature = \"tiff\""),
        ("test_jobs = 2", "test_jobs = 1"),
    ] {
        assert!(text.contains(from), "{from}");
        text = text.replacen(from, to, 1);
    }
    text += "\n[[fault]]\nkind = \"hand\"\n\n[[fault]]\nkind = \"repeated-frame\"\n";
    let mut table = Table::parse("process.toml", &text).unwrap();
    let scenario = Scenario::read(&mut table, &folder).unwrap();
    table.finish().unwrap();
    scenario
}

#[test]
fn an_image_is_made_again_with_all_that_shows_its_layer() {
    let folder = tempfile::tempdir().unwrap();
    let dataset = write(&scenario().resolve().unwrap(), &folder.path().join("dataset"), 2).unwrap();
    let mut labels = BTreeSet::new();
    let some = dataset.rows().iter().enumerate().filter(|(i, row)| i % 9 == 0 || row.fault.is_some());
    for (_, row) in some {
        labels.insert((row.split.name(), row.defect.is_some(), row.fault.is_some()));
        let origin = Origin::of(&dataset.path(&row.file)).unwrap();
        assert_eq!((origin.row.job, origin.row.layer), (row.job, row.layer));
        let again = tempfile::tempdir().unwrap();
        let remade = origin.remake(&origin.production().unwrap(), again.path()).unwrap();
        let names: BTreeSet<&str> = remade.iter().map(|file| file.file.as_str()).collect();
        for name in row.files() {
            assert!(names.contains(name), "{}: {name} was not made", row.file);
        }
        for file in remade {
            assert!(file.same, "{}: {} is another", row.file, file.file);
            let [was, is] = [dataset.path(&file.file), again.path().join(&file.file)];
            assert!(std::fs::read(was).unwrap() == std::fs::read(is).unwrap(), "{}", file.file);
        }
    }
    let image = dataset.path(&dataset.rows()[0].file);
    let origin = Origin::of(&image).unwrap();
    for inside in ["", "test", "test/again"] {
        let refused = origin.remake(&origin.production().unwrap(), &dataset.path(inside));
        assert!(matches!(refused, Err(DatasetError::InsideAnother { .. })), "into the dataset {inside}");
    }
    // What is called as a file of a dataset makes none.
    let own = folder.path().join("own");
    std::fs::create_dir_all(own.join("jobs")).unwrap();
    std::fs::write(own.join("manifest.json"), "{}").unwrap();
    assert!(origin.remake(&origin.production().unwrap(), &own).unwrap().iter().all(|file| file.same));
    for label in [("test", false, false), ("test", true, false), ("screening", false, true)] {
        assert!(labels.contains(&label), "{label:?} is not among {labels:?}");
    }
}

#[test]
fn what_is_of_no_dataset_is_refused() {
    let folder = tempfile::tempdir().unwrap();
    std::fs::write(folder.path().join("photo.png"), "no matter what").unwrap();
    for image in ["photo.png", "missing.png"] {
        let refused = Origin::of(&folder.path().join(image));
        assert!(matches!(refused, Err(DatasetError::NoImageOfADataset { .. })), "{image}");
    }
}
