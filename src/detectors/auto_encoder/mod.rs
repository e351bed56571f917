//! A convolutional auto-encoder, scored by what its reconstruction leaves over (Bergmann et al. 2019, AE (L2) and AE (SSIM); as in
//! Zouar 2021, section 4.1.3, and Garzó et al. 2022, section 3).
//!
//! As the variational one it learns to redraw healthy images. Nothing but the length of its latent vector keeps it from redrawing
//! defects too. Trained on the structural similarity it looks at how brightness changes about a pixel, more than at the brightness itself.
//!
//! # Networks
//! The layers are those of Zouar 2021, Table 4, by their numbers there, with c for 32 feature maps. An image enters at the
//! first convolution for its side, and leaves by that one's mirror image: at 64 px there is no layer 1. Images of 256 px have one more,
//! of number 0. In a file as [`Architecture`] says:
//!
//! | tensors | side seen | shape |
//! |---|---|---|
//! | `auto-encoder/encoder.0.weight`, `.bias` | 256 px | `[c, 1, 4, 4]` |
//! | `auto-encoder/encoder.1`, `encoder.2` | 128 px, 64 px | `[c, c, 4, 4]` |
//! | `auto-encoder/encoder.3`, `encoder.4` | 32 px | `[c, c, 3, 3]`, `[2 c, c, 4, 4]` |
//! | `auto-encoder/encoder.5`, `encoder.6` | 16 px | `[2 c, 2 c, 3, 3]`, `[4 c, 2 c, 4, 4]` |
//! | `auto-encoder/encoder.7`, `encoder.8` | 8 px | `[2 c, 4 c, 3, 3]`, `[c, 2 c, 3, 3]` |
//! | `auto-encoder/encoder.9` | 8 px | `[latent, c, 8, 8]` |
//! | `auto-encoder/decoder.9` to the first | | transposed, as the encoder's of the same number |
//! | `residuals/healthy` | | `[1, 1, size, size]`: residual of healthy images |
//!
//! The first of the encoder sees the image alone: it has 1 for the second number of its shape. `decoder.9` is Deconv1 of the table,
//! `decoder.1` Deconv9.
//!
//! # The table's misprints
//! The sides that Table 4 gives come out with these windows only. Conv8 has padding 1 and Conv9 none, and not the other way round. The decoder is the
//! mirror image of the encoder (Bergmann et al. 2019): Deconv1 is 8 x 8 without padding, and the kernels that stand beside Deconv1 to Deconv7
//! belong to Deconv2 to Deconv8, one row further down. The strides of the decoder are right.
//!
//! # The papers' training
//! Bergmann et al. train 200 epochs in batches of 128 patches, with Adam at 0.0002 throughout and a weight decay of 0.00001: `epochs = 200`,
//! `batch = 128`, `learning_rate = 0.0002`, `schedule = { kind = "constant" }`. The defaults are for minutes. Here weights decay as in AdamW
//! (Loshchilov and Hutter 2019), beside the moments of the gradient and not through them.

mod network;

use candle_core::Device;
use generators::params::{ScenarioError, Table};
use generators::registry::Kind;
use generators::stream::Stream;
use serde_json::Value;

use self::network::Network;
use super::fitting::{COMPONENTS, GreyRange, Residuals, check_size, check_some, chunks, halvings, seen};
use super::training::{
    Architecture, Batch, Bound, DIVERSE, Defaults, Losses, Networks, Optimisers, Saved, Settings, Sign,
    Stage, Trainee, diversity, trained, validation_loss,
};
use super::{Detector, DetectorError, Fitted, Outputs, Run, Scorer, Scores};
use crate::data::{Context, ImageSet};
use crate::nets::Adam;
use crate::nets::onnx::Graph;
use crate::representations::Matrix;

const NAME: &str = "auto-encoder";
/// The feature vector.
const LATENT: &str = "latent";
/// Mean squared error of the reconstructions over their range above which they have left the grey values: the structural similarity
/// is 0 there, whatever the weights, and the training stays where it is.
const AMONG_GREY_VALUES: Bound = Bound::AtMost(1.0);

