//! Types of defects without labels: groups from one part of the test jobs, judged on the others.

use std::collections::BTreeSet;

use generators::stream::Stream;
use rayon::prelude::*;

use super::judge::{estimate_over_jobs, select};
use super::learn::Images;
use crate::data::ImageSet;
use crate::metrics::MetricError;
use crate::metrics::clustering::Contingency;
use crate::plan::Named;
use crate::report::record::{self, NaturalTyping, Record, Share, TypingAtContrast};
use crate::thresholds::{Calibration, Threshold};
use crate::typing::residual::SliceModel;
use crate::typing::shape::Shape;
use crate::typing::tracks::tracks;
use crate::typing::{Types, Typing, natural_types};

/// Where ranges of contrast-to-noise begin.
const CONTRASTS: [f64; 5] = [0.0, 3.0, 4.5, 6.5, 10.0];

/// Finds the types that `typing` asks for on test jobs that `record` does not judge on, and judges them on the images that it
/// does (Zeiser et al. 2023, section 5.3). As many healthy images as there are of a defect on average take part. Or says why there
/// are none.
///
/// # Errors
/// Where there is nothing to judge.
pub fn judged(
    typing: &Typing,
    threshold: &Named<dyn Threshold>,
    images: &Images,
    record: &Record,
    stream: &Stream,
) -> Result<Result<record::Typing, String>, MetricError> {
    let Some(model) = SliceModel::fit(&images.training) else {
        return Ok(Err("the training images are all the same".to_owned()));
    };
    let shapes_of = |set: &ImageSet| -> (Vec<Shape>, Vec<Vec<u32>>) {
        let residuals = model.residuals(set);
        let pixels = set.size_px * set.size_px;
        let of = |i: usize| {
            let residual = &residuals[i * pixels..(i + 1) * pixels];
            let shape = Shape::of(residual, set.slice(i), set.size_px);
            (shape, shape.support(residual))
        };
        (0..set.len()).into_par_iter().map(of).unzip()
    };
    let (shapes, mut support) = shapes_of(&images.test);
    let defects = record.defects();
    let class = |image: &usize| {
        let defect = record.test_images[*image].defect.as_deref();
        defect.map_or(0, |name| 1 + defects.iter().position(|d| *d == name).unwrap_or(0))
    };
    // Those of the first separation; no image of a job that judges takes part in the fit.
    let judge = record.judged_images.first().cloned().unwrap_or_default();
    let fit = of_other_jobs(&judge, &images.test.job);
    let part =
        |of: Vec<usize>, name: &str| as_many_healthy(of, &class, defects.len(), &mut stream.child(name));
    let (fit, judge) = (part(fit, "fit"), part(judge, "judge"));
    let peaks = |shapes: &[Shape]| shapes.iter().map(|shape| shape.peak).collect::<Vec<f64>>();
    let (healthy, unlabelled) = (peaks(&shapes_of(&images.validation).0), peaks(&select(&shapes, &fit)));
    let value = match threshold.item.fit(&Calibration { healthy: &healthy, unlabelled: &unlabelled }) {
        Ok(value) => value,
        Err(reason) => return Ok(Err(reason.to_string())),
    };
    let unsuspicious = shapes.iter().zip(&mut support).filter(|(shape, _)| shape.peak <= value);
    unsuspicious.for_each(|(_, support)| support.clear());
    let shapes = Shape::averaged(&shapes, &tracks(&images.test.job, &images.test.layer, &support));
    let (fitted, seen) = (select(&shapes, &fit), select(&shapes, &judge));
    let stream = stream.child("clusters");
    let groups = |types: usize| Types::fit(&fitted, value, types, typing.runs, &stream).groups(&seen);
    let truth: Vec<usize> = judge.iter().map(class).collect();
    let found = groups(typing.types);
    let table = Contingency::count(&truth, &found)?;
    let job = select(&images.test.job, &judge);
    let of = |figure: fn(&Contingency) -> f64| {
        let figure = |drawn: &[usize]| {
            Some(figure(&Contingency::count(&select(&truth, drawn), &select(&found, drawn)).ok()?))
        };
        estimate_over_jobs(&job, &stream, figure).unwrap_or_default()
    };
    let matching = table.matching();
    let cnr = |image: &usize| record.test_images[*image].cnr_image;
    let by_cnr = CONTRASTS.iter().enumerate().map(|(i, &from)| {
        let below = CONTRASTS.get(i + 1).copied();
        let within = |image: &usize| cnr(image).is_some_and(|c| c >= from && below.is_none_or(|b| c < b));
        let of: Vec<bool> = (0..judge.len())
            .filter(|&k| truth[k] > 0 && within(&judge[k]))
            .map(|k| matching[truth[k]] == Some(found[k]))
            .collect();
        TypingAtContrast {
            from,
            below,
            right: Share::new(of.iter().filter(|&&right| right).count(), of.len()),
        }
    });
    let natural = match natural_types(&fitted, value, typing, &stream) {
        Some(types) => {
            let table = Contingency::count(&truth, &groups(types))?;
            let (accuracy, adjusted_rand) = (table.matched_accuracy(), table.adjusted_rand());
            Some(NaturalTyping { types, accuracy, adjusted_rand })
        }
        None => None,
    };
    Ok(Ok(record::Typing {
        types: typing.types,
        threshold: threshold.name.clone(),
        fitted: fit.len(),
        classes: std::iter::once("healthy").chain(defects.iter().copied()).map(str::to_owned).collect(),
        confusion: confusion(&table, 1 + defects.len()),
        accuracy: of(Contingency::matched_accuracy),
        adjusted_rand: of(Contingency::adjusted_rand),
        mutual_information: table.normalised_mutual_information(),
        by_cnr: by_cnr.collect(),
        natural,
    }))
}

