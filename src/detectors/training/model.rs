//! A trained detector on disk: its weights, and what has to be built before they can be read.
//!
//! `model.safetensors` holds every tensor as `network/NETWORK/LAYER.NAME` in `f32`: convolutions `[outputs, inputs, height,
//! width]`, transposed ones `[inputs, outputs, height, width]`, linear layers `[outputs, inputs]`, as in PyTorch. The heads
//! of the detectors' files list their networks. The metadata's key `synthgen` is a JSON object whose `architecture` is an
//! [`Architecture`].

use std::collections::BTreeMap;
use std::fmt::Write;
use std::path::{Path, PathBuf};

use candle_core::Device;
use generators::params::{ScenarioError, Table};
use generators::registry;
use serde::{Deserialize, Serialize};
use serde_json::Value;

use super::{History, Networks, log};
use crate::data::Context;
use crate::detectors::reduced::behind_average;
use crate::detectors::{Detector, DetectorError, KINDS, Run, Scorer};
use crate::nets::{NetsError, checkpoint, is_ours};

/// No image is larger along one side, in pixels.
const MOST_PX: usize = 1 << 16;

/// The file's name inside a model's folder.
pub const FILE: &str = "model.safetensors";

/// Whether a training wrote `file`: parameters of this program, whatever they are called, or a log of its lines.
pub fn is_training(file: &Path) -> bool {
    let ours: fn(&Path) -> bool = if file.ends_with(log::FILE) { log::is_log } else { is_ours };
    // Only what is a file: others may never end, or never begin.
    file.is_file() && ours(file)
}

/// What has to be known of a detector before its weights can be read.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Architecture {
    /// Its kind.
    pub kind: String,
    /// The keys of its table in a scenario that shape networks and scores.
    pub settings: BTreeMap<String, Value>,
    /// Pixels along one side of the images that its networks see.
    pub size_px: usize,
    /// Grey values that its networks see as the two ends of their range.
    pub grey_range: [f64; 2],
    /// Pixels along one side of the squares over which images are averaged before.
    #[serde(default = "one", skip_serializing_if = "is_one")]
    pub reduction: usize,
    /// That of the detector whose networks it uses, where they are another's.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub base: Option<Box<Self>>,
}

fn one() -> usize {
    1
}

fn is_one(reduction: &usize) -> bool {
    *reduction == 1
}

impl Architecture {
    /// Of the detector `kind`.
    pub fn new(kind: &str, settings: Vec<(&str, Value)>, size_px: usize, grey_range: [f64; 2]) -> Self {
        let settings = settings.into_iter().map(|(key, value)| (key.to_owned(), value)).collect();
        Self { kind: kind.to_owned(), settings, size_px, grey_range, reduction: 1, base: None }
    }

    /// Pixels along one side of the images that are scored.
    pub fn image_px(&self) -> usize {
        self.size_px * self.reduction
    }

    /// On the networks of another detector.
    pub fn on(mut self, base: Self) -> Self {
        self.base = Some(Box::new(base));
        self
    }

    /// The table of a scenario that states this detector.
    pub(in crate::detectors) fn table(&self) -> Result<Table, Box<ScenarioError>> {
        let mut text = format!("kind = {:?}\n", self.kind);
        for (key, value) in &self.settings {
            // A string takes everything.
            let _ = writeln!(text, "{key} = {}", toml(value));
        }
        Table::parse("architecture", &text)
    }
}

/// A model's file and what it says of itself.
#[derive(Clone, Debug)]
pub struct Saved {
    path: PathBuf,
    fingerprint: String,
    /// What has to be built.
    pub architecture: Architecture,
    /// Where to build it.
    pub device: Device,
}

impl Saved {
    /// The model at `path`, a file or the folder that holds one.
    ///
    /// # Errors
    /// [`DetectorError::Model`] where it is no model, [`DetectorError::Io`].
    pub fn open(path: &Path, device: &Device) -> Result<Self, DetectorError> {
        let path = if path.is_dir() { path.join(FILE) } else { path.to_owned() };
        let checkpoint::Checkpoint { fingerprint, architecture, .. } = checkpoint::describe(&path)?;
        let architecture: Architecture = serde_json::from_value(architecture).map_err(|_| {
            NetsError::corrupted(&path, "it says no architecture: a checkpoint, or of an older program")
        })?;
        let sides = [architecture.size_px, architecture.reduction];
        if sides.iter().any(|side| !(1..=MOST_PX).contains(side)) {
            let [size_px, reduction] = sides;
            let why = format!("it says that it sees images of {size_px} px, averaged over {reduction}");
            return Err(NetsError::corrupted(&path, why).into());
        }
        Ok(Self { path, fingerprint, architecture, device: device.clone() })
    }

