//! What the detectors said and how well the separators told.

use serde::{Deserialize, Serialize};

use super::Calls;
use super::detectability::Detectability;
use super::earlier;
use super::gates::Bound;
use super::localisation::Localisation;
use super::operating::{Operating, OperatingPoint};
use super::parts::OnParts;
use super::scenario::Setting;
use crate::quantile::linear_quantile;

/// A test image as the figures need it.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct TestImage {
    /// Its file in the dataset: `test/striation/job0012_layer0034.png`.
    pub id: String,
    /// The print job that it comes from.
    pub job: u32,
    /// Number of its layer in that job; 0 in records of earlier versions.
    #[serde(default)]
    pub layer: u32,
    /// The part that its job prints, as an index into [`super::Scenario::parts`]; absent where all parts lie on every bed, and in
    /// records of earlier versions.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub part: Option<usize>,
    /// Its defect; absent for a healthy image.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub defect: Option<String>,
    /// Contrast-to-noise of the defect in the image.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub cnr_image: Option<f64>,
    /// Diameter of the disc of the footprint's area, in px.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub diameter_px: Option<f64>,
    /// Layers of the defect's episode; absent in records of earlier versions.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub duration_layers: Option<f64>,
}

/// A value and its 95 % interval.
#[derive(Clone, Copy, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Estimate {
    /// The value.
    pub value: f64,
    /// Lower and upper end of the 95 % interval.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub interval: Option<[f64; 2]>,
}

/// So many of so many.
#[derive(Clone, Copy, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Share {
    /// How many.
    pub count: usize,
    /// Of how many.
    pub of: usize,
    /// `count / of`, 0 where there are none.
    pub rate: f64,
    /// 95 % interval of the rate, where it was computed.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub interval: Option<[f64; 2]>,
}

impl Share {
    /// `count` of `of`.
    pub fn new(count: usize, of: usize) -> Self {
        Self { count, of, rate: if of == 0 { 0.0 } else { count as f64 / of as f64 }, interval: None }
    }
}

/// A share of one defect's images.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct ShareOfDefect {
    /// Label of the defect.
    pub defect: String,
    /// How many of its images.
    pub share: Share,
}

/// A figure of merit for one defect against all healthy images.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct AgainstDefect {
    /// Label of the defect.
    pub defect: String,
    /// The value, 0 to 1; the mean over trainings.
    pub value: f64,
    /// Its 95 % interval, where it was computed.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub interval: Option<[f64; 2]>,
}

/// A detector and what it said.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Detector {
    /// Its name in the scenario; unique.
    pub name: String,
    /// Its kind: `vae`, `f-anogan`.
    pub kind: String,
    /// Its settings.
    pub settings: Vec<Setting>,
    /// Trainable parameters by network.
    pub parameters: Vec<NetworkSize>,
    /// Wall time of the training in seconds.
    pub training_secs: f64,
    /// Wall time of scoring the test images, in milliseconds per image.
    pub scoring_ms_per_image: f64,
    /// How fast it scores, measured after the training; absent in records of earlier versions.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub speed: Option<Speed>,
    /// Its further trainings, with other random numbers. Everything else here is of the first, but for the scores.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub retrainings: Vec<Retraining>,
    /// Signs of a collapse that were seen in the training.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub collapses: Vec<Collapse>,
    /// Weights that were chosen by their loss on held-out images.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub choices: Vec<Choice>,
    /// Losses over training.
    pub curves: Vec<Curve>,
    /// Images made from the same latent vectors over training.
    pub snapshots: Vec<Snapshot>,
    /// Its anomaly scores.
    pub components: Vec<Component>,
    /// How well its anomaly maps show where the defects are; absent where it makes none, and in records of earlier versions.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub localisation: Option<Localisation>,
    /// The test images that it scored, as indices into [`Record::test_images`](super::Record::test_images), ascending; absent where it
    /// scored them all.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub scored_images: Option<Vec<usize>>,
    /// Name of the detector whose networks it uses; absent where they are its own.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub base: Option<String>,
    /// Images whose search for a latent vector had not settled when it ended; absent where nothing is searched for.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub unsettled: Option<Share>,
}

impl Detector {
    /// The score that ranks best over all defects; the first of equals.
    pub fn best_score(&self) -> Option<&Component> {
        let ranked = self.components.iter().filter(|c| c.auroc.is_some());
        ranked.reduce(|a, b| if b.rank() > a.rank() { b } else { a })
    }

    /// The headline score and, where it is another, the one that ranks best.
    pub fn main_scores(&self) -> impl Iterator<Item = &Component> {
        let best = self.best_score();
        self.components.iter().filter(move |c| c.headline || best.is_some_and(|b| std::ptr::eq(b, *c)))
    }
}

/// One of the further trainings of a detector.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Retraining {
    /// Wall time of the training in seconds.
    pub training_secs: f64,
    /// Signs of a collapse that were seen in it.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub collapses: Vec<Collapse>,
}

