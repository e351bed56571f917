//! The process of a scenario, more or less variable than stated, and on another part.
#![allow(clippy::unwrap_used, reason = "a panic is how a test fails")]

mod workshop;

use std::fs;
use std::path::Path;

use generators::dataset::{self, Dataset};
use generators::params::{Clamped, Table};
use generators::scenario::{Production, Scenario, Variation};
use tempfile::TempDir;
use workshop::{DEFECTS, KEEP_ON, SCENARIO, TEXTURES, write_block};

/// The folder of the parts, and the scenario, changed as asked, with what was made of it.
fn original(from: &str, to: &str) -> (TempDir, Table, Production) {
    let folder = TempDir::new().unwrap();
    write_block(&folder.path().join("block.stl"), [30.0, 20.0, 12.0]);
    write_block(&folder.path().join("plate.stl"), [16.0, 18.0, 6.0]);
    let table = Table::parse("s.toml", &SCENARIO.replacen(from, to, 1)).unwrap();
    let production = resolve(table.clone(), folder.path()).unwrap();
    (folder, table, production)
}

fn resolve(mut table: Table, folder: &Path) -> Result<Production, String> {
    let scenario =
        Scenario::read_with_kinds(&mut table, folder, TEXTURES, DEFECTS).map_err(|e| e.to_string())?;
    table.finish().map_err(|e| e.to_string())?;
    scenario.resolve().map_err(|e| e.to_string())
}

fn wide(width: f64) -> Variation {
    Variation { seed: 7, width, parts: None, test_jobs: None }
}

/// The bytes of every test image, in the order of jobs and layers.
fn test_images(production: &Production) -> Vec<Vec<u8>> {
    let folder = TempDir::new().unwrap();
    dataset::write(production, folder.path(), None, KEEP_ON).unwrap();
    let dataset = Dataset::open(folder.path()).unwrap();
    let rows = dataset.rows().iter().filter(|row| row.split == dataset::Split::Test);
    rows.flat_map(|row| row.files()).map(|file| fs::read(folder.path().join(file)).unwrap()).collect()
}

#[test]
fn at_width_one_with_the_same_seed_it_is_the_same_test_set_to_the_byte() {
    // What varies twice as much as stated is as wide as itself, too.
    for head in ["", "variability = 2.0\n"] {
        let (folder, table, production) = original("", head);
        let varied = resolve(wide(1.0).apply(&table, &production), folder.path()).unwrap();
        assert_eq!(varied.scenario().widened().is_empty(), head.is_empty());
        assert!(test_images(&varied) == test_images(&production));
        assert_ne!(varied.fingerprint(), production.fingerprint());
    }
    let (folder, table, production) = original("", "");
    let other =
        resolve(Variation { seed: 8, ..wide(1.0) }.apply(&table, &production), folder.path()).unwrap();
    assert!(test_images(&other) != test_images(&production));
}

#[test]
fn ledgers_show_the_width_and_the_defects_stay() {
    let (folder, table, production) = original("", "");
    let drawn = |width: f64, parameter: &str| -> Vec<f64> {
        let varied = resolve(wide(width).apply(&table, &production), folder.path()).unwrap();
        let made = TempDir::new().unwrap();
        dataset::write(&varied, made.path(), None, KEEP_ON).unwrap();
        let dataset = Dataset::open(made.path()).unwrap();
        dataset.rows().iter().filter_map(|row| row.parameters.get(parameter).copied()).collect()
    };
    // Between 66 and 69 in the scenario, steady from layer to layer.
    let [middle, once, thrice] = [0.0, 1.0, 3.0].map(|width| drawn(width, "print.temperature_c"));
    assert!(middle.iter().all(|value| *value == 67.5));
    assert!(once.iter().any(|value| (value - 67.5).abs() > 0.3));
    for (once, thrice) in once.iter().zip(&thrice) {
        assert!((thrice - 67.5 - 3.0 * (once - 67.5)).abs() < 1e-9);
    }
    assert_eq!(drawn(3.0, "defect.layers"), drawn(1.0, "defect.layers"));
}

#[test]
fn a_range_is_cut_where_its_parameter_ends_and_the_scenario_knows() {
    let (folder, table, production) = original("", "");
    let varied = resolve(wide(9.0).apply(&table, &production), folder.path()).unwrap();
    let widened = varied.scenario().widened();
    let names: Vec<&str> = widened.iter().map(|w| w.parameter.as_str()).collect();
    assert_eq!(
        names,
        [
            "thermal.retain",
            "camera.blur_px",
            "camera.gain.jitter",
            "camera.gain",
            "camera.offset",
            "bed.temperature_c.jitter",
            "bed.temperature_c",
            "print.temperature_c"
        ]
    );
    let retain = widened[0].clamped;
    assert!(
        matches!(retain, Some(Clamped { kept: [0.0, high], .. }) if (high - 0.8).abs() < 1e-12),
        "{retain:?}"
    );
    assert!(widened[7].clamped.is_none());
}

#[test]
fn another_part_lies_on_the_same_bed_and_its_dataset_can_be_made_again() {
    let (folder, table, production) = original("", "");
    let parts = Table::parse("s.toml", "[[part]]\nfile = \"plate.stl\"\n").unwrap();
    let variation = Variation { parts: Some(parts), test_jobs: Some(2), ..wide(2.0) };
    let varied = resolve(variation.apply(&table, &production), folder.path()).unwrap();
    assert_eq!(varied.frame(), production.frame());
    assert_eq!((varied.most_layers(), varied.jobs().len()), (12, 2));
    // What the dataset keeps of its scenario gives the same data.
    let said = varied.to_toml(&["plate.stl".to_owned()]);
    let again = resolve(Table::parse("kept.toml", &said).unwrap(), folder.path()).unwrap();
    assert_eq!(again.fingerprint(), varied.fingerprint());
    assert!(test_images(&again) == test_images(&varied));
}

#[test]
fn what_has_no_width_is_refused_where_it_stands() {
    let refused = |to: &str, width: f64| {
        let (folder, table, production) = original("retain = { uniform = [0.3, 0.4] }", to);
        resolve(wide(width).apply(&table, &production), folder.path()).err()
    };
    let message = refused("retain = { choice = [0.3, 0.4] }", 2.0).unwrap();
    assert_eq!(
        message,
        "s.toml:25:21: `retain`: a choice between values has no width; state another range, or no other width"
    );
    assert_eq!(refused("retain = { choice = [0.3, 0.4] }", 1.0), None);
}
