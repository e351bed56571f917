//! The command line.

mod commands;
mod explain;
mod gallery;
mod interrupt;
mod progress;
mod say;
mod screening;
mod slices;

use std::path::{Path, PathBuf};
use std::process::ExitCode;

use clap::builder::{PossibleValue, PossibleValuesParser};
use clap::{Args, CommandFactory, Parser, Subcommand};
use generators::dataset::Shard;
use generators::dataset::formats::KINDS;
use generators::mesh::Unit;
use generators::params::nearest;
use miette::MietteHandlerOpts;

use crate::nets::device::Place;
use crate::pipeline::{Overlays, Request};
use crate::plan::Overrides;
use say::tell;
use slices::Layers;

const EXAMPLES: &str = "\
Examples:
  synthgen scenarios/quickstart.toml
      make the data, train the detectors, write reports/quickstart/report.html
  synthgen scenarios/quickstart.toml --device cuda:1
      the same on the second NVIDIA card; the first is taken by itself where the program is built for one
  synthgen scenarios/quickstart.toml --part pump.stl --unit inch --out reports/pump
      the same benchmark on a part of your own
  synthgen check scenarios/quickstart.toml
      what a run would do: parts, layers, images, detectors, disk; nothing is written
  synthgen generate scenarios/quickstart.toml --seed 8 --out data/eight
      only the labelled dataset, in the MVTec-AD layout
  synthgen generate scenarios/quickstart.toml --shard 2/3
  synthgen merge reports/quickstart-*of3 --out reports/quickstart
      the same dataset in shares, on as many machines, and the shares joined
  synthgen export reports/quickstart --format coco --format webdataset
      its dataset as other tools read it, beside the MVTec-AD layout
  synthgen export-onnx reports/quickstart/models/vae -o vae.onnx
      a trained detector for onnxruntime: images in, scores and anomaly maps out
  synthgen score reports/quickstart/models/vae photos
      scores and verdicts on new images: a table, and what was found drawn over them
  synthgen explain reports/quickstart/dataset/test/porous/job0036_layer0020.png --remake again
      what made that image, parameter by parameter, and the image once more
  synthgen report reports/quickstart
      draw the report again from record.json
  synthgen compare reports/baselines/quickstart reports/quickstart
      what changed from one run to another, by more than chance allows
  synthgen audit reports/quickstart
      whether anything but the defect tells the classes of the test set apart
  synthgen gallery
      every defect, fault and texture, drawn on a real layer
  synthgen gallery scenarios/composed-defects.toml
      a scenario's own defects, as its camera sees them
  synthgen screen photos
      which images of a folder are no data of the process, and why: screen.csv
  synthgen slice pump.stl --unit inch --layer-height 0.4
      contours as SVG, a contact sheet, and the area of each layer
  synthgen calibrate photos -o ranges.toml --image-px 128
      randomisation ranges that suit a folder of unlabelled real images

A run that was cut off goes on where it was when it is started again.
Exit status: 0 done, 2 a mistake in what was asked for, 3 a leak that `audit` found, 4 a gate of the scenario that failed or a
regression that `compare` found, 1 any other failure, 130 interrupted (143 by SIGTERM).";

/// Synthetic layer images with exactly labelled defects, and a benchmark of unsupervised anomaly detectors on them.
#[derive(Debug, Parser)]
#[command(name = "synthgen", version, after_help = EXAMPLES)]
#[command(subcommand_negates_reqs = true)]
struct Cli {
    #[command(subcommand)]
    command: Option<Command>,
    /// The scenario, a TOML file.
    #[arg(required = true)]
    scenario: Option<PathBuf>,
    #[command(flatten)]
    settings: RunArgs,
    #[command(flatten)]
    device: DeviceArgs,
    /// Threads to use; all cores where absent. The results do not depend on it.
    #[arg(long, global = true, value_name = "N", value_parser = clap::value_parser!(u16).range(1..))]
    threads: Option<u16>,
}

