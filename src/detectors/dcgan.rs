//! DCGAN: a generator and a discriminator with the cross entropy of real and generated images (Radford et al. 2016; Zeiser et
//! al. 2023, Table 1 and Fig. 5).
//!
//! Zeiser et al. found that its generator collapses and makes one image for every latent vector, which is why they went on with
//! the WGAN. Images of a fixed latent over the training and their diversity show whether it does; the training goes on. The score is
//! the discriminator's own opinion: Zeiser et al. score nothing with it.
//!
//! # Networks
//! The paper gives the number of trainable parameters alone, 3,039,041 at 64 px. It is that of the DCGAN of TensorFlow's tutorials
//! with one unit more in the generator: windows of 5 px, 4 units from 256 feature maps of 8 px x 8 px, the first of which keeps the
//! side, and 2 units without batch norm in the discriminator. Here it is 3,023,426, 0.5 % less: one norm per feature map
//! instead of one per feature behind the linear layer, and a bias everywhere.
//!
//! For U = log2(size) - 2 units, of width v(U) = 4 channels, v(U - 1) = 2 channels, `channels` below, and v(0) = 1, in a file as
//! [`Architecture`] says:
//!
//! | tensors | shape |
//! |---|---|
//! | `discriminator/unit.1`, `.2`: `.weight`, `.bias` | `[channels, 1, 5, 5]`, `[2 channels, channels, 5, 5]` |
//! | `discriminator/output` | `[1, 2 channels (size / 4)²]` |
//! | `generator/input` | `[256 channels, latent]` |
//! | `generator/norm.u.weight`, `.bias`, `.running_mean`, `.running_variance` | u = U to 1: `[v(u)]`, before unit u |
//! | `generator/unit.u` | u = U to 1, transposed: `[v(u), v(u - 1), 5, 5]` |
//! | `snapshots/moment.i` | `[16, 1, size, size]`: images generated over the training |

use candle_core::{Device, Tensor};
use generators::params::{ScenarioError, Table};
use generators::registry::Kind;
use generators::stream::Stream;
use serde_json::Value;

use super::fitting::{GreyRange, check_size, check_some, chunks, halvings};
use super::gan::{Critic, Generator, LOOKED_AT, SHOWN, Snapshots, Units};
use super::training::{
    Architecture, Batch, DIVERSE, Defaults, Losses, Networks, Optimisers, Saved, Settings, Sign, Stage,
    Trainee, diversity, trained,
};
use super::{Detector, DetectorError, Fitted, Outputs, Run, Scorer, Scores};
use crate::data::{Context, ImageSet};
use crate::nets::onnx::Graph;
use crate::nets::{Adam, Mode, Parameters, binary_cross_entropy_with_logits};

const NAME: &str = "dcgan";
/// Side of the feature maps that the generator begins with.
const START_PX: usize = 8;
/// Side of every window.
const KERNEL_PX: usize = 5;
/// Decay of Adam's first moment (Radford et al. 2016, section 4).
const BETA1: f64 = 0.5;

