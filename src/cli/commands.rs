//! What each command does.

use std::path::{Path, PathBuf};

use candle_core::Device;
use generators::calibrate::{self, CalibrateError, Options, Scale};
use generators::dataset::formats::{Formats, Settings};
use generators::dataset::{DatasetError, Origin, Shard, Split};
use generators::mesh::{Mesh, Unit};
use miette::{Report, miette};

use super::progress::Terminal;
use super::say::{say, tell};
use super::slices::{self, Layers};
use super::{CalibrateArgs, DeviceArgs, RunArgs, explain, gallery, interrupt, screening};
use crate::comparison;
use crate::detectors::{DetectorError, Progress as _};
use crate::nets::{NetsError, device};
use crate::pipeline::{self, Failure, write_file};
use crate::plan::{Overrides, Plan, PlanError};
use crate::report::fair;
use crate::report::numbers::{plural, short};
use crate::report::record::Gate;
use crate::report::{NAMED_PAIR, verdict};

/// Exit status of an audit that found a leak.
const LEAK: u8 = 3;

/// Exit status where a gate failed, or a comparison found a regression.
const WORSE: u8 = 4;

/// Why a command ended, and the exit status that says so.
pub struct Ended {
    /// What is printed.
    pub report: Report,
    /// 2 where the user can mend it, [`LEAK`] where an audit found one, [`WORSE`] where results are not good enough, 1 otherwise.
    pub status: u8,
}

type Outcome = Result<(), Ended>;

impl From<Failure> for Ended {
    fn from(failure: Failure) -> Self {
        let status = match &failure {
            Failure::Detector(DetectorError::Interrupted { .. }) => interrupt::status(),
            failure if failure.is_the_users() => 2,
            _ => 1,
        };
        let report = match failure {
            Failure::Plan(PlanError::Scenario(error)) => Report::from(*error),
            other @ Failure::Dataset(DatasetError::OtherData { .. }) => {
                miette!(help = "--out chooses another folder, --fresh discards what is there", "{other}")
            }
            other => match damaged(&other).and_then(pipeline::remedy) {
                Some(help) => miette!(help = help, "{other}"),
                None => Report::msg(other),
            },
        };
        Self { report, status }
    }
}

/// The file of a dataset that is not as it was made, where that ended a command.
fn damaged(failure: &Failure) -> Option<&Path> {
    match failure {
        Failure::Dataset(DatasetError::Damaged { path, .. }) => Some(path),
        _ => None,
    }
}

impl From<PlanError> for Ended {
    fn from(error: PlanError) -> Self {
        Failure::from(error).into()
    }
}

impl From<CalibrateError> for Ended {
    fn from(error: CalibrateError) -> Self {
        Self { report: Report::msg(error), status: 2 }
    }
}

/// A plan and the folder of its run.
fn prepare(scenario: &Path, args: &RunArgs, shard: Option<Shard>) -> Result<(Plan, PathBuf), Ended> {
    let overrides = Overrides::from(args.overrides.clone());
    let plan = Plan::read(scenario, &overrides)?;
    let run = args.out.clone().unwrap_or_else(|| {
        let name = &plan.scenario().name;
        Path::new("reports").join(match shard {
            Some(shard) => format!("{name}-{}of{}", shard.number(), shard.count()),
            None => name.clone(),
        })
    });
    Ok((plan, run))
}

/// The device that was asked for.
fn open(wanted: &DeviceArgs) -> Result<Device, Ended> {
    device::allow_tf32(!wanted.no_tf32);
    device::deterministic(wanted.deterministic);
    wanted.device.unwrap_or_default().open().map_err(|error| {
        let status = if matches!(error, NetsError::Tensor(_)) { 1 } else { 2 };
        Ended { report: Report::msg(error), status }
    })
}