    /// The scorer that was saved.
    ///
    /// # Errors
    /// [`DetectorError::Model`] where this program has no such detector, or where the names or shapes of the tensors are
    /// not those of its architecture.
    pub fn scorer(&self) -> Result<Box<dyn Scorer>, DetectorError> {
        Ok(behind_average(self.architecture.reduction, self.detector()?.restore(self)?))
    }

    /// What it knows of a layer beside its image.
    ///
    /// # Errors
    /// [`DetectorError::Model`] where this program has no such detector.
    pub fn context(&self) -> Result<Context, DetectorError> {
        Ok(self.detector()?.context())
    }

    /// The detector of this architecture.
    fn detector(&self) -> Result<Box<dyn Detector>, DetectorError> {
        let built = self.architecture.table().and_then(|table| registry::build(KINDS, table));
        Ok(built.map_err(|e| self.corrupted(e))?.1)
    }

    /// An error about the file.
    pub fn corrupted(&self, why: impl std::fmt::Display) -> DetectorError {
        NetsError::corrupted(&self.path, why).into()
    }

    /// Reads the weights into `networks`, which have the same names and shapes.
    ///
    /// # Errors
    /// [`DetectorError::Model`] where they have not; nothing is changed then.
    pub fn load(&self, networks: &Networks<'_>) -> Result<(), DetectorError> {
        checkpoint::load(&self.path, &self.fingerprint, networks, &mut [])?;
        Ok(())
    }
}

/// A value as TOML writes it: numbers, strings, booleans and arrays are JSON's.
fn toml(value: &Value) -> String {
    let Value::Object(table) = value else { return value.to_string() };
    let entries: Vec<String> = table.iter().map(|(key, value)| format!("{key} = {}", toml(value))).collect();
    format!("{{ {} }}", entries.join(", "))
}

/// Identifies data, settings and the form of what is saved.
pub fn fingerprint(run: &Run<'_>) -> String {
    format!("2 {}", run.fingerprint)
}

/// Reads the finished model of `run` into `networks`; where there is none, trains it and writes it, and removes the
/// checkpoints of its stages.
///
/// # Errors
/// Whatever the training fails with; a file that cannot be read or written.
pub fn trained(
    run: &Run<'_>,
    architecture: &Architecture,
    networks: &Networks<'_>,
    train: impl FnOnce() -> Result<History, DetectorError>,
) -> Result<History, DetectorError> {
    let failed = |source| DetectorError::Io { path: run.folder.to_owned(), source };
    std::fs::create_dir_all(run.folder).map_err(failed)?;
    let path = run.folder.join(FILE);
    let fingerprint = fingerprint(run);
    if let Some(saved) = checkpoint::load(&path, &fingerprint, networks, &mut [])? {
        return Ok(serde_json::from_str(&saved.notes).map_err(|e| NetsError::corrupted(&path, e))?);
    }
    let known = checkpoints(run.folder)?.into_iter().filter_map(|path| checkpoint::describe(&path).ok());
    let known: Vec<String> = known.map(|of| of.fingerprint).collect();
    if !known.contains(&fingerprint) {
        // A model that is there is another's, or it would have been read. A training may also have been killed before it kept anything.
        if path.is_file() || !known.is_empty() {
            run.progress.remark(
                "trained anew, since its settings or images are not those of the training that is there",
            );
        }
        // A log that is there is of that training.
        log::remove(run.folder)?;
    }
    let history = train()?;
    let architecture = Architecture { reduction: run.reduction, ..architecture.clone() };
    // Strings and numbers cannot fail.
    let architecture = serde_json::to_value(architecture).unwrap_or_default();
    let notes = serde_json::to_string(&history).unwrap_or_default();
    let model = checkpoint::Checkpoint { fingerprint, architecture, notes, ..Default::default() };
    checkpoint::save(&path, &model, networks, &[])?;
    for path in checkpoints(run.folder)? {
        std::fs::remove_file(&path).map_err(|source| DetectorError::Io { path, source })?;
    }
    Ok(history)
}

/// The checkpoints of stages in `folder`, those of this program.
fn checkpoints(folder: &Path) -> Result<Vec<PathBuf>, DetectorError> {
    let failed = |source| DetectorError::Io { path: folder.to_owned(), source };
    let entries = std::fs::read_dir(folder).map_err(failed)?.map(|entry| Ok(entry.map_err(failed)?.path()));
    let paths: Vec<PathBuf> = entries.collect::<Result<_, DetectorError>>()?;
    let is_checkpoint = |path: &PathBuf| {
        path.file_name().is_some_and(|name| name.to_string_lossy().starts_with("checkpoint-"))
            && is_training(path)
    };
    Ok(paths.into_iter().filter(is_checkpoint).collect())
}