/// The registry's entry.
pub const KIND: Kind<dyn Detector> = Kind {
    name: NAME,
    summary: "Deep convolutional GAN, scored by its discriminator",
    source: "Radford et al. 2016, arXiv:1511.06434; as in Zeiser et al. 2023, Table 1",
    example: "\
latent = 100
channels = 64
dropout = 0.3
steps = 600
batch = 32
learning_rate = 0.0002
schedule = { kind = \"constant\" }
clip_norm = 0.0
augment = { flip_x = false, flip_y = false, shift_px = 0 }
validations = 20
on_collapse = \"report\"
checkpoint_steps = 100
log_steps = 1
",
    build,
};

fn build(table: &mut Table) -> Result<Box<dyn Detector>, Box<ScenarioError>> {
    Ok(Box::new(read(table)?))
}

fn read(table: &mut Table) -> Result<Dcgan, Box<ScenarioError>> {
    let defaults =
        Defaults { steps: 600, batch: 32, learning_rate: 2e-4, checkpoint_steps: 100, early_stopping: false };
    Ok(Dcgan {
        latent: table.count("latent", Some(100), 1..=1024)?,
        channels: table.count("channels", Some(64), 1..=256)?,
        dropout: table.number("dropout", Some(0.3), 0.0..=0.9)?,
        training: Settings::read(table, defaults)?,
    })
}

/// The settings.
#[derive(Clone, Debug)]
struct Dcgan {
    /// Numbers in the latent vector.
    latent: usize,
    /// Feature maps of the discriminator's first unit.
    channels: usize,
    /// Probability with which the discriminator's activations are dropped in training.
    dropout: f64,
    /// How it is trained; a step is one of either network.
    training: Settings,
}

/// Name of the score: it grows as the discriminator takes an image for a generated one, as 1 - D does, and does not
/// saturate.
const COMPONENTS: [&str; 1] = ["-log D"];

impl Detector for Dcgan {
    fn outputs(&self) -> Outputs {
        Outputs { components: &COMPONENTS, features: &[] }
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
        let model = Model::new(self, size_px, range, &run.stream, run.device)?;
        let stage = Stage {
            detector: NAME,
            name: NAME,
            settings: &self.training,
            batches_per_step: 1,
            images: training,
            context: Context::default(),
            order: run.stream.child("batches"),
        };
        let settings: Vec<(&str, Value)> =
            vec![("latent", self.latent.into()), ("channels", self.channels.into())];
        let architecture = Architecture::new(NAME, settings, size_px, range.ends());
        let history = trained(run, &architecture, &model.networks(), || {
            stage.train(&mut Training::new(self, &model, stage.steps(), validation, run)?, run)
        })?;
        let parameters = vec![
            ("discriminator", model.parameters.count()),
            ("generator", model.generator.parameters.count()),
        ];
        let snapshots = model.snapshots.images(stage.steps())?;
        Ok(Fitted { snapshots, ..Fitted::new(model.scorer(), &history, parameters) })
    }

    fn restore(&self, saved: &Saved) -> Result<Box<dyn Scorer>, DetectorError> {
        let Architecture { size_px, grey_range, .. } = saved.architecture;
        let range = GreyRange::between(grey_range);
        let model = Model::new(self, size_px, range, &Stream::root(0), &saved.device)?;
        saved.load(&model.networks())?;
        Ok(Box::new(model.scorer()))
    }
}

/// Everything that is saved.
struct Model {
    discriminator: Critic,
    parameters: Parameters,
    generator: Generator,
    snapshots: Snapshots,
    range: GreyRange,
    size_px: usize,
}

impl Model {
    fn new(
        settings: &Dcgan,
        size_px: usize,
        range: GreyRange,
        stream: &Stream,
        device: &Device,
    ) -> Result<Self, DetectorError> {
        let (channels, count) = (settings.channels, halvings(NAME, size_px)?);
        let mut parameters = Parameters::new(device);
        let units = Units::doubling(channels, 2, KERNEL_PX);
        let discriminator = Critic::new(&mut parameters, &units, size_px, &stream.child("discriminator"))?;
        let widths = [4 * channels, 2 * channels].into_iter().chain(std::iter::repeat(channels));
        let units = Units { channels: widths.take(count).collect(), kernel_px: KERNEL_PX };
        let (sides, weights) = ((START_PX, size_px), stream.child("generator"));
        let generator = Generator::new(settings.latent, &units, sides, &weights, device)?;
        let snapshots = Snapshots::new(size_px, device)?;
        Ok(Self { discriminator, parameters, generator, snapshots, range, size_px })
    }

    fn networks(&self) -> Networks<'_> {
        vec![
            ("discriminator", &self.parameters),
            ("generator", &self.generator.parameters),
            ("snapshots", &self.snapshots.parameters),
        ]
    }

    fn scorer(&self) -> DcganScorer {
        DcganScorer {
            discriminator: self.discriminator.frozen(),
            range: self.range,
            size_px: self.size_px,
            device: self.parameters.device().clone(),
        }
    }
}

