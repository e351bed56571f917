//! Photographs of the real process and where each detector looks in them.

use super::gallery::Pane;
use crate::report::assets::Assets;
use crate::report::picture::data_uri;
use crate::report::record::Record;

/// Each photograph that the record shows, with its maps.
pub fn examples(record: &Record, assets: &Assets<'_>) -> Vec<Vec<Pane>> {
    let pane = |caption: &str, file: &str, smooth| Pane {
        caption: caption.to_owned(),
        note: String::new(),
        address: data_uri(&assets.picture(file).png()),
        smooth,
    };
    let examples = record.photographs.iter().flat_map(|photographs| &photographs.examples);
    let panes = examples.map(|example| {
        let maps = example.maps.iter().map(|map| pane(&map.caption, &map.file, false));
        std::iter::once(pane("photograph", &example.photograph, true)).chain(maps).collect()
    });
    panes.collect()
}