impl Cli {
    /// Whether something is stated that only `synthgen SCENARIO` takes.
    fn states_a_run(&self) -> bool {
        let RunArgs { overrides: OverrideArgs { part, unit, seed }, out, fresh } = &self.settings;
        let DeviceArgs { device, no_tf32, deterministic } = &self.device;
        self.scenario.is_some()
            || (part.is_some() || unit.is_some() || seed.is_some() || out.is_some() || *fresh)
            || (device.is_some() || *no_tf32 || *deterministic)
    }
}

#[derive(Debug, Subcommand)]
enum Command {
    /// Make the labelled dataset of a scenario, and stop there.
    Generate {
        /// The scenario, a TOML file.
        scenario: PathBuf,
        #[command(flatten)]
        settings: RunArgs,
        /// Make share I of N of its jobs only, I from 1; `synthgen merge` joins the shares.
        #[arg(long, value_name = "I/N")]
        shard: Option<Shard>,
    },
    /// Join the shards of a dataset: the bytes are those of a run that was never split.
    Merge {
        /// The folders that `generate --shard` wrote, in any order.
        #[arg(required = true)]
        shards: Vec<PathBuf>,
        /// Where to write: files are hard links to those of the shards where the disk allows it, copies elsewhere.
        #[arg(long, value_name = "FOLDER")]
        out: PathBuf,
        /// Discard the dataset that is there first.
        #[arg(long)]
        fresh: bool,
    },
    /// Put a finished dataset into the formats of other tools as well.
    Export {
        /// The dataset's folder, or that of its run.
        dataset: PathBuf,
        /// Which; may be given more than once.
        #[arg(long, required = true, value_name = "FORMAT", value_parser = formats())]
        format: Vec<String>,
    },
    /// Write a trained detector as ONNX, from an image to its scores, for other programs.
    ///
    /// The input is `images`, `[batch, 1, size, size]`, grey values 0 to 1. The outputs are the detector's scores, feature
    /// vectors and anomaly map under the names of the report, with `_` for what is no letter or digit: `A_R_peak`, `map`.
    ///
    /// A detector that knows more of a layer than its image has a second input, `context`, `[batch, channels, size, size]`: the nominal
    /// slices of the layer and of those before it, where it takes slices, then the images of those before, the nearest first; zero
    /// where a job has none.
    ExportOnnx {
        /// The model's folder, as in reports/quickstart/models/vae, or its model.safetensors.
        model: PathBuf,
        /// Where to write; model.onnx beside the model where absent.
        #[arg(short, long, value_name = "FILE")]
        out: Option<PathBuf>,
    },
    /// Score new images with a trained detector and call them healthy or anomalous by its threshold.
    ///
    /// Writes scores.csv, with a line per image, and in `overlays`, for each anomalous image, what is strange in it; both replace what an
    /// earlier call left there. The threshold is one of the scenario's, found on healthy images without labels.
    Score {
        /// The model's folder, as in reports/quickstart/models/vae, or its model.safetensors.
        model: PathBuf,
        /// Images, folders of images, or a dataset or run, of which the test images are scored.
        #[arg(required = true)]
        images: Vec<PathBuf>,
        /// The score that decides; the detector's headline where absent.
        #[arg(long, value_name = "NAME")]
        score: Option<String>,
        /// The threshold that decides; the scenario's first where absent.
        #[arg(long, value_name = "NAME")]
        threshold: Option<String>,
        /// Which images are drawn with what is strange in them.
        #[arg(long, value_name = "anomalous|all|none", default_value = "anomalous", value_parser = overlays)]
        overlays: Overlays,
        /// Where to write; `reports/score/DETECTOR` where absent.
        #[arg(short, long, value_name = "FOLDER")]
        out: Option<PathBuf>,
        #[command(flatten)]
        device: DeviceArgs,
    },
    /// Print every parameter that made an image of a dataset, and make it again.
    Explain {
        /// An image, mask, change map or nominal slice, where it was generated.
        image: PathBuf,
        /// Make everything that shows the same layer again, in this folder, and compare it with the manifest.
        #[arg(long, value_name = "FOLDER")]
        remake: Option<PathBuf>,
    },
    /// Draw a finished run's report again from its record.
    Report {
        /// The run's folder, or its record.json.
        run: PathBuf,
    },
    /// Hold the record of one run against that of an earlier one; exit status 4 where it is worse than chance allows.
    Compare {
        /// The earlier run's folder, or its record.json.
        before: PathBuf,
        /// The later run's.
        after: PathBuf,
        /// Write every change there, too.
        #[arg(long, value_name = "FILE")]
        json: Option<PathBuf>,
    },
    /// Ask whether anything but the defect tells the classes of a dataset's test set apart; exit status 3 where it does.
    Audit {
        /// The dataset's folder, or that of a run.
        dataset: PathBuf,
        /// Write every number there, too.
        #[arg(long, value_name = "FILE")]
        json: Option<PathBuf>,
    },
    /// Validate a scenario and print what a run would do; write nothing.
    Check {
        /// The scenario, a TOML file.
        scenario: PathBuf,
        #[command(flatten)]
        overrides: OverrideArgs,
    },
    /// Draw every registered defect, fault and texture on a real layer, or the defects of a scenario in its own process, as PNG and HTML.
    Gallery {
        /// The scenario whose defects are drawn as its camera delivers them, in a few of its test jobs; nothing is trained.
        scenario: Option<PathBuf>,
        /// Draw on this part instead of the built-in one, or the scenario's first.
        #[arg(long, value_name = "STL")]
        part: Option<PathBuf>,
        /// Unit of the (first) part's coordinates.
        #[arg(long, value_parser = unit, value_name = "mm|m|inch")]
        unit: Option<Unit>,
        /// Where to write; `reports/gallery` where absent, `reports/gallery/NAME` for a scenario.
        #[arg(long, value_name = "FOLDER")]
        out: Option<PathBuf>,
        /// Seed of everything random, in the place of the scenario's; 1 without one.
        #[arg(long, value_parser = clap::value_parser!(u64).range(..=i64::MAX as u64))]
        seed: Option<u64>,
    },
    /// Tell images that a fault of the camera or a person has spoilt from data of the process, without labels.
    ///
    /// Images are taken in the natural order of their names, each folder as a series in time, or each job where all names are those of
    /// a dataset's images. On a dataset of this program with screening jobs, precision and recall are printed once the verdicts stand.
    Screen {
        /// The folder of images, and those below it; or a dataset, or the run that made it.
        images: PathBuf,
        /// Where to write; `reports/screen/FOLDER` where absent.
        #[arg(long, value_name = "FOLDER")]
        out: Option<PathBuf>,
        /// 2 finds what is half as clear, and throws away more of what is sound; 0.5 the opposite.
        #[arg(long, default_value_t = 1.0, value_name = "FACTOR", value_parser = strictness)]
        strictness: f64,
    },
    /// Slice a part: contours as SVG, a contact sheet as PNG, areas as CSV, and a certificate of what
    /// was mended and how sure the areas are.
    Slice {
        /// The part.
        part: PathBuf,
        /// Unit of its coordinates.
        #[arg(long, value_parser = unit, default_value = "mm", value_name = "mm|m|inch")]
        unit: Unit,
        /// Height of a layer in mm.
        #[arg(long, default_value_t = 0.3, value_name = "MM", value_parser = height)]
        layer_height: f64,
        /// Cut it into so many layers of equal height instead.
        #[arg(long, value_name = "N", conflicts_with = "layer_height")]
        layers: Option<usize>,
        /// Where to write; `reports/slices/PART` where absent.
        #[arg(long, value_name = "FOLDER")]
        out: Option<PathBuf>,
    },
    /// Fit the randomisation ranges of a scenario to a folder of unlabelled real images.
    Calibrate {
        /// The folder (PNG, JPEG, BMP or TIFF; grey or colour; they need not be square).
        images: PathBuf,
        /// The part of a scenario to write.
        #[arg(short, long, default_value = "ranges.toml", value_name = "TOML")]
        out: PathBuf,
        #[command(flatten)]
        settings: CalibrateArgs,
    },
}

