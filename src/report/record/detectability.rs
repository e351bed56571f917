//! How small, how faint and how short a defect may be and still be found.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use super::{Share, TestImage};

/// How surely a score finds the defects, at one threshold.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Detectability {
    /// Name of the threshold, which no label had a part in.
    pub threshold: String,
    /// Images that score higher are called anomalous.
    pub value: f64,
    /// Healthy test images, the twins of the others, that are called anomalous.
    pub false_alarms: Share,
    /// Each defect, in the dataset's order.
    pub defects: Vec<DetectabilityOfDefect>,
}

/// How surely one defect is found.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct DetectabilityOfDefect {
    /// Label of the defect.
    pub defect: String,
    /// Its images that are called anomalous.
    pub found: Share,
    /// The probability of detection against each [`Extent`] that is known of it.
    pub curves: Vec<DetectionCurve>,
}

/// Probability of detection against one extent of a defect.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct DetectionCurve {
    /// What lies along the curve.
    pub extent: Extent,
    /// Images, or episodes for [`Extent::DurationLayers`].
    pub cases: usize,
    /// The least and the largest extent among them.
    pub range: [f64; 2],
    /// The curve, or the reason why there is none.
    pub fit: DetectionFit,
}

/// A logistic curve of the logarithm of an extent.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum DetectionFit {
    /// Log odds of being found = intercept + slope ln(extent).
    Found {
        /// At extent 1.
        intercept: f64,
        /// Growth with ln(extent).
        slope: f64,
        /// The extent that is found with probability 0.9; absent where larger ones are not found more often.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        a90: Option<f64>,
        /// The extent from which on it is at least 0.9 with confidence 0.95; absent where chance may have made the slope.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        a90_95: Option<f64>,
    },
    /// All were found: smaller ones are needed to see where that ends.
    All,
    /// None was found: larger ones are needed.
    None,
    /// Hits and misses do not overlap: the change lies between these, and no curve can be told.
    Gap([f64; 2]),
    /// No curve can be fitted, for another reason.
    Failed(String),
}

/// A way in which a defect may be larger or smaller.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Extent {
    /// Diameter of the disc of the footprint's area, in mm.
    DiameterMm,
    /// Contrast-to-noise in the image.
    CnrImage,
    /// Layers of an episode, which is found where any of its images is.
    DurationLayers,
}

/// Defects that were found or not.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Cases {
    /// The extent of each.
    pub extents: Vec<f64>,
    /// Whether each was found.
    pub found: Vec<bool>,
    /// The print job of each.
    pub job: Vec<u32>,
}

impl Extent {
    /// All, in the order of the report.
    pub const ALL: [Self; 3] = [Self::DiameterMm, Self::CnrImage, Self::DurationLayers];

    /// What it is called, with its unit.
    pub fn title(self) -> &'static str {
        match self {
            Self::DiameterMm => "diameter, mm",
            Self::CnrImage => "contrast-to-noise",
            Self::DurationLayers => "duration, layers",
        }
    }

    /// The images of `defect`, or its episodes, of which this is known: those whose score of `values` is higher than
    /// `threshold` are found.
    pub fn cases(
        self,
        images: &[TestImage],
        px_per_mm: f64,
        defect: &str,
        (values, threshold): (&[f64], f64),
    ) -> Cases {
        let of = images.iter().zip(values).filter(|(image, _)| image.defect.as_deref() == Some(defect));
        let known = of.filter_map(|(image, &value)| {
            let extent = match self {
                Self::DiameterMm => image.diameter_px.map(|px| px / px_per_mm),
                Self::CnrImage => image.cnr_image,
                Self::DurationLayers => image.duration_layers,
            };
            Some((image.job, extent?, value > threshold))
        });
        let mut cases = Cases::default();
        if self == Self::DurationLayers {
            // A job holds at most one episode of a defect.
            let mut episodes: BTreeMap<u32, (f64, bool)> = BTreeMap::new();
            for (job, extent, found) in known {
                episodes.entry(job).or_insert((extent, false)).1 |= found;
            }
            episodes.into_iter().for_each(|(job, (extent, found))| cases.push(job, extent, found));
        } else {
            known.for_each(|(job, extent, found)| cases.push(job, extent, found));
        }
        cases
    }
}

impl Cases {
    fn push(&mut self, job: u32, extent: f64, found: bool) {
        self.extents.push(extent);
        self.found.push(found);
        self.job.push(job);
    }

    /// The least and the largest extent; `None` without cases.
    pub fn range(&self) -> Option<[f64; 2]> {
        let low = self.extents.iter().copied().reduce(f64::min)?;
        Some([low, self.extents.iter().copied().fold(low, f64::max)])
    }
}
