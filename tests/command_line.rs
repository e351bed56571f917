//! The program as a user meets it: commands, messages, exit statuses, and what is left on disk.
#![allow(clippy::unwrap_used)]

mod program;
mod tiny;

use std::fs;

use assert_cmd::Command;
use program::synthgen;
use tempfile::TempDir;

/// What the tiny scenario has beside its data and its detector.
const SHIFT: &str = r#"[[defect]]
kind = "shift"
layers = 2
distance_mm = 12.0
"#;
const SEPARATION: &str = r#"[[separator]]
kind = "k-means"
[[separator]]
kind = "otsu"
[separation.named]
representation = "vae A_R"
separator = "otsu"
"#;

/// A folder with `tiny.toml`, changed as asked, and its part.
fn workshop(from: &str, to: &str) -> TempDir {
    let scenario = [tiny::DATA, SHIFT, tiny::VAE, SEPARATION].concat();
    assert!(from.is_empty() || scenario.contains(from), "{from} is not in the scenario");
    tiny::folder(&scenario.replacen(from, to, 1))
}

fn stderr(command: &mut Command, status: i32) -> String {
    let output = command.assert().code(status).get_output().clone();
    String::from_utf8(output.stderr).unwrap()
}

#[test]
fn a_scenario_becomes_a_report_and_a_second_run_changes_nothing() {
    let folder = workshop("", "");
    let run = folder.path().join("reports/tiny");
    let output = synthgen(folder.path()).arg("tiny.toml").assert().success().get_output().clone();
    assert_eq!(String::from_utf8(output.stdout).unwrap(), "reports/tiny/report.html\n");
    let read = |file: &str| fs::read(run.join(file)).unwrap();
    let page = String::from_utf8(read("report.html")).unwrap();
    assert!(page.contains("vae A_R with otsu"), "the named pair is the verdict's");
    let (manifest, model) = (read("dataset/manifest.json"), read("models/vae/model.safetensors"));
    let scores = |bytes: &[u8]| -> Vec<serde_json::Value> {
        let record: serde_json::Value = serde_json::from_slice(bytes).unwrap();
        ["test_images", "representations", "separations", "floors"].map(|key| record[key].clone()).to_vec()
    };
    let found = scores(&read("record.json"));

    synthgen(folder.path()).args(["tiny.toml", "--threads", "1"]).assert().success();
    assert_eq!(read("dataset/manifest.json"), manifest);
    assert_eq!(read("models/vae/model.safetensors"), model);
    assert_eq!(scores(&read("record.json")), found);

    // The report can be drawn again from the record alone.
    fs::remove_file(run.join("report.html")).unwrap();
    synthgen(folder.path()).args(["report", "reports/tiny"]).assert().success();
    assert!(run.join("report.html").is_file());

    // Elsewhere, on another number of threads: the same bytes and weights.
    synthgen(folder.path()).args(["tiny.toml", "--out", "again", "--threads", "3"]).assert().success();
    let again = |file: &str| fs::read(folder.path().join("again").join(file)).unwrap();
    assert_eq!(again("dataset/manifest.json"), manifest);
    assert_eq!(again("models/vae/model.safetensors"), model);
    assert_eq!(scores(&again("record.json")), found);
}