#[derive(Clone, Debug, Args)]
struct CalibrateArgs {
    /// Temperatures in degrees Celsius of black and white; percent of white where absent.
    #[arg(long, num_args = 2, value_names = ["LOW", "HIGH"], default_values_t = [0.0, 100.0], allow_negative_numbers = true)]
    range_c: Vec<f64>,
    /// Black is the warm end.
    #[arg(long)]
    invert: bool,
    /// Scale the images to this many pixels along the shorter side, those of the scenario; the first image's where absent.
    #[arg(long, value_name = "PX", value_parser = clap::value_parser!(u16).range(16..=4096))]
    image_px: Option<u16>,
    /// The length that the shorter side shows, in mm.
    #[arg(long, value_name = "MM")]
    bed_mm: Option<f64>,
    /// The images are the layers of one job or of several, in the order of their names: files whose names differ in the last number
    /// alone are one job.
    #[arg(long)]
    ordered: bool,
    /// The print is colder than the bed.
    #[arg(long)]
    cold_print: bool,
    /// Share of the images that each range covers.
    #[arg(long, default_value_t = 0.95, value_name = "SHARE")]
    cover: f64,
}

#[derive(Clone, Debug, Args)]
struct RunArgs {
    #[command(flatten)]
    overrides: OverrideArgs,
    /// Where to write; `reports/NAME` where absent, `reports/NAME-IofN` for a shard.
    #[arg(long, value_name = "FOLDER")]
    out: Option<PathBuf>,
    /// Discard first what is there: the dataset, and where a whole scenario is run, models and report too.
    #[arg(long)]
    fresh: bool,
}

