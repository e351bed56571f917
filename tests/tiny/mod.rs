//! A process so small that every stage of a run takes no time, for the tests of the whole program.
#![allow(clippy::unwrap_used)]

use std::fs;
use std::path::Path;

use tempfile::TempDir;

/// Its data: three training jobs, one that watches, six that test, and one kind of defect.
pub const DATA: &str = r#"
name = "tiny"
seed = 5
[camera]
image_px = 16
range_c = [20.0, 90.0]
[bed]
fit = true
temperature_c = 43.0
texture = { kind = "cloud", amplitude_c = 1.0, feature_mm = 10.0 }
[print]
temperature_c = 67.0
texture = { kind = "cloud", amplitude_c = 1.0, feature_mm = 6.0 }
[layers]
height_mm = 0.6
max = 12
[[part]]
file = "core.stl"
[dataset]
training_jobs = 3
validation_jobs = 1
test_jobs = 6
[[defect]]
kind = "striation"
layers = 2
cnr = 12.0
width_mm = 4.0
"#;

/// A detector that learns nothing.
pub const VAE: &str = r#"[[detector]]
kind = "vae"
steps = 3
batch = 4
channels = 2
latent = 2
"#;

/// A folder with its part, and `scenario` as `tiny.toml`.
pub fn folder(scenario: &str) -> TempDir {
    let folder = TempDir::new().unwrap();
    let part = Path::new(env!("CARGO_MANIFEST_DIR")).join("scenarios/parts/core.stl");
    fs::copy(part, folder.path().join("core.stl")).unwrap();
    fs::write(folder.path().join("tiny.toml"), scenario).unwrap();
    folder
}
