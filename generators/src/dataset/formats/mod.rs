//! A dataset as other tools want it: each format is a view of its rows and files, written beside them.
//!
//! A scenario names them, and so does `synthgen export` for a dataset that is there already:
//!
//! ```toml
//! [dataset]
//! formats = ["coco", "webdataset"]
//! [dataset.webdataset]
//! shard_mib = 512
//! ```
//!
//! A format's files lie in the folder of its name or beside the manifest, under names and in an order that
//! depend on the dataset alone, so that making them again gives the same bytes.

mod coco;
mod croissant;
mod images;
mod webdataset;
mod yolo;

use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;

use super::view::{Outline, View};
use super::volume::Volume;
use super::{DatasetError, files};
use crate::params::{ScenarioError, Table};
use crate::registry::Kind;

/// One layout beside the default one.
pub trait Format {
    /// True for a file of the dataset that it writes: what is somebody else's in its folder stays.
    fn owns(&self, file: &str) -> bool;

    /// Begins its files.
    fn begin(&self, outline: &Outline) -> Result<Box<dyn View>, DatasetError>;

    /// About how many bytes on disk its files take for so many images.
    fn bytes(&self, volume: &Volume) -> f64;
}

/// Every format, in alphabetical order.
pub const KINDS: &[Kind<dyn Format>] = &[coco::KIND, croissant::KIND, webdataset::KIND, yolo::KIND];

/// What a format's table says.
pub type Settings = toml::Table;
/// Formats by name, and the settings of each.
pub type Formats = BTreeMap<String, Settings>;

/// The formats that `formats` of the table `[dataset]` names.
pub(crate) fn read(table: &mut Table) -> Result<Formats, Box<ScenarioError>> {
    let names: Vec<&str> = KINDS.iter().map(|kind| kind.name).collect();
    let chosen: BTreeSet<usize> = table.choices("formats", &names)?.into_iter().collect();
    let mut formats = Formats::new();
    for (index, kind) in KINDS.iter().enumerate() {
        let stated = table.table_if_stated(kind.name)?;
        if chosen.contains(&index) {
            let mut settings = stated.map_or_else(|| table.table(kind.name), Ok)?;
            formats.insert(kind.name.to_owned(), settings.to_toml(&|_| true));
            (kind.build)(&mut settings)?;
            settings.finish()?;
        } else if stated.is_some() {
            let message = format!("[dataset.{0}] goes with formats = [\"{0}\"]", kind.name);
            return Err(table.place_of(kind.name).error(message));
        }
    }
    Ok(formats)
}

/// True for a key of the table `[dataset]` that says how the data are written, not what they are.
pub(crate) fn is_key(key: &str) -> bool {
    keys().any(|known| known == key)
}

/// The keys of `[dataset]` that say which formats there are, and how.
pub(crate) fn keys() -> impl Iterator<Item = &'static str> {
    std::iter::once("formats").chain(KINDS.iter().map(|kind| kind.name))
}

/// The format of that name, with those settings; what is wrong with them where it cannot be.
fn build(name: &str, settings: &Settings) -> Result<Box<dyn Format>, String> {
    let kind = KINDS.iter().find(|kind| kind.name == name).ok_or("there is no such format")?;
    let mut table = Table::parse(name, &settings.to_string()).map_err(|e| e.to_string())?;
    (kind.build)(&mut table).map_err(|e| e.to_string())
}

/// Begins the files of every one of `formats`.
pub(super) fn begin(formats: &Formats, outline: &Outline) -> Result<Vec<Box<dyn View>>, DatasetError> {
    let begin = |(name, settings): (&String, &Settings)| {
        let unknown =
            |why| DatasetError::damaged(outline.folder, format!("it names the format `{name}`: {why}"));
        build(name, settings).map_err(unknown)?.begin(outline)
    };
    formats.iter().map(begin).collect()
}

/// About how many bytes on disk the files of `formats` take.
pub(crate) fn bytes(formats: &Formats, volume: &Volume) -> f64 {
    let formats = formats.iter().filter_map(|(name, settings)| build(name, settings).ok());
    formats.map(|format| format.bytes(volume)).sum()
}

/// The format of that name as it is without settings, which do not say which files are its; none for a name of
/// another version of the program.
pub(super) fn plain(name: &str) -> Option<Box<dyn Format>> {
    build(name, &Settings::new()).ok()
}

/// Every format, as [`plain`] builds it.
pub(super) fn all() -> Vec<Box<dyn Format>> {
    KINDS.iter().filter_map(|kind| plain(kind.name)).collect()
}

/// Removes what there is of a format, finished or not, in the dataset in `folder`; other files stay.
pub(super) fn remove(folder: &Path, name: &str) -> Result<(), DatasetError> {
    let Some(format) = plain(name) else { return Ok(()) };
    let mut folders = vec![String::new(), format!("{name}/")];
    let mut emptied = Vec::new();
    while let Some(inner) = folders.pop() {
        for entry in files::entries(&folder.join(&inner))? {
            let file = format!("{inner}{entry}");
            let path = folder.join(&file);
            match path.is_dir() {
                true if inner.is_empty() => {}
                true => folders.push(file + "/"),
                false if format.owns(file.trim_end_matches(files::PART)) => files::remove_file(&path)?,
                false => {}
            }
        }
        emptied.push(inner);
    }
    for inner in emptied.iter().rev().filter(|inner| !inner.is_empty()) {
        // Fails where somebody else's files are in it, and then it has to stay.
        let _ = std::fs::remove_dir(folder.join(inner));
    }
    Ok(())
}