/// `synthgen SCENARIO`.
pub fn benchmark(scenario: &Path, args: &RunArgs, wanted: &DeviceArgs) -> Outcome {
    let device = open(wanted)?;
    let (plan, run) = prepare(scenario, args, None)?;
    plan.judges()?;
    let inputs = plan.inputs(scenario);
    let afresh = args.fresh.then_some(&inputs[..]);
    tell(format_args!("device: {}", device::name(&device)));
    let finished = pipeline::run(&plan, &run, afresh, &device, &Terminal::default())?;
    let verdict = verdict(&finished.record);
    tell(&verdict.headline);
    let missed =
        verdict.points.iter().find(|point| verdict.bar_met == Some(false) && point.topic == NAMED_PAIR);
    missed.into_iter().for_each(|point| tell(&point.text));
    say(finished.report.display())?;
    let failed: Vec<String> =
        finished.record.gates.iter().filter(|gate| !gate.holds()).map(Gate::to_string).collect();
    match failed.len() {
        0 => Ok(()),
        n => {
            let report = miette!(
                help = failed.join("\n"),
                "{n} of {} failed",
                plural(finished.record.gates.len(), "gate")
            );
            Err(Ended { report, status: WORSE })
        }
    }
}

/// `synthgen generate SCENARIO`.
pub fn generate(scenario: &Path, args: &RunArgs, shard: Option<Shard>) -> Outcome {
    let (plan, run) = prepare(scenario, args, shard)?;
    let inputs = plan.inputs(scenario);
    let afresh = args.fresh.then_some(&inputs[..]);
    let dataset = pipeline::generate(&plan, &run, shard, afresh, &Terminal::default())?;
    say(dataset.display())?;
    Ok(())
}

/// `synthgen merge SHARD...`.
pub fn merge(shards: &[PathBuf], run: &Path, fresh: bool) -> Outcome {
    say(pipeline::merge(shards, run, fresh, &Terminal::default())?.display())?;
    Ok(())
}

/// `synthgen export DATASET --format NAME`.
pub fn export(dataset: &Path, formats: Vec<String>) -> Outcome {
    let formats: Formats = formats.into_iter().map(|name| (name, Settings::new())).collect();
    say(pipeline::export(dataset, &formats)?.display())?;
    Ok(())
}

/// `synthgen export-onnx MODEL`.
pub fn export_onnx(model: &Path, out: Option<&Path>) -> Outcome {
    say(pipeline::export_onnx(model, out)?.display())?;
    Ok(())
}

/// `synthgen explain IMAGE`.
pub fn explain(image: &Path, remake: Option<&Path>) -> Outcome {
    let origin = Origin::of(image).map_err(Failure::from)?;
    if !origin.is_unchanged().map_err(Failure::from)? {
        tell(format_args!(
            "{} was changed since; what follows is of the file as it was made",
            image.display()
        ));
    }
    // A string takes everything.
    say(explain::describe(&origin).unwrap_or_default().trim_end())?;
    let Some(folder) = remake else { return Ok(()) };
    let again = || origin.remake(&origin.production()?, folder);
    let remade = again().map_err(Failure::from)?;
    say(format_args!("\nmade again in {}", folder.display()))?;
    for file in &remade {
        say(format_args!("  {}  {}", if file.same { "equal    " } else { "DIFFERENT" }, file.file))?;
    }
    match remade.iter().filter(|file| !file.same).count() {
        0 => Ok(()),
        count => {
            Err(Ended { report: miette!("{count} of {} files came out different", remade.len()), status: 1 })
        }
    }
}

/// `synthgen report RUN`.
pub fn report(run: &Path) -> Outcome {
    say(pipeline::redraw(run)?.display())?;
    Ok(())
}

/// `synthgen compare BEFORE AFTER`.
pub fn compare(before: &Path, after: &Path, json: Option<&Path>) -> Outcome {
    let (before, after) = (pipeline::record(before)?, pipeline::record(after)?);
    let comparison = comparison::compare(&before, &after);
    say(comparison.text(&before, &after))?;
    if let Some(path) = json {
        pipeline::write_json(path, &comparison)?;
    }
    match comparison.regressions().count() {
        0 => Ok(()),
        n => {
            let report = miette!("the later run is worse in {n} of {} measures", comparison.changes.len());
            Err(Ended { report, status: WORSE })
        }
    }
}

/// `synthgen audit DATASET`.
pub fn audit(dataset: &Path, json: Option<&Path>) -> Outcome {
    let audited = pipeline::audit(dataset)?;
    say(fair::text(&audited.audit, &audited.floors))?;
    if let Some(path) = json {
        pipeline::write_json(path, &audited)?;
    }
    match fair::leaks(&audited.audit).len() {
        0 => Ok(()),
        1 => Err(Ended { report: miette!("the test set leaks its labels"), status: LEAK }),
        n => Err(Ended { report: miette!("the test set leaks its labels in {n} ways"), status: LEAK }),
    }
}

