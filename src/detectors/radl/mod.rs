//! RADL: a discriminator that has learnt to tell the features of healthy places from the same under noise (Tang and Jung 2023,
//! after Liu et al. 2023, arXiv:2303.15140).
//!
//! Each place of an image, 2 px by 2 px, has a feature vector. Those of defects are not known; healthy ones under noise of many strengths
//! stand in their place in the training ([`fakes`]), and the discriminator's opinion of every place is the anomaly map.
//!
//! # What differs from the paper
//! - Its backbone, a residual network trained on photographs, is a fixed bank of filters here ([`filters`](self::filters)).
//! - Features are taken relative to healthy ones at their own place ([`Features`]). A camera over a printer's bed does not move: where an edge
//!   belongs, it is no anomaly, and where it does not, it is one. The range of the noise counts in healthy deviations, therefore.
//! - Adam without weight decay, and as many steps as the scenario says. Nothing is cropped, and so nothing padded.
//!
//! # Networks
//! In a file as [`Architecture`] says:
//!
//! | tensors | shape |
//! |---|---|
//! | `discriminator/hidden.weight`, `.bias` | `[channels, 18, 1, 1]` |
//! | `discriminator/norm.weight`, `.bias`, `.running_mean`, `.running_variance` | `[channels]` |
//! | `discriminator/output` | `[1, channels, 1, 1]` |
//! | `features/centre`, `features/spread` | `[1, 18, size / 2, size / 2]`: mean and deviation of healthy responses |

mod discriminator;
mod features;
mod filters;

use candle_core::{Device, Tensor};
use generators::params::{ScenarioError, Table};
use generators::registry::Kind;
use generators::stream::Stream;
use serde_json::Value;

use self::discriminator::{Discriminator, fakes, hardness_aware_cross_entropy};
use self::features::Features;
use self::filters::{Filters, PLACE_PX};
use super::fitting::{check_size, check_some, chunks, halvings, seen};
use super::training::{
    Architecture, Batch, Defaults, Losses, Networks, Optimisers, Saved, Settings, Sign, Stage, Trainee,
    trained, validation_loss,
};
use super::{Detector, DetectorError, Fitted, Outputs, Run, Scorer, Scores};
use crate::data::{Context, ImageSet};
use crate::nets::onnx::Graph;
use crate::nets::{Adam, Mode, upsample_nearest};

const NAME: &str = "radl";
/// Standard deviations of the noise, in those of healthy features.
const SIGMA: [f64; 2] = [0.5, 3.0];

/// The registry's entry.
pub const KIND: Kind<dyn Detector> = Kind {
    name: NAME,
    summary: "Discriminator of healthy features and the same under noise, scored place by place",
    source: "Tang and Jung 2023, doi:10.1109/ACCESS.2023.3324314; on fixed filters",
    example: "\
channels = 128
sigma_low = 0.5
sigma_high = 3.0
tau = 0.5
steps = 500
batch = 8
learning_rate = 0.005
schedule = { kind = \"linear\", hold = 0.5, last = 0.01 }
clip_norm = 0.0
augment = { flip_x = false, flip_y = false, shift_px = 0 }
validations = 20
patience = 0
on_collapse = \"report\"
checkpoint_steps = 100
log_steps = 1
",
    build,
};

fn build(table: &mut Table) -> Result<Box<dyn Detector>, Box<ScenarioError>> {
    Ok(Box::new(read(table)?))
}

fn read(table: &mut Table) -> Result<Radl, Box<ScenarioError>> {
    let [low, high] = SIGMA;
    let sigma_low = table.number("sigma_low", Some(low), 0.0..=100.0)?;
    Ok(Radl {
        channels: table.count("channels", Some(128), 1..=1024)?,
        sigma: [sigma_low, table.number("sigma_high", Some(high.max(sigma_low)), sigma_low..=100.0)?],
        tau: table.number("tau", Some(0.5), 0.01..=10.0)?,
        training: Settings::read(
            table,
            Defaults {
                steps: 500,
                batch: 8,
                learning_rate: 5e-3,
                checkpoint_steps: 100,
                early_stopping: true,
            },
        )?,
    })
}

/// The settings.
#[derive(Clone, Debug)]
struct Radl {
    /// Units in the discriminator's hidden layer.
    channels: usize,
    /// Least and greatest standard deviation of the noise, in those of healthy features.
    sigma: [f64; 2],
    /// Temperature of the loss.
    tau: f64,
    /// How it is trained.
    training: Settings,
}

/// Names of the scores: the largest value of the map, and its mean.
const COMPONENTS: [&str; 2] = ["-log D peak", "-log D mean"];

impl Detector for Radl {
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
        self.suits(training.size_px)?;
        let size_px = training.size_px;
        let scorer = RadlScorer::new(self, size_px, &run.stream.child("weights"), run.device)?;
        let settings: Vec<(&str, Value)> = vec![("channels", self.channels.into()), ("tau", self.tau.into())];
        // Features are relative to healthy ones, whatever their range is.
        let architecture = Architecture::new(NAME, settings, size_px, [0.0, 1.0]);
        let history = trained(run, &architecture, &scorer.networks(), || {
            scorer.features.measure(|| chunks(training, run.device))?;
            let stage = Stage {
                detector: NAME,
                name: NAME,
                settings: &self.training,
                batches_per_step: 1,
                images: training,
                context: Context::default(),
                order: run.stream.child("batches"),
            };
            stage.train(&mut Training::new(self, &scorer, validation, run)?, run)
        })?;
        let parameters = vec![("discriminator", scorer.discriminator.parameters.count())];
        Ok(Fitted::new(scorer, &history, parameters))
    }

    fn restore(&self, saved: &Saved) -> Result<Box<dyn Scorer>, DetectorError> {
        self.suits(saved.architecture.size_px)?;
        let scorer = RadlScorer::new(self, saved.architecture.size_px, &Stream::root(0), &saved.device)?;
        saved.load(&scorer.networks())?;
        Ok(Box::new(scorer))
    }
}

