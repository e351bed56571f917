//! Ranges fitted to generated images contain what made them.
#![allow(clippy::unwrap_used, reason = "a panic is how a test fails")]

mod real_data;

use std::ops::ControlFlow;
use std::path::Path;

use generators::calibrate::{CalibrateError, Calibration, Options, Scale, calibrate};
use generators::dataset::{self, Dataset};
use generators::params::Table;
use generators::scenario::Scenario;
use image::GrayImage;

/// A line whose every number varies from job to job, with the stages that the paper has and the sensor's noise.
const LINE: &str = r#"
[camera]
image_px = 128
range_c = [20.0, 90.0]
bits = 16
blur_px = { uniform = [0.7, 1.2] }
noise = { read_c = { uniform = [0.1, 0.2] }, shot_c = { uniform = [0.2, 0.3] } }
[bed]
size_mm = 74.0
temperature_c = { uniform = [40.0, 44.0], jitter = { normal = [0.0, 0.3] } }
[bed.texture]
kind = "cloud"
amplitude_c = { uniform = [0.8, 1.2] }
feature_mm = { uniform = [8.0, 12.0] }
[print]
temperature_c = { uniform = [64.0, 69.0], jitter = { normal = [0.0, 0.4] } }
[print.texture]
kind = "grain"
amplitude_c = { uniform = [1.0, 1.5] }
feature_mm = { uniform = [5.0, 8.0] }
octaves = 4
[layers]
height_mm = 0.3
[[part]]
file = "parts/core.stl"
[thermal]
retain = { uniform = [0.3, 0.5] }
[dataset]
training_jobs = 6
"#;

/// Another: 8 bits, a colder and coarser process, softer optics.
const OTHER: &str = r#"
seed = 5
[camera]
image_px = 96
range_c = [10.0, 60.0]
blur_px = { uniform = [1.2, 1.8] }
noise = { read_c = { uniform = [0.25, 0.4] }, shot_c = 0.0 }
[bed]
size_mm = 74.0
temperature_c = { uniform = [24.0, 27.0] }
[bed.texture]
kind = "cloud"
amplitude_c = { uniform = [0.6, 0.9] }
feature_mm = { uniform = [12.0, 16.0] }
persistence = 0.6
[print]
temperature_c = { uniform = [44.0, 48.0] }
[print.texture]
kind = "cloud"
amplitude_c = { uniform = [1.5, 2.0] }
feature_mm = { uniform = [7.0, 10.0] }
[layers]
height_mm = 0.3
[[part]]
file = "parts/core.stl"
[thermal]
retain = { uniform = [0.05, 0.15] }
[dataset]
training_jobs = 6
"#;

fn generate(text: &str, folder: &Path) -> Dataset {
    let scenarios = Path::new(env!("CARGO_MANIFEST_DIR")).join("../scenarios");
    let mut table = Table::parse("line.toml", text).unwrap();
    let production = Scenario::read(&mut table, &scenarios).unwrap().resolve().unwrap();
    dataset::write(&production, folder, None, &|_| ControlFlow::Continue(())).unwrap();
    Dataset::open(folder).unwrap()
}

fn options(range_c: [f64; 2]) -> Options {
    Options {
        scale: Scale { range_c, invert: true, image_px: None },
        bed_mm: Some(74.0),
        ordered: true,
        cold_print: false,
        cover: 0.95,
    }
}

/// A camera that shades its image off the middle, and whose sensor elements differ.
const SHADED: &str = r#"
seed = 9
[camera]
image_px = 128
range_c = [10.0, 80.0]
bits = 16
blur_px = { uniform = [0.6, 0.9] }
vignette = { corner_loss = { uniform = [0.3, 0.5] }, centre_x = 0.4, centre_y = 0.6, steepness = { uniform = [1.5, 2.5] } }
pattern = { pixel_c = { uniform = [0.2, 0.3] }, column_c = { uniform = [0.2, 0.3] } }
noise = { read_c = { uniform = [0.1, 0.2] }, shot_c = 0.0 }
[bed]
size_mm = 74.0
temperature_c = { uniform = [40.0, 44.0], jitter = { normal = [0.0, 0.3] } }
[bed.texture]
kind = "cloud"
amplitude_c = { uniform = [0.8, 1.2] }
feature_mm = { uniform = [6.0, 9.0] }
[print]
temperature_c = { uniform = [60.0, 64.0] }
[print.texture]
kind = "cloud"
amplitude_c = { uniform = [0.8, 1.2] }
feature_mm = { uniform = [5.0, 8.0] }
[layers]
height_mm = 0.3
[[part]]
file = "parts/core.stl"
[dataset]
training_jobs = 4
"#;

