//! What becomes of a dataset when its process is killed, its disk is full or its folder goes away: nothing
//! is half-written, one message says what happened, and the next run ends in the same bytes.
//!
//! The process is held still by a named pipe under the temporary name of the file that it is to write next:
//! it cannot get past that file, so that every kill hits where it is meant to, however busy the machine is.
#![cfg(target_os = "linux")]
#![allow(clippy::unwrap_used)]

mod tiny;

use std::collections::BTreeMap;
use std::fs::{self, OpenOptions};
use std::io::Read;
use std::os::unix::fs::OpenOptionsExt;
use std::os::unix::process::ExitStatusExt;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};

use generators::dataset::Dataset;
use generators::stream::Stream;
use tempfile::TempDir;

/// The tiny scenario's data, with more jobs to be killed in.
fn scenario() -> String {
    tiny::DATA.replace("training_jobs = 3", "training_jobs = 5")
}

type Files = BTreeMap<String, Vec<u8>>;

/// A folder with a scenario, its part, and the dataset as one run makes it.
struct Workshop {
    folder: TempDir,
    whole: Files,
    /// The files of each job in the order in which they are written.
    jobs: Vec<Vec<String>>,
}

impl Workshop {
    fn new() -> Self {
        let folder = tiny::folder(&scenario());
        let mut workshop = Self { folder, whole: Files::new(), jobs: Vec::new() };
        workshop.finish(&["generate", "tiny.toml", "--out", "whole"]);
        let dataset = workshop.path("whole/dataset");
        workshop.whole = files(&dataset);
        for row in Dataset::open(&dataset).unwrap().rows() {
            workshop.jobs.resize(row.job as usize + 1, Vec::new());
            let mut named: Vec<String> = row.files().map(str::to_owned).collect();
            match row.defect {
                // The slice comes first, and a twin shares it.
                None => named.reverse(),
                Some(_) => drop(named.remove(1)),
            }
            workshop.jobs[row.job as usize].extend(named);
        }
        workshop
    }

    fn path(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    fn command(&self, arguments: &[&str]) -> Command {
        let mut command = Command::new(env!("CARGO_BIN_EXE_synthgen"));
        command.current_dir(self.folder.path()).env("NO_COLOR", "1").args(arguments);
        command.stdout(Stdio::null()).stderr(Stdio::piped());
        command
    }

    fn finish(&self, arguments: &[&str]) {
        let output = self.command(arguments).output().unwrap();
        assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    }

    /// A process that will not get past `file` of the dataset in `folder`, held there: what comes
    /// directly before it, `before`, is there.
    fn held(&self, arguments: &[&str], folder: &Path, file: &str, before: &[String]) -> Held {
        let pipe = folder.join(format!("{file}.part"));
        fs::create_dir_all(pipe.parent().unwrap()).unwrap();
        let _ = fs::remove_file(&pipe);
        assert!(Command::new("mkfifo").arg(&pipe).status().unwrap().success());
        let mut child = self.command(arguments).spawn().unwrap();
        while !before.iter().all(|name| folder.join(name).exists()) {
            if let Some(status) = child.try_wait().unwrap() {
                let mut message = String::new();
                child.stderr.unwrap().read_to_string(&mut message).unwrap();
                panic!("ended before {file}: {status}: {message}");
            }
            std::thread::yield_now();
        }
        Held { child, pipe }
    }

    /// Makes the first job of the dataset in `folder`, all but its record.
    fn begin(&self, arguments: &[&str], folder: &Path) {
        self.held(arguments, folder, "jobs/job0000.json", &self.jobs[0][self.jobs[0].len() - 1..]).kill();
    }

    /// What is there under a name that counts is whole.
    fn nothing_is_half_written(&self, folder: &Path) {
        for (name, content) in files(folder) {
            let counts = !name.starts_with("jobs/") && !name.ends_with(".part");
            assert!(!counts || self.whole.get(&name) == Some(&content), "{name} is not as it should be");
        }
    }

    /// Kills what makes the dataset in `folder` at a random file that is still to come, again and again
    /// until it is complete; how often it was killed.
    fn kill_again_and_again(&self, arguments: &[&str], folder: &Path, random: &mut Stream) -> usize {
        let record = |job: usize| format!("jobs/job{job:04}.json");
        let linked = arguments[0] == "merge";
        let mut at_the_ledger = false;
        for kills in 0.. {
            let open: Vec<usize> =
                (0..self.jobs.len()).filter(|&job| !folder.join(record(job)).exists()).collect();
            let (file, before) = if kills == 0 {
                ("jobs/dataset.json".to_owned(), vec!["jobs/lock".to_owned()])
            } else if kills == 1 {
                // Before the journal says what is made here, the folder may hold nothing else.
                (record(0), self.jobs[0].last().cloned().into_iter().collect())
            } else if open.len() <= 1 && !at_the_ledger {
                at_the_ledger = true;
                fs::remove_file(folder.join("scenario.toml")).unwrap();
                let records = (0..self.jobs.len()).map(record);
                ("ledger.parquet".to_owned(), records.chain(["scenario.toml".to_owned()]).collect())
            } else if at_the_ledger {
                ("manifest.json".to_owned(), vec!["ledger.parquet".to_owned()])
            } else {
                let job = open[random.below(open.len())];
                let names = &self.jobs[job];
                // A merge links its images, which takes no temporary name.
                let at = if linked { names.len() } else { 1 + random.below(names.len()) };
                let _ = fs::remove_file(folder.join(&names[at - 1]));
                (names.get(at).cloned().unwrap_or(record(job)), vec![names[at - 1].clone()])
            };
            self.held(arguments, folder, &file, &before).kill();
            self.nothing_is_half_written(folder);
            if file == "manifest.json" {
                let jobs = files(&folder.join("jobs"));
                self.finish(arguments);
                assert!(files(folder) == self.whole);
                // As if the last run had been killed while it was removing its journal.
                fs::create_dir(folder.join("jobs")).unwrap();
                for (name, content) in jobs.iter().filter(|(name, _)| name.as_str() != "job0003.json") {
                    fs::write(folder.join("jobs").join(name), content).unwrap();
                }
                self.finish(arguments);
                assert!(files(folder) == self.whole);
                return kills + 1;
            }
        }
        unreachable!()
    }
}

/// A process that waits for somebody to read from a pipe.
struct Held {
    child: Child,
    pipe: PathBuf,
}

impl Held {
    fn kill(mut self) {
        self.child.kill().unwrap();
        assert_eq!(self.child.wait().unwrap().signal(), Some(9));
        fs::remove_file(&self.pipe).unwrap();
    }

