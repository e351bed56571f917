//! A run that never happened: plausible numbers and pictures from simple formulas.

use std::f64::consts::TAU;
use std::fs;
use std::path::Path;

use crate::report::picture::{Picture, false_colour_png};
use crate::report::record::*;

pub const SIZE_PX: usize = 64;
const DEFECTS: [&str; 5] = ["agglomerate", "foreign object", "porous", "shift", "striation"];
const SEPARATORS: [&str; 4] = ["isolation forest", "k-means", "Otsu", "Gaussian mixture"];

/// Numbers that look random; the test has no other use for them.
pub struct Noise(u64);

impl Noise {
    pub fn new(seed: u64) -> Self {
        Self(seed.wrapping_mul(0x9e37_79b9_7f4a_7c15) | 1)
    }

    fn uniform(&mut self) -> f64 {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        (self.0 >> 11) as f64 / (1u64 << 53) as f64
    }

    fn normal(&mut self) -> f64 {
        (-2.0 * self.uniform().max(1e-12).ln()).sqrt() * (TAU * self.uniform()).cos()
    }
}

/// A record with 40 test images of each of five defects and as many healthy ones.
pub fn record() -> Record {
    let mut noise = Noise::new(7);
    let mut images: Vec<TestImage> = Vec::new();
    for (d, name) in DEFECTS.iter().enumerate() {
        for i in 0..40 {
            let job = 30 + i / 4;
            let layer = (3 + (7 * i as usize + d) % 40) as u32;
            let id = format!("test/{name}/job{job:04}_layer{layer:04}.png");
            let cnr = 3.0 * (0.9 * noise.uniform()).exp();
            let diameter = 3.0 + 9.0 * noise.uniform();
            images.push(TestImage {
                id,
                job,
                layer,
                defect: Some((*name).into()),
                cnr_image: Some(cnr),
                diameter_px: Some(diameter),
                duration_layers: Some(f64::from(1 + (job + d as u32) % 6)),
                part: None,
            });
        }
    }
    for i in 0..200 {
        let job = 30 + i % 10;
        let layer = 3 + i % 40;
        let id = format!("test/good/job{job:04}_layer{layer:04}.png");
        images.push(TestImage { id, job, layer, ..TestImage::default() });
    }
    let detectors = vec![vae(&images, &mut noise), f_anogan(&images, &mut noise)];
    let (representations, separations) = separations(&mut noise);
    Record {
        version: VERSION,
        scenario: scenario(),
        provenance: provenance(),
        dataset: dataset(&images),
        detectors,
        floors: vec![
            Floor {
                name: "mean grey value".into(),
                auroc: estimate(0.561, 0.03),
                auroc_by_defect: Vec::new(),
            },
            Floor { name: "file size".into(), auroc: estimate(0.642, 0.03), auroc_by_defect: Vec::new() },
        ],
        audit: Some(audit()),
        representations,
        separators: SEPARATORS.map(str::to_owned).to_vec(),
        separations,
        named: Some(Named {
            representation: "f-anogan A".into(),
            separator: "Gaussian mixture".into(),
            least_balanced_accuracy: Some(0.85),
        }),
        typing: Some(typing()),
        gates: Vec::new(),
        photographs: Some(photographs(&mut noise)),
        shifts: shifts(),
        claims: vec![
            Claim {
                better: "f-anogan A with Gaussian mixture".into(),
                than: "f-anogan A_R with Gaussian mixture".into(),
                measure: "balanced_accuracy".into(),
                source: "a paper, section 5".into(),
                test: Some(ClaimTest {
                    better: 0.93,
                    than: 0.71,
                    difference: Estimate { value: 0.22, interval: Some([0.152, 0.288]) },
                    p_value: 0.0004,
                    finding: Finding::Holds,
                }),
            },
            Claim {
                better: "f-anogan A".into(),
                than: "vae MSE".into(),
                measure: "auroc".into(),
                source: String::new(),
                test: None,
            },
        ],
        trainings: TRAININGS,
        judged_images: judged_images(),
        references: References {
            cells: vec![CellReference {
                representation: "vae MSE".into(),
                separator: "k-means".into(),
                accuracy: Some(0.688),
                missing: None,
                source: "A paper, Table 2".into(),
            }],
            sizes: vec![SizeReference {
                detector: "vae".into(),
                networks: Vec::new(),
                parameters: 1_430_209,
                source: "A paper, Table 1".into(),
            }],
        },
        interval_method: "a bootstrap over print jobs, 1000 draws".into(),
        gallery: gallery(),
        warnings: vec!["Two of five draws of striation were repeated since they changed no pixel.".into()],
        test_images: images,
    }
}

