//! Reads a part, cuts it into layers and, if asked to, rasters each into a PNG mask, all in one archive; for
//! measuring: `cargo run -p synthgen-generators --release --example contours PART LAYERS [PX MASKS.tar]`.

#[path = "../src/dataset/formats/webdataset/tar.rs"]
mod tar;

use std::error::Error;
use std::path::Path;

use generators::dataset::png;
use generators::layer::Frame;
use generators::mesh::{Mesh, Unit, layer_heights_mm, slice};
use generators::raster::{Placement, coverage};

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
        let middle = Placement { rotation_deg: 0.0, at_mm: [side_mm / 2.0; 2] };
        let mut archive = Vec::new();
        for (i, slice) in slices.iter().enumerate() {
            let shares = coverage(&[(slice, middle)], &frame);
            tar::append(&mut archive, &format!("{i:05}.png"), &png::share(&shares)?)
                .ok_or("a mask is too large")?;
        }
        archive.extend(tar::END);
        std::fs::write(path, archive)?;
    }
    Ok(())
}
