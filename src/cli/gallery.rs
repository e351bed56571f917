//! `synthgen gallery`: every registered defect, fault and texture, drawn on a real layer; with a scenario, its own defects.

mod own;

use std::path::{Path, PathBuf};

use generators::camera::{Depth, Grey};
use generators::defects::{self, Defect};
use generators::faults;
use generators::layer::{Field, Frame, Layer};
use generators::mesh::{self, Mesh, Unit};
use generators::params::{Draws, ScenarioError, Table};
use generators::raster::{self, Placement};
use generators::registry::{self, Kind};
use generators::stream::Stream;
use generators::textures::{self, Texture};

use crate::pipeline::{Failure, write_file};
use crate::plan::PlanError;
use crate::report::colour::{OUTLINE, Scale};
use crate::report::{PageTile, Picture, Tile, TileSection, contact_sheet, tiles_page};

/// The part that is drawn where the user names none.
const CORE: &[u8] = include_bytes!("../../scenarios/parts/core.stl");
/// Pixels along one side of the layer.
const SIZE_PX: usize = 160;
/// Share of the image's side that is free around the part.
const MARGIN: f64 = 0.1;
/// Enlargement of the pictures, so that the outline is finer than a pixel.
const ZOOM: usize = 2;
/// The temperatures that the colours span, in degrees Celsius.
const RANGE_C: [f32; 2] = [35.0, 78.0];
/// Mean temperature of the bed and of the print, in degrees Celsius.
const MEANS_C: [f32; 2] = [43.0, 67.0];
/// Layers of the episode of a defect that evolves by itself.
const EPISODE: usize = 9;
/// Streams tried until a defect finds a place on the layer.
const ATTEMPTS: usize = 50;

pub use own::draw as draw_own;

/// What a tile shows.
struct Shown<'a> {
    name: &'a str,
    summary: &'a str,
    /// Where it comes from, or what it was drawn with.
    note: String,
    picture: Picture,
}

impl<'a> Shown<'a> {
    fn of<T: ?Sized>(kind: &'a Kind<T>, picture: Picture) -> Self {
        Self { name: kind.name, summary: kind.summary, note: kind.source.to_owned(), picture }
    }
}

/// Draws every kind into `folder`: one PNG each, `defects.png`, `faults.png` and `textures.png` as contact sheets,
/// and `gallery.html`. Returns the page's path.
///
/// # Errors
/// Where the part cannot be read or a file cannot be written.
pub fn draw(part: Option<&Path>, unit: Option<Unit>, folder: &Path, seed: u64) -> Result<PathBuf, Failure> {
    let unit = unit.unwrap_or(Unit::Millimetre);
    let mesh = match part {
        Some(path) => Mesh::read(path, unit)?,
        None => Mesh::from_bytes(CORE, "core.stl", unit)?,
    };
    let stream = Stream::root(seed).child("gallery");
    let (frame, coverage) = middle_layer(&mesh);

    let mut shown = Vec::new();
    for kind in textures::KINDS {
        let field = example(textures::KINDS, kind)?.paint(&frame, 0, &mut draws(&stream, kind.name, 0));
        let deviation_c = field.values.iter().fold(0.0f32, |most, v| most.max(v.abs())).max(1.0);
        let picture =
            Picture::false_colour(&field.values, SIZE_PX, [-deviation_c, deviation_c], Scale::Inferno);
        shown.push(Shown::of(kind, picture.enlarged(ZOOM)));
    }
    let textures = section(
        folder,
        "textures",
        "How the temperature of a surface varies from place to place, from the coldest to the hottest point of each field.",
        &shown,
    )?;

    shown.clear();
    let healthy = healthy_layer(frame, coverage.clone(), &stream)?;
    for kind in defects::KINDS {
        let defect = example(defects::KINDS, kind)?;
        let picture = injected(&*defect, kind.name, &healthy, &stream);
        shown.push(Shown::of(kind, picture));
    }
    let defects = section(
        folder,
        "defects",
        "Each on the same healthy layer, before heat spreads and the camera looks; the outline is the footprint, exactly the pixels that changed. A defect that evolves by itself is shown as the healthy layer (top left) and the first, the middle and the last layer of an episode.",
        &shown,
    )?;

    shown.clear();
    let before = healthy_layer(frame, coverage, &stream.child("before"))?;
    for kind in faults::KINDS {
        let fault = example(faults::KINDS, kind)?;
        let [before, mut image] = [&before, &healthy].map(seen);
        fault.spoil(&mut image, &[before], &mut draws(&stream, kind.name, 0));
        let shares: Vec<f32> = image.values.iter().map(|&v| f32::from(v) / 255.0).collect();
        let picture = Picture::grey(&shares, SIZE_PX);
        shown.push(Shown::of(kind, picture.enlarged(ZOOM)));
    }
    let faults = section(
        folder,
        "faults",
        "What the camera or people make of the image of that layer, in grey as it is delivered; the process below goes on undisturbed.",
        &shown,
    )?;

    let lead = format!(
        "Every defect, fault and texture of this program, with the settings of its example, on a layer of {} ({:.1} px per mm, seed {seed}). Colours run from {} °C (dark) to {} °C (bright).",
        part.map_or("the built-in part".into(), |p| p.display().to_string()),
        frame.px_per_mm,
        RANGE_C[0],
        RANGE_C[1]
    );
    let page = folder.join("gallery.html");
    write_file(
        &page,
        tiles_page("Defects, faults and textures", &lead, &[defects, faults, textures]).as_bytes(),
    )?;
    Ok(page)
}

