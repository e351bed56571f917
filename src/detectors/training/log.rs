//! The training log: a JSON object a line, for other programs to plot.

use std::collections::BTreeMap;
use std::fs::{File, OpenOptions};
use std::io::{BufRead, BufReader, Read, Write};
use std::path::{Path, PathBuf};
use std::time::Instant;

use serde::{Deserialize, Serialize};

use crate::detectors::DetectorError;
use crate::files::write_whole;

/// The file's name inside the folder of a detector's model.
pub const FILE: &str = "training.jsonl";

/// One line. Numbers that are not finite, as in the last line of a training that diverged, are `null`.
#[derive(Debug, Serialize)]
pub struct Line<'a> {
    /// Stage of the training.
    pub stage: &'a str,
    /// Finished steps of the stage, this one among them.
    pub step: usize,
    /// Losses of this step by name; those on held-out images and the signs of a collapse in some steps only.
    pub losses: serde_json::Map<String, serde_json::Value>,
    /// Step size of each network's optimiser.
    pub learning_rate: serde_json::Map<String, serde_json::Value>,
    /// Norm of each network's gradient, before it was clipped.
    pub gradient_norm: serde_json::Map<String, serde_json::Value>,
    /// Training images read per second of wall time since the last line.
    pub images_per_second: f64,
}

/// A line as it is written.
#[derive(Serialize)]
struct Timed<'a> {
    #[serde(flatten)]
    line: &'a Line<'a>,
    /// Wall time in seconds that the stage has taken up to here, without the time between a run and its continuation.
    elapsed_secs: f64,
}

/// Where a line stands.
#[derive(Deserialize)]
struct Place {
    stage: String,
    step: usize,
    #[serde(default)]
    elapsed_secs: f64,
}

/// Whether the file at `path` is a training log: its first line has what every [`Line`] has, or it was killed before that.
pub fn is_log(path: &Path) -> bool {
    const KEYS: [&str; 6] =
        ["stage", "step", "losses", "learning_rate", "gradient_norm", "images_per_second"];
    /// More than a line ever has, in bytes.
    const MOST: u64 = 1 << 20;
    let first = || -> std::io::Result<bool> {
        let mut line = String::new();
        BufReader::new(File::open(path)?.take(MOST)).read_line(&mut line)?;
        let has_all =
            |of: serde_json::Map<String, serde_json::Value>| KEYS.iter().all(|key| of.contains_key(*key));
        Ok(line.is_empty() || serde_json::from_str(&line).is_ok_and(has_all))
    };
    first().unwrap_or(false)
}

/// Wall time in seconds of the training whose log lies in `folder`, all stages and continuations together, up to the last line of
/// each; `None` without a log that says so.
pub fn training_secs(folder: &Path) -> Option<f64> {
    let text = std::fs::read_to_string(folder.join(FILE)).ok()?;
    let mut stages: BTreeMap<String, f64> = BTreeMap::new();
    for place in text.lines().map_while(|line| serde_json::from_str::<Place>(line).ok()) {
        stages.insert(place.stage, place.elapsed_secs);
    }
    Some(stages.into_values().sum()).filter(|secs| *secs > 0.0)
}

/// Removes the log in `folder`, if there is one.
///
/// # Errors
/// [`DetectorError::Io`].
pub fn remove(folder: &Path) -> Result<(), DetectorError> {
    let path = folder.join(FILE);
    match std::fs::remove_file(&path) {
        Err(source) if source.kind() != std::io::ErrorKind::NotFound => {
            Err(DetectorError::Io { path, source })
        }
        _ => Ok(()),
    }
}

/// The log of one stage, open at its end.
pub struct Log {
    path: PathBuf,
    file: File,
    since: (usize, Instant),
    opened: Instant,
    /// What the stage had taken before, in seconds.
    before_secs: f64,
}

