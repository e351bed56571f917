//! The stages of process and camera together: what they add up to, and that twins stay twins.
#![allow(clippy::unwrap_used, reason = "a panic is how a test fails")]

mod workshop;

use std::path::Path;

use generators::dataset::Split;
use generators::gaussian::reach_px;
use generators::job::{NothingShows, Sample, simulate};
use generators::params::Table;
use generators::scenario::{Production, Scenario};
use workshop::{SCENARIO, resolve, with};

/// Every stage, as a scenario writes it.
const STAGES: &str = r#"
[thermal.spread]
diffusivity_mm2_per_s = { uniform = [0.05, 0.1], drift = { uniform = [0.0, 0.001] } }
layer_secs = { uniform = [8.0, 12.0] }
[thermal.recoat]
powder_c = { uniform = [24.0, 28.0], drift = { normal = [0.0, 0.01] } }
exchange = { uniform = [0.1, 0.3] }
[thermal.lamp]
rise_c = { uniform = [3.0, 5.0], jitter = { normal = [0.0, 0.1] } }
gradient = { uniform = [-0.1, 0.1] }
ripple = 0.02
ripple_mm = 12.0
edge_loss = 0.1
printed_absorption = 1.2
along = "y"
[thermal.ground]
depth_layers = 4
rise_c = 3.0
retain = { uniform = [0.5, 0.6] }
[camera.vignette]
corner_loss = { uniform = [0.05, 0.1] }
[camera.pattern]
pixel_c = 0.1
column_c = 0.1
[camera.noise]
read_c = { uniform = [0.1, 0.2], per = "layer" }
shot_c = 0.2
"#;

fn samples(production: &Production, split: Split) -> Vec<Sample> {
    let mut samples = Vec::new();
    for job in production.jobs().iter().filter(|job| job.split == split) {
        simulate(production, job, |sample| {
            samples.push(sample);
            Ok::<(), NothingShows>(())
        })
        .unwrap();
    }
    samples
}

fn with_stages(stages: &str) -> String {
    with("[dataset]", &format!("{stages}\n[dataset]"))
}

#[test]
fn stages_that_are_switched_off_leave_every_bit_and_the_ledger_as_they_were() {
    let switch = |line: &str| {
        if line.starts_with('[') { format!("{line}\nenabled = false\n") } else { format!("{line}\n") }
    };
    let off: String = STAGES.lines().map(switch).collect();
    let (plain, off) = (resolve(SCENARIO).unwrap(), resolve(&with_stages(&off)).unwrap());
    for split in [Split::Train, Split::Test] {
        assert_eq!(samples(&plain, split), samples(&off, split));
    }
}

#[test]
fn stages_without_strength_leave_the_images_as_they_were() {
    let idle = r#"
[thermal.spread]
diffusivity_mm2_per_s = 0.0
[thermal.recoat]
exchange = 0.0
[thermal.lamp]
rise_c = 0.0
[thermal.ground]
[camera.vignette]
corner_loss = 0.0
[camera.pattern]
pixel_c = 0.0
column_c = 0.0
[camera.noise]
read_c = 0.0
shot_c = 0.0
"#;
    let (plain, idle) = (resolve(SCENARIO).unwrap(), resolve(&with_stages(idle)).unwrap());
    let pairs = samples(&plain, Split::Test).into_iter().zip(samples(&idle, Split::Test));
    for (plain, idle) in pairs {
        assert_eq!(plain.healthy.grey, idle.healthy.grey);
        assert_eq!(plain.healthy.apparent_c, idle.healthy.apparent_c);
        assert_eq!(plain.twin.unwrap().shot.grey, idle.twin.unwrap().shot.grey);
    }
}

