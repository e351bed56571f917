//! Defects written in a scenario alone.
#![allow(clippy::unwrap_used, reason = "a panic is how a test fails")]

mod scene;

use std::collections::BTreeMap;
use std::path::Path;

use generators::defects::{Defect, KINDS, Phase, effects, profiles, shapes};
use generators::layer::Mask;
use generators::params::{Param, Table};
use generators::registry;
use scene::{Injected, build, inject_in_phase, inject_into, layer, try_build};

/// The defects of a scenario, by name.
fn scenario_defects(file: &str) -> BTreeMap<String, Box<dyn Defect>> {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("../scenarios").join(file);
    let mut table = Table::parse(file, &std::fs::read_to_string(path).unwrap()).unwrap();
    let read = |mut table: Table| {
        let name = table.string("name", Some("")).unwrap();
        table.param("layers", Param::fixed(1.0), 1.0..=100.0).unwrap();
        let (kind, defect) = registry::build(KINDS, table).unwrap();
        (if name.is_empty() { kind.to_owned() } else { name }, defect)
    };
    table.tables("defect").unwrap().into_iter().map(read).collect()
}

/// Two built-in defects, rebuilt in a scenario: the same pixels and the same ledger from the same streams.
#[test]
fn built_in_defects_can_be_written_in_a_scenario() {
    let defects = scenario_defects("composed-defects.toml");
    for (built_in, composed) in [("agglomerate", "lump"), ("striation", "stripes")] {
        for seed in 0..100 {
            let [a, b] = [built_in, composed].map(|name| inject_into(layer(), &*defects[name], seed, seed));
            assert!(a.footprint.count() > 0 && a.footprint == b.footprint, "{composed} {seed}");
            assert!(a.after == b.after && a.record == b.record, "{composed} {seed}: {:?}", b.record);
        }
    }
}

/// A defect that is not built in: a cold drop inside a rim that warms over the layers.
#[test]
fn a_new_defect_can_be_written_in_a_scenario() {
    let defects = scenario_defects("composed-defects.toml");
    let mut rims = Vec::new();
    for age in 0..5 {
        let phase = Phase { age_layers: age, duration_layers: 5, ..Phase::ONLY };
        let Injected { before, after, record, .. } =
            inject_in_phase(layer(), &*defects["binder-drop"], &phase, 6, 7);
        assert_eq!(record["element1.x_mm"], record["element2.of1.x_mm"]);
        assert_eq!(record["element1.radius_mm"], 6.0);
        let centre = [record["element1.x_mm"], record["element1.y_mm"]];
        for i in 0..96 * 96 {
            let [x, y] = scene::FRAME.centre_mm(i);
            let out = (x - centre[0]).hypot(y - centre[1]);
            let change = after.temperature_c.values[i] - before.temperature_c.values[i];
            // A pixel of about 1 mm reaches 0.74 mm from its centre.
            let expected = if out < 5.2 {
                -1.0
            } else if (7.3..7.7).contains(&out) {
                1.0
            } else {
                0.0
            };
            if before.coverage.values[i] >= 0.5 && (expected != 0.0 || out > 9.3) {
                assert_eq!(if change == 0.0 { 0.0 } else { change.signum() }, expected, "{out}");
            }
        }
        rims.push(record["element2.cnr"]);
    }
    for (age, rim) in rims.iter().enumerate() {
        let share = 0.3 + 0.7 * age as f64 / 4.0;
        assert!((rim / rims[4] - share).abs() < 1e-12, "{rims:?}");
    }
}

#[test]
fn a_wrong_composition_is_refused_where_it_stands() {
    let error = |text: &str| try_build(KINDS, "composed", text).err().unwrap();
    let element = |text: &str| error(&format!("[[element]]\n{text}"));
    let shape = "shape = { kind = \"disc\" }\n";
    assert_eq!(
        error(""),
        "s.toml:1:1: a composed defect needs an `element`; write [[defect.element]] with a `shape` and an `effect`"
    );
    assert_eq!(
        element("shape = { kind = \"dics\" }").split(';').next(),
        Some("s.toml:3:18: `kind` cannot be `dics`")
    );
    assert!(element("shape = { kind = \"dics\" }").ends_with("did you mean `disc`?"));
    assert_eq!(
        element("shape = { kind = \"disc\", radius = 3 }"),
        "s.toml:3:26: unknown key `radius` in [element.shape]; did you mean `radius_mm`?"
    );
    assert_eq!(element(shape), "s.toml:2:1: [element.effect] needs `kind`");
    assert_eq!(
        element(&format!("{shape}effect = {{ kind = \"add\", cnr = -1 }}")),
        "s.toml:4:32: `cnr` is -1 but must be between 0.001 and 1000"
    );
    assert_eq!(
        element(&format!("{shape}effect = {{ kind = \"add\" }}\nprofil = {{ kind = \"ramp\" }}")),
        "s.toml:5:1: unknown key `profil` in [element]; did you mean `profile`?"
    );
    assert_eq!(
        element("shape = { kind = \"combined\", how = \"union\", of = [{ kind = \"disc\" }] }"),
        "s.toml:3:50: `of` needs two shapes at least, not 1; write of = [{ kind = \"band\" }, { kind = \"speckle\" }]"
    );
}

/// Every shape, profile and effect by itself, with its own example.
#[test]
fn every_shape_profile_and_effect_composes() {
    let mut texts: Vec<(String, String)> = Vec::new();
    let table = |name: &str, example: &str| format!("kind = \"{name}\"\n{example}");
    let (disc, add) = ("kind = \"disc\"\n", "kind = \"add\"\n");
    let mut text = |name: &str, shape: &str, profile: &str, effect: &str| {
        let tables =
            format!("[element.shape]\n{shape}[element.profile]\n{profile}[element.effect]\n{effect}");
        texts.push((name.to_owned(), format!("[[element]]\n{tables}")));
    };
    for kind in shapes::KINDS {
        text(kind.name, &table(kind.name, kind.example), "", add);
    }
    for kind in profiles::KINDS {
        text(kind.name, disc, &table(kind.name, kind.example), add);
    }
    for kind in effects::KINDS {
        text(kind.name, disc, "", &table(kind.name, kind.example));
    }
    for (name, text) in &texts {
        for seed in 0..4 {
            let defect = build(KINDS, "composed", text);
            let Injected { before, after, footprint, .. } = inject_into(layer(), &*defect, seed, 40 + seed);
            let changed = Mask::difference(&before.temperature_c, &after.temperature_c);
            // A disc in the middle of the part has no contour to displace.
            assert!(footprint.count() > 0 || name == "displace", "{name} {seed}");
            assert!(footprint == changed, "{name} {seed}");
        }
    }
}

/// What is not printed is bare already.
#[test]
fn bare_leaves_the_bed_as_it_is() {
    let text = "[[element]]\nshape = { kind = \"whole-layer\" }\non = \"layer\"\neffect = { kind = \"bare\", missing = 1.0 }\n";
    let Injected { before, after, .. } = inject_into(layer(), &*build(KINDS, "composed", text), 1, 1);
    for i in 0..96 * 96 {
        let [was, is] = [&before, &after].map(|layer| layer.temperature_c.values[i]);
        let bed = before.bed_c.values[i];
        assert!((is - bed).abs() < 1e-4, "{i}: {was} {is} {bed}");
    }
}
