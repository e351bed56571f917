//! Trained detectors on a process that varies more or less than in training, and on another part.
#![allow(clippy::unwrap_used)]

mod program;
mod tiny;

use std::collections::BTreeMap;
use std::fs;
use std::path::Path;

use program::synthgen;
use serde_json::Value;
use tempfile::TempDir;

const SHIFTS: &str = r#"
[[shift]]
name = "wider"
widths = [3, 0.5]
[[shift]]
name = "another part"
test_jobs = 4
[[shift.part]]
file = "lattice.stl"
[[claim]]
better = "vae A_R"
than = "vae A_R in wider at 3"
"#;

/// A folder with the tiny scenario in which something is drawn, `more` behind it, and a second part.
fn workshop(more: &str) -> TempDir {
    let drawn = tiny::DATA
        .replace("temperature_c = 67.0", "temperature_c = { uniform = [66.0, 68.0] }")
        .replace("[layers]", "[thermal]\nretain = { uniform = [0.2, 0.4] }\n[layers]")
        // Large enough for either part.
        .replace("fit = true", "size_mm = 90");
    let named = "[separation.named]\nrepresentation = \"vae A_R\"\nseparator = \"otsu\"\n";
    let folder = tiny::folder(&[&drawn, tiny::VAE, "[[separator]]\nkind = \"otsu\"\n", named, more].concat());
    let part = Path::new(env!("CARGO_MANIFEST_DIR")).join("scenarios/parts/lattice.stl");
    fs::copy(part, folder.path().join("lattice.stl")).unwrap();
    folder
}

fn record(folder: &Path, run: &str) -> Value {
    serde_json::from_slice(&fs::read(folder.join(run).join("record.json")).unwrap()).unwrap()
}

/// Area under the ROC curve by counting pairs.
fn area(healthy: &[f64], anomalous: &[f64]) -> f64 {
    let pairs = anomalous.iter().flat_map(|a| healthy.iter().map(move |h| (a, h)));
    let won = pairs.map(|(a, h)| if a > h { 1.0 } else { f64::from(u8::from(a == h)) / 2.0 });
    won.sum::<f64>() / (healthy.len() * anomalous.len()) as f64
}

fn sorted(mut values: Vec<f64>) -> Vec<f64> {
    values.sort_by(f64::total_cmp);
    values
}