/// How fast a detector scores, in wall time on the machine of the [`Provenance`](super::Provenance).
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Speed {
    /// Where the networks ran: `CPU`.
    pub device: String,
    /// Milliseconds from one image to its score, the image by itself: the median of all measured.
    pub alone_ms: f64,
    /// The same, which 95 % stay below.
    pub alone_q95_ms: f64,
    /// Images of one batch of many.
    pub batch: usize,
    /// Images per second in such batches.
    pub images_per_sec: f64,
}

/// A training whose network came to make all the same, or seemed to.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Collapse {
    /// Stage of the training.
    pub stage: String,
    /// The sign: `sample diversity`.
    pub sign: String,
    /// The step at which it first was out of bounds.
    pub step: usize,
    /// Its value there.
    pub value: f64,
    /// Where it should have been.
    pub bound: Bound,
    /// The step at which it was back; absent where it never was.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub until: Option<usize>,
}

/// Which weights were taken of a stage that looked for the best (early stopping).
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Choice {
    /// Stage of the training.
    pub stage: String,
    /// Steps that were made.
    pub step: usize,
    /// The step whose weights were taken.
    pub best_step: usize,
    /// Their loss on held-out images.
    pub loss: f64,
}

/// Size of a network.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct NetworkSize {
    /// Name of the network: `critic`.
    pub network: String,
    /// Its trainable parameters.
    pub parameters: usize,
}

/// A loss over the steps of a stage.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Curve {
    /// Stage of the training.
    pub stage: String,
    /// What is plotted.
    pub name: String,
    /// Step number and value.
    pub points: Vec<(usize, f64)>,
}

/// Images that the model makes at one moment of its training.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Snapshot {
    /// Step of the training.
    pub step: usize,
    /// One grey PNG per latent vector; the same vectors in the same order at every step.
    pub files: Vec<String>,
}

/// A named anomaly score and how well it ranks.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Component {
    /// Its name: `A_R`.
    pub name: String,
    /// Whether it is the detector's own headline.
    pub headline: bool,
    /// The score of each test image that the detector scored ([`Record::scored`](super::Record::scored)); higher is more anomalous.
    pub values: Vec<f64>,
    /// As `values`, for each of [`Detector::retrainings`].
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub retrained: Vec<Vec<f64>>,
    /// Area under the ROC curve over all defects, the mean over trainings; absent where the test set has one class only.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub auroc: Option<Estimate>,
    /// Average precision over all defects, the mean over trainings.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub average_precision: Option<f64>,
    /// Area under the ROC curve of each defect against all healthy images.
    pub auroc_by_defect: Vec<AgainstDefect>,
    /// The line in the score distributions; absent where there is no healthy image.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub threshold: Option<Threshold>,
    /// Thresholds without labels, in the scenario's order.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub operating: Vec<Operating>,
    /// The threshold of the best balanced accuracy, found with the labels: no result, but what the others are held
    /// against.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub oracle: Option<OperatingPoint>,
    /// How small, faint and short the defects may be; absent where no threshold was found, and in records of earlier versions.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub detectability: Option<Detectability>,
    /// Each part, then the parts seen in training and those not, where both are printed; empty where all lie on every bed, and in records of
    /// earlier versions.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub on_parts: Vec<OnParts>,
}

impl Component {
    /// The area under the ROC curve, below every other where there is none.
    pub fn rank(&self) -> f64 {
        self.auroc.map_or(f64::NEG_INFINITY, |auroc| auroc.value)
    }

    /// The first of its thresholds that was found, by name, and what comes of it.
    pub fn first_found(&self) -> Option<(&str, &OperatingPoint)> {
        self.operating.iter().find_map(|of| Some((of.threshold.as_str(), of.outcome.found()?)))
    }
}

/// A score that most healthy test images stay below, and what lies above it.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Threshold {
    /// Share of the healthy images at or below: 0.95.
    pub quantile: f64,
    /// The score.
    pub value: f64,
    /// Healthy images above it.
    pub healthy_above: Share,
    /// Images of each defect above it.
    pub defects_above: Vec<ShareOfDefect>,
}

impl Threshold {
    /// The 95 % quantile of the healthy images' scores and what lies above it, for `defects` in
    /// that order. `None` without healthy images.
    pub fn of_healthy(images: &[TestImage], values: &[f64], defects: &[&str]) -> Option<Self> {
        let of = |class: Option<&str>| -> Vec<f64> {
            let scored = images.iter().zip(values);
            scored.filter(|(image, _)| image.defect.as_deref() == class).map(|(_, &v)| v).collect()
        };
        let mut healthy = of(None);
        if healthy.is_empty() {
            return None;
        }
        healthy.sort_by(f64::total_cmp);
        let value = linear_quantile(&healthy, 0.95);
        let above = |scores: &[f64]| Share::new(scores.iter().filter(|&&v| v > value).count(), scores.len());
        let defects_above = defects
            .iter()
            .map(|&d| ShareOfDefect { defect: d.to_owned(), share: above(&of(Some(d))) })
            .collect();
        Some(Self { quantile: 0.95, value, healthy_above: above(&healthy), defects_above })
    }
}

