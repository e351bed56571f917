//! A detector that sees the images smaller than they are: `image_px` in its table, as in Zeiser et al. 2023, Table 1, where some
//! networks read 64 px and others 128 px of the same layers.
//!
//! Grey values are averaged over squares of whole pixels; anomaly maps are enlarged back, each pixel to its square.

use generators::params::{ScenarioError, Table};
use generators::registry;

use super::{Base, Detector, DetectorError, Fitted, KINDS, Outputs, Run, Saved, Scorer, Scores};
use crate::data::{Context, ImageSet};
use crate::nets::onnx::Graph;

/// The detector that `table` states, which sees the images with `image_px` along one side, or as they are where that is absent.
///
/// # Errors
/// A mistake in the table.
pub fn build(mut table: Table) -> Result<(&'static str, Box<dyn Detector>), Box<ScenarioError>> {
    let image_px = table.count_if_stated("image_px", 16..=256)?;
    let (kind, detector) = registry::build(KINDS, table)?;
    Ok((
        kind,
        match image_px {
            Some(image_px) => Box::new(Reduced { kind, detector, image_px }),
            None => detector,
        },
    ))
}

/// `scorer` behind an average over squares of `reduction` px.
pub fn behind_average(reduction: usize, scorer: Box<dyn Scorer>) -> Box<dyn Scorer> {
    if reduction == 1 { scorer } else { Box::new(ReducedScorer { reduction, scorer }) }
}

struct Reduced {
    kind: &'static str,
    detector: Box<dyn Detector>,
    /// Pixels along one side of what it sees.
    image_px: usize,
}

impl Reduced {
    /// Pixels along one side of the squares that become one.
    fn reduction(&self, size_px: usize) -> Result<usize, DetectorError> {
        let (detector, image_px) = (self.kind, self.image_px);
        match size_px.is_multiple_of(image_px) {
            true => Ok(size_px / image_px),
            false => Err(DetectorError::Reduction { detector, image_px, found: size_px }),
        }
    }
}

impl Detector for Reduced {
    fn outputs(&self) -> Outputs {
        self.detector.outputs()
    }

    fn context(&self) -> Context {
        self.detector.context()
    }

    fn suits(&self, size_px: usize) -> Result<(), DetectorError> {
        self.reduction(size_px)?;
        self.detector.suits(self.image_px)
    }

    fn image_px(&self) -> Option<usize> {
        Some(self.image_px)
    }

    fn base(&self) -> Option<Base<'_>> {
        self.detector.base()
    }

    fn most_images(&self) -> Option<usize> {
        self.detector.most_images()
    }

    fn fit(
        &self,
        training: &ImageSet,
        validation: &ImageSet,
        run: &Run<'_>,
    ) -> Result<Fitted, DetectorError> {
        let reduction = self.reduction(training.size_px)?;
        let run = Run { reduction, stream: run.stream.clone(), ..*run };
        let fitted = self.detector.fit(&training.reduced(reduction), &validation.reduced(reduction), &run)?;
        Ok(Fitted { scorer: behind_average(reduction, fitted.scorer), ..fitted })
    }

    fn restore(&self, saved: &Saved) -> Result<Box<dyn Scorer>, DetectorError> {
        self.detector.restore(saved)
    }
}

struct ReducedScorer {
    reduction: usize,
    scorer: Box<dyn Scorer>,
}

impl ReducedScorer {
    /// What `score` says of the images as it sees them, its maps as large as the images.
    fn seen(
        &self,
        images: &ImageSet,
        score: impl Fn(&ImageSet) -> Result<Scores, DetectorError>,
    ) -> Result<Scores, DetectorError> {
        let (by, size_px) = (self.reduction, images.size_px);
        if !size_px.is_multiple_of(by) {
            return Err(DetectorError::Reduction {
                detector: "this detector",
                image_px: size_px / by,
                found: size_px,
            });
        }
        let mut scores = score(&images.reduced(by))?;
        let side = size_px / by;
        let enlarged = |map: &[f32]| -> Vec<f32> {
            (0..size_px * size_px).map(|i| map[i / size_px / by * side + i % size_px / by]).collect()
        };
        scores.maps = scores.maps.chunks(side * side).flat_map(enlarged).collect();
        Ok(scores)
    }
}

impl Scorer for ReducedScorer {
    fn score(&self, images: &ImageSet) -> Result<Scores, DetectorError> {
        self.seen(images, |seen| self.scorer.score(seen))
    }

    fn score_in(&self, images: &ImageSet, name: &str, run: &Run<'_>) -> Result<Scores, DetectorError> {
        self.seen(images, |seen| self.scorer.score_in(seen, name, run))
    }

    fn onnx(&self) -> Result<Graph, DetectorError> {
        Ok(self.scorer.onnx()?.behind_average(self.reduction)?)
    }
}

#[cfg(test)]
mod tests {
    use candle_core::Device;

    use super::*;
    use crate::detectors::contract::{Silent, discs, run};

    fn table(lines: &str) -> Table {
        let text = format!("kind = \"vae\"\nchannels = 2\nsteps = 4\nbatch = 4\n{lines}\n");
        Table::parse("s.toml", &text).unwrap()
    }

    /// The same as averaging by hand before, and the file knows of it.
    #[test]
    fn it_scores_the_averaged_images_and_so_does_its_file() {
        let [training, validation, test] =
            [(8, 1), (4, 2), (5, 3)].map(|(count, seed)| discs(count, 32, seed));
        let folder = tempfile::tempdir().unwrap();
        let (_, detector) = build(table("image_px = 16")).unwrap();
        let scorer = detector.fit(&training, &validation, &run(folder.path(), "", &Silent)).unwrap().scorer;
        let scores = scorer.score(&test).unwrap();

        let by_hand = tempfile::tempdir().unwrap();
        let (_, small) = build(table("")).unwrap();
        let [training, validation, averaged] = [&training, &validation, &test].map(|set| set.reduced(2));
        let small = small.fit(&training, &validation, &run(by_hand.path(), "", &Silent)).unwrap().scorer;
        let expected = small.score(&averaged).unwrap();
        assert_eq!(scores.components, expected.components);
        assert_eq!(scores.maps.len(), test.pixels.len());
        let (map, small_map) = (&scores.maps[4 * 1024..], &expected.maps[4 * 256..]);
        assert!((0..1024).all(|i| map[i] == small_map[i / 32 / 2 * 16 + i % 32 / 2]));

        let saved = Saved::open(folder.path(), &Device::Cpu).unwrap();
        assert_eq!(saved.architecture.image_px(), 32);
        let restored = saved.scorer().unwrap().score(&test).unwrap();
        assert_eq!((restored.components, restored.maps), (scores.components, scores.maps));
    }

    #[test]
    fn sides_that_do_not_divide_are_refused() {
        let (_, detector) = build(table("image_px = 32")).unwrap();
        assert!(detector.suits(64).is_ok() && detector.suits(32).is_ok());
        let error = detector.suits(48).unwrap_err().to_string();
        assert_eq!(error, "`image_px` of vae is 32, and images of 48 px are no whole multiple of that");
        // Its networks have their own say.
        let (_, detector) = build(table("image_px = 24")).unwrap();
        assert!(detector.suits(48).unwrap_err().to_string().starts_with("vae works on images of 16, 32"));
    }
}