#[test]
fn shifts_are_judged_by_what_was_trained_and_move_nothing_else() {
    let folder = workshop(SHIFTS);
    let path = folder.path();
    synthgen(path).arg("tiny.toml").assert().success();
    let run = "reports/tiny";
    let found = record(path, run);
    let shifts = found["shifts"].as_array().unwrap();
    let widths = |shift: &Value| -> Vec<f64> {
        shift["points"].as_array().unwrap().iter().map(|p| p["width"].as_f64().unwrap()).collect()
    };
    assert_eq!(shifts.iter().map(widths).collect::<Vec<_>>(), [vec![0.5, 3.0], vec![1.0]]);
    assert_eq!(shifts[1]["parts"], serde_json::json!(["lattice.stl"]));
    assert_eq!(shifts[1]["points"][0]["jobs"], 4);
    assert!(found["claims"][0]["test"]["finding"].is_string(), "{}", found["claims"][0]);
    // Three times [0.2, 0.4] about its middle is [0, 0.6], give or take the last bit.
    assert!(shifts[0]["points"][0].get("clamped").is_none());

    // The same from the files alone: `score` says of each image what the run's record was made from.
    for (place, point) in [
        ("wider/0.5", &shifts[0]["points"][0]),
        ("wider/3", &shifts[0]["points"][1]),
        ("another-part/1", &shifts[1]["points"][0]),
    ] {
        let images = format!("{run}/shifts/{place}");
        let arguments = ["score", &format!("{run}/models/vae"), &images, "--out", "said"];
        synthgen(path).args(arguments).args(["--overlays", "none"]).assert().success();
        let table = fs::read_to_string(path.join("said/scores.csv")).unwrap();
        let mut said: BTreeMap<bool, Vec<(f64, bool)>> = BTreeMap::new();
        for line in table.lines().skip(1) {
            let fields: Vec<&str> = line.split(',').collect();
            let score: f32 = fields[1].parse().unwrap();
            said.entry(fields[0].contains("test/good"))
                .or_default()
                .push((score.into(), fields[3] == "anomalous"));
        }
        let [anomalous, healthy] = [&said[&false], &said[&true]];
        assert_eq!(point["healthy"], healthy.len(), "{place}");
        assert_eq!(point["anomalous"], anomalous.len(), "{place}");
        let values = |of: &[(f64, bool)]| of.iter().map(|(score, _)| *score).collect::<Vec<f64>>();
        let rate =
            |of: &[(f64, bool)]| of.iter().filter(|(_, called)| *called).count() as f64 / of.len() as f64;
        let score = &point["scores"][0];
        assert_eq!((&score["detector"], &score["score"]), (&"vae".into(), &"A_R".into()));
        let close = |said: &Value, expected: f64| {
            assert!((said["value"].as_f64().unwrap() - expected).abs() < 1e-12, "{place}: {said} {expected}");
        };
        close(&score["auroc"], area(&values(healthy), &values(anomalous)));
        // What the record keeps of every image is what `score` says of it.
        let images = point["test_images"].as_array().unwrap();
        let kept = |shows: bool| {
            let scored = images.iter().zip(score["values"][0].as_array().unwrap());
            let of_class = scored.filter(|(image, _)| image.get("defect").is_some() == shows);
            sorted(of_class.map(|(_, value)| value.as_f64().unwrap()).collect())
        };
        assert_eq!(
            [kept(false), kept(true)],
            [sorted(values(healthy)), sorted(values(anomalous))],
            "{place}"
        );
        close(&score["thresholds"][0]["false_alarm_rate"], rate(healthy));
        close(&score["thresholds"][0]["detection_rate"], rate(anomalous));
        assert!(point["named"]["value"].is_number());
    }

    // Without the shifts, on another number of threads: everything else is the same.
    let plain = workshop("");
    synthgen(plain.path()).args(["tiny.toml", "--threads", "1"]).assert().success();
    for file in ["dataset/manifest.json", "models/vae/model.safetensors", "scores.parquet", "calls.parquet"] {
        let read = |folder: &Path| fs::read(folder.join(run).join(file)).unwrap();
        assert!(read(path) == read(plain.path()), "{file}");
    }

    // A run that lost some of it, as one that was cut off, makes it again to the same figures.
    fs::remove_file(path.join(run).join("record.json")).unwrap();
    fs::remove_file(path.join(run).join("shifts/wider/3/dataset/manifest.json")).unwrap();
    fs::remove_dir_all(path.join(run).join("shifts/another-part")).unwrap();
    let lost =
        ["ledger.parquet", "nominal"].map(|name| path.join(run).join("shifts/wider/3/dataset").join(name));
    assert!(lost.iter().all(|path| path.exists()));
    fs::remove_dir_all(path.join(run).join("shifts/wider/3")).unwrap();
    synthgen(path).args(["tiny.toml", "--threads", "3"]).assert().success();
    assert_eq!(record(path, run)["shifts"], found["shifts"]);
    assert!(path.join(run).join("shift_scores.parquet").exists());
    let page = fs::read_to_string(path.join(run).join("report.html")).unwrap();
    assert!(page.contains("What if the process varies more than in training?"));

    // What was changed since is not learnt from, and what is told to do about it helps.
    let data = format!("{run}/shifts/another-part/1/dataset");
    let image = fs::read_dir(path.join(&data).join("test/good")).unwrap().next().unwrap().unwrap().path();
    fs::write(image, "changed").unwrap();
    let output = synthgen(path).arg("tiny.toml").assert().code(2).get_output().clone();
    let message = String::from_utf8(output.stderr).unwrap();
    let help = format!("remove {data}; the next run of the scenario makes it again");
    assert!(message.contains(&help) && !message.contains("generate --fresh"), "{message}");
    fs::remove_dir_all(path.join(data)).unwrap();
    synthgen(path).arg("tiny.toml").assert().success();

    // What a shift's dataset keeps is enough to make its images again.
    let image = fs::read_dir(path.join(run).join("shifts/wider/3/dataset/test/striation")).unwrap().next();
    let image = image.unwrap().unwrap().path();
    let again = ["explain", image.to_str().unwrap(), "--remake", "again"];
    let said = synthgen(path).args(again).assert().success().get_output().clone();
    assert!(!String::from_utf8(said.stdout).unwrap().contains("DIFFERENT"));

    synthgen(path).args(["generate", "tiny.toml", "--fresh"]).assert().success();
    assert!(path.join(run).join("shifts").exists(), "the dataset alone was asked for");
    // Nothing is discarded where something cannot be.
    let note = path.join(run).join("shifts/wider/3/dataset/note.txt");
    fs::write(&note, "mine").unwrap();
    let said = synthgen(path).args(["tiny.toml", "--fresh"]).assert().code(2).get_output().clone();
    assert!(String::from_utf8(said.stderr).unwrap().contains("note.txt"));
    assert!(
        ["models/vae/model.safetensors", "dataset/manifest.json"]
            .iter()
            .all(|f| path.join(run).join(f).is_file())
    );
    fs::remove_file(&note).unwrap();
    let text = fs::read_to_string(path.join("tiny.toml")).unwrap();
    fs::write(path.join("tiny.toml"), text.replace(SHIFTS, "")).unwrap();
    let table = path.join(run).join("shift_scores.parquet");
    synthgen(path).arg("tiny.toml").assert().success();
    assert!(!table.exists(), "the record has no shifts");
    fs::write(&table, "an earlier one's").unwrap();
    synthgen(path).args(["tiny.toml", "--fresh"]).assert().success();
    assert!(!path.join(run).join("shifts").exists() && !table.exists());
}

