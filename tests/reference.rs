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

/// A scenario in which every table may stand; without those that a `header` of its own replaces.
fn base(header: &str) -> String {
    let tables = [
        "[[part]]\nfile = \"part.stl\"\n",
        "[dataset]\ntraining_jobs = 2\ntest_jobs = 2\nscreening_jobs = 1\n",
        "[bed.texture]\nkind = \"cloud\"\n",
        "[print.texture]\nkind = \"cloud\"\n",
        "[[defect]]\nkind = \"spot\"\n",
        "[[fault]]\nkind = \"blank\"\n",
        "[[detector]]\nkind = \"vae\"\n",
        "[[separator]]\nkind = \"otsu\"\n",
    ];
    // A table that is no list stands once.
    let own = header.lines().next().filter(|line| !line.starts_with("[[") || *line == "[[part]]");
    tables.into_iter().filter(|table| table.lines().next() != own).collect()
}

/// The keys of a table of the scenario, in which `inside` stands.
fn table(header: &str, inside: &str) -> BTreeSet<String> {
    let folder = tempfile::tempdir().unwrap();
    // The parts of a shift are read once those of the scenario are.
    let part = Path::new(env!("CARGO_MANIFEST_DIR")).join("scenarios/parts/core.stl");
    std::fs::copy(part, folder.path().join("part.stl")).unwrap();
    let file = folder.path().join("s.toml");
    let text = match header {
        "" => format!("{UNKNOWN} = 1\n{}", base(header)),
        _ => format!("{}{header}\n{inside}\n{UNKNOWN} = 1\n", base(header)),
    };
    std::fs::write(&file, text).unwrap();
    listed(&Plan::read(&file, &Overrides::default()).err().unwrap().to_string())
}

/// What stands under `heading`, up to the next of its level or above.
fn section<'a>(text: &'a str, heading: &str) -> &'a str {
    let (level, _) = heading.split_once(' ').unwrap();
    let (_, rest) = text.split_once(&format!("\n{heading}\n")).unwrap_or_else(|| panic!("no {heading}"));
    let ends = (1..=level.len()).filter_map(|n| rest.find(&format!("\n{} ", "#".repeat(n))));
    &rest[..ends.min().unwrap_or(rest.len())]
}

/// What stands there of a detector alone: the paragraph that begins with its name, and the table behind it.
fn of_detector<'a>(text: &'a str, name: &str) -> &'a str {
    let all = section(text, "## detector");
    let (_, rest) = all.split_once(&format!("\n\n`{name}`")).unwrap_or_else(|| panic!("no {name}"));
    let ends = ["\n\n`", "\n#"].into_iter().filter_map(|end| rest.find(end));
    &rest[..ends.min().unwrap_or(rest.len())]
}

/// Whether `text` says what `key` is.
fn tells(text: &str, key: &str) -> bool {
    ["`K`", ".K`", ".K]"].iter().any(|form| text.contains(&form.replace('K', key)))
}

#[test]
fn it_has_every_kind_with_its_keys() {
    let text = reference();
    let lists = [
        ("## textures", kinds(textures::KINDS)),
        ("## defect", kinds(defects::KINDS)),
        ("### Shapes", kinds(defects::shapes::KINDS)),
        ("### Profiles", kinds(defects::profiles::KINDS)),
        ("### Effects", kinds(defects::effects::KINDS)),
        ("## fault", kinds(faults::KINDS)),
        ("## projection", kinds(projections::KINDS)),
        ("## separator", kinds(separators::KINDS)),
        ("## threshold", kinds(thresholds::KINDS)),
    ];
    for (heading, of) in lists {
        let section = section(&text, heading);
        for (name, keys) in of {
            assert!(section.contains(&format!("`\"{name}\"`")), "the kind {name} is missing under {heading}");
            for key in keys {
                assert!(tells(section, &key), "`{key}` of {name} is missing under {heading}");
            }
        }
    }
    for (name, keys) in kinds(detectors::KINDS) {
        assert!(
            section(&text, "## detector").contains(&format!("`\"{name}\"`")),
            "the kind {name} is missing"
        );
        for key in keys.iter().filter(|key| *key != "kind") {
            let places = [of_detector(&text, &name), section(&text, "### Training")];
            assert!(places.iter().any(|of| tells(of, key)), "`{key}` of {name} is missing");
        }
    }
    for format in formats::KINDS {
        let known = section(&text, "## dataset").contains(&format!("`\"{}\"`", format.name));
        assert!(known, "the format {} is missing", format.name);
    }
}

