//! What every registered defect keeps to. A new one is tested on the day it is registered.
#![allow(clippy::unwrap_used, reason = "a panic is how a test fails")]

mod scene;

use std::path::Path;

use generators::defects::{Defect, KINDS, Phase};
use generators::layer::{Field, Layer, Mask};
use generators::params::Table;
use generators::registry::Kind;
use generators::scenario::Scenario;
use scene::{Injected, build, inject_in_phase, inject_into, layer};

/// What changes pixels that are not printed.
const ON_BED: [&str; 6] = ["shift", "recoater-streak", "short-feed", "spot", "uneven-heating", "lamp-drift"];
/// What happens to an empty bed as well.
const ANYWHERE: [&str; 3] = ["short-feed", "uneven-heating", "lamp-drift"];

fn inject(kind: &Kind<dyn Defect>, steady: u64, fresh: u64) -> Injected {
    inject_into(layer(), &*build(KINDS, kind.name, kind.example), steady, fresh)
}

/// Runs `check` over every kind and several episodes.
fn for_all(check: impl Fn(&str, Injected)) {
    for kind in KINDS {
        for seed in 0..12 {
            check(&format!("{} {seed}", kind.name), inject(kind, seed, 100 + seed));
        }
    }
}

#[test]
fn one_scenario_has_them_all() {
    let scenarios = Path::new(env!("CARGO_MANIFEST_DIR")).join("../scenarios");
    let text = std::fs::read_to_string(scenarios.join("all-defects.toml")).unwrap();
    let mut table = Table::parse("all-defects.toml", &text).unwrap();
    let scenario = Scenario::read(&mut table, &scenarios).unwrap();
    table.finish().unwrap();
    let mut stated: Vec<&str> = scenario.defects().map(|(_, kind)| kind).chain(["composed"]).collect();
    let mut known: Vec<&str> = KINDS.iter().map(|kind| kind.name).collect();
    stated.sort_unstable();
    known.sort_unstable();
    assert_eq!(stated, known);
    scenario.resolve().unwrap();
}

#[test]
fn the_footprint_is_exactly_what_changed() {
    for_all(|name, Injected { before, after, footprint, .. }| {
        assert!(footprint.count() > 0, "{name} changed nothing");
        for (i, &inside) in footprint.pixels.iter().enumerate() {
            let [old, new] = [&before, &after].map(|l| l.temperature_c.values[i].to_bits());
            assert_eq!(inside, old != new, "{name}: pixel {i}");
            assert!(after.temperature_c.values[i].is_finite(), "{name}: pixel {i}");
        }
    });
}

#[test]
fn only_the_temperature_changes() {
    for_all(|name, Injected { mut before, after, .. }| {
        before.temperature_c = after.temperature_c.clone();
        assert!(before == after, "{name} changed more than the temperature");
    });
}

#[test]
fn the_contrast_is_the_one_drawn() {
    for_all(|name, Injected { before, after, footprint, record }| {
        let area_px = footprint.count() as f64;
        let changes = before.temperature_c.values.iter().zip(&after.temperature_c.values);
        let total_c: f64 = changes.map(|(&b, &a)| (f64::from(a) - f64::from(b)).abs()).sum();
        let measured = total_c / area_px / before.texture_deviation_c(&footprint);
        assert_eq!(record["area_px"], area_px, "{name}");
        let disc_px = std::f64::consts::FRAC_PI_4 * record["diameter_px"].powi(2);
        assert!((disc_px / area_px - 1.0).abs() < 1e-12, "{name}");

        assert!((record["cnr_layer"] / measured - 1.0).abs() < 1e-12, "{name}");
        if let Some(asked) = record.get("cnr") {
            assert!((measured / asked - 1.0).abs() < 1e-3, "{name}: {measured} instead of {asked}");
        }
    });
}

#[test]
fn any_contrast_can_be_had() {
    for kind in KINDS.iter().filter(|kind| kind.example.starts_with("cnr =")) {
        for cnr in [0.05, 0.5, 1.0, 20.0] {
            for polarity in ["hot", "cold"] {
                let defect = build(KINDS, kind.name, &format!("cnr = {cnr}\npolarity = \"{polarity}\"\n"));
                let Injected { before, after, footprint, record } = inject_into(layer(), &*defect, 4, 5);
                let measured = record["cnr_layer"];
                assert!((measured / cnr - 1.0).abs() < 1e-3, "{}: {measured} for {cnr}", kind.name);
                let sum = |layer: &Layer| {
                    let values = layer.temperature_c.values.iter().zip(&footprint.pixels);
                    values.filter(|v| *v.1).map(|v| f64::from(*v.0)).sum::<f64>()
                };
                // A gradient leaves the mean as it is.
                if cnr >= 1.0 && kind.name != "uneven-heating" {
                    assert_eq!(
                        sum(&after) > sum(&before),
                        polarity == "hot",
                        "{} {cnr} {polarity}",
                        kind.name
                    );
                }
            }
        }
    }
}

