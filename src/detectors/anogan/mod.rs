//! AnoGAN: an image's healthy counterpart is searched for in the generator, step by step (Schlegl et al. 2017; Zeiser et al. 2023,
//! section 5.1).
//!
//! It has no networks of its own but takes critic and generator of an f-AnoGAN, as Zeiser et al. do, so that the two differ in the way
//! from an image to its latent vector alone. The score is that of f-AnoGAN. As a search takes thousands of passes, only some images of a
//! set are scored in a run.
//!
//! # Networks
//! In a file as [`Architecture`] says, whose `base` is that of the f-AnoGAN:
//!
//! | tensors | shape |
//! |---|---|
//! | `critic/...`, `generator/...` | those of the f-AnoGAN |
//! | `search/start` | `[1, latent]`: where every search begins |

mod search;

use candle_core::{Device, Tensor, Var};
use generators::params::{ScenarioError, Table};
use generators::registry::Kind;
use serde_json::Value;

use self::search::{Kept, Search};
use super::f_anogan::Gan;
use super::fitting::{check_size, check_some, halvings};
use super::training::{Architecture, History, Networks, Saved, trained};
use super::{Base, Detector, DetectorError, Fitted, Outputs, Run, Scorer, Scores};
use crate::data::ImageSet;
use crate::nets::onnx::Graph;
use crate::nets::{Parameters, normal};

const NAME: &str = "anogan";

/// The registry's entry.
pub const KIND: Kind<dyn Detector> = Kind {
    name: NAME,
    summary: "Latent vector of each image searched for by back-propagation in the generator of an f-AnoGAN",
    source: "Schlegl et al. 2017, doi:10.1007/978-3-319-59050-9_12; as in Zeiser et al. 2023, section 5.1",
    example: "\
gan = \"f-anogan\"
steps = 500
learning_rate = 0.1
lambda = 0.1
images = 60
batch = 60
checkpoint_steps = 100
",
    build,
};

fn build(table: &mut Table) -> Result<Box<dyn Detector>, Box<ScenarioError>> {
    let any = 1..=usize::MAX;
    Ok(Box::new(AnoGan {
        gan: table.string("gan", Some(Gan::KIND))?,
        search: Settings {
            steps: table.count("steps", Some(500), any.clone())?,
            learning_rate: table.number("learning_rate", Some(0.1), f64::MIN_POSITIVE..=f64::INFINITY)?,
            lambda: table.number("lambda", Some(0.1), 0.0..=1.0)?,
            batch: table.count("batch", Some(60), 1..=4096)?,
            checkpoint_steps: table.count("checkpoint_steps", Some(100), any.clone())?,
        },
        images: table.count("images", Some(60), any)?,
    }))
}

/// How a latent vector is searched for.
#[derive(Clone, Copy, Debug)]
struct Settings {
    /// Steps for every image; 3500 in Zeiser et al.
    steps: usize,
    /// Adam's step size.
    learning_rate: f64,
    /// Weight of A_D in A, which the search lowers.
    lambda: f64,
    /// Images that are searched for at the same time.
    batch: usize,
    /// Steps from one checkpoint to the next.
    checkpoint_steps: usize,
}

/// The settings.
#[derive(Clone, Debug)]
struct AnoGan {
    /// Name of the f-AnoGAN.
    gan: String,
    search: Settings,
    /// Images of a set that are scored in a run.
    images: usize,
}

/// Names of the scores.
const COMPONENTS: [&str; 3] = ["A", "A_R", "A_D"];

impl Detector for AnoGan {
    fn outputs(&self) -> Outputs {
        Outputs { components: &COMPONENTS, features: &[] }
    }

    fn suits(&self, size_px: usize) -> Result<(), DetectorError> {
        halvings(NAME, size_px).map(drop)
    }