/// Two classes that look alike, one group too many.
fn typing() -> Typing {
    let right = |count| Share::new(count, 40);
    Typing {
        types: 6,
        threshold: "conformal".into(),
        fitted: 360,
        classes: std::iter::once("healthy").chain(DEFECTS).map(str::to_owned).collect(),
        confusion: vec![
            vec![38, 1, 0, 0, 0, 0, 1],
            vec![0, 31, 9, 0, 0, 0, 0],
            vec![1, 6, 32, 0, 0, 0, 1],
            vec![0, 0, 0, 40, 0, 0, 0],
            vec![0, 0, 0, 0, 33, 0, 7],
            vec![2, 0, 0, 0, 0, 38, 0],
        ],
        accuracy: estimate(0.883, 0.021),
        adjusted_rand: estimate(0.772, 0.034),
        mutual_information: 0.842,
        by_cnr: vec![
            TypingAtContrast { from: 0.0, below: Some(3.0), right: Share::new(0, 0) },
            TypingAtContrast { from: 3.0, below: Some(4.5), right: right(29) },
            TypingAtContrast { from: 10.0, below: None, right: right(37) },
        ],
        natural: Some(NaturalTyping { types: 4, accuracy: 0.71, adjusted_rand: 0.66 }),
    }
}

const TRAININGS: usize = 2;
const SEPARATIONS: usize = 3;

/// Four of five images, others in every separation.
fn judged_images() -> Vec<Vec<usize>> {
    (0..SEPARATIONS).map(|s| (0..400).filter(|i| i % 5 != s).collect()).collect()
}

/// An audit that found nothing.
fn audit() -> Audit {
    let contract = |name: &str, largest_levels| Contract {
        name: name.into(),
        broken: Share::new(0, 200),
        largest_levels,
    };
    let comparison = |auroc, value, least_found: Option<f64>| Comparison {
        auroc,
        auroc_by_defect: DEFECTS.map(|d| AgainstDefect { defect: d.into(), value, interval: None }).to_vec(),
        p_value: 1.0,
        constant: least_found.is_none(),
        least_found,
    };
    let probe = |name: &str, numbers, unpaired: Option<f64>| Probe {
        name: name.into(),
        numbers,
        unequal: Some(Share::new(0, 200)),
        twins: Some(comparison(Some(0.5), 0.5, None)),
        unpaired: unpaired.map(|value| comparison(None, value, Some(0.284))),
    };
    Audit {
        pairs: 200,
        jobs: 10,
        episodes: 50,
        alpha: 0.01,
        replicates: 9999,
        contract: vec![
            contract("every parameter of the ledger", None),
            contract("the change map", Some(0.0)),
        ],
        probes: vec![
            probe("layer", 1, Some(0.531)),
            probe("mean outside the mask", 1, None),
            Probe { unequal: None, ..probe("all together", 98, Some(0.447)) },
        ],
    }
}

fn estimate(value: f64, half: f64) -> Estimate {
    Estimate { value, interval: Some([(value - half).max(0.0), (value + half).min(1.0)]) }
}

fn scenario() -> Scenario {
    Scenario {
        name: "quickstart".into(),
        seed: 7,
        parts: vec![Part {
            file: "parts/core.stl".into(),
            size_mm: [62.0, 48.5, 24.0],
            triangles: 13_824,
            copies: 1,
            hash: "3f6c0a9be1d24f9c8f1baf6a0c5d7b21".into(), unseen: false }],
        layers: 60,
        image_px: SIZE_PX,
        px_per_mm: 0.64,
        bed_mm: 100.0,
        settings: vec![Setting { name: "thermal.retain".into(), value: "uniform 0.2 to 0.3 per job".into() }],
        text: "name = \"quickstart\"\nseed = 7\n\n[camera]\nimage_px = 64\n# <inverted> & \"scaled\"\ninvert = true\n".into(),
    }
}

