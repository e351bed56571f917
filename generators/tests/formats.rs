//! Formats of a dataset: made with it or later, whole or not at all. What other programs read in them is
//! tested with those programs: `tests/interop` of the workspace.
#![allow(clippy::unwrap_used, reason = "a panic is how a test fails")]

mod workshop;

use std::collections::BTreeMap;
use std::ops::ControlFlow;
use std::path::Path;
use std::sync::atomic::{AtomicUsize, Ordering};

use generators::dataset::formats::{Formats, KINDS};
use generators::dataset::{self, Dataset, DatasetError, Row};
use generators::params::Table;
use workshop::{files, resolve, with};

const ALL: &str = "test_jobs = 4\nformats = [\"yolo\", \"coco\", \"webdataset\", \"croissant\"]\nwebdataset.shard_mib = 0.1";

fn scenario(formats: &str) -> String {
    with("test_jobs = 4", formats)
}

fn write(text: &str, folder: &Path, threads: usize, calls: usize) -> Result<(), DatasetError> {
    let production = resolve(text).unwrap();
    let pool = rayon::ThreadPoolBuilder::new().num_threads(threads).build().unwrap();
    let count = AtomicUsize::new(0);
    let report = |_| match count.fetch_add(1, Ordering::Relaxed) < calls {
        true => ControlFlow::Continue(()),
        false => ControlFlow::Break(()),
    };
    pool.install(|| dataset::write(&production, folder, None, &report))
}

/// `files` without the manifest, which has to list them.
fn data(folder: &Path) -> BTreeMap<String, Vec<u8>> {
    let mut files = files(folder);
    files.remove("manifest.json").unwrap();
    files
}

#[test]
fn a_scenario_takes_every_example_and_refuses_other_keys() {
    for kind in KINDS {
        let table =
            format!("test_jobs = 4\nformats = [\"{0}\"]\n[dataset.{0}]\n{1}", kind.name, kind.example);
        assert_eq!(resolve(&scenario(&table)).err(), None, "{}", kind.name);
        let message = resolve(&scenario(&format!("{table}\ncolour = 1"))).err().unwrap();
        assert!(message.contains(&format!("unknown key `colour` in [dataset.{}]", kind.name)), "{message}");
    }
}

#[test]
fn mistakes_name_the_nearest_format() {
    let message = |formats: &str| resolve(&scenario(formats)).err().unwrap();
    let unknown = message("test_jobs = 4\nformats = [\"coco\", \"wedataset\"]");
    assert!(
        unknown.ends_with(
            "`formats` cannot be `wedataset`; choose from `coco`, `croissant`, `webdataset`, `yolo`; did you mean `webdataset`?"
        ),
        "{unknown}"
    );
    let unused = message("test_jobs = 4\nwebdataset.shard_mib = 3");
    assert!(unused.ends_with("[dataset.webdataset] goes with formats = [\"webdataset\"]"), "{unused}");
}

/// The blocks of 4 kB that files fill, links to images counted once.
fn on_disk(folder: &Path) -> u64 {
    let own = files(folder).into_iter().filter(|(name, _)| !name.starts_with("yolo/images"));
    own.map(|(_, bytes)| (bytes.len() as u64).div_ceil(4096) * 4096).sum()
}

#[test]
fn the_room_on_disk_is_foreseen_with_every_format() {
    let temporary = tempfile::tempdir().unwrap();
    for (name, dataset) in [
        ("plain", "test_jobs = 4"),
        ("tiff", "test_jobs = 4\ntemperature = \"tiff\""),
        ("png16", "test_jobs = 4\ntemperature = \"png16\""),
        ("all", ALL),
        ("all and tiff", &format!("temperature = \"tiff\"\n{ALL}")),
    ] {
        let text = scenario(dataset).replace("image_px = 32", "image_px = 128");
        let folder = temporary.path().join(name);
        write(&text, &folder, 2, usize::MAX).unwrap();
        let (foreseen, taken) = (resolve(&text).unwrap().estimated_bytes() as f64, on_disk(&folder) as f64);
        assert!((0.75..1.33).contains(&(foreseen / taken)), "{name}: {foreseen} is not about {taken}");
    }
}