/// The texture ranges, and how far they may reach beyond the true values: a quarter on the bed, of which an image shows some ten
/// to thirty of the largest features, so that it knows their size and their variance to a fifth; a half on the part, whose
/// narrow strips show hardly one of them whole.
const TEXTURES: [(&str, f64); 4] = [
    ("bed.texture.amplitude_c", 0.25),
    ("bed.texture.feature_mm", 0.25),
    ("print.texture.amplitude_c", 0.5),
    ("print.texture.feature_mm", 0.5),
];

/// The share of the images whose true value lies in the fitted range, and how far the range reaches beyond the true
/// ones at either end: as it is, and as a share of that end.
fn compare(dataset: &Dataset, calibration: &Calibration, name: &str) -> (f64, f64, f64) {
    let fitted = calibration.parameters.iter().find(|p| p.name == name).unwrap();
    let range = fitted.range.as_ref().unwrap_or_else(|why| panic!("{name}: {why}"));
    let truth: Vec<f64> = dataset.rows().iter().filter_map(|row| row.parameters.get(name).copied()).collect();
    let inside = truth.iter().filter(|t| (range.low..=range.high).contains(*t)).count() as f64;
    let least = truth.iter().copied().fold(f64::INFINITY, f64::min);
    let greatest = truth.iter().copied().fold(f64::NEG_INFINITY, f64::max);
    println!("{name}: true {least:.3} to {greatest:.3}, fitted {} to {}", range.low, range.high);
    let reach = [least - range.low, range.high - greatest];
    (inside / truth.len() as f64, reach[0].max(reach[1]), (reach[0] / least).max(reach[1] / greatest))
}

/// Ranges are the middle 95 % of what single images say, so that at least 90 % of the true values have to be inside; and what
/// single images say scatters, so that a range may reach beyond the true one by as much as is stated, and no more.
///
/// What a whole job says (`of_jobs`) has an error of its own and no scatter: the true values are in the range but for that.
fn contains(text: &str, range_c: [f64; 2], beyond: &[(&str, f64)], of_jobs: &[(&str, f64)]) {
    let folder = tempfile::tempdir().unwrap();
    let dataset = generate(text, folder.path());
    let calibration = calibrate(&folder.path().join("train/good"), &options(range_c), &|_, _| {}).unwrap();
    println!("{}\n{:?}", calibration.to_table(), calibration.textures);
    let mut wrong = Vec::new();
    for &(name, most) in beyond {
        let (inside, reach, _) = compare(&dataset, &calibration, name);
        if inside < 0.9 || reach > most {
            wrong.push(format!("{name}: {:.0} % inside, {reach:.3} beyond", 100.0 * inside));
        }
    }
    for &(name, error) in of_jobs {
        let (_, reach, _) = compare(&dataset, &calibration, name);
        let fitted = calibration.parameters.iter().find(|p| p.name == name).unwrap().range.as_ref().unwrap();
        let truth = || dataset.rows().iter().filter_map(|row| row.parameters.get(name).copied());
        let missed = truth().map(|t| (fitted.low - t).max(t - fitted.high)).fold(0.0, f64::max);
        if reach > error || missed > error {
            wrong.push(format!("{name}: {missed:.3} outside, {reach:.3} beyond"));
        }
    }
    for (name, most) in TEXTURES {
        let (inside, _, reach) = compare(&dataset, &calibration, name);
        if inside < 0.9 || reach > most {
            wrong.push(format!("{name}: {:.0} % inside, {:.0} % beyond", 100.0 * inside, 100.0 * reach));
        }
    }
    assert!(wrong.is_empty(), "{wrong:#?}");
}