    fn message(self) -> (Option<i32>, String) {
        let output = self.child.wait_with_output().unwrap();
        (output.status.code(), String::from_utf8(output.stderr).unwrap())
    }
}

/// Every file below `folder` and its content; pipes are no files.
fn files(folder: &Path) -> Files {
    let mut found = Files::new();
    let mut folders = vec![folder.to_owned()];
    while let Some(next) = folders.pop() {
        for entry in fs::read_dir(next).unwrap() {
            let path = entry.unwrap().path();
            if path.is_dir() {
                folders.push(path);
            } else if path.is_file() {
                let name = path.strip_prefix(folder).unwrap().to_string_lossy().into_owned();
                found.insert(name, fs::read(&path).unwrap());
            }
        }
    }
    found
}

#[test]
fn a_kill_at_any_moment_costs_nothing_that_was_finished() {
    let workshop = Workshop::new();
    let mut random = Stream::root(30).child("kills");
    let mut kills = 0;
    for run in 0.. {
        if kills >= 20 {
            break;
        }
        let (out, threads) = (format!("run{run}"), if run % 2 == 0 { "1" } else { "2" });
        let arguments = ["generate", "tiny.toml", "--threads", threads, "--out", &out];
        let folder = workshop.path(&out).join("dataset");
        kills += workshop.kill_again_and_again(&arguments, &folder, &mut random);
    }
    for number in 1..=3 {
        let shard = format!("{number}/3");
        workshop.finish(&["generate", "tiny.toml", "--shard", &shard, "--out", &format!("shard{number}")]);
    }
    for run in 0.. {
        if kills >= 30 {
            break;
        }
        let out = format!("merged{run}");
        let arguments = ["merge", "shard1", "shard2", "shard3", "--threads", "2", "--out", &out];
        kills += workshop.kill_again_and_again(&arguments, &workshop.path(&out).join("dataset"), &mut random);
    }
}

#[test]
fn an_interrupted_run_says_that_it_can_go_on() {
    let workshop = Workshop::new();
    let folder = workshop.path("run/dataset");
    let arguments = ["generate", "tiny.toml", "--threads", "1", "--out", "run"];
    workshop.begin(&arguments, &folder);
    workshop.held(&arguments, &folder, "parts/core.stl", &["scenario.toml".to_owned()]).kill();
    let held = workshop.held(&arguments, &folder, "jobs/job0002.json", &workshop.jobs[2][19..]);
    let pid = held.child.id().to_string();
    assert!(Command::new("kill").args(["-INT", &pid]).status().unwrap().success());
    let pipe = held.pipe.clone();
    let (status, message) = held.message();
    assert_eq!(status, Some(130), "{message}");
    let expected =
        "interrupted; what is finished is kept, and the same command, without --fresh, goes on from there";
    assert!(message.contains(expected), "{message}");
    fs::remove_file(pipe).unwrap();
    workshop.finish(&arguments);
    assert!(files(&folder) == workshop.whole);
}

#[test]
fn an_interrupted_training_goes_on_to_the_same_weights() {
    let workshop = Workshop::new();
    let detector = tiny::VAE.replace("steps = 3\n", "steps = 3000\ncheckpoint_steps = 100000\n");
    let learn = [&scenario(), &detector, "[[separator]]\nkind = \"otsu\"\n"].concat();
    fs::write(workshop.path("learn.toml"), learn).unwrap();
    workshop.finish(&["learn.toml", "--out", "once"]);
    let once = workshop.path("once/models/vae");
    let steps = |folder: &Path| -> Vec<String> {
        let log = fs::read_to_string(folder.join("training.jsonl")).unwrap_or_default();
        log.lines().map(|line| line.split_once(",\"images_per_second\"").unwrap().0.to_owned()).collect()
    };
    for (signal, status) in [("-INT", 130), ("-TERM", 143)] {
        let arguments = ["learn.toml", "--out", signal.trim_start_matches('-')];
        let folder = workshop.path(arguments[2]).join("models/vae");
        let mut child = workshop.command(&arguments).spawn().unwrap();
        let log = folder.join("training.jsonl");
        while fs::read_to_string(&log).unwrap_or_default().lines().count() < 5 {
            assert_eq!(child.try_wait().unwrap(), None);
            std::thread::yield_now();
        }
        assert!(Command::new("kill").args([signal, &child.id().to_string()]).status().unwrap().success());
        let output = child.wait_with_output().unwrap();
        let message = String::from_utf8(output.stderr).unwrap();
        assert_eq!(output.status.code(), Some(status), "{message}");
        let expected = format!(
            "interrupted after step {} of vae; what is finished is kept, and the same command, without --fresh, goes on from there",
            steps(&folder).len()
        );
        assert!(message.contains(&expected), "{message}");
        assert!(folder.join("checkpoint-vae.safetensors").exists());
        workshop.finish(&arguments);
        let model = |folder: &Path| fs::read(folder.join("model.safetensors")).unwrap();
        assert!(model(&folder) == model(&once) && steps(&folder) == steps(&once));
        assert!(!folder.join("checkpoint-vae.safetensors").exists());
    }
}

#[test]
fn a_run_that_is_killed_in_a_shift_comes_to_the_same_results() {
    let workshop = Workshop::new();
    let drawn = scenario().replace("temperature_c = 67.0", "temperature_c = { uniform = [66.0, 68.0] }");
    let shift = "[[separator]]\nkind = \"otsu\"\n[[shift]]\nname = \"wider\"\nwidths = [2]\n";
    fs::write(workshop.path("shift.toml"), [&drawn, tiny::VAE, shift].concat()).unwrap();
    workshop.finish(&["shift.toml", "--out", "once"]);
    let data = |run: &str| workshop.path(run).join("shifts/wider/2/dataset");
    let jobs: Vec<u32> = Dataset::open(&data("once")).unwrap().rows().iter().map(|row| row.job).collect();
    let [first, last] = [jobs[0], jobs[jobs.len() - 1]].map(|job| format!("jobs/job{job:04}.json"));
    let arguments = ["shift.toml", "--threads", "1", "--out", "killed"];
    workshop.held(&arguments, &data("killed"), &last, &[first]).kill();
    assert!(!workshop.path("killed/record.json").exists());
    workshop.finish(&arguments);
    assert!(files(&data("once")) == files(&data("killed")));
    let found = |run: &str| -> Vec<serde_json::Value> {
        let record = fs::read(workshop.path(run).join("record.json")).unwrap();
        let record: serde_json::Value = serde_json::from_slice(&record).unwrap();
        ["shifts", "separations", "test_images"].map(|key| record[key].clone()).to_vec()
    };
    assert!(found("once")[0][0]["points"][0]["scores"].is_array());
    assert_eq!(found("once"), found("killed"));
}

#[test]
fn a_folder_that_goes_away_ends_the_run_with_one_message() {
    let workshop = Workshop::new();
    let folder = workshop.path("run/dataset");
    let arguments = ["generate", "tiny.toml", "--threads", "1", "--out", "run"];
    workshop.begin(&arguments, &folder);
    let names = &workshop.jobs[1];
    let held = workshop.held(&arguments, &folder, &names[8], &names[7..8]);
    let pipe = workshop.path("pipe");
    fs::hard_link(&held.pipe, &pipe).unwrap();
    fs::remove_dir_all(&folder).unwrap();
    // Lets it go on, whether it waits already or not (O_NONBLOCK).
    let _reader = OpenOptions::new().read(true).custom_flags(0o4000).open(&pipe).unwrap();
    let (status, message) = held.message();
    assert_eq!(status, Some(1), "{message}");
    assert!(message.contains(&format!("cannot write run/dataset/{}", names[8])), "{message}");
    assert!(message.contains("was the folder removed meanwhile?"), "{message}");
    assert_eq!(message.matches("cannot write").count(), 1, "{message}");
    workshop.finish(&arguments);
    assert!(files(&folder) == workshop.whole);
}

#[test]
fn a_part_that_vanishes_once_it_was_read_is_named() {
    let workshop = Workshop::new();
    let (part, kept) = (workshop.path("core.stl"), workshop.path("kept.stl"));
    fs::rename(&part, &kept).unwrap();
    assert!(Command::new("mkfifo").arg(&part).status().unwrap().success());
    let child = workshop.command(&["generate", "tiny.toml", "--out", "run"]).spawn().unwrap();
    // Opening waits for the reader; whatever it does next, the file is gone by the end of what it reads.
    let mut to = OpenOptions::new().write(true).open(&part).unwrap();
    fs::remove_file(&part).unwrap();
    std::io::Write::write_all(&mut to, &fs::read(&kept).unwrap()).unwrap();
    drop(to);
    let (status, message) = Held { child, pipe: part.clone() }.message();
    assert_eq!(status, Some(1), "{message}");
    assert!(message.contains("cannot read core.stl: "), "{message}");
    fs::rename(&kept, &part).unwrap();
    workshop.finish(&["generate", "tiny.toml", "--out", "run"]);
    assert!(files(&workshop.path("run/dataset")) == workshop.whole);
}

/// Runs on disks of its own, in a mount namespace that nobody else sees.
#[test]
fn a_full_or_read_only_disk_ends_the_run_with_one_message() {
    const SCRIPT: &str = r#"
        mkdir disk && mount -t tmpfs -o size=$1 disk disk 2>/dev/null || exit 77
        $0 generate tiny.toml --out disk/run >/dev/null 2>message; echo $? >status
        find disk -name '*.part' >parts
        mount -o remount,size=64m disk
        $0 generate tiny.toml --out disk/run >/dev/null || exit 1
        cp -r disk/run/dataset again
        mount -o remount,ro disk
        for run in other run; do $0 generate tiny.toml --out disk/$run >/dev/null 2>>message-ro; echo $? >>status-ro; done
        exit 0
    "#;
    for size in ["60k", "300k", "700k"] {
        let workshop = Workshop::new();
        let output = Command::new("unshare")
            .args(["--map-root-user", "--mount", "sh", "-c", SCRIPT, env!("CARGO_BIN_EXE_synthgen"), size])
            .current_dir(workshop.folder.path())
            .env("NO_COLOR", "1")
            .output();
        let read = |name: &str| fs::read_to_string(workshop.path(name)).unwrap_or_default();
        match output {
            Ok(output) if output.status.success() => {}
            Ok(output) if output.status.code() == Some(1) && !read("status").is_empty() => {
                panic!("{size}: {}", String::from_utf8_lossy(&output.stderr))
            }
            _ => return println!("skipped: no file system can be mounted here"),
        }
        let message = read("message");
        assert_eq!(read("status"), "1\n", "{size}: {message}");
        assert!(message.contains("No space left on device"), "{size}: {message}");
        assert!(message.contains("make room there and run this again"), "{size}: {message}");
        assert_eq!(message.matches("cannot").count(), 1, "{size}: {message}");
        assert_eq!(read("parts"), "", "{size}");
        assert!(files(&workshop.path("again")) == workshop.whole, "{size}");
        let message = read("message-ro");
        assert_eq!(read("status-ro"), "2\n2\n", "{message}");
        for run in ["disk/other", "disk/run"] {
            let expected = format!("the folder {run} cannot be written (Read-only file system");
            assert!(message.contains(&expected), "{message}");
        }
        assert_eq!(message.matches("allow it, or choose another one").count(), 2, "{message}");
        assert_eq!(message.matches("cannot").count(), 2, "{message}");
    }
}