struct Training<'a> {
    sigma: [f64; 2],
    scorer: &'a RadlScorer,
    adam: Adam,
    validation: &'a ImageSet,
    noise: Stream,
}

impl<'a> Training<'a> {
    fn new(
        settings: &Radl,
        scorer: &'a RadlScorer,
        validation: &'a ImageSet,
        run: &Run<'_>,
    ) -> Result<Self, DetectorError> {
        let learning_rate = settings.training.learning_rate;
        let adam = Adam::new(&scorer.discriminator.parameters, learning_rate, 0.9, 0.999)?;
        let noise = run.stream.child("noise");
        Ok(Self { sigma: settings.sigma, scorer, adam, validation, noise })
    }

    /// Of the images `x` and fakes of them; healthy and fake places pass the norm together.
    fn loss(&self, x: &Tensor, noise: &Stream, mode: Mode) -> candle_core::Result<Tensor> {
        let healthy = self.scorer.features.of(x)?;
        let both = Tensor::cat(&[&healthy, &fakes(&healthy, self.sigma, noise)?], 0)?;
        let logits = self.scorer.discriminator.logits(&both, mode)?;
        let count = x.dim(0)?;
        let [healthy, fake] = [logits.narrow(0, 0, count)?, logits.narrow(0, count, count)?];
        hardness_aware_cross_entropy(&healthy, &fake, self.scorer.tau)
    }
}

impl Trainee for Training<'_> {
    fn step(&mut self, step: usize, batches: &[Batch]) -> Result<Losses, DetectorError> {
        let loss = self.loss(&batches[0].images, &self.noise.item("step", step), Mode::Training)?;
        self.adam.step(&loss.backward()?)?;
        Ok(vec![("training loss", f64::from(loss.to_scalar::<f32>()?))])
    }

    fn validate(&mut self) -> Result<Losses, DetectorError> {
        let views = seen(self.validation, Context::default(), self.scorer.device());
        let mut part = 0;
        Ok(validation_loss(views, |view| {
            // The same noise each time, so that losses differ by the weights alone.
            let noise = self.noise.item("validation", part);
            part += 1;
            self.loss(&view.images, &noise, Mode::Inference)
        })?)
    }

    fn signs(&mut self) -> Result<Vec<Sign>, DetectorError> {
        Ok(Vec::new())
    }

    fn parts(&mut self) -> (Networks<'_>, Optimisers<'_>) {
        let parameters = &self.scorer.discriminator.parameters;
        (vec![("discriminator", parameters)], vec![("discriminator", &mut self.adam)])
    }
}

/// A fitted detector.
struct RadlScorer {
    features: Features,
    discriminator: Discriminator,
    smoothing: Filters,
    /// Temperature of the loss.
    tau: f64,
    size_px: usize,
}

impl RadlScorer {
    fn new(settings: &Radl, size_px: usize, stream: &Stream, device: &Device) -> Result<Self, DetectorError> {
        Ok(Self {
            features: Features::new(size_px, device)?,
            discriminator: Discriminator::new(settings.channels, stream, device)?,
            smoothing: Filters::smoothing(device)?,
            tau: settings.tau,
            size_px,
        })
    }

