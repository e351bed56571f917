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
//! | `encoder/unit.u` | u = 1 to V, where V is `units` of the encoder, or U - 1: `[w(u), w(u - 1), 4, 4]` |
//! | `encoder/output` | `[latent, 16 4^(U - V) w(V)]` |
//! | `residuals/healthy` | `[1, 1, size, size]`: squared residual of healthy images |
//! | `snapshots/moment.i` | `[16, 1, size, size]`: images generated over the training |
//!
//! `critic_channels` lists w(1) to w(U) of the critic instead, `generator_channels` w(U) to w(1) of the generator, and
//! `critic_kernel_px` and `generator_kernel_px` the sides of their windows.
//!
//! # The size of the paper
//! Zeiser et al. 2023 give the number of trainable parameters alone, 5,697,347 (Table 1). It is that of the WGAN-GP of Keras'
//! examples with one unit more on either side, for 128 px: `critic_channels = [64, 128, 128, 256, 512]` of 5 px,
//! `generator_channels = [256, 128, 64, 64, 64]` of 3 px. Here it is 0.06 % less: convolutions have a bias where theirs have none, and
//! the generator has one norm per feature map where theirs begins with one per feature.

mod encoder;
mod model;
mod wgan_gp;

use candle_core::Device;
use generators::params::{ScenarioError, Table};
use generators::registry::Kind;
use generators::stream::Stream;
use serde_json::{Value, json};

use self::encoder::Encoder;
use self::model::FAnoGanScorer;
pub(super) use self::model::{Difference, Frozen};
use super::fitting::{GreyRange, Residuals, check_some, chunks, halvings};
use super::gan::{Critic, Generator, Snapshots, Units};
use super::training::{Architecture, Defaults, History, Networks, Saved, Settings, Stage, trained};
use super::{Detector, DetectorError, Fitted, Outputs, Run, Scorer};
use crate::data::{Context, ImageSet};
use crate::nets::Parameters;

const NAME: &str = "f-anogan";
/// Side of the feature maps that the generator begins with.
const START_PX: usize = 4;
/// Side of the windows where the scenario says nothing.
const KERNEL_PX: usize = 4;

