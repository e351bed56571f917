//! Datasets on disk: the same bytes however they came about, and nothing half-written.
#![allow(clippy::unwrap_used, reason = "a panic is how a test fails")]

mod workshop;

use std::collections::{BTreeMap, BTreeSet};
use std::ops::ControlFlow;
use std::path::Path;
use std::sync::atomic::{AtomicUsize, Ordering};

use generators::dataset::{self, Dataset, DatasetError, Split};
use generators::params::Table;
use generators::scenario::{Production, Scenario};
use sha2::{Digest, Sha256};
use workshop::{DEFECTS, SCENARIO, TEXTURES, files, resolve, with, write};

/// Writes until `images` calls of the callback have been made.
fn write_until(production: &Production, folder: &Path, calls: usize) -> Result<Dataset, DatasetError> {
    let count = AtomicUsize::new(0);
    dataset::write(production, folder, None, &|_| {
        if count.fetch_add(1, Ordering::Relaxed) >= calls {
            ControlFlow::Break(())
        } else {
            ControlFlow::Continue(())
        }
    })?;
    Dataset::open(folder)
}

#[test]
fn bytes_do_not_depend_on_threads_or_interruptions() {
    let production = resolve(SCENARIO).unwrap();
    let folder = tempfile::tempdir().unwrap();
    let reference = folder.path().join("one");
    write(&production, &reference, 1).unwrap();
    let expected = files(&reference);
    for threads in [2, 5] {
        let folder = folder.path().join(format!("{threads}"));
        write(&production, &folder, threads).unwrap();
        assert!(files(&folder) == expected);
    }
    let stopped = folder.path().join("stopped");
    for calls in [0, 3, 17, 40] {
        let error = write_until(&production, &stopped, calls).unwrap_err();
        assert!(matches!(error, DatasetError::Stopped { .. }), "{error}");
        assert!(matches!(Dataset::open(&stopped), Err(DatasetError::Incomplete { .. })));
        // What a kill leaves: a file under its temporary name, and one of a job without a record.
        std::fs::write(stopped.join("train/good/job0000_layer0003.png.part"), b"half").unwrap();
        std::fs::write(stopped.join("test/good/job0007_layer0001.png.part"), b"").unwrap();
    }
    let finished: Vec<_> = std::fs::read_dir(stopped.join("jobs")).unwrap().collect();
    assert!(finished.len() > 2, "no job was finished before the stop");
    write(&production, &stopped, 2).unwrap();
    let resumed = files(&stopped);
    let names = |files: &BTreeMap<String, Vec<u8>>| files.keys().cloned().collect::<BTreeSet<_>>();
    assert_eq!(
        names(&resumed).symmetric_difference(&names(&expected)).collect::<Vec<_>>(),
        Vec::<&String>::new()
    );
    assert!(resumed == expected);
}

#[test]
fn the_manifest_lists_every_file_and_the_ledger_every_image() {
    let production = resolve(SCENARIO).unwrap();
    let folder = tempfile::tempdir().unwrap();
    let dataset = write(&production, folder.path(), 2).unwrap();
    let found = files(folder.path());
    let listed = dataset.manifest().files.keys().chain(dataset.manifest().parts.iter().map(|p| &p.file));
    let listed: BTreeSet<&str> = listed.map(String::as_str).collect();
    let mut there: BTreeSet<&str> = found.keys().map(String::as_str).collect();
    assert!(there.remove("manifest.json"));
    assert_eq!(listed, there);
    for (file, hash) in &dataset.manifest().files {
        let actual: String = Sha256::digest(&found[file]).iter().map(|b| format!("{b:02x}")).collect();
        assert_eq!(&actual, hash, "{file}");
    }
    let mut mentioned =
        BTreeSet::from(["ledger.parquet", "scenario.toml", "parts/block.stl"].map(str::to_owned));
    for row in dataset.rows() {
        mentioned.extend(
            [Some(row.file.clone()), Some(row.nominal.clone()), row.mask.clone(), row.change.clone()]
                .into_iter()
                .flatten(),
        );
    }
    assert_eq!(mentioned.iter().map(String::as_str).collect::<BTreeSet<_>>(), listed);
    assert_eq!(dataset.manifest().images["train"], 72);
    assert_eq!(dataset.manifest().images["test/good"] * 2, dataset.manifest().images["test"]);
}