struct Training<'a> {
    dropout: f64,
    steps: usize,
    model: &'a Model,
    /// Of the discriminator and of the generator.
    adams: [Adam; 2],
    validation: &'a ImageSet,
    stream: Stream,
}

impl<'a> Training<'a> {
    fn new(
        settings: &Dcgan,
        model: &'a Model,
        steps: usize,
        validation: &'a ImageSet,
        run: &Run<'_>,
    ) -> Result<Self, DetectorError> {
        let adam = |parameters| Adam::new(parameters, settings.training.learning_rate, BETA1, 0.999);
        let adams = [adam(&model.parameters)?, adam(&model.generator.parameters)?];
        let stream = run.stream.child(NAME);
        Ok(Self { dropout: settings.dropout, steps, model, adams, validation, stream })
    }

    /// One step of the discriminator: its loss.
    fn discriminate(&mut self, real: &Tensor, stream: &Stream) -> Result<f64, DetectorError> {
        let Model { discriminator, generator, .. } = self.model;
        let n = real.dim(0)?;
        let z = generator.draw(n, &mut stream.child("latent"))?;
        let fake = generator.forward(&z, Mode::Training)?.detach();
        let masks = discriminator.masks(2 * n, self.dropout, &mut stream.child("dropout"))?;
        let logits = discriminator.forward(&Tensor::cat(&[real, &fake], 0)?, &masks)?;
        let is_real = logits.narrow(0, 0, n)?.ones_like()?.pad_with_zeros(0, 0, n)?;
        let loss = (binary_cross_entropy_with_logits(&logits, &is_real)? / n as f64)?;
        self.adams[0].step(&loss.backward()?)?;
        Ok(f64::from(loss.to_scalar::<f32>()?))
    }

    /// One step of the generator on `n` images: its loss, which is the discriminator's where it is fooled (Goodfellow et al. 2014,
    /// section 3).
    fn generate(&mut self, n: usize, stream: &Stream) -> Result<f64, DetectorError> {
        let Model { discriminator, generator, .. } = self.model;
        let fake = generator.forward(&generator.draw(n, &mut stream.child("latent"))?, Mode::Training)?;
        let masks = discriminator.masks(n, self.dropout, &mut stream.child("dropout"))?;
        let logits = discriminator.frozen().forward(&fake, &masks)?;
        let loss = (binary_cross_entropy_with_logits(&logits, &logits.ones_like()?)? / n as f64)?;
        self.adams[1].step(&loss.backward()?)?;
        Ok(f64::from(loss.to_scalar::<f32>()?))
    }
}

impl Trainee for Training<'_> {
    fn step(&mut self, step: usize, batches: &[Batch]) -> Result<Losses, DetectorError> {
        let stream = self.stream.item("step", step);
        let real = self.model.range.centred(&batches[0].images)?;
        let discriminator = self.discriminate(&real, &stream.child("discriminator"))?;
        let generator = self.generate(real.dim(0)?, &stream.child("generator"))?;
        let Model { snapshots, range, generator: made_by, .. } = self.model;
        let due = snapshots.due(step + 1, self.steps);
        if !due.is_empty() {
            let z = made_by.draw(SHOWN, &mut self.stream.child("shown"))?;
            let shown = range.grey(&made_by.forward(&z, Mode::Inference)?)?.detach();
            due.into_iter().try_for_each(|images| images.set(&shown))?;
        }
        Ok(vec![("discriminator loss", discriminator), ("generator loss", generator)])
    }

    /// The discriminator's loss on held-out images: where it grows, the discriminator knows the training images by heart.
    fn validate(&mut self) -> Result<Losses, DetectorError> {
        let (model, mut sum) = (self.model, 0.0);
        for x in chunks(self.validation, model.parameters.device()) {
            let logits = model.discriminator.forward(&model.range.centred(&x?)?, &[])?;
            let loss = binary_cross_entropy_with_logits(&logits, &logits.ones_like()?)?;
            sum += f64::from(loss.to_scalar::<f32>()?);
        }
        let count = self.validation.len();
        Ok(if count == 0 {
            Losses::new()
        } else {
            vec![("validation loss of real images", sum / count as f64)]
        })
    }

    fn signs(&mut self) -> Result<Vec<Sign>, DetectorError> {
        let Model { generator, range, parameters, .. } = self.model;
        let first = chunks(self.validation, parameters.device()).next().transpose()?;
        let Some(real) = first.filter(|x| x.dims()[0] > 1) else { return Ok(Vec::new()) };
        let n = real.dim(0)?.min(LOOKED_AT);
        let z = generator.draw(n, &mut self.stream.child("looked at"))?;
        let made = range.grey(&generator.forward(&z, Mode::Inference)?)?;
        let value = diversity(&made, &real.narrow(0, 0, n)?)?;
        Ok(vec![Sign { name: "sample diversity", value, bound: DIVERSE }])
    }

    fn parts(&mut self) -> (Networks<'_>, Optimisers<'_>) {
        let [discriminator, generator] = &mut self.adams;
        (self.model.networks(), vec![("discriminator", discriminator), ("generator", generator)])
    }
}

