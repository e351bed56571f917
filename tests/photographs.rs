//! Photographs of a process in the scenario: detectors are trained on them too, and judged by them.
#![allow(clippy::unwrap_used)]

mod program;
mod tiny;

use std::fs;
use std::path::Path;

use program::synthgen;
use tempfile::TempDir;

const PHOTOGRAPHS: &str = r#"
[photographs]
healthy = "photographs/dataset/test/good"
anomalous = "photographs/dataset/test/striation"
masks = "photographs/dataset/ground_truth/striation"
views = 2
"#;

/// A folder with the tiny scenario, `photographs` in it as asked, and photographs that another seed made of the same process.
fn workshop(photographs: &str) -> TempDir {
    let scenario = [tiny::DATA, tiny::VAE, "[[separator]]\nkind = \"otsu\"\n"].concat();
    let folder = tiny::folder(&scenario);
    let arguments = ["generate", "tiny.toml", "--seed", "6", "--out", "photographs"];
    synthgen(folder.path()).args(arguments).assert().success();
    fs::write(folder.path().join("tiny.toml"), scenario + photographs).unwrap();
    folder
}

fn record(folder: &Path) -> serde_json::Value {
    serde_json::from_slice(&fs::read(folder.join("reports/tiny/record.json")).unwrap()).unwrap()
}

#[test]
fn every_detector_is_trained_three_times_and_judged_on_photographs_that_no_training_saw() {
    let folder = workshop(PHOTOGRAPHS);
    synthgen(folder.path()).arg("tiny.toml").assert().success();
    let record = record(folder.path());
    let photographs = &record["photographs"];
    let count = |what: &str| usize::try_from(photographs[what].as_u64().unwrap()).unwrap();
    let healthy = fs::read_dir(folder.path().join("photographs/dataset/test/good")).unwrap().count();
    let anomalous = fs::read_dir(folder.path().join("photographs/dataset/test/striation")).unwrap().count();
    assert_eq!(count("training") + count("validation") + count("healthy"), healthy);
    assert_eq!(count("anomalous"), anomalous);

    let results = photographs["results"].as_array().unwrap();
    let trained_on: Vec<_> = results.iter().map(|r| r["trained_on"].as_str().unwrap()).collect();
    assert_eq!(trained_on, ["synthetic", "photographs", "both"]);
    let images: Vec<_> = results.iter().map(|r| r["images"].as_u64().unwrap()).collect();
    let synthetic = record["dataset"]["splits"][0]["images"].as_u64().unwrap();
    assert_eq!(images, [synthetic, count("training") as u64, 2 * synthetic.max(count("training") as u64)]);
    for result in results {
        for score in result["scores"].as_array().unwrap() {
            // The area by counting pairs; the healthy photographs come first.
            let values: Vec<f64> =
                score["values"].as_array().unwrap().iter().map(|v| v.as_f64().unwrap()).collect();
            let (low, high) = values.split_at(count("healthy"));
            let pairs = high.iter().flat_map(|h| low.iter().map(move |l| (h, l)));
            let won: f64 = pairs
                .map(|(h, l)| {
                    if h > l {
                        1.0
                    } else if h < l {
                        0.0
                    } else {
                        0.5
                    }
                })
                .sum();
            let area = won / (low.len() * high.len()) as f64;
            assert!((score["auroc"]["value"].as_f64().unwrap() - area).abs() < 1e-12);
            assert_eq!(score.get("gain").is_some(), result["trained_on"] != "photographs", "{score}");
        }
        assert!(result["pixels"]["aupro"].is_object() || result["pixels"]["aupro"].is_number());
    }

    // What was trained on synthetic images says of a photograph what `score` says of the file.
    let model = "reports/tiny/models/vae";
    let file = "photographs/dataset/test/striation";
    synthgen(folder.path()).args(["score", model, file, "--out", "scored"]).assert().success();
    let table = fs::read_to_string(folder.path().join("scored/scores.csv")).unwrap();
    let values = results[0]["scores"][0]["values"].as_array().unwrap();
    for (line, value) in table.lines().skip(1).zip(&values[count("healthy")..]) {
        let said: f32 = line.split(',').nth(1).unwrap().parse().unwrap();
        assert_eq!(f64::from(said), value.as_f64().unwrap(), "{line}");
    }
    let page = fs::read_to_string(folder.path().join("reports/tiny/report.html")).unwrap();
    assert!(page.contains("On photographs") && page.contains("vae, both"));
}