#[test]
fn bytes_do_not_depend_on_threads_interruptions_or_when_they_were_made() {
    let temporary = tempfile::tempdir().unwrap();
    let folder = |name: &str| temporary.path().join(name);
    write(&scenario(ALL), &folder("one"), 1, usize::MAX).unwrap();
    let expected = files(&folder("one"));
    for place in ["coco/train.json", "yolo/data.yaml", "webdataset/test-000001.tar", "croissant.json"] {
        assert!(expected.contains_key(place), "{place}");
    }

    write(&scenario(ALL), &folder("stopped"), 3, 40).unwrap_err();
    write(&scenario(ALL), &folder("stopped"), 2, usize::MAX).unwrap();
    assert!(files(&folder("stopped")) == expected);

    // Asked for later: the data are not made again.
    write(&scenario("test_jobs = 4"), &folder("later"), 2, usize::MAX).unwrap();
    write(&scenario(ALL), &folder("later"), 2, 0).unwrap();
    assert!(data(&folder("later")) == data(&folder("one")));
    let manifest = |name: &str| Dataset::open(&folder(name)).unwrap().manifest().clone();
    assert_eq!(manifest("later"), manifest("one"));
    assert!(files(&folder("later")) == expected, "the manifest is in another order");
}

#[test]
fn other_settings_leave_nothing_of_the_earlier_ones() {
    let temporary = tempfile::tempdir().unwrap();
    let folder = temporary.path();
    write(&scenario(ALL), folder, 2, usize::MAX).unwrap();
    let few = data(folder);
    write(&scenario(&ALL.replace("0.1", "500")), folder, 2, 0).unwrap();
    let one = data(folder);
    assert!(few.contains_key("webdataset/test-000001.tar"));
    assert!(!one.contains_key("webdataset/test-000001.tar"));
    let listed = Dataset::open(folder).unwrap().manifest().files.clone();
    assert!(!listed.contains_key("webdataset/test-000001.tar"));
    assert!(listed.contains_key("webdataset/test-000000.tar"));
}

#[test]
fn each_format_knows_its_own_files_and_no_others() {
    let temporary = tempfile::tempdir().unwrap();
    let folder = temporary.path();
    write(&scenario("test_jobs = 4"), folder, 2, usize::MAX).unwrap();
    let plain = data(folder);
    for kind in KINDS {
        let format = (kind.build)(&mut Table::parse("s.toml", "").unwrap()).unwrap();
        let before = data(folder);
        dataset::export(folder, &Formats::from([(kind.name.to_owned(), toml::Table::new())])).unwrap();
        let after = data(folder);
        let owned: Vec<&String> = after.keys().filter(|file| format.owns(file)).collect();
        let new: Vec<&String> = after.keys().filter(|file| !before.contains_key(*file)).collect();
        assert!(!new.is_empty() && owned == new, "{}: {owned:?}", kind.name);
    }
    assert!(plain.iter().all(|(file, bytes)| data(folder).get(file) == Some(bytes)));
}

/// What the programs that read a format leave in its folder, and what a person puts there.
#[test]
fn what_is_somebody_elses_in_a_formats_folder_stays() {
    let temporary = tempfile::tempdir().unwrap();
    let folder = temporary.path();
    write(&scenario(ALL), folder, 2, usize::MAX).unwrap();
    let ours = files(folder);
    let foreign = [
        "yolo/runs/detect/train/args.yaml",
        "yolo/runs/detect/train/results.png",
        "yolo/runs/train/good/job0000_layer0001.png",
        "yolo/mine.yaml",
        "yolo/images/mine.png",
        "yolo/images/train/good/mine.png",
        "yolo/images/mine/good/job0000_layer0001.png",
        "yolo/images/train/job0000_layer0001.png",
        "yolo/labels/classes.txt",
        "yolo/labels/train/good/job0000_layer0001.png",
        "coco/predictions.json",
        "coco/runs/train.json",
        "webdataset/train.tar",
        "webdataset/train-1.tar",
        "webdataset/mine-000000.tar",
        "webdataset/runs/train-000000.tar",
    ];
    for file in foreign {
        std::fs::create_dir_all(folder.join(file).parent().unwrap()).unwrap();
        std::fs::write(folder.join(file), b"mine").unwrap();
    }
    for kind in KINDS {
        let format = (kind.build)(&mut Table::parse("s.toml", "").unwrap()).unwrap();
        let taken: Vec<&str> = foreign.into_iter().filter(|file| format.owns(file)).collect();
        assert!(taken.is_empty(), "{}: {taken:?}", kind.name);
    }
    // The archives of other settings take the place of these, and of these alone.
    write(&scenario(&ALL.replace("0.1", "500")), folder, 2, 0).unwrap();
    let left = files(folder);
    assert!(
        ours.contains_key("webdataset/test-000001.tar") && !left.contains_key("webdataset/test-000001.tar")
    );
    assert!(foreign.iter().all(|file| left[*file] == b"mine"));
}

