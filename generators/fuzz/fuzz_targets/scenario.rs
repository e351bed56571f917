//! Text as a scenario: read and resolved with a small part, or refused with a place.
//!
//! Beside libFuzzer's own mutations, which seldom leave TOML whole, lines are dropped, doubled and moved, and values are
//! replaced by others. The scenarios of this repository are a good corpus to start from.
#![no_main]

use std::path::PathBuf;
use std::sync::LazyLock;

use generators::params::Table;
use generators::scenario::Scenario;
use libfuzzer_sys::{fuzz_mutator, fuzz_target, fuzzer_mutate};

/// Values that are wrong, or at the end of what is right, for most keys.
const VALUES: [&str; 24] = [
    "0", "1", "-1", "0.0", "-0.0", "1e308", "5e-324", "nan", "inf", "-inf", "9223372036854775807", "4096", "true", "\"\"",
    "\"x\"", "[]", "{}", "[1.0, 2.0]", "[2.0, 1.0]", "[0.0, 0.0]", "{ uniform = [0.0, 1.0] }", "{ log_uniform = [0.0, 1.0] }",
    "{ normal = [0.0, 1e300], per = \"layer\" }", "{ uniform = [0.0, 1.0], jitter = { normal = [0.0, 1.0] }, drift = 1e9 }",
];

/// A folder in which every part of the corpus is a tetrahedron.
static FOLDER: LazyLock<PathBuf> = LazyLock::new(|| {
    let folder = std::env::temp_dir().join(format!("synthgen-fuzz-scenario-{}", std::process::id()));
    std::fs::create_dir_all(folder.join("parts")).expect("a temporary folder");
    let corners = [[0.0, 0.0, 0.0], [30.0, 0.0, 0.0], [0.0, 30.0, 0.0], [0.0, 0.0, 10.0]];
    let facet = |[a, b, c]: [usize; 3]| {
        let vertex = |i: usize| format!("vertex {} {} {}\n", corners[i][0], corners[i][1], corners[i][2]);
        format!("facet normal 0 0 0\nouter loop\n{}{}{}endloop\nendfacet\n", vertex(a), vertex(b), vertex(c))
    };
    let facets: String = [[0, 2, 1], [0, 1, 3], [1, 2, 3], [2, 0, 3]].map(facet).concat();
    for part in ["core", "bracket", "lattice"] {
        let text = format!("solid {part}\n{facets}endsolid {part}\n");
        std::fs::write(folder.join(format!("parts/{part}.stl")), text).expect("a temporary file");
    }
    folder
});

fuzz_target!(|text: &str| {
    let read = || {
        let mut table = Table::parse("fuzz.toml", text)?;
        let scenario = Scenario::read(&mut table, &FOLDER)?;
        table.finish()?;
        scenario.resolve()
    };
    if let Err(error) = read() {
        // The message is made from the text: that has to work, too.
        error.to_string();
    }
});

fuzz_mutator!(|data: &mut [u8], size: usize, max_size: usize, seed: u32| {
    let text = std::str::from_utf8(&data[..size]).map(edited(seed));
    match text {
        Ok(Some(text)) if text.len() <= max_size && seed % 4 != 0 => {
            data[..text.len()].copy_from_slice(text.as_bytes());
            text.len()
        }
        _ => fuzzer_mutate(data, size, max_size),
    }
});

/// The text with one line, or one line's value, changed.
fn edited(seed: u32) -> impl Fn(&str) -> Option<String> {
    // Steele and Vigna's constants make far-apart numbers of near ones.
    let draw = move |number: u32, below: usize| {
        let mixed = (u64::from(seed) << 8 | u64::from(number)).wrapping_mul(0x9e37_79b9_7f4a_7c15);
        (mixed >> 33) as usize % below.max(1)
    };
    move |text| {
        let mut lines: Vec<String> = text.lines().map(str::to_owned).collect();
        if lines.is_empty() {
            return None;
        }
        let (at, to) = (draw(0, lines.len()), draw(1, lines.len()));
        let value = VALUES[draw(2, VALUES.len())];
        let key = lines[at].split_once('=').map(|(key, _)| key.to_owned());
        match (draw(3, 6), key) {
            (0, _) => drop(lines.remove(at)),
            (1, _) => lines.insert(to, lines[at].clone()),
            (2, _) => lines.swap(at, to),
            (_, Some(key)) => lines[at] = format!("{key}= {value}"),
            _ => return None,
        }
        Some(lines.join("\n") + "\n")
    }
}