#[test]
fn splits_are_apart_and_twins_are_pairs() {
    let production = resolve(SCENARIO).unwrap();
    let folder = tempfile::tempdir().unwrap();
    let dataset = write(&production, folder.path(), 2).unwrap();
    let mut splits: BTreeMap<u32, BTreeSet<Split>> = BTreeMap::new();
    for row in dataset.rows() {
        splits.entry(row.job).or_default().insert(row.split);
    }
    assert!(splits.values().all(|s| s.len() == 1));
    let good: BTreeSet<&str> = dataset
        .rows()
        .iter()
        .filter(|r| r.split == Split::Test && r.defect.is_none())
        .map(|r| r.file.as_str())
        .collect();
    let twins: Vec<&str> = dataset.rows().iter().filter_map(|r| r.twin.as_deref()).collect();
    assert_eq!(twins.len(), good.len());
    assert_eq!(twins.into_iter().collect::<BTreeSet<_>>(), good);
    for row in dataset.rows().iter().filter(|r| r.defect.is_some()) {
        let read = |file: &Option<String>| dataset.read(file.as_deref().unwrap()).unwrap();
        let (image, twin) = (dataset.read(&row.file).unwrap(), read(&row.twin));
        let (mask, change) = (read(&row.mask), read(&row.change));
        assert_eq!(mask.iter().filter(|&&v| v == 1.0).count(), row.parameters["defect.area_px"] as usize);
        assert!(mask.iter().all(|&v| v == 0.0 || v == 1.0));
        for ((a, b), c) in image.iter().zip(&twin).zip(&change) {
            assert!(((a - b).abs() - c).abs() < 1e-6);
        }
        let stem = format!("job{:04}_layer{:04}", row.job, row.layer);
        let defect = row.defect.as_deref().unwrap();
        assert_eq!(row.file, format!("test/{defect}/{stem}.png"));
        assert_eq!(row.twin, Some(format!("test/good/{stem}.png")));
        assert_eq!(row.mask, Some(format!("ground_truth/{defect}/{stem}_mask.png")));
        assert_eq!(row.change, Some(format!("change/{defect}/{stem}.png")));
        assert_eq!(row.nominal, format!("nominal/{stem}.png"));
    }
}

#[test]
fn a_finished_dataset_is_not_made_again_and_another_is_refused() {
    let production = resolve(SCENARIO).unwrap();
    let folder = tempfile::tempdir().unwrap();
    write(&production, folder.path(), 2).unwrap();
    let untouched = write_until(&production, folder.path(), 0).unwrap();
    assert_eq!(untouched.manifest().fingerprint, production.fingerprint());
    let other = resolve(&with("seed = 7", "seed = 8")).unwrap();
    assert_eq!(
        write(&other, folder.path(), 2).unwrap_err().to_string(),
        format!(
            "{} holds the data of another scenario (or of this one before it was changed); choose another folder, \
             or discard what is there",
            folder.path().display()
        )
    );
    let begun = tempfile::tempdir().unwrap();
    write_until(&production, begun.path(), 5).unwrap_err();
    assert!(matches!(write(&other, begun.path(), 2), Err(DatasetError::OtherData { .. })));
    std::fs::remove_file(untouched.path(&untouched.rows()[3].file)).unwrap();
    let error = write(&production, folder.path(), 2).unwrap_err().to_string();
    assert!(error.ends_with("job0000_layer0003.png is missing; make the dataset again"), "{error}");
}