/// Builds a kind from its own example.
fn example<T: ?Sized>(kinds: &[Kind<T>], kind: &Kind<T>) -> Result<Box<T>, Failure> {
    let build = || -> Result<Box<T>, Box<ScenarioError>> {
        let text = format!("kind = \"{}\"\n{}", kind.name, kind.example);
        Ok(registry::build(kinds, Table::parse(kind.name, &text)?)?.1)
    };
    Ok(build().map_err(PlanError::from)?)
}

fn draws(stream: &Stream, name: &str, attempt: usize) -> Draws {
    let steady = stream.child(name).item("attempt", attempt);
    Draws::new(&steady, &steady.child("layer"))
}

/// The layer half way up the part, in the middle of the image.
fn middle_layer(mesh: &Mesh) -> (Frame, Field) {
    let bounds = mesh.bounds();
    let [width_mm, depth_mm, _] = bounds.size();
    let side_mm = width_mm.max(depth_mm) / (1.0 - 2.0 * MARGIN);
    let frame = Frame { size_px: SIZE_PX, px_per_mm: SIZE_PX as f64 / side_mm };
    let slices = mesh::slice(mesh, &[(bounds.min[2] + bounds.max[2]) / 2.0]);
    let placed: Vec<_> = slices
        .iter()
        .map(|slice| (slice, Placement { rotation_deg: 0.0, at_mm: [side_mm / 2.0; 2] }))
        .collect();
    (frame, raster::coverage(&placed, &frame))
}

/// The layer that every defect is drawn on: powder and print, each with a texture of its own.
fn healthy_layer(frame: Frame, coverage: Field, stream: &Stream) -> Result<Layer, Failure> {
    let paint = |name: &str, texture: &str, mean_c: f32| -> Result<Field, Failure> {
        let kind = textures::KINDS.iter().find(|k| k.name == texture).unwrap_or(&textures::KINDS[0]);
        let texture: Box<dyn Texture> = example(textures::KINDS, kind)?;
        let mut field = texture.paint(&frame, 0, &mut draws(stream, name, 0));
        field.values.iter_mut().for_each(|v| *v += mean_c);
        Ok(field)
    };
    let bed = paint("bed", "cloud", MEANS_C[0])?;
    let print = paint("print", "grain", MEANS_C[1])?;
    Ok(Layer::compose(frame, 0, coverage, bed, print))
}

/// The layer as a camera delivers it, the coldest black.
fn seen(layer: &Layer) -> Grey {
    let [low, high] = RANGE_C;
    let shares = layer.temperature_c.values.iter().map(|c| (c - low) / (high - low));
    let values = shares.map(|share| (share.clamp(0.0, 1.0) * 255.0).round() as u16).collect();
    Grey { size_px: SIZE_PX, depth: Depth::Eight, values }
}

/// The layer with a defect, outlined; where the defect evolves by itself, the healthy layer beside the first,
/// the middle and the last of an episode. The healthy layer alone where it finds no place.
fn injected(defect: &dyn Defect, name: &str, healthy: &Layer, stream: &Stream) -> Picture {
    let colour =
        |layer: &Layer| Picture::false_colour(&layer.temperature_c.values, SIZE_PX, RANGE_C, Scale::Inferno);
    let evolution = defect.evolution();
    for attempt in 0..ATTEMPTS {
        let shown = |age: usize, duration: usize, zoom: usize| -> Option<Picture> {
            let mut layer = healthy.clone();
            let mut draws = draws(stream, name, attempt);
            let phase = evolution.phase(age, duration, &mut draws);
            let footprint = defect.inject(&mut layer, &phase, &mut draws);
            (footprint.count() > 0).then(|| colour(&layer).outlined(&footprint.pixels, zoom, OUTLINE))
        };
        let picture = if evolution.is_constant() {
            shown(0, 1, ZOOM)
        } else {
            let ages = [0, EPISODE / 2, EPISODE - 1].map(|age| shown(age, EPISODE, 1));
            ages.into_iter().collect::<Option<Vec<_>>>().map(|layers| four(&colour(healthy), &layers))
        };
        if let Some(picture) = picture {
            return picture;
        }
    }
    colour(healthy).enlarged(ZOOM)
}

/// Four pictures of a layer in the place of one enlarged by two.
fn four(first: &Picture, others: &[Picture]) -> Picture {
    let mut all = Picture::filled(2 * SIZE_PX, 2 * SIZE_PX, [0; 3]);
    for (i, picture) in std::iter::once(first).chain(others).enumerate() {
        all.paste(picture, i % 2 * SIZE_PX, i / 2 * SIZE_PX);
    }
    all
}

/// Writes one PNG per picture and a contact sheet, and returns the pictures for the page.
fn section(folder: &Path, heading: &str, text: &str, shown: &[Shown<'_>]) -> Result<TileSection, Failure> {
    let mut tiles = Vec::new();
    let mut sheet = Vec::new();
    for Shown { name, summary, note, picture } in shown {
        let png = picture.png();
        write_file(&folder.join(heading).join(format!("{name}.png")), &png)?;
        sheet.push(Tile { label: (*name).to_owned(), picture: picture.clone() });
        tiles.push(PageTile {
            name: (*name).to_owned(),
            caption: (*summary).to_owned(),
            note: note.clone(),
            png,
        });
    }
    write_file(&folder.join(format!("{heading}.png")), &contact_sheet(&sheet, 5))?;
    let mut title = heading.to_owned();
    title[..1].make_ascii_uppercase();
    Ok(TileSection { heading: title, text: text.to_owned(), tiles, wide: false })
}