#[test]
fn new_images_are_scored_as_in_the_run_that_trained_the_model() {
    let folder = workshop("", "");
    synthgen(folder.path()).arg("tiny.toml").assert().success();
    let run = |arguments: &[&str]| {
        let output =
            synthgen(folder.path()).arg("score").args(arguments).assert().success().get_output().clone();
        String::from_utf8(output.stdout).unwrap()
    };
    let model = "reports/tiny/models/vae";
    let table = |out: &str| fs::read_to_string(folder.path().join(out).join("scores.csv")).unwrap();
    let said = run(&[model, "reports/tiny", "--overlays", "all"]);
    assert!(said.contains("images are anomalous: their A_R is above"), "{said}");
    let all = table("reports/score/vae");

    // The record's scores, image by image.
    let record = fs::read(folder.path().join("reports/tiny/record.json")).unwrap();
    let record: serde_json::Value = serde_json::from_slice(&record).unwrap();
    let images = record["test_images"].as_array().unwrap();
    let components = record["detectors"][0]["components"].as_array().unwrap();
    let names: Vec<String> =
        components.iter().map(|c| format!("\"{}\"", c["name"].as_str().unwrap())).collect();
    assert_eq!(all.lines().next().unwrap(), format!("file,{},verdict,overlay", names.join(",")));
    assert_eq!(all.lines().count(), images.len() + 1);
    for (i, line) in all.lines().skip(1).enumerate() {
        assert!(line.contains(images[i]["id"].as_str().unwrap()), "{line}");
        for (k, component) in components.iter().enumerate() {
            let said: f32 = line.split(',').nth(k + 1).unwrap().parse().unwrap();
            assert_eq!(f64::from(said), component["values"][i].as_f64().unwrap(), "{line}");
        }
    }
    let overlays = fs::read_dir(folder.path().join("reports/score/vae/overlays")).unwrap().count();
    assert_eq!(overlays, images.len());

    // What is somebody else's stays among them, and is not drawn over.
    let drawn = folder.path().join("reports/score/vae/overlays");
    let own = [".DS_Store", "000001_mine.png"].map(|name| drawn.join(name));
    own.iter().for_each(|file| fs::write(file, "mine").unwrap());
    run(&[model, "reports/tiny", "--overlays", "all"]);
    assert_eq!(fs::read_dir(&drawn).unwrap().count(), images.len() + own.len());
    image::GrayImage::new(16, 16).save(folder.path().join("mine.png")).unwrap();
    let message = stderr(synthgen(folder.path()).args(["score", model, "mine.png", "--overlays", "all"]), 2);
    assert!(message.contains("overlays/000001_mine.png is there already"), "{message}");
    assert_eq!(table("reports/score/vae"), all, "nothing was scored");
    run(&[model, "reports/tiny", "--overlays", "none"]);
    for file in own {
        assert_eq!(fs::read_to_string(&file).unwrap(), "mine");
        fs::remove_file(file).unwrap();
    }
    fs::remove_dir(&drawn).unwrap();
    run(&[model, "reports/tiny", "--overlays", "all"]);
    run(&[model, "reports/tiny", "--overlays", "none"]);
    assert!(!folder.path().join("reports/score/vae/overlays").exists(), "those of the call before are gone");

    // One image by itself, another score.
    let one = format!("reports/tiny/dataset/{}", images[3]["id"].as_str().unwrap());
    run(&[model, &one, "--score", "A_R peak", "--out", "one"]);
    let row = |table: &str, at: usize| -> Vec<String> {
        table.lines().nth(at).unwrap().split(',').take(3).map(str::to_owned).collect()
    };
    assert_eq!(row(&table("one"), 1)[1..], row(&all, 4)[1..]);

    let refused = |arguments: &[&str]| stderr(synthgen(folder.path()).arg("score").args(arguments), 2);
    let message = refused(&[model, &one, "--score", "B"]);
    assert!(message.contains("there is no score `B`") && message.contains("`A_R`, `A_R peak`"), "{message}");
    let message = refused(&[model, "nowhere"]);
    assert!(message.contains("nowhere: there is no such file or folder"), "{message}");
    image::GrayImage::new(20, 20).save(folder.path().join("large.png")).unwrap();
    let message = refused(&[model, "large.png"]);
    assert!(message.contains("20 px wide") && message.contains("16 px"), "{message}");
    fs::write(folder.path().join("text.png"), "no picture").unwrap();
    image::GrayImage::new(20, 16).save(folder.path().join("wide.png")).unwrap();
    for (file, why) in [("text.png", "Invalid PNG signature"), ("wide.png", "20 x 16 px is not square")] {
        let message = refused(&[model, file]);
        assert!(message.contains(&format!("{file}: ")) && message.contains(why), "{message}");
        assert!(message.contains("detectors take square images"), "{message}");
    }
    // The images of a dataset that has temperatures too are scored; the temperatures are no images.
    let text = fs::read_to_string(folder.path().join("tiny.toml")).unwrap();
    let text = text.replace("test_jobs = 6", "test_jobs = 6\ntemperature = \"tiff\"");
    fs::write(folder.path().join("celsius.toml"), text).unwrap();
    synthgen(folder.path()).args(["generate", "celsius.toml", "--out", "celsius"]).assert().success();
    run(&[model, "celsius", "--out", "grey"]);
    let scores = |out: &str| -> Vec<Vec<String>> {
        let lines = table(out);
        lines
            .lines()
            .skip(1)
            .map(|line| line.split(',').skip(1).take(3).map(str::to_owned).collect())
            .collect()
    };
    assert_eq!(scores("grey"), scores("reports/score/vae"));
    let message = refused(&[model, "celsius/dataset/temperature"]);
    assert!(message.contains(".tif"), "{message}");
    assert!(message.contains("its numbers are no grey values but of another kind"), "{message}");
    assert!(message.contains("images of 8 or 16 bits in PNG, JPEG, BMP or TIFF"), "{message}");
    let message = refused(&[model, &one, "large.png", "text.png"]);
    assert!(message.contains("large.png: it is 20 px wide"), "{message}");
    assert!(message.contains(". 1 more of the 3 images cannot be scored either: text.png"), "{message}");
    let thresholds = folder.path().join(model).join("thresholds.json");
    let another = fs::read_to_string(&thresholds).unwrap().replace("\"A_R\"", "\"A\"");
    fs::write(&thresholds, another).unwrap();
    let message = refused(&[model, &one]);
    assert!(message.contains("thresholds.json") && message.contains("no score `A`"), "{message}");
    fs::remove_file(&thresholds).unwrap();
    assert!(run(&[model, &one, "--out", "bare"]).contains("there are no verdicts"));
    assert!(
        refused(&[model, &one, "--threshold", "quantile"]).contains("no thresholds.json beside the model")
    );
}

