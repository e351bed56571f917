//! Parts that nobody here made, through `--part`. The files are looked for in the folder that
//! `SYNTHGEN_REAL_DATA` names (`../shared/data` where it is not set).
#![allow(clippy::unwrap_used)]

mod program;

use std::fs;
use std::path::{Path, PathBuf};

use assert_cmd::Command;
use program::synthgen;
use tempfile::TempDir;

fn real_stl() -> Option<PathBuf> {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    let data =
        std::env::var_os("SYNTHGEN_REAL_DATA").map_or_else(|| root.join("../shared/data"), PathBuf::from);
    let folder = data.join("stl");
    if folder.is_dir() {
        return Some(folder);
    }
    println!("skipped: there are no real STL files in {}", folder.display());
    None
}

/// The scenario for parts of one's own with so few jobs that a test can run it.
fn scenario(folder: &Path) -> PathBuf {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("scenarios");
    let text = fs::read_to_string(root.join("own-part.toml")).unwrap();
    let text = text
        .replace("training_jobs = 12", "training_jobs = 1")
        .replace("validation_jobs = 2", "validation_jobs = 0")
        .replace("test_jobs = 10", "test_jobs = 1")
        .replace("parts/", &format!("{}/parts/", root.display()));
    let path = folder.join("own-part.toml");
    fs::write(&path, text).unwrap();
    path
}

fn generate(scenario: &Path, part: &Path, unit: &str, out: &Path) -> Command {
    let mut command = synthgen(Path::new("."));
    command
        .arg("generate")
        .arg(scenario)
        .arg("--part")
        .arg(part)
        .args(["--unit", unit])
        .arg("--out")
        .arg(out);
    command
}

#[test]
fn five_real_parts_become_datasets() {
    let Some(stl) = real_stl() else { return };
    let folder = TempDir::new().unwrap();
    let scenario = scenario(folder.path());
    for (file, unit) in [
        ("trimesh/featuretype.STL", "inch"),
        ("trimesh/counter.unitsmm.STL", "mm"),
        ("trimesh/ADIS16480.STL", "m"),
        ("trimesh/1002_tray_bottom.STL", "mm"),
        ("numpy-stl/stl_binary/rear_case.stl", "mm"),
    ] {
        let out = folder.path().join(file.replace('/', "-"));
        generate(&scenario, &stl.join(file), unit, &out).assert().success();
        let dataset = out.join("dataset");
        assert!(dataset.join("manifest.json").is_file(), "{file}");
        for class in ["good", "agglomerate", "foreign-object", "porous", "shift", "striation"] {
            let images = fs::read_dir(dataset.join("test").join(class)).unwrap().count();
            assert!(images > 0, "{file}: no {class}");
        }
    }
}

#[test]
fn a_part_in_the_wrong_unit_is_told_the_right_one() {
    let Some(stl) = real_stl() else { return };
    let folder = TempDir::new().unwrap();
    let scenario = scenario(folder.path());
    let out = folder.path().join("out");
    let output = generate(&scenario, &stl.join("trimesh/ADIS16480.STL"), "mm", &out).assert().code(2);
    let message = String::from_utf8(output.get_output().stderr.clone()).unwrap();
    assert!(
        message.contains("the part is 0.044 x 0.014 x 0.047 mm high: thinner than a layer of 0.3 mm"),
        "{message}"
    );
    assert!(message.contains("unit = \"m\" would make it 44 x 14 x 47 mm high"), "{message}");
    assert!(!out.exists());
}

#[test]
fn files_without_a_part_in_them_are_refused_in_one_line() {
    let Some(stl) = real_stl() else { return };
    let folder = TempDir::new().unwrap();
    let scenario = scenario(folder.path());
    for (file, why) in [
        ("trimesh/empty.stl", "holds no triangle with an area"),
        ("trimesh/emptyIO/stl_empty_ascii.stl", "holds no triangle with an area"),
        ("trimesh/emptyIO/stl_empty_bin.stl", "holds no triangle with an area"),
        ("assimp/STL/triangle.stl", "flat, without height along z"),
        ("assimp/STL/triangle_with_empty_solid.stl", "flat, without height along z"),
        ("assimp/STL/triangle_with_two_solids.stl", "flat, without height along z"),
    ] {
        let out = folder.path().join("out");
        let output = generate(&scenario, &stl.join(file), "mm", &out).assert().code(2);
        let message = String::from_utf8(output.get_output().stderr.clone()).unwrap();
        assert!(message.contains(file) && message.contains(why), "{message}");
        assert!(!out.exists(), "{file} left something behind");
    }
}
