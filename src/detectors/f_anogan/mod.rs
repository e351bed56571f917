//! f-AnoGAN: a WGAN-GP and an encoder, trained on healthy images (Schlegl et al. 2019; Zeiser et al. 2023, section 5).
//!
//! The generator learns to make healthy images, the encoder to find the latent vector whose image is nearest to a given one.
//! An anomaly is what differs between the two, in grey values (A_R) or in the critic's features (A_D).

//!
//! # Networks
//! For U = log2(size) - 2 units of width w(u) = channels 2^(u - 1), and w(0) = 1, in a file as
//! [`Architecture`](super::Architecture) says:
//!
//! | tensors | shape |
//! |---|---|
//! | `critic/unit.u.weight`, `.bias` | u = 1 to U: `[w(u), w(u - 1), 4, 4]` |
//! | `critic/output` | `[1, 16 w(U)]`, on D_f, the result of unit U |
//! | `generator/input` | `[16 w(U), latent]` |
//! | `generator/norm.u.weight`, `.bias`, `.running_mean`, `.running_variance` | u = U to 1: `[w(u)]`, before unit u |
//! | `generator/unit.u` | u = U to 1, transposed: `[w(u), w(u - 1), 4, 4]` |
//! | `encoder/unit.u` | u = 1 to U - 1: `[w(u), w(u - 1), 4, 4]` |
//! | `encoder/output` | `[latent, 64 w(U - 1)]` |
//! | `residuals/healthy` | `[1, 1, size, size]`: squared residual of healthy images |
//! | `snapshots/moment.i` | `[16, 1, size, size]`: images generated over the training |

mod critic;
mod encoder;
mod generator;
mod model;
mod wgan_gp;

use candle_core::Device;
use generators::params::{ScenarioError, Table};
use generators::registry::Kind;
use generators::stream::Stream;
use serde_json::Value;

use self::critic::Critic;
use self::encoder::Encoder;
use self::generator::Generator;
use self::model::{FAnoGanScorer, Frozen};
use self::wgan_gp::Snapshots;
use super::fitting::{GreyRange, Residuals, chunks};
use super::training::{Architecture, Bound, Defaults, History, Networks, Saved, Settings, Stage, trained};
use super::{Detector, DetectorError, Fitted, Outputs, Run, Scorer};
use crate::data::ImageSet;
use crate::nets::{Activation, Init, Parameters, Window};

const NAME: &str = "f-anogan";
/// Halves or doubles a side.
const WINDOW: Window = Window::new(4, 2, 1);
const LEAKY: Activation = Activation::LeakyRelu(0.2);
const HE: Init = Init::He { slope: 0.2 };
/// Diversity of generated images, relative to healthy ones, below which they are all the same.
const DIVERSE: Bound = Bound::AtLeast(0.1);

