//! A layer whose every edge is known: a disc with a hole, and a bar, on 100 mm of bed.

#![allow(dead_code, clippy::unwrap_used, reason = "a module of tests, each of which takes what it needs")]

use std::collections::BTreeMap;
use std::sync::OnceLock;

use generators::camera::{Depth, Grey};
use generators::defects::{Defect, Phase};
use generators::layer::{Field, Frame, Layer, Mask};
use generators::params::{Draws, Table};
use generators::registry::{self, Kind};
use generators::stream::Stream;
use generators::textures;

pub const FRAME: Frame = Frame { size_px: 96, px_per_mm: 0.96 };

/// Signed distance to the part's contour in millimetres, negative inside.
fn distance_mm([x, y]: [f64; 2]) -> f64 {
    let disc = (x - 36.0).hypot(y - 56.0);
    let ring = (disc - 28.0).max(11.0 - disc);
    let bar = ((x - 80.0).abs() - 8.0).max((y - 50.0).abs() - 38.0);
    ring.min(bar)
}

/// Printed share of each pixel of the part, antialiased over one pixel.
pub fn coverage() -> Field {
    let share = |i| (0.5 - distance_mm(FRAME.centre_mm(i)) * FRAME.px_per_mm).clamp(0.0, 1.0) as f32;
    Field { size_px: FRAME.size_px, values: (0..FRAME.size_px * FRAME.size_px).map(share).collect() }
}

/// Builds a kind from its table, without `kind`.
pub fn build<T: ?Sized>(kinds: &[Kind<T>], name: &str, table: &str) -> Box<T> {
    match try_build(kinds, name, table) {
        Ok(built) => built,
        Err(message) => panic!("{name}: {message}"),
    }
}

/// As [`build`], with the message that a user would see.
pub fn try_build<T: ?Sized>(kinds: &[Kind<T>], name: &str, table: &str) -> Result<Box<T>, String> {
    Table::parse("s.toml", &format!("kind = \"{name}\"\n{table}"))
        .and_then(|table| registry::build(kinds, table))
        .map(|built| built.1)
        .map_err(|error| error.to_string())
}

/// The part at 60 degrees on a bed at 45, both with clouds.
pub fn layer() -> Layer {
    static LAYER: OnceLock<Layer> = OnceLock::new();
    LAYER.get_or_init(|| compose(5)).clone()
}

/// The part as a camera sees it that shows 35 degrees black and 75 white, three images after each other.
pub fn recording(depth: Depth) -> Vec<Grey> {
    static LAYERS: OnceLock<[Layer; 3]> = OnceLock::new();
    let levels = |layer: &Layer| {
        let shares = layer.temperature_c.values.iter().map(|c| (c - 35.0) / 40.0);
        let white = f32::from(depth.white());
        let values = shares.map(|share| (share.clamp(0.0, 1.0) * white).round() as u16).collect();
        Grey { size_px: FRAME.size_px, depth, values }
    };
    LAYERS.get_or_init(|| [3, 4, 5].map(compose)).iter().map(levels).collect()
}

fn compose(seed: u64) -> Layer {
    let root = Stream::root(seed);
    let paint = |name: &str, amplitude_c: f64, mean_c: f32| {
        let table = format!("amplitude_c = {amplitude_c}\nfeature_mm = 20.0\n");
        let mut draws = Draws::new(&root.child("job").child(name), &root.child("layer").child(name));
        let mut field = build(textures::KINDS, "cloud", &table).paint(&FRAME, 3, &mut draws);
        field.values.iter_mut().for_each(|v| *v += mean_c);
        field
    };
    Layer::compose(FRAME, 3, coverage(), paint("bed", 0.5, 45.0), paint("print", 1.0, 60.0))
}

/// A layer before and after a defect.
pub struct Injected {
    pub before: Layer,
    pub after: Layer,
    pub footprint: Mask,
    pub record: BTreeMap<String, f64>,
}

pub fn inject_into(before: Layer, defect: &dyn Defect, steady: u64, fresh: u64) -> Injected {
    inject_in_phase(before, defect, &Phase::ONLY, steady, fresh)
}

pub fn inject_in_phase(
    before: Layer,
    defect: &dyn Defect,
    phase: &Phase,
    steady: u64,
    fresh: u64,
) -> Injected {
    let mut draws = Draws::new(&Stream::root(steady).child("episode"), &Stream::root(fresh).child("layer"));
    let mut after = before.clone();
    let footprint = defect.inject(&mut after, phase, &mut draws);
    Injected { before, after, footprint, record: draws.into_record() }
}
