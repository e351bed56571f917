//! Datasets made in shares: joined, they are byte for byte what one run makes.
#![allow(clippy::unwrap_used, reason = "a panic is how a test fails")]

mod workshop;

use std::fs;
use std::ops::ControlFlow;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicUsize, Ordering};

use generators::dataset::{self, Dataset, DatasetError, Shard};
use generators::scenario::Production;
use workshop::{KEEP_ON, SCENARIO, files, resolve, with, write};

/// Makes every share of `count` below `folder`.
fn shards(production: &Production, folder: &Path, count: u32) -> Vec<PathBuf> {
    let make = |shard: Shard| {
        let folder = folder.join(format!("{}of{}", shard.number(), shard.count()));
        dataset::write(production, &folder, Some(shard), KEEP_ON).unwrap();
        folder
    };
    Shard::all(count).map(make).collect()
}

#[test]
fn shares_of_any_number_join_to_the_bytes_of_one_run() {
    let production = resolve(SCENARIO).unwrap();
    let folder = tempfile::tempdir().unwrap();
    write(&production, &folder.path().join("whole"), 2).unwrap();
    let expected = files(&folder.path().join("whole"));
    // There are eight jobs: the last splits leave shares without one.
    for count in [1, 2, 3, 4, 5, 11] {
        let mut shards = shards(&production, folder.path(), count);
        let before = files(&shards[0]);
        shards.reverse();
        let merged = folder.path().join(format!("merged{count}"));
        dataset::merge(&shards, &merged, KEEP_ON).unwrap();
        let found = files(&merged);
        assert_eq!(found.keys().collect::<Vec<_>>(), expected.keys().collect::<Vec<_>>(), "{count} shards");
        assert!(found == expected, "{count} shards");
        assert!(files(shards.last().unwrap()) == before, "a merge changes no shard");
        Dataset::open(&merged).unwrap();
        // Once more: it is there already.
        dataset::merge(&shards, &merged, &|_| ControlFlow::Break(())).unwrap();
    }
}

#[test]
fn the_formats_of_shares_join_to_those_of_one_run() {
    let formats = "test_jobs = 4\nformats = [\"coco\", \"yolo\", \"webdataset\", \"croissant\"]\nwebdataset.shard_mib = 0.1";
    let production = resolve(&with("test_jobs = 4", formats)).unwrap();
    let folder = tempfile::tempdir().unwrap();
    write(&production, &folder.path().join("whole"), 2).unwrap();
    let expected = files(&folder.path().join("whole"));
    for format in ["coco", "yolo", "webdataset", "croissant"] {
        assert!(expected.keys().any(|file| file.starts_with(format)), "{format}");
    }
    for count in [2, 5] {
        let shards = shards(&production, folder.path(), count);
        let merged = folder.path().join(format!("merged{count}"));
        dataset::merge(&shards, &merged, KEEP_ON).unwrap();
        let found = files(&merged);
        assert_eq!(found.keys().collect::<Vec<_>>(), expected.keys().collect::<Vec<_>>(), "{count} shards");
        assert!(found == expected, "{count} shards");
    }
}

#[test]
fn a_merge_that_was_stopped_goes_on() {
    let production = resolve(SCENARIO).unwrap();
    let folder = tempfile::tempdir().unwrap();
    write(&production, &folder.path().join("whole"), 2).unwrap();
    let expected = files(&folder.path().join("whole"));
    let shards = shards(&production, folder.path(), 3);
    for (number, stops) in [vec![0, 3, 5], vec![8]].into_iter().enumerate() {
        let merged = folder.path().join(format!("merged{number}"));
        for calls in stops {
            let count = AtomicUsize::new(0);
            let stopped = dataset::merge(&shards, &merged, &|_| {
                let stop = count.fetch_add(1, Ordering::Relaxed) >= calls;
                if stop { ControlFlow::Break(()) } else { ControlFlow::Continue(()) }
            });
            assert!(matches!(stopped, Err(DatasetError::Stopped { .. })));
            assert!(matches!(Dataset::open(&merged), Err(DatasetError::Incomplete { .. })));
        }
        // Either way leads to the same end: what a shard lacks can as well be made.
        if number == 0 {
            dataset::merge(&shards, &merged, KEEP_ON).unwrap();
        } else {
            dataset::write(&production, &merged, None, KEEP_ON).unwrap();
        }
        assert!(files(&merged) == expected);
    }
}

