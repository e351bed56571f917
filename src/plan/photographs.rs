//! `[photographs]`: real images to train on and to be tested with.

use std::path::{Path, PathBuf};

use generators::params::{ScenarioError, Table};

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
    if !table.has("photographs") {
        table.table("photographs")?;
        return Ok(None);
    }
    let mut of = table.table("photographs")?;
    let healthy = existing(&mut of, "healthy", folder)?;
    let anomalous = existing(&mut of, "anomalous", folder)?;
    let stated = of.has("masks");
    let masks = if stated { Some(existing(&mut of, "masks", folder)?) } else { None };
    let stated = of.has("anomalous_is");
    let dark = of.choice("anomalous_is", Some(0), &SHADES)? == 1;
    let dark = stated.then_some(dark);
    let views = of.count("views", Some(1), 1..=1_000_000)?;
    let training_share = of.number("training_share", Some(0.5), 0.1..=0.9)?;
    of.finish()?;
    Ok(Some(Folders { healthy, anomalous, masks, dark, views, training_share }))
}

fn existing(table: &mut Table, key: &'static str, folder: &Path) -> Result<PathBuf, Box<ScenarioError>> {
    let path = folder.join(table.string(key, None)?);
    if path.is_dir() {
        return Ok(path);
    }
    let place = table.place_of(key);
    Err(place.error(format!("there is no folder {}", path.display())).with_help(
        "the path is relative to the scenario; put the photographs there, or take [photographs] out",
    ))
}
