//! The order of the stages; the only room that knows them all.

mod detectability;
mod facts;
mod failure;
mod gallery;
mod judge;
mod learn;
mod localisation;
mod machine;
mod operating;
mod sample;
mod score;
mod separate;
mod speed;

use std::path::{Path, PathBuf};
use std::time::Instant;

use candle_core::Device;
use generators::dataset::formats::Formats;
use generators::dataset::{self, Dataset, Row, Shard, Split};
use generators::stream::Stream;

use crate::audit::{self, AuditError, Audited};
use crate::comparison::claims;
use crate::data;
use crate::detectors::{Detector, DetectorError, Progress, Saved, Scores};
use crate::metrics::MetricError;
use crate::nets::device;
use crate::plan::{Named, Plan};
use crate::report::measures::measured;
use crate::report::record::{self, write_atomically};
use crate::report::{self, Record, bencher, junit, scores};
use crate::thresholds;
pub use failure::Failure;
use judge::Truth;
use learn::{Images, Learnt};
use localisation::Footprints;
pub use score::{Overlays, Request, Scored, score};
use separate::{Halves, Pass, Row as Separated};

/// The dataset's folder inside a run's folder.
const DATASET: &str = "dataset";

/// Makes the labelled dataset of `plan` under `run`, or one shard of it, or finds it there; its folder.
///
/// # Errors
/// Where the parts do not suit the scenario, or a file cannot be written; what was finished stays.
pub fn generate(
    plan: &Plan,
    run: &Path,
    shard: Option<Shard>,
    progress: &dyn Progress,
) -> Result<PathBuf, Failure> {
    let folder = run.join(DATASET);
    dataset::write(&plan.production, &folder, shard, &|at| {
        progress.step("generate", at.images_done, at.images, &[])
    })?;
    Ok(folder)
}

/// Joins the shards of a dataset under `run`; each is a run's folder, or the dataset's folder in one.
///
/// # Errors
/// Shards that are not all of one dataset, whole and complete; a file that cannot be written.
pub fn merge(shards: &[PathBuf], run: &Path, progress: &dyn Progress) -> Result<PathBuf, Failure> {
    let inside = |shard: &PathBuf| {
        let inside = shard.join(DATASET);
        if inside.is_dir() { inside } else { shard.clone() }
    };
    let shards: Vec<PathBuf> = shards.iter().map(inside).collect();
    let folder = run.join(DATASET);
    dataset::merge(&shards, &folder, &|at| progress.step("merge", at.images_done, at.images, &[]))?;
    Ok(folder)
}

/// Puts a finished dataset into `formats` as well; its folder. `folder` is that of the dataset or of its run.
///
/// # Errors
/// Where there is no complete dataset, or a file cannot be written.
pub fn export(folder: &Path, formats: &Formats) -> Result<PathBuf, Failure> {
    let inner = folder.join(DATASET);
    let folder = if inner.is_dir() { inner } else { folder.to_owned() };
    dataset::export(&folder, formats)?;
    Ok(folder)
}

/// Writes the scoring of a trained model, a file or the folder that holds one, as ONNX; where. Beside the model where
/// `out` is absent.
///
/// # Errors
/// Where that is no model, or the file cannot be written.
pub fn export_onnx(model: &Path, out: Option<&Path>) -> Result<PathBuf, Failure> {
    let beside = if model.is_dir() { model.join("model.onnx") } else { model.with_extension("onnx") };
    let out = out.map_or(beside, Path::to_owned);
    let saved = open_model(model, &Device::Cpu)?;
    let graph = saved.scorer()?.onnx()?;
    // Strings and numbers cannot fail.
    let architecture = serde_json::to_string(&saved.architecture).unwrap_or_default();
    write_file(&out, &graph.into_file(&[("synthgen.architecture", &architecture)]))?;
    Ok(out)
}

fn open_model(model: &Path, device: &Device) -> Result<Saved, Failure> {
    Saved::open(model, device).map_err(|e| match e {
        DetectorError::Io { source, .. } if source.kind() == std::io::ErrorKind::NotFound => {
            Failure::NoModel { path: model.to_owned() }
        }
        other => other.into(),
    })
}

/// Removes what an earlier run left in `run`: its dataset, models and report. Other files stay.
///
/// # Errors
/// Where a file cannot be removed.
pub fn discard(run: &Path) -> Result<(), Failure> {
    dataset::discard(&run.join(DATASET))?;
    for folder in ["models", "figures", gallery::FOLDER] {
        let path = run.join(folder);
        if path.is_dir() {
            std::fs::remove_dir_all(&path).map_err(|e| Failure::io(&path, e))?;
        }
    }
    for file in [record::FILE, report::FILE, scores::FILE, scores::CALLS_FILE, bencher::FILE, junit::FILE] {
        let path = run.join(file);
        if path.is_file() {
            std::fs::remove_file(&path).map_err(|e| Failure::io(&path, e))?;
        }
    }
    Ok(())
}

