//! Datasets read by the programs that the formats are made for: pyarrow, pycocotools, webdataset, mlcroissant,
//! Pillow and tifffile compare every image, mask, label and number with the default layout (`read.py`). Detectors run by
//! onnxruntime give the scores of the run that trained them (`score.py`), and layers give what they give here (`layers.py`).
//!
//! They are found with the Python that `SYNTHGEN_PYTHON` names, or else `python3`. Where that has them not, the test
//! says so and passes; with `SYNTHGEN_REQUIRE_INTEROP=1`, as `.ci/run` sets it, it fails.
#![allow(clippy::unwrap_used, reason = "a panic is how a test fails")]

use std::path::Path;
use std::process::Command;

use assert_cmd::cargo::cargo_bin;
use candle_core::{Device, Result, Tensor};
use generators::stream::Stream;
use synthgen::detectors::KINDS;
use synthgen::nets::onnx::{Graph, Value};
use synthgen::nets::{
    Activation, BatchNorm2d, Conv2d, ConvTranspose2d, Init, InstanceNorm2d, LayerNorm, Linear, Mode,
    Parameters, Ssim, Window, normal, uniform, upsample_nearest,
};

const READERS: &str =
    "import mlcroissant, numpy, onnxruntime, PIL, pyarrow, pycocotools, tifffile, webdataset, yaml";

/// The Python that has the readers.
fn python() -> Option<String> {
    let python = std::env::var("SYNTHGEN_PYTHON").unwrap_or_else(|_| "python3".to_owned());
    let tried = Command::new(&python).args(["-c", READERS]).output();
    let why = match &tried {
        Ok(output) if output.status.success() => return Some(python),
        Ok(output) => String::from_utf8_lossy(&output.stderr).lines().last().unwrap_or_default().to_owned(),
        Err(error) => error.to_string(),
    };
    let required = std::env::var("SYNTHGEN_REQUIRE_INTEROP").is_ok_and(|value| value == "1");
    assert!(!required, "{python} cannot read the formats: {why}; install tests/interop/requirements.txt");
    println!("skipped: {python} cannot read the formats: {why}; install tests/interop/requirements.txt");
    None
}

/// A scenario with every split, defects with and without afterglow, and faults.
fn scenario(bits: u8, temperature: &str) -> String {
    let part = Path::new(env!("CARGO_MANIFEST_DIR")).join("scenarios/parts/core.stl");
    format!(
        r#"
seed = 5
[camera]
image_px = 48
bits = {bits}
range_c = [20.0, 90.0]
gain = {{ uniform = [0.97, 1.0] }}
offset = {{ uniform = [0.0, 0.02] }}
[bed]
temperature_c = {{ uniform = [42.0, 44.0] }}
[bed.texture]
kind = "cloud"
[print]
temperature_c = {{ uniform = [66.0, 69.0] }}
[print.texture]
kind = "grain"
[layers]
height_mm = 0.3
max = 24
[thermal]
retain = 0.4
[[part]]
file = {part:?}
[dataset]
training_jobs = 1
validation_jobs = 1
test_jobs = 3
screening_jobs = 1
afterglow = "test"
temperature = "{temperature}"
formats = ["coco", "croissant", "webdataset", "yolo"]
[dataset.webdataset]
shard_mib = 0.3
[dataset.croissant]
license = "https://spdx.org/licenses/CC0-1.0.html"
url = "https://example.org/layers"
creator = "Example Works"
published = "2026-01-31"
cite_as = "@misc{{layers, title = {{Layers}}}}"
[[defect]]
kind = "porous"
[[defect]]
kind = "shift"
distance_mm = 9.0
[[fault]]
kind = "blank"
[[fault]]
kind = "dead-lines"
"#
    )
}

/// Ends the test where `command` fails; else says what it printed.
fn finish(command: &mut Command) {
    let output = command.output().unwrap();
    let (out, err) = (String::from_utf8_lossy(&output.stdout), String::from_utf8_lossy(&output.stderr));
    assert!(output.status.success(), "{out}\n{err}");
    println!("{out}");
}

fn synthgen() -> Command {
    Command::new(cargo_bin("synthgen"))
}