#[test]
fn shards_that_do_not_belong_together_are_refused_before_anything_is_written() {
    let production = resolve(SCENARIO).unwrap();
    let folder = tempfile::tempdir().unwrap();
    let at = |name: &str| folder.path().join(name);
    let thirds = shards(&production, folder.path(), 3);
    let halves = shards(&production, folder.path(), 2);
    let other = shards(&resolve(&with("seed = 7", "seed = 8")).unwrap(), &at("other"), 3);
    let whole = at("whole");
    write(&production, &whole, 2).unwrap();
    let unfinished = at("unfinished");
    // On one thread: a second job would be finished beside the first.
    let one_thread = rayon::ThreadPoolBuilder::new().num_threads(1).build().unwrap();
    one_thread
        .install(|| {
            dataset::write(&production, &unfinished, Some("2/3".parse().unwrap()), &|at| {
                if at.jobs_done > 0 { ControlFlow::Break(()) } else { ControlFlow::Continue(()) }
            })
        })
        .unwrap_err();
    let [one, two, three] = [0, 1, 2].map(|i| thirds[i].clone());
    let not_one = "are not of one dataset: scenario, seed, part and number of shards have to be the same";
    for (shards, expected) in [
        (vec![], "every shard is missing: name every shard".to_owned()),
        (vec![one.clone(), three.clone()], "shard 2/3 is missing: name every shard".to_owned()),
        (vec![three.clone()], "shards 1/3, 2/3 are missing: name every shard".to_owned()),
        (
            vec![one.clone(), two.clone(), one.clone(), three.clone()],
            format!("{0} and {0} are both shard 1/3: name each once", one.display()),
        ),
        (
            vec![one.clone(), other[1].clone(), three.clone()],
            format!("{} and {} {not_one}", one.display(), other[1].display()),
        ),
        (
            vec![one.clone(), halves[1].clone(), three.clone()],
            format!("{} and {} {not_one}", one.display(), halves[1].display()),
        ),
        (
            vec![one.clone(), whole.clone()],
            format!("{} holds no shard: make one with `generate --shard I/N`", whole.display()),
        ),
        (
            vec![at("nowhere")],
            format!("{} holds no shard: make one with `generate --shard I/N`", at("nowhere").display()),
        ),
        (
            vec![one.clone(), unfinished.clone(), three.clone()],
            format!(
                "{} has 1 of the 3 jobs of shard 2/3; generate it again, and it goes on from there",
                unfinished.display()
            ),
        ),
    ] {
        assert_eq!(dataset::check_shards(&shards).unwrap_err().to_string(), expected);
        let message = dataset::merge(&shards, &at("out"), KEEP_ON).unwrap_err().to_string();
        assert_eq!(message, expected);
        assert!(!at("out").exists(), "{message}");
    }
    let into_a_shard = dataset::merge(&thirds, &one, KEEP_ON).unwrap_err().to_string();
    assert_eq!(
        into_a_shard,
        format!("{} holds shard 1/3 of this dataset; choose another folder", one.display())
    );
}

#[test]
fn a_shard_that_was_damaged_is_named() {
    let production = resolve(SCENARIO).unwrap();
    let folder = tempfile::tempdir().unwrap();
    let shards = shards(&production, folder.path(), 2);
    let image = shards[1].join("train/good/job0001_layer0004.png");
    let sound = fs::read(&image).unwrap();
    let merged = folder.path().join("merged");
    // What is known before anything is written or discarded is what a merge would come upon.
    let message = || {
        let checked = dataset::check_shards(&shards).unwrap_err().to_string();
        assert_eq!(dataset::merge(&shards, &merged, KEEP_ON).unwrap_err().to_string(), checked);
        checked
    };
    dataset::check_shards(&shards).unwrap();
    let record = shards[1].join("jobs/job0003.json");
    let whole = fs::read(&record).unwrap();
    fs::write(&record, &whole[..whole.len() / 2]).unwrap();
    let expected = "is damaged: the record of job 3 cannot be read; make the dataset again";
    assert_eq!(message(), format!("{} {expected}", shards[1].display()));
    fs::write(&record, whole).unwrap();
    let part = shards[0].join("parts/block.stl");
    let block = fs::read(&part).unwrap();
    fs::write(&part, &block[..100]).unwrap();
    let expected = "is damaged: its content has changed; make the dataset again";
    assert_eq!(message(), format!("{} {expected}", part.display()));
    fs::write(&part, block).unwrap();
    fs::write(&image, b"half").unwrap();
    let expected = "is damaged: its content has changed; make the dataset again";
    assert_eq!(message(), format!("{} {expected}", image.display()));
    fs::remove_file(&image).unwrap();
    let expected = "is damaged: train/good/job0001_layer0004.png is missing; make the dataset again";
    assert_eq!(message(), format!("{} {expected}", shards[1].display()));
    // Its own run mends it, and the merge goes on.
    dataset::write(&production, &shards[1], Some("2/2".parse().unwrap()), KEEP_ON).unwrap();
    assert_eq!(fs::read(&image).unwrap(), sound);
    dataset::merge(&shards, &merged, KEEP_ON).unwrap();
    Dataset::open(&merged).unwrap();
}

#[test]
fn a_shard_is_no_dataset_and_keeps_its_folder() {
    let production = resolve(SCENARIO).unwrap();
    let folder = tempfile::tempdir().unwrap();
    let shard = shards(&production, folder.path(), 3).swap_remove(1);
    let before = files(&shard);
    let message = Dataset::open(&shard).unwrap_err().to_string();
    assert_eq!(
        message,
        format!("{} holds shard 2/3 of a dataset; merge it with the others first", shard.display())
    );
    for other in [None, Some("1/3".parse().unwrap()), Some("2/4".parse().unwrap())] {
        let message = dataset::write(&production, &shard, other, KEEP_ON).unwrap_err().to_string();
        let expected = "holds shard 2/3 of this dataset; choose another folder";
        assert_eq!(message, format!("{} {expected}", shard.display()));
    }
    assert!(files(&shard) == before);
    workshop::discard(&shard).unwrap();
    assert!(fs::read_dir(&shard).unwrap().next().is_none());
}