/// A run that came to its end.
pub struct Finished {
    /// The page.
    pub report: PathBuf,
    /// Everything it found out.
    pub record: Record,
}

/// Runs every stage. A run that was cut off goes on where it was.
///
/// # Errors
/// The first stage that fails; what was finished stays.
pub fn run(plan: &Plan, run: &Path, device: &Device, progress: &dyn Progress) -> Result<Finished, Failure> {
    let mut clock = Clock::default();
    let folder = clock.time("generate", || generate(plan, run, None, progress))?;
    let dataset = Dataset::open(&folder)?;
    let audited = clock.time("audit", || audited(&dataset))?;
    let images = clock.time("read", || images(&dataset))?;
    let stream = Stream::root(plan.scenario().seed).child("learning");
    let test = Test::of(plan, &dataset);
    let defect_of: Vec<Option<&str>> = test.images.iter().map(|image| image.defect.as_deref()).collect();
    let classes = learn::Classes { of: &defect_of, defects: &test.defects };
    let halves = separate::halves(&Truth::new(&test.images, &test.defects), plan, &stream.child("judge"))?;

    let (mut learnt, mut separated) = (Vec::new(), Vec::new());
    for detector in &plan.detectors {
        let fingerprint = fingerprint(plan, detector);
        let place = learn::Place { run, fingerprint: &fingerprint, device };
        let mut trained = clock
            .time(&detector.name, || learn::learn(detector, &images, &classes, &place, &stream, progress))?;
        let seen = test.seen(&trained, &halves);
        let truth = Truth::new(&seen.images, &test.defects);
        let separate = |training, scores: &Scores| -> Result<Vec<Vec<Separated>>, MetricError> {
            let pass = |(separation, halves)| {
                let pass = Pass { detector: &detector.name, scores, training, separation };
                separate::separate(&pass, halves, &truth, &plan.separation, &stream.child("judge"))
            };
            seen.halves.iter().enumerate().map(pass).collect()
        };
        let mut passes = vec![clock.time("separate", || separate(0, &trained.scores))?];
        for training in 1..plan.evidence.trainings {
            let scores = clock.time(&detector.name, || {
                learn::again(&mut trained, training, detector, &images, &place, &stream, progress)
            })?;
            passes.push(clock.time("separate", || separate(training, &scores))?);
        }
        learnt.push(trained);
        separated.push(passes);
    }
    let separated = Separations { halves: &halves, passes: &separated };
    let mut record =
        clock.time("judge", || judged(plan, &dataset, &test, &separated, &mut learnt, &stream, run))?;
    record.provenance.machine.device = device::name(device);
    match audited {
        Ok(Audited { audit, floors }) => {
            record.audit = Some(audit);
            record.floors = floors;
        }
        Err(reason) => {
            record.warnings.push(format!("The test set could not be audited for leaks: {reason}."))
        }
    }
    record.provenance.stages = clock.stages;
    record.provenance.peak_memory_mib = machine::peak_memory_mib();
    record.gates = measured(&plan.gates, &record);
    record.claims = claims::tested(&plan.claims, &record);
    record.save(run)?;
    let report = report::write(&record, run)?;
    Ok(Finished { report, record })
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
    stages: Vec<record::StageTime>,
}

impl Clock {
    fn time<T>(&mut self, stage: &str, body: impl FnOnce() -> T) -> T {
        let started = Instant::now();
        let result = body();
        let wall_secs = started.elapsed().as_secs_f64();
        match self.stages.iter_mut().find(|known| known.stage == stage) {
            Some(known) => known.wall_secs += wall_secs,
            None => self.stages.push(record::StageTime { stage: stage.to_owned(), wall_secs }),
        }
        result
    }
}

fn images(dataset: &Dataset) -> Result<Images, Failure> {
    Ok(Images {
        training: data::load(dataset, Split::Train)?,
        validation: data::load(dataset, Split::Validation)?,
        test: data::load(dataset, Split::Test)?,
    })
}

/// The audit of the test set, or why this scenario's has nothing to audit.
fn audited(dataset: &Dataset) -> Result<Result<Audited, String>, Failure> {
    match audit::audit(dataset) {
        Ok(audited) => Ok(Ok(audited)),
        Err(e @ (AuditError::NothingAnomalous { .. } | AuditError::OneJob { .. })) => Ok(Err(e.to_string())),
        Err(e) => Err(e.into()),
    }
}

/// The test images as they are.
struct Test<'a> {
    rows: Vec<&'a Row>,
    images: Vec<record::TestImage>,
    /// Labels of the defects, in the scenario's order.
    defects: Vec<&'a str>,
}