#[test]
fn a_model_becomes_an_onnx_file_and_anything_else_is_refused() {
    let folder = workshop("", "");
    synthgen(folder.path()).arg("tiny.toml").assert().success();
    let model = "reports/tiny/models/vae";
    let output = synthgen(folder.path()).args(["export-onnx", model]).assert().success().get_output().clone();
    assert_eq!(String::from_utf8(output.stdout).unwrap(), format!("{model}/model.onnx\n"));
    let file = format!("{model}/model.safetensors");
    synthgen(folder.path()).args(["export-onnx", &file, "-o", "out/vae.onnx"]).assert().success();
    let read = |file: &str| fs::read(folder.path().join(file)).unwrap();
    assert_eq!(read("out/vae.onnx"), read(&format!("{model}/model.onnx")));
    for (asked, expected) in [
        ("reports/tiny", "there is no model in reports/tiny; a run keeps each in models/DETECTOR"),
        ("tiny.toml", "tiny.toml: not a whole file of network parameters"),
    ] {
        let message = stderr(synthgen(folder.path()).args(["export-onnx", asked, "-o", "no.onnx"]), 2);
        assert!(message.contains(expected), "{message}");
    }
    assert!(!folder.path().join("no.onnx").exists());
}

#[test]
fn another_scenario_in_the_same_folder_is_refused_until_it_is_fresh() {
    let folder = workshop("", "");
    synthgen(folder.path()).args(["generate", "tiny.toml"]).assert().success();
    let kept = fs::read(folder.path().join("reports/tiny/dataset/manifest.json")).unwrap();
    let other = ["generate", "tiny.toml", "--seed", "6"];
    let message = stderr(synthgen(folder.path()).args(other), 2);
    assert!(message.contains("reports/tiny/dataset holds the data of another scenario"), "{message}");
    assert!(message.contains("--fresh"), "{message}");
    assert_eq!(fs::read(folder.path().join("reports/tiny/dataset/manifest.json")).unwrap(), kept);
    // What is somebody else's stays.
    let own =
        ["models/mine/weights.bin", "figures/own.svg", "gallery/a.png", "photographs/part1.png", "notes.txt"]
            .map(|f| folder.path().join("reports/tiny").join(f));
    for file in &own {
        fs::create_dir_all(file.parent().unwrap()).unwrap();
        fs::write(file, "mine").unwrap();
    }
    synthgen(folder.path()).args(["tiny.toml", "--seed", "6", "--fresh"]).assert().success();
    assert!(own.iter().all(|file| file.is_file()));
    // Nor goes what is to be read, nor what lies beside it.
    synthgen(folder.path()).args(other).args(["--fresh", "--out", "."]).assert().success();
    assert!(folder.path().join("tiny.toml").is_file());
    fs::copy(folder.path().join("tiny.toml"), folder.path().join("dataset/tiny.toml")).unwrap();
    fs::copy(folder.path().join("core.stl"), folder.path().join("dataset/core.stl")).unwrap();
    let inside = ["generate", "dataset/tiny.toml", "--fresh", "--out", "."];
    let message = stderr(synthgen(folder.path()).args(inside), 2);
    assert!(message.contains("dataset/tiny.toml lies in ./dataset, which is to be discarded"), "{message}");
    assert_ne!(fs::read(folder.path().join("reports/tiny/dataset/manifest.json")).unwrap(), kept);
}

/// As any project may have them: names that this program uses too.
const FOREIGN: [&str; 14] = [
    "models/bert/model.safetensors",
    "models/bert/checkpoint-500/model.safetensors",
    "models/bert/thresholds.json",
    "models/mine/checkpoint-last.safetensors",
    "models/mine/training.jsonl",
    "models/mine/snapshots/step000001_00.png",
    "figures/ranking-2.svg",
    "figures/plot/ranking.svg",
    "gallery/resnet_shift_job0001_layer0002.png",
    "photographs/0001.png",
    "photographs/0001_resnet_both.png",
    "shifts/night/2/plan.txt",
    "dataset.csv",
    "overlays/000001_a.png",
];

/// What stands in the foreign file called `name`: what another program writes under such a name.
fn foreign(name: &str) -> Vec<u8> {
    match name.rsplit_once('.').unwrap().1 {
        "safetensors" => {
            let head =
                r#"{"__metadata__":{"format":"pt"},"w":{"dtype":"U8","shape":[1],"data_offsets":[0,1]}}"#;
            [&(head.len() as u64).to_le_bytes()[..], head.as_bytes(), b"\0"].concat()
        }
        "jsonl" => b"{\"step\": 1, \"loss\": 0.5}\n".to_vec(),
        "json" => b"{\"thresholds\": []}".to_vec(),
        "svg" => b"<svg xmlns=\"http://www.w3.org/2000/svg\" viewBox=\"0 0 1 1\"></svg>".to_vec(),
        "png" => {
            let mut file = std::io::Cursor::new(Vec::new());
            image::GrayImage::new(16, 16).write_to(&mut file, image::ImageFormat::Png).unwrap();
            file.into_inner()
        }
        _ => b"mine".to_vec(),
    }
}

