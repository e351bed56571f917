//! A convolutional variational autoencoder, scored by its reconstruction (Kingma and Welling 2014; Zeiser et al. 2023, Table 1).
//!
//! Trained on healthy images it learns to redraw those: what it cannot redraw is anomalous.
//!
//! # Networks
//! For U = log2(size) - 2, in a file as [`Architecture`] says:
//!
//! | tensors | shape |
//! |---|---|
//! | `vae/encoder.U.weight`, `.bias` | units 1 to U - 1: `[channels 2^(U - 1), channels 2^(U - 2) or 1, 4, 4]` |
//! | `vae/encoder.latent` | `[2 latent, 64 channels 2^(U - 2)]`: mean, then logarithm of the variance |
//! | `vae/join.1`, `join.2` | with c channels of context, which `encoder.1` has as inputs too: `[channels, channels + c, 3, 3]`, `[1, channels, 3, 3]`; `decoder.1` then has `channels` outputs |
//! | `vae/decoder.latent` | `[16 channels 2^(U - 1), latent]` |
//! | `vae/decoder.U` | units U to 1: `[channels 2^(U - 1), channels 2^(U - 2) or 1, 4, 4]` |
//! | `residuals/healthy` | `[1, 1, size, size]`: squared residual of healthy images |
//!
//! # The size of the paper
//! Zeiser et al. 2023, Table 1, say 3 units, 4 units, a latent of 16 and 1,430,209 trainable parameters at 64 px, but no widths. With
//! `channels = 36` there are 1,453,209 here, 1.6 % more.

mod network;

use candle_core::{Device, Tensor};
use generators::params::{ScenarioError, Table};
use generators::registry::Kind;
use generators::stream::Stream;
use serde_json::Value;

use self::network::{Loss, Network};
use super::fitting::{
    COMPONENTS, GreyRange, Residuals, Seen, check_context, check_size, check_some, halvings, seen,
};
use super::training::{
    Architecture, Batch, Bound, Defaults, Losses, Networks, Optimisers, Saved, Settings, Sign, Stage,
    Trainee, trained, validation_loss,
};
use super::{Detector, DetectorError, Fitted, Outputs, Run, Scorer, Scores};
use crate::data::{Context, ImageSet};
use crate::nets::onnx::Graph;
use crate::nets::{Adam, normal};

const NAME: &str = "vae";
/// Variance of a latent number's mean over images, above which it says something (Burda et al. 2016, section 5.2).
const ACTIVE: f32 = 0.01;

/// The registry's entry.
pub const KIND: Kind<dyn Detector> = Kind {
    name: NAME,
    summary: "Convolutional variational autoencoder, scored by its reconstruction error",
    source: "Kingma and Welling 2014, arXiv:1312.6114; as in Zeiser et al. 2023, Table 1",
    example: "\
latent = 16
channels = 16
context = { slice = false, layers = 0 }
beta = 0.005
steps = 900
batch = 32
learning_rate = 0.003
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

fn read(table: &mut Table) -> Result<Vae, Box<ScenarioError>> {
    Ok(Vae {
        latent: table.count("latent", Some(16), 1..=1024)?,
        channels: table.count("channels", Some(16), 1..=256)?,
        context: Context::read(table, Context::default())?,
        beta: table.number("beta", Some(0.005), 0.0..=f64::INFINITY)?,
        training: Settings::read(
            table,
            Defaults {
                steps: 900,
                batch: 32,
                learning_rate: 3e-3,
                checkpoint_steps: 200,
                early_stopping: true,
            },
        )?,
    })
}

/// The settings.
#[derive(Clone, Debug)]
struct Vae {
    /// Numbers in the latent vector.
    latent: usize,
    /// Feature maps of the first unit; each further unit has twice as many.
    channels: usize,
    /// What encoder and decoder see beside the image.
    context: Context,
    /// Weight of the divergence. The cross entropy takes a grey value for the chance of a coin, of variance
    /// up to 0.25 where texture has 0.0001: at 1 the divergence wins, and the latent forgets what layer it sees.
    beta: f64,
    /// How it is trained.
    training: Settings,
}

impl Detector for Vae {
    fn outputs(&self) -> Outputs {
        Outputs { components: &COMPONENTS, features: &[] }
    }

    fn context(&self) -> Context {
        self.context
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
        check_context(NAME, self.context, training)?;
        check_context(NAME, self.context, validation)?;
        let (size_px, range) = (training.size_px, GreyRange::of(training));
        let scorer = VaeScorer::new(self, size_px, range, &run.stream.child("weights"), run.device)?;
        let mut settings: Vec<(&str, Value)> =
            vec![("latent", self.latent.into()), ("channels", self.channels.into())];
        if self.context != Context::default() {
            settings.push(("context", self.context.to_json()));
        }
        let architecture = Architecture::new(NAME, settings, size_px, range.ends());
        let history = trained(run, &architecture, &scorer.networks(), || {
            let stage = Stage {
                detector: NAME,
                name: NAME,
                settings: &self.training,
                batches_per_step: 1,
                images: training,
                context: self.context,
                order: run.stream.child("batches"),
            };
            let history = stage.train(&mut Training::new(self, &scorer.network, validation, run)?, run)?;
            // Healthy images that the network has not seen, where there are any.
            let healthy = if validation.is_empty() { training } else { validation };
            let views = seen(healthy, self.context, run.device);
            scorer.residuals.measure(views.map(|view| scorer.residual(&view?)))?;
            Ok(history)
        })?;
        let parameters = vec![(NAME, scorer.network.parameters.count())];
        Ok(Fitted::new(scorer, &history, parameters))
    }

    fn restore(&self, saved: &Saved) -> Result<Box<dyn Scorer>, DetectorError> {
        let Architecture { size_px, grey_range, .. } = saved.architecture;
        let range = GreyRange::between(grey_range);
        let scorer = VaeScorer::new(self, size_px, range, &Stream::root(0), &saved.device)?;
        saved.load(&scorer.networks())?;
        Ok(Box::new(scorer))
    }
}

struct Training<'a> {
    beta: f64,
    network: &'a Network,
    adam: Adam,
    validation: &'a ImageSet,
    stream: Stream,
}

