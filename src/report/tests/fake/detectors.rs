//! Detectors that were never trained, and what they find.

use super::*;

/// A score whose defects stand out by `shift` deviations per unit of contrast.
pub(super) fn component(
    name: &str,
    headline: bool,
    images: &[TestImage],
    noise: &mut Noise,
    shift: [f64; 5],
) -> Component {
    let defect = |image: &TestImage| DEFECTS.iter().position(|d| Some(*d) == image.defect.as_deref());
    let values: Vec<f64> = images
        .iter()
        .map(|image| {
            let strength = defect(image).map_or(0.0, |d| shift[d] * image.cnr_image.unwrap_or(0.0));
            0.01 * (0.35 * (noise.normal() + strength)).exp()
        })
        .collect();
    let of = |class: Option<&str>| -> Vec<f64> {
        let scored = images.iter().zip(&values);
        scored
            .filter(|(i, _)| class == Some("any") && i.defect.is_some() || i.defect.as_deref() == class)
            .map(|(_, &v)| v)
            .collect()
    };
    let healthy = of(None);
    let auroc = |positive: &[f64]| {
        let above: usize = positive.iter().map(|p| healthy.iter().filter(|h| *h < p).count()).sum();
        above as f64 / (positive.len() * healthy.len()) as f64
    };
    let all = auroc(&of(Some("any")));
    let by_defect = |d: &str| {
        let Estimate { value, interval } = estimate(auroc(&of(Some(d))), 0.024);
        AgainstDefect { defect: d.into(), value, interval }
    };
    let again: Vec<f64> = values.iter().map(|value| value * (1.0 + 0.05 * noise.uniform())).collect();
    Component {
        on_parts: Vec::new(),
        name: name.into(),
        headline,
        auroc: Some(estimate(all, 0.018)),
        average_precision: Some(all - 0.008),
        auroc_by_defect: DEFECTS.map(by_defect).to_vec(),
        threshold: Threshold::of_healthy(images, &values, &DEFECTS),
        operating: vec![
            Operating {
                threshold: "conformal".into(),
                outcome: Operation::Found(OperatingPoint {
                    cost_per_layer: Some(0.061),
                    least_cost_per_layer: Some(0.048),
                    ..operating_point(0.018, all)
                }),
            },
            Operating {
                threshold: "tail".into(),
                outcome: Operation::None(
                    "needs at least 100 scores of healthy images, and there are 40".into(),
                ),
            },
        ],
        oracle: Some(operating_point(0.014, all + 0.01)),
        detectability: Some(detectability(images, &values)),
        retrained: vec![again],
        values,
    }
}

/// A map that sees all but the last defect, whose footprint is the whole image.
pub(super) fn localisation(level: f64) -> Localisation {
    let figures = |level: f64| PixelFigures {
        auroc: estimate(level, 0.012),
        average_precision: estimate(level - 0.4, 0.04),
        aupro: estimate(level - 0.1, 0.03),
    };
    let of = |(i, defect): (usize, &str)| LocalisationOfDefect {
        defect: defect.into(),
        footprint_share: 0.01 * (i + 1) as f64,
        figures: (i < 4).then(|| figures(level - 0.03 * i as f64)),
    };
    Localisation {
        images: 360,
        false_positive_limit: 0.3,
        all: Some(figures(level - 0.05)),
        defects: DEFECTS.into_iter().enumerate().map(of).collect(),
    }
}

/// One kind of outcome after the other.
pub(super) fn detectability(images: &[TestImage], values: &[f64]) -> Detectability {
    let above = |class: Option<&str>| {
        let of = images.iter().zip(values).filter(|(image, _)| image.defect.as_deref() == class);
        let called: Vec<bool> = of.map(|(_, &score)| score > 0.018).collect();
        Share::new(called.iter().filter(|&&called| called).count(), called.len())
    };
    let fit = |kind: usize| match kind {
        0..4 => DetectionFit::Found {
            intercept: -4.0 + kind as f64,
            slope: 2.5,
            a90: Some(11.9 - 2.0 * kind as f64),
            a90_95: (kind < 3).then_some(14.5 - 2.0 * kind as f64),
        },
        4 => DetectionFit::All,
        5 => DetectionFit::None,
        6 => DetectionFit::Gap([2.0, 3.0]),
        _ => DetectionFit::Failed("the curve cannot be fitted to these sizes".into()),
    };
    let curve = |defect: usize, extent: Extent| {
        let cases = extent.cases(images, scenario().px_per_mm, DEFECTS[defect], (values, 0.018));
        let range = cases.range().unwrap();
        DetectionCurve {
            extent,
            cases: cases.found.len(),
            range,
            fit: fit((2 * defect + extent as usize) % 8),
        }
    };
    let of = |(i, defect): (usize, &str)| DetectabilityOfDefect {
        defect: defect.into(),
        found: above(Some(defect)),
        curves: Extent::ALL.map(|extent| curve(i, extent)).to_vec(),
    };
    Detectability {
        threshold: "conformal".into(),
        value: 0.018,
        false_alarms: above(None),
        defects: DEFECTS.into_iter().enumerate().map(of).collect(),
    }
}