    fn networks(&self) -> Networks<'_> {
        vec![("discriminator", &self.discriminator.parameters), ("features", self.features.parameters())]
    }

    fn device(&self) -> &Device {
        self.discriminator.parameters.device()
    }

    /// -ln D at each pixel of images `x` `[n, 1, size, size]`, where D is the chance that its place is healthy as the loss sees it: of a
    /// logit l it is ln(1 + exp(-l / tau)), enlarged from places to their pixels and smoothed.
    fn map(&self, x: &Tensor) -> candle_core::Result<Tensor> {
        let logits = self.discriminator.logits(&self.features.of(x)?, Mode::Inference)?;
        let against = (logits / -self.tau)?;
        let surprise = (against.relu()? + (against.abs()?.neg()?.exp()? + 1.0)?.log()?)?;
        self.smoothing.forward(&upsample_nearest(&surprise, PLACE_PX)?)
    }
}

impl Scorer for RadlScorer {
    fn score(&self, images: &ImageSet) -> Result<Scores, DetectorError> {
        check_size(NAME, self.size_px, images)?;
        let (mut peak, mut mean, mut maps) = (Vec::new(), Vec::new(), Vec::new());
        for x in chunks(images, self.device()) {
            let map = self.map(&x?)?.flatten_from(1)?;
            peak.extend(map.max(1)?.to_vec1::<f32>()?);
            mean.extend(map.mean(1)?.to_vec1::<f32>()?);
            maps.extend(map.flatten_all()?.to_vec1::<f32>()?);
        }
        Ok(Scores {
            components: COMPONENTS.into_iter().zip([peak, mean]).collect(),
            maps,
            ..Default::default()
        })
    }

    fn onnx(&self) -> Result<Graph, DetectorError> {
        let shape = [1, self.size_px, self.size_px];
        let mut graph = Graph::new();
        let x = graph.input("images", &shape);
        let features = self.features.onnx(&mut graph, &x)?;
        let logits = self.discriminator.onnx(&mut graph, &features)?;
        let against = graph.affine(&logits, -1.0 / self.tau, 0.0);
        let surprise = graph.node("Softplus", &[&against], &[]);
        let wide = graph.upsample_nearest(&surprise, PLACE_PX);
        let map = self.smoothing.onnx(&mut graph, &wide)?;
        let (peak, mean) = (graph.largest(&map, 4), graph.mean(&map, 4));
        for (name, value) in COMPONENTS.into_iter().zip([&peak, &mean]) {
            graph.output(name, value, &[]);
        }
        graph.output("map", &map, &shape);
        Ok(graph)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::detectors::contract::{Silent, discs, fit, small};

    #[test]
    fn a_range_of_the_noise_that_ends_before_it_begins_is_refused() {
        let error = small(&KIND, "sigma_low = 2.0\nsigma_high = 1.0").err().unwrap();
        assert!(error.ends_with("`sigma_high` is 1 but must be between 2 and 100"), "{error}");
        assert!(small(&KIND, "sigma_low = 2.0\nsigma_high = 2.0").is_ok());
        assert!(small(&KIND, "tau = 0.0").is_err() && small(&KIND, "sigma_low = -0.1").is_err());
    }

    /// A spot that no healthy disc has, and where it is.
    #[test]
    fn it_finds_a_spot_and_its_place() {
        let detector = small(&KIND, "channels = 16\nsteps = 60\nlearning_rate = 0.02").unwrap();
        let folder = tempfile::tempdir().unwrap();
        let scorer = fit(&*detector, folder.path(), &Silent).unwrap().scorer;
        let healthy = discs(8, 16, 3);
        let mut spotted = healthy.clone();
        for pixels in spotted.pixels.chunks_mut(256) {
            for (x, y) in [(10, 3), (11, 3), (10, 4), (11, 4)] {
                pixels[16 * y + x] += 0.4;
            }
        }
        let (before, after) = (scorer.score(&healthy).unwrap(), scorer.score(&spotted).unwrap());
        let highest = before.components[0].1.iter().fold(0.0f32, |a, &b| a.max(b));
        assert!(after.components[0].1.iter().all(|&peak| peak > highest), "{after:?}");
        for map in after.maps.chunks(256) {
            let at = (0..256).max_by(|&a, &b| map[a].total_cmp(&map[b])).unwrap();
            let (x, y) = ((at % 16) as f64, (at / 16) as f64);
            assert!((x - 10.5).hypot(y - 3.5) < 3.0, "{x}, {y}");
        }
    }
}