#[test]
fn ranges_contain_what_made_a_line() {
    contains(
        LINE,
        [20.0, 90.0],
        &[
            // Contours that move from layer to layer look a little softer.
            ("camera.blur_px", 0.15),
            ("camera.noise.read_c", 0.05),
            ("camera.noise.shot_c", 0.05),
            ("bed.temperature_c", 0.5),
            ("print.temperature_c", 0.5),
            ("thermal.retain", 0.12),
        ],
        &[],
    );
}

#[test]
fn ranges_contain_what_made_another() {
    contains(
        OTHER,
        [10.0, 60.0],
        &[
            ("camera.blur_px", 0.2),
            ("camera.noise.read_c", 0.1),
            // What the softer optics leave of the part does not tell its noise well.
            ("camera.noise.shot_c", 0.5),
            ("bed.temperature_c", 0.5),
            ("print.temperature_c", 0.8),
            ("thermal.retain", 0.08),
        ],
        &[],
    );
}

#[test]
fn what_all_images_share_is_shading_and_pattern_and_no_texture() {
    contains(
        SHADED,
        [10.0, 80.0],
        &[("camera.blur_px", 0.15), ("bed.temperature_c", 0.7), ("print.temperature_c", 0.7)],
        &[
            // 60 layers of a job average the texture to an eighth of its degree, against a signal of 30 degrees.
            ("camera.vignette.corner_loss", 0.03),
            ("camera.vignette.centre_x", 0.03),
            ("camera.vignette.centre_y", 0.03),
            ("camera.vignette.steepness", 0.3),
            ("camera.pattern.pixel_c", 0.01),
            // 128 columns, seen through a filter that leaves every second of them, tell a deviation to an eleventh; three times that.
            ("camera.pattern.column_c", 0.07),
            ("camera.noise.read_c", 0.04),
        ],
    );
}

/// Real images, where they are.
fn real(folder: &str, options: &Options) -> Option<Calibration> {
    let calibration = calibrate(&real_data::folder("images")?.join(folder), options, &|_, _| {}).unwrap();
    println!("{}\n{:?}\n{}", calibration.to_table(), calibration.textures, calibration.to_toml(options));
    Some(calibration)
}

fn in_percent(image_px: usize) -> Options {
    let scale = Scale { range_c: [0.0, 100.0], invert: false, image_px: Some(image_px) };
    Options { scale, bed_mm: None, ordered: false, cold_print: false, cover: 0.95 }
}

#[test]
fn photographs_of_powder_have_one_class_and_a_shading() {
    let Some(calibration) = real("PBLM/No_Defect", &in_percent(256)) else { return };
    assert_eq!(calibration.images, 23);
    assert_eq!(calibration.shading, Some("y"));
    let told = |name: &str| calibration.parameters.iter().find(|p| p.name == name).unwrap().range.is_ok();
    assert!(told("bed.temperature_c") && told("bed.texture.amplitude_c"));
    assert!(!told("print.temperature_c") && !told("thermal.retain"));
}

#[test]
fn powder_compacts_are_one_texture() {
    for folder in ["PA_BDP01_TL", "PA_BRG03_TL", "PA_GLA01_TL"] {
        let folder = format!("PIPED/{folder}/NoDefects");
        let Some(calibration) = real(&folder, &in_percent(128)) else { return };
        assert_eq!((calibration.images, calibration.with_two_classes), (48, 0), "{folder}");
    }
}

fn write_images(folder: &Path, images: &[GrayImage]) {
    for (number, image) in images.iter().enumerate() {
        image.save(folder.join(format!("image{number}.png"))).unwrap();
    }
}

/// A bright disc on a dark ground, both with a ripple.
fn disc() -> GrayImage {
    GrayImage::from_fn(80, 60, |x, y| {
        let distance = (f64::from(x) - 40.0).hypot(f64::from(y) - 30.0);
        let ripple = 3.0 * (f64::from(x) * 0.9).sin() * (f64::from(y) * 0.7).cos();
        image::Luma([(if distance < 20.0 { 170.0 } else { 80.0 } + ripple).round() as u8])
    })
}