#[test]
fn a_fresh_run_removes_what_an_earlier_one_made_and_nothing_else() {
    let folder = workshop("", "");
    let path = |name: &str| folder.path().join(name);
    let plant = |name: &str, content: &[u8]| {
        fs::create_dir_all(path(name).parent().unwrap()).unwrap();
        fs::write(path(name), content).unwrap();
    };
    FOREIGN.iter().for_each(|name| plant(name, &foreign(name)));
    let fresh = ["tiny.toml", "--fresh", "--out", "."];
    // Where no run has been, and where there is one to be removed.
    synthgen(folder.path()).args(fresh).assert().success();
    FOREIGN.iter().for_each(|name| assert_eq!(fs::read(path(name)).unwrap(), foreign(name), "{name}"));
    let copy = fs::read(path("figures/ranking.svg")).unwrap();
    plant("figures/kept.svg", &copy);
    // As a training leaves it that was killed before its first checkpoint.
    plant("models/killed/training.jsonl", &fs::read(path("models/vae/training.jsonl")).unwrap());
    plant("models/soon/training.jsonl", b"");
    let ours = |folder: &str| -> Vec<String> {
        let entries = fs::read_dir(path(folder)).unwrap();
        let names = entries.map(|entry| format!("{folder}/{}", entry.unwrap().file_name().to_string_lossy()));
        names.filter(|name| name.contains("vae")).collect()
    };
    let made = ["models", "figures", "gallery"].map(ours).concat();
    assert!(made.len() > 5, "{made:?}");
    let text = fs::read_to_string(path("tiny.toml")).unwrap();
    let renamed =
        text.replace("kind = \"vae\"", "kind = \"vae\"\nname = \"other\"").replace("vae A_R", "other A_R");
    fs::write(path("tiny.toml"), renamed).unwrap();
    synthgen(folder.path()).args(fresh).assert().success();
    FOREIGN.iter().for_each(|name| assert_eq!(fs::read(path(name)).unwrap(), foreign(name), "{name}"));
    assert_eq!(fs::read(path("figures/kept.svg")).unwrap(), copy, "a copy is its owner's");
    for name in made.iter().map(String::as_str).chain(["models/killed", "models/soon"]) {
        assert!(!path(name).exists(), "{name}");
    }
    assert!(path("models/other/model.safetensors").is_file());
}

/// The lock is held by this process, as another command would.
#[test]
fn a_folder_in_which_a_command_is_at_work_is_left_alone() {
    let folder = workshop("", "");
    let shard = ["generate", "tiny.toml", "--shard", "1/1", "--out", "shard"];
    synthgen(folder.path()).args(shard).assert().success();
    synthgen(folder.path()).args(["generate", "tiny.toml", "--out", "run"]).assert().success();
    let manifest = || fs::read(folder.path().join("run/dataset/manifest.json")).unwrap();
    let before = manifest();
    let held = fs::File::create(folder.path().join("run/.synthgen.lock")).unwrap();
    held.lock().unwrap();
    let run = |command: &[&str]| synthgen(folder.path()).args(command).output().unwrap();
    for command in [
        &["tiny.toml", "--out", "run"][..],
        &["tiny.toml", "--out", "run", "--fresh"],
        &["generate", "tiny.toml", "--out", "run"],
        &["generate", "tiny.toml", "--out", "run", "--seed", "6", "--fresh"],
        &["merge", "shard", "--out", "run", "--fresh"],
        &["export", "run", "--format", "coco"],
        &["report", "run"],
        &["export", "run/dataset", "--format", "coco"],
    ] {
        let output = run(command);
        let message = String::from_utf8(output.stderr).unwrap();
        assert_eq!(output.status.code(), Some(2), "{command:?}: {message}");
        assert!(message.contains("another command is at work in "), "{command:?}: {message}");
        assert!(message.contains("wait until it has ended, or work in another folder"), "{message}");
    }
    assert_eq!(manifest(), before);
    // Only its name is left of one that was killed; a dataset by itself is nobody's run.
    drop(held);
    let names = |of: &str| -> Vec<String> {
        let entries = fs::read_dir(folder.path().join(of)).unwrap();
        entries.map(|entry| entry.unwrap().file_name().to_string_lossy().into_owned()).collect()
    };
    for of in ["run", "run/dataset"] {
        assert!(run(&["export", of, "--format", "coco"]).status.success());
        assert_eq!(names("run"), ["dataset"]);
    }
    fs::rename(folder.path().join("run/dataset"), folder.path().join("data")).unwrap();
    let mut before = names(".");
    assert!(run(&["export", "data", "--format", "yolo"]).status.success());
    before.sort();
    let mut after = names(".");
    after.sort();
    assert_eq!(after, before);
}

#[test]
fn images_that_were_changed_are_not_learnt_from() {
    let folder = workshop("", "");
    synthgen(folder.path()).args(["generate", "tiny.toml"]).assert().success();
    let data = folder.path().join("reports/tiny/dataset/train/good");
    let images: Vec<_> = fs::read_dir(&data).unwrap().map(|entry| entry.unwrap().path()).collect();
    fs::copy(&images[0], &images[1]).unwrap();
    let message = stderr(synthgen(folder.path()).arg("tiny.toml"), 2);
    assert!(message.contains("its content has changed") && message.contains("generate --fresh"), "{message}");
    let message = stderr(synthgen(folder.path()).arg("explain").arg(&images[1]), 0);
    assert!(message.contains("was changed since"), "{message}");
    synthgen(folder.path()).args(["generate", "tiny.toml", "--fresh"]).assert().success();
    // Other settings make another model, and say so.
    synthgen(folder.path()).arg("tiny.toml").assert().success();
    let text = fs::read_to_string(folder.path().join("tiny.toml")).unwrap();
    fs::write(folder.path().join("tiny.toml"), text.replace("steps = 3", "steps = 4")).unwrap();
    let message = stderr(synthgen(folder.path()).arg("tiny.toml"), 0);
    assert!(message.contains("vae: trained anew"), "{message}");
}

