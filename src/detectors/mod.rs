//! Unsupervised anomaly detectors: fitted on healthy images only, they score any.

mod anogan;
mod auto_encoder;
mod context;
#[cfg(test)]
mod contract;
mod dcgan;
mod f_anogan;
mod fitting;
mod gan;
mod radl;
mod reduced;
mod training;
mod vae;

use std::ops::ControlFlow;
use std::path::Path;

use candle_core::Device;
use generators::registry::Kind;
use generators::stream::Stream;

use crate::data::{Context, ImageSet};
use crate::nets::NetsError;
use crate::nets::onnx::Graph;
use crate::representations::Matrix;
pub use reduced::build;
use training::History;
pub use training::{Architecture, Bound, Choice, Collapse, MODEL, Saved, is_training, training_secs};

/// A detector as the scenario states it, not yet fitted.
pub trait Detector: Send + Sync {
    /// Names of what its scorer will return.
    fn outputs(&self) -> Outputs;

    /// What it wants to know of a layer beside its image.
    fn context(&self) -> Context {
        Context::default()
    }

    /// Whether its networks can take images of `size_px`.
    ///
    /// # Errors
    /// [`DetectorError::Size`], [`DetectorError::Units`].
    fn suits(&self, size_px: usize) -> Result<(), DetectorError>;

    /// Pixels along one side of what it sees, where that is not what there is.
    fn image_px(&self) -> Option<usize> {
        None
    }

    /// The detector whose networks this one uses, where it has none of its own.
    fn base(&self) -> Option<Base<'_>> {
        None
    }

    /// How many images of a set it scores, where it is too slow for all of them.
    fn most_images(&self) -> Option<usize> {
        None
    }

    /// Learns what healthy looks like.
    ///
    /// `training` and `validation` are healthy and come from different jobs. A run that was cut off
    /// goes on from the checkpoint in `run.folder` and ends with the identical weights.
    ///
    /// # Errors
    /// [`DetectorError::Diverged`] where a loss is no longer finite; [`DetectorError::Collapsed`] where the scenario wants
    /// that to end the run; [`DetectorError::Interrupted`]; [`DetectorError::Io`].
    fn fit(&self, training: &ImageSet, validation: &ImageSet, run: &Run<'_>)
    -> Result<Fitted, DetectorError>;

    /// What [`Detector::fit`] has saved, as a scorer; this detector is the one that the model's architecture states.
    ///
    /// # Errors
    /// [`DetectorError::Model`] where the names or shapes of the model's tensors are not those of the architecture.
    fn restore(&self, saved: &Saved) -> Result<Box<dyn Scorer>, DetectorError>;
}

/// Another detector of the same scenario.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Base<'a> {
    /// The key that names it.
    pub key: &'static str,
    /// Its name.
    pub name: &'a str,
    /// The kind that it has to be of.
    pub kind: &'static str,
}

/// Names of the scores and feature vectors that a detector returns, in order.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Outputs {
    /// Scores; the first is the headline.
    pub components: &'static [&'static str],
    /// Feature vectors.
    pub features: &'static [&'static str],
}

/// What a training run may use.
pub struct Run<'a> {
    /// The only source of randomness: weights, batches, dropout, latents.
    pub stream: Stream,
    /// Where checkpoints and the finished model live.
    pub folder: &'a Path,
    /// The folder of the fitted [`Detector::base`], where there is one.
    pub base: Option<&'a Path>,
    /// Pixels along one side of the squares over which its images have been averaged: 1 where they are as they were.
    pub reduction: usize,
    /// Identifies data and settings: a checkpoint with another fingerprint is not resumed.
    pub fingerprint: &'a str,
    /// Where the networks live.
    pub device: &'a Device,
    /// Told of every finished step.
    pub progress: &'a dyn Progress,
}

/// Shows how far a long work is, and knows whether somebody wants it to stop.
pub trait Progress: Sync {
    /// `done` of `total` steps of `stage` are finished; `losses` as (name, value). `Break` asks the work to keep what it
    /// has and to end.
    fn step(&self, stage: &str, done: usize, total: usize, losses: &[(&str, f64)]) -> ControlFlow<()>;

    /// Says something about the work that somebody may want to know.
    fn remark(&self, words: &str) {
        let _ = words;
    }

