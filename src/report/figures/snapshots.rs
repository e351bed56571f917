//! Images that a detector makes from fixed latent vectors over its training (Zeiser et al. 2023,
//! Fig. 5): one row per latent vector, one column per moment. Rows that look alike mean mode collapse.

use super::sheet::Sheet;
use crate::report::assets::Assets;
use crate::report::numbers::count;
use crate::report::picture::{Picture, data_uri};
use crate::report::record::Detector;

/// Columns at most; more moments are thinned out evenly, the first and the last kept.
const MOST_COLUMNS: usize = 8;

/// The sheet, where the detector made images.
pub fn draw(detector: &Detector, assets: &Assets<'_>) -> Option<String> {
    let rows = detector.snapshots.iter().map(|s| s.files.len()).max().filter(|&n| n > 0)?;
    let all = detector.snapshots.len();
    let shown = all.min(MOST_COLUMNS);
    let pick = |i: usize| if shown < 2 { 0 } else { (i * (all - 1) + (shown - 1) / 2) / (shown - 1) };
    let moments: Vec<_> = (0..shown).map(|i| &detector.snapshots[pick(i)]).collect();
    let picture = |file: &String| {
        let grey = assets.grey(file).map(|grey| Picture::grey(&grey.values, grey.width));
        data_uri(&grey.unwrap_or_else(|| assets.placeholder()).png())
    };
    let row = |latent: usize| {
        let pictures = moments.iter().map(|moment| moment.files.get(latent).map(picture));
        (vec![format!("z{}", latent + 1)], pictures.collect())
    };
    let sheet = Sheet {
        title: format!("Images made by {} from the same latent vectors", detector.name),
        columns: moments.iter().map(|m| format!("step {}", count(m.step))).collect(),
        rows: (0..rows).map(row).collect(),
        picture_px: 96.0,
        below: None,
    };
    Some(sheet.svg())
}