fn provenance() -> Provenance {
    let stage = |stage: &str, wall_secs| StageTime { stage: stage.into(), wall_secs };
    Provenance {
        program_version: "0.1.0".into(),
        git_commit: Some("5e5efad".into()),
        date: "2026-11-22T01:02:03Z".into(),
        machine: Machine {
            cpu: "Intel(R) Xeon(R) Processor @ 2.10GHz".into(),
            cores: 2,
            threads: 2,
            os: "Linux 6.1".into(),
            device: "CPU".into(),
        },
        dataset_fingerprint: "b3b9f0c44f0d2d70f6e6f1e2a1b1c0de55aa".into(),
        stages: vec![
            stage("dataset", 3.4),
            stage("vae", 21.7),
            stage("f-anogan", 135.2),
            stage("separation", 4.1),
            stage("report", 0.6),
        ],
        peak_memory_mib: Some(812.4),
    }
}

fn dataset(images: &[TestImage]) -> Dataset {
    let split = |split: &str, images, jobs| SplitCount { split: split.into(), images, jobs };
    let facts = |name: &str| {
        let of = |value: fn(&TestImage) -> Option<f64>| {
            let shown = images.iter().filter(|i| i.defect.as_deref() == Some(name));
            shown.filter_map(value).collect::<Vec<f64>>()
        };
        let cnr = of(|i| i.cnr_image);
        DefectFacts {
            name: name.into(),
            kind: name.replace(' ', "-"),
            images: cnr.len(),
            cnr_layer: Quantiles::of(&cnr.iter().map(|c| 1.2 * c).collect::<Vec<_>>()),
            cnr_image: Quantiles::of(&cnr),
            diameter_px: Quantiles::of(&of(|i| i.diameter_px)),
            duration_layers: Quantiles::of(&[3.0, 4.0, 6.0]),
        }
    };
    Dataset {
        splits: vec![
            split("training", 1200, 20),
            split("validation", 300, 5),
            split("test, healthy", 200, 10),
            split("test, anomalous", 200, 10),
        ],
        defects: DEFECTS.map(facts).to_vec(),
        grey_scale: Some(GreyScale { black_c: 80.0, white_c: 20.0 }),
    }
}

