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
mod photographs;
mod sample;
mod score;
mod speed;
mod typing;

use std::path::{Path, PathBuf};
use std::time::Instant;

use candle_core::Device;
use generators::dataset::formats::Formats;
use generators::dataset::{self, Dataset, Row, Shard, Split};
use generators::stream::Stream;

use crate::audit::{self, AuditError, Audited};
use crate::data::{self, split_jobs};
use crate::detectors::{Detector, DetectorError, Progress, Saved};
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
    for folder in ["models", "figures", gallery::FOLDER, photographs::FOLDER] {
        let path = run.join(folder);
        if path.is_dir() {
            std::fs::remove_dir_all(&path).map_err(|e| Failure::io(&path, e))?;
        }
    }
    for file in [record::FILE, report::FILE, scores::FILE, bencher::FILE, junit::FILE] {
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
    let images = clock.time("read", || images(plan, &dataset))?;
    let stream = Stream::root(plan.scenario().seed).child("learning");

    let rows = dataset.rows().iter().filter(|row| row.split == Split::Test);
    let defect_of: Vec<Option<&str>> = rows.map(|row| row.defect.as_deref()).collect();
    let defects: Vec<&str> = plan.scenario().defects().map(|(name, _)| name).collect();
    let classes = learn::Classes { of: &defect_of, defects: &defects };

    let mut learnt = Vec::new();
    for detector in &plan.detectors {
        let fingerprint = fingerprint(plan, detector);
        let place = learn::Place { run, fingerprint: &fingerprint, device };
        let fitted = clock
            .time(&detector.name, || learn::learn(detector, &images, &classes, &place, &stream, progress))?;
        learnt.push(fitted);
    }
    let mut record = clock.time("judge", || judged(plan, &dataset, &images, &mut learnt, &stream, run))?;
    record.provenance.machine.device = device::name(device);
    if let Some(folders) = &plan.photographs {
        let seen = clock.time("photographs", || {
            photographs::judged(folders, plan, &images, (run, device), &stream, progress)
        })?;
        record.photographs = Some(seen);
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
        let stream = stream.child("typing");
        match clock.time("typing", || typing::judged(typing, threshold, &images, &record, &stream))? {
            Ok(found) => record.typing = Some(found),
            Err(reason) => record.warnings.push(format!("No types of defects could be found: {reason}.")),
        }
    }
    record.provenance.stages = clock.stages;
    record.provenance.peak_memory_mib = machine::peak_memory_mib();
    record.gates = measured(&plan.gates, &record);
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

/// Wall time of each stage.
#[derive(Default)]
struct Clock {
    stages: Vec<record::StageTime>,
}

impl Clock {
    fn time<T>(&mut self, stage: &str, body: impl FnOnce() -> T) -> T {
        let started = Instant::now();
        let result = body();
        let wall_secs = started.elapsed().as_secs_f64();
        self.stages.push(record::StageTime { stage: stage.to_owned(), wall_secs });
        result
    }
}

/// The images, with as many layers before each as one of the detectors looks back at.
fn images(plan: &Plan, dataset: &Dataset) -> Result<Images, Failure> {
    let layers = plan.detectors.iter().map(|detector| detector.item.context().layers).max().unwrap_or(0);
    let load = |split| data::load(dataset, split, layers);
    Ok(Images {
        training: load(Split::Train)?,
        validation: load(Split::Validation)?,
        test: load(Split::Test)?,
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

/// Separates and judges what the detectors said, and writes it all down.
fn judged(
    plan: &Plan,
    dataset: &Dataset,
    images: &Images,
    learnt: &mut [Learnt],
    stream: &Stream,
    run: &Path,
) -> Result<Record, Failure> {
    let rows: Vec<&Row> = dataset.rows().iter().filter(|r| r.split == Split::Test).collect();
    let test_images: Vec<record::TestImage> = rows.iter().map(|row| facts::test_image(row)).collect();
    let defects: Vec<(&str, &str)> = plan.scenario().defects().collect();
    let names: Vec<&str> = defects.iter().map(|(name, _)| *name).collect();
    let stream = stream.child("judge");
    // The split of the jobs is the same for all detectors: it depends on the run's stream only.
    let (fit, judged_images) =
        split_jobs(&images.test.job, plan.separation.fit_share, &mut stream.child("split"));

    let (mut representations, mut separations) = (Vec::new(), Vec::new());
    let footprints = Footprints::read(dataset, &rows, &names)?;
    for detector in learnt.iter_mut() {
        let scored: Vec<record::TestImage> =
            detector.scored.iter().map(|&i| test_images[i].clone()).collect();
        let job = judge::select(&images.test.job, &detector.scored);
        let truth = Truth { images: &scored, job: &job, defects: &names };
        let rows = |of: &[usize]| -> Vec<usize> { of.iter().filter_map(|&i| detector.row(i)).collect() };
        let (fit, judge) = (rows(&fit), rows(&judged_images));
        let halves = (&fit[..], &judge[..]);
        for (index, (name, values)) in detector.scores.components.iter().enumerate() {
            let stream = stream.child(&detector.name).child(name);
            let mut component = judge::component(name, index == 0, values, &truth, &stream)?;
            let score = operating::Score { test: values, healthy: &detector.healthy.components[index].1 };
            (component.operating, component.oracle) =
                operating::points(&score, &plan.thresholds, &truth, halves, &stream.child("thresholds"))?;
            let px_per_mm = plan.production.frame().px_per_mm;
            // A part of the images is too few for curves.
            if detector.record.scored_images.is_none() {
                component.detectability = detectability::of(&component, &scored, &names, px_per_mm);
            }
            detector.record.components.push(component);
        }
        detector.record.localisation = footprints.select(&detector.scored).judge(
            &detector.scores.maps,
            &names,
            &stream.child("localisation"),
        )?;
        let points = detector.record.components.iter().map(|c| (&*c.name, &*c.operating));
        let kept = operating::saved(points, &detector.healthy.maps);
        write_json(&run.join("models").join(&detector.name).join(thresholds::saved::FILE), &kept)?;
        let separated =
            judge::separate(&detector.name, &detector.scores, &truth, halves, &plan.separation, &stream)?;
        representations.extend(separated.representations);
        separations.extend(separated.cells);
    }
    let gallery = gallery::draw(&rows, &names, learnt, run)?;
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
        dataset: facts::dataset(dataset.rows(), &defects, grey_scale(plan)),
        floors: Vec::new(),
        audit: None,
        detectors: learnt.iter().map(|l| l.record.clone()).collect(),
        test_images,
        representations,
        separators: plan.separation.separators.iter().map(|s| s.name.clone()).collect(),
        judged_images,
        separations,
        typing: None,
        gates: Vec::new(),
        photographs: None,
        named: plan.separation.named.as_ref().map(|named| record::Named {
            representation: named.representation.clone(),
            separator: named.separator.clone(),
            least_balanced_accuracy: Some(named.least_balanced_accuracy),
        }),
        references: plan.references.clone(),
        interval_method: judge::INTERVAL_METHOD.to_owned(),
        gallery,
        warnings: learnt.iter().flat_map(collapse_warning).collect(),
    })
}

/// What the reader must know of a detector whose training collapsed and stayed so.
fn collapse_warning(learnt: &Learnt) -> Option<String> {
    let open = learnt.record.collapses.iter().find(|collapse| collapse.until.is_none())?;
    Some(format!(
        "The training of {} may have collapsed at step {} of {}: {} is not {}. Look at what it makes before trusting its scores.",
        learnt.name, open.step, open.stage, open.sign, open.bound
    ))
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
        layers: production.most_layers(),
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