impl<'a> Training<'a> {
    fn new(
        settings: &Vae,
        network: &'a Network,
        validation: &'a ImageSet,
        run: &Run<'_>,
    ) -> Result<Self, DetectorError> {
        let adam = Adam::new(&network.parameters, settings.training.learning_rate, 0.9, 0.999)?;
        Ok(Self { beta: settings.beta, network, adam, validation, stream: run.stream.child("noise") })
    }

    fn held_out(&self) -> impl Iterator<Item = candle_core::Result<Seen>> + '_ {
        seen(self.validation, self.network.context, self.network.parameters.device())
    }
}

impl Trainee for Training<'_> {
    fn step(&mut self, step: usize, batches: &[Batch]) -> Result<Losses, DetectorError> {
        let view = batches[0].seen();
        let shape = (view.images.dim(0)?, self.network.latent);
        let noise = normal(shape, &mut self.stream.item("step", step), view.images.device())?;
        let loss = Loss::of(self.network, &view, Some(&noise))?;
        let total = (&loss.cross_entropy + (&loss.divergence * self.beta)?)?;
        self.adam.step(&total.backward()?)?;
        let scalar = |t: &Tensor| t.to_scalar::<f32>().map(f64::from);
        Ok(vec![
            ("training loss", scalar(&total)?),
            ("cross entropy", scalar(&loss.cross_entropy)?),
            ("divergence", scalar(&loss.divergence)?),
        ])
    }

    fn validate(&mut self) -> Result<Losses, DetectorError> {
        Ok(validation_loss(self.held_out(), |view| {
            let loss = Loss::of(self.network, view, None)?;
            loss.cross_entropy + (loss.divergence * self.beta)?
        })?)
    }

    fn signs(&mut self) -> Result<Vec<Sign>, DetectorError> {
        if self.validation.len() < 2 {
            return Ok(Vec::new());
        }
        let means = self.held_out().map(|view| Ok(self.network.encode(&view?)?.0));
        let means = Tensor::cat(&means.collect::<candle_core::Result<Vec<_>>>()?, 0)?;
        let variances = means.var(0)?.to_vec1::<f32>()?;
        let active = variances.iter().filter(|&&v| v > ACTIVE).count() as f64;
        Ok(vec![Sign { name: "active latent numbers", value: active, bound: Bound::AtLeast(1.0) }])
    }

    fn parts(&mut self) -> (Networks<'_>, Optimisers<'_>) {
        (vec![(NAME, &self.network.parameters)], vec![(NAME, &mut self.adam)])
    }
}