/// A mask that somebody painted in, an image and a slice: none of them gets into another format as what was made.
#[test]
fn a_file_that_was_changed_is_not_exported() {
    let temporary = tempfile::tempdir().unwrap();
    let folder = temporary.path();
    write(&scenario("test_jobs = 4\nformats = [\"croissant\"]"), folder, 2, usize::MAX).unwrap();
    let dataset = Dataset::open(folder).unwrap();
    let anomalous: Vec<_> = dataset.rows().iter().filter(|row| row.mask.is_some()).collect();
    let row = anomalous[0];
    let mask = |row: &Row| dataset.read(row.mask.as_ref().unwrap()).unwrap();
    let other = anomalous.iter().find(|other| mask(other) != mask(row)).unwrap();
    for (format, changed, by) in [
        ("coco", row.mask.as_ref().unwrap(), other.mask.as_ref().unwrap()),
        ("yolo", row.mask.as_ref().unwrap(), other.mask.as_ref().unwrap()),
        ("yolo", &row.file, &other.file),
        ("webdataset", row.mask.as_ref().unwrap(), other.mask.as_ref().unwrap()),
        ("webdataset", &row.nominal, row.mask.as_ref().unwrap()),
    ] {
        let sound = std::fs::read(dataset.path(changed)).unwrap();
        std::fs::write(dataset.path(changed), std::fs::read(dataset.path(by)).unwrap()).unwrap();
        let before = files(folder);
        let formats = Formats::from([(format.to_owned(), toml::Table::new())]);
        let message = dataset::export(folder, &formats).unwrap_err().to_string();
        let expected = "is damaged: its content has changed; make the dataset again";
        assert_eq!(message, format!("{} {expected}", dataset.path(changed).display()), "{format}");
        assert_eq!(
            files(folder).into_keys().collect::<Vec<_>>(),
            before.into_keys().collect::<Vec<_>>(),
            "{format}"
        );
        std::fs::write(dataset.path(changed), sound).unwrap();
        assert_eq!(Dataset::open(folder).unwrap().manifest(), dataset.manifest());
    }
    dataset::export(folder, &Formats::from([("coco".to_owned(), toml::Table::new())])).unwrap();
}

/// An export in the place of an older one that fails leaves a dataset without either.
#[test]
fn a_failed_export_with_other_settings_leaves_a_sound_dataset() {
    let temporary = tempfile::tempdir().unwrap();
    let folder = temporary.path();
    write(&scenario(ALL), folder, 2, usize::MAX).unwrap();
    let dataset = Dataset::open(folder).unwrap();
    let image = dataset.path(&dataset.rows()[3].file);
    let sound = std::fs::read(&image).unwrap();
    std::fs::write(&image, b"half").unwrap();
    let larger: toml::Table = toml::from_str("shard_mib = 500.0").unwrap();
    let formats = Formats::from([("webdataset".to_owned(), larger)]);
    dataset::export(folder, &formats).unwrap_err();
    let left = Dataset::open(folder).unwrap();
    assert_eq!(left.manifest().formats.keys().collect::<Vec<_>>(), ["coco", "croissant", "yolo"]);
    assert!(!left.manifest().files.keys().any(|file| file.starts_with("webdataset/")));
    std::fs::write(&image, sound).unwrap();
    dataset::export(folder, &formats).unwrap();
    assert!(Dataset::open(folder).unwrap().manifest().formats.contains_key("webdataset"));
}

#[test]
fn an_export_adds_to_what_is_there() {
    let temporary = tempfile::tempdir().unwrap();
    let folder = temporary.path();
    let coco = Formats::from([("coco".to_owned(), toml::Table::new())]);
    let error = dataset::export(folder, &coco).unwrap_err();
    assert!(matches!(error, DatasetError::Incomplete { .. }), "{error}");
    write(&scenario("test_jobs = 4\nformats = [\"croissant\"]"), folder, 2, usize::MAX).unwrap();
    let before = data(folder);
    dataset::export(folder, &coco).unwrap();
    let after = data(folder);
    assert!(before.iter().all(|(name, bytes)| after.get(name) == Some(bytes)));
    let new: Vec<&String> = after.keys().filter(|name| !before.contains_key(*name)).collect();
    assert_eq!(new, ["coco/test.json", "coco/train.json", "coco/validation.json"]);
}

