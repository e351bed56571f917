//! `[photographs]`: real images to train on and to be tested with.

use std::path::{Path, PathBuf};

use generators::params::{Key, ScenarioError, Table};

use crate::data::photographs::Folders;

/// What `mask` may be called where the photograph is anomalous; masks are white there by default.
const SHADES: [&str; 2] = ["white", "black"];

/// Reads where photographs lie, relative to the scenario's `folder`; `None` where it has none.
///
/// ```toml
/// [photographs]
/// healthy = "photographs/healthy"
/// anomalous = "photographs/anomalous"
/// masks = "photographs/masks"      # where they are anomalous, in the same order of names
/// anomalous_is = "white"           # in the masks; or "black"
/// views = 1                        # photographs, one after the other by name, of the same part
/// training_share = 0.5             # of the healthy parts; the others are tested
/// ```
///
/// # Errors
/// For a folder that is not there.
pub fn read(table: &mut Table, folder: &Path) -> Result<Option<Folders>, Box<ScenarioError>> {
    let Some(mut of) = table.table_if_stated("photographs")? else { return Ok(None) };
    let needed = |of: &mut Table, key| {
        let path = of.string(key, None)?;
        existing(folder.join(path), of.place_of(key))
    };
    let healthy = needed(&mut of, "healthy")?;
    let anomalous = needed(&mut of, "anomalous")?;
    let masks = of.string_if_stated("masks")?;
    let masks = masks.map(|path| existing(folder.join(path), of.place_of("masks"))).transpose()?;
    let dark = of.choice_if_stated("anomalous_is", &SHADES)?.map(|shade| shade == 1);
    if dark.is_some() && masks.is_none() {
        return Err(of.place_of("anomalous_is").error("`anomalous_is` goes with `masks`"));
    }
    let views = of.count("views", Some(1), 1..=1_000_000)?;
    let training_share = of.number("training_share", Some(0.5), 0.1..=0.9)?;
    of.finish()?;
    Ok(Some(Folders { healthy, anomalous, masks, dark, views, training_share }))
}

fn existing(path: PathBuf, place: &Key) -> Result<PathBuf, Box<ScenarioError>> {
    if path.is_dir() {
        return Ok(path);
    }
    Err(place.error(format!("there is no folder {}", path.display())).with_help(
        "the path is relative to the scenario; put the photographs there, or take [photographs] out",
    ))
}
