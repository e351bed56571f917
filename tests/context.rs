//! What a printer knows of a layer beside its image: which part it prints, and the layers before.
#![allow(clippy::unwrap_used)]

mod program;

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::Path;

use generators::dataset::{Dataset, Row, Split};
use program::synthgen;
use synthgen::data::{self, Context};
use tempfile::TempDir;

/// Each job prints one of three parts; one of them is for testing only, one for training only.
const SCENARIO: &str = r#"
name = "small"
seed = 3
[camera]
image_px = 16
range_c = [20.0, 90.0]
[bed]
fit = true
parts = "one"
temperature_c = { uniform = [40.0, 46.0] }
texture = { kind = "cloud", amplitude_c = 1.0, feature_mm = 10.0 }
[print]
temperature_c = 67.0
texture = { kind = "cloud", amplitude_c = 1.0, feature_mm = 6.0 }
[layers]
height_mm = 0.6
max = 40
[thermal]
retain = 0.4
[[part]]
file = "core.stl"
pose = "random"
[[part]]
file = "bracket.stl"
use = "training"
[[part]]
file = "lattice.stl"
use = "test"
[dataset]
training_jobs = 8
validation_jobs = 4
test_jobs = 8
history = true
[[defect]]
kind = "striation"
layers = { uniform = [2, 4] }
cnr = 12.0
width_mm = 8.0
[[defect]]
kind = "heat-buildup"
layers = 5
cnr = 6.0
"#;

fn generate(scenario: &str, threads: usize) -> (TempDir, Dataset) {
    let folder = TempDir::new().unwrap();
    fs::write(folder.path().join("small.toml"), scenario).unwrap();
    let parts = Path::new(env!("CARGO_MANIFEST_DIR")).join("scenarios/parts");
    for part in ["core.stl", "bracket.stl", "lattice.stl"] {
        fs::copy(parts.join(part), folder.path().join(part)).unwrap();
    }
    let mut command = synthgen(folder.path());
    command.env("RAYON_NUM_THREADS", threads.to_string());
    command.args(["generate", "small.toml", "--out", "run"]).assert().success();
    let dataset = Dataset::open(&folder.path().join("run/dataset")).unwrap();
    (folder, dataset)
}

fn of(dataset: &Dataset, split: Split) -> impl Iterator<Item = &Row> {
    dataset.rows().iter().filter(move |row| row.split == split)
}

#[test]
fn each_job_prints_one_part_and_never_one_of_the_other_side() {
    let (_folder, dataset) = generate(SCENARIO, 2);
    let printed = |split: Split| -> BTreeSet<u32> {
        let mut of_job: BTreeMap<u32, BTreeSet<u32>> = BTreeMap::new();
        for row in of(&dataset, split) {
            of_job.entry(row.job).or_default().insert(row.parameters["part"] as u32);
        }
        assert!(of_job.values().all(|parts| parts.len() == 1), "{of_job:?}");
        of_job.into_values().flatten().collect()
    };
    let training: BTreeSet<u32> = printed(Split::Train).union(&printed(Split::Validation)).copied().collect();
    assert_eq!(training, [1, 2].into());
    assert_eq!(printed(Split::Test), [1, 3].into());
    assert_eq!(printed(Split::History), [1, 3].into());
    // The highest part has all 40 layers, the others end below.
    let layers = |part: u32| {
        let rows = dataset.rows().iter().filter(move |row| row.parameters["part"] as u32 == part);
        rows.map(|row| row.layer).max().unwrap()
    };
    assert!(layers(3) > layers(2) && layers(2) > layers(1));
    // One copy lies on the bed.
    assert!(dataset.rows().iter().all(|row| !row.parameters.contains_key("copy2.x_mm")));
}

#[test]
fn the_history_fills_the_test_jobs_and_nothing_else() {
    let (_folder, dataset) = generate(SCENARIO, 1);
    for job in of(&dataset, Split::Test).map(|row| row.job).collect::<BTreeSet<u32>>() {
        let healthy = |split: Split| -> BTreeSet<u32> {
            let rows = of(&dataset, split).filter(|row| row.job == job && row.defect.is_none());
            rows.map(|row| row.layer).collect()
        };
        let (test, history) = (healthy(Split::Test), healthy(Split::History));
        assert!(test.is_disjoint(&history));
        // Every layer up to the last test image is there.
        let last = *test.last().unwrap();
        let all: BTreeSet<u32> = test.union(&history).copied().collect();
        assert!((0..=last).all(|layer| all.contains(&layer)), "job {job}: {all:?}");
        assert_eq!(all.last(), Some(&last));
    }
    assert!(of(&dataset, Split::History).count() > 0);
    for row in of(&dataset, Split::History) {
        assert!(row.file.starts_with("history/good/") && row.defect.is_none() && row.twin.is_none());
        assert!(dataset.manifest().files.contains_key(&row.file));
    }
    assert_eq!(dataset.manifest().images["history"], of(&dataset, Split::History).count());

    // It changes no other image.
    let (_other, without) = generate(&SCENARIO.replace("history = true", ""), 2);
    assert_eq!(of(&without, Split::History).count(), 0);
    let with = |row: &&Row| row.split != Split::History;
    assert!(dataset.rows().iter().filter(with).eq(without.rows()));
    for row in without.rows() {
        assert_eq!(without.manifest().files[&row.file], dataset.manifest().files[&row.file]);
    }
}