pub(super) fn operating_point(value: f64, found: f64) -> OperatingPoint {
    let delay = |(d, defect): (usize, &str)| Delay {
        defect: defect.into(),
        images: Share::new(32 - d, 32),
        episodes: Share::new(8 - d / 2, 8),
        median_layers: (d < 4).then_some(1.0 + d as f64 / 2.0),
    };
    OperatingPoint {
        value,
        false_alarm_rate: estimate(0.0125, 0.009),
        detection_rate: estimate(found.min(1.0), 0.03),
        delays: DEFECTS.into_iter().enumerate().map(delay).collect(),
        ..Default::default()
    }
}

pub(super) fn curve(
    stage: &str,
    name: &str,
    steps: usize,
    noise: &mut Noise,
    value: fn(f64) -> f64,
) -> Curve {
    let point = |i| (10 * i, value(i as f64 / steps as f64) * (1.0 + 0.06 * noise.normal()));
    Curve { stage: stage.into(), name: name.into(), points: (0..steps).map(point).collect() }
}

pub(super) fn vae(images: &[TestImage], noise: &mut Noise) -> Detector {
    let setting = |name: &str, value: &str| Setting { name: name.into(), value: value.into() };
    Detector {
        name: "vae".into(),
        kind: "vae".into(),
        settings: vec![setting("epochs", "60"), setting("latent dimension", "16")],
        parameters: vec![
            NetworkSize { network: "encoder".into(), parameters: 612_000 },
            NetworkSize { network: "decoder".into(), parameters: 818_209 },
        ],
        training_secs: 21.7,
        scoring_ms_per_image: 0.84,
        localisation: Some(localisation(0.93)),
        speed: Some(Speed {
            device: "CPU".into(),
            alone_ms: 1.31,
            alone_q95_ms: 1.52,
            batch: 64,
            images_per_sec: 1290.0,
        }),
        retrainings: vec![Retraining { training_secs: 22.4, collapses: Vec::new() }],
        collapses: Vec::new(),
        choices: vec![Choice { stage: "vae".into(), step: 2400, best_step: 2100, loss: 0.0123 }],
        curves: vec![
            curve("vae", "training reconstruction", 300, noise, |t| 0.4 * (-6.0 * t).exp() + 0.01),
            curve("vae", "validation reconstruction", 30, noise, |t| 0.4 * (-5.5 * t).exp() + 0.012),
            curve("vae", "KL divergence", 300, noise, |t| 0.02 + 0.03 * t.sqrt()),
        ],
        snapshots: Vec::new(),
        components: vec![component("MSE", true, images, noise, [1.1, 1.0, 0.7, 0.45, 0.9])],
        ..Default::default()
    }
}

pub(super) fn f_anogan(images: &[TestImage], noise: &mut Noise) -> Detector {
    let size = |network: &str, parameters| NetworkSize { network: network.into(), parameters };
    Detector {
        name: "f-anogan".into(),
        kind: "f-anogan".into(),
        parameters: vec![size("generator", 2_931_777), size("critic", 2_765_568), size("encoder", 1_010_240)],
        training_secs: 135.2,
        scoring_ms_per_image: 2.3,
        localisation: Some(localisation(0.93)),
        speed: Some(Speed {
            device: "CPU".into(),
            alone_ms: 3.42,
            alone_q95_ms: 3.97,
            batch: 64,
            images_per_sec: 512.0,
        }),
        retrainings: vec![Retraining { training_secs: 133.9, collapses: Vec::new() }],
        collapses: vec![
            Collapse {
                stage: "wgan-gp".into(),
                sign: "sample diversity".into(),
                step: 4200,
                value: 0.031,
                bound: Bound::AtLeast(0.1),
                until: Some(5400),
            },
            Collapse {
                stage: "encoder".into(),
                sign: "reconstruction diversity".into(),
                step: 1400,
                value: 0.0004,
                bound: Bound::AtLeast(0.1),
                until: None,
            },
        ],
        curves: vec![
            curve("wgan-gp", "critic loss", 1200, noise, |t| -8.0 * (-4.0 * t).exp() - 0.9),
            curve("wgan-gp", "generator loss", 240, noise, |t| 3.0 * (6.0 * t).sin()),
            curve("wgan-gp", "gradient penalty", 1200, noise, |t| 2.0 * (-9.0 * t).exp() + 0.02),
            curve("encoder", "loss", 200, noise, |t| 0.3 * (-3.0 * t).exp() + 0.05),
        ],
        snapshots: (0..7)
            .map(|s| Snapshot {
                step: 250 * s,
                files: (0..4).map(|z| format!("figures/latents/step{s}_z{z}.png")).collect(),
            })
            .collect(),
        components: vec![
            component("A", true, images, noise, [0.55, 0.6, 0.35, 0.2, 0.5]),
            component("A_R", false, images, noise, [0.4, 0.35, 0.12, 0.1, 0.3]),
            component("A_D", false, images, noise, [0.62, 0.7, 0.42, -0.05, 0.55]),
        ],
        ..Detector::default()
    }
}
