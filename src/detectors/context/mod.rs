//! Predicts each image from its drawing, and looks for what does not follow from it.
//!
//! A network that sees the nominal slices of the layer and of the layers before says which patterns the image may be made of
//! and how far each pixel scatters about them. A job's temperatures, which no drawing tells, are the weights of those patterns: they are
//! fitted to the image in closed form, and what is left over is held against the scatter. A warmer job is no anomaly,
//! therefore, and neither is a part or a pose that the training has not shown.
//!
//! The network does not see the images of the layers before. They may hold the same defect, and would then predict
//! it. They tell what no single image can: whether the part or the bed has become warmer or colder, which is a score of its own.
//!
//! # Networks
//! With c channels, in a file as [`Architecture`] says:
//!
//! | tensors | shape |
//! |---|---|
//! | `context/enter.1.weight`, `.bias`, `enter.2` | `[c, layers + 1 or c, 3, 3]` |
//! | `context/down.1`, `down.2` | `[2 c, c, 4, 4]`, `[4 c, 2 c, 4, 4]`, each followed by `inner.1` or `inner.2`, 3 x 3 |
//! | `context/up.2`, `up.1` | `[4 c, 2 c, 4, 4]`, `[2 c, c, 4, 4]`, each followed by `join.2` or `join.1`, 3 x 3, over both sides |
//! | `context/leave` | `[patterns + 1, c, 3, 3]` |
//! | `healthy/centre`, `healthy/spread` | `[1, 4]`: logarithms of the peaks and of the drift in healthy images |
//! | `healthy/levels` | `[1, 2]`: how far part and bed change in healthy jobs |

mod network;
mod peaks;

use candle_core::Device;
use generators::params::{ScenarioError, Table};
use generators::registry::Kind;
use generators::stream::Stream;
use serde_json::Value;

use self::network::Network;
use self::peaks::Healthy;
use super::fitting::{
    GreyRange, box_mean, box_mean_onnx, check_context, check_size, check_some, halvings, seen,
};
use super::training::{
    Architecture, Batch, Defaults, Losses, Networks, Optimisers, Saved, Settings, Sign, Stage, Trainee,
    trained, validation_loss,
};
use super::{Detector, DetectorError, Fitted, Outputs, Run, Scorer, Scores};
use crate::data::{Context, ImageSet};
use crate::nets::Adam;
use crate::nets::onnx::Graph;

const NAME: &str = "context";
/// Side of the neighbourhood over which the anomaly map is averaged.
const MAP_PX: usize = 3;

/// The registry's entry.
pub const KIND: Kind<dyn Detector> = Kind {
    name: NAME,
    summary: "U-Net that predicts a layer from its nominal slices, scored by standardised residuals and by drift",
    source: "own; the network after Ronneberger et al. 2015, arXiv:1505.04597, the likelihood after Nix and Weigend 1994",
    example: "\
layers = 4
channels = 8
patterns = 3
steps = 600
batch = 16
learning_rate = 0.003
schedule = { kind = \"linear\", hold = 0.5, last = 0.01 }
clip_norm = 1.0
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
    Ok(Box::new(ByContext {
        layers: table.count("layers", Some(4), 0..=16)?,
        channels: table.count("channels", Some(8), 1..=256)?,
        patterns: table.count("patterns", Some(3), 1..=16)?,
        training: Settings::read(
            table,
            Defaults {
                steps: 600,
                batch: 16,
                learning_rate: 3e-3,
                checkpoint_steps: 200,
                early_stopping: true,
            },
        )?,
    }))
}

/// The settings.
#[derive(Clone, Debug)]
struct ByContext {
    /// Layers to look back at.
    layers: usize,
    /// Feature maps at full size; twice and four times as many at half and a quarter.
    channels: usize,
    /// Patterns beside the constant that an image is made of.
    patterns: usize,
    /// How it is trained.
    training: Settings,
}

/// Names of the scores; without layers before there is no drift.
const COMPONENTS: [&str; 4] = ["A", "peak", "mean", "drift"];

fn components(layers: usize) -> &'static [&'static str] {
    if layers == 0 { &COMPONENTS[..3] } else { &COMPONENTS }
}

impl Detector for ByContext {
    fn outputs(&self) -> Outputs {
        Outputs { components: components(self.layers), features: &[] }
    }