/// The registry's entry.
pub const KIND: Kind<dyn Detector> = Kind {
    name: NAME,
    summary: "Convolutional auto-encoder, scored by its squared error or by structural similarity",
    source: "Bergmann et al. 2019, arXiv:1807.02011; as in Zouar 2021, Table 4",
    example: "\
loss = \"l2\"
latent = 100
channels = 32
weight_decay = 1e-5
steps = 900
batch = 32
learning_rate = 0.001
schedule = { kind = \"linear\", hold = 0.5, last = 0.01 }
clip_norm = 0.0
augment = { flip_x = false, flip_y = false, shift_px = 0 }
validations = 20
patience = 0
on_collapse = \"report\"
checkpoint_steps = 200
log_steps = 1
",
    build,
};

fn build(table: &mut Table) -> Result<Box<dyn Detector>, Box<ScenarioError>> {
    Ok(Box::new(read(table)?))
}

fn read(table: &mut Table) -> Result<AutoEncoder, Box<ScenarioError>> {
    Ok(AutoEncoder {
        loss: match table.choice("loss", Some(0), &LOSSES)? {
            0 => Loss::L2,
            _ => Loss::Ssim,
        },
        latent: table.count("latent", Some(100), 1..=1024)?,
        channels: table.count("channels", Some(32), 1..=256)?,
        weight_decay: table.number("weight_decay", Some(1e-5), 0.0..=1.0)?,
        training: Settings::read(
            table,
            Defaults {
                steps: 900,
                batch: 32,
                learning_rate: 1e-3,
                checkpoint_steps: 200,
                early_stopping: true,
            },
        )?,
    })
}

/// How an image is compared with its reconstruction.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Loss {
    /// Squared differences.
    L2,
    /// Structural similarity.
    Ssim,
}

/// Their names, in order.
const LOSSES: [&str; 2] = ["l2", "ssim"];

/// The settings.
#[derive(Clone, Debug)]
struct AutoEncoder {
    /// What training lowers, and scores are made of.
    loss: Loss,
    /// Numbers in the latent vector.
    latent: usize,
    /// Feature maps of the first convolution.
    channels: usize,
    /// Share of each weight that a step takes away, times the learning rate.
    weight_decay: f64,
    /// How it is trained.
    training: Settings,
}

impl Detector for AutoEncoder {
    fn outputs(&self) -> Outputs {
        Outputs { components: &COMPONENTS, features: &[LATENT] }
    }

    fn suits(&self, size_px: usize) -> Result<(), DetectorError> {
        halvings(NAME, size_px).map(drop)
    }

    fn fit(
        &self,
        training: &ImageSet,
        validation: &ImageSet,
        run: &Run<'_>,
    ) -> Result<Fitted, DetectorError> {
        check_some(NAME, training)?;
        let (size_px, range) = (training.size_px, GreyRange::of(training));
        let scorer = AutoEncoderScorer::new(self, size_px, range, &run.stream.child("weights"), run.device)?;
        let settings: Vec<(&str, Value)> = vec![
            ("loss", LOSSES[self.loss as usize].into()),
            ("latent", self.latent.into()),
            ("channels", self.channels.into()),
        ];
        let architecture = Architecture::new(NAME, settings, size_px, range.ends());
        let history = trained(run, &architecture, &scorer.networks(), || {
            let stage = Stage {
                detector: NAME,
                name: NAME,
                settings: &self.training,
                batches_per_step: 1,
                images: training,
                context: Context::default(),
                order: run.stream.child("batches"),
            };
            let history = stage.train(&mut Training::new(self, &scorer.network, validation)?, run)?;
            // Healthy images that the network has not seen, where there are any.
            let healthy = if validation.is_empty() { training } else { validation };
            let residuals = chunks(healthy, run.device).map(|x| Ok(scorer.network.residual(&x?)?.0));
            scorer.residuals.measure(residuals)?;
            Ok(history)
        })?;
        let parameters = vec![(NAME, scorer.network.parameters.count())];
        Ok(Fitted::new(scorer, &history, parameters))
    }