#[test]
fn twins_are_equal_out_of_reach_of_the_defect_with_every_stage_on() {
    let production = resolve(&with_stages(STAGES)).unwrap();
    let px_per_mm = production.frame().px_per_mm;
    let (mut reached, mut unreached) = (0, 0);
    for sample in samples(&production, Split::Test) {
        let twin = sample.twin.unwrap();
        let parameters = &twin.shot.parameters;
        // The spot stays in place, and in each layer after its first the heat of all before goes on spreading.
        let spread = reach_px(parameters["thermal.spread.sigma_mm"] * px_per_mm);
        assert!(spread > 0);
        let reach =
            reach_px(parameters["camera.blur_px"]) + spread * parameters["defect.age_layers"] as usize;
        let n = sample.healthy.grey.size_px;
        let spots: Vec<usize> = (0..n * n).filter(|&i| twin.mask.pixels[i]).collect();
        for i in 0..n * n {
            let near = |&s: &usize| (s / n).abs_diff(i / n) <= reach && (s % n).abs_diff(i % n) <= reach;
            if spots.iter().any(near) {
                reached += 1;
                continue;
            }
            assert_eq!(sample.healthy.grey.values[i], twin.shot.grey.values[i], "pixel {i}");
            let apparent = [&sample.healthy, &twin.shot].map(|shot| shot.apparent_c.values[i].to_bits());
            assert_eq!(apparent[0], apparent[1], "pixel {i}");
            unreached += 1;
        }
    }
    assert!(reached > 1000 && unreached > 1000, "{reached} {unreached}");
}

#[test]
fn the_ledger_names_what_every_stage_drew() {
    let production = resolve(&with_stages(STAGES)).unwrap();
    let samples = samples(&production, Split::Train);
    let of_stage = |name: &&str| name.matches('.').count() > 1 && !name.contains("texture");
    let names: Vec<&str> =
        samples[0].healthy.parameters.keys().map(String::as_str).filter(of_stage).collect();
    assert_eq!(
        names,
        [
            "camera.noise.read_c",
            "camera.noise.shot_c",
            "camera.pattern.column_c",
            "camera.pattern.pixel_c",
            "camera.vignette.centre_x",
            "camera.vignette.centre_y",
            "camera.vignette.corner_loss",
            "camera.vignette.steepness",
            "thermal.ground.depth_layers",
            "thermal.ground.retain",
            "thermal.ground.rise_c",
            "thermal.lamp.edge_loss",
            "thermal.lamp.gradient",
            "thermal.lamp.phase_rad",
            "thermal.lamp.printed_absorption",
            "thermal.lamp.ripple",
            "thermal.lamp.ripple_mm",
            "thermal.lamp.rise_c",
            "thermal.recoat.exchange",
            "thermal.recoat.powder_c",
            "thermal.recoat.powder_c.drift",
            "thermal.spread.diffusivity_mm2_per_s",
            "thermal.spread.diffusivity_mm2_per_s.drift",
            "thermal.spread.layer_secs",
            "thermal.spread.sigma_mm",
        ]
    );
    let of = |name: &str| samples[..24].iter().map(|s| s.healthy.parameters[name]).collect::<Vec<_>>();
    let (powder_c, slope) = (of("thermal.recoat.powder_c"), of("thermal.recoat.powder_c.drift"));
    for layer in 0..24 {
        assert_eq!(slope[layer], slope[0]);
        assert!((powder_c[layer] - powder_c[0] - slope[0] * layer as f64).abs() < 1e-12);
    }
}

