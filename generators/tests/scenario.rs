//! What a scenario may say, and the exact words for what it may not.
#![allow(clippy::unwrap_used, reason = "a panic is how a test fails")]

mod workshop;

use generators::dataset::Split;
use workshop::{SCENARIO, resolve, with};

fn error(text: &str) -> String {
    resolve(text).err().unwrap_or_else(|| "no error".to_owned())
}

#[test]
fn a_sound_scenario_resolves() {
    let production = resolve(SCENARIO).unwrap();
    assert_eq!(production.scenario().name, "s");
    assert_eq!(production.heights_mm().len(), 24);
    assert_eq!(production.most_layers(), 24);
    assert!((production.bed_side_mm() - 37.5).abs() < 1e-9);
    assert_eq!(production.images(Split::Train), 3 * 24);
    assert_eq!(production.images(Split::Validation), 24);
    assert_eq!(production.images(Split::Test), 2 * 4 * 6);
    let part = production.parts().next().unwrap();
    assert_eq!((part.certificate.repairs.triangles_kept, part.copies), (12, 1));
    assert_eq!(part.size_mm, [30.0, 20.0, 12.0]);
}

#[test]
fn thinning_keeps_every_nth_layer() {
    let heights = |max: usize| {
        resolve(&with("height_mm = 0.5", &format!("height_mm = 0.5\nmax = {max}")))
            .unwrap()
            .heights_mm()
            .to_vec()
    };
    assert_eq!(heights(24).len(), 24);
    assert_eq!(heights(23), (0..12).map(|k| 0.25 + f64::from(k)).collect::<Vec<_>>());
    assert_eq!(heights(8), (0..8).map(|k| 0.25 + 1.5 * f64::from(k)).collect::<Vec<_>>());
}

#[test]
fn the_fingerprint_knows_what_decides_the_data() {
    let print = |text: &str| resolve(text).unwrap().fingerprint().to_owned();
    let plain = print(SCENARIO);
    assert_eq!(print(&with("seed = 7", "name = \"x\" # another name\n seed = 7")), plain);
    assert_ne!(print(&with("seed = 7", "seed = 8")), plain);
    assert_ne!(print(&with("layers = 3", "layers = 2")), plain);
    assert_ne!(print(&with("file = \"block.stl\"", "file = \"block.stl\"\nrotation_deg = 90")), plain);
}

#[test]
fn wrong_values_are_named_where_they_stand() {
    for (from, to, expected) in [
        ("image_px = 32", "image_px = 15", "s.toml:4:12: `image_px` is 15 but must be between 16 and 4096"),
        (
            "image_px = 32",
            "imag_px = 32",
            "s.toml:4:1: unknown key `imag_px` in [camera]; did you mean `image_px`?",
        ),
        (
            "range_c = [20.0, 90.0]",
            "range_c = [90, 20]",
            "s.toml:6:11: `range_c = [low, high]` needs low < high, not 90 >= 20",
        ),
        ("blur_px = {", "bits = 12\nblur_px = {", "s.toml:5:8: `bits` is 12 but must be 8 or 16"),
        ("margin = 0.1", "size_mm = 50", "s.toml:10:7: [bed] has both `size_mm` and `fit`; choose one"),
        (
            "[[part]]\nfile = \"block.stl\"",
            "",
            "s.toml:1:1: the scenario needs a [[part]]; write [[part]] with file = \"part.stl\", the path relative \
             to the scenario",
        ),
        (
            "block.stl",
            "brick.stl",
            "s.toml:23:8: there is no part file brick.stl; `file` is relative to the scenario's folder",
        ),
        (
            "file = \"block.stl\"",
            "file = \"block.stl\"\nunit = \"cm\"",
            "s.toml:24:8: `unit` cannot be `cm`; choose from `mm`, `m`, `inch`; did you mean `m`?",
        ),
        (
            "training_jobs = 3\nvalidation_jobs = 1\ntest_jobs = 4",
            "training_jobs = 0",
            "s.toml:26:1: [dataset] has no jobs; state `training_jobs`",
        ),
        (
            "seed = 7",
            "seed = 7\nvariability = -1",
            "s.toml:3:15: `variability` is -1 but must be between 0 and 1000",
        ),
        (
            "test_jobs = 4",
            "test_jobs = -1",
            "s.toml:29:13: `test_jobs` is -1 but must be between 0 and 99999",
        ),
        (
            "name = \"moody\"",
            "",
            "s.toml:34:8: there are two defects called `spot`; give one of them another `name`",
        ),
        (
            "name = \"moody\"",
            "name = \"../moody\"",
            "s.toml:35:8: `name` is \"../moody\" but must be safe as a file name; use at most 64 of a-z, A-Z, 0-9, \
             `-` and `_`, a letter or digit first",
        ),
        (
            "name = \"moody\"",
            "name = \"Good\"",
            "s.toml:35:8: a defect cannot be called `good`: so are the healthy images",
        ),
        (
            "kind = \"spot\"\nlayers",
            "kind = \"spott\"\nlayers",
            "s.toml:31:8: `kind` cannot be `spott`; choose from `spot`; did you mean `spot`?",
        ),
        (
            "layers = 3",
            "layers = 13",
            "s.toml:36:10: an episode of 13 layers does not fit: 24 printed layers for 2 defects leave 12 each; \
             shorten `layers`, lower [layers] height_mm or raise [layers] max",
        ),
        (
            "retain = { uniform = [0.3, 0.4] }",
            "retain = 1",
            "s.toml:25:10: `retain` is 1 but must be between 0 and 0.99",
        ),
    ] {
        assert_eq!(error(&with(from, to)), expected);
    }
    let healthy_only = SCENARIO.split("[[defect]]").next().unwrap();
    assert_eq!(error(healthy_only), "s.toml:29:13: `test_jobs` is 4 but there is no [[defect]] to test");
    assert_eq!(error(&healthy_only.replace("test_jobs = 4", "")), "no error");
}