fn text_of(error: &CalibrateError, folder: &Path) -> String {
    error.to_string().replace(&folder.display().to_string(), "F")
}

#[test]
fn folders_that_say_nothing_are_refused_in_one_line() {
    let folder = tempfile::tempdir().unwrap();
    let refused =
        |path: &Path| text_of(&calibrate(path, &in_percent(64), &|_, _| {}).unwrap_err(), folder.path());
    assert_eq!(
        refused(folder.path()),
        "there is no image (PNG, JPEG, BMP or TIFF) in F; name the folder that holds them"
    );
    std::fs::create_dir(folder.path().join("good")).unwrap();
    assert_eq!(
        refused(folder.path()),
        "there is no image (PNG, JPEG, BMP or TIFF) in F, but 1 folders; name the folder that holds them"
    );
    assert!(refused(&folder.path().join("nowhere")).starts_with("cannot read F/nowhere: "));
    write_images(folder.path(), &[disc()]);
    std::fs::write(folder.path().join("torn.png"), b"\x89PNG\r\n").unwrap();
    let message = refused(folder.path());
    assert!(message.starts_with("F/torn.png is no image that can be read: "), "{message}");
    GrayImage::new(80, 9).save(folder.path().join("torn.png")).unwrap();
    assert_eq!(
        refused(folder.path()),
        "F/torn.png is 80 x 9 px, and calibration needs at least 16 px on each side"
    );
}

#[test]
fn one_image_and_one_grey_level_are_answered_honestly() {
    let folder = tempfile::tempdir().unwrap();
    write_images(folder.path(), &[disc()]);
    let one = calibrate(folder.path(), &in_percent(60), &|_, _| {}).unwrap();
    let range = |calibration: &Calibration, name: &str| {
        calibration.parameters.iter().find(|p| p.name == name).unwrap().range.clone()
    };
    assert_eq!((one.images, one.with_two_classes), (1, 1));
    let [bed, print] = ["bed", "print"].map(|s| range(&one, &format!("{s}.temperature_c")).unwrap());
    assert!((bed.seen[1] - 80.0 / 2.55).abs() < 0.5 && (print.seen[1] - 170.0 / 2.55).abs() < 0.5);
    assert!(bed.high - bed.low < 0.02, "one value has no spread but its last digit");

    write_images(folder.path(), &[GrayImage::from_pixel(64, 64, image::Luma([90])), GrayImage::new(64, 64)]);
    let flat = calibrate(folder.path(), &in_percent(64), &|_, _| {}).unwrap();
    assert_eq!((flat.images, flat.with_two_classes), (2, 0));
    let told = flat.parameters.iter().filter(|p| p.range.is_ok()).map(|p| p.name.as_str());
    assert_eq!(told.collect::<Vec<_>>(), ["bed.temperature_c"]);
    assert!(
        flat.to_table()
            .contains("bed.texture.amplitude_c       cannot be told from these images: nothing but rounding")
    );
}

#[test]
fn what_is_written_is_a_scenario_once_it_has_a_part() {
    let scenarios = Path::new(env!("CARGO_MANIFEST_DIR")).join("../scenarios");
    let folder = tempfile::tempdir().unwrap();
    for images in [vec![disc(), disc()], vec![GrayImage::new(64, 64)]] {
        std::fs::remove_file(folder.path().join("image1.png")).ok();
        write_images(folder.path(), &images);
        let options = in_percent(60);
        let calibration = calibrate(folder.path(), &options, &|_, _| {}).unwrap();
        let text = format!(
            "{}\n[[part]]\nfile = \"parts/core.stl\"\n[dataset]\ntraining_jobs = 1\n",
            calibration.to_toml(&options)
        );
        let mut table = Table::parse("ranges.toml", &text).unwrap();
        let scenario = Scenario::read(&mut table, &scenarios).unwrap_or_else(|e| panic!("{e}\n{text}"));
        table.finish().unwrap();
        scenario.resolve().unwrap();
    }
}
