//! Pictures of every texture, every defect and every fault on one fixed layer, held against those in `golden/`.
//!
//! `SYNTHGEN_BLESS=1` draws them anew; look at them before committing. A test that fails leaves
//! what it drew, and where it differs, in cargo's directory for tests and names the files.

mod scene;

use std::path::{Path, PathBuf};

use generators::camera::Depth;
use generators::defects::{self, Phase};
use generators::faults;
use generators::layer::{Field, Layer};
use generators::params::Draws;
use generators::stream::Stream;
use generators::textures;
use image::GrayImage;
use scene::{FRAME, build};

/// Grey levels that another processor's arithmetic may cost.
const TOLERANCE: u8 = 1;

/// `least` degrees are black, `greatest` white.
fn grey(field: &Field, least: f32, greatest: f32) -> GrayImage {
    let side = field.size_px as u32;
    GrayImage::from_fn(side, side, |x, y| {
        let value = field.values[(y * side + x) as usize];
        image::Luma([((value - least) / (greatest - least) * 255.0).round().clamp(0.0, 255.0) as u8])
    })
}

/// The picture of a kind, each with streams of its own.
fn draws(room: &str, name: &str) -> Draws {
    let root = Stream::root(5).child(room).child(name);
    Draws::new(&root.child("steady"), &root.child("layer"))
}

fn texture(name: &str, example: &str) -> GrayImage {
    let field = build(textures::KINDS, name, example).paint(&FRAME, 0, &mut draws("texture", name));
    grey(&field, -3.0, 3.0)
}

fn defect(name: &str, example: &str) -> GrayImage {
    let mut layer: Layer = scene::layer();
    build(defects::KINDS, name, example).inject(&mut layer, &Phase::ONLY, &mut draws("defect", name));
    grey(&layer.temperature_c, 35.0, 75.0)
}

fn fault(name: &str, example: &str) -> GrayImage {
    let earlier = scene::recording(Depth::Eight);
    let mut image = earlier[2].clone();
    build(faults::KINDS, name, example).spoil(&mut image, &earlier[..2], &mut draws("fault", name));
    let side = image.size_px as u32;
    GrayImage::from_fn(side, side, |x, y| image::Luma([image.values[(y * side + x) as usize] as u8]))
}

/// `Err` names what differs and where to look.
fn compare(name: &str, actual: &GrayImage) -> Result<(), String> {
    let golden = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/golden").join(format!("{name}.png"));
    if std::env::var_os("SYNTHGEN_BLESS").is_some_and(|v| v == "1") {
        return actual.save(&golden).map_err(|e| format!("{}: {e}", golden.display()));
    }
    let out = |kind: &str| PathBuf::from(env!("CARGO_TARGET_TMPDIR")).join(format!("{name}.{kind}.png"));
    let save = |kind: &str, picture: &GrayImage| {
        picture.save(out(kind)).map_err(|e| format!("{}: {e}", out(kind).display()))
    };
    let expected = match image::open(&golden) {
        Ok(picture) => picture.to_luma8(),
        Err(e) => {
            save("actual", actual)?;
            let (golden, actual) = (golden.display(), out("actual").display().to_string());
            return Err(format!("{golden}: {e}; see {actual}, and run with SYNTHGEN_BLESS=1 to accept it"));
        }
    };
    if expected.dimensions() != actual.dimensions() {
        save("actual", actual)?;
        return Err(format!("{name}: {:?} instead of {:?}", actual.dimensions(), expected.dimensions()));
    }
    let mut difference = actual.clone();
    difference.iter_mut().zip(expected.iter()).for_each(|(a, e)| *a = a.abs_diff(*e));
    let worst = difference.iter().copied().max().unwrap_or(0);
    if worst <= TOLERANCE {
        return Ok(());
    }
    let count = difference.iter().filter(|&&d| d > TOLERANCE).count();
    difference.iter_mut().for_each(|d| *d = if *d > TOLERANCE { d.saturating_mul(8) } else { 0 });
    save("actual", actual)?;
    save("diff", &difference)?;
    let (actual, diff) = (out("actual").display().to_string(), out("diff").display().to_string());
    Err(format!("{name}: {count} pixels differ, by up to {worst} levels; see {actual} and {diff}"))
}

#[test]
fn pictures_are_the_golden_ones() {
    let pictures = (textures::KINDS.iter())
        .map(|kind| (format!("texture-{}", kind.name), texture(kind.name, kind.example)))
        .chain(
            (defects::KINDS.iter())
                .map(|kind| (format!("defect-{}", kind.name), defect(kind.name, kind.example))),
        )
        .chain(
            faults::KINDS.iter().map(|kind| (format!("fault-{}", kind.name), fault(kind.name, kind.example))),
        )
        .chain([("layer".to_owned(), grey(&scene::layer().temperature_c, 35.0, 75.0))]);
    let wrong: Vec<String> = pictures.filter_map(|(name, picture)| compare(&name, &picture).err()).collect();
    assert!(wrong.is_empty(), "\n{}", wrong.join("\n"));
}
