//! The scenarios that come with the program, and a small run with what the study of Zeiser et al. 2023 needs.
#![allow(clippy::unwrap_used)]

mod program;

use std::fs;
use std::path::{Path, PathBuf};

use program::synthgen;
use serde_json::Value;

fn scenarios() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("scenarios")
}

#[test]
fn every_scenario_can_be_run() {
    let files = fs::read_dir(scenarios()).unwrap().map(|entry| entry.unwrap().path());
    let files: Vec<PathBuf> = files.filter(|file| file.extension().is_some_and(|e| e == "toml")).collect();
    for name in ["zeiser.toml", "zeiser-small.toml"] {
        assert!(files.iter().any(|file| file.ends_with(name)), "{name} is missing");
    }
    for file in files {
        synthgen(&scenarios()).arg("check").arg(&file).assert().success();
    }
}

/// A run whose detectors see averaged images, one of which searches, with figures of a paper beside its own.
fn study() -> String {
    let part = scenarios().join("parts/core.stl");
    let detector = "latent = 4\nchannels = 2\nbatch = 4\nsteps = 6\n";
    format!(
        r#"
seed = 5
[camera]
image_px = 32
range_c = [20.0, 90.0]
[bed]
fit = true
temperature_c = 43.0
[bed.texture]
kind = "cloud"
[print]
temperature_c = 67.0
[print.texture]
kind = "grain"
[layers]
height_mm = 0.6
max = 12
[[part]]
file = {part:?}
[dataset]
training_jobs = 3
validation_jobs = 1
test_jobs = 6
[[defect]]
kind = "striation"
layers = 2
[[defect]]
kind = "shift"
layers = 2
distance_mm = 12.0
[[detector]]
kind = "vae"
{detector}
[[detector]]
kind = "f-anogan"
image_px = 16
{detector}encoder = {{ steps = 6, batch = 4 }}
[[detector]]
kind = "anogan"
image_px = 16
steps = 5
images = 8
[[separator]]
kind = "k-means"
[[separator]]
kind = "otsu"
[[reference]]
representation = "f-anogan A"
separators = ["k-means", "otsu"]
accuracy = [0.953, 0.954]
source = "Zeiser et al. 2023, Table 2"
[[reference]]
representation = "f-anogan stack"
separators = ["otsu"]
missing = "used on one number per image only"
source = "Zeiser et al. 2023, Table 2"
[[reference]]
detector = "f-anogan"
networks = ["critic", "generator"]
parameters = 5697347
source = "Zeiser et al. 2023, Table 1"
"#
    )
}

#[test]
fn a_slow_detector_scores_some_images_and_figures_of_a_paper_stand_beside_ours() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("study.toml");
    fs::write(&file, study()).unwrap();
    let run = folder.path().join("run");
    let start = || synthgen(folder.path()).arg(&file).arg("--out").arg(&run).assert().success();
    start();
    let record = || -> Value { serde_json::from_slice(&fs::read(run.join("record.json")).unwrap()).unwrap() };
    let found = record();
    let images = found["test_images"].as_array().unwrap();
    let searching = &found["detectors"][2];
    let scored: Vec<usize> =
        searching["scored_images"].as_array().unwrap().iter().map(|i| i.as_u64().unwrap() as usize).collect();
    let defective = scored.iter().filter(|&&image| images[image].get("defect").is_some()).count();
    assert_eq!((images.len() > 8, scored.len(), defective), (true, 8, 4));
    for component in searching["components"].as_array().unwrap() {
        assert_eq!(component["values"].as_array().unwrap().len(), 8);
    }
    assert_eq!(searching["base"], "f-anogan");
    assert_eq!(found["references"]["cells"].as_array().unwrap().len(), 3);
    let page = fs::read_to_string(run.join("report.html")).unwrap();
    for text in ["paper 95.3", "paper n/a", "8 of", "paper 5\u{202f}697\u{202f}347"] {
        assert!(page.contains(text), "{text}");
    }

    // Searches that are finished are read, and give the same scores.
    start();
    let again = record();
    let scores = |record: &Value| record["detectors"][2]["components"].clone();
    assert_eq!(scores(&again), scores(&found));

    // A model that sees averaged images scores those of the run, to the same numbers.
    let out = folder.path().join("scored");
    let model = run.join("models/f-anogan");
    synthgen(folder.path()).arg("score").arg(model).arg(&run).arg("--out").arg(&out).assert().success();
    let table = fs::read_to_string(out.join("scores.csv")).unwrap();
    let value: f64 = table.lines().nth(1).unwrap().split(',').nth(1).unwrap().parse().unwrap();
    let expected = found["detectors"][1]["components"][0]["values"][0].as_f64().unwrap();
    assert!((value - expected).abs() <= 1e-6 * expected, "{value} for {expected}");
}