/// A fitted autoencoder.
struct VaeScorer {
    network: Network,
    residuals: Residuals,
    size_px: usize,
}

impl VaeScorer {
    fn new(
        settings: &Vae,
        size_px: usize,
        range: GreyRange,
        stream: &Stream,
        device: &Device,
    ) -> Result<Self, DetectorError> {
        let network = Network::new(settings, size_px, range, stream, device)?;
        Ok(Self { network, residuals: Residuals::new(size_px, device)?, size_px })
    }

    fn networks(&self) -> Networks<'_> {
        vec![(NAME, &self.network.parameters), ("residuals", self.residuals.parameters())]
    }

    /// Squared residual of each pixel `[n, 1, size, size]`.
    fn residual(&self, view: &Seen) -> candle_core::Result<Tensor> {
        (&view.images - self.network.reconstruct(view)?)?.sqr()
    }
}

impl Scorer for VaeScorer {
    fn score(&self, images: &ImageSet) -> Result<Scores, DetectorError> {
        check_size(NAME, self.size_px, images)?;
        check_context(NAME, self.network.context, images)?;
        let views = seen(images, self.network.context, self.network.parameters.device());
        Ok(self.residuals.scores(views.map(|view| self.residual(&view?)))?)
    }

    fn onnx(&self) -> Result<Graph, DetectorError> {
        let mut graph = Graph::new();
        let x = graph.input("images", &[1, self.size_px, self.size_px]);
        let channels = self.network.context.channels();
        let c = (channels > 0).then(|| graph.input("context", &[channels, self.size_px, self.size_px]));
        let y = self.network.onnx(&mut graph, &x, c.as_ref())?;
        let residual = graph.squared_difference(&x, &y);
        self.residuals.scores_onnx(&mut graph, &residual, self.size_px)?;
        Ok(graph)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::detectors::contract::{Silent, discs, fit, small};

    /// Only the divergence counts: the latent comes to say nothing of the image.
    #[test]
    fn a_latent_that_says_nothing_is_a_collapse() {
        let lines = "beta = 1e5\nsteps = 120\nlearning_rate = 0.01\nschedule = { kind = \"constant\" }";
        let folder = tempfile::tempdir().unwrap();
        let fitted = fit(&*small(&KIND, lines).unwrap(), folder.path(), &Silent).unwrap();
        let [collapse] = &fitted.collapses[..] else { panic!("{:?}", fitted.collapses) };
        assert_eq!((collapse.sign.as_str(), collapse.value), ("active latent numbers", 0.0));
        assert!(collapse.until.is_none());

        let lines = "beta = 0.005\nsteps = 120\nlearning_rate = 0.01";
        let folder = tempfile::tempdir().unwrap();
        let fitted = fit(&*small(&KIND, lines).unwrap(), folder.path(), &Silent).unwrap();
        assert!(fitted.collapses.is_empty(), "{:?}", fitted.collapses);
    }

    #[test]
    fn with_the_slice_it_is_restored_as_it_was() {
        let folder = tempfile::tempdir().unwrap();
        let detector = small(&KIND, "context = { slice = true, layers = 2 }").unwrap();
        assert_eq!(detector.context(), Context { slice: true, layers: 2 });
        let fitted = fit(&*detector, folder.path(), &Silent).unwrap();
        let images = discs(5, 16, 3);
        let restored = Saved::open(folder.path(), &Device::Cpu).unwrap().scorer().unwrap();
        let scores = fitted.scorer.score(&images).unwrap();
        assert_eq!(restored.score(&images).unwrap().components, scores.components);
        // Another slice, another reconstruction.
        let other = ImageSet { nominal: vec![0.0; images.nominal.len()], ..images };
        assert_ne!(fitted.scorer.score(&other).unwrap().components, scores.components);
    }

    /// Zeiser et al. 2023, Table 1.
    #[test]
    fn it_can_have_the_size_of_the_paper() {
        let settings = read(&mut Table::parse("s.toml", "channels = 36").unwrap()).unwrap();
        let range = GreyRange::between([0.0, 1.0]);
        let network = Network::new(&settings, 64, range, &Stream::root(0), &Device::Cpu).unwrap();
        let count = network.parameters.count();
        assert_eq!(count, 1_453_209);
        assert!((count as f64 / 1_430_209.0 - 1.0).abs() < 0.02);
    }
}