/// A score whose defects stand out by `shift` deviations per unit of contrast.
fn component(
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

/// Both detectors get worse the wider the ranges are, and on another part.
fn shifts() -> Vec<Shift> {
    let point = |width: f64, lost: f64| ShiftPoint {
        width,
        jobs: 10,
        healthy: 200,
        anomalous: 198,
        clamped: (width > 2.0)
            .then(|| ClampedRange {
                parameter: "thermal.retain".into(),
                wanted: [-0.1, 0.8],
                kept: [0.0, 0.8],
            })
            .into_iter()
            .collect(),
        scores: [("vae", "MSE", 0.93), ("f-anogan", "A", 0.88)]
            .map(|(detector, score, level)| ShiftedScore {
                detector: detector.into(),
                score: score.into(),
                headline: true,
                auroc: Some(estimate(level - lost, 0.03)),
                thresholds: vec![ShiftedThreshold {
                    threshold: "conformal".into(),
                    false_alarm_rate: estimate(0.01 + 2.0 * lost, 0.005),
                    detection_rate: estimate(0.71 - lost, 0.06),
                }],
            })
            .to_vec(),
        named: Some(estimate(0.91 - lost, 0.04)),
    };
    let wider = [(0.5, -0.01), (1.0, 0.0), (1.5, 0.04), (2.0, 0.11), (3.0, 0.24)];
    vec![
        Shift {
            name: "wider".into(),
            parts: Vec::new(),
            points: wider.map(|(width, lost)| point(width, lost)).to_vec(),
        },
        Shift {
            name: "another part".into(),
            parts: vec!["parts/lattice.stl".into()],
            points: vec![point(1.0, 0.17)],
        },
    ]
}

/// 24 healthy and 48 anomalous photographs of 18 parts; both trainings together are best.
fn photographs(noise: &mut Noise) -> Photographs {
    let mut result = |detector: &str, trained_on: TrainedOn, level: f64| OnPhotographs {
        detector: detector.into(),
        trained_on,
        images: if trained_on == TrainedOn::Photographs { 19 } else { 720 },
        scores: vec![PhotographScore {
            name: if detector == "vae" { "MSE" } else { "A" }.into(),
            auroc: estimate(level, 0.05),
            average_precision: level - 0.02,
            gain: (trained_on != TrainedOn::Photographs)
                .then_some(Gain { auroc: level - 0.81, p_value: (0.9 - level).abs() }),
            values: (0..72).map(|i| if i < 24 { noise.normal() } else { 1.5 + noise.normal() }).collect(),
        }],
        pixels: (detector == "vae").then(|| PixelFigures {
            auroc: estimate(level, 0.02),
            average_precision: estimate(level - 0.5, 0.05),
            aupro: estimate(level - 0.2, 0.04),
        }),
    };
    let levels = [(TrainedOn::Synthetic, 0.74), (TrainedOn::Photographs, 0.81), (TrainedOn::Both, 0.89)];
    let results = ["vae", "f-anogan"]
        .into_iter()
        .flat_map(|detector| levels.map(|(trained_on, level)| (detector, trained_on, level)))
        .map(|(detector, trained_on, level)| result(detector, trained_on, level));
    Photographs {
        training: 19,
        validation: 5,
        healthy: 24,
        anomalous: 48,
        parts: 18,
        results: results.collect(),
        examples: Vec::new(),
    }
}

/// A map that sees all but the last defect, whose footprint is the whole image.
fn localisation(level: f64) -> Localisation {
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
fn detectability(images: &[TestImage], values: &[f64]) -> Detectability {
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

fn operating_point(value: f64, found: f64) -> OperatingPoint {
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

fn curve(stage: &str, name: &str, steps: usize, noise: &mut Noise, value: fn(f64) -> f64) -> Curve {
    let point = |i| (10 * i, value(i as f64 / steps as f64) * (1.0 + 0.06 * noise.normal()));
    Curve { stage: stage.into(), name: name.into(), points: (0..steps).map(point).collect() }
}

fn vae(images: &[TestImage], noise: &mut Noise) -> Detector {
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

fn f_anogan(images: &[TestImage], noise: &mut Noise) -> Detector {
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

fn separations(noise: &mut Noise) -> (Vec<Representation>, Vec<Separation>) {
    let rows: [(&str, &str, usize, Option<f64>, f64); 7] = [
        ("vae MSE", "vae", 1, None, 0.86),
        ("f-anogan A_R", "f-anogan", 1, None, 0.71),
        ("f-anogan A", "f-anogan", 1, None, 0.93),
        ("f-anogan D_f(x)", "f-anogan", 4096, None, 0.54),
        ("f-anogan D_f(x), PCA", "f-anogan", 24, Some(0.951), 0.78),
        ("f-anogan D_f(x) - D_f(G(E(x)))", "f-anogan", 4096, None, 0.88),
        ("f-anogan D_f(x) - D_f(G(E(x))), PCA", "f-anogan", 8, Some(0.962), 0.97),
    ];
    let representation =
        |&(name, detector, dimension, explained_share, _): &(&str, &str, usize, Option<f64>, f64)| {
            let reduction = explained_share.map(|s| Reduction {
                method: "PCA".into(),
                from_dimension: 4096,
                explained_share: Some(s),
                choice: None,
            });
            Representation {
                name: name.into(),
                detector: detector.into(),
                dimension,
                dimensions: explained_share.map(|_| [dimension - 2, dimension + 3]),
                reduction,
            }
        };
    let mut cells = Vec::new();
    for (name, _, dimension, _, base) in &rows {
        for (s, separator) in SEPARATORS.iter().enumerate() {
            let outcome = if s == 2 && *dimension > 1 {
                Outcome::Empty("only for one number per image".to_owned())
            } else if s == 3 && *dimension == 4096 {
                Outcome::Empty("needs at least 4097 rows, and there are 240".into())
            } else {
                Outcome::Judged(judgement(base - 0.07 * ((s + 1) % 4) as f64 * noise.uniform(), noise))
            };
            cells.push(Separation {
                representation: (*name).into(),
                separator: (*separator).into(),
                outcome,
            });
        }
    }
    (rows.iter().map(representation).collect(), cells)
}

/// A judgement of about this balanced accuracy on 160 healthy and 160 anomalous images in every training and separation.
pub fn judgement(rate: f64, noise: &mut Noise) -> Judgement {
    let found = |i: usize| {
        let rate = rate - [0.0, -0.04, 0.06, 0.12, 0.01][i] + 0.01 * noise.normal();
        Share::new((32.0 * rate.clamp(0.0, 1.0)).round() as usize, 32)
    };
    let by_defect: Vec<Share> = (0..5).map(found).collect();
    let detected = Share::new(by_defect.iter().map(|s| s.count).sum(), 160);
    let false_alarms = Share::new((160.0 * (1.0 - rate).clamp(0.0, 1.0)).round() as usize, 160);
    let balanced = 0.5 * (detected.rate + 1.0 - false_alarms.rate);
    // Spread evenly over the images of each group.
    let calls = |images: &Vec<usize>| {
        let (mut defective, mut healthy) = ([0; 5], 0);
        let call = |&image: &usize| {
            let (seen, called) = match image / 40 {
                defect @ 0..5 => (&mut defective[defect], by_defect[defect]),
                _ => (&mut healthy, false_alarms),
            };
            *seen += 1;
            *seen * called.count / called.of > (*seen - 1) * called.count / called.of
        };
        Calls(images.iter().map(call).collect())
    };
    let every = |share: Share| {
        let times = TRAININGS * SEPARATIONS;
        let interval = estimate(share.rate, 0.031).interval;
        Share { interval, ..Share::new(times * share.count, times * share.of) }
    };
    let named =
        |(defect, share): (&str, &Share)| ShareOfDefect { defect: defect.into(), share: every(*share) };
    let images: Vec<Vec<usize>> = (0..TRAININGS).flat_map(|_| judged_images()).collect();
    Judgement {
        accuracy: estimate(balanced, 0.027),
        balanced_accuracy: estimate(balanced, 0.027),
        oracle_accuracy: balanced.max(1.0 - balanced),
        margin_auroc: Some((balanced + 0.02).min(1.0)),
        detected: every(detected),
        false_alarms: every(false_alarms),
        detected_by_defect: DEFECTS.into_iter().zip(&by_defect).map(named).collect(),
        calls: images.iter().map(calls).collect(),
    }
}

fn gallery() -> Vec<GalleryEntry> {
    let entry = |(i, defect): (usize, &str)| {
        let name = format!("job{:04}_layer{:04}", 30 + i % 2, 11 + i);
        let defect_path = defect.replace(' ', "_");
        let place = |folder: &str| Some(format!("dataset/{folder}/{name}.png"));
        let parameters = [
            ("bed.temperature_c", 31.2),
            ("defect.cnr", 4.1),
            ("defect.diameter_mm", 9.4),
            ("print.temperature_c", 58.03),
            ("thermal.retain", 0.2431),
        ];
        GalleryEntry {
            defect: Some(defect.into()),
            job: 30 + (i % 2) as u32,
            layer: 11 + i as u32,
            image: format!("dataset/test/{defect_path}/{name}.png"),
            twin: place("test/good"),
            mask: Some(format!("dataset/ground_truth/{defect_path}/{name}_mask.png")),
            change: place(&format!("change/{defect_path}")),
            nominal: place("nominal"),
            maps: ["vae", "f-anogan"]
                .map(|d| GalleryMap {
                    detector: d.into(),
                    file: format!("maps/{d}/{name}.png"),
                    range: [0.0, 0.0834],
                })
                .to_vec(),
            cnr_image: Some(4.13),
            diameter_px: Some(6.02),
            parameters: parameters.map(|(k, v)| (k.to_owned(), v)).into(),
            scores: vec![
                ImageScore {
                    detector: "vae".into(),
                    component: "MSE".into(),
                    value: 0.0213,
                    threshold: Some(0.0174),
                },
                ImageScore {
                    detector: "f-anogan".into(),
                    component: "A".into(),
                    value: 0.0131,
                    threshold: Some(0.0169),
                },
            ],
        }
    };
    DEFECTS.into_iter().flat_map(|d| [d, d]).enumerate().map(entry).collect()
}

/// Writes every picture that [`record`] names, except the last map.
pub fn write_pictures(record: &Record, run: &Path) {
    let put = |file: &str, bytes: Vec<u8>| {
        let path = run.join(file);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(path, bytes).unwrap();
    };
    let grey = |values: &[f64]| {
        let values: Vec<f32> = values.iter().map(|&v| v as f32).collect();
        Picture::grey(&values, SIZE_PX).png()
    };
    for (i, entry) in record.gallery.iter().enumerate() {
        let kind = i / 2;
        let (x0, y0) = (22.0 + 5.0 * (i % 3) as f64, 25.0 + 3.0 * (i % 4) as f64);
        let twin = layer(i as f64);
        let mask = pixels(|x, y| {
            let hit = match kind {
                0 => (x - x0).hypot(y - y0) < 3.5,
                1 => (x - x0).abs() + (y - y0).abs() < 4.0,
                2 => (y - y0).abs() < 3.0 && (x - 32.0).abs() < 17.0,
                3 => (x - x0).abs() < 7.0 && (y - y0).abs() < 5.0,
                _ => (x - x0).abs() < 1.6,
            };
            f64::from(u8::from(hit))
        });
        let image: Vec<f64> =
            twin.iter().zip(&mask).map(|(t, m)| t + 0.16 * m * if kind == 0 { -1.0 } else { 1.0 }).collect();
        let change: Vec<f64> = image.iter().zip(&twin).map(|(a, b)| (a - b).abs()).collect();
        put(&entry.image, grey(&image));
        put(entry.twin.as_ref().unwrap(), grey(&twin));
        put(entry.mask.as_ref().unwrap(), grey(&mask));
        put(entry.change.as_ref().unwrap(), grey(&change));
        put(entry.nominal.as_ref().unwrap(), grey(&nominal()));
        for map in entry.maps.iter().take(if i == 9 { 1 } else { 2 }) {
            let mut noise = Noise::new(i as u64);
            let values: Vec<f32> = change.iter().map(|c| (0.4 * c + 0.01 * noise.uniform()) as f32).collect();
            put(&map.file, false_colour_png(&values, SIZE_PX, [0.0, 0.0834]));
        }
    }
    for (s, snapshot) in record.detectors.iter().flat_map(|d| d.snapshots.iter().enumerate()) {
        for (z, file) in snapshot.files.iter().enumerate() {
            let learned = s as f64 / 6.0;
            let mut noise = Noise::new((10 * s + z) as u64);
            let values: Vec<f64> =
                layer(z as f64).iter().map(|v| learned * v + (1.0 - learned) * noise.uniform()).collect();
            put(file, grey(&values));
        }
    }
}

fn pixels(value: impl Fn(f64, f64) -> f64) -> Vec<f64> {
    (0..SIZE_PX * SIZE_PX).map(|i| value((i % SIZE_PX) as f64, (i / SIZE_PX) as f64)).collect()
}

fn nominal() -> Vec<f64> {
    pixels(|x, y| {
        let plate = (x - 32.0).abs() < 20.0 && (y - 32.0).abs() < 15.0;
        let hole = (x - 24.0).hypot(y - 32.0) < 5.0 || (x - 42.0).hypot(y - 30.0) < 4.0;
        f64::from(u8::from(plate && !hole))
    })
}

/// A healthy layer, inverted as the camera sees it: warm is dark.
fn layer(phase: f64) -> Vec<f64> {
    let texture = pixels(|x, y| {
        0.02 * ((0.31 * x + phase).sin() + (0.23 * y - 0.7 * phase).cos() + (0.9 * x + 0.7 * y).sin())
    });
    nominal().iter().zip(texture).map(|(n, t)| 0.78 - 0.38 * n + t).collect()
}