fn program(python: &str, name: &str) -> Command {
    let mut command = Command::new(python);
    command.arg(Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/interop").join(name));
    command
}

fn read(bits: u8, temperature: &str) {
    let Some(python) = python() else { return };
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("layers.toml");
    std::fs::write(&file, scenario(bits, temperature)).unwrap();
    finish(synthgen().arg("generate").arg(&file).arg("--out").arg(folder.path()));
    finish(program(&python, "read.py").arg(folder.path().join("dataset")));
}

#[test]
fn eight_bits_and_temperatures_as_tiff() {
    read(8, "tiff");
}

#[test]
fn sixteen_bits_and_temperatures_as_png() {
    read(16, "png16");
}

/// Every registered detector whose scores are a graph, trained for a moment, scores the test images of its run in onnxruntime.
#[test]
fn detectors_score_the_same_in_onnxruntime() {
    let Some(python) = python() else { return };
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("layers.toml");
    let text = scenario(8, "tiff").replace("image_px = 48", "image_px = 32");
    let mut text = text.replace("[dataset]\n", "[dataset]\nhistory = true\n");
    for kind in KINDS {
        text.push_str(&format!("[[detector]]\nkind = {:?}\n", kind.name));
        for line in ["channels = 4", "latent = 8", "steps = 30", "batch = 8"] {
            let key = line.split(" =").next().unwrap();
            if kind.example.lines().any(|known| known.split(" =").next() == Some(key)) {
                text.push_str(&format!("{line}\n"));
            }
        }
    }
    // One that sees the images averaged.
    let averaged = "vae-16";
    text.push_str("[[detector]]\nkind = \"vae\"\nname = \"vae-16\"\nimage_px = 16\nchannels = 4\nlatent = 8\nsteps = 30\n");
    text.push_str("[[separator]]\nkind = \"otsu\"\n");
    std::fs::write(&file, text).unwrap();
    let run = folder.path().join("run");
    finish(synthgen().arg(&file).arg("--out").arg(&run));
    for kind in KINDS {
        let mut export = synthgen();
        export.arg("export-onnx").arg(run.join("models").join(kind.name));
        if kind.name == "anogan" {
            // The one that is no graph says so.
            let output = export.output().unwrap();
            let error = String::from_utf8_lossy(&output.stderr);
            assert!(
                output.status.code() == Some(2) && error.contains("cannot be written as ONNX"),
                "{error}"
            );
        } else {
            finish(&mut export);
        }
    }
    finish(synthgen().arg("export-onnx").arg(run.join("models").join(averaged)));
    finish(program(&python, "score.py").arg(&run));
}

/// Writes a layer as `{name}.onnx`, an input of it as `{name}.x` and what it gives as `{name}.y`, little-endian f32.
fn write_layer(
    folder: &Path,
    name: &str,
    x: &Tensor,
    forward: impl Fn(&Tensor) -> Result<Tensor>,
    onnx: impl Fn(&mut Graph, &Value) -> Result<Value>,
) {
    let (mut graph, y) = (Graph::new(), forward(x).unwrap());
    let input = graph.input("x", &x.dims()[1..]);
    let output = onnx(&mut graph, &input).unwrap();
    graph.output("y", &output, &y.dims()[1..]);
    std::fs::write(folder.join(format!("{name}.onnx")), graph.into_file(&[])).unwrap();
    for (end, tensor) in [("x", x), ("y", &y)] {
        let values = tensor.flatten_all().unwrap().to_vec1::<f32>().unwrap();
        let bytes: Vec<u8> = values.iter().flat_map(|v| v.to_le_bytes()).collect();
        std::fs::write(folder.join(format!("{name}.{end}")), bytes).unwrap();
    }
}

/// Every layer alone, with drawn weights, in onnxruntime.
#[test]
fn layers_are_the_same_in_onnxruntime() {
    let Some(python) = python() else { return };
    let (folder, stream, leaky) = (tempfile::tempdir().unwrap(), Stream::root(1), Activation::LeakyRelu(0.2));
    let (at, init) = (folder.path(), Init::Kaiming);
    let x = normal((3, 4, 6, 7), &mut stream.child("x"), &Device::Cpu).unwrap();
    let mut p = Parameters::new(&Device::Cpu);
    let window = Window::new(3, 2, 2).dilated(2).grouped(2);
    let conv = Conv2d::new(&mut p, "conv", [4, 6], window, init, &stream).unwrap();
    let back = ConvTranspose2d::new(&mut p, "back", [4, 6], window, init, &stream).unwrap();
    let back = back.with_output_padding(1);
    let linear = Linear::new(&mut p, "linear", 168, 5, init, &stream).unwrap();
    let batch = BatchNorm2d::new(&mut p, "batch", 4, &stream).unwrap();
    let layer = LayerNorm::new(&mut p, "layer", &[4, 6, 7], &stream).unwrap();
    let instance = InstanceNorm2d::new(&mut p, "instance", 4, &stream).unwrap();
    for (name, variable) in p.variables() {
        let drawn = normal(variable.dims(), &mut stream.child(name).child("value"), &Device::Cpu).unwrap();
        variable.set(&drawn).unwrap();
    }
    // Running statistics that are not those of a new layer.
    batch.forward(&(&x * 3.0).unwrap(), Mode::Training, leaky).unwrap();

    write_layer(at, "conv", &x, |x| conv.forward(x, leaky), |g, x| conv.onnx(g, x, leaky));
    write_layer(at, "transposed", &x, |x| back.forward(x, leaky), |g, x| back.onnx(g, x, leaky));
    let flat = x.flatten_from(1).unwrap();
    write_layer(at, "linear", &flat, |x| linear.forward(x, leaky), |g, x| linear.onnx(g, x, leaky));
    let inference = |x: &Tensor| batch.forward(x, Mode::Inference, leaky);
    write_layer(at, "batch", &x, inference, |g, x| batch.onnx(g, x, leaky));
    write_layer(at, "layer", &x, |x| layer.forward(x, leaky), |g, x| layer.onnx(g, x, leaky));
    write_layer(at, "instance", &x, |x| instance.forward(x, leaky), |g, x| instance.onnx(g, x, leaky));
    write_layer(at, "upsampled", &x, |x| upsample_nearest(x, 3), |g, x| Ok(g.upsample_nearest(x, 3)));
    let images = uniform((3, 1, 12, 12), 0.0, 1.0, &mut stream.child("images"), &Device::Cpu).unwrap();
    let ssim = Ssim::new(12, &Device::Cpu).unwrap();
    let dissimilarity = |g: &mut Graph, x: &Value| {
        let square = g.node("Mul", &[x, x], &[]);
        ssim.onnx(g, x, &square)
    };
    write_layer(at, "dissimilarity", &images, |x| ssim.dissimilarity(x, &x.sqr()?), dissimilarity);
    finish(program(&python, "layers.py").arg(at));
}