#[test]
fn sizes_that_cannot_be_are_stated_with_a_unit_that_can() {
    for (from, to, expected) in [
        (
            "height_mm = 0.5",
            "height_mm = 12.5",
            "s.toml:23:8: the part is 30 x 20 x 12 mm high: thinner than a layer of 12.5 mm; unit = \"inch\" would \
             make it 762 x 508 x 305 mm high",
        ),
        (
            "fit = true\nmargin = 0.1",
            "size_mm = 25",
            "s.toml:22:8: the part is 30 x 20 x 12 mm high: larger than the bed of 25 mm; [bed] size_mm = 30 would \
             hold it",
        ),
        (
            "fit = true\nmargin = 0.1",
            "size_mm = 800",
            "s.toml:4:12: the image is too small for the part in block.stl: its 20 mm are 0.8 of 32 px, and it takes \
             3; image_px = 120 would do",
        ),
        (
            "file = \"block.stl\"",
            "file = \"block.stl\"\nunit = \"m\"",
            "s.toml:23:8: the part is 30000 x 20000 x 12000 mm high: more than 10000 layers of 0.5 mm; unit = \"mm\" \
             would make it 30 x 20 x 12 mm high, unit = \"inch\" would make it 762 x 508 x 305 mm high",
        ),
        (
            "fit = true\nmargin = 0.1\n",
            "size_mm = 35\n",
            "s.toml:22:8: the part is 30 x 20 x 12 mm high: larger than the bed of 35 mm, which has to hold it in \
             every turn; [bed] size_mm = 37 would hold it",
        ),
        (
            "fit = true\nmargin = 0.1\n",
            "size_mm = 40\n",
            "s.toml:10:11: the bed does not hold all 4 copies of the parts; raise [bed] size_mm, or write fit = true \
             instead",
        ),
    ] {
        let mut text = with(from, to);
        if expected.contains("every turn") {
            text = text.replace("file = \"block.stl\"", "file = \"block.stl\"\npose = \"random\"");
        }
        if expected.contains("copies") {
            text = text.replace("file = \"block.stl\"", "file = \"block.stl\"\ncopies = 4");
        }
        assert_eq!(error(&text), expected);
    }
}

#[test]
fn copies_and_places_are_checked() {
    let placed = |place: &str| {
        let text =
            with("fit = true\nmargin = 0.1", "size_mm = 100").replace("image_px = 32", "image_px = 64");
        error(&text.replace("file = \"block.stl\"", &format!("file = \"block.stl\"\n{place}")))
    };
    assert_eq!(placed("at_mm = [30, 30]"), "no error");
    assert_eq!(
        placed("at_mm = [10, 30]"),
        "s.toml:22:8: the part is 30 x 20 x 12 mm high and, at `at_mm`, reaches over the bed; `at_mm` is the middle \
         of its bounding box, from the near left corner of the bed"
    );
    assert_eq!(
        placed("at_mm = [30, 30]\ncopies = 2"),
        "s.toml:23:9: `at_mm` is the place of one copy, and there are 2; write one [[part]] for each place"
    );
    assert_eq!(
        placed("at_mm = [30, 30]\npose = \"random\""),
        "s.toml:23:9: `at_mm` goes with pose = \"fixed\""
    );
    assert_eq!(
        placed("at_mm = [30, 30]\n[[part]]\nfile = \"block.stl\"\nat_mm = [40, 30]"),
        "s.toml:25:8: this part overlaps the one in block.stl; choose `at_mm` further apart, or leave it out"
    );
}