#[test]
fn mistakes_are_named_where_they_stand_and_nothing_is_written() {
    for (from, to, expected) in [
        (
            "image_px = 16",
            "imag_px = 16",
            "tiny.toml:5:1: unknown key `imag_px` in [camera]; did you mean `image_px`?",
        ),
        (
            "image_px = 16",
            "image_px = \"16\"",
            "tiny.toml:5:12: `image_px` must be a whole number, not a string",
        ),
        (
            "temperature_c = 43.0",
            "temperature_c = { uniform = [44, 43] }",
            "tiny.toml:9:29: `uniform = [low, high]` needs low <= high, not 44 > 43",
        ),
        (
            "core.stl",
            "cone.stl",
            "tiny.toml:18:8: there is no part file cone.stl; `file` is relative to the scenario's folder",
        ),
        (
            "training_jobs = 3",
            "training_jobs = 0",
            "tiny.toml:20:17: `training_jobs` is 0 but must be at least 1; detectors learn from healthy images, and these are all of them",
        ),
        (
            "fit = true",
            "size_mm = 1000",
            "tiny.toml:5:12: the image is too small for the part in core.stl: its 56.5 mm are 0.904 of 16 px, and it takes 3; image_px = 54 would do",
        ),
        ("steps = 3", "step = 3", "tiny.toml:34:1: unknown key `step` in [detector]; did you mean `steps`?"),
        (
            "kind = \"vae\"",
            "kind = \"vea\"",
            "tiny.toml:33:8: `kind` cannot be `vea`; choose from `vae`, `auto-encoder`, `dcgan`, `f-anogan`, `anogan`, `context`, `radl`; did you mean `vae`?",
        ),
        (
            "kind = \"vae\"",
            "kind = \"vae\"\nname = \"..\"",
            "tiny.toml:34:8: `name` is `..` but needs a letter or a digit",
        ),
        (
            "kind = \"otsu\"",
            "kind = \"k-means\"",
            "tiny.toml:40:1: two entries of [[separator]] are called `k-means`; give one a `name` of its own",
        ),
        (
            "[[separator]]",
            "[[threshold]]\nkind = \"conformal\"\n[[separator]]",
            "tiny.toml:38:1: `conformal` needs at least 99 healthy images, and the validation jobs have 10; raise `validation_jobs`, or ask less of the threshold",
        ),
        (
            "representation = \"vae A_R\"",
            "representation = \"vea A_R\"",
            "tiny.toml:43:18: `representation` cannot be `vea A_R`; choose from `vae A_R`, `vae A_R peak`; did you mean `vae A_R`?",
        ),
        (
            "separator = \"otsu\"",
            "separator = \"outs\"",
            "tiny.toml:44:13: `separator` cannot be `outs`; choose from `k-means`, `otsu`; did you mean `otsu`?",
        ),
    ] {
        let folder = workshop(from, to);
        let before = fs::read_dir(folder.path()).unwrap().count();
        for command in [&["check", "tiny.toml"][..], &["tiny.toml"]] {
            let message = stderr(synthgen(folder.path()).args(command), 2);
            let first = message.lines().next().unwrap_or_default().trim_start_matches(['×', 'x', ' ']);
            assert_eq!(first, expected);
        }
        assert_eq!(
            fs::read_dir(folder.path()).unwrap().count(),
            before,
            "{from} -> {to} left something behind"
        );
    }
}

#[test]
fn a_device_that_is_not_there_ends_with_status_2_and_nothing_is_written() {
    let folder = TempDir::new().unwrap();
    let refused = |device: &str, words: &str| {
        let run = synthgen(folder.path()).args(["tiny.toml", "--device", device]).assert().code(2);
        let message = String::from_utf8_lossy(&run.get_output().stderr).into_owned();
        assert!(message.contains(words), "{message}");
    };
    refused("cuda:99", if cfg!(feature = "cuda") { "no CUDA card 99" } else { "built without CUDA" });
    refused("gpu", "a device is cpu, cuda or cuda:N");
    assert_eq!(fs::read_dir(folder.path()).unwrap().count(), 0);
}

#[test]
fn a_misspelt_command_is_no_scenario() {
    let folder = workshop("", "");
    let message = stderr(synthgen(folder.path()).args(["chekc", "tiny.toml"]), 2);
    assert!(message.contains("no command `chekc`; did you mean `check`?"), "{message}");
    for file in ["tine.toml", "generate.toml", "nowhere/check"] {
        let message = stderr(synthgen(folder.path()).arg(file), 2);
        assert!(message.contains(&format!("{file}: cannot read the scenario")), "{message}");
    }
    fs::rename(folder.path().join("tiny.toml"), folder.path().join("checks")).unwrap();
    synthgen(folder.path()).arg("checks").assert().success();
}

