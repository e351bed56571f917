//! Anomaly maps against the footprints of the defects.

use generators::dataset::{Dataset, DatasetError, Row};
use generators::stream::Stream;
use rayon::prelude::*;

use super::judge::{REPLICATES, select};
use crate::metrics::MetricError;
use crate::metrics::interval::{Design, Drawn, SHARE, bootstrap};
use crate::metrics::localisation::{FALSE_POSITIVE_LIMIT, JobTallies, Localisation as Figures, localise};
use crate::report::record::{Estimate, Localisation, LocalisationOfDefect, PixelFigures};

/// What the pixels of the test images really are.
pub struct Footprints {
    size_px: usize,
    /// Image by image, true where it shows the defect.
    masks: Vec<bool>,
    /// The job of each image.
    job: Vec<u32>,
    /// The defect of each image, as an index; `None` of a healthy one.
    defect: Vec<Option<usize>>,
}

impl Footprints {
    /// Reads the masks of the test images `rows`; `defects` are the labels in the scenario's order.
    ///
    /// # Errors
    /// A mask that is missing or damaged.
    pub fn read(dataset: &Dataset, rows: &[&Row], defects: &[&str]) -> Result<Self, DatasetError> {
        let size_px = dataset.manifest().image_px;
        let mask = |row: &&Row| -> Result<Vec<bool>, DatasetError> {
            match &row.mask {
                Some(file) => Ok(dataset.read(file)?.into_iter().map(|value| value > 0.5).collect()),
                None => Ok(vec![false; size_px * size_px]),
            }
        };
        let masks: Vec<Vec<bool>> = rows.par_iter().map(mask).collect::<Result<_, _>>()?;
        Ok(Self {
            size_px,
            masks: masks.concat(),
            job: rows.iter().map(|row| row.job).collect(),
            defect: (rows.iter())
                .map(|row| defects.iter().position(|name| Some(*name) == row.defect.as_deref()))
                .collect(),
        })
    }

    /// Those of photographs, which are anomalous in one way or not: `masks` image by image, and the part that each shows in the
    /// place of its job.
    pub fn of_photographs(size_px: usize, masks: &[bool], part: &[u32], anomalous: &[bool]) -> Self {
        let defect = anomalous.iter().map(|&anomalous| anomalous.then_some(0)).collect();
        Self { size_px, masks: masks.to_vec(), job: part.to_vec(), defect }
    }

    /// Those of the test images at `rows`.
    pub fn select(&self, rows: &[usize]) -> Self {
        Self {
            size_px: self.size_px,
            masks: rows.iter().flat_map(|&row| self.mask(row)).copied().collect(),
            job: select(&self.job, rows),
            defect: select(&self.defect, rows),
        }
    }

    /// Judges the `maps` of the test images; `None` of a detector that makes none.
    ///
    /// # Errors
    /// Where a value is not a number.
    pub fn judge(
        &self,
        maps: &[f32],
        defects: &[&str],
        stream: &Stream,
    ) -> Result<Option<Localisation>, MetricError> {
        if maps.is_empty() {
            return Ok(None);
        }
        // A footprint that is the whole image has no place to be found in.
        let local = |&image: &usize| self.defect[image].is_none() || !self.mask(image).iter().all(|&m| m);
        let images: Vec<usize> = (0..self.job.len()).filter(local).collect();
        let of_defect = |(index, name): (usize, &&str)| {
            let of: Vec<usize> =
                images.iter().copied().filter(|&i| self.defect[i].is_none_or(|d| d == index)).collect();
            let defective = of.iter().filter(|&&i| self.defect[i].is_some());
            let pixels: Vec<bool> = defective.flat_map(|&i| self.mask(i)).copied().collect();
            let inside = pixels.iter().filter(|&&m| m).count();
            Ok(LocalisationOfDefect {
                defect: (*name).to_owned(),
                footprint_share: inside as f64 / pixels.len().max(1) as f64,
                figures: self.figures(maps, &of, stream)?,
            })
        };
        Ok(Some(Localisation {
            images: images.len(),
            false_positive_limit: FALSE_POSITIVE_LIMIT,
            all: self.figures(maps, &images, stream)?,
            defects: defects.iter().enumerate().map(of_defect).collect::<Result<_, MetricError>>()?,
        }))
    }