/// What a rule that looks at nothing of interest reaches.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Floor {
    /// What it looks at: `mean grey value`.
    pub name: String,
    /// Its area under the ROC curve, the better of the two directions.
    pub auroc: Estimate,
    /// As `auroc`, in the same direction, for each defect against all healthy images.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub auroc_by_defect: Vec<AgainstDefect>,
}

/// What a separator works on: a score or a (projected) feature vector per image.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Representation {
    /// Its name; unique.
    pub name: String,
    /// Name of the detector it comes from.
    pub detector: String,
    /// Numbers per image that the separator sees; of the first training and separation.
    pub dimension: usize,
    /// The fewest and the most over all trainings and separations, where they differ.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub dimensions: Option<[usize; 2]>,
    /// How it was reduced, if it was.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub reduction: Option<Reduction>,
}

/// A projection on fewer numbers.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Reduction {
    /// How: `pca`.
    pub method: String,
    /// Numbers per image before.
    pub from_dimension: usize,
    /// Share of the variance that is left, 0 to 1.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub explained_share: Option<f64>,
    /// Who chose how many numbers are left.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub choice: Option<String>,
}

/// A cell of the accuracy table.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Separation {
    /// Name of the representation.
    pub representation: String,
    /// Name of the separator.
    pub separator: String,
    /// What came of it.
    pub outcome: Outcome,
}

/// What came of a separator on a representation.
#[expect(clippy::large_enum_variant, reason = "most cells are judged: a box would save nothing")]
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Outcome {
    /// Two groups, judged against the labels.
    Judged(Judgement),
    /// No groups, and why.
    Empty(String),
}

/// How well two groups match the labels of the images that they were judged on. Figures are means over trainings and
/// separations, shares are counted over all of them.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Judgement {
    /// Share of the images that are in the right group.
    pub accuracy: Estimate,
    /// Mean of the detection rate and of the share of healthy images that pass.
    pub balanced_accuracy: Estimate,
    /// Accuracy with the groups named after the labels, whichever way is better: not available
    /// to anyone without labels.
    pub oracle_accuracy: f64,
    /// Area under the ROC curve of the separator's margin, where it has one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub margin_auroc: Option<f64>,
    /// Anomalous images that were called anomalous.
    pub detected: Share,
    /// Healthy images that were called anomalous.
    pub false_alarms: Share,
    /// Images of each defect that were called anomalous.
    pub detected_by_defect: Vec<ShareOfDefect>,
    /// What each image that judges it was called: for every training, and within it for every separation, one call for each
    /// of [`Record::judged_by`](super::Record::judged_by).
    #[serde(deserialize_with = "earlier::one_or_many")]
    pub calls: Vec<Calls>,
}

/// A pair of representation and separator that the scenario named before the run.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Named {
    /// Name of the representation.
    pub representation: String,
    /// Name of the separator.
    pub separator: String,
    /// Balanced accuracy that it has to reach, where the scenario sets one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub least_balanced_accuracy: Option<f64>,
}

/// An example image.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct GalleryEntry {
    /// Its defect; absent for a healthy example.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub defect: Option<String>,
    /// Number of the job.
    pub job: u32,
    /// Number of the layer in its job.
    pub layer: u32,
    /// The image.
    pub image: String,
    /// The same layer without the defect.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub twin: Option<String>,
    /// The defect's footprint in the layer.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub mask: Option<String>,
    /// |image - twin|.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub change: Option<String>,
    /// The nominal slice.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub nominal: Option<String>,
    /// Anomaly maps, one per detector that makes one.
    pub maps: Vec<GalleryMap>,
    /// Severity, shown beside the picture.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub cnr_image: Option<f64>,
    /// Size, shown beside the picture, in px.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub diameter_px: Option<f64>,
    /// Every parameter of the image by name (`defect.cnr`, `bed.temperature_c`).
    pub parameters: std::collections::BTreeMap<String, f64>,
    /// What the detectors said of it.
    pub scores: Vec<ImageScore>,
}

/// An anomaly map, already coloured: see [`false_colour_png`](crate::report::false_colour_png).
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct GalleryMap {
    /// Name of the detector.
    pub detector: String,
    /// The PNG.
    pub file: String,
    /// What the darkest and the brightest colour stand for.
    pub range: [f64; 2],
}

/// A score of one image.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct ImageScore {
    /// Name of the detector.
    pub detector: String,
    /// Name of the component.
    pub component: String,
    /// Its value.
    pub value: f64,
    /// The line that 95 % of the healthy test images stay below.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub threshold: Option<f64>,
}
