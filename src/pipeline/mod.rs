//! The order of the stages; the only room that knows them all.

mod assembly;
mod detectability;
mod facts;
mod failure;
mod folder;
mod gallery;
mod ground;
mod judge;
mod learn;
mod localisation;
mod lock;
mod machine;
mod model;
mod operating;
mod parts;
mod photographs;
mod sample;
mod score;
mod separate;
mod shifts;
mod speed;
mod test_images;
mod told;
mod typing;

use std::path::{Path, PathBuf};
use std::time::Instant;

use candle_core::Device;
use generators::dataset::{Dataset, Split};
use generators::stream::Stream;

use crate::audit::{AuditError, Audited};
use crate::comparison::claims;
use crate::data;
use crate::detectors::{Detector, Progress, Scores};
use crate::metrics::MetricError;
use crate::nets::device;
use crate::plan::{Named, Plan};
use crate::report::measures::measured;
use crate::report::record::StageTime;
use crate::report::{self, Record};
use assembly::judged;
pub use failure::Failure;
use folder::DATASET;
pub(crate) use folder::write_file;
use folder::write_picture;
pub use folder::{audit, dataset_of, export, generate, merge, record, redraw, remedy, write_json};
use ground::Ground;
use judge::Truth;
use learn::{Images, Learnt};
use lock::Lock;
pub use model::export_onnx;
pub use photographs::read as photographs;
pub use score::{Overlays, Request, Scored, score};
use separate::{Pass, Passes, Row};
use test_images::Test;

/// A run that came to its end.
pub struct Finished {
    /// The page.
    pub report: PathBuf,
    /// Everything it found out.
    pub record: Record,
}

/// Runs every stage. A run that was cut off goes on where it was; one that is to be made `afresh`, for which its inputs are told,
/// discards first what an earlier one left.
///
/// # Errors
/// The first stage that fails; what was finished stays. Where an input lies in what is to be discarded; [`Failure::Busy`].
pub fn run(
    plan: &Plan,
    run: &Path,
    afresh: Option<&[&Path]>,
    device: &Device,
    progress: &dyn Progress,
) -> Result<Finished, Failure> {
    let mut clock = Clock::default();
    // First, since a mistake in them need not wait for a training, nor cost what is there.
    let photographs = photographs::read(plan)?;
    let lock = Lock::take(run)?;
    if let Some(inputs) = afresh {
        folder::discard(&lock, inputs)?;
    }
    let folder = clock.time("generate", || folder::make(plan, &lock, None, progress))?;
    if !plan.shifts.is_empty() {
        clock.time("generate shifts", || shifts::generate(plan, run, progress))?;
    }
    let dataset = Dataset::open(&folder)?;
    let audited = clock.time("audit", || audited(&dataset))?;
    let images = clock.time("read", || images(plan, &dataset))?;
    let (test, stream) = (Test::of(plan, &dataset), Stream::root(plan.scenario().seed).child("learning"));
    let halves = separate::halves(&Truth::new(&test.images, &test.defects), plan, &stream.child("judge"))?;
    let ground = Ground { plan, run, device, stream, images, test, halves, progress };

    let (mut learnt, mut separated) = (Vec::new(), Vec::new());
    for detector in &plan.detectors {
        let (trained, passes) = trained(detector, &ground, &mut clock)?;
        learnt.push(trained);
        separated.push(passes);
    }
    let mut record = clock.time("judge", || judged(&ground, &dataset, &separated, &mut learnt))?;
    record.provenance.machine.device = device::name(device);
    if let Some(photographs) = &photographs {
        let seen = clock.time("photographs", || photographs::judged(photographs, &ground))?;
        record.photographs = Some(seen);
    }
    if !plan.shifts.is_empty() {
        record.shifts = clock.time("shifts", || shifts::judged(&ground, &learnt))?;
    }
    match audited {
        Ok(Audited { audit, floors }) => {
            record.audit = Some(audit);
            record.floors = floors;
        }
        Err(reason) => {
            record.warnings.push(format!("The test set could not be audited for leaks: {reason}."))
        }
    }
    if let (Some(typing), Some(threshold)) = (&plan.typing, plan.thresholds.first()) {
        let stream = ground.stream.child("typing");
        match clock.time("typing", || typing::judged(typing, threshold, &ground.images, &record, &stream))? {
            Ok(found) => record.typing = Some(found),
            Err(reason) => record.warnings.push(format!("No types of defects could be found: {reason}.")),
        }
    }
    record.provenance.stages = clock.stages;
    record.provenance.peak_memory_mib = machine::peak_memory_mib();
    if let Ok(earlier) = Record::read(&run.join(report::record::FILE)) {
        record.goes_on_from(&earlier);
    }
    record.gates = measured(&plan.gates, &record);
    record.claims = claims::tested(&plan.claims, &record);
    record.save(run)?;
    let report = report::write(&record, run)?;
    Ok(Finished { report, record })
}

