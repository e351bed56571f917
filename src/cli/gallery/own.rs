//! `synthgen gallery SCENARIO`: the defects of a scenario in its own process, as its camera delivers them.

use std::path::{Path, PathBuf};

use generators::camera::Grey;
use generators::dataset::{DatasetError, Split};
use generators::defects::KINDS;
use generators::job::{Sample, Twin, simulate};
use generators::scenario::{Job, Production};
use rayon::prelude::*;

use super::{Shown, section};
use crate::pipeline::{Failure, write_file};
use crate::plan::{Plan, PlanError};
use crate::report::colour::OUTLINE;
use crate::report::{Picture, TileSection, tiles_page};

/// Test jobs whose episodes are shown.
const JOBS: usize = 3;
/// The kind that a scenario makes its own of: its summary is that of an example.
const COMPOSED: &str = "composed";
/// Images are enlarged to at least this width.
const LEAST_WIDTH: usize = 160;
/// Larger images are shown by some of their pixels, so that the page can be opened.
const MOST_WIDTH: usize = 512;
/// White pixels between two images.
const GAP: usize = 4;
/// What is told of each episode: a name, and the parameter of its images.
const TOLD: [(&str, &str); 4] = [
    ("contrast-to-noise", "cnr_image"),
    ("diameter in px", "diameter_px"),
    ("layers", "layers"),
    ("from layer", "start_layer"),
];

/// Draws each defect of the scenario in its first test jobs into `folder`: a PNG each, `defects.png` as contact sheet, and
/// `gallery.html`. The images are those of the scenario's dataset. Returns the page's path.
///
/// # Errors
/// Where there are too few test jobs, a defect never shows, or a file cannot be written.
pub fn draw(plan: &Plan, folder: &Path) -> Result<PathBuf, Failure> {
    let (scenario, production) = (plan.scenario(), &plan.production);
    scenario.tests().map_err(PlanError::from)?;
    let jobs: Vec<Job> =
        production.jobs().into_iter().filter(|job| job.split == Split::Test).take(JOBS).collect();
    let episodes: Vec<Vec<Sample>> =
        jobs.par_iter().map(|job| clearest(production, job)).collect::<Result<_, DatasetError>>()?;
    let shown: Vec<Shown> = scenario
        .defects()
        .map(|(name, kind)| {
            let twins: Vec<(&Sample, &Twin)> = episodes
                .iter()
                .flatten()
                .filter_map(|sample| Some((sample, sample.twin.as_ref().filter(|twin| twin.defect == name)?)))
                .collect();
            let known = KINDS.iter().find(|known| known.name == kind && kind != COMPOSED);
            let summary = known.map_or("composed in the scenario", |known| known.summary);
            let note = if twins.is_empty() { "in none of these jobs".to_owned() } else { told(&twins) };
            Shown { name, summary, note, picture: side_by_side(&twins) }
        })
        .collect();
    let text = format!(
        "One of each in the first {} test jobs, at the layer where most of it shows. Above, the image; in the middle, the footprint outlined in \
         it, exactly the pixels that the defect changed before heat spread and the camera looked; below, the same layer without the defect.",
        jobs.len()
    );
    let defects = TileSection { wide: true, ..section(folder, "defects", &text, &shown)? };
    let frame = production.frame();
    let lead = format!(
        "What goes wrong in the scenario {}, in its own process and as its camera delivers it: {} px, {:.1} px per mm, seed {}.",
        scenario.name, frame.size_px, frame.px_per_mm, scenario.seed
    );
    let page = folder.join("gallery.html");
    write_file(&page, tiles_page(&format!("Defects of {}", scenario.name), &lead, &[defects]).as_bytes())?;
    Ok(page)
}

/// Of each defect in a job the layer with the largest footprint.
fn clearest(production: &Production, job: &Job) -> Result<Vec<Sample>, DatasetError> {
    let mut found: Vec<Sample> = Vec::new();
    let size = |sample: &Sample| sample.twin.as_ref().map_or(0, |twin| twin.mask.count());
    let of = |sample: &Sample| sample.twin.as_ref().map(|twin| twin.defect.clone());
    simulate::<DatasetError>(production, job, |sample| {
        match found.iter_mut().find(|known| of(known) == of(&sample)) {
            Some(known) if size(&sample) > size(known) => *known = sample,
            None if sample.twin.is_some() => found.push(sample),
            _ => {}
        }
        Ok(())
    })?;
    Ok(found)
}

/// The images with the defect, the same with its outline, and without it.
fn side_by_side(twins: &[(&Sample, &Twin)]) -> Picture {
    let size_px = twins.first().map_or(1, |(sample, _)| sample.healthy.grey.size_px);
    let (zoom, every) = (LEAST_WIDTH.div_ceil(size_px), size_px.div_ceil(MOST_WIDTH));
    let side = size_px.div_ceil(every) * zoom;
    let apart = side + GAP;
    let mut all = Picture::filled(twins.len().max(1) * apart - GAP, 3 * apart - GAP, [255; 3]);
    for (i, (sample, twin)) in twins.iter().enumerate() {
        let [with, without] = [&twin.shot.grey, &sample.healthy.grey].map(|image| grey(image, every));
        let footprint: Vec<bool> = thinned(&twin.mask.pixels, size_px, every).copied().collect();
        all.paste(&with.enlarged(zoom), i * apart, 0);
        all.paste(&with.outlined(&footprint, zoom, OUTLINE), i * apart, apart);
        all.paste(&without.enlarged(zoom), i * apart, 2 * apart);
    }
    all
}

/// One of so many pixels along either side.
fn thinned<T>(pixels: &[T], size_px: usize, every: usize) -> impl Iterator<Item = &T> {
    pixels.chunks(size_px.max(1)).step_by(every).flat_map(move |row| row.iter().step_by(every))
}

fn grey(image: &Grey, every: usize) -> Picture {
    let white = f32::from(image.depth.white());
    let shares: Vec<f32> =
        thinned(&image.values, image.size_px, every).map(|&value| f32::from(value) / white).collect();
    Picture::grey(&shares, image.size_px.div_ceil(every))
}

/// What the episodes are, one number for each.
fn told(twins: &[(&Sample, &Twin)]) -> String {
    let of = |(name, parameter): &(&str, &str)| {
        let key = format!("defect.{parameter}");
        let numbers: Vec<String> = twins
            .iter()
            .filter_map(|(_, twin)| twin.shot.parameters.get(&key))
            .map(|number| format!("{}", (number * 10.0).round() / 10.0))
            .collect();
        (!numbers.is_empty()).then(|| format!("{name} {}", numbers.join(", ")))
    };
    TOLD.iter().filter_map(of).collect::<Vec<_>>().join("; ")
}