    /// From `begins` to the call that takes it back, an interruption is left to [`Progress::step`], so that the work can
    /// keep what it has; at other times it ends the program at once. `Break` where there was one.
    fn stoppable(&self, begins: bool) -> ControlFlow<()> {
        let _ = begins;
        ControlFlow::Continue(())
    }
}

/// A detector after training.
pub struct Fitted {
    /// Scores images.
    pub scorer: Box<dyn Scorer>,
    /// Losses over training.
    pub curves: Vec<Curve>,
    /// Signs of a collapse that were seen in the training.
    pub collapses: Vec<Collapse>,
    /// Weights that were chosen by their validation loss.
    pub choices: Vec<Choice>,
    /// Generated or reconstructed images over training, where the detector makes any.
    pub snapshots: Vec<Snapshot>,
    /// Trainable parameters by network: ("critic", 2_765_568).
    pub parameters: Vec<(String, usize)>,
}

impl Fitted {
    /// What a training left behind, of networks with so many parameters; images that it made on the way are still missing.
    fn new(scorer: impl Scorer + 'static, history: &History, parameters: Vec<(&str, usize)>) -> Self {
        Self {
            scorer: Box::new(scorer),
            curves: history.curves(),
            collapses: history.collapses().to_vec(),
            choices: history.choices().to_vec(),
            snapshots: Vec::new(),
            parameters: parameters.into_iter().map(|(name, count)| (name.to_owned(), count)).collect(),
        }
    }
}

/// One loss over the steps of a stage.
#[derive(Clone, Debug, PartialEq)]
pub struct Curve {
    /// Stage of training: `vae`, `wgan-gp`, `encoder`.
    pub stage: String,
    /// What is plotted: `critic loss`, `gradient penalty`.
    pub name: String,
    /// Step number and value.
    pub points: Vec<(usize, f64)>,
}

/// Images that the model makes from the same latent vectors at one moment of its training (Zeiser et al. 2023, Fig. 5).
#[derive(Clone, Debug, PartialEq)]
pub struct Snapshot {
    /// Step of the training.
    pub step: usize,
    /// Pixels along one side.
    pub size_px: usize,
    /// Grey values 0 to 1, image by image.
    pub pixels: Vec<f32>,
}

/// A fitted detector.
pub trait Scorer: Send + Sync {
    /// Scores every image, in order.
    ///
    /// # Errors
    /// Where the images do not have the size of the training images.
    fn score(&self, images: &ImageSet) -> Result<Scores, DetectorError>;

    /// As [`Scorer::score`], in a run. Where that takes long it tells its progress and keeps what is finished in the run's folder under
    /// `name`, from where the same call goes on, to the same scores.
    ///
    /// # Errors
    /// As [`Scorer::score`]; [`DetectorError::Interrupted`]; [`DetectorError::Io`].
    fn score_in(&self, images: &ImageSet, name: &str, run: &Run<'_>) -> Result<Scores, DetectorError> {
        let _ = (name, run);
        self.score(images)
    }

    /// The way from images to their scores for other programs: from the input `images` `[batch, 1, size, size]`, grey
    /// values 0 to 1, and where there is a [`Context`] its channels as `context`, to an output for each of the [`Scores`] under
    /// its [`identifier`](crate::nets::onnx::identifier), and
    /// `map` where there are maps.
    ///
    /// # Errors
    /// [`DetectorError::Tensor`] where the weights cannot be read; [`DetectorError::NoGraph`] where the way is no graph.
    fn onnx(&self) -> Result<Graph, DetectorError>;
}

