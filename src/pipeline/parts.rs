//! How well scores rank on each part, and on parts that no detector has seen.

use generators::stream::Stream;

use super::judge::{Truth, auroc_over_trainings};
use crate::metrics::MetricError;
use crate::report::record::{CLEAR_CNR, Component, OnParts, Part, TestImage};

/// The parts that are judged together: each one that test images show, then those that were seen in training and those that were not,
/// where there are both and more than one. None where all parts lie on every bed.
pub fn groups(parts: &[Part], images: &[TestImage]) -> Vec<Vec<usize>> {
    let shown = |part: &usize| images.iter().any(|image| image.part == Some(*part));
    let shown: Vec<usize> = (0..parts.len()).filter(shown).collect();
    let mut groups: Vec<Vec<usize>> = shown.iter().map(|&part| vec![part]).collect();
    let (unseen, seen): (Vec<usize>, Vec<usize>) = shown.iter().partition(|&&part| parts[part].unseen);
    if !seen.is_empty() && !unseen.is_empty() {
        groups.extend([seen, unseen].into_iter().filter(|group| group.len() > 1));
    }
    groups
}

/// How well `component` ranks among the test images of each of `groups`.
///
/// # Errors
/// Where a score is not a number.
pub fn of(
    component: &Component,
    groups: &[Vec<usize>],
    truth: &Truth<'_>,
    stream: &Stream,
) -> Result<Vec<OnParts>, MetricError> {
    let trainings = std::iter::once(&component.values).chain(&component.retrained);
    let trainings: Vec<&[f64]> = trainings.map(Vec::as_slice).collect();
    let on = |(group, parts): (usize, &Vec<usize>)| {
        let clear =
            |image: &TestImage| image.defect.is_none() || image.cnr_image.is_some_and(|cnr| cnr >= CLEAR_CNR);
        let all: Vec<usize> = (0..truth.images.len())
            .filter(|&i| truth.images[i].part.is_some_and(|part| parts.contains(&part)))
            .collect();
        let stream = stream.child("parts").item("group", group);
        Ok(OnParts {
            parts: parts.clone(),
            all: auroc_over_trainings(&trainings, truth, &all, &stream)?,
            clear: {
                let clear: Vec<usize> = all.into_iter().filter(|&i| clear(&truth.images[i])).collect();
                auroc_over_trainings(&trainings, truth, &clear, &stream)?
            },
        })
    };
    groups.iter().enumerate().map(on).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Two jobs of each of three parts, with a healthy image, a clear defect and a faint one each; only the clear one stands out, and
    /// on the last part nothing does.
    #[test]
    fn parts_are_judged_alone_and_those_of_training_apart_from_the_others() {
        let parts: Vec<Part> = (0..4).map(|i| Part { unseen: i == 2, ..Part::default() }).collect();
        let (mut images, mut values) = (Vec::new(), Vec::new());
        for job in 0..6 {
            let part = job as usize / 2;
            for cnr in [None, Some(CLEAR_CNR), Some(CLEAR_CNR - 0.1)] {
                let defect = cnr.map(|_| "spot".to_owned());
                images.push(TestImage {
                    job,
                    part: Some(part),
                    defect,
                    cnr_image: cnr,
                    ..TestImage::default()
                });
                values.push(f64::from(u8::from(part < 2 && cnr == Some(CLEAR_CNR))));
            }
        }
        let groups = groups(&parts, &images);
        assert_eq!(groups, [vec![0], vec![1], vec![2], vec![0, 1]]);
        let component = Component { values, ..Component::default() };
        let truth = Truth::new(&images, &["spot"]);
        let found = of(&component, &groups, &truth, &Stream::root(1)).unwrap();
        let value = |of: Option<crate::report::record::Estimate>| of.unwrap().value;
        // A faint defect ties with the healthy images.
        assert_eq!(found.iter().map(|f| value(f.all)).collect::<Vec<_>>(), [0.75, 0.75, 0.5, 0.75]);
        assert_eq!(found.iter().map(|f| value(f.clear)).collect::<Vec<_>>(), [1.0, 1.0, 0.5, 1.0]);
    }

    #[test]
    fn parts_that_all_lie_on_one_bed_are_not_told_apart() {
        assert!(groups(&[Part::default()], &[TestImage::default()]).is_empty());
    }
}