    fn restore(&self, saved: &Saved) -> Result<Box<dyn Scorer>, DetectorError> {
        let Architecture { size_px, grey_range, .. } = saved.architecture;
        let range = GreyRange::between(grey_range);
        let scorer = AutoEncoderScorer::new(self, size_px, range, &Stream::root(0), &saved.device)?;
        saved.load(&scorer.networks())?;
        Ok(Box::new(scorer))
    }
}

struct Training<'a> {
    network: &'a Network,
    adam: Adam,
    validation: &'a ImageSet,
}

impl<'a> Training<'a> {
    fn new(
        settings: &AutoEncoder,
        network: &'a Network,
        validation: &'a ImageSet,
    ) -> Result<Self, DetectorError> {
        let mut adam = Adam::new(&network.parameters, settings.training.learning_rate, 0.9, 0.999)?;
        adam.weight_decay = settings.weight_decay;
        Ok(Self { network, adam, validation })
    }
}

impl Trainee for Training<'_> {
    fn step(&mut self, _: usize, batches: &[Batch]) -> Result<Losses, DetectorError> {
        let loss = self.network.loss(&batches[0].images)?;
        self.adam.step(&loss.backward()?)?;
        Ok(vec![("training loss", f64::from(loss.to_scalar::<f32>()?))])
    }

    fn validate(&mut self) -> Result<Losses, DetectorError> {
        let views = seen(self.validation, Context::default(), self.network.parameters.device());
        Ok(validation_loss(views, |view| self.network.loss(&view.images))?)
    }

    fn signs(&mut self) -> Result<Vec<Sign>, DetectorError> {
        // A few images tell.
        let mut parts = chunks(self.validation, self.network.parameters.device());
        let Some(x) = parts.next().transpose()?.filter(|x| x.dims()[0] > 1) else {
            return Ok(Vec::new());
        };
        let y = self.network.reconstruct(&x)?;
        let [low, high] = self.network.range.ends();
        let error = ((&y - &x)? / (high - low))?.sqr()?.mean_all()?.to_scalar::<f32>()?;
        Ok(vec![
            Sign { name: "reconstruction diversity", value: diversity(&y, &x)?, bound: DIVERSE },
            Sign { name: "reconstruction error", value: f64::from(error), bound: AMONG_GREY_VALUES },
        ])
    }

    fn parts(&mut self) -> (Networks<'_>, Optimisers<'_>) {
        (vec![(NAME, &self.network.parameters)], vec![(NAME, &mut self.adam)])
    }
}

/// A fitted auto-encoder.
struct AutoEncoderScorer {
    network: Network,
    residuals: Residuals,
    latent: usize,
    size_px: usize,
}

impl AutoEncoderScorer {
    fn new(
        settings: &AutoEncoder,
        size_px: usize,
        range: GreyRange,
        stream: &Stream,
        device: &Device,
    ) -> Result<Self, DetectorError> {
        let network = Network::new(settings, size_px, range, stream, device)?;
        let residuals = Residuals::new(size_px, device)?;
        Ok(Self { network, residuals, latent: settings.latent, size_px })
    }

    fn networks(&self) -> Networks<'_> {
        vec![(NAME, &self.network.parameters), ("residuals", self.residuals.parameters())]
    }
}

impl Scorer for AutoEncoderScorer {
    fn score(&self, images: &ImageSet) -> Result<Scores, DetectorError> {
        check_size(NAME, self.size_px, images)?;
        let mut latents = Vec::new();
        let residuals = chunks(images, self.network.parameters.device()).map(|x| {
            let (residual, z) = self.network.residual(&x?)?;
            latents.extend(z.flatten_all()?.to_vec1::<f32>()?);
            Ok(residual)
        });
        let scores = self.residuals.scores(residuals)?;
        let features = vec![(LATENT, Matrix::new(images.len(), self.latent, latents))];
        Ok(Scores { features, ..scores })
    }

    fn onnx(&self) -> Result<Graph, DetectorError> {
        let mut graph = Graph::new();
        let x = graph.input("images", &[1, self.size_px, self.size_px]);
        let (residual, z) = self.network.onnx(&mut graph, &x)?;
        graph.output(LATENT, &z, &[self.latent]);
        self.residuals.scores_onnx(&mut graph, &residual, self.size_px)?;
        Ok(graph)
    }
}

#[cfg(test)]
mod tests;
