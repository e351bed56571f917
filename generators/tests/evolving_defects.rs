//! Defects over the layers of an episode, against courses worked out by hand.
#![allow(clippy::unwrap_used, reason = "a panic is how a test fails")]

mod scene;

use std::collections::BTreeMap;

use generators::defects::{Course, Evolution, KINDS, Phase};
use generators::params::{Draws, Table};
use generators::stream::Stream;
use scene::{build, inject_in_phase, layer};

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
    let mut table = Table::parse("s.toml", text).unwrap();
    Evolution::new(Course::Constant).stated(table.table("evolution").unwrap()).unwrap()
}

#[test]
fn an_episode_of_one_layer_is_at_its_strongest() {
    let root = Stream::root(8);
    for course in [Course::Grow, Course::Fade, Course::Pulse, Course::Step, Course::Trend] {
        let phase = Evolution::new(course).phase(0, 1, &mut Draws::new(&root, &root));
        assert_eq!(phase, Phase::ONLY);
    }
}

/// A narrow line lies in the wide one that it becomes, and no line is where none will be.
#[test]
fn lines_stay_where_they_are_while_they_widen() {
    let defect = build(KINDS, "striation", "cnr = 6.0\nwidth_mm = { uniform = [3.0, 6.0] }\nlines = 3");
    for seed in 0..40 {
        let of = |size: f64| {
            inject_in_phase(layer(), &*defect, &Phase { size, ..Phase::ONLY }, seed, 7).footprint.pixels
        };
        let (narrow, wide) = (of(0.3), of(1.0));
        assert!(narrow.iter().any(|&covered| covered));
        assert!(narrow.iter().zip(&wide).all(|(&narrow, &wide)| wide || !narrow), "seed {seed}");
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
        let mut table = Table::parse("s.toml", &format!("evolution = {{ {text} }}")).unwrap();
        Evolution::new(Course::Constant).stated(table.table("evolution").unwrap()).unwrap_err().to_string()
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

#[test]
fn what_is_not_stated_stays_as_the_defect_has_it() {
    let grows = Evolution::new(Course::Grow);
    let moves =
        grows.clone().stated(Table::parse("s.toml", "drift_mm = 2.0\ndrift_deg = 0").unwrap()).unwrap();
    let root = Stream::root(5);
    let phase = |evolution: &Evolution| evolution.phase(1, 4, &mut Draws::new(&root, &root));
    assert_eq!(phase(&moves), Phase { moved_mm: [2.0, 0.0], ..phase(&grows) });
}