#[test]
fn the_cameras_equation_makes_the_image_of_its_temperatures() {
    let temporary = tempfile::tempdir().unwrap();
    let folder = temporary.path();
    write(&scenario("test_jobs = 4\ntemperature = \"tiff\""), folder, 2, usize::MAX).unwrap();
    let dataset = Dataset::open(folder).unwrap();
    assert!(dataset.rows().iter().any(|row| row.defect.is_some()));
    for row in dataset.rows() {
        let file = std::fs::read(dataset.path(row.temperature.as_ref().unwrap())).unwrap();
        let image = dataset.read(&row.file).unwrap();
        // range_c = [20, 90], inverted, 8 bits; the pixels follow a header of 8 bytes.
        let slope = (row.parameters["camera.gain"] / -70.0) as f32;
        let offset = row.parameters["camera.offset"] as f32;
        for (bytes, grey) in file[8..].chunks(4).zip(image) {
            let celsius = f32::from_le_bytes(bytes.try_into().unwrap());
            let scaled = ((celsius - 90.0) * slope + offset).clamp(0.0, 1.0);
            assert_eq!((scaled * 255.0 + 0.5) as u8, (grey * 255.0).round() as u8, "{}", row.file);
        }
    }
    let message = resolve(&scenario("test_jobs = 4\ntemperature = \"tif\"")).err().unwrap();
    assert!(
        message.ends_with(
            "`temperature` cannot be `tif`; choose from `none`, `tiff`, `png16`; did you mean `tiff`?"
        ),
        "{message}"
    );
}

#[test]
fn discarding_removes_formats_finished_or_not_and_nothing_else() {
    let temporary = tempfile::tempdir().unwrap();
    let folder = temporary.path();
    for finished in [true, false] {
        write(&scenario(ALL), folder, 2, usize::MAX).unwrap();
        std::fs::write(folder.join("coco/notes.md"), b"mine").unwrap();
        if !finished {
            // As a run leaves it that is killed before the manifest is written.
            let manifest = std::fs::read(folder.join("manifest.json")).unwrap();
            std::fs::remove_file(folder.join("manifest.json")).unwrap();
            std::fs::write(folder.join("yolo/data.yaml.part"), b"na").unwrap();
            std::fs::create_dir(folder.join("jobs")).unwrap();
            let manifest: serde_json::Value = serde_json::from_slice(&manifest).unwrap();
            let folders = ["train/good", "validation/good", "test/good", "nominal", "parts"];
            let folders: Vec<String> = (folders.iter().map(|f| (*f).to_owned()))
                .chain(
                    ["test", "ground_truth", "change"]
                        .iter()
                        .flat_map(|f| ["spot", "moody"].map(|d| format!("{f}/{d}"))),
                )
                .collect();
            let header =
                serde_json::json!({ "shard": null, "jobs": 8, "folders": folders, "manifest": manifest });
            std::fs::write(folder.join("jobs/dataset.json"), header.to_string()).unwrap();
        }
        let before = files(folder);
        let message = workshop::discard(folder).unwrap_err().to_string();
        assert!(message.contains("coco/notes.md"), "{message}");
        let mut after = files(folder);
        after.remove("jobs/lock");
        assert!(after == before, "{finished}");
        std::fs::remove_file(folder.join("coco/notes.md")).unwrap();
        workshop::discard(folder).unwrap();
        assert_eq!(std::fs::read_dir(folder).unwrap().count(), 0, "{finished}");
    }
}

/// As an export to YOLO leaves it that is killed halfway.
fn cut_off(folder: &Path) {
    let text = std::fs::read(folder.join("manifest.json")).unwrap();
    let mut manifest: serde_json::Value = serde_json::from_slice(&text).unwrap();
    manifest["formats"] = serde_json::json!({ "yolo": {} });
    let header = serde_json::json!({ "shard": null, "jobs": 0, "folders": [], "manifest": manifest });
    std::fs::create_dir_all(folder.join("jobs")).unwrap();
    std::fs::write(folder.join("jobs/dataset.json"), header.to_string()).unwrap();
    std::fs::create_dir_all(folder.join("yolo")).unwrap();
    std::fs::write(folder.join("yolo/data.yaml"), b"na").unwrap();
}

#[test]
fn an_export_that_was_cut_off_leaves_nothing_that_is_nobodys() {
    let temporary = tempfile::tempdir().unwrap();
    let folder = temporary.path();
    let text = scenario("test_jobs = 4");
    write(&text, folder, 2, usize::MAX).unwrap();
    let plain = files(folder);
    cut_off(folder);
    write(&text, folder, 2, usize::MAX).unwrap();
    assert!(files(folder) == plain, "the dataset is made again");
    cut_off(folder);
    dataset::export(folder, &Formats::from([("coco".to_owned(), toml::Table::new())])).unwrap();
    assert!(!folder.join("yolo").exists(), "another format is asked for");
    workshop::discard(folder).unwrap();
}
