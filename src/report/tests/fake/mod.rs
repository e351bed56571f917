//! A run that never happened: plausible numbers and pictures from simple formulas.

mod detectors;
mod pictures;
mod separations;

use std::f64::consts::TAU;

use crate::report::record::*;
use detectors::{f_anogan, vae};
use pictures::gallery;
pub use pictures::write_pictures;
pub use separations::judgement;
use separations::separations;

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
        shifts: shifts(&images),
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

/// Both detectors get worse the wider the ranges are, and on another part.
fn shifts(images: &[TestImage]) -> Vec<Shift> {
    let mut noise = Noise::new(11);
    let mut values = |lost: f64| {
        let mut value =
            |image: &TestImage| noise.normal() + if image.defect.is_some() { 2.0 - 8.0 * lost } else { 0.0 };
        (0..2).map(|_| images.iter().map(&mut value).collect()).collect::<Vec<Vec<f64>>>()
    };
    let mut point = |width: f64, lost: f64| ShiftPoint {
        width,
        jobs: 10,
        healthy: 200,
        anomalous: 200,
        dataset_fingerprint: format!("at {width}, {lost} lost"),
        test_images: images.to_vec(),
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
                values: values(lost),
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
