//! The thresholds of a trained detector, kept beside its model.

use std::path::{Path, PathBuf};

use serde::{Deserialize, Serialize};

/// The file's name inside the model's folder.
pub const FILE: &str = "thresholds.json";

/// What a trained detector calls anomalous.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct SavedThresholds {
    /// Every score with every threshold of the scenario that could be found for it; the detector's headline and the
    /// scenario's first threshold come first.
    pub thresholds: Vec<SavedThreshold>,
    /// The value that one pixel in a thousand of healthy anomaly maps exceeds; absent where the detector makes none.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub healthy_map_top: Option<f32>,
}

/// A score and a threshold for it.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct SavedThreshold {
    /// Name of the score.
    pub score: String,
    /// Name of the threshold in the scenario.
    pub threshold: String,
    /// Images that score higher are called anomalous. The largest or least number that there is where none or all are.
    pub value: f64,
}

/// Why there are no thresholds to be had.
#[derive(Debug, thiserror::Error)]
pub enum SavedError {
    /// The file is not what this program writes.
    #[error("{} cannot be read ({why}); run the scenario again to write it anew", path.display())]
    Damaged {
        /// The file.
        path: PathBuf,
        /// What is wrong.
        why: String,
    },
    /// No threshold could be found when the detector was trained.
    #[error(
        "{} holds no threshold: none could be found in the run that trained the detector, and its report says why",
        path.display()
    )]
    None {
        /// The file.
        path: PathBuf,
    },
    /// Nothing of that name was saved.
    #[error("there is no {what} `{asked}` in {}; there {}", path.display(), among(known))]
    Unknown {
        /// `score` or `threshold`.
        what: &'static str,
        /// What was asked for.
        asked: String,
        /// What there is.
        known: Vec<String>,
        /// The file.
        path: PathBuf,
    },
}

fn among(names: &[String]) -> String {
    match names {
        [] => "is none at all".to_owned(),
        [only] => format!("is `{only}`"),
        many => format!("are {}", many.iter().map(|n| format!("`{n}`")).collect::<Vec<_>>().join(", ")),
    }
}

impl SavedThresholds {
    /// Reads the file in a model's folder; `None` where there is none.
    ///
    /// # Errors
    /// [`SavedError::Damaged`].
    pub fn read(folder: &Path) -> Result<Option<Self>, SavedError> {
        let path = folder.join(FILE);
        let damaged = |why: String| SavedError::Damaged { path: path.clone(), why };
        match std::fs::read(&path) {
            Ok(bytes) => serde_json::from_slice(&bytes).map(Some).map_err(|e| damaged(e.to_string())),
            Err(e) if e.kind() == std::io::ErrorKind::NotFound => Ok(None),
            Err(e) => Err(damaged(e.to_string())),
        }
    }

    /// The threshold called `threshold` for the score called `score`; the first that fits where a name is absent.
    ///
    /// # Errors
    /// [`SavedError::Unknown`] says what there is.
    pub fn pick(
        &self,
        score: Option<&str>,
        threshold: Option<&str>,
        folder: &Path,
    ) -> Result<&SavedThreshold, SavedError> {
        let unknown = |what, asked: Option<&str>, mut known: Vec<String>| {
            let mut seen = std::collections::BTreeSet::new();
            known.retain(|name| seen.insert(name.clone()));
            let asked = asked.unwrap_or_default().to_owned();
            SavedError::Unknown { what, asked, known, path: folder.join(FILE) }
        };
        let of_score: Vec<_> =
            self.thresholds.iter().filter(|saved| score.is_none_or(|name| name == saved.score)).collect();
        if self.thresholds.is_empty() {
            return Err(SavedError::None { path: folder.join(FILE) });
        }
        if of_score.is_empty() {
            return Err(unknown("score", score, self.thresholds.iter().map(|s| s.score.clone()).collect()));
        }
        let found = of_score.iter().find(|saved| threshold.is_none_or(|name| name == saved.threshold));
        found.copied().ok_or_else(|| {
            unknown("threshold", threshold, of_score.iter().map(|s| s.threshold.clone()).collect())
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn saved() -> SavedThresholds {
        let entry = |score: &str, threshold: &str, value| SavedThreshold {
            score: score.into(),
            threshold: threshold.into(),
            value,
        };
        let thresholds = vec![entry("A", "q", 1.0), entry("A", "cost", 2.0), entry("A_R", "q", f64::MAX)];
        SavedThresholds { thresholds, healthy_map_top: Some(0.25) }
    }

    #[test]
    fn what_is_written_is_read() {
        let folder = tempfile::tempdir().unwrap();
        assert_eq!(SavedThresholds::read(folder.path()).unwrap(), None);
        std::fs::write(folder.path().join(FILE), serde_json::to_vec(&saved()).unwrap()).unwrap();
        assert_eq!(SavedThresholds::read(folder.path()).unwrap(), Some(saved()));
        std::fs::write(folder.path().join(FILE), b"{\"thresholds\": 3}").unwrap();
        assert!(
            SavedThresholds::read(folder.path()).unwrap_err().to_string().contains("run the scenario again")
        );
    }

    #[test]
    fn a_name_picks_and_a_wrong_one_is_answered_with_the_right_ones() {
        let (saved, folder) = (saved(), Path::new("m"));
        let value = |score, threshold| saved.pick(score, threshold, folder).map(|s| s.value);
        assert_eq!(value(None, None).unwrap(), 1.0);
        assert_eq!(value(Some("A_R"), None).unwrap(), f64::MAX);
        assert_eq!(value(None, Some("cost")).unwrap(), 2.0);
        let error = value(Some("A_R"), Some("cost")).unwrap_err().to_string();
        assert_eq!(error, "there is no threshold `cost` in m/thresholds.json; there is `q`");
        let error = value(Some("B"), None).unwrap_err().to_string();
        assert_eq!(error, "there is no score `B` in m/thresholds.json; there are `A`, `A_R`");
    }
}