#[test]
fn photographs_that_do_not_go_together_are_refused_with_the_reason() {
    let refused = |from: &str, to: &str| {
        assert!(PHOTOGRAPHS.contains(from), "{from}");
        let folder = workshop(&PHOTOGRAPHS.replace(from, to));
        let said = |arguments: &[&str]| {
            let output = synthgen(folder.path()).args(arguments).assert().code(2).get_output().clone();
            String::from_utf8(output.stderr).unwrap()
        };
        let message = said(&["tiny.toml"]);
        assert!(!folder.path().join("reports").exists(), "told before anything is made");
        assert!(message.ends_with(&said(&["check", "tiny.toml"])), "{message}");
        message
    };
    let message = refused("test/good\"", "test/none\"");
    assert!(
        message.contains("tiny.toml:")
            && message.contains("there is no folder photographs/dataset/test/none"),
        "{message}"
    );
    let message = refused("dataset/ground_truth/striation", "dataset/nominal");
    assert!(message.contains("masks for") && message.contains("anomalous photographs"), "{message}");
    let message = refused("dataset/ground_truth/striation", "dataset/test/striation");
    assert!(message.contains("holds no masks"), "{message}");
    let message = refused("views = 2", "views = 1000");
    assert!(message.contains("too few parts"), "{message}");
    let message = refused("dataset/test/striation", "dataset/test");
    assert!(message.contains("lie in folders below it"), "{message}");
}

#[test]
fn masks_that_call_nearly_everything_anomalous_need_a_word() {
    let folder = workshop("");
    let path = folder.path();
    fs::create_dir(path.join("inverted")).unwrap();
    for mask in fs::read_dir(path.join("photographs/dataset/ground_truth/striation")).unwrap() {
        let mask = mask.unwrap();
        let mut picture = image::open(mask.path()).unwrap();
        picture.invert();
        picture.save(path.join("inverted").join(mask.file_name())).unwrap();
    }
    let text = fs::read_to_string(path.join("tiny.toml")).unwrap();
    let said = PHOTOGRAPHS.replacen("photographs/dataset/ground_truth/striation", "inverted", 1);
    let check = |more: &str| {
        fs::write(path.join("tiny.toml"), [&text, &said, more].concat()).unwrap();
        synthgen(path).args(["check", "tiny.toml"]).output().unwrap()
    };
    let refused = check("");
    assert_eq!(refused.status.code(), Some(2));
    let message = String::from_utf8(refused.stderr).unwrap();
    assert!(message.contains("are white; write anomalous_is = \"black\""), "{message}");
    for shade in ["black", "white"] {
        assert!(check(&format!("anomalous_is = \"{shade}\"\n")).status.success(), "{shade}");
    }
}

/// A mistake that a fresh run would meet after it has thrown away what was there.
#[test]
fn nothing_is_discarded_for_photographs_that_cannot_be_used() {
    let folder = workshop(PHOTOGRAPHS);
    let path = folder.path();
    synthgen(path).args(["generate", "tiny.toml"]).assert().success();
    let manifest = path.join("reports/tiny/dataset/manifest.json");
    let before = fs::read(&manifest).unwrap();
    let text = fs::read_to_string(path.join("tiny.toml")).unwrap();
    fs::write(path.join("tiny.toml"), text.replacen("views = 2", "views = 1000", 1)).unwrap();
    synthgen(path).args(["tiny.toml", "--seed", "9", "--fresh"]).assert().code(2);
    assert!(fs::read(&manifest).unwrap() == before);
}

#[test]
fn detectors_that_know_the_drawing_are_not_for_photographs() {
    let folder = workshop(PHOTOGRAPHS);
    let path = folder.path().join("tiny.toml");
    let text = fs::read_to_string(&path).unwrap();
    fs::write(&path, text.replacen("kind = \"vae\"", "kind = \"vae\"\ncontext = { slice = true }", 1))
        .unwrap();
    let output = synthgen(folder.path()).args(["check", "tiny.toml"]).assert().code(2).get_output().clone();
    let text = String::from_utf8(output.stderr).unwrap();
    assert!(text.contains("`vae` knows the drawing, and photographs come without"), "{text}");
}
