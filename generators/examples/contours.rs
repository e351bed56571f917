//! Reads a part, cuts it into layers and, if asked to, rasters each into a PNG mask; for measuring:
//! `cargo run -p synthgen-generators --release --example contours PART LAYERS [PX FOLDER]`.

use std::error::Error;
use std::io::BufWriter;
use std::path::{Path, PathBuf};

use generators::layer::Frame;
use generators::mesh::{Mesh, Slice, Unit, layer_heights_mm, slice};
use generators::raster::{Placement, coverage};
use image::codecs::png::{CompressionType, FilterType, PngEncoder};
use image::{ExtendedColorType, ImageEncoder};

fn main() -> Result<(), Box<dyn Error>> {
    let usage = "usage: contours PART LAYERS [PX FOLDER]";
    let mut args = std::env::args().skip(1);
    let part = Mesh::read(Path::new(&args.next().ok_or(usage)?), Unit::Millimetre)?;
    let layers: usize = args.next().ok_or(usage)?.parse()?;
    let [width, depth, height] = part.bounds().size();
    let slices = slice(&part, &layer_heights_mm(&part.bounds(), height / layers as f64));
    println!(
        "{} contours in {} layers",
        slices.iter().map(|s| s.contours.len()).sum::<usize>(),
        slices.len()
    );
    if let Some(px) = args.next() {
        let folder = PathBuf::from(args.next().ok_or(usage)?);
        std::fs::create_dir_all(&folder)?;
        let size_px: usize = px.parse()?;
        let side_mm = width.max(depth) / 0.95;
        let frame = Frame { size_px, px_per_mm: size_px as f64 / side_mm };
        for (i, slice) in slices.iter().enumerate() {
            mask(slice, &frame, side_mm, &folder.join(format!("{i:05}.png")))?;
        }
    }
    Ok(())
}

fn mask(slice: &Slice, frame: &Frame, side_mm: f64, path: &Path) -> Result<(), Box<dyn Error>> {
    let middle = Placement { rotation_deg: 0.0, at_mm: [side_mm / 2.0; 2] };
    let shares = coverage(&[(slice, middle)], frame);
    let bytes: Vec<u8> = shares.values.iter().map(|share| (255.0 * share + 0.5) as u8).collect();
    let file = BufWriter::new(std::fs::File::create(path)?);
    let side = u32::try_from(frame.size_px)?;
    PngEncoder::new_with_quality(file, CompressionType::Fast, FilterType::Up).write_image(
        &bytes,
        side,
        side,
        ExtendedColorType::L8,
    )?;
    Ok(())
}