/// What a detector says of a set of images, one entry or row per image.
#[derive(Clone, Debug, Default)]
pub struct Scores {
    /// Named anomaly scores; higher is more anomalous. The first is the detector's headline.
    pub components: Vec<(&'static str, Vec<f32>)>,
    /// Named feature vectors.
    pub features: Vec<(&'static str, Matrix)>,
    /// Anomaly map of each image (higher is more anomalous), laid out as the images' pixels;
    /// empty where the detector makes none.
    pub maps: Vec<f32>,
    /// Whether the search for the image's latent vector ended before it had settled; empty where nothing is searched for.
    pub unsettled: Vec<bool>,
}

/// Why a detector could not be trained or used.
#[derive(Debug, thiserror::Error)]
pub enum DetectorError {
    /// A loss, a gradient or a weight became infinite or not a number.
    #[error(
        "training of {detector} diverged: {what} at step {step} of {stage}; the checkpoint of step {kept} is kept, lower `learning_rate` or set `clip_norm` in [[detector]]"
    )]
    Diverged {
        /// Kind of detector.
        detector: &'static str,
        /// Stage of training.
        stage: &'static str,
        /// Which number, and what it is.
        what: String,
        /// Step at which it was seen.
        step: usize,
        /// Step of the last good checkpoint.
        kept: usize,
    },
    /// What the network makes is all the same, and the scenario says `on_collapse = "stop"`.
    #[error(
        "training of {detector} collapsed: {} is {:.3e} from step {} of {stage} on and should be {}; the checkpoint of step {kept} is kept, lower `learning_rate`, change the seed, or let it pass with `on_collapse = \"report\"` in [[detector]]",
        collapse.sign, collapse.value, collapse.step, collapse.bound
    )]
    Collapsed {
        /// Kind of detector.
        detector: &'static str,
        /// Stage of training.
        stage: &'static str,
        /// What was seen.
        collapse: Box<Collapse>,
        /// Step of the last good checkpoint.
        kept: usize,
    },
    /// Somebody wanted it to stop.
    #[error(
        "interrupted after step {kept} of {}; what is finished is kept, and the same command, without --fresh, goes on from there",
        if stage == detector { (*stage).to_owned() } else { format!("{stage} of {detector}") }
    )]
    Interrupted {
        /// Kind of detector.
        detector: &'static str,
        /// Stage of training.
        stage: &'static str,
        /// Step of the checkpoint.
        kept: usize,
    },
    /// The images do not fit the network.
    #[error("{detector} works on images of {expected}, not of {found} px")]
    Size {
        /// Kind of detector.
        detector: &'static str,
        /// What it takes.
        expected: String,
        /// What it was given.
        found: usize,
    },
    /// Its images cannot be had by averaging.
    #[error("`image_px` of {detector} is {image_px}, and images of {found} px are no whole multiple of that")]
    Reduction {
        /// Kind of detector.
        detector: &'static str,
        /// What it is to see.
        image_px: usize,
        /// Pixels along one side of the images.
        found: usize,
    },
    /// The units that the scenario lists do not fit the images.
    #[error("`{key}` of {detector} says {found} units, and images of {size_px} px take {needed}")]
    Units {
        /// Kind of detector.
        detector: &'static str,
        /// Where it says so.
        key: &'static str,
        /// How many it says.
        found: usize,
        /// How many there have to be.
        needed: String,
        /// Pixels along one side of the images.
        size_px: usize,
    },
    /// It has no networks of its own, and nobody said where to find them.
    #[error("{detector} needs the fitted model of a detector of kind {kind}")]
    NoBase {
        /// Kind of detector.
        detector: &'static str,
        /// Kind of the other.
        kind: &'static str,
    },
    /// Its scores cannot be written as a graph.
    #[error("{detector} cannot be written as ONNX: {why}")]
    NoGraph {
        /// Kind of detector.
        detector: &'static str,
        /// Why not, and what can.
        why: &'static str,
    },
    /// Nobody has told what it has to know of the images.
    #[error(
        "{detector} has to know {needs}, which image files alone do not tell; name one run or dataset, and its test images are scored"
    )]
    Context {
        /// Kind of detector.
        detector: &'static str,
        /// What it has to know.
        needs: String,
    },
    /// A file could not be read or written.
    #[error("{path}: {source}")]
    Io {
        /// Which file.
        path: std::path::PathBuf,
        /// What the system said.
        source: std::io::Error,
    },
    /// There is nothing to learn from.
    #[error("{detector} needs healthy images for training, and there are none")]
    NoImages {
        /// Kind of detector.
        detector: &'static str,
    },
    /// A saved model or checkpoint could not be used.
    #[error(transparent)]
    Model(NetsError),
    /// The tensor library failed.
    #[error("{0}")]
    Tensor(#[from] candle_core::Error),
}

impl From<NetsError> for DetectorError {
    fn from(error: NetsError) -> Self {
        match error {
            NetsError::Io { path, source } => Self::Io { path, source },
            NetsError::Tensor(error) => Self::Tensor(error),
            other => Self::Model(other),
        }
    }
}

/// Every detector that a scenario can name.
pub const KINDS: &[Kind<dyn Detector>] =
    &[vae::KIND, auto_encoder::KIND, dcgan::KIND, f_anogan::KIND, anogan::KIND, context::KIND, radl::KIND];