    fn base(&self) -> Option<Base<'_>> {
        Some(Base { key: "gan", name: &self.gan, kind: Gan::KIND })
    }

    fn most_images(&self) -> Option<usize> {
        Some(self.images)
    }

    /// Takes over the networks; nothing is trained.
    fn fit(&self, training: &ImageSet, _: &ImageSet, run: &Run<'_>) -> Result<Fitted, DetectorError> {
        self.suits(training.size_px)?;
        check_some(NAME, training)?;
        let base = run.base.ok_or(DetectorError::NoBase { detector: NAME, kind: Gan::KIND })?;
        let base = Saved::open(base, run.device)?;
        check_size(NAME, base.architecture.size_px, training)?;
        let scorer = AnoGanScorer::new(&base, &base.architecture, self.search)?;
        let settings: Vec<(&str, Value)> = vec![
            ("steps", self.search.steps.into()),
            ("learning_rate", self.search.learning_rate.into()),
            ("lambda", self.search.lambda.into()),
            ("batch", self.search.batch.into()),
        ];
        let of_base = base.architecture.clone();
        let architecture = Architecture::new(NAME, settings, of_base.size_px, of_base.grey_range).on(of_base);
        trained(run, &architecture, &scorer.networks(), || {
            scorer.gan.take(&base)?;
            let start = normal(scorer.start.dims(), &mut run.stream.child("start"), run.device)?;
            scorer.start.set(&start)?;
            Ok(History::default())
        })?;
        let parameters =
            scorer.gan.networks().iter().map(|(name, network)| (*name, network.count())).collect();
        Ok(Fitted::new(scorer, &History::default(), parameters))
    }

    fn restore(&self, saved: &Saved) -> Result<Box<dyn Scorer>, DetectorError> {
        let base = saved.architecture.base.as_deref();
        let base = base.ok_or_else(|| saved.corrupted("it does not say whose networks it uses"))?;
        let scorer = AnoGanScorer::new(saved, base, self.search)?;
        saved.load(&scorer.networks())?;
        Ok(Box::new(scorer))
    }
}

/// Networks and the way of searching in them.
struct AnoGanScorer {
    gan: Gan,
    /// Where every search begins `[1, latent]`: the same for all images, so that an image's score is its own.
    start: Var,
    search: Parameters,
    settings: Settings,
    size_px: usize,
    device: Device,
}

impl AnoGanScorer {
    /// With the networks of `base`, their weights still to be loaded from `saved`.
    fn new(saved: &Saved, base: &Architecture, settings: Settings) -> Result<Self, DetectorError> {
        let gan = Gan::new(base, &saved.device).map_err(|e| saved.corrupted(e))??;
        let mut search = Parameters::new(&saved.device);
        let start = search.buffer("start", (1, gan.frozen().generator.latent), 0.0)?;
        Ok(Self { gan, start, search, settings, size_px: base.size_px, device: saved.device.clone() })
    }

    fn networks(&self) -> Networks<'_> {
        let mut networks = self.gan.networks();
        networks.push(("search", &self.search));
        networks
    }

    /// Scores `images` batch by batch; each batch is kept where `kept` says.
    fn scores<'a>(
        &self,
        images: &ImageSet,
        kept: impl Fn(usize) -> Option<Kept<'a>>,
    ) -> Result<Scores, DetectorError> {
        check_size(NAME, self.size_px, images)?;
        let side = self.size_px;
        let mut components = [const { Vec::new() }; 3];
        let mut scores = Scores::default();
        for (index, pixels) in images.pixels.chunks(self.settings.batch * side * side).enumerate() {
            let shape = (pixels.len() / (side * side), 1, side, side);
            let x = Tensor::from_slice(pixels, shape, &self.device)?;
            let mut search = Search::new(self.gan.frozen(), x, &self.start, self.settings)?;
            search.finish(kept(index))?;
            let difference = search.difference()?;
            let found = [
                difference.combined(self.settings.lambda)?,
                difference.pixels.clone(),
                difference.features.clone(),
            ];
            for (all, part) in components.iter_mut().zip(found) {
                all.extend(part.to_vec1::<f32>()?);
            }
            let residual = (&search.x - difference.reconstruction)?.sqr()?;
            scores.maps.extend(residual.flatten_all()?.to_vec1::<f32>()?);
            scores.unsettled.extend(search.unsettled()?);
        }
        scores.components = COMPONENTS.into_iter().zip(components).collect();
        Ok(scores)
    }
}

impl Scorer for AnoGanScorer {
    fn score(&self, images: &ImageSet) -> Result<Scores, DetectorError> {
        self.scores(images, |_| None)
    }

    fn score_in(&self, images: &ImageSet, name: &str, run: &Run<'_>) -> Result<Scores, DetectorError> {
        let batches = images.len().div_ceil(self.settings.batch);
        self.scores(images, |index| Some(Kept { run, name, index, batches }))
    }

    fn onnx(&self) -> Result<Graph, DetectorError> {
        let why = "it searches for every image's latent vector step by step, which is no graph; export the detector whose networks it uses";
        Err(DetectorError::NoGraph { detector: NAME, why })
    }
}

#[cfg(test)]
mod tests {
    use std::ops::ControlFlow;
    use std::path::Path;

    use generators::stream::Stream;

    use super::*;
    use crate::detectors::Progress;
    use crate::detectors::contract::{Silent, fit, small};
    use crate::detectors::f_anogan::Frozen;
    use crate::nets::Mode;

    fn fitted(lines: &str) -> (tempfile::TempDir, Box<dyn Scorer>) {
        let folder = tempfile::tempdir().unwrap();
        let scorer = fit(&*small(&KIND, lines).unwrap(), folder.path(), &Silent).unwrap().scorer;
        (folder, scorer)
    }