    fn mask(&self, image: usize) -> &[bool] {
        let pixels = self.size_px * self.size_px;
        &self.masks[image * pixels..(image + 1) * pixels]
    }

    /// The figures over `images`, with intervals over their jobs.
    fn figures(
        &self,
        maps: &[f32],
        images: &[usize],
        stream: &Stream,
    ) -> Result<Option<PixelFigures>, MetricError> {
        let (size, pixels) = ([self.size_px; 2], self.size_px * self.size_px);
        let masks: Vec<bool> = images.iter().flat_map(|&i| self.mask(i)).copied().collect();
        let maps: Vec<f32> =
            images.iter().flat_map(|&i| &maps[i * pixels..(i + 1) * pixels]).copied().collect();
        if images.is_empty() {
            return Ok(None);
        }
        let Some(exact) = localise(&masks, &maps, size, FALSE_POSITIVE_LIMIT)? else { return Ok(None) };
        let tallies =
            JobTallies::count(&masks, &maps, size, FALSE_POSITIVE_LIMIT, &select(&self.job, images))?;
        let of_jobs = |figure: fn(&Figures) -> f64| {
            let tallies = &tallies;
            move |drawn: &Drawn| {
                let jobs = drawn.jobs.iter().enumerate();
                let jobs: Vec<usize> = jobs.flat_map(|(job, &times)| vec![job; times]).collect();
                Some(figure(&tallies.figures(&jobs)?))
            }
        };
        let estimate = |figure: fn(&Figures) -> f64| Estimate {
            value: figure(&exact),
            interval: bootstrap(Design::jobs(tallies.jobs()), REPLICATES, stream, SHARE, of_jobs(figure))
                .and_then(|interval| interval.ends()),
        };
        Ok(Some(PixelFigures {
            auroc: estimate(|f| f.auroc),
            average_precision: estimate(|f| f.average_precision),
            aupro: estimate(|f| f.aupro),
        }))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Four jobs with a healthy image, one with a spot and one that is changed as a whole; the map finds the spot, but for
    /// one pixel of its two.
    #[test]
    fn footprints_that_are_everything_are_left_out() {
        let mut footprints =
            Footprints { size_px: 4, masks: Vec::new(), job: Vec::new(), defect: Vec::new() };
        let mut maps = Vec::new();
        for job in 0..4 {
            for defect in [None, Some(0), Some(1)] {
                let mask = match defect {
                    None => [false; 16],
                    Some(0) => std::array::from_fn(|i| i == 5 || i == 6),
                    Some(_) => [true; 16],
                };
                footprints.masks.extend(mask);
                footprints.job.push(job);
                footprints.defect.push(defect);
                maps.extend((0..16).map(|i| f32::from(defect == Some(0) && i == 5)));
            }
        }
        let found = footprints.judge(&maps, &["spot", "drift"], &Stream::root(1)).unwrap().unwrap();
        assert_eq!(found.images, 8);
        let [spot, drift] = &found.defects[..] else { panic!("{found:?}") };
        assert_eq!(drift.figures, None);
        assert_eq!(spot.footprint_share, 2.0 / 16.0);
        // Half of the anomalous pixels are above all healthy ones, the others tie with them.
        let figures = spot.figures.unwrap();
        assert_eq!(figures.auroc, Estimate { value: 0.75, interval: None }, "all jobs are alike");
        // Each region is half found from the first, and the tie lasts to the end: the mean of 0.5 and 0.65 up to 0.3.
        assert!((figures.aupro.value - 0.575).abs() < 1e-12, "{figures:?}");
        assert_eq!(found.all, spot.figures);
        assert_eq!(footprints.judge(&[], &["spot", "drift"], &Stream::root(1)), Ok(None));
    }
}
