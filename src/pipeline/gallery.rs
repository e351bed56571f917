//! Which test images the report shows, and their anomaly maps as pictures.

use std::path::Path;

use generators::dataset::Row;

use super::learn::Learnt;
use super::operating::top;
use super::{DATASET, Failure, write_picture};
use crate::report::false_colour_png;
use crate::report::record::{GalleryEntry, GalleryMap, ImageScore};

/// Examples shown of each defect.
const EXAMPLES: usize = 3;

/// Folder of the anomaly maps inside the run.
pub const FOLDER: &str = "gallery";

/// Chooses examples of every defect, spread over its severities, and draws their anomaly maps.
///
/// `rows` are the test images in the order of the scores. The choice depends on the data alone, not
/// on what any detector said of them.
pub fn draw(
    rows: &[&Row],
    defects: &[&str],
    learnt: &[Learnt],
    run: &Path,
) -> Result<Vec<GalleryEntry>, Failure> {
    let ranges: Vec<Option<[f32; 2]>> = learnt.iter().map(range).collect();
    let mut entries = Vec::new();
    for defect in defects {
        for index in examples(rows, defect) {
            let row = rows[index];
            let mut maps = Vec::new();
            for (detector, range) in learnt.iter().zip(&ranges) {
                let Some(range) = *range else { continue };
                let Some(map) = detector.row(index).and_then(|row| detector.map(row)) else { continue };
                let file = format!(
                    "{FOLDER}/{}_{defect}_job{:04}_layer{:04}.png",
                    detector.name, row.job, row.layer
                );
                let png = false_colour_png(map, detector.size_px, range);
                write_picture(&run.join(&file), &png)?;
                maps.push(GalleryMap { detector: detector.name.clone(), file, range: range.map(f64::from) });
            }
            let scores = learnt.iter().flat_map(|detector| {
                let row = detector.row(index);
                detector.record.main_scores().filter_map(move |component| {
                    Some(ImageScore {
                        detector: detector.name.clone(),
                        component: component.name.clone(),
                        value: component.values[row?],
                        threshold: component.threshold.as_ref().map(|t| t.value),
                    })
                })
            });
            let data = |file: &str| format!("{DATASET}/{file}");
            entries.push(GalleryEntry {
                defect: row.defect.clone(),
                job: row.job,
                layer: row.layer,
                image: data(&row.file),
                twin: row.twin.as_deref().map(data),
                mask: row.mask.as_deref().map(data),
                change: row.change.as_deref().map(data),
                nominal: Some(data(&row.nominal)),
                maps,
                cnr_image: row.parameters.get("defect.cnr_image").copied(),
                diameter_px: row.parameters.get("defect.diameter_px").copied(),
                parameters: row.parameters.clone(),
                scores: scores.collect(),
            });
        }
    }
    Ok(entries)
}

/// The weakest, a middling and the strongest image of a defect, by contrast-to-noise times diameter.
fn examples(rows: &[&Row], defect: &str) -> Vec<usize> {
    let strength = |i: usize| {
        let parameter = |name: &str| rows[i].parameters.get(name).copied().unwrap_or(1.0);
        parameter("defect.cnr_image") * parameter("defect.diameter_px")
    };
    let mut of: Vec<usize> = (0..rows.len()).filter(|&i| rows[i].defect.as_deref() == Some(defect)).collect();
    of.sort_by(|&a, &b| strength(a).total_cmp(&strength(b)).then(a.cmp(&b)));
    if of.len() <= EXAMPLES {
        return of;
    }
    (0..EXAMPLES).map(|k| of[k * (of.len() - 1) / (EXAMPLES - 1)]).collect()
}

/// One colour scale for all maps of a detector: from 0 to the value that one pixel in a thousand exceeds.
fn range(detector: &Learnt) -> Option<[f32; 2]> {
    top(&detector.scores.maps).map(|top| [0.0, top])
}
