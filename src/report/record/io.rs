//! Reading and writing `record.json`.

use std::collections::BTreeMap;
use std::fs;
use std::io::ErrorKind;
use std::path::{Path, PathBuf};

use serde::Deserialize;
use serde::de::IgnoredAny;
use serde_json::Value;

use super::{FILE, OLDEST, Outcome, Record, ShiftedScore, VERSION};
use crate::files::write_whole;

/// Why a record cannot be written or read.
#[derive(Debug, thiserror::Error)]
pub enum RecordError {
    /// There is none.
    #[error("there is no {path}; a run writes it when it is finished")]
    Missing {
        /// Where it was looked for.
        path: PathBuf,
    },
    /// A file could not be read or written.
    #[error("{path}: {source}")]
    Io {
        /// Which file.
        path: PathBuf,
        /// What the system said.
        source: std::io::Error,
    },
    /// The file is not a record.
    #[error("{path} is not a record of a run: {source}")]
    Json {
        /// Which file.
        path: PathBuf,
        /// What is wrong, with line and column.
        source: serde_json::Error,
    },
    /// Another program wrote it.
    #[error(
        "{path} has version {found}, and this program reads {OLDEST} to {VERSION}: use the synthgen that wrote it, or run the scenario again"
    )]
    OtherVersion {
        /// Which file.
        path: PathBuf,
        /// Its version.
        found: u32,
    },
    /// A number is infinite or not a number.
    #[error("the record's {place} is not a finite number")]
    NotFinite {
        /// Where: `detectors[0].components[1].values[3]`.
        place: String,
    },
    /// Two parts of a file contradict each other.
    #[error("{path} contradicts itself: {why}")]
    Unsound {
        /// Which file.
        path: PathBuf,
        /// What does not fit.
        why: String,
    },
    /// Two parts of the record that is to be written contradict each other.
    #[error("the record contradicts itself: {0}")]
    Contradiction(String),
}

/// Whether the file at `path` is a record of this program, of whatever version.
pub fn is_record(path: &Path) -> bool {
    const KEYS: [&str; 5] = ["version", "scenario", "provenance", "test_images", "separations"];
    let read =
        || -> Option<BTreeMap<String, IgnoredAny>> { serde_json::from_slice(&fs::read(path).ok()?).ok() };
    path.is_file() && read().is_some_and(|record| KEYS.iter().all(|key| record.contains_key(*key)))
}

impl Record {
    /// Reads a record's file: [`FILE`] in the folder of a run, or a copy of it.
    ///
    /// # Errors
    /// [`RecordError::Missing`], [`RecordError::Io`], [`RecordError::Json`], [`RecordError::OtherVersion`],
    /// [`RecordError::Unsound`].
    pub fn read(path: &Path) -> Result<Self, RecordError> {
        let bytes = fs::read(path).map_err(|source| match source.kind() {
            ErrorKind::NotFound => RecordError::Missing { path: path.to_owned() },
            _ => RecordError::Io { path: path.to_owned(), source },
        })?;
        Self::from_json(&bytes, path)
    }

    fn from_json(bytes: &[u8], path: &Path) -> Result<Self, RecordError> {
        #[derive(Deserialize)]
        struct Version {
            version: u32,
        }
        let wrong = |source| RecordError::Json { path: path.to_owned(), source };
        let Version { version } = serde_json::from_slice(bytes).map_err(wrong)?;
        if !(OLDEST..=VERSION).contains(&version) {
            return Err(RecordError::OtherVersion { path: path.to_owned(), found: version });
        }
        let record = Self { version: VERSION, ..serde_json::from_slice(bytes).map_err(wrong)? };
        record.check().map_err(|why| RecordError::Unsound { path: path.to_owned(), why })?;
        Ok(record)
    }

    /// Writes `record.json` into the folder of a run, whole or not at all, and returns its path.
    ///
    /// # Errors
    /// [`RecordError::NotFinite`] and [`RecordError::Contradiction`] before anything is written;
    /// [`RecordError::Io`].
    pub fn save(&self, run: &Path) -> Result<PathBuf, RecordError> {
        self.check().map_err(RecordError::Contradiction)?;
        let path = run.join(FILE);
        let json = |source| RecordError::Json { path: path.clone(), source };
        if let Some(place) = first_null(&serde_json::to_value(self).map_err(json)?) {
            return Err(RecordError::NotFinite { place });
        }
        let mut text = serde_json::to_vec_pretty(self).map_err(json)?;
        text.push(b'\n');
        write_whole(&path, &text).map_err(|source| RecordError::Io { path: path.clone(), source })?;
        Ok(path)
    }