#[test]
fn nothing_is_discarded_where_somebody_elses_files_would_be_in_the_way() {
    let production = resolve(SCENARIO).unwrap();
    let other = resolve(&with("seed = 7", "seed = 8")).unwrap();
    for calls in [7, usize::MAX] {
        let folder = tempfile::tempdir().unwrap();
        let _ = write_until(&production, folder.path(), calls);
        std::fs::create_dir_all(folder.path().join("train/good")).unwrap();
        std::fs::write(folder.path().join("train/good/notes.txt"), b"mine").unwrap();
        std::fs::write(folder.path().join("readme.md"), b"mine").unwrap();
        // As a killed run leaves it.
        std::fs::write(folder.path().join("train/good/job0000_layer0001.png.part"), b"half").unwrap();
        std::fs::write(folder.path().join("ledger.parquet.part"), b"half").unwrap();
        let before = files(folder.path());
        for file in ["readme.md", "train/good/notes.txt"] {
            // A dataset could not be made again beside it: it is told while there still is one.
            let message = workshop::discard(folder.path()).unwrap_err().to_string();
            let expected = format!(
                "{} holds a dataset and {file}, which is none of its files, so that nothing was discarded; move that \
                 elsewhere, or choose another folder",
                folder.path().display()
            );
            assert_eq!(message, expected);
            assert_eq!(
                files(folder.path()).into_keys().filter(|name| name != "readme.md").collect::<Vec<_>>(),
                before.keys().filter(|name| *name != "readme.md").cloned().collect::<Vec<_>>()
            );
            std::fs::remove_file(folder.path().join(file)).unwrap();
        }
        // A hidden file in the folder itself is in nobody's way.
        std::fs::write(folder.path().join(".mine"), b"mine").unwrap();
        workshop::discard(folder.path()).unwrap();
        assert_eq!(files(folder.path()).into_keys().collect::<Vec<_>>(), [".mine"]);
        workshop::discard(folder.path()).unwrap();
        write(&other, folder.path(), 2).unwrap();
    }
}

/// Nor is the journal's folder anybody's alone.
#[test]
fn what_is_no_record_of_a_job_stays_among_them() {
    let production = resolve(SCENARIO).unwrap();
    for calls in [7, usize::MAX] {
        let folder = tempfile::tempdir().unwrap();
        let _ = write_until(&production, folder.path(), calls);
        let own = folder.path().join("jobs/job2.json");
        std::fs::create_dir_all(folder.path().join("jobs")).unwrap();
        std::fs::write(&own, b"mine").unwrap();
        let message = workshop::discard(folder.path()).unwrap_err().to_string();
        assert!(message.contains("jobs/job2.json, which is none of its files"), "{message}");
        write(&production, folder.path(), 2).unwrap();
        assert_eq!(std::fs::read(&own).unwrap(), b"mine");
        std::fs::remove_file(&own).unwrap();
        workshop::discard(folder.path()).unwrap();
        assert_eq!(files(folder.path()).len(), 0);
    }
}

#[test]
fn without_a_sound_manifest_nothing_is_removed_and_nothing_read() {
    let folder = tempfile::tempdir().unwrap();
    write(&resolve(SCENARIO).unwrap(), folder.path(), 2).unwrap();
    let manifest = folder.path().join("manifest.json");
    let text = std::fs::read_to_string(&manifest).unwrap();
    let before = files(folder.path()).len();
    std::fs::write(&manifest, &text[..text.len() / 2]).unwrap();
    let error = workshop::discard(folder.path()).unwrap_err().to_string();
    assert!(error.contains("manifest.json is damaged"), "{error}");
    assert!(error.ends_with(&format!("remove {} yourself", folder.path().display())), "{error}");
    assert_eq!(files(folder.path()).len(), before);
    std::fs::write(&manifest, text.replacen("\"bits\": 8", "\"bits\": 40", 1)).unwrap();
    let error = Dataset::open(folder.path()).err().unwrap().to_string();
    assert!(error.contains("it says that images have 40 bits"), "{error}");
}