impl<'a> Test<'a> {
    fn of(plan: &'a Plan, dataset: &'a Dataset) -> Self {
        let rows: Vec<&Row> = dataset.rows().iter().filter(|r| r.split == Split::Test).collect();
        let images = rows.iter().map(|row| facts::test_image(row)).collect();
        Self { rows, images, defects: plan.scenario().defects().map(|(name, _)| name).collect() }
    }
}

impl Test<'_> {
    /// The part of the test images that a detector scored.
    fn seen(&self, detector: &Learnt, halves: &[Halves]) -> Seen {
        let rows = |of: &[usize]| of.iter().filter_map(|&image| detector.row(image)).collect();
        Seen {
            images: detector.scored.iter().map(|&image| self.images[image].clone()).collect(),
            halves: halves.iter().map(|h| Halves { fit: rows(&h.fit), judge: rows(&h.judge) }).collect(),
        }
    }
}

/// The test images that one detector scored, and their halves in every separation.
struct Seen {
    images: Vec<record::TestImage>,
    halves: Vec<Halves>,
}

/// What the separators made of every detector.
struct Separations<'a> {
    /// The halves of the test images in every separation.
    halves: &'a [Halves],
    /// By detector, training and separation.
    passes: &'a [Vec<Vec<Vec<Separated>>>],
}

/// Judges what the detectors and separators said, and writes it all down.
fn judged(
    plan: &Plan,
    dataset: &Dataset,
    test: &Test<'_>,
    &Separations { halves, passes }: &Separations<'_>,
    learnt: &mut [Learnt],
    stream: &Stream,
    run: &Path,
) -> Result<Record, Failure> {
    let stream = stream.child("judge");
    let footprints = Footprints::read(dataset, &test.rows, &test.defects)?;
    let (mut representations, mut separations) = (Vec::new(), Vec::new());
    for (detector, passes) in learnt.iter_mut().zip(passes) {
        let seen = test.seen(detector, halves);
        let truth = Truth::new(&seen.images, &test.defects);
        for (index, (name, values)) in detector.scores.components.iter().enumerate() {
            let stream = stream.child(&detector.name).child(name);
            let again = detector.retrained.iter().map(|components| &components[index][..]);
            let trainings: Vec<&[f32]> = std::iter::once(&values[..]).chain(again).collect();
            let mut component = judge::component(name, index == 0, &trainings, &truth, &stream)?;
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
        scenario: scenario(plan),
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
        gates: Vec::new(),
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
                hash: part.hash.clone(),
            })
            .collect(),
        layers: production.printable().len(),
        image_px: production.frame().size_px,
        px_per_mm: production.frame().px_per_mm,
        bed_mm: production.bed_side_mm(),
        settings: Vec::new(),
        text: plan.text.clone(),
    }
}

/// Draws the report of a finished run again, from its record alone.
///
/// # Errors
/// Where there is no record, it is of a newer version, or the report cannot be written.
pub fn redraw(run: &Path) -> Result<PathBuf, Failure> {
    Ok(report::write(&record(run)?, folder(run))?)
}

/// The record of the run in a folder; `run` may name its file, too.
///
/// # Errors
/// Where there is no record, or it is of another version.
pub fn record(run: &Path) -> Result<Record, Failure> {
    Ok(Record::read(folder(run))?)
}

fn folder(run: &Path) -> &Path {
    if run.is_file() { run.parent().unwrap_or(Path::new("")) } else { run }
}

/// Audits the dataset in `folder`, or the one of the run there.
///
/// # Errors
/// Where there is no dataset, or none that can be audited.
pub fn audit(folder: &Path) -> Result<Audited, Failure> {
    Ok(audit::audit(&Dataset::open(&dataset_of(folder))?)?)
}

/// The folder of the dataset of the run in `folder`; where it is none, `folder` itself.
pub fn dataset_of(folder: &Path) -> PathBuf {
    let of_run = folder.join(DATASET);
    if of_run.join(dataset::MANIFEST).is_file() { of_run } else { folder.to_owned() }
}

/// Writes `value` to `path` as JSON, whole or not at all, and makes the folders on the way.
///
/// # Errors
/// What the system refuses.
pub fn write_json(path: &Path, value: &impl serde::Serialize) -> Result<(), Failure> {
    let mut text = serde_json::to_vec_pretty(value).map_err(|e| Failure::io(path, e.into()))?;
    text.push(b'\n');
    write_file(path, &text)
}

/// Writes `bytes` to `path`, whole or not at all, and makes the folders on the way.
pub(crate) fn write_file(path: &Path, bytes: &[u8]) -> Result<(), Failure> {
    if let Some(folder) = path.parent() {
        std::fs::create_dir_all(folder).map_err(|e| Failure::io(folder, e))?;
    }
    write_atomically(path, bytes).map_err(|e| Failure::io(path, e))
}