#[test]
fn options_stand_where_they_belong() {
    let folder = workshop("", "");
    synthgen(folder.path()).args(["--threads", "1", "check", "tiny.toml"]).assert().success();
    synthgen(folder.path()).args(["check", "tiny.toml", "--threads", "1"]).assert().success();
    for stray in [&["--seed", "3", "check", "tiny.toml"][..], &["tiny.toml", "check", "tiny.toml"]] {
        let message = stderr(synthgen(folder.path()).args(stray), 2);
        assert!(message.contains("do not go with a command"), "{message}");
    }
    // A scenario is not written over.
    let before = fs::read(folder.path().join("tiny.toml")).unwrap();
    synthgen(folder.path()).args(["generate", "tiny.toml"]).assert().success();
    let calibrate = ["calibrate", "reports/tiny/dataset/train/good", "-o", "tiny.toml"];
    let message = stderr(synthgen(folder.path()).args(calibrate), 2);
    assert!(message.contains("tiny.toml is there already"), "{message}");
    assert_eq!(fs::read(folder.path().join("tiny.toml")).unwrap(), before);
}

#[test]
fn one_test_job_judges_nothing() {
    let folder = workshop("test_jobs = 6", "test_jobs = 1");
    let message = stderr(synthgen(folder.path()).args(["check", "tiny.toml"]), 2);
    assert!(message.contains("`test_jobs` is 1 but must be at least 2 to judge anything"), "{message}");
}

#[test]
fn files_that_are_not_there_are_named() {
    let folder = workshop("", "");
    let message = stderr(synthgen(folder.path()).arg("tyni.toml"), 2);
    assert!(message.contains("tyni.toml: cannot read the scenario"), "{message}");
    let message = stderr(synthgen(folder.path()).args(["tiny.toml", "--part", "none.stl"]), 2);
    assert!(message.contains("none.stl: there is no such part"), "{message}");
    let message = stderr(synthgen(folder.path()).args(["report", "reports/none"]), 2);
    assert!(message.contains("reports/none/record.json"), "{message}");
    let message = stderr(synthgen(folder.path()).args(["slice", "none.stl"]), 2);
    assert!(message.contains("none.stl: cannot be read"), "{message}");
    let message = stderr(synthgen(folder.path()).args(["explain", "none.png"]), 2);
    assert!(message.contains("none.png is no image of a dataset"), "{message}");
    let message = stderr(synthgen(folder.path()).args(["gallery", "--out", "core.stl"]), 2);
    assert!(message.contains("core.stl/") && message.contains("Not a directory"), "{message}");
    for command in [&["generate", "tiny.toml"][..], &["tiny.toml"], &["slice", "core.stl"]] {
        let message = stderr(synthgen(folder.path()).args(command).args(["--out", "core.stl"]), 2);
        assert!(message.contains("a file stands where a folder has to be"), "{message}");
    }
    // Neither a scenario nor a command.
    assert!(stderr(&mut synthgen(folder.path()), 2).contains("<SCENARIO>"));
}

#[test]
fn a_part_is_sliced_into_drawings_a_sheet_and_a_table() {
    let folder = workshop("", "");
    // Of a slicing into more layers.
    fs::create_dir(folder.path().join("slices")).unwrap();
    fs::write(folder.path().join("slices/layer_0006.svg"), "").unwrap();
    let output = synthgen(folder.path())
        .args(["slice", "core.stl", "--layer-height", "3", "--out", "slices"])
        .assert()
        .success()
        .get_output()
        .clone();
    assert!(String::from_utf8(output.stdout).unwrap().contains("6 layers of 3 mm"));
    let table = fs::read_to_string(folder.path().join("slices/layers.csv")).unwrap();
    assert_eq!(table.lines().count(), 7);
    assert!(!folder.path().join("slices/layer_0006.svg").exists());
    for file in ["layer_0000.svg", "layer_0005.svg", "contact-sheet.png"] {
        assert!(folder.path().join("slices").join(file).is_file(), "{file}");
    }
    // It is 18 mm high.
    for height_mm in ["30", "40"] {
        let thick = ["slice", "core.stl", "--layer-height", height_mm];
        let message = stderr(synthgen(folder.path()).args(thick), 2);
        assert!(message.contains(&format!("thinner than a layer of {height_mm} mm")), "{message}");
    }
}

#[test]
fn the_gallery_shows_every_kind() {
    let folder = workshop("", "");
    synthgen(folder.path()).arg("gallery").assert().success();
    let page = fs::read_to_string(folder.path().join("reports/gallery/gallery.html")).unwrap();
    let names = generators::defects::KINDS.iter().map(|k| ("defects", k.name));
    let names = names.chain(generators::faults::KINDS.iter().map(|k| ("faults", k.name)));
    for (group, name) in names.chain(generators::textures::KINDS.iter().map(|k| ("textures", k.name))) {
        assert!(page.contains(name), "{name} is not in the page");
        assert!(folder.path().join(format!("reports/gallery/{group}/{name}.png")).is_file(), "{name}");
    }
}

