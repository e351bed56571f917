//! One file per figure. Each is a drawing of its own, good as a file and inside the page.

mod auroc;
mod axis;
mod canvas;
mod curves;
mod detectability;
mod gallery;
mod heat;
mod histograms;
mod photographs;
mod severity;
mod sheet;
mod shifts;
mod snapshots;
mod speed;

pub(crate) use gallery::{Example, Legend, Pane, legend_svg};

use super::assets::Assets;
use super::numbers::short;
use super::record::{GalleryEntry, Record};

/// Folder of the drawings inside the run.
pub const FOLDER: &str = "figures";

/// A drawing.
#[derive(Clone, Debug, PartialEq)]
pub struct Figure {
    /// Its file, relative to the run's folder.
    pub file: String,
    /// A whole SVG document.
    pub svg: String,
}

impl Figure {
    fn new(name: &str, svg: String) -> Self {
        Self { file: format!("{FOLDER}/{name}.svg"), svg }
    }

    /// The drawing as it stands inside an HTML page, where an SVG needs no namespace.
    pub fn inline(&self) -> String {
        self.svg.replacen(canvas::NAMESPACE, "", 1)
    }
}

/// Losses of one stage of a detector's training.
#[derive(Clone, Debug, PartialEq)]
pub struct Training {
    /// Name of the detector.
    pub detector: String,
    /// One drawing per loss.
    pub losses: Vec<Figure>,
    /// Generated images over training.
    pub snapshots: Option<Figure>,
}

/// All figures of a report.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Figures {
    /// How well each score ranks.
    pub ranking: Option<Figure>,
    /// Score distributions, one drawing per score component.
    pub scores: Vec<Figure>,
    /// Scores against contrast, one drawing per detector's headline score.
    pub severity: Vec<Figure>,
    /// Probability of detection, one drawing per defect.
    pub detectability: Vec<Figure>,
    /// Representation x separator.
    pub accuracy: Option<Figure>,
    /// Detector component x defect.
    pub defects: Option<Figure>,
    /// Training of each detector.
    pub training: Vec<Training>,
    /// Time of one image by detector.
    pub speed: Option<Figure>,
    /// The examples, ready to be laid out.
    pub examples: Vec<Example>,
    /// Scales of the examples' colours.
    pub legends: Vec<Legend>,
    /// The examples on one sheet.
    pub gallery: Option<Figure>,
    /// Ranking where the process varies otherwise than in training.
    pub shifts: Vec<Figure>,
    /// Photographs with their anomaly maps, a row each.
    pub photographs: Vec<Vec<Pane>>,
}

impl Figures {
    /// Draws everything that the record holds.
    pub fn draw(record: &Record, assets: &Assets<'_>) -> Self {
        let (examples, legends) = gallery::examples(record, assets);
        let labels: Vec<Vec<String>> = record.gallery.iter().map(gallery_label).collect();
        let gallery = gallery::draw(&examples, &legends, &labels).map(|svg| Figure::new("gallery", svg));
        Self {
            ranking: auroc::draw(record).map(|svg| Figure::new("ranking", svg)),
            scores: record
                .components()
                .enumerate()
                .map(|(i, (detector, component))| {
                    let name = slug(&format!("scores-{:02}-{}-{}", i + 1, detector.name, component.name));
                    Figure::new(&name, histograms::draw(record, detector, component))
                })
                .collect(),
            severity: severity::draw_all(record),
            detectability: detectability::draw_all(record),
            accuracy: heat::accuracy(record).map(|svg| Figure::new("accuracy", svg)),
            defects: heat::defects(record).map(|svg| Figure::new("auroc-by-defect", svg)),
            training: record.detectors.iter().map(|d| training(d, assets)).collect(),
            speed: speed::draw(record).map(|svg| Figure::new("speed", svg)),
            examples,
            legends,
            gallery,
            shifts: shifts::draw_all(record),
            photographs: photographs::examples(record, assets),
        }
    }

    /// Every drawing, for writing.
    pub fn all(&self) -> impl Iterator<Item = &Figure> {
        let single = [&self.ranking, &self.accuracy, &self.defects, &self.gallery, &self.speed];
        single
            .into_iter()
            .flatten()
            .chain(&self.scores)
            .chain(&self.severity)
            .chain(&self.detectability)
            .chain(&self.shifts)
            .chain(self.training.iter().flat_map(|t| t.losses.iter().chain(&t.snapshots)))
    }
}

fn gallery_label(entry: &GalleryEntry) -> Vec<String> {
    let name = entry.defect.clone().unwrap_or_else(|| "healthy".into());
    let place = format!("job {}, layer {}", entry.job, entry.layer);
    let contrast = entry.cnr_image.map(|cnr| format!("contrast-to-noise {}", short(cnr)));
    let size = entry.diameter_px.map(|px| format!("diameter {} px", short(px)));
    [name, place].into_iter().chain(contrast).chain(size).collect()
}

fn training(detector: &super::record::Detector, assets: &Assets<'_>) -> Training {
    let losses = curves::draw_all(detector);
    let snapshots = snapshots::draw(detector, assets)
        .map(|svg| Figure::new(&slug(&format!("snapshots-{}", detector.name)), svg));
    Training { detector: detector.name.clone(), losses, snapshots }
}

/// A name that is safe as a file name on any system.
fn slug(name: &str) -> String {
    let safe = |c: char| if c.is_ascii_alphanumeric() || "._-".contains(c) { c } else { '-' };
    name.chars().map(safe).collect()
}