#[test]
fn check_counts_the_images_of_the_shifts() {
    let folder = workshop(SHIFTS);
    let output = synthgen(folder.path()).args(["check", "tiny.toml"]).assert().success().get_output().clone();
    let said = String::from_utf8(output.stdout).unwrap();
    assert!(said.contains("shift      wider: width 0.5, 3, about 48 test images"), "{said}");
    assert!(said.contains("shift      another part: width 1, about 16 test images"), "{said}");
    assert!(said.contains("MiB for the shifts"), "{said}");
}

#[test]
fn what_is_no_shift_is_refused_where_it_stands() {
    let refused = |from: &str, to: &str| {
        assert!(SHIFTS.contains(from), "{from}");
        let folder = workshop(&SHIFTS.replacen(from, to, 1));
        let output =
            synthgen(folder.path()).args(["check", "tiny.toml"]).assert().code(2).get_output().clone();
        let message = String::from_utf8(output.stderr).unwrap();
        message.lines().next().unwrap_or_default().trim_start_matches(['×', 'x', ' ']).to_owned()
    };
    for (from, to, expected) in [
        ("widths = [3, 0.5]\n", "", "tiny.toml:42:1: the shift `wider` needs `widths` or a [[shift.part]]"),
        ("[3, 0.5]", "[3, 3]", "tiny.toml:44:10: `widths` needs at least one width, and each but once"),
        ("[3, 0.5]", "[-1]", "tiny.toml:44:11: `widths` is -1 but must be between 0 and 1000"),
        ("widths", "width", "tiny.toml:42:1: the shift `wider` needs `widths` or a [[shift.part]]"),
        (
            "\"another part\"",
            "\"Wider!\"",
            "tiny.toml:46:8: the shifts `wider` and `Wider!` have the same name; give one a `name` of its own; letters and digits count",
        ),
        ("\"lattice.stl\"", "\"lettuce.stl\"", "tiny.toml:49:8: there is no part file lettuce.stl"),
        ("[[shift.part]]", "jobs = 3\n[[shift.part]]", "tiny.toml:48:1: unknown key `jobs` in [shift]"),
    ] {
        let message = refused(from, to);
        assert!(message.starts_with(expected), "{message}");
    }
    // A scenario whose own ranges are widened: 0.5 of twice is what is stated, and still a width.
    let folder = workshop("[[shift]]\nname = \"w\"\nwidths = [0.5]\n");
    let scenario = folder.path().join("tiny.toml");
    let text = fs::read_to_string(&scenario).unwrap();
    fs::write(scenario, format!("variability = 2.0\n{text}")).unwrap();
    synthgen(folder.path()).args(["check", "tiny.toml"]).assert().success();
    let nothing_drawn =
        tiny::folder(&[tiny::DATA, tiny::VAE, "[[shift]]\nname = \"w\"\nwidths = [2]\n"].concat());
    let output =
        synthgen(nothing_drawn.path()).args(["check", "tiny.toml"]).assert().code(2).get_output().clone();
    let message = String::from_utf8(output.stderr).unwrap();
    assert!(message.contains("no width changes anything"), "{message}");
}