/// The images of all jobs of which none is in `of`; `job` is that of every image.
fn of_other_jobs(of: &[usize], job: &[u32]) -> Vec<usize> {
    let jobs: BTreeSet<u32> = of.iter().map(|&image| job[image]).collect();
    (0..job.len()).filter(|&image| !jobs.contains(&job[image])).collect()
}

/// `images` with as many healthy ones, class 0, as there are of each of the `defects` on average.
fn as_many_healthy(
    images: Vec<usize>,
    class: &dyn Fn(&usize) -> usize,
    defects: usize,
    stream: &mut Stream,
) -> Vec<usize> {
    let (mut healthy, mut kept): (Vec<usize>, Vec<usize>) =
        images.iter().partition(|image| class(image) == 0);
    stream.shuffle(&mut healthy);
    healthy.truncate(kept.len().div_ceil(defects.max(1)));
    kept.extend(healthy);
    kept.sort_unstable();
    kept
}

/// The images of each of `classes` by group, in the order of [`record::Typing::confusion`].
fn confusion(table: &Contingency, classes: usize) -> Vec<Vec<usize>> {
    let mut matching = table.matching();
    matching.resize(classes, None);
    let groups = table.rows().next().map_or(0, <[usize]>::len);
    let further = (0..groups).filter(|group| !matching.contains(&Some(*group)));
    let columns: Vec<Option<usize>> = matching.iter().copied().chain(further.map(Some)).collect();
    let mut rows: Vec<Vec<usize>> = table
        .rows()
        .map(|row| columns.iter().map(|group| group.map_or(0, |group| row[group])).collect())
        .collect();
    rows.resize(classes, vec![0; columns.len()]);
    rows
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn groups_stand_below_the_class_that_they_were_given_to() {
        // Class 0 is group 1, class 1 group 2; group 0 is nobody's, and class 2 has no image.
        let table = Contingency::count(&[0, 0, 0, 1, 1, 1], &[1, 1, 0, 2, 2, 0]).unwrap();
        assert_eq!(confusion(&table, 3), [[2, 0, 0, 1], [0, 2, 0, 1], [0, 0, 0, 0]]);
    }

    #[test]
    fn no_job_is_on_both_sides() {
        // Of job 7 one image of three judges.
        assert_eq!(of_other_jobs(&[1, 5], &[7, 7, 7, 9, 9, 4]), [3, 4]);
    }

    #[test]
    fn classes_are_of_one_size() {
        let class = |image: &usize| if *image < 30 { 0 } else { 1 + image % 2 };
        let kept = as_many_healthy((0..50).collect(), &class, 2, &mut Stream::root(1));
        assert_eq!(kept.iter().filter(|image| **image < 30).count(), 10);
        assert!(kept.len() == 30 && kept.is_sorted());
    }
}