/// Of tables that are no kinds: where the reference tells of them, and what has to stand in them.
const TABLES: &[(&str, &str, &str)] = &[
    ("## camera", "[camera]", ""),
    ("## camera", "[camera.vignette]", ""),
    ("## camera", "[camera.pattern]", ""),
    ("## camera", "[camera.noise]", ""),
    ("## bed", "[bed]", ""),
    ("## print", "[print]", ""),
    ("## part", "[[part]]", "file = \"part.stl\""),
    ("## part", "[[shift]]\nname = \"a\"\n[[shift.part]]", "file = \"part.stl\""),
    ("## layers", "[layers]", ""),
    ("## thermal", "[thermal]", ""),
    ("## thermal", "[thermal.spread]", ""),
    ("## thermal", "[thermal.recoat]", ""),
    ("## thermal", "[thermal.lamp]", ""),
    ("## thermal", "[thermal.ground]", ""),
    ("## defect", "[[defect]]", "kind = \"striation\""),
    ("## defect", "[[defect]]\nkind = \"striation\"\nlayers = 3\n[defect.evolution]", "course = \"grow\""),
    ("### Built-in defects", "[[defect]]\nkind = \"delamination\"\n[defect.lift]", ""),
    (
        "### Composed defects",
        "[[defect]]\nkind = \"composed\"\n[[defect.element]]",
        "shape = { kind = \"disc\" }\neffect = { kind = \"add\" }",
    ),
    ("## fault", "[[fault]]", "kind = \"hand\""),
    ("## dataset", "[dataset]", "training_jobs = 2"),
    ("## dataset", "[dataset]\ntraining_jobs = 2\nformats = [\"webdataset\"]\n[dataset.webdataset]", ""),
    ("## dataset", "[dataset]\ntraining_jobs = 2\nformats = [\"croissant\"]\n[dataset.croissant]", ""),
    ("## detector", "[[detector]]", "kind = \"dcgan\""),
    ("### Training", "[[detector]]\nkind = \"dcgan\"\n[detector.schedule]", "kind = \"constant\""),
    ("### Training", "[[detector]]\nkind = \"dcgan\"\n[detector.schedule]", "kind = \"step\""),
    ("### Training", "[[detector]]\nkind = \"dcgan\"\n[detector.schedule]", "kind = \"cosine\""),
    ("### Training", "[[detector]]\nkind = \"dcgan\"\n[detector.schedule]", "kind = \"linear\""),
    ("### Training", "[[detector]]\nkind = \"dcgan\"\n[detector.augment]", ""),
    ("## projection", "[[projection]]", "kind = \"pca\""),
    ("## separator", "[[separator]]", "kind = \"k-means\""),
    ("## separation", "[separation]", ""),
    ("## evidence", "[evidence]", ""),
    ("## threshold", "[[threshold]]", "kind = \"conformal\""),
    ("## typing", "[typing]", "types = 2"),
    ("## shift", "[[shift]]", "name = \"a\"\nwidths = [2.0]"),
    ("## photographs", "[photographs]", "healthy = \".\"\nanomalous = \".\""),
    ("## Names of what is measured", "[gates.run]", "leaks = { at_most = 0 }"),
    ("## Names of what is measured", "[typing]\ntypes = 2\n[gates.types]", "accuracy = { at_least = 0 }"),
    ("## Names of what is measured", "[gates.vae]", "collapses = { at_most = 0 }"),
    ("## Names of what is measured", "[gates.\"vae A_R\"]", "auroc = { at_least = 0 }"),
    (
        "## Names of what is measured",
        "[gates.\"vae A_R above quantile\"]",
        "detection_rate = { at_least = 0 }",
    ),
    ("## Names of what is measured", "[gates.\"vae A_R with otsu\"]", "accuracy = { at_least = 0 }"),
    (
        "## Names of what is measured",
        "[gates.\"vae A_R with otsu on spot\"]",
        "detection_rate = { at_least = 0 }",
    ),
    ("## gates", "[gates.\"vae A_R\".auroc]", "at_least = 0"),
    ("## claim", "[[claim]]", "better = \"vae A_R\"\nthan = \"vae A_R peak\""),
    ("## reference", "[[reference]]", "source = \"a\"\ndetector = \"vae\"\nparameters = 1"),
    (
        "## reference",
        "[[reference]]",
        "source = \"a\"\nrepresentation = \"vae A_R\"\nseparators = [\"otsu\"]\naccuracy = [0.5]",
    ),
    (
        "## reference",
        "[[reference]]",
        "source = \"a\"\nrepresentation = \"vae A_R\"\nseparators = [\"otsu\"]\nmissing = \"why\"",
    ),
];

#[test]
fn it_has_every_key_of_a_table_where_it_tells_of_the_table() {
    let text = reference();
    for &(heading, header, inside) in TABLES {
        let keys = table(header, inside);
        for key in keys {
            assert!(tells(section(&text, heading), &key), "`{key}` of {header} is missing under {heading}");
        }
    }
    // Those of a table inside another are told of by both names.
    for (of, name, header, inside) in [
        ("vae", "context", "[[detector]]\nname = \"b\"\nkind = \"vae\"\n[detector.context]", ""),
        ("f-anogan", "encoder", "[[detector]]\nkind = \"f-anogan\"\n[detector.encoder]", ""),
    ] {
        for key in table(header, inside) {
            let known = of_detector(&text, of).contains(&format!("`{name}.{key}`"));
            assert!(known || tells(section(&text, "### Training"), &key), "`{key}` of {header} is missing");
        }
    }
    for key in table("[separation.named]", "representation = \"vae A_R\"\nseparator = \"otsu\"") {
        let known = section(&text, "## separation").contains(&format!("`named.{key}`"));
        assert!(known, "`{key}` of [separation.named] is missing");
    }
    for key in table("", "") {
        let known = tells(section(&text, "## Top level"), &key) || text.contains(&format!("\n## {key}\n"));
        assert!(known, "`{key}` of the top level is missing");
    }
}

/// A key that has a namesake in another section is missed where it belongs.
#[test]
fn a_key_that_is_not_told_of_where_it_belongs_is_missed() {
    let text = reference();
    let shapes = section(&text, "### Shapes");
    let without = text.replace(shapes, &shapes.replace("`lines`", "`strokes`"));
    assert!(tells(shapes, "lines") && tells(&without, "lines"));
    assert!(!tells(section(&without, "### Shapes"), "lines"));
    assert!(tells(&text, "at_most") && !tells(section(&text, "## claim"), "at_most"));
    assert!(tells(of_detector(&text, "anogan"), "gan") && !tells(of_detector(&text, "f-anogan"), "gan"));
}