#[derive(Clone, Debug, Args)]
struct DeviceArgs {
    /// Where the networks train and score: `cpu`, or a card as `cuda:0`; the first card where the program is built for one
    /// and finds one, else the processor.
    #[arg(long, value_name = "cpu|cuda[:N]")]
    device: Option<Place>,
    /// On a card, do not round the operands of convolutions and products to TF32: slower, and nearer to the processor.
    #[arg(long)]
    no_tf32: bool,
    /// On a card, take only convolutions that give the same bits each time. The processor always does.
    #[arg(long)]
    deterministic: bool,
}

#[derive(Clone, Debug, Args)]
struct OverrideArgs {
    /// Put this part in the place of the scenario's first.
    #[arg(long, value_name = "STL")]
    part: Option<PathBuf>,
    /// Unit of the (first) part's coordinates: STL files do not say.
    #[arg(long, value_parser = unit, value_name = "mm|m|inch")]
    unit: Option<Unit>,
    /// Seed of everything random, in the place of the scenario's.
    #[arg(long, value_parser = clap::value_parser!(u64).range(..=i64::MAX as u64))]
    seed: Option<u64>,
}

impl From<OverrideArgs> for Overrides {
    fn from(args: OverrideArgs) -> Self {
        Self { part: args.part, unit: args.unit, seed: args.seed }
    }
}

fn strictness(text: &str) -> Result<f64, String> {
    let factor = text.parse().ok().filter(|f| (0.1..=10.0).contains(f));
    factor.ok_or_else(|| "it is a number from 0.1 to 10".to_owned())
}

fn unit(name: &str) -> Result<Unit, String> {
    Unit::from_name(name).ok_or_else(|| format!("a unit is one of {}", Unit::NAMES.join(", ")))
}

fn height(number: &str) -> Result<f64, String> {
    number
        .parse()
        .ok()
        .filter(|&mm: &f64| mm > 0.0 && mm.is_finite())
        .ok_or_else(|| "a height is more than 0 mm".into())
}

fn overlays(name: &str) -> Result<Overlays, String> {
    match name {
        "anomalous" => Ok(Overlays::Anomalous),
        "all" => Ok(Overlays::All),
        "none" => Ok(Overlays::Never),
        _ => Err("it is one of anomalous, all, none".to_owned()),
    }
}

