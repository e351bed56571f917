//! The reference of the scenario's keys knows every key that the program asks for.
#![allow(clippy::unwrap_used)]

use std::collections::BTreeSet;
use std::path::Path;

use generators::params::Table;
use generators::registry::{self, Kind};
use generators::{dataset::formats, defects, faults, textures};
use synthgen::plan::{Overrides, Plan};
use synthgen::representations::projections;
use synthgen::{detectors, separators, thresholds};

/// No key is near it, so that all are listed.
const UNKNOWN: &str = "qqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqq";

fn reference() -> String {
    std::fs::read_to_string(Path::new(env!("CARGO_MANIFEST_DIR")).join("scenarios/README.md")).unwrap()
}

/// The keys that the message about an unknown one lists.
fn listed(message: &str) -> BTreeSet<String> {
    let (_, keys) = message.split_once("known keys are ").unwrap_or_else(|| panic!("{message}"));
    keys.split(", ").map(|key| key.trim_matches('`').to_owned()).collect()
}

/// Name of a kind, and what it asks for.
fn kinds<T: ?Sized>(kinds: &[Kind<T>]) -> Vec<(String, BTreeSet<String>)> {
    let of = |kind: &Kind<T>| {
        let text = format!("kind = \"{}\"\n{}\n{UNKNOWN} = 1\n", kind.name, kind.example);
        let message =
            registry::build(kinds, Table::parse("s.toml", &text).unwrap()).err().unwrap().to_string();
        (kind.name.to_owned(), listed(&message))
    };
    kinds.iter().map(of).collect()
}

/// The keys of a table of the scenario; `before` stands before it, `inside` in it.
fn table(header: &str, inside: &str) -> BTreeSet<String> {
    let folder = tempfile::tempdir().unwrap();
    std::fs::write(folder.path().join("part.stl"), "").unwrap();
    let file = folder.path().join("s.toml");
    let texture = "[bed.texture]\nkind = \"cloud\"\n[print.texture]\nkind = \"cloud\"\n";
    let text = match header {
        "" => {
            format!("{UNKNOWN} = 1\n{texture}[[part]]\nfile = \"part.stl\"\n[dataset]\ntraining_jobs = 2\n")
        }
        _ => {
            let rest = ["[[part]]\nfile = \"part.stl\"\n", "[dataset]\ntraining_jobs = 2\n"];
            let rest = rest.into_iter().filter(|part| !part.starts_with(&format!("{header}\n")));
            let rest: String = rest.collect();
            format!("{rest}{texture}{header}\n{inside}\n{UNKNOWN} = 1\n")
        }
    };
    std::fs::write(&file, text).unwrap();
    listed(&Plan::read(&file, &Overrides::default()).err().unwrap().to_string())
}

#[test]
fn it_has_every_key_and_kind() {
    let text = reference();
    let known =
        |key: &str| ["`K`", ".K`", "[K]", ".K]"].iter().any(|as_| text.contains(&as_.replace('K', key)));
    let lists = [
        kinds(textures::KINDS),
        kinds(defects::KINDS),
        kinds(defects::shapes::KINDS),
        kinds(defects::profiles::KINDS),
        kinds(defects::effects::KINDS),
        kinds(faults::KINDS),
        kinds(detectors::KINDS),
        kinds(projections::KINDS),
        kinds(separators::KINDS),
        kinds(thresholds::KINDS),
    ];
    for (name, keys) in lists.concat() {
        assert!(text.contains(&format!("`\"{name}\"`")), "the kind {name} is missing");
        for key in keys {
            assert!(known(&key), "`{key}` of {name} is missing");
        }
    }
    for format in formats::KINDS {
        assert!(text.contains(&format!("`\"{}\"`", format.name)), "the format {} is missing", format.name);
    }
    let tables = [
        ("", ""),
        ("[camera]", ""),
        ("[camera.vignette]", ""),
        ("[camera.pattern]", ""),
        ("[camera.noise]", ""),
        ("[bed]", ""),
        ("[print]", ""),
        ("[[part]]", "file = \"part.stl\""),
        ("[layers]", ""),
        ("[thermal]", ""),
        ("[thermal.spread]", ""),
        ("[thermal.recoat]", ""),
        ("[thermal.lamp]", ""),
        ("[thermal.ground]", ""),
        ("[dataset]", "training_jobs = 2"),
        ("[separation]", ""),
        ("[evidence]", ""),
        ("[typing]", "types = 2"),
        ("[[shift]]", "name = \"a\"\nwidths = [2.0]"),
        ("[photographs]", "healthy = \".\"\nanomalous = \".\""),
    ];
    for (header, inside) in tables {
        for key in table(header, inside) {
            assert!(known(&key), "`{key}` of {header} is missing");
        }
    }
}