/// The registry's entry.
pub const KIND: Kind<dyn Detector> = Kind {
    name: NAME,
    summary: "WGAN-GP and encoder, scored by what differs between an image and its healthy counterpart",
    source: "Schlegl et al. 2019, doi:10.1016/j.media.2019.01.010; as in Zeiser et al. 2023, section 5",
    example: "\
latent = 128
channels = 16
critic_steps = 3
gradient_penalty = 10.0
dropout = 0.02
average = 0.99
lambda = 0.1
steps = 650
batch = 16
learning_rate = 0.001
schedule = { kind = \"linear\", hold = 0.5, last = 0.01 }
clip_norm = 0.0
augment = { flip_x = false, flip_y = false, shift_px = 0 }
validations = 20
on_collapse = \"report\"
checkpoint_steps = 100
log_steps = 1
encoder = { dropout = 0.02, steps = 1400, batch = 16, learning_rate = 0.001, schedule = { kind = \"linear\", hold = 0.5, \
last = 0.01 }, clip_norm = 0.0, augment = { flip_x = false, flip_y = false, shift_px = 0 }, validations = 20, \
patience = 0, on_collapse = \"report\", checkpoint_steps = 100, log_steps = 1 }
",
    build,
};

fn build(table: &mut Table) -> Result<Box<dyn Detector>, Box<ScenarioError>> {
    let defaults =
        Defaults { steps: 650, batch: 16, learning_rate: 1e-3, checkpoint_steps: 100, early_stopping: false };
    let mut encoder = table.table("encoder")?;
    let detector = FAnoGan {
        latent: table.count("latent", Some(128), 1..=1024)?,
        channels: table.count("channels", Some(16), 1..=256)?,
        critic_steps: table.count("critic_steps", Some(3), 1..=100)?,
        gradient_penalty: table.number("gradient_penalty", Some(10.0), 0.0..=f64::INFINITY)?,
        dropout: table.number("dropout", Some(0.02), 0.0..=0.9)?,
        average: table.number("average", Some(0.99), 0.0..=0.9999)?,
        lambda: table.number("lambda", Some(0.1), 0.0..=1.0)?,
        training: Settings::read(table, defaults)?,
        encoder_dropout: encoder.number("dropout", Some(0.02), 0.0..=0.9)?,
        encoder: Settings::read(&mut encoder, Defaults { steps: 1400, early_stopping: true, ..defaults })?,
    };
    encoder.finish()?;
    Ok(Box::new(detector))
}

/// The settings.
#[derive(Clone, Debug)]
struct FAnoGan {
    /// Numbers in the latent vector.
    latent: usize,
    /// Feature maps of the first unit; each further unit has twice as many.
    channels: usize,
    /// Steps of the critic for one of the generator.
    critic_steps: usize,
    /// Weight of the gradient penalty.
    gradient_penalty: f64,
    /// Probability with which the critic's activations are dropped in training.
    dropout: f64,
    /// How much of the generator's running average each step keeps; 0 keeps the last weights only.
    average: f64,
    /// Weight of A_D in the anomaly score A and in the encoder's loss.
    lambda: f64,
    /// How critic and generator are trained; a step is one of the generator.
    training: Settings,
    /// Probability with which the encoder's activations are dropped in training.
    encoder_dropout: f64,
    /// How the encoder is trained.
    encoder: Settings,
}

impl Detector for FAnoGan {
    fn outputs(&self) -> Outputs {
        Outputs { components: &model::COMPONENTS, features: &model::FEATURES }
    }

    fn fit(
        &self,
        training: &ImageSet,
        validation: &ImageSet,
        run: &Run<'_>,
    ) -> Result<Fitted, DetectorError> {
        if training.is_empty() {
            return Err(DetectorError::NoImages { detector: NAME });
        }
        let (size_px, range) = (training.size_px, GreyRange::of(training));
        let model = Model::new(self, size_px, range, &run.stream, run.device)?;
        let gan = Stage {
            detector: NAME,
            name: "wgan-gp",
            settings: &self.training,
            batches_per_step: self.critic_steps,
            images: training,
            order: run.stream.child("batches"),
        };
        let encoding = Stage {
            name: "encoder",
            settings: &self.encoder,
            batches_per_step: 1,
            order: run.stream.child("encoder batches"),
            ..gan
        };
        let architecture = Architecture::new(NAME, self.shape(), size_px, range.ends());
        let steps = gan.steps();
        let history = trained(run, &architecture, &model.networks(), || {
            let mut history = model.train_gan(self, &gan, validation, run)?;
            let scorer = &model.scorer;
            let mut encoder = encoder::Training::new(self, &scorer.encoder, &scorer.frozen, validation, run)?;
            history.extend(encoding.train(&mut encoder, run)?);
            // Healthy images that the networks have not seen, where there are any.
            let healthy = if validation.is_empty() { training } else { validation };
            scorer.residuals.measure(chunks(healthy, run.device).map(|x| Ok(scorer.residual(&x?)?.0)))?;
            Ok(history)
        })?;
        Ok(Fitted {
            curves: history.curves(),
            collapses: history.collapses().to_vec(),
            choices: history.choices().to_vec(),
            snapshots: model.snapshots.images(steps)?,
            parameters: vec![
                ("critic".to_owned(), model.critic_parameters.count()),
                ("generator".to_owned(), model.generator.parameters.count()),
                ("encoder".to_owned(), model.scorer.encoder.parameters.count()),
            ],
            scorer: Box::new(model.scorer),
        })
    }

    fn restore(&self, saved: &Saved) -> Result<Box<dyn Scorer>, DetectorError> {
        let Architecture { size_px, grey_range, .. } = saved.architecture;
        let range = GreyRange::between(grey_range);
        let model = Model::new(self, size_px, range, &Stream::root(0), &saved.device)?;
        saved.load(&model.networks())?;
        Ok(Box::new(model.scorer))
    }
}

impl FAnoGan {
    /// What shapes the networks and the scores.
    fn shape(&self) -> Vec<(&'static str, Value)> {
        vec![
            ("latent", self.latent.into()),
            ("channels", self.channels.into()),
            ("lambda", self.lambda.into()),
        ]
    }
}

/// Everything that is saved.
struct Model {
    critic: Critic,
    critic_parameters: Parameters,
    generator: Generator,
    snapshots: Snapshots,
    /// On the same weights.
    scorer: FAnoGanScorer,
}

impl Model {
    fn new(
        settings: &FAnoGan,
        size_px: usize,
        range: GreyRange,
        stream: &Stream,
        device: &Device,
    ) -> Result<Self, DetectorError> {
        let (latent, channels) = (settings.latent, settings.channels);
        let mut critic_parameters = Parameters::new(device);
        let critic = Critic::new(&mut critic_parameters, channels, size_px, &stream.child("critic"))?;
        let generator = Generator::new(latent, channels, size_px, &stream.child("generator"), device)?;
        let scorer = FAnoGanScorer {
            frozen: Frozen { critic: critic.frozen(), generator: generator.frozen(), range },
            encoder: Encoder::new(settings, size_px, &stream.child("encoder"), device)?,
            residuals: Residuals::new(size_px, device)?,
            lambda: settings.lambda,
            size_px,
        };
        let snapshots = Snapshots::new(size_px, device)?;
        Ok(Self { critic, critic_parameters, generator, snapshots, scorer })
    }

    fn networks(&self) -> Networks<'_> {
        vec![
            ("critic", &self.critic_parameters),
            ("generator", &self.generator.parameters),
            ("encoder", &self.scorer.encoder.parameters),
            ("snapshots", &self.snapshots.parameters),
            ("residuals", self.scorer.residuals.parameters()),
        ]
    }

    fn train_gan(
        &self,
        settings: &FAnoGan,
        stage: &Stage<'_>,
        validation: &ImageSet,
        run: &Run<'_>,
    ) -> Result<History, DetectorError> {
        let mut training = wgan_gp::Training::new(
            (settings, stage.steps()),
            (&self.critic, &self.critic_parameters),
            &self.generator,
            &self.snapshots,
            (validation, self.scorer.frozen.range),
            run,
        )?;
        stage.train(&mut training, run)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::detectors::contract::{Silent, fit, small};

    /// A generator that does not learn makes the even grey that it began with.
    #[test]
    fn a_generator_that_makes_one_image_has_collapsed() {
        let lines = "steps = 16\nlearning_rate = 1e-30\non_collapse = \"stop\"\ncheckpoint_steps = 1";
        let folder = tempfile::tempdir().unwrap();
        match fit(&*small(&KIND, lines).unwrap(), folder.path(), &Silent).err() {
            Some(DetectorError::Collapsed { stage, collapse, kept, .. }) => {
                assert_eq!((stage, collapse.sign.as_str()), ("wgan-gp", "sample diversity"));
                // A quarter of the training passes before it is judged.
                assert_eq!((collapse.step, kept), (4, 3), "{collapse:?}");
            }
            other => panic!("{other:?}"),
        }
    }
}