/// Ends the program where the first word is neither a command nor a file, but much like a command: clap takes it for a scenario, and
/// what follows for too much.
fn refuse_misspelt(word: &str) {
    let mut command = Cli::command();
    let known: Vec<&str> = command.get_subcommands().map(clap::Command::get_name).collect();
    let is_path = word.contains(['.', '/', '\\']) || Path::new(word).exists();
    if word.starts_with('-') || is_path || known.contains(&word) {
        return;
    }
    if let Some(meant) = nearest(word, &known) {
        let words = format!("there is no scenario and no command `{word}`; did you mean `{meant}`?");
        command.error(clap::error::ErrorKind::InvalidSubcommand, words).exit();
    }
}

/// The names of the formats, each with what it is.
fn formats() -> PossibleValuesParser {
    KINDS.iter().map(|kind| PossibleValue::new(kind.name).help(kind.summary)).collect::<Vec<_>>().into()
}

/// Runs the program; 0 where all went well, 2 where the user can mend it, 3 where an audit found a leak, 4 where results are not good
/// enough, 1 otherwise.
pub fn run() -> ExitCode {
    if let Some(first) = std::env::args_os().nth(1) {
        refuse_misspelt(&first.to_string_lossy());
    }
    let cli = Cli::parse();
    if cli.command.is_some() && cli.states_a_run() {
        let words = "a scenario and the options of a run do not go with a command; put the command's own options behind it";
        Cli::command().error(clap::error::ErrorKind::ArgumentConflict, words).exit();
    }
    // Messages stay on one line, so that paths in them can be copied. It fails only where a hook is set already.
    let _ = miette::set_hook(Box::new(|_| Box::new(MietteHandlerOpts::new().wrap_lines(false).build())));
    if let Some(threads) = cli.threads
        && let Err(e) = rayon::ThreadPoolBuilder::new().num_threads(threads.into()).build_global()
    {
        tell(format_args!("cannot start {threads} threads: {e}"));
        return ExitCode::from(1);
    }
    interrupt::listen(matches!(&cli.command, None | Some(Command::Generate { .. } | Command::Merge { .. })));
    let outcome = match cli.command {
        // clap requires the scenario where there is no command.
        None => commands::benchmark(&cli.scenario.unwrap_or_default(), &cli.settings, &cli.device),
        Some(Command::Generate { scenario, settings, shard }) => {
            commands::generate(&scenario, &settings, shard)
        }
        Some(Command::Merge { shards, out, fresh }) => commands::merge(&shards, &out, fresh),
        Some(Command::Export { dataset, format }) => commands::export(&dataset, format),
        Some(Command::ExportOnnx { model, out }) => commands::export_onnx(&model, out.as_deref()),
        Some(Command::Score { model, images, score, threshold, overlays, out, device }) => {
            let (score, threshold) = (score.as_deref(), threshold.as_deref());
            let out = out.unwrap_or_else(|| commands::beside_reports("score", &model));
            let request = Request { model: &model, images: &images, score, threshold, overlays, out: &out };
            commands::score(&request, &device)
        }
        Some(Command::Explain { image, remake }) => commands::explain(&image, remake.as_deref()),
        Some(Command::Report { run }) => commands::report(&run),
        Some(Command::Compare { before, after, json }) => commands::compare(&before, &after, json.as_deref()),
        Some(Command::Audit { dataset, json }) => commands::audit(&dataset, json.as_deref()),
        Some(Command::Check { scenario, overrides }) => commands::check(&scenario, &overrides.into()),
        Some(Command::Gallery { scenario, part, unit, out, seed }) => {
            commands::gallery(scenario.as_deref(), Overrides { part, unit, seed }, out.as_deref())
        }
        Some(Command::Screen { images, out, strictness }) => {
            commands::screen(&images, out.as_deref(), strictness)
        }
        Some(Command::Slice { part, unit, layer_height, layers, out }) => {
            let layers = layers.map_or(Layers::HeightMm(layer_height), Layers::Count);
            commands::slice(&part, unit, layers, out.as_deref())
        }
        Some(Command::Calibrate { images, out, settings }) => commands::calibrate(&images, &out, settings),
    };
    match outcome {
        Ok(()) => ExitCode::SUCCESS,
        Err(failure) => {
            tell(format_args!("{:?}", failure.report));
            ExitCode::from(failure.status)
        }
    }
}
