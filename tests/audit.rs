//! `synthgen audit` on generated datasets: clean ones pass, tampered copies do not.
#![allow(clippy::unwrap_used, reason = "a panic is how a test fails")]

mod program;

use std::fs;
use std::path::{Path, PathBuf};

use image::GrayImage;
use program::synthgen;
use tempfile::TempDir;

const SCENARIO: &str = r#"
name = "small"
seed = 8
[camera]
image_px = 32
range_c = [20.0, 90.0]
blur_px = 0.6
[bed]
fit = true
temperature_c = { uniform = [42.0, 44.0] }
texture = { kind = "cloud", amplitude_c = 1.0, feature_mm = 10.0 }
[print]
temperature_c = { uniform = [66.0, 69.0], jitter = { normal = [0.0, 0.4] } }
texture = { kind = "cloud", amplitude_c = 1.0, feature_mm = 6.0 }
[layers]
height_mm = 0.6
max = 12
[[part]]
file = "core.stl"
[dataset]
training_jobs = 1
validation_jobs = 0
test_jobs = 14
[[defect]]
kind = "agglomerate"
layers = 2
cnr = 12.0
radius_mm = 5.0
[[defect]]
kind = "foreign-object"
layers = 2
cnr = 12.0
radius_mm = 5.0
"#;

/// A folder with the dataset of the scenario, changed as asked, in `run/dataset`.
fn generated(changes: &[(&str, &str)]) -> TempDir {
    let folder = TempDir::new().unwrap();
    let text = changes.iter().fold(SCENARIO.to_owned(), |text, (from, to)| {
        assert!(text.contains(from), "{from}");
        text.replace(from, to)
    });
    fs::write(folder.path().join("small.toml"), text).unwrap();
    let parts = Path::new(env!("CARGO_MANIFEST_DIR")).join("scenarios/parts");
    fs::copy(parts.join("core.stl"), folder.path().join("core.stl")).unwrap();
    synthgen(folder.path()).args(["generate", "small.toml", "--out", "run"]).assert().success();
    folder
}

/// What the audit of `run` prints on either channel.
fn audit(folder: &Path, arguments: &[&str], status: i32) -> [String; 2] {
    let output = synthgen(folder).arg("audit").args(arguments).assert().code(status).get_output().clone();
    [output.stdout, output.stderr].map(|text| String::from_utf8(text).unwrap())
}

/// The files of the anomalous images below `run/dataset`, as `agglomerate/job0003_layer0004.png`.
fn anomalous(folder: &Path) -> Vec<String> {
    let mut names = Vec::new();
    for defect in ["agglomerate", "foreign-object"] {
        for entry in fs::read_dir(folder.join("run/dataset/test").join(defect)).unwrap() {
            names.push(format!("{defect}/{}", entry.unwrap().file_name().into_string().unwrap()));
        }
    }
    names.sort_unstable();
    names
}

/// Changes an anomalous image, and its change map with it where `openly`.
fn tamper(folder: &Path, name: &str, openly: bool, change: impl Fn(&mut GrayImage)) {
    let dataset = folder.join("run/dataset");
    let read = |path: &PathBuf| image::open(path).unwrap().to_luma8();
    let path = dataset.join("test").join(name);
    let mut image = read(&path);
    change(&mut image);
    image.save(&path).unwrap();
    if openly {
        let twin = read(&dataset.join("test/good").join(name.split_once('/').unwrap().1));
        for (pixel, other) in image.iter_mut().zip(twin.iter()) {
            *pixel = pixel.abs_diff(*other);
        }
        image.save(dataset.join("change").join(name)).unwrap();
    }
}