/// A detector as often trained as the plan asks for, and what the separators make of it.
fn trained(
    detector: &Named<dyn Detector>,
    ground: &Ground<'_>,
    clock: &mut Clock,
) -> Result<(Learnt, Passes), Failure> {
    let Ground { plan, test, .. } = ground;
    let fingerprint = fingerprint(plan, detector);
    let mut trained = clock.time(&detector.name, || learn::learn(detector, ground, &fingerprint))?;
    let seen = test.seen(&trained, &ground.halves);
    let truth = Truth::new(&seen.images, &test.defects);
    let separate = |training, scores: &Scores| -> Result<Vec<Vec<Row>>, MetricError> {
        let pass = |(separation, halves)| {
            let pass = Pass { detector: &detector.name, scores, training, separation };
            separate::separate(&pass, halves, &truth, &plan.separation, &ground.stream.child("judge"))
        };
        seen.halves.iter().enumerate().map(pass).collect()
    };
    let mut passes = vec![clock.time("separate", || separate(0, &trained.scores))?];
    for training in 1..plan.evidence.trainings {
        let scores = clock
            .time(&detector.name, || learn::again(&mut trained, training, detector, ground, &fingerprint))?;
        passes.push(clock.time("separate", || separate(training, &scores))?);
    }
    Ok((trained, passes))
}

/// Identifies what a detector learns from and how, its base included.
fn fingerprint(plan: &Plan, detector: &Named<dyn Detector>) -> String {
    let own = format!("{} {} {:?}", plan.production.fingerprint(), detector.kind, detector.settings);
    let base = detector.item.base().and_then(|base| plan.detectors.iter().find(|d| d.name == base.name));
    base.map_or(own.clone(), |base| format!("{own} on {}", fingerprint(plan, base)))
}

/// Wall time of each stage, all its parts together.
#[derive(Default)]
struct Clock {
    stages: Vec<StageTime>,
}

impl Clock {
    fn time<T>(&mut self, stage: &str, body: impl FnOnce() -> T) -> T {
        let started = Instant::now();
        let result = body();
        let wall_secs = started.elapsed().as_secs_f64();
        match self.stages.iter_mut().find(|known| known.stage == stage) {
            Some(known) => known.wall_secs += wall_secs,
            None => self.stages.push(StageTime { stage: stage.to_owned(), wall_secs }),
        }
        result
    }
}

/// How many layers before an image one of the detectors looks back at, at most.
fn layers_before(plan: &Plan) -> usize {
    plan.detectors.iter().map(|detector| detector.item.context().layers).max().unwrap_or(0)
}

/// The images, with as many layers before each as one of the detectors looks back at.
fn images(plan: &Plan, dataset: &Dataset) -> Result<Images, Failure> {
    let load = |split| data::load(dataset, split, layers_before(plan));
    Ok(Images {
        training: load(Split::Train)?,
        validation: load(Split::Validation)?,
        test: load(Split::Test)?,
    })
}

/// The audit of the test set, or why this scenario's has nothing to audit.
fn audited(dataset: &Dataset) -> Result<Result<Audited, String>, Failure> {
    match crate::audit::audit(dataset) {
        Ok(audited) => Ok(Ok(audited)),
        Err(e @ (AuditError::NothingAnomalous { .. } | AuditError::OneJob { .. })) => Ok(Err(e.to_string())),
        Err(e) => Err(e.into()),
    }
}