    fn context(&self) -> Context {
        Context { slice: true, layers: self.layers }
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
        check_context(NAME, self.context(), training)?;
        check_context(NAME, self.context(), validation)?;
        let (size_px, range) = (training.size_px, GreyRange::of(training));
        let scorer = ByContextScorer::new(self, size_px, range, &run.stream.child("weights"), run.device)?;
        let settings: Vec<(&str, Value)> = vec![
            ("layers", self.layers.into()),
            ("channels", self.channels.into()),
            ("patterns", self.patterns.into()),
        ];
        let architecture = Architecture::new(NAME, settings, size_px, range.ends());
        let history = trained(run, &architecture, &scorer.networks(), || {
            let stage = Stage {
                detector: NAME,
                name: NAME,
                settings: &self.training,
                batches_per_step: 1,
                images: training,
                context: self.context(),
                order: run.stream.child("batches"),
            };
            let history = stage.train(&mut Training::new(self, &scorer.network, validation)?, run)?;
            // Healthy images that the network has not seen, where there are any.
            let healthy = if validation.is_empty() { training } else { validation };
            let views = || seen(healthy, self.context(), run.device);
            scorer.healthy.measure_levels(views())?;
            let residuals = views().map(|view| {
                let view = view?;
                Ok((scorer.network.standardised(&view)?, view))
            });
            scorer.healthy.measure(residuals)?;
            Ok(history)
        })?;
        let parameters = vec![(NAME, scorer.network.parameters.count())];
        Ok(Fitted::new(scorer, &history, parameters))
    }

    fn restore(&self, saved: &Saved) -> Result<Box<dyn Scorer>, DetectorError> {
        let Architecture { size_px, grey_range, .. } = saved.architecture;
        let range = GreyRange::between(grey_range);
        let scorer = ByContextScorer::new(self, size_px, range, &Stream::root(0), &saved.device)?;
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
        settings: &ByContext,
        network: &'a Network,
        validation: &'a ImageSet,
    ) -> Result<Self, DetectorError> {
        let adam = Adam::new(&network.parameters, settings.training.learning_rate, 0.9, 0.999)?;
        Ok(Self { network, adam, validation })
    }
}

impl Trainee for Training<'_> {
    fn step(&mut self, _: usize, batches: &[Batch]) -> Result<Losses, DetectorError> {
        let loss = self.network.loss(&batches[0].seen())?;
        self.adam.step(&loss.backward()?)?;
        Ok(vec![("training loss", f64::from(loss.to_scalar::<f32>()?))])
    }

    fn validate(&mut self) -> Result<Losses, DetectorError> {
        let views = seen(self.validation, self.network.context, self.network.parameters.device());
        Ok(validation_loss(views, |view| self.network.loss(view))?)
    }

    fn signs(&mut self) -> Result<Vec<Sign>, DetectorError> {
        Ok(Vec::new())
    }

    fn parts(&mut self) -> (Networks<'_>, Optimisers<'_>) {
        (vec![(NAME, &self.network.parameters)], vec![(NAME, &mut self.adam)])
    }
}

/// A fitted detector.
struct ByContextScorer {
    network: Network,
    healthy: Healthy,
    size_px: usize,
}

impl ByContextScorer {
    fn new(
        settings: &ByContext,
        size_px: usize,
        range: GreyRange,
        stream: &Stream,
        device: &Device,
    ) -> Result<Self, DetectorError> {
        let network = Network::new(settings, range, stream, device)?;
        Ok(Self { network, healthy: Healthy::new(settings.context(), size_px, device)?, size_px })
    }

    fn networks(&self) -> Networks<'_> {
        vec![(NAME, &self.network.parameters), ("healthy", &self.healthy.parameters)]
    }
}

impl Scorer for ByContextScorer {
    fn score(&self, images: &ImageSet) -> Result<Scores, DetectorError> {
        check_size(NAME, self.size_px, images)?;
        let context = self.network.context;
        check_context(NAME, context, images)?;
        let mut columns: Vec<Vec<f32>> = vec![Vec::new(); 4];
        let mut maps = Vec::new();
        for view in seen(images, context, self.network.parameters.device()) {
            let view = view?;
            let z = self.network.standardised(&view)?;
            let squared = z.sqr()?;
            let [peak, drift] = self.healthy.scores(&z, &view)?;
            let found = [peak.maximum(&drift)?, peak, squared.flatten_from(1)?.mean(1)?, drift];
            for (column, values) in columns.iter_mut().zip(found) {
                column.extend(values.to_vec1::<f32>()?);
            }
            maps.extend(box_mean(&squared, MAP_PX)?.flatten_all()?.to_vec1::<f32>()?);
        }
        let components = components(context.layers).iter().copied().zip(columns).collect();
        Ok(Scores { components, features: Vec::new(), maps, ..Default::default() })
    }

    fn onnx(&self) -> Result<Graph, DetectorError> {
        let context = self.network.context;
        let shape = [1, self.size_px, self.size_px];
        let mut graph = Graph::new();
        let x = graph.input("images", &shape);
        let c = graph.input("context", &[context.channels(), self.size_px, self.size_px]);
        let z = self.network.onnx(&mut graph, &x, &c)?;
        let squared = graph.node("Mul", &[&z, &z], &[]);
        let [peak, drift] = self.healthy.onnx(&mut graph, &z, &x, &c)?;
        let all = graph.node("Max", &[&peak, &drift], &[]);
        let mean = graph.mean(&squared, 4);
        for (name, value) in components(context.layers).iter().zip([&all, &peak, &mean, &drift]) {
            graph.output(name, value, &[]);
        }
        let map = box_mean_onnx(&mut graph, &squared, MAP_PX);
        graph.output("map", &map, &shape);
        Ok(graph)
    }
}

#[cfg(test)]
mod tests;