impl Log {
    /// Opens the log in `folder` to go on after `step` of `stage`: what an earlier run wrote of later steps, or of
    /// stages that come later, goes; what it wrote of earlier stages stays.
    ///
    /// # Errors
    /// [`DetectorError::Io`].
    pub fn open(folder: &Path, stage: &str, step: usize) -> Result<Self, DetectorError> {
        let path = folder.join(FILE);
        let failed = |source| DetectorError::Io { path: path.clone(), source };
        let written = match std::fs::read(&path) {
            Err(e) if e.kind() == std::io::ErrorKind::NotFound => Vec::new(),
            read => read.map_err(failed)?,
        };
        let mut kept = Vec::new();
        let (mut reached, mut before_secs) = (false, 0.0);
        for line in written.split_inclusive(|&byte| byte == b'\n') {
            // A line that was cut ends it.
            let Ok(place) = serde_json::from_slice::<Place>(line) else { break };
            let ours = place.stage == stage;
            reached |= ours;
            if reached && !(ours && place.step <= step) {
                break;
            }
            if ours {
                before_secs = place.elapsed_secs;
            }
            kept.extend_from_slice(line);
            if !line.ends_with(b"\n") {
                kept.push(b'\n');
            }
        }
        if kept != written {
            write_whole(&path, &kept).map_err(failed)?;
        }
        let file = OpenOptions::new().append(true).create(true).open(&path).map_err(failed)?;
        let now = Instant::now();
        Ok(Self { path, file, since: (step, now), opened: now, before_secs })
    }

    /// Training images per second since the last line, at `images` a step.
    pub fn rate(&mut self, step: usize, images: usize) -> f64 {
        let (before, then) = std::mem::replace(&mut self.since, (step, Instant::now()));
        let secs = (self.since.1 - then).as_secs_f64();
        ((step - before) * images) as f64 / secs.max(1e-9)
    }

    /// Adds a line, whole.
    ///
    /// # Errors
    /// [`DetectorError::Io`].
    pub fn write(&mut self, line: &Line<'_>) -> Result<(), DetectorError> {
        let elapsed_secs = self.before_secs + self.opened.elapsed().as_secs_f64();
        let mut text = serde_json::to_string(&Timed { line, elapsed_secs }).unwrap_or_default();
        text.push('\n');
        self.file.write_all(text.as_bytes()).map_err(|e| self.failed(e))
    }

    /// Brings the lines to the disk, so that none is missing from before a checkpoint.
    ///
    /// # Errors
    /// [`DetectorError::Io`].
    pub fn sync(&self) -> Result<(), DetectorError> {
        self.file.sync_data().map_err(|e| self.failed(e))
    }

    fn failed(&self, source: std::io::Error) -> DetectorError {
        DetectorError::Io { path: self.path.clone(), source }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn write(folder: &Path, stage: &str, from: usize, to: usize) {
        let mut log = Log::open(folder, stage, from).unwrap();
        for step in from + 1..=to {
            let (losses, learning_rate, gradient_norm) = Default::default();
            let images_per_second = log.rate(step, 16);
            log.write(&Line { stage, step, losses, learning_rate, gradient_norm, images_per_second })
                .unwrap();
        }
    }

    fn places(folder: &Path) -> Vec<(String, usize)> {
        let text = std::fs::read_to_string(folder.join(FILE)).unwrap();
        let place = |line: &str| serde_json::from_str::<Place>(line).map(|p| (p.stage, p.step)).unwrap();
        text.lines().map(place).collect()
    }

    fn expected(stages: &[(&str, usize)]) -> Vec<(String, usize)> {
        stages.iter().flat_map(|&(stage, to)| (1..=to).map(move |step| (stage.to_owned(), step))).collect()
    }

    #[test]
    fn a_resumed_log_has_every_step_once() {
        let folder = tempfile::tempdir().unwrap();
        let folder = folder.path();
        write(folder, "gan", 0, 9);
        write(folder, "encoder", 0, 5);
        assert_eq!(places(folder), expected(&[("gan", 9), ("encoder", 5)]));
        // Cut off in the second stage after its checkpoint of step 3, in the middle of a line, or of a character.
        let path = folder.join(FILE);
        for cut in [&b"{\"stage\":\"encoder\",\"st"[..], b"\xc3"] {
            let mut text = std::fs::read(&path).unwrap();
            text.extend_from_slice(cut);
            std::fs::write(&path, text).unwrap();
            write(folder, "encoder", 3, 7);
            assert_eq!(places(folder), expected(&[("gan", 9), ("encoder", 7)]));
        }
        // The time of both stages, before and after the cut.
        let times = std::fs::read_to_string(&path).unwrap();
        let times: Vec<f64> =
            times.lines().map(|l| serde_json::from_str::<Place>(l).unwrap().elapsed_secs).collect();
        assert!(times[9..].is_sorted() && times[..9].is_sorted(), "{times:?}");
        assert_eq!(training_secs(folder), Some(times[8] + times[15]));
        // Anew, and only the first stage so far.
        write(folder, "gan", 0, 2);
        assert_eq!(places(folder), expected(&[("gan", 2)]));
        assert_eq!(training_secs(&folder.join("none")), None);
    }
}