#[test]
fn equal_streams_give_equal_layers_and_others_differ() {
    for kind in KINDS {
        let first = inject(kind, 1, 2);
        let again = inject(kind, 1, 2);
        assert!(first.after == again.after && first.record == again.record, "{}", kind.name);
        assert!(first.after != inject(kind, 3, 2).after, "{}: another episode looks the same", kind.name);
    }
}

/// An episode keeps its place from layer to layer.
#[test]
fn geometry_is_steady() {
    for kind in KINDS {
        for seed in 0..12 {
            let [a, b] = [200, 300].map(|fresh| inject(kind, seed, fresh).footprint);
            let count = |f: fn(bool, bool) -> bool| {
                a.pixels.iter().zip(&b.pixels).filter(|&(&x, &y)| f(x, y)).count() as f64
            };
            let overlap = count(|x, y| x && y) / count(|x, y| x || y);
            assert!(overlap > 0.25, "{} {seed}: overlap {overlap}", kind.name);
        }
    }
}

/// Defects of the part leave the bed alone; a shift is known by moving onto it, and heat and powder know
/// no contour. A contour that curls may change pixels of it that were printed by less than half.
#[test]
fn the_bed_stays_as_it_was() {
    for_all(|name, Injected { before, footprint, .. }| {
        let on_bed = |i: &usize| footprint.pixels[*i] && before.coverage.values[*i] < 0.5;
        let touched = (0..footprint.pixels.len()).any(|i| on_bed(&i));
        if name.starts_with("delamination") {
            return;
        }
        assert_eq!(touched, ON_BED.iter().any(|on_bed| name.starts_with(on_bed)), "{name}");
    });
}

/// Whole-layer defects change every pixel, and say so.
#[test]
fn the_footprint_of_the_whole_layer_is_the_whole_layer() {
    for_all(|name, Injected { before, footprint, record, .. }| {
        let printed = before.coverage.values.iter().filter(|&&c| c >= 0.5).count();
        let expected = match name.split(' ').next() {
            Some("lamp-drift" | "uneven-heating") => 96 * 96,
            Some("heat-buildup") => printed,
            _ => return,
        };
        assert_eq!(footprint.count(), expected, "{name}");
        assert_eq!(record["area_px"], expected as f64, "{name}");
    });
}

/// The sixth contract: too faint to be seen is still labelled to the pixel.
#[test]
fn an_invisible_severity_has_a_correct_label() {
    for kind in KINDS {
        let defect = build(KINDS, kind.name, kind.example);
        let visible = inject_into(layer(), &*defect, 6, 7);
        let phase = Phase { severity: 0.001, ..Phase::ONLY };
        let Injected { before, after, footprint, record } = inject_in_phase(layer(), &*defect, &phase, 6, 7);
        assert!(footprint.count() > 0, "{}", kind.name);
        assert_eq!(footprint, Mask::difference(&before.temperature_c, &after.temperature_c), "{}", kind.name);
        // A contour that moves further may come to lie on another that is printed alike.
        let within = |(&a, &b): (&bool, &bool)| !a || b || kind.name == "shift";
        assert!(footprint.pixels.iter().zip(&visible.footprint.pixels).all(within), "{}", kind.name);
        if let Some(cnr) = record.get("cnr") {
            // A step of the temperature is 4e-6 degrees, a contrast of 0.003 a few thousand of them.
            assert!((record["cnr_layer"] / cnr - 1.0).abs() < 1e-2, "{}: {cnr}", kind.name);
        }
    }
}

/// An empty layer, and layers without texture or without bed, are no reason to fail.
#[test]
fn unusual_layers_are_survived() {
    let same = |value| Field::constant(96, value);
    for kind in KINDS {
        let defect = build(KINDS, kind.name, kind.example);
        let with = |coverage, part_c| {
            let base = layer();
            let layer = Layer::compose(base.frame, 3, coverage, base.bed_c, part_c);
            inject_into(layer, &*defect, 1, 2)
        };
        let on_nothing = with(same(0.0), layer().part_c).footprint;
        let of_the_part = !ANYWHERE.contains(&kind.name);
        assert_eq!(on_nothing.count() == 0, of_the_part, "{}: nothing printed", kind.name);
        for coverage in [scene::coverage(), same(1.0)] {
            let Injected { before, after, footprint, .. } = with(coverage, same(60.0));
            assert_eq!(footprint, Mask::difference(&before.temperature_c, &after.temperature_c));
            assert!(after.temperature_c.values.iter().all(|v| v.is_finite()), "{}", kind.name);
        }
        let tiny = Layer::compose(
            generators::layer::Frame { size_px: 1, px_per_mm: 0.01 },
            0,
            Field::constant(1, 1.0),
            Field::constant(1, 40.0),
            Field::constant(1, 60.0),
        );
        inject_into(tiny, &*defect, 1, 2);
    }
}
