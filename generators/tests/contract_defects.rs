//! What every registered defect keeps to. A new one is tested on the day it is registered.
#![allow(clippy::unwrap_used, reason = "a panic is how a test fails")]

mod scene;

use std::collections::BTreeMap;

use generators::defects::{Course, Defect, Evolution, KINDS, Phase};
use generators::layer::{Field, Layer, Mask};
use generators::params::{Draws, Table};
use generators::registry::Kind;
use generators::stream::Stream;
use scene::{build, files_with_a_kind, layer, try_build};

struct Injected {
    before: Layer,
    after: Layer,
    footprint: Mask,
    record: BTreeMap<String, f64>,
}

fn inject_into(before: Layer, defect: &dyn Defect, steady: u64, fresh: u64) -> Injected {
    inject_in_phase(before, defect, &Phase::ONLY, steady, fresh)
}

fn inject_in_phase(before: Layer, defect: &dyn Defect, phase: &Phase, steady: u64, fresh: u64) -> Injected {
    let mut draws = Draws::new(&Stream::root(steady).child("episode"), &Stream::root(fresh).child("layer"));
    let mut after = before.clone();
    let footprint = defect.inject(&mut after, phase, &mut draws);
    Injected { before, after, footprint, record: draws.into_record() }
}

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
fn every_file_is_registered() {
    let mut names: Vec<&str> = KINDS.iter().map(|kind| kind.name).collect();
    names.sort_unstable();
    assert_eq!(names, files_with_a_kind("defects"));
}

#[test]
fn names_are_unique_and_everything_is_explained() {
    for (i, kind) in KINDS.iter().enumerate() {
        assert!(KINDS[..i].iter().all(|other| other.name != kind.name), "{} is there twice", kind.name);
        assert!(!kind.summary.is_empty() && !kind.source.is_empty(), "{}", kind.name);
    }
}

#[test]
fn unknown_keys_are_refused_where_they_stand() {
    for kind in KINDS {
        let line = kind.example.lines().count() + 2;
        let message = try_build(KINDS, kind.name, &format!("{}  colour = 1", kind.example)).err().unwrap();
        let start = format!("s.toml:{line}:3: unknown key `colour` in the scenario; ");
        assert!(message.starts_with(&start), "{}: {message}", kind.name);
    }
}