#[test]
fn the_gallery_of_a_scenario_shows_its_defects_as_its_dataset_has_them() {
    let folder = workshop("", "");
    synthgen(folder.path()).args(["gallery", "tiny.toml"]).assert().success();
    synthgen(folder.path()).args(["generate", "tiny.toml"]).assert().success();
    let gallery = folder.path().join("reports/gallery/tiny");
    let page = fs::read_to_string(gallery.join("gallery.html")).unwrap();
    for defect in ["striation", "shift"] {
        assert!(page.contains(&format!("<b>{defect}</b>")), "{defect} is not in the page");
        let tile = image::open(gallery.join(format!("defects/{defect}.png"))).unwrap().to_rgb8();
        // Three jobs side by side, ten times enlarged; at the bottom the layer without the defect: an image of the test set.
        assert_eq!(tile.dimensions(), (3 * 164 - 4, 3 * 164 - 4));
        let healthy: Vec<u8> =
            (0..256).map(|i| tile.get_pixel(5 + i % 16 * 10, 2 * 164 + 5 + i / 16 * 10).0[0]).collect();
        let good = fs::read_dir(folder.path().join("reports/tiny/dataset/test/good")).unwrap();
        let mut images = good.map(|entry| image::open(entry.unwrap().path()).unwrap().to_luma8().into_raw());
        assert!(images.any(|image| image == healthy), "{defect}: no image of the dataset");
    }
    let message = stderr(synthgen(folder.path()).args(["gallery", "--unit", "inch"]), 2);
    assert!(message.contains("--unit is that of a part"), "{message}");
    fs::write(folder.path().join("none.toml"), tiny::DATA.replace("test_jobs = 6", "test_jobs = 0")).unwrap();
    let message = stderr(synthgen(folder.path()).args(["gallery", "none.toml"]), 2);
    assert!(message.contains("`test_jobs` is 0"), "{message}");
}

#[test]
fn calibrate_writes_ranges_and_says_what_it_cannot_tell() {
    let folder = TempDir::new().unwrap();
    let images = folder.path().join("photos");
    fs::create_dir(&images).unwrap();
    let run = |arguments: &[&str]| synthgen(folder.path()).arg("calibrate").args(arguments).assert();
    let empty = run(&["photos"]).code(2);
    assert!(String::from_utf8_lossy(&empty.get_output().stderr).contains("there is no image"));
    assert!(!folder.path().join("ranges.toml").exists());
    image::GrayImage::from_fn(64, 48, |x, y| image::Luma([(100 + (x * 7 + y * 13) % 9) as u8]))
        .save(images.join("a.png"))
        .unwrap();
    let wrong = run(&["photos", "--range-c", "90", "20"]).code(2);
    assert!(
        String::from_utf8_lossy(&wrong.get_output().stderr).contains("--range-c needs LOW < HIGH, not 90 20")
    );
    let done = run(&["photos", "-o", "r/mine.toml"]).success();
    assert!(String::from_utf8_lossy(&done.get_output().stderr).contains("white is taken for warm"));
    let said = String::from_utf8_lossy(&done.get_output().stdout).into_owned();
    assert!(said.contains("print.temperature_c           cannot be told from these images"), "{said}");
    assert!(said.trim_end().ends_with("r/mine.toml"));
    assert!(
        fs::read_to_string(folder.path().join("r/mine.toml")).unwrap().contains("[camera]\nimage_px = 48\n")
    );
}

#[test]
fn screen_names_what_is_spoilt_in_a_folder_and_counts_against_the_labels_of_a_dataset() {
    let folder = TempDir::new().unwrap();
    let photos = folder.path().join("photos");
    fs::create_dir(&photos).unwrap();
    let run = |arguments: &[&str]| synthgen(folder.path()).arg("screen").args(arguments).assert();
    let empty = run(&["photos"]).code(2);
    assert!(String::from_utf8_lossy(&empty.get_output().stderr).contains("there is no image in photos"));
    for layer in 0..8u32 {
        let grey = |x: u32, y: u32| {
            let grain = (x * 31 + y * 17 + x * y * 7 + layer * 5) % 23;
            (90 + x + y + grain) as u8
        };
        let image =
            image::GrayImage::from_fn(48, 40, |x, y| image::Luma([if layer == 5 { 77 } else { grey(x, y) }]));
        image.save(photos.join(format!("layer{layer}.png"))).unwrap();
    }
    fs::write(photos.join("layer8.png"), b"no image").unwrap();
    let done = run(&["photos", "--out", "verdicts"]).success();
    let said = String::from_utf8_lossy(&done.get_output().stdout).into_owned();
    assert!(said.starts_with("9 images, 7 of the process, 2 spoilt\n"), "{said}");
    let table = fs::read_to_string(folder.path().join("verdicts/screen.csv")).unwrap();
    let lines: Vec<&str> = table.lines().collect();
    assert_eq!((lines.len(), lines[0]), (10, "file,verdict,kind,score,reason"));
    assert_eq!(lines[1], "\"layer0.png\",process,,,");
    assert!(lines[6].starts_with("\"layer5.png\",fault,blank,inf,"), "{}", lines[6]);
    assert!(lines[9].starts_with("\"layer8.png\",fault,unreadable,inf,"), "{}", lines[9]);

    let faults = "screening_jobs = 1\n[[fault]]\nkind = \"blank\"\nlayers = 1\n";
    let made = workshop("test_jobs = 6\n", &format!("test_jobs = 6\n{faults}"));
    synthgen(made.path()).args(["generate", "tiny.toml", "--out", "run"]).assert().success();
    let done = synthgen(made.path()).args(["screen", "run/dataset"]).assert().success();
    let said = String::from_utf8_lossy(&done.get_output().stdout).into_owned();
    assert!(said.contains("against the labels") && said.contains("recall  1.000"), "{said}");
}