#[test]
fn a_generated_dataset_is_clean_and_the_verdict_stands() {
    let folder = generated(&[]);
    let [table, errors] = audit(folder.path(), &["run", "--json", "audit.json"], 0);
    assert!(table.contains("56 anomalous images") && table.contains("No leak was found"), "{table}");
    assert_eq!(errors, "");
    let json = fs::read(folder.path().join("audit.json")).unwrap();
    let value: serde_json::Value = serde_json::from_slice(&json).unwrap();
    assert_eq!(value["jobs"], 14);
    assert!(value["floors"].as_array().unwrap().len() > 3);
    let outside = &value["probes"].as_array().unwrap()[7];
    assert_eq!(outside["name"], "mean outside the mask");
    assert!(outside["unequal"]["of"].as_u64().unwrap() > 40, "most pairs have an outside: {outside}");
    let again = audit(folder.path(), &["run/dataset", "--json", "again.json", "--threads", "1"], 0);
    assert_eq!(again, [table, errors]);
    assert_eq!(fs::read(folder.path().join("again.json")).unwrap(), json);
}

#[test]
fn anomalous_images_that_are_a_level_brighter_leak() {
    let folder = generated(&[]);
    for name in anomalous(folder.path()) {
        tamper(folder.path(), &name, true, |image| image.iter_mut().for_each(|v| *v = v.saturating_add(1)));
    }
    let [table, errors] = audit(folder.path(), &["run"], 3);
    assert!(errors.contains("the test set leaks its labels"), "{errors}");
    for expected in [
        "LEAK  Broken: the image outside the defect’s reach",
        "by up to 1 grey level.",
        "LEAK  Mean outside the mask tells",
    ] {
        assert!(table.contains(expected), "{expected}: {table}");
    }
    assert!(!table.contains("LEAK  Broken: the change map"), "{table}");
}

#[test]
fn one_pixel_in_one_image_leaks() {
    let folder = generated(&[]);
    let name = &anomalous(folder.path())[9];
    // A corner: the part and its defects are in the middle.
    tamper(folder.path(), name, false, |image| image.get_pixel_mut(0, 0).0[0] ^= 4);
    let [table, _] = audit(folder.path(), &["run"], 3);
    assert!(table.contains("LEAK  Broken: the change map is |image − twin|, in 1 of 56 pairs"), "{table}");
    assert!(table.contains("LEAK  Broken: the image outside the defect’s reach, in 1 of"), "{table}");
}

#[test]
fn what_cannot_be_audited_is_said() {
    let folder = TempDir::new().unwrap();
    let [_, message] = audit(folder.path(), &["none"], 2);
    assert!(message.contains("there is no complete dataset in none"), "{message}");
    let folder = generated(&[("test_jobs = 14", "test_jobs = 1")]);
    let [_, message] = audit(folder.path(), &["run"], 2);
    assert!(message.contains("come from one print job"), "{message}");
    let folder = generated(&[("test_jobs = 14", "test_jobs = 0")]);
    let [_, message] = audit(folder.path(), &["run", "--json", "audit.json"], 2);
    assert!(message.contains("no anomalous test image"), "{message}");
    assert!(!folder.path().join("audit.json").exists());
}

/// The scenario that users begin with, at more test jobs than it has, so that the audit is sharper.
#[test]
fn the_quickstart_is_clean() {
    let scenarios = Path::new(env!("CARGO_MANIFEST_DIR")).join("scenarios");
    let mut text = fs::read_to_string(scenarios.join("quickstart.toml")).unwrap();
    for (key, count) in [("training_jobs", 1), ("validation_jobs", 0), ("test_jobs", 80)] {
        let line = text.lines().find(|line| line.starts_with(key)).unwrap().to_owned();
        text = text.replace(&line, &format!("{key} = {count}"));
    }
    text = text.replace("parts/core.stl", &scenarios.join("parts/core.stl").display().to_string());
    let folder = TempDir::new().unwrap();
    fs::write(folder.path().join("quickstart.toml"), text).unwrap();
    synthgen(folder.path()).args(["generate", "quickstart.toml", "--out", "run"]).assert().success();
    let [table, _] = audit(folder.path(), &["run"], 0);
    println!("{table}");
}