#[test]
fn folders_that_cannot_be_used_are_named() {
    let production = resolve(SCENARIO).unwrap();
    let within = tempfile::tempdir().unwrap();
    write(&production, within.path(), 2).unwrap();
    let inside = within.path().join("train/another");
    let error = write(&production, &inside, 1).unwrap_err().to_string();
    assert!(error.contains("lies inside the dataset"), "{error}");
    // By its names it would lie inside, too.
    let outside = tempfile::tempdir().unwrap();
    let name = outside.path().file_name().unwrap().to_owned();
    write(&production, &within.path().join("train/../..").join(name).join("new"), 1).unwrap();
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("file");
    std::fs::write(&file, b"mine").unwrap();
    let message = |path: &Path| write(&production, path, 1).unwrap_err().to_string();
    assert!(message(&file).starts_with(&format!("cannot create {}: ", file.display())), "{}", message(&file));
    assert_eq!(
        message(folder.path()),
        format!(
            "{} is not empty and holds no dataset (there is file in it); choose another folder",
            folder.path().display()
        )
    );
    assert_eq!(std::fs::read(&file).unwrap(), b"mine");
    // A folder in the way of an image: the error names it, and no temporary file stays.
    let blocked = folder.path().join("blocked");
    write_until(&production, &blocked, 0).unwrap_err();
    let image = blocked.join("train/good/job0001_layer0005.png");
    std::fs::create_dir_all(&image).unwrap();
    assert!(message(&blocked).starts_with(&format!("cannot write {}: ", image.display())));
    assert!(!files(&blocked).keys().any(|name| name.ends_with(".part")));
    let nowhere = Dataset::open(&folder.path().join("nowhere")).unwrap_err();
    assert!(matches!(nowhere, DatasetError::Incomplete { .. }), "{nowhere}");
}

/// A power failure can leave what was written last empty, or as it was before.
#[test]
fn files_that_are_not_as_they_were_written_are_made_again() {
    let production = resolve(SCENARIO).unwrap();
    let folder = tempfile::tempdir().unwrap();
    let (reference, failed) = (folder.path().join("reference"), folder.path().join("failed"));
    write(&production, &reference, 1).unwrap();
    let one_thread = rayon::ThreadPoolBuilder::new().num_threads(1).build().unwrap();
    one_thread.install(|| write_until(&production, &failed, 60)).unwrap_err();
    for file in ["train/good/job0000_layer0005.png", "jobs/job0001.json", "nominal/job0000_layer0003.png"] {
        assert!(failed.join(file).is_file(), "{file}");
        std::fs::write(failed.join(file), b"").unwrap();
    }
    write(&production, &failed, 2).unwrap();
    assert!(files(&failed) == files(&reference));
}

#[test]
fn a_dataset_can_be_made_again_from_itself() {
    let production = resolve(SCENARIO).unwrap();
    let folder = tempfile::tempdir().unwrap();
    let (first, second) = (folder.path().join("first"), folder.path().join("second"));
    write(&production, &first, 2).unwrap();
    let text = std::fs::read_to_string(first.join("scenario.toml")).unwrap();
    let mut table = Table::parse("scenario.toml", &text).unwrap();
    let scenario = Scenario::read_with_kinds(&mut table, &first, TEXTURES, DEFECTS).unwrap();
    table.finish().unwrap();
    write(&scenario.resolve().unwrap(), &second, 2).unwrap();
    assert!(files(&second) == files(&first));
}

#[test]
fn a_part_that_changes_after_it_was_sliced_is_noticed() {
    let folder = tempfile::tempdir().unwrap();
    let part = folder.path().join("block.stl");
    workshop::write_block(&part, [30.0, 20.0, 12.0]);
    let resolve = || {
        let mut table = Table::parse("s.toml", SCENARIO).unwrap();
        Scenario::read_with_kinds(&mut table, folder.path(), TEXTURES, DEFECTS).unwrap().resolve().unwrap()
    };
    let (production, data) = (resolve(), folder.path().join("data"));
    workshop::write_block(&part, [30.0, 20.0, 13.0]);
    let message = write(&production, &data, 1).unwrap_err().to_string();
    assert_eq!(message, format!("{} was changed since it was sliced; run this again", part.display()));
    std::fs::remove_file(&part).unwrap();
    let message = write(&production, &data, 1).unwrap_err().to_string();
    assert!(message.starts_with(&format!("cannot read {}: ", part.display())), "{message}");
    // Back in its place, the run goes on.
    workshop::write_block(&part, [30.0, 20.0, 12.0]);
    write(&production, &data, 1).unwrap();
    assert_eq!(files(&data)["parts/block.stl"], std::fs::read(&part).unwrap());
}
