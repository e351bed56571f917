//! Reads a part, cuts it into layers and, if asked to, rasters each into a PNG mask, all in one archive; for
//! measuring: `cargo run -p synthgen-generators --release --example contours PART LAYERS [PX MASKS.tar]`.

#[path = "../src/dataset/formats/webdataset/tar.rs"]
mod tar;

use std::error::Error;
use std::path::Path;

use generators::layer::Frame;
use generators::mesh::{Mesh, Slice, Unit, layer_heights_mm, slice};
use generators::raster::{Placement, coverage};
use image::codecs::png::{CompressionType, FilterType, PngEncoder};
use image::{ExtendedColorType, ImageEncoder};

fn main() -> Result<(), Box<dyn Error>> {
    let usage = "usage: contours PART LAYERS [PX MASKS.tar]";
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
        let path = args.next().ok_or(usage)?;
        let size_px: usize = px.parse()?;
        let side_mm = width.max(depth) / 0.95;
        let frame = Frame { size_px, px_per_mm: size_px as f64 / side_mm };
        let mut archive = Vec::new();
        for (i, slice) in slices.iter().enumerate() {
            let mask = mask(slice, &frame, side_mm)?;
            tar::append(&mut archive, &format!("{i:05}.png"), &mask).ok_or("a mask is too large")?;
        }
        archive.extend(tar::END);
        std::fs::write(path, archive)?;
    }
    Ok(())
}

fn mask(slice: &Slice, frame: &Frame, side_mm: f64) -> Result<Vec<u8>, Box<dyn Error>> {
    let middle = Placement { rotation_deg: 0.0, at_mm: [side_mm / 2.0; 2] };
    let shares = coverage(&[(slice, middle)], frame);
    // From 2^23 on the last bits of a number are its integer part: rounding without a conversion.
    let level = |share: &f32| (255.0 * share + 8_388_608.0).to_bits() as u8;
    let levels: Vec<u8> = shares.values.iter().map(level).collect();
    let mut png = Vec::new();
    let side = u32::try_from(frame.size_px)?;
    PngEncoder::new_with_quality(&mut png, CompressionType::Fast, FilterType::Up).write_image(
        &levels,
        side,
        side,
        ExtendedColorType::L8,
    )?;
    Ok(png)
}