/// The registry's entry.
pub const KIND: Kind<dyn Detector> = Kind {
    name: NAME,
    summary: "WGAN-GP and encoder, scored by what differs between an image and its healthy counterpart",
    source: "Schlegl et al. 2019, doi:10.1016/j.media.2019.01.010; as in Zeiser et al. 2023, section 5",
    example: "\
latent = 128
channels = 16
critic_channels = []
critic_kernel_px = 4
generator_channels = []
generator_kernel_px = 4
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
encoder = { units = 0, dropout = 0.02, steps = 1400, batch = 16, learning_rate = 0.001, schedule = { kind = \"linear\", hold = 0.5, \
last = 0.01 }, clip_norm = 0.0, augment = { flip_x = false, flip_y = false, shift_px = 0 }, validations = 20, \
patience = 0, on_collapse = \"report\", checkpoint_steps = 100, log_steps = 1 }
",
    build,
};

fn build(table: &mut Table) -> Result<Box<dyn Detector>, Box<ScenarioError>> {
    Ok(Box::new(read(table)?))
}

fn read(table: &mut Table) -> Result<FAnoGan, Box<ScenarioError>> {
    let defaults =
        Defaults { steps: 650, batch: 16, learning_rate: 1e-3, checkpoint_steps: 100, early_stopping: false };
    let mut encoder = table.table("encoder")?;
    let detector = FAnoGan {
        latent: table.count("latent", Some(128), 1..=1024)?,
        channels: table.count("channels", Some(16), 1..=256)?,
        critic: units(table, "critic_channels", "critic_kernel_px")?,
        generator: units(table, "generator_channels", "generator_kernel_px")?,
        critic_steps: table.count("critic_steps", Some(3), 1..=100)?,
        gradient_penalty: table.number("gradient_penalty", Some(10.0), 0.0..=f64::INFINITY)?,
        dropout: table.number("dropout", Some(0.02), 0.0..=0.9)?,
        average: table.number("average", Some(0.99), 0.0..=0.9999)?,
        lambda: table.number("lambda", Some(0.1), 0.0..=1.0)?,
        training: Settings::read(table, defaults)?,
        encoder_units: encoder.count("units", Some(0), 0..=6)?,
        encoder_dropout: encoder.number("dropout", Some(0.02), 0.0..=0.9)?,
        encoder: Settings::read(&mut encoder, Defaults { steps: 1400, early_stopping: true, ..defaults })?,
    };
    encoder.finish()?;
    Ok(detector)
}

fn units(
    table: &mut Table,
    channels: &'static str,
    kernel_px: &'static str,
) -> Result<Units, Box<ScenarioError>> {
    Ok(Units {
        channels: table.counts(channels, 1..=4096)?,
        kernel_px: table.count(kernel_px, Some(KERNEL_PX), 3..=5)?,
    })
}

/// The settings.
#[derive(Clone, Debug)]
struct FAnoGan {
    /// Numbers in the latent vector.
    latent: usize,
    /// Feature maps of the first unit; each further unit has twice as many.
    channels: usize,
    /// The critic's units; without feature maps of its own, as `channels` says.
    critic: Units,
    /// The generator's.
    generator: Units,
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
    /// Units of the encoder; 0 for as many as lead down to 8 px.
    encoder_units: usize,
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
        check_some(NAME, training)?;
        let (size_px, range) = (training.size_px, GreyRange::of(training));
        let model = Model::new(self, size_px, range, &run.stream, run.device)?;
        let gan = Stage {
            detector: NAME,
            name: "wgan-gp",
            settings: &self.training,
            batches_per_step: self.critic_steps,
            images: training,
            context: Context::default(),
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
        let parameters = vec![
            ("critic", model.critic_parameters.count()),
            ("generator", model.generator.parameters.count()),
            ("encoder", model.scorer.encoder.parameters.count()),
        ];
        let snapshots = model.snapshots.images(steps)?;
        Ok(Fitted { snapshots, ..Fitted::new(model.scorer, &history, parameters) })
    }

    fn suits(&self, size_px: usize) -> Result<(), DetectorError> {
        self.units("critic_channels", &self.critic, size_px)?;
        self.units("generator_channels", &self.generator, size_px)?;
        self.encoder_units(size_px).map(drop)
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
    /// What shapes the networks and the scores; of what has a default only what the scenario states.
    fn shape(&self) -> Vec<(&'static str, Value)> {
        let mut shape = vec![
            ("latent", self.latent.into()),
            ("channels", self.channels.into()),
            ("lambda", self.lambda.into()),
        ];
        for (channels, kernel_px, units) in [
            ("critic_channels", "critic_kernel_px", &self.critic),
            ("generator_channels", "generator_kernel_px", &self.generator),
        ] {
            if !units.channels.is_empty() {
                shape.push((channels, units.channels.clone().into()));
            }
            if units.kernel_px != KERNEL_PX {
                shape.push((kernel_px, units.kernel_px.into()));
            }
        }
        if self.encoder_units > 0 {
            shape.push(("encoder", json!({ "units": self.encoder_units })));
        }
        shape
    }

    /// `units` at `size_px`.
    fn units(&self, key: &'static str, units: &Units, size_px: usize) -> Result<Units, DetectorError> {
        let needed = halvings(NAME, size_px)?;
        match units.channels.len() {
            0 => Ok(Units::doubling(self.channels, needed, units.kernel_px)),
            found if found == needed => Ok(units.clone()),
            found => {
                Err(DetectorError::Units { detector: NAME, key, found, needed: needed.to_string(), size_px })
            }
        }
    }

    fn new_critic(
        &self,
        parameters: &mut Parameters,
        size_px: usize,
        stream: &Stream,
    ) -> Result<Critic, DetectorError> {
        let units = self.units("critic_channels", &self.critic, size_px)?;
        Ok(Critic::new(parameters, &units, size_px, stream)?)
    }

    fn new_generator(
        &self,
        size_px: usize,
        stream: &Stream,
        device: &Device,
    ) -> Result<Generator, DetectorError> {
        let units = self.units("generator_channels", &self.generator, size_px)?;
        let units = if self.generator.channels.is_empty() { units.reversed() } else { units };
        Ok(Generator::new(self.latent, &units, (START_PX, size_px), stream, device)?)
    }

    /// Units of the encoder for images of `size_px`.
    fn encoder_units(&self, size_px: usize) -> Result<usize, DetectorError> {
        let most = halvings(NAME, size_px)?;
        match self.encoder_units {
            0 => Ok(most - 1),
            found if found <= most => Ok(found),
            found => Err(DetectorError::Units {
                detector: NAME,
                key: "encoder.units",
                found,
                needed: format!("at most {most}"),
                size_px,
            }),
        }
    }
}

/// Critic and generator of a fitted f-AnoGAN, for detectors that have none of their own.
pub(super) struct Gan(Model);

impl Gan {
    /// The kind whose networks these are.
    pub const KIND: &str = NAME;

    /// As `architecture` says, their weights still to be loaded.
    pub fn new(
        architecture: &Architecture,
        device: &Device,
    ) -> Result<Result<Self, DetectorError>, Box<ScenarioError>> {
        let settings = read(&mut architecture.table()?)?;
        let range = GreyRange::between(architecture.grey_range);
        Ok(Model::new(&settings, architecture.size_px, range, &Stream::root(0), device).map(Self))
    }

    /// Critic and generator, without the rest.
    pub fn networks(&self) -> Networks<'_> {
        vec![("critic", &self.0.critic_parameters), ("generator", &self.0.generator.parameters)]
    }

    /// Takes the weights from the f-AnoGAN that was saved.
    pub fn take(&self, saved: &Saved) -> Result<(), DetectorError> {
        saved.load(&self.0.networks())
    }

    /// The networks, for use.
    pub fn frozen(&self) -> &Frozen {
        &self.0.scorer.frozen
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
        let mut critic_parameters = Parameters::new(device);
        let critic = settings.new_critic(&mut critic_parameters, size_px, &stream.child("critic"))?;
        let generator = settings.new_generator(size_px, &stream.child("generator"), device)?;
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
    use crate::nets::Mode;

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

    /// At 128 px with the widths of the module's documentation.
    const OF_THE_PAPER: &str = "critic_channels = [64, 128, 128, 256, 512]
critic_kernel_px = 5
generator_channels = [256, 128, 64, 64, 64]
generator_kernel_px = 3
encoder = { units = 3 }";

    /// Zeiser et al. 2023, Table 1 and section 5.2: 4 x 4 x 512 features.
    #[test]
    fn it_can_have_the_size_of_the_paper() {
        let settings = read(&mut Table::parse("s.toml", OF_THE_PAPER).unwrap()).unwrap();
        let range = GreyRange::between([0.0, 1.0]);
        let model = Model::new(&settings, 128, range, &Stream::root(0), &Device::Cpu).unwrap();
        let count = model.critic_parameters.count() + model.generator.parameters.count();
        assert_eq!(count, 5_694_082);
        assert!((count as f64 / 5_697_347.0 - 1.0).abs() < 0.02);
        assert_eq!(model.critic.feature_count(), 8192);
        let z = model.generator.draw(2, &mut Stream::root(1)).unwrap();
        let made = model.scorer.frozen.generator.forward(&z, Mode::Inference).unwrap();
        assert_eq!(made.dims(), [2, 1, 128, 128]);
        assert_eq!(model.critic.features(&made, &[]).unwrap().dims(), [2, 8192]);
        assert_eq!(model.scorer.encoder.forward(&made, None).unwrap().dims(), [2, 128]);
    }

    #[test]
    fn units_that_do_not_fit_the_images_are_refused() {
        let detector = build(&mut Table::parse("s.toml", OF_THE_PAPER).unwrap()).unwrap();
        assert!(detector.suits(128).is_ok());
        assert_eq!(
            detector.suits(64).unwrap_err().to_string(),
            "`critic_channels` of f-anogan says 5 units, and images of 64 px take 4"
        );
        let encoder = build(&mut Table::parse("s.toml", "encoder = { units = 3 }").unwrap()).unwrap();
        assert_eq!(
            encoder.suits(16).unwrap_err().to_string(),
            "`encoder.units` of f-anogan says 3 units, and images of 16 px take at most 2"
        );
    }

    /// Lists and inner tables go through the file.
    #[test]
    fn an_architecture_of_its_own_is_restored() {
        let lines = "critic_channels = [3, 2]\ncritic_kernel_px = 3\ngenerator_channels = [2, 3]\ngenerator_kernel_px = 5\n\
                     encoder = { units = 2, steps = 5, batch = 4, checkpoint_steps = 2 }";
        let folder = tempfile::tempdir().unwrap();
        let fitted = fit(&*small(&KIND, lines).unwrap(), folder.path(), &Silent).unwrap();
        let restored = Saved::open(folder.path(), &Device::Cpu).unwrap().scorer().unwrap();
        let file = |scorer: &dyn Scorer| scorer.onnx().unwrap().into_file(&[]);
        assert!(file(&*restored) == file(&*fitted.scorer));
    }
}
