//! Probability of detection against size, contrast and duration, at a threshold that no label had a part in.

use crate::metrics::detectability::{CurveError, DetectionCurve as Curve, Scale};
use crate::report::record::{
    Cases, Component, Detectability, DetectabilityOfDefect, DetectionCurve, DetectionFit, Extent, Share,
    TestImage,
};

/// The size that is found with this probability, with this confidence: a90/95 of MIL-HDBK-1823A (2009).
const PROBABILITY: f64 = 0.9;
const CONFIDENCE: f64 = 0.95;

/// How surely `component` finds each of `defects` at the first threshold that was found for it; `None` where none was.
///
/// All test images count: their labels had no part in the threshold. Bounds are over print jobs, of which several images
/// come.
pub fn of(
    component: &Component,
    images: &[TestImage],
    defects: &[&str],
    px_per_mm: f64,
) -> Option<Detectability> {
    let (threshold, value) = component.first_found().map(|(name, point)| (name.to_owned(), point.value))?;
    let above = |class: Option<&str>| {
        let of = images.iter().zip(&component.values).filter(|(image, _)| image.defect.as_deref() == class);
        let called: Vec<bool> = of.map(|(_, &score)| score > value).collect();
        Share::new(called.iter().filter(|&&called| called).count(), called.len())
    };
    let of_defect = |defect: &&str| DetectabilityOfDefect {
        defect: (*defect).to_owned(),
        found: above(Some(defect)),
        curves: Extent::ALL
            .into_iter()
            .filter_map(|extent| {
                let cases = extent.cases(images, px_per_mm, defect, (&component.values, value));
                let range = cases.range()?;
                Some(DetectionCurve { extent, cases: cases.found.len(), range, fit: fit(&cases) })
            })
            .collect(),
    };
    Some(Detectability {
        threshold,
        value,
        false_alarms: above(None),
        defects: defects.iter().map(of_defect).collect(),
    })
}

fn fit(cases: &Cases) -> DetectionFit {
    match Curve::fit_over_jobs(&cases.extents, &cases.found, &cases.job, Scale::Log) {
        Ok(curve) => DetectionFit::Found {
            intercept: curve.intercept(),
            slope: curve.slope(),
            a90: curve.size_at(PROBABILITY).filter(|a| a.is_finite()),
            a90_95: curve.size_bound(PROBABILITY, CONFIDENCE).filter(|a| a.is_finite()),
        },
        Err(CurveError::AllFound { .. }) => DetectionFit::All,
        Err(CurveError::NoneFound { .. }) => DetectionFit::None,
        Err(CurveError::Separated { between, and }) => DetectionFit::Gap([between, and]),
        Err(reason) => DetectionFit::Failed(reason.to_string()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::report::record::Operation;
    use crate::report::record::{Operating, OperatingPoint};

    /// Twenty jobs with an episode of two images each: one is found where the size is above 5, the other never.
    #[test]
    fn images_and_episodes_by_hand() {
        let (mut images, mut values) = (Vec::new(), Vec::new());
        for job in 0..20u32 {
            let size = f64::from(job) + 1.0;
            for layer in 0..2 {
                images.push(TestImage {
                    job,
                    layer,
                    defect: Some("porous".to_owned()),
                    diameter_px: Some(2.0 * size),
                    duration_layers: Some(2.0),
                    ..Default::default()
                });
                values.push(if layer == 0 && size > 5.0 { 3.0 } else { 1.0 });
            }
            images.push(TestImage { job, ..Default::default() });
            values.push(if job == 0 { 3.0 } else { 1.0 });
        }
        let found = |value| Operation::Found(OperatingPoint { value, ..Default::default() });
        let operating = vec![
            Operating { threshold: "none".to_owned(), outcome: Operation::None("too few".to_owned()) },
            Operating { threshold: "conformal".to_owned(), outcome: found(2.0) },
            Operating { threshold: "quantile".to_owned(), outcome: found(0.0) },
        ];
        let component = Component { values, operating, ..Default::default() };
        let known = of(&component, &images, &["porous", "shift"], 2.0).unwrap();
        assert_eq!((known.threshold.as_str(), known.value), ("conformal", 2.0));
        assert_eq!(known.false_alarms, Share::new(1, 20));
        let [porous, shift] = &known.defects[..] else { panic!("{known:?}") };
        assert_eq!((porous.found, shift.found), (Share::new(15, 40), Share::new(0, 0)));
        assert!(shift.curves.is_empty());
        // Contrast is not known. Half of the large ones are found, so that 0.9 lies beyond them; all episodes last 2 layers.
        let [size, duration] = &porous.curves[..] else { panic!("{porous:?}") };
        assert_eq!((size.extent, size.cases, size.range), (Extent::DiameterMm, 40, [1.0, 20.0]));
        let DetectionFit::Found { a90: Some(a90), a90_95, .. } = size.fit else { panic!("{size:?}") };
        assert!(a90 > 20.0 && a90_95.is_none_or(|bound| bound > a90));
        assert_eq!(
            (duration.extent, duration.cases, duration.range),
            (Extent::DurationLayers, 20, [2.0, 2.0])
        );
        assert!(matches!(duration.fit, DetectionFit::Gap([2.0, 2.0])));
        let none = Component { operating: component.operating[..1].to_vec(), ..component };
        assert_eq!(of(&none, &images, &["porous"], 2.0), None);
    }
}
