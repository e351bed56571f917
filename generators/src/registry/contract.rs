//! What every list of kinds keeps to, for the tests of its room: a new kind is tested on the day it is registered.

use std::path::Path;

use super::Kind;
use crate::params::{ScenarioError, Table};

/// Every file in `folder` that defines a kind is in the list, once, and each kind is explained. Its example is built, sets
/// every key that is asked for and may hold no other; `alternatives` stand in the place of others, and may be left out.
///
/// # Errors
/// What does not hold, in words.
pub fn check<T: ?Sized>(kinds: &[Kind<T>], folder: &Path, alternatives: &[&str]) -> Result<(), String> {
    let mut names: Vec<String> = kinds.iter().map(|kind| kind.name.replace('-', "_")).collect();
    names.sort_unstable();
    let files = with_a_kind(folder).map_err(|e| format!("{}: {e}", folder.display()))?;
    if names != files {
        return Err(format!("{names:?} are registered, and {files:?} define a kind"));
    }
    kinds
        .iter()
        .try_for_each(|kind| explained(kind, alternatives).map_err(|why| format!("{}: {why}", kind.name)))
}

/// The files and folders in `folder` whose source defines a kind, without ending, sorted.
fn with_a_kind(folder: &Path) -> std::io::Result<Vec<String>> {
    let mut stems = Vec::new();
    for entry in std::fs::read_dir(folder)? {
        let path = entry?.path();
        let source = if path.is_dir() { path.join("mod.rs") } else { path.clone() };
        if source.is_file() && std::fs::read_to_string(source)?.contains("const KIND: Kind<") {
            stems.extend(path.file_stem().map(|stem| stem.to_string_lossy().into_owned()));
        }
    }
    stems.sort_unstable();
    Ok(stems)
}

fn explained<T: ?Sized>(kind: &Kind<T>, alternatives: &[&str]) -> Result<(), String> {
    if kind.summary.is_empty() || kind.source.is_empty() {
        return Err("it has no summary or no source".to_owned());
    }
    let left_out = |text: &str| -> Result<Vec<&str>, Box<ScenarioError>> {
        let mut table = Table::parse("example", text)?;
        (kind.build)(&mut table)?;
        let left_out = table.left_out();
        table.finish().map(|()| left_out)
    };
    let keys = left_out(kind.example).map_err(|e| e.to_string())?;
    if let Some(key) = keys.iter().find(|key| !alternatives.contains(key)) {
        return Err(format!("its example does not set `{key}`"));
    }
    let unknown = format!("{}\ncolour = 1", kind.example.trim_end());
    let place = format!("example:{}:1: unknown key `colour` in ", unknown.lines().count());
    match left_out(&unknown) {
        Err(error) if error.to_string().starts_with(&place) => Ok(()),
        other => Err(format!("an unknown key leads to {other:?}")),
    }
}