/// `synthgen check SCENARIO`.
pub fn check(scenario: &Path, overrides: &Overrides) -> Outcome {
    let plan = Plan::read(scenario, overrides)?;
    plan.judges()?;
    let production = &plan.production;
    say(format_args!("{} (seed {})", &plan.scenario().name, plan.scenario().seed))?;
    for part in production.parts() {
        let [width, depth, height] = part.size_mm;
        say(format_args!(
            "part       {} x {}: {width:.1} x {depth:.1} x {height:.1} mm",
            part.copies,
            part.file.display()
        ))?;
        for line in part.certificate.to_string().lines() {
            say(format_args!("           {line}"))?;
        }
    }
    let frame = production.frame();
    say(format_args!("layers     {} per job", production.most_layers()))?;
    say(format_args!(
        "images     {0} x {0} px, {1:.3} px per mm, bed {2:.1} mm",
        frame.size_px,
        frame.px_per_mm,
        production.bed_side_mm()
    ))?;
    let images = |split| production.images(split);
    say(format_args!(
        "           {} training, {} validation, about {} test and {} history, {} screening",
        images(Split::Train),
        images(Split::Validation),
        images(Split::Test),
        images(Split::History),
        images(Split::Screening)
    ))?;
    if let Some(photographs) = pipeline::photographs(&plan).map_err(Failure::from)? {
        let anomalous = photographs.anomalous.iter().filter(|&&anomalous| anomalous).count();
        say(format_args!(
            "photographs {} healthy to train on, {} to watch by, {} to judge by, {anomalous} anomalous, {}",
            photographs.training.len(),
            photographs.validation.len(),
            photographs.anomalous.len() - anomalous,
            if photographs.masks.is_some() { "masks" } else { "no masks" }
        ))?;
    }
    let list = |names: Vec<&str>| if names.is_empty() { "none".to_owned() } else { names.join(", ") };
    say(format_args!("defects    {}", list(plan.scenario().defects().map(|(name, _)| name).collect())))?;
    say(format_args!("faults     {}", list(plan.scenario().faults().map(|(name, _)| name).collect())))?;
    for shift in &plan.shifts {
        let widths: Vec<String> = shift.points.iter().map(|varied| varied.width.to_string()).collect();
        let images: usize = shift.points.iter().map(|varied| varied.production.images(Split::Test)).sum();
        say(format_args!(
            "shift      {}: width {}, about {images} test images",
            shift.name,
            widths.join(", ")
        ))?;
    }
    say(format_args!("formats    {}", list(plan.scenario().formats().keys().map(String::as_str).collect())))?;
    say(format_args!("detectors  {}", list(plan.detectors.iter().map(|d| d.name.as_str()).collect())))?;
    say(format_args!("thresholds {}", list(plan.thresholds.iter().map(|t| t.name.as_str()).collect())))?;
    say(format_args!(
        "separators {}",
        list(plan.separation.separators.iter().map(|s| s.name.as_str()).collect())
    ))?;
    let mebibytes = |bytes: u64| bytes as f64 / (1024.0 * 1024.0);
    say(format_args!("disk       about {:.1} MiB for the dataset", mebibytes(production.estimated_bytes())))?;
    if !plan.shifts.is_empty() {
        let varied = plan.shifts.iter().flat_map(|shift| &shift.points);
        let bytes = varied.map(|varied| varied.production.estimated_bytes()).sum();
        say(format_args!("           about {:.1} MiB for the shifts", mebibytes(bytes)))?;
    }
    Ok(())
}

/// `synthgen score MODEL IMAGES...`.
pub fn score(request: &pipeline::Request<'_>, wanted: &DeviceArgs) -> Outcome {
    let device = open(wanted)?;
    let scored = pipeline::score(request, &device, &Terminal::default())?;
    match &scored.verdict {
        Some((called, rule)) => say(format_args!(
            "{called} of {} images are anomalous: their {} is above {}, the threshold `{}`",
            scored.images,
            rule.score,
            short(rule.value),
            rule.threshold
        ))?,
        None => say(format_args!(
            "{} images scored; the model has no threshold, so there are no verdicts",
            scored.images
        ))?,
    }
    say(format_args!("{:.2} ms per image on {}", scored.ms_per_image, device::name(&device)))?;
    say(scored.table.display())?;
    if let Some(folder) = &scored.overlays {
        say(folder.display())?;
    }
    Ok(())
}