    /// Checks that the parts fit together: one score per test image, every defect known, every
    /// cell of a known representation and separator, one call per judged image in every training and separation, the named
    /// pair in the table.
    ///
    /// # Errors
    /// What does not fit.
    pub fn check(&self) -> Result<(), String> {
        if self.trainings == 0 {
            return Err("it is of no training".to_owned());
        }
        let images = self.test_images.len();
        for (detector, component) in self.components() {
            let scored = self.scored(detector);
            let known = scored.is_sorted() && scored.last().is_none_or(|&last| last < images);
            let all = std::iter::once(&component.values).chain(&component.retrained);
            let (detector, name) = (&detector.name, &component.name);
            if let Some(found) = all.map(Vec::len).find(|&found| found != scored.len() || !known) {
                let scored = scored.len();
                return Err(format!(
                    "{detector} {name} has {found} scores for {scored} of {images} test images"
                ));
            }
            let (found, trainings) = (1 + component.retrained.len(), self.trainings);
            if found != trainings {
                return Err(format!("{detector} {name} has scores of {found} trainings of {trainings}"));
            }
        }
        self.check_shifts()?;
        let defects = self.defects();
        let unknown =
            self.test_images.iter().filter_map(|i| i.defect.as_deref()).find(|d| !defects.contains(d));
        if let Some(defect) = unknown {
            return Err(format!("the defect {defect} of a test image is not among the dataset's"));
        }
        if let Some(image) = self.judged_images.iter().flatten().find(|&&image| image >= images) {
            return Err(format!("there is no test image {image} to be judged on"));
        }
        for cell in &self.separations {
            if !self.representations.iter().any(|r| r.name == cell.representation) {
                return Err(format!("there is no representation {}", cell.representation));
            }
            if !self.separators.contains(&cell.separator) {
                return Err(format!("there is no separator {}", cell.separator));
            }
            let Outcome::Judged(judgement) = &cell.outcome else { continue };
            let by_defect = &judgement.detected_by_defect;
            if let Some(s) = by_defect.iter().find(|s| !defects.contains(&s.defect.as_str())) {
                return Err(format!("{} is not among the dataset's defects", s.defect));
            }
            let pair = || format!("{} with {}", cell.representation, cell.separator);
            let (found, separations) = (judgement.calls.len(), self.judged_images.len());
            let passes = self.trainings * separations;
            if found != passes {
                return Err(format!("{} was judged {found} times and not {passes} times", pair()));
            }
            let judged = self.judged_by(&cell.representation);
            let wrong = judgement.calls.iter().zip(judged.iter().cycle());
            let wrong = wrong.map(|(calls, judged)| (calls.0.len(), judged.len())).find(|(c, j)| c != j);
            if let Some((calls, judged)) = wrong {
                return Err(format!("{} has {calls} calls for {judged} judged images", pair()));
            }
        }
        match &self.named {
            Some(named) if self.separation(&named.representation, &named.separator).is_none() => {
                let (representation, separator) = (&named.representation, &named.separator);
                Err(format!("the named pair {representation} with {separator} is not in the table"))
            }
            _ => Ok(()),
        }
    }

    /// One score per training and image of every shift; none at all in records of earlier versions.
    fn check_shifts(&self) -> Result<(), String> {
        for (shift, point) in self.shifts.iter().flat_map(|s| s.points.iter().map(move |point| (s, point))) {
            let images = point.test_images.len();
            for score in &point.scores {
                let complete = score.values.len() == self.trainings
                    && score.values.iter().all(|values| values.len() == images);
                if !score.values.is_empty() && !complete {
                    let (ShiftedScore { detector, score, .. }, trainings) = (score, self.trainings);
                    return Err(format!(
                        "{detector} {score} in {} at {} has not one score for each of {images} images in {trainings} trainings",
                        shift.name, point.width
                    ));
                }
            }
        }
        Ok(())
    }
}

/// Where the first `null` is: absent options are left out, so that it can only be a number that
/// JSON cannot write.
fn first_null(value: &Value) -> Option<String> {
    match value {
        Value::Null => Some(String::new()),
        Value::Array(items) => items
            .iter()
            .enumerate()
            .find_map(|(i, item)| first_null(item).map(|rest| format!("[{i}]{}", joined(&rest)))),
        Value::Object(fields) => fields
            .iter()
            .find_map(|(name, item)| first_null(item).map(|rest| format!("{name}{}", joined(&rest)))),
        _ => None,
    }
}

fn joined(rest: &str) -> String {
    if rest.is_empty() || rest.starts_with('[') { rest.to_owned() } else { format!(".{rest}") }
}
