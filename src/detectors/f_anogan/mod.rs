//! f-AnoGAN: a WGAN-GP and an encoder, trained on healthy images (Schlegl et al. 2019; Zeiser et al. 2023, section 5).
//!
//! The generator learns to make healthy images, the encoder to find the latent vector whose image is nearest to a given one.
//! An anomaly is what differs between the two, in grey values (A_R) or in the critic's features (A_D).

mod critic;
mod encoder;
mod generator;
mod model;
mod wgan_gp;

use candle_core::Device;
use generators::params::{ScenarioError, Table};
use generators::registry::Kind;

use self::critic::Critic;
use self::encoder::Encoder;
use self::generator::Generator;
use self::model::{FAnoGanScorer, Frozen};
use self::wgan_gp::Snapshots;
use super::fitting::{GreyRange, Residuals, Stage, chunks, finish, finished};
use super::{Detector, DetectorError, Fitted, Outputs, Run};
use crate::data::ImageSet;
use crate::nets::{Activation, Init, Parameters, Window};

const NAME: &str = "f-anogan";
/// Halves or doubles a side.
const WINDOW: Window = Window::new(4, 2, 1);
const LEAKY: Activation = Activation::LeakyRelu(0.2);
const HE: Init = Init::He { slope: 0.2 };

/// The registry's entry.
pub const KIND: Kind<dyn Detector> = Kind {
    name: NAME,
    summary: "WGAN-GP and encoder, scored by what differs between an image and its healthy counterpart",
    source: "Schlegl et al. 2019, doi:10.1016/j.media.2019.01.010; as in Zeiser et al. 2023, section 5",
    example: "\
latent = 128
channels = 16
steps = 650
batch = 16
learning_rate = 0.001
critic_steps = 3
gradient_penalty = 10.0
dropout = 0.02
average = 0.99
encoder_steps = 1400
encoder_learning_rate = 0.001
encoder_dropout = 0.02
lambda = 0.1
checkpoint_steps = 100
",
    build,
};

fn build(table: &mut Table) -> Result<Box<dyn Detector>, Box<ScenarioError>> {
    let positive = || f64::MIN_POSITIVE..=f64::INFINITY;
    Ok(Box::new(FAnoGan {
        latent: table.count("latent", Some(128), 1..=1024)?,
        channels: table.count("channels", Some(16), 1..=256)?,
        steps: table.count("steps", Some(650), 1..=usize::MAX)?,
        batch: table.count("batch", Some(16), 1..=4096)?,
        learning_rate: table.number("learning_rate", Some(1e-3), positive())?,
        critic_steps: table.count("critic_steps", Some(3), 1..=100)?,
        gradient_penalty: table.number("gradient_penalty", Some(10.0), 0.0..=f64::INFINITY)?,
        dropout: table.number("dropout", Some(0.02), 0.0..=0.9)?,
        average: table.number("average", Some(0.99), 0.0..=0.9999)?,
        encoder_steps: table.count("encoder_steps", Some(1400), 1..=usize::MAX)?,
        encoder_learning_rate: table.number("encoder_learning_rate", Some(1e-3), positive())?,
        encoder_dropout: table.number("encoder_dropout", Some(0.02), 0.0..=0.9)?,
        lambda: table.number("lambda", Some(0.1), 0.0..=1.0)?,
        checkpoint_steps: table.count("checkpoint_steps", Some(100), 1..=usize::MAX)?,
    }))
}

/// The settings.
#[derive(Clone, Debug)]
struct FAnoGan {
    /// Numbers in the latent vector.
    latent: usize,
    /// Feature maps of the first unit; each further unit has twice as many.
    channels: usize,
    /// Steps of the generator.
    steps: usize,
    /// Images in one step.
    batch: usize,
    /// Adam's step size for critic and generator; constant for the first half of the training, then falling to 1 %.
    learning_rate: f64,
    /// Steps of the critic for one of the generator.
    critic_steps: usize,
    /// Weight of the gradient penalty.
    gradient_penalty: f64,
    /// Probability with which the critic's activations are dropped in training.
    dropout: f64,
    /// How much of the generator's running average each step keeps; 0 keeps the last weights only.
    average: f64,
    /// Steps of the encoder.
    encoder_steps: usize,
    /// Adam's step size for the encoder.
    encoder_learning_rate: f64,
    /// Probability with which the encoder's activations are dropped in training.
    encoder_dropout: f64,
    /// Weight of A_D in the anomaly score A and in the encoder's loss.
    lambda: f64,
    /// Steps between checkpoints.
    checkpoint_steps: usize,
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
        let size_px = training.size_px;
        let mut critic_parameters = Parameters::new(&Device::Cpu);
        let critic =
            Critic::new(&mut critic_parameters, self.channels, size_px, &run.stream.child("critic"))?;
        let generator = Generator::new(self.latent, self.channels, size_px, &run.stream.child("generator"))?;
        let encoder = Encoder::new(self, size_px, &run.stream.child("encoder"))?;
        let snapshots = Snapshots::new(self.steps, size_px)?;
        let residuals = Residuals::new(size_px)?;

        let range = GreyRange::of(training);
        let frozen = Frozen { critic: critic.frozen(), generator: generator.frozen(), range };
        let scorer = FAnoGanScorer {
            frozen,
            encoder: encoder.clone(),
            residuals: residuals.clone(),
            lambda: self.lambda,
            size_px,
        };
        let saved = vec![
            ("critic", &critic_parameters),
            ("generator", &generator.parameters),
            ("encoder", &encoder.parameters),
            ("snapshots", &snapshots.parameters),
            ("residuals", residuals.parameters()),
        ];
        let history = match finished(run, &saved)? {
            Some(history) => history,
            None => {
                let stages = self.stages();
                let mut wgan_gp = wgan_gp::Training::new(
                    self,
                    (&critic, &critic_parameters),
                    &generator,
                    &snapshots,
                    (training, range),
                    run,
                )?;
                let mut history = stages[0].train(&mut wgan_gp, run)?;
                drop(wgan_gp);
                let mut encoding =
                    encoder::Training::new(self, &encoder, &scorer.frozen, training, validation, run)?;
                history.extend(stages[1].train(&mut encoding, run)?);
                // Healthy images that the networks have not seen, where there are any.
                let healthy = if validation.is_empty() { training } else { validation };
                residuals.measure(chunks(healthy).map(|x| Ok(scorer.residual(&x?)?.0)))?;
                finish(run, &stages, &saved, &history)?;
                history
            }
        };
        Ok(Fitted {
            curves: history.curves(),
            snapshots: snapshots.images()?,
            parameters: vec![
                ("critic".to_owned(), critic_parameters.count()),
                ("generator".to_owned(), generator.parameters.count()),
                ("encoder".to_owned(), encoder.parameters.count()),
            ],
            scorer: Box::new(scorer),
        })
    }
}

impl FAnoGan {
    fn stages(&self) -> [Stage; 2] {
        let stage =
            |name, steps| Stage { detector: NAME, name, steps, checkpoint_steps: self.checkpoint_steps };
        [stage("wgan-gp", self.steps), stage("encoder", self.encoder_steps)]
    }
}