    /// Images that the generator made itself, from latent vectors other than the one that the search begins with.
    fn made(folder: &Path, count: usize) -> ImageSet {
        let saved = Saved::open(folder, &Device::Cpu).unwrap();
        let gan = Gan::new(saved.architecture.base.as_ref().unwrap(), &Device::Cpu).unwrap().unwrap();
        let mut search = Parameters::new(&Device::Cpu);
        search.buffer("start", (1, gan.frozen().generator.latent), 0.0).unwrap();
        let mut networks = gan.networks();
        networks.push(("search", &search));
        saved.load(&networks).unwrap();
        let Frozen { generator, range, .. } = gan.frozen();
        let z = generator.draw(count, &mut Stream::root(9)).unwrap();
        let grey = range.grey(&generator.forward(&z, Mode::Inference).unwrap()).unwrap();
        let pixels = grey.flatten_all().unwrap().to_vec1().unwrap();
        let job = vec![0; count];
        ImageSet {
            size_px: 16,
            pixels,
            nominal: Vec::new(),
            layer: job.clone(),
            job,
            past: Default::default(),
        }
    }

    /// What the generator can make leaves nothing over, once its latent vector is found.
    #[test]
    fn an_image_of_the_generator_is_found_again() {
        let lines = "steps = 1\nlearning_rate = 0.05\nimages = 3\nbatch = 2";
        let (folder, one) = fitted(lines);
        let images = made(folder.path(), 3);
        let (_, many) = fitted(&lines.replace("steps = 1", "steps = 600"));
        let [one, many] = [one, many].map(|scorer| scorer.score(&images).unwrap());
        for i in 0..3 {
            let [before, after] = [&one, &many].map(|scores| scores.components[0].1[i]);
            assert!(after < 0.01 * before, "{before} to {after}");
        }
        assert_eq!(many.unsettled.len(), 3);
    }

    /// Stops at one step of the search, or is only asked there.
    struct At(usize);

    impl Progress for At {
        fn step(&self, _: &str, done: usize, _: usize, _: &[(&str, f64)]) -> ControlFlow<()> {
            if done == self.0 { ControlFlow::Break(()) } else { ControlFlow::Continue(()) }
        }
    }

    #[test]
    fn a_search_that_was_cut_off_ends_with_the_identical_scores() {
        let (folder, scorer) = fitted("steps = 40\nbatch = 2\ncheckpoint_steps = 7");
        let images = made(folder.path(), 3);
        let bits = |scores: Scores| -> Vec<u32> {
            let values = scores.components.iter().flat_map(|(_, v)| v).chain(&scores.maps);
            values.map(|v| v.to_bits()).collect()
        };
        let whole = bits(scorer.score(&images).unwrap());
        // In the first batch and in the second, where the first is not searched again.
        for at in [33, 55] {
            let kept = tempfile::tempdir().unwrap();
            let within = |progress: &dyn Progress| {
                let stream = Stream::root(0);
                let device = &Device::Cpu;
                let run = Run {
                    stream,
                    folder: kept.path(),
                    base: None,
                    reduction: 1,
                    fingerprint: "f",
                    device,
                    progress,
                };
                scorer.score_in(&images, "test", &run)
            };
            match within(&At(at)).err() {
                Some(DetectorError::Interrupted { stage, kept, .. }) => {
                    assert_eq!((stage, kept), ("search", at % 40));
                }
                other => panic!("{other:?}"),
            }
            assert!(bits(within(&At(at)).unwrap()) == whole);
            // Finished: no step is made again.
            assert!(bits(within(&At(40)).unwrap()) == whole);
        }
    }

    #[test]
    fn a_search_is_no_graph() {
        let (_folder, scorer) = fitted("");
        let error = scorer.onnx().err().unwrap().to_string();
        assert!(
            error.starts_with("anogan cannot be written as ONNX: it searches for every image"),
            "{error}"
        );
    }

    #[test]
    fn without_the_other_detector_there_is_nothing_to_search_in() {
        let folder = tempfile::tempdir().unwrap();
        let images = ImageSet { size_px: 16, pixels: vec![0.5; 256], job: vec![0], ..Default::default() };
        let run = Run {
            stream: Stream::root(0),
            folder: folder.path(),
            base: None,
            reduction: 1,
            fingerprint: "",
            device: &Device::Cpu,
            progress: &Silent,
        };
        let error = small(&KIND, "").unwrap().fit(&images, &images, &run).err().unwrap();
        assert_eq!(error.to_string(), "anogan needs the fitted model of a detector of kind f-anogan");
    }
}