#[test]
fn a_table_may_be_left_to_its_defaults() {
    for kind in KINDS {
        build(KINDS, kind.name, "");
    }
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
    for kind in KINDS.iter().filter(|kind| kind.example.contains("cnr =")) {
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
                if cnr >= 1.0 {
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

/// Half of the severity is half of the change, for defects that are stated by their contrast.
#[test]
fn severity_scales_the_contrast() {
    for kind in KINDS {
        let defect = build(KINDS, kind.name, kind.example);
        let with = |severity: f64| {
            let phase = Phase { severity, ..Phase::ONLY };
            inject_in_phase(layer(), &*defect, &phase, 6, 7).record
        };
        let (whole, half) = (with(1.0), with(0.5));
        if whole.contains_key("cnr") {
            assert!((half["cnr"] / whole["cnr"] - 0.5).abs() < 1e-12, "{}", kind.name);
            assert!((half["cnr_layer"] / whole["cnr_layer"] - 0.5).abs() < 1e-3, "{}", kind.name);
        } else {
            let change = |record: &BTreeMap<String, f64>| record["cnr_layer"] * record["area_px"];
            assert!(change(&half) < change(&whole), "{}", kind.name);
        }
    }
}

/// Over an episode the contrast is what the course says, worked out here by hand.
#[test]
fn contrast_evolves_along_its_course() {
    let courses: [(&str, [f64; 5]); 6] = [
        ("constant", [1.0, 1.0, 1.0, 1.0, 1.0]),
        ("grow", [0.2, 0.4, 0.6, 0.8, 1.0]),
        ("fade", [1.0, 0.8, 0.6, 0.4, 0.2]),
        // sin^2 of 30, 60, 90, 120 and 150 degrees.
        ("pulse", [0.4, 0.8, 1.0, 0.8, 0.4]),
        ("step", [0.2, 0.2, 1.0, 1.0, 1.0]),
        ("trend", [0.2, 0.2f64.powf(0.75), 0.2f64.powf(0.5), 0.2f64.powf(0.25), 1.0]),
    ];
    for (course, expected) in courses {
        let from = if course == "constant" { "" } else { ", from = 0.2" };
        let evolution = evolution(&format!("evolution = {{ course = \"{course}\"{from} }}"));
        for kind in KINDS {
            let defect = build(KINDS, kind.name, kind.example);
            let cnr = |age: usize| {
                let root = Stream::root(8);
                let phase = evolution.phase(age, 5, &mut Draws::new(&root, &root));
                assert_eq!((phase.age_layers, phase.duration_layers, phase.size), (age, 5, 1.0));
                inject_in_phase(layer(), &*defect, &phase, 6, 7).record.get("cnr_layer").copied().unwrap()
            };
            let steady = inject_in_phase(layer(), &*defect, &Phase::ONLY, 6, 7).record;
            if steady.contains_key("cnr") {
                for (age, share) in expected.into_iter().enumerate() {
                    let found = cnr(age) / steady["cnr"];
                    assert!((found - share).abs() < 1e-3, "{} {course} {age}: {found} {share}", kind.name);
                }
            }
        }
    }
}

fn evolution(text: &str) -> Evolution {
    Evolution::read(&mut Table::parse("s.toml", text).unwrap()).unwrap().unwrap()
}

#[test]
fn an_episode_of_one_layer_is_at_its_strongest() {
    let root = Stream::root(8);
    for course in [Course::Grow, Course::Fade, Course::Pulse, Course::Step, Course::Trend] {
        let phase = Evolution::new(course).phase(0, 1, &mut Draws::new(&root, &root));
        assert_eq!(phase, Phase::ONLY);
    }
}

#[test]
fn size_and_place_evolve() {
    let evolution =
        evolution("evolution = { course = \"grow\", size_from = 0.5, drift_mm = 2.0, drift_deg = 90 }");
    let defect = build(KINDS, "agglomerate", "radius_mm = 8.0\ncnr = 4.0\n");
    let record = |phase: &dyn Fn(&mut Draws) -> Phase| {
        let mut draws = Draws::new(&Stream::root(3), &Stream::root(4));
        let phase = phase(&mut draws);
        defect.inject(&mut layer(), &phase, &mut draws);
        draws.into_record()
    };
    let start_mm = record(&|_| Phase::ONLY)["y_mm"];
    for (age, (radius_mm, cnr)) in [(4.0, 0.4), (6.0, 2.2), (8.0, 4.0)].into_iter().enumerate() {
        let record = record(&|draws| evolution.phase(age, 3, draws));
        assert!((record["radius_mm"] - radius_mm).abs() < 1e-12 && (record["cnr"] - cnr).abs() < 1e-12);
        assert!((record["evolution.size"] - radius_mm / 8.0).abs() < 1e-12);
        assert!((record["y_mm"] - start_mm - 2.0 * age as f64).abs() < 1e-9);
    }
}

#[test]
fn a_wrong_evolution_is_refused_where_it_stands() {
    let error = |text: &str| {
        let table = Table::parse("s.toml", &format!("evolution = {{ {text} }}"));
        table.and_then(|mut table| Evolution::read(&mut table)).unwrap_err().to_string()
    };
    assert_eq!(
        error("cuorse = \"grow\""),
        "s.toml:1:15: unknown key `cuorse` in [evolution]; did you mean `course`?"
    );
    assert_eq!(
        error("course = \"gorw\""),
        "s.toml:1:24: `course` cannot be `gorw`; choose from `constant`, `grow`, `fade`, `pulse`, `step`, `trend`; did \
         you mean `grow`?"
    );
    assert_eq!(error("from = 0.5"), "s.toml:1:22: `from` needs a `course` other than \"constant\"");
    assert_eq!(
        error("course = \"grow\", from = 0"),
        "s.toml:1:39: `from` is 0 but must be between 0.001 and 1"
    );
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

/// Defects of the part leave the bed alone; a shift is known by moving onto it.
#[test]
fn the_bed_stays_as_it_was() {
    for_all(|name, Injected { before, footprint, .. }| {
        let on_bed = |i: &usize| footprint.pixels[*i] && before.coverage.values[*i] < 0.5;
        assert_eq!((0..footprint.pixels.len()).any(|i| on_bed(&i)), name.starts_with("shift"), "{name}");
    });
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
        assert_eq!(
            with(same(0.0), layer().part_c).footprint,
            Mask::empty(96),
            "{}: nothing printed",
            kind.name
        );
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
