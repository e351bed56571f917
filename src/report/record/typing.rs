//! Which defects are alike, found without labels, and what the labels say of it.

use serde::{Deserialize, Serialize};

use super::{Estimate, Share};

/// Groups of images with like anomalies, beside one of healthy images.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Typing {
    /// How many types of anomalies were asked for.
    pub types: usize,
    /// Name of the threshold between healthy and anomalous images.
    pub threshold: String,
    /// Images on which groups were found; others judge.
    pub fitted: usize,
    /// The classes of the images that judge: `healthy` and the defects.
    pub classes: Vec<String>,
    /// Images of each class by group. Group `i` is the one that was given to class `i`, such that as many images as can be are
    /// in the group of their class; groups that belong to no class follow.
    pub confusion: Vec<Vec<usize>>,
    /// Share of the images that are in the group of their class.
    pub accuracy: Estimate,
    /// Adjusted Rand index of groups and classes.
    pub adjusted_rand: Estimate,
    /// Normalised mutual information of groups and classes, 0 to 1.
    pub mutual_information: f64,
    /// How many defective images are in the group of their class, by contrast-to-noise in the image.
    pub by_cnr: Vec<TypingAtContrast>,
    /// What comes of as many types as the data suggest.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub natural: Option<NaturalTyping>,
}

/// Defective images of a range of contrasts.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct TypingAtContrast {
    /// Contrast-to-noise from which on.
    pub from: f64,
    /// Contrast-to-noise below which; absent of the last range.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub below: Option<f64>,
    /// Those in the group of their class.
    pub right: Share,
}

/// The number of types that the data suggest, and what comes of it.
#[derive(Clone, Copy, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct NaturalTyping {
    /// Types of anomalies.
    pub types: usize,
    /// As [`Typing::accuracy`].
    pub accuracy: f64,
    /// As [`Typing::adjusted_rand`].
    pub adjusted_rand: f64,
}