#[test]
fn flat_layers_follow_the_recursion_of_the_stages() {
    // Without texture and blur, powder and print each follow
    // T_k = r (T + exchange (powder_c - T)) + (1 - r) (S + lamp + rise_c G_k), G_k = 1 - (1 - 1 / depth_layers)^k on print.
    let text = r#"
        [camera]
        image_px = 32
        blur_px = 0.0
        [bed]
        temperature_c = 40.0
        texture = { kind = "speckle", amplitude_c = 0.0 }
        [print]
        temperature_c = 60.0
        texture = { kind = "speckle", amplitude_c = 0.0 }
        [layers]
        height_mm = 1.0
        [[part]]
        file = "block.stl"
        [thermal]
        retain = 0.25
        recoat = { powder_c = 20.0, exchange = 0.5 }
        lamp = { rise_c = 4.0, printed_absorption = 1.5 }
        ground = { depth_layers = 2, rise_c = 8.0, retain = 0.5 }
        [dataset]
        training_jobs = 1
    "#;
    let samples = samples(&resolve(text).unwrap(), Split::Train);
    assert_eq!(samples.len(), 12);
    let n = samples[0].nominal.size_px;
    let (powder, print) = (0, n / 2 * n + n / 2);
    assert_eq!([powder, print].map(|i| samples[0].nominal.values[i]), [0.0, 1.0]);
    let (mut on_powder, mut on_print, mut ground) = (44.0f64, 66.0f64, 0.5f64);
    for (k, sample) in samples.iter().enumerate() {
        if k > 0 {
            let cooled = |t: f64| t + 0.5 * (20.0 - t);
            let share = 0.25 + 0.25 * ground;
            on_powder = 0.25 * cooled(on_powder) + 0.75 * 44.0;
            on_print = share * cooled(on_print) + (1.0 - share) * (66.0 + 8.0 * ground);
            ground += (1.0 - ground) / 2.0;
        }
        let seen = [powder, print].map(|i| f64::from(sample.healthy.apparent_c.values[i]));
        assert!((seen[0] - on_powder).abs() < 1e-4, "layer {k}: {} {on_powder}", seen[0]);
        assert!((seen[1] - on_print).abs() < 1e-4, "layer {k}: {} {on_print}", seen[1]);
    }
}

#[test]
fn equal_scenarios_give_equal_jobs() {
    let run = || samples(&resolve(&with_stages(STAGES)).unwrap(), Split::Test);
    assert_eq!(run(), run());
}

#[test]
fn a_stage_is_read_as_strictly_as_any_other_table() {
    let error = |stages: &str| resolve(&with_stages(stages)).err().unwrap();
    assert_eq!(
        error("[camera.vignette]\ncorner_los = 0.1"),
        "s.toml:27:1: unknown key `corner_los` in [camera.vignette]; did you mean `corner_loss`?"
    );
    assert_eq!(
        error("[thermal.ground]\ndepth_layers = 0.5"),
        "s.toml:27:16: `depth_layers` is 0.5 but must be between 1 and 10000"
    );
    assert_eq!(
        error("[thermal.lamp]\nenabled = false\nalong = \"z\""),
        "s.toml:28:9: `along` cannot be `z`; choose from `x`, `y`; did you mean `x`?"
    );
    assert_eq!(
        error("[thermal.spread]\nenabled = 1"),
        "s.toml:27:11: `enabled` must be true or false, not an integer"
    );
    assert_eq!(
        error("[thermal.recoat]\nexchange = { uniform = [0.1, 0.2], drift = \"up\" }"),
        "s.toml:27:44: `drift` must be a number or a distribution, not a string"
    );
}

#[test]
fn the_scenario_that_shows_the_process_has_every_stage_on() {
    let scenarios = Path::new(env!("CARGO_MANIFEST_DIR")).join("../scenarios");
    let text = std::fs::read_to_string(scenarios.join("process.toml")).unwrap();
    let mut table = Table::parse("process.toml", &text).unwrap();
    let production = Scenario::read(&mut table, &scenarios).unwrap().resolve().unwrap();
    table.finish().unwrap();
    let mut drawn = Vec::new();
    let first = simulate(&production, &production.jobs()[0], |sample: Sample| {
        drawn = sample.healthy.parameters.into_keys().collect();
        Err(Seen)
    });
    assert!(first.is_err());
    for stage in ["spread", "recoat", "lamp", "ground"].map(|s| format!("thermal.{s}.")) {
        assert!(drawn.iter().any(|name| name.starts_with(&stage)), "{stage}");
    }
    for stage in ["vignette", "pattern", "noise"].map(|s| format!("camera.{s}.")) {
        assert!(drawn.iter().any(|name| name.starts_with(&stage)), "{stage}");
    }
}

/// One layer is enough.
struct Seen;

impl From<NothingShows> for Seen {
    fn from(_: NothingShows) -> Self {
        Self
    }
}
