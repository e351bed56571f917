//! Judging what the detectors and separators said, and the record of it.

use generators::dataset::Dataset;
use generators::scenario::Usage;

use super::ground::Ground;
use super::judge::{self, Truth};
use super::learn::Learnt;
use super::localisation::Footprints;
use super::separate::Passes;
use super::{Failure, detectability, facts, gallery, machine, operating, parts, write_json};
use crate::plan::Plan;
use crate::report::record::{self, Record};
use crate::thresholds;

/// Judges what the detectors and, in as many `passes`, the separators said, and writes it all down; what later stages find is still
/// missing.
///
/// # Errors
/// Where a score is not a number, or a file cannot be read or written.
pub fn judged(
    ground: &Ground<'_>,
    dataset: &Dataset,
    passes: &[Passes],
    learnt: &mut [Learnt],
) -> Result<Record, Failure> {
    let &Ground { plan, run, ref test, ref halves, .. } = ground;
    let stream = ground.stream.child("judge");
    let footprints = Footprints::read(dataset, &test.rows, &test.defects)?;
    let scenario = scenario(plan);
    let groups = parts::groups(&scenario.parts, &test.images);
    let (mut representations, mut separations) = (Vec::new(), Vec::new());
    for (detector, passes) in learnt.iter_mut().zip(passes) {
        let seen = test.seen(detector, halves);
        let truth = Truth::new(&seen.images, &test.defects);
        for (index, (name, values)) in detector.scores.components.iter().enumerate() {
            let stream = stream.child(&detector.name).child(name);
            let again = detector.retrained.iter().map(|components| &components[index][..]);
            let trainings: Vec<&[f32]> = std::iter::once(&values[..]).chain(again).collect();
            let mut component = judge::component(name, index == 0, &trainings, &truth, &stream)?;
            component.on_parts = parts::of(&component, &groups, &truth, &stream)?;
            let score = operating::Score { test: values, healthy: &detector.healthy.components[index].1 };
            let (halves, stream) = (&seen.halves[0], stream.child("thresholds"));
            (component.operating, component.oracle) =
                operating::points(&score, &plan.thresholds, &truth, halves, &stream)?;
            let px_per_mm = plan.production.frame().px_per_mm;
            // A part of the images is too few for curves.
            if detector.record.scored_images.is_none() {
                component.detectability =
                    detectability::of(&component, &seen.images, &test.defects, px_per_mm);
            }
            detector.record.components.push(component);
        }
        let footprints = footprints.select(&detector.scored);
        detector.record.localisation =
            footprints.judge(&detector.scores.maps, &test.defects, &stream.child("localisation"))?;
        let points = detector.record.components.iter().map(|c| (&*c.name, &*c.operating));
        let kept = operating::saved(points, &detector.healthy.maps);
        write_json(&run.join("models").join(&detector.name).join(thresholds::saved::FILE), &kept)?;
        let stream = stream.child(&detector.name);
        let (rows, cells) = judge::cells(passes, &truth, &seen.halves, &plan.separation, &stream)?;
        representations.extend(rows);
        separations.extend(cells);
    }
    let gallery = gallery::draw(&test.rows, &test.defects, learnt, run)?;
    Ok(Record {
        version: record::VERSION,
        scenario,
        provenance: record::Provenance {
            program_version: env!("CARGO_PKG_VERSION").to_owned(),
            git_commit: machine::commit(),
            date: machine::now_rfc3339(),
            machine: machine::machine(),
            dataset_fingerprint: plan.production.fingerprint().to_owned(),
            stages: Vec::new(),
            peak_memory_mib: None,
        },
        dataset: facts::dataset(
            dataset.rows(),
            &plan.scenario().defects().collect::<Vec<_>>(),
            grey_scale(plan),
        ),
        floors: Vec::new(),
        audit: None,
        detectors: learnt.iter().map(|l| l.record.clone()).collect(),
        test_images: test.images.clone(),
        trainings: plan.evidence.trainings,
        representations,
        separators: plan.separation.separators.iter().map(|s| s.name.clone()).collect(),
        judged_images: halves.iter().map(|halves| halves.judge.clone()).collect(),
        separations,
        typing: None,
        gates: Vec::new(),
        photographs: None,
        shifts: Vec::new(),
        claims: Vec::new(),
        named: plan.separation.named.as_ref().map(|named| record::Named {
            representation: named.representation.clone(),
            separator: named.separator.clone(),
            least_balanced_accuracy: Some(named.least_balanced_accuracy),
        }),
        references: plan.references.clone(),
        interval_method: judge::interval_method(&plan.evidence),
        gallery,
        warnings: learnt.iter().flat_map(collapse_warnings).collect(),
    })
}

/// What the reader must know of each training of a detector that collapsed and stayed so.
fn collapse_warnings(learnt: &Learnt) -> Vec<String> {
    let again = learnt.record.retrainings.iter().map(|retraining| &retraining.collapses);
    let trainings = std::iter::once(&learnt.record.collapses).chain(again).enumerate();
    let open = trainings.filter_map(|(training, collapses)| {
        Some((training, collapses.iter().find(|collapse| collapse.until.is_none())?))
    });
    let which = |training| {
        if training == 0 { "The training".to_owned() } else { format!("Training {}", training + 1) }
    };
    open.map(|(training, open)| {
        format!(
            "{} of {} may have collapsed at step {} of {}: {} is not {}. Look at what it makes before trusting its scores.",
            which(training), learnt.name, open.step, open.stage, open.sign, open.bound
        )
    })
    .collect()
}

/// Temperatures that black and white stand for.
fn grey_scale(plan: &Plan) -> record::GreyScale {
    let camera = plan.scenario().camera();
    let [low, high] = camera.range_c;
    let (black_c, white_c) = if camera.invert { (high, low) } else { (low, high) };
    record::GreyScale { black_c, white_c }
}

fn scenario(plan: &Plan) -> record::Scenario {
    let production = &plan.production;
    record::Scenario {
        name: plan.scenario().name.clone(),
        seed: plan.scenario().seed,
        parts: production
            .parts()
            .map(|part| record::Part {
                file: part.file.display().to_string(),
                size_mm: part.size_mm,
                triangles: part.certificate.repairs.triangles_kept,
                copies: part.copies,
                unseen: part.usage == Usage::Test,
                hash: part.hash.clone(),
            })
            .collect(),
        layers: production.most_layers(),
        image_px: production.frame().size_px,
        px_per_mm: production.frame().px_per_mm,
        bed_mm: production.bed_side_mm(),
        settings: Vec::new(),
        text: plan.text.clone(),
    }
}