/// A fitted discriminator.
struct DcganScorer {
    discriminator: Critic,
    range: GreyRange,
    size_px: usize,
    device: Device,
}

impl Scorer for DcganScorer {
    fn score(&self, images: &ImageSet) -> Result<Scores, DetectorError> {
        check_size(NAME, self.size_px, images)?;
        let mut unreal = Vec::new();
        for x in chunks(images, &self.device) {
            let logits = self.discriminator.forward(&self.range.centred(&x?)?, &[])?.to_vec1::<f32>()?;
            // -ln(1 / (1 + exp(-x))), which does not overflow.
            unreal.extend(logits.into_iter().map(|x| (-x).max(0.0) + (-x.abs()).exp().ln_1p()));
        }
        Ok(Scores { components: vec![(COMPONENTS[0], unreal)], ..Default::default() })
    }

    fn onnx(&self) -> Result<Graph, DetectorError> {
        let mut graph = Graph::new();
        let x = graph.input("images", &[1, self.size_px, self.size_px]);
        let centred = self.range.centred_onnx(&mut graph, &x);
        let logit = self.discriminator.judge_onnx(&mut graph, &centred)?;
        let negative = graph.node("Neg", &[&logit], &[]);
        let unreal = graph.node("Softplus", &[&negative], &[]);
        graph.output(COMPONENTS[0], &unreal, &[]);
        Ok(graph)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::detectors::contract::{Silent, fit, small};

    /// Steps so large drive every pixel to an end of tanh, whatever the latent; the training comes to its end.
    #[test]
    fn a_collapse_is_reported_and_the_training_goes_on() {
        let lines = "steps = 40\nlearning_rate = 1.0";
        let folder = tempfile::tempdir().unwrap();
        let fitted = fit(&*small(&KIND, lines).unwrap(), folder.path(), &Silent).unwrap();
        let [collapse] = &fitted.collapses[..] else { panic!("{:?}", fitted.collapses) };
        assert_eq!((collapse.sign.as_str(), collapse.until), ("sample diversity", None));
        assert_eq!(fitted.snapshots.last().unwrap().step, 40);
    }

    /// Zeiser et al. 2023, Table 1.
    #[test]
    fn it_has_the_size_of_the_paper() {
        let settings = read(&mut Table::parse("s.toml", "").unwrap()).unwrap();
        let range = GreyRange::between([0.0, 1.0]);
        let model = Model::new(&settings, 64, range, &Stream::root(0), &Device::Cpu).unwrap();
        let count = model.parameters.count() + model.generator.parameters.count();
        assert_eq!(count, 3_023_426);
        assert!((count as f64 / 3_039_041.0 - 1.0).abs() < 0.02);
    }
}
