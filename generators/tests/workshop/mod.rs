//! What the tests of scenarios, jobs and datasets share: a part, a scenario, and small defects whose
//! truth is known.
#![allow(dead_code, reason = "each test crate uses its share")]

use std::collections::BTreeMap;
use std::ops::ControlFlow;
use std::path::Path;
use std::sync::Once;

use generators::dataset::{self, Dataset, DatasetError, Discard, Report};
use generators::defects::{Defect, Phase};
use generators::layer::{Frame, Layer, Mask};
use generators::params::{Draws, Param, Table};
use generators::registry::Kind;
use generators::scenario::{Production, Scenario};
use generators::textures::{Brush, Texture};

/// A scenario of a 30 x 20 x 12 mm block, 24 layers, two defects.
pub const SCENARIO: &str = r#"
seed = 7
[camera]
image_px = 32
blur_px = { uniform = [0.6, 0.8] }
range_c = [20.0, 90.0]
gain = { uniform = [0.97, 1.0], jitter = { normal = [0.0, 0.001] } }
offset = { uniform = [0.0, 0.02] }
[bed]
fit = true
margin = 0.1
temperature_c = { uniform = [42.0, 44.0], jitter = { normal = [0.0, 0.3] } }
[bed.texture]
kind = "speckle"
[print]
temperature_c = { uniform = [66.0, 69.0] }
[print.texture]
kind = "speckle"
amplitude_c = 1.5
[layers]
height_mm = 0.5
[[part]]
file = "block.stl"
[thermal]
retain = { uniform = [0.3, 0.4] }
[dataset]
training_jobs = 3
validation_jobs = 1
test_jobs = 4
[[defect]]
kind = "spot"
layers = { uniform = [2, 4] }
[[defect]]
kind = "spot"
name = "moody"
layers = 3
mood = 0.5
"#;

/// White noise.
struct Speckle(Param);

impl Texture for Speckle {
    fn brush(&self, _frame: &Frame, _layer: usize, draws: &mut Draws) -> Brush {
        let amplitude_c = draws.draw("amplitude_c", &self.0);
        let mut stream = draws.layer_stream("noise");
        Box::new(move |_, row| row.fill_with(|| (amplitude_c * stream.normal()) as f32))
    }
}

/// A square that is warmer; it finds its place only in some episodes and may be too faint to show.
struct Spot {
    cnr: Param,
    mood: f64,
}

impl Defect for Spot {
    fn inject(&self, layer: &mut Layer, phase: &Phase, draws: &mut Draws) -> Mask {
        let n = layer.frame.size_px;
        let mut mask = Mask { size_px: n, pixels: vec![false; n * n] };
        let mut place = draws.steady_stream("place");
        if !place.chance(self.mood) {
            return mask;
        }
        let corner = [place.below(n - 4), place.below(n - 4)];
        let (rows, columns) = (corner[0]..corner[0] + 4, corner[1]..corner[1] + 4);
        for (i, pixel) in mask.pixels.iter_mut().enumerate() {
            *pixel = rows.contains(&(i / n)) && columns.contains(&(i % n));
        }
        let change_c =
            (phase.draw_severity("cnr", &self.cnr, draws) * layer.texture_deviation_c(&mask)) as f32;
        for (value, _) in layer.temperature_c.values.iter_mut().zip(&mask.pixels).filter(|(_, p)| **p) {
            *value += change_c;
        }
        mask
    }
}

pub const TEXTURES: &[Kind<dyn Texture>] = &[Kind {
    name: "speckle",
    summary: "white noise",
    source: "own",
    example: "",
    build: |table| Ok(Box::new(Speckle(table.param("amplitude_c", Param::fixed(1.0), 0.0..=10.0)?))),
}];

pub const DEFECTS: &[Kind<dyn Defect>] = &[Kind {
    name: "spot",
    summary: "a warm square of 4 px",
    source: "own",
    example: "",
    build: |table| {
        let cnr = table.param("cnr", Param::uniform(4.0, 8.0), 0.0..=100.0)?;
        Ok(Box::new(Spot { cnr, mood: table.number("mood", Some(1.0), 0.0..=1.0)? }))
    },
}];

/// Writes a block as a binary STL.
pub fn write_block(path: &Path, size: [f32; 3]) {
    let corner = |bits: u32| [0, 1, 2].map(|axis| if bits >> axis & 1 == 1 { size[axis] } else { 0.0 });
    let faces: [[u32; 4]; 6] =
        [[0, 2, 3, 1], [4, 5, 7, 6], [0, 1, 5, 4], [2, 6, 7, 3], [0, 4, 6, 2], [1, 3, 7, 5]];
    let mut bytes = vec![0u8; 80];
    bytes.extend(12u32.to_le_bytes());
    for [a, b, c, d] in faces {
        for triangle in [[a, b, c], [a, c, d]] {
            bytes.extend([0u8; 12]);
            for bits in triangle {
                corner(bits).iter().for_each(|x| bytes.extend(x.to_le_bytes()));
            }
            bytes.extend([0u8; 2]);
        }
    }
    std::fs::write(path, bytes).unwrap();
}

/// Reads and resolves a scenario beside `block.stl` (30 x 20 x 12 mm); the error as a line of text.
pub fn resolve(text: &str) -> Result<Production, String> {
    // It stays: a dataset keeps a copy of its parts.
    static BLOCK: Once = Once::new();
    let folder = Path::new(env!("CARGO_TARGET_TMPDIR")).join(env!("CARGO_CRATE_NAME"));
    BLOCK.call_once(|| {
        std::fs::create_dir_all(&folder).unwrap();
        write_block(&folder.join("block.stl"), [30.0, 20.0, 12.0]);
    });
    let read = || {
        let mut table = Table::parse("s.toml", text)?;
        let scenario = Scenario::read_with_kinds(&mut table, &folder, TEXTURES, DEFECTS)?;
        table.finish()?;
        scenario.resolve()
    };
    read().map_err(|e| e.to_string().replace(&format!("{}/", folder.display()), ""))
}

/// [`SCENARIO`] with `from` replaced by `to`, which has to be in it.
pub fn with(from: &str, to: &str) -> String {
    assert!(SCENARIO.contains(from), "{from}");
    SCENARIO.replacen(from, to, 1)
}

/// Goes on to the end.
pub const KEEP_ON: Report = &|_| ControlFlow::Continue(());

/// Every file below `folder` and its content.
pub fn files(folder: &Path) -> BTreeMap<String, Vec<u8>> {
    let mut found = BTreeMap::new();
    let mut folders = vec![folder.to_owned()];
    while let Some(next) = folders.pop() {
        for entry in std::fs::read_dir(next).unwrap() {
            let path = entry.unwrap().path();
            if path.is_dir() {
                folders.push(path);
            } else {
                let name = path.strip_prefix(folder).unwrap().to_string_lossy().into_owned();
                found.insert(name, std::fs::read(&path).unwrap());
            }
        }
    }
    found
}

/// Removes the dataset in `folder`, where there is one.
pub fn discard(folder: &Path) -> Result<(), DatasetError> {
    Discard::of(folder)?.map_or(Ok(()), Discard::carry_out)
}

/// The whole dataset, on `threads` threads.
pub fn write(production: &Production, folder: &Path, threads: usize) -> Result<Dataset, DatasetError> {
    let pool = rayon::ThreadPoolBuilder::new().num_threads(threads).build().unwrap();
    pool.install(|| dataset::write(production, folder, None, KEEP_ON))?;
    Dataset::open(folder)
}