#[test]
fn the_past_of_a_layer_is_the_layer_before_it_in_the_same_branch_of_its_job() {
    let (_folder, dataset) = generate(SCENARIO, 2);
    let context = Context { slice: true, layers: 2 };
    assert_eq!((context.channels(), context.slices()), (5, 3));
    for split in [Split::Train, Split::Validation, Split::Test] {
        let set = data::load(&dataset, split, 2).unwrap();
        assert!(set.knows(context) && !set.knows(Context { slice: false, layers: 3 }));
        let rows: Vec<&Row> = of(&dataset, split).collect();
        assert_eq!(set.len(), rows.len());
        let mut anomalous = 0;
        for (index, row) in rows.iter().enumerate() {
            let before = |back: u32| {
                let layer = row.layer.checked_sub(back)?;
                let of_layer = |defect: Option<&str>| {
                    let rows = dataset.rows().iter();
                    rows.clone().find(|r| (r.job, r.layer, r.defect.as_deref()) == (row.job, layer, defect))
                };
                of_layer(row.defect.as_deref()).or_else(|| of_layer(None))
            };
            anomalous += usize::from(row.defect.is_some() && before(1).unwrap().defect == row.defect);
            let read = |file: Option<&String>| file.map(|file| dataset.read(file).unwrap());
            let channels: Vec<Option<Vec<f32>>> =
                set.context(index, context).map(|channel| channel.map(<[f32]>::to_vec)).collect();
            let expected = [
                read(Some(&row.nominal)),
                read(before(1).map(|r| &r.nominal)),
                read(before(2).map(|r| &r.nominal)),
                read(before(1).map(|r| &r.file)),
                read(before(2).map(|r| &r.file)),
            ];
            assert!(channels == expected, "{}", row.file);
        }
        assert!(split != Split::Test || anomalous > 8, "{anomalous}");
        // In another order the past goes with its image.
        let reversed: Vec<usize> = (0..set.len()).rev().collect();
        let other = set.select(&reversed);
        assert!(other.context(0, context).eq(set.context(set.len() - 1, context)));
    }
}

#[test]
fn a_side_without_a_part_is_refused() {
    let scenario = SCENARIO.replace("pose = \"random\"", "use = \"training\"").replace("use = \"test\"", "");
    let scenario = scenario.replace("file = \"lattice.stl\"", "file = \"lattice.stl\"\nuse = \"training\"");
    let folder = TempDir::new().unwrap();
    fs::write(folder.path().join("small.toml"), scenario).unwrap();
    let parts = Path::new(env!("CARGO_MANIFEST_DIR")).join("scenarios/parts");
    for part in ["core.stl", "bracket.stl", "lattice.stl"] {
        fs::copy(parts.join(part), folder.path().join(part)).unwrap();
    }
    let checked = synthgen(folder.path()).args(["check", "small.toml"]).assert().code(2);
    let output = checked.get_output().clone();
    let text = String::from_utf8(output.stderr).unwrap();
    assert!(text.contains("no [[part]] is left for the 8 test jobs"), "{text}");
    assert!(text.contains("use = \"any\" or use = \"test\""), "{text}");
}

#[test]
fn a_run_tells_parts_of_the_training_from_others() {
    let scenario = SCENARIO.replace("image_px = 16", "image_px = 32")
        + "[[detector]]\nkind = \"context\"\nchannels = 2\nsteps = 20\n[[separator]]\nkind = \"otsu\"\n";
    let (folder, _) = generate(&scenario, 2);
    synthgen(folder.path()).args(["small.toml", "--out", "run"]).assert().success();
    let record: serde_json::Value =
        serde_json::from_slice(&fs::read(folder.path().join("run/record.json")).unwrap()).unwrap();
    let unseen: Vec<bool> =
        (record["scenario"]["parts"].as_array().unwrap().iter()).map(|p| p["unseen"] == true).collect();
    assert_eq!(unseen, [false, false, true]);
    // The second part is printed in training jobs only, so that each of the other two stands alone.
    let on = record["detectors"][0]["components"][0]["on_parts"].as_array().unwrap();
    assert_eq!(on.iter().map(|on| on["parts"].to_string()).collect::<Vec<_>>(), ["[0]", "[2]"]);
    // The model scores the run's images as the run did, and says what it lacks of images that lie anywhere.
    let score = |images: &str| {
        synthgen(folder.path()).args(["score", "run/models/context", images, "--out", "scored"]).assert()
    };
    score("run").success();
    let table = fs::read_to_string(folder.path().join("scored/scores.csv")).unwrap();
    let scored: Vec<f32> =
        table.lines().skip(1).map(|line| line.split(',').nth(1).unwrap().parse().unwrap()).collect();
    let of_run = record["detectors"][0]["components"][0]["values"].as_array().unwrap();
    let of_run: Vec<f32> = of_run.iter().map(|value| value.as_f64().unwrap() as f32).collect();
    assert_eq!(scored, of_run);
    let refused = score("run/dataset/test/good").code(2).get_output().clone();
    let text = String::from_utf8(refused.stderr).unwrap();
    assert!(text.contains("the nominal slice of each image and the 4 layers before it"), "{text}");
    assert!(text.contains("name one run or dataset"), "{text}");
    let page = fs::read_to_string(folder.path().join("run/report.html")).unwrap();
    assert!(
        page.contains("On parts never seen") && page.contains("lattice<br><small>not in training</small>")
    );
}