#[test]
fn a_gate_that_fails_and_a_run_that_is_worse_end_with_a_status_of_their_own() {
    let gates = "[gates]\nrun = { leaks = { at_most = 0 }, wall_secs = { at_most = 0 } }\n[[separator]]\nkind = \"otsu\"";
    let folder = workshop("[[separator]]\nkind = \"otsu\"", gates);
    let message = stderr(synthgen(folder.path()).arg("tiny.toml"), 4);
    assert!(message.contains("1 of 2 gates failed"), "{message}");
    assert!(message.contains("wall_secs of run is "), "{message}");
    let run = folder.path().join("reports/tiny");
    let page = fs::read_to_string(run.join("report.html")).unwrap();
    assert!(page.contains("1 of 2 gates failed"), "the report is written nevertheless");
    let junit = fs::read_to_string(run.join("junit.xml")).unwrap();
    assert!(junit.contains("<failure message=\"wall_secs of run is "), "{junit}");
    let benchmark: serde_json::Value =
        serde_json::from_slice(&fs::read(run.join("benchmark.json")).unwrap()).unwrap();
    assert!(benchmark["vae A_R"]["auroc"]["value"].is_number());

    let compare = ["compare", "reports/tiny", "later/record.json", "--json", "changes.json"];
    let later = folder.path().join("later");
    fs::create_dir(&later).unwrap();
    fs::copy(run.join("record.json"), later.join("record.json")).unwrap();
    let same = synthgen(folder.path()).args(compare).assert().success().get_output().clone();
    assert!(String::from_utf8(same.stdout).unwrap().contains("The same test images"));

    // A record whose scores have lost all meaning, against one whose scores are the truth.
    let mut record: serde_json::Value =
        serde_json::from_slice(&fs::read(run.join("record.json")).unwrap()).unwrap();
    let truth: Vec<f64> = record["test_images"]
        .as_array()
        .unwrap()
        .iter()
        .map(|image| f64::from(u8::from(image.get("defect").is_some())))
        .collect();
    for (folder, sign) in [(&run, 1.0), (&later, -1.0)] {
        record["detectors"][0]["components"][0]["values"] = truth.iter().map(|v| sign * v).collect();
        fs::write(folder.join("record.json"), record.to_string()).unwrap();
    }
    let message = stderr(synthgen(folder.path()).args(compare), 4);
    assert!(message.contains("the later run is worse in "), "{message}");
    let changes: serde_json::Value =
        serde_json::from_slice(&fs::read(folder.path().join("changes.json")).unwrap()).unwrap();
    let worse = changes["changes"].as_array().unwrap().iter().find(|c| c["direction"] == "worse").unwrap();
    assert!(worse["subject"].as_str().unwrap().starts_with("vae A_R"), "{worse}");

    let message = stderr(synthgen(folder.path()).args(["compare", "reports/tiny", "nowhere"]), 2);
    assert!(message.contains("nowhere"), "{message}");
}

/// As `synthgen check tiny.toml | head -1` does, and a log that nobody collects any more.
#[test]
fn a_reader_who_has_left_ends_nothing() {
    let folder = workshop("", "");
    let closed = || std::io::pipe().unwrap().1;
    for arguments in [&["check", "tiny.toml"][..], &["tiny.toml"]] {
        let mut command = std::process::Command::new(env!("CARGO_BIN_EXE_synthgen"));
        command.current_dir(folder.path()).args(arguments).stdout(closed()).stderr(closed());
        assert_eq!(command.status().unwrap().code(), Some(0), "{arguments:?}");
    }
    assert!(folder.path().join("reports/tiny/report.html").exists());
    let mut command = std::process::Command::new(env!("CARGO_BIN_EXE_synthgen"));
    command.current_dir(folder.path()).args(["check", "no.toml"]).stderr(closed());
    assert_eq!(command.status().unwrap().code(), Some(2));
}

#[cfg(target_os = "linux")]
#[test]
fn an_output_that_takes_nothing_is_told_of() {
    let folder = workshop("", "");
    let full = fs::OpenOptions::new().write(true).open("/dev/full").unwrap();
    let mut command = std::process::Command::new(env!("CARGO_BIN_EXE_synthgen"));
    let output = command.current_dir(folder.path()).args(["check", "tiny.toml"]).stdout(full);
    let output = output.stderr(std::process::Stdio::piped()).output().unwrap();
    let said = String::from_utf8(output.stderr).unwrap();
    assert_eq!(output.status.code(), Some(1), "{said}");
    assert!(said.contains("the standard output: No space left on device"), "{said}");
}