/// The folder `reports/COMMAND/NAME`, called after what the command is given: a folder, or the one that holds a file.
pub fn beside_reports(command: &str, given: &Path) -> PathBuf {
    let folder = if given.is_file() { given.parent() } else { Some(given) };
    let name =
        folder.and_then(|f| f.canonicalize().ok()).and_then(|path| path.file_name().map(ToOwned::to_owned));
    Path::new("reports").join(command).join(name.unwrap_or_else(|| "images".into()))
}

/// `synthgen gallery`.
pub fn gallery(scenario: Option<&Path>, overrides: Overrides, out: Option<&Path>) -> Outcome {
    let all = Path::new("reports/gallery");
    let page = match scenario {
        Some(scenario) => {
            let plan = Plan::read(scenario, &overrides)?;
            gallery::draw_own(&plan, out.unwrap_or(&all.join(&plan.scenario().name)))?
        }
        None => {
            let Overrides { part, unit, seed } = overrides;
            if unit.is_some() && part.is_none() {
                return Err(Ended {
                    report: miette!("--unit is that of a part: --part names one"),
                    status: 2,
                });
            }
            gallery::draw(part.as_deref(), unit, out.unwrap_or(all), seed.unwrap_or(1))?
        }
    };
    say(page.display())?;
    Ok(())
}

/// `synthgen screen IMAGES`.
pub fn screen(images: &Path, out: Option<&Path>, strictness: f64) -> Outcome {
    let out = out.map_or_else(|| beside_reports("screen", images), Path::to_owned);
    say(screening::write(images, strictness, &out)?)?;
    Ok(())
}

/// `synthgen slice PART`.
pub fn slice(part: &Path, unit: Unit, layers: Layers, out: Option<&Path>) -> Outcome {
    let mesh = Mesh::read(part, unit).map_err(Failure::from)?;
    let stem = part.file_stem().unwrap_or_default();
    let out = out.map_or_else(|| Path::new("reports/slices").join(stem), Path::to_owned);
    let written = slices::write(&mesh, layers, &out)?;
    say(written)?;
    Ok(())
}

/// `synthgen calibrate IMAGES`.
pub fn calibrate(images: &Path, out: &Path, args: CalibrateArgs) -> Outcome {
    let refuse = |message: String| Err(Ended { report: Report::msg(message), status: 2 });
    let [low, high] = [args.range_c[0], args.range_c[1]];
    if !(low < high && low.is_finite() && high.is_finite()) {
        return refuse(format!(
            "--range-c needs LOW < HIGH, not {low} {high}; --invert turns the scale over"
        ));
    }
    if let Some(bed_mm) = args.bed_mm.filter(|mm| !(*mm > 0.0 && mm.is_finite())) {
        return refuse(format!("--bed-mm is {bed_mm} but must be greater than 0"));
    }
    if !(args.cover > 0.0 && args.cover <= 1.0) {
        return refuse(format!("--cover is {} but must be greater than 0 and at most 1", args.cover));
    }
    let options = Options {
        scale: Scale { range_c: [low, high], invert: args.invert, image_px: args.image_px.map(usize::from) },
        bed_mm: args.bed_mm,
        ordered: args.ordered,
        cold_print: args.cold_print,
        cover: args.cover,
    };
    // Only what a calibration wrote is written over.
    let ours = |text: String| text.starts_with(calibrate::HEAD);
    if out.exists() && !std::fs::read_to_string(out).is_ok_and(ours) {
        return Err(Failure::Occupied { path: out.to_owned() }.into());
    }
    let terminal = Terminal::default();
    let told = |done, total| {
        let _ = terminal.step("calibrate", done, total, &[]);
    };
    let calibration = calibrate::calibrate(images, &options, &told)?;
    tell(match options.scale.invert {
        false => "white is taken for warm; --invert says that black is",
        true => "black is taken for warm",
    });
    write_file(out, calibration.to_toml(&options).as_bytes())?;
    say(format_args!("{}\n{}", calibration.to_table(), out.display()))?;
    Ok(())
}
