//! `synthgen slice`: a part's layers as drawings, a contact sheet, a table of areas, and a certificate.

use std::fmt::Write;
use std::path::Path;

use generators::layer::Frame;
use generators::mesh::{self, Certificate, Mesh, Slice, layer_heights_mm, svg};
use generators::raster::{self, Placement};
use rayon::prelude::*;

use crate::pipeline::{Failure, write_file};
use crate::report::numbers::{fixed, plural};
use crate::report::{Picture, Tile, contact_sheet};

/// Pixels along one side of a picture on the contact sheet.
const TILE_PX: usize = 128;
/// No more layers than this on the contact sheet.
const MOST_TILES: usize = 60;
/// More layers than this are a mistake in the unit or in the layer height.
const MOST_LAYERS: usize = 10_000;
/// Pictures in one row of the contact sheet.
const COLUMNS: usize = 10;

/// How a part is cut into layers.
#[derive(Clone, Copy, Debug)]
pub enum Layers {
    /// Layers of this height in mm.
    HeightMm(f64),
    /// So many of equal height.
    Count(usize),
}

/// Slices `mesh` at the middle of every layer and writes `layer_NNNN.svg`, `contact-sheet.png`,
/// `layers.csv` and `certificate.json` into `folder`. Returns what there is to say of it.
///
/// # Errors
/// Where the part is thinner than a layer or has too many, or a file cannot be written.
pub fn write(mesh: &Mesh, layers: Layers, folder: &Path) -> Result<String, Failure> {
    let bounds = mesh.bounds();
    let [width_mm, depth_mm, height_mm] = bounds.size();
    let layer_height_mm = match layers {
        Layers::HeightMm(layer_height_mm) => layer_height_mm,
        Layers::Count(count) => height_mm / count as f64,
    };
    let heights_mm = layer_heights_mm(&bounds, layer_height_mm);
    // The leeway is for the arithmetic of a part of exactly one layer.
    let thin = height_mm < layer_height_mm * (1.0 - 1e-6);
    if thin && !matches!(layers, Layers::Count(0)) {
        return Err(Failure::ThinPart { height_mm, layer_height_mm });
    }
    if heights_mm.is_empty() || heights_mm.len() > MOST_LAYERS {
        let layers = (height_mm / layer_height_mm).round() as usize;
        return Err(Failure::Layers { layers, most: MOST_LAYERS });
    }
    let slices = mesh::slice(mesh, &heights_mm);
    let certificate = Certificate::of(mesh, &slices);
    slices.par_iter().enumerate().try_for_each(|(i, s)| {
        write_file(&folder.join(format!("layer_{i:04}.svg")), svg::svg(s, &bounds).as_bytes())
    })?;
    // Those of an earlier slicing, of more layers.
    for i in slices.len().. {
        let path = folder.join(format!("layer_{i:04}.svg"));
        match std::fs::remove_file(&path) {
            Ok(()) => {}
            Err(e) if e.kind() == std::io::ErrorKind::NotFound => break,
            Err(e) => return Err(Failure::io(&path, e)),
        }
    }
    write_file(&folder.join("contact-sheet.png"), &sheet(&slices, width_mm.max(depth_mm)))?;
    write_file(&folder.join("layers.csv"), table(&certificate, layer_height_mm).as_bytes())?;
    let json = serde_json::to_vec_pretty(&certificate).map_err(|e| Failure::io(folder, e.into()))?;
    write_file(&folder.join("certificate.json"), &json)?;
    Ok(format!(
        "{width_mm:.4} x {depth_mm:.4} x {height_mm:.4} mm, {} of {} mm\n{certificate}\n{}",
        plural(slices.len(), "layer"),
        fixed(layer_height_mm, 4),
        folder.display()
    ))
}

fn table(certificate: &Certificate, layer_height_mm: f64) -> String {
    let mut csv = "layer,z_mm,area_mm2,doubt_mm2,volume_mm3,contours,closed_gaps,longest_gap_mm,open_chains,\
                   overlap_mm2,inverted_mm2\n"
        .to_owned();
    for (i, layer) in certificate.layers.iter().enumerate() {
        let _ = writeln!(
            csv,
            "{i},{},{},{},{},{},{},{},{},{},{}",
            layer.z_mm,
            layer.area_mm2,
            layer.doubt_mm2,
            layer.area_mm2 * layer_height_mm,
            layer.contours,
            layer.closed_gaps,
            layer.longest_gap_mm,
            layer.open_chains,
            layer.overlap_mm2,
            layer.inverted_mm2
        );
    }
    csv
}

/// The layers seen from above, evenly chosen where there are many.
fn sheet(slices: &[Slice], across_mm: f64) -> Vec<u8> {
    let side_mm = across_mm * 1.06;
    let frame = Frame { size_px: TILE_PX, px_per_mm: TILE_PX as f64 / side_mm };
    let shown = slices.len().min(MOST_TILES);
    let tiles: Vec<Tile> = (0..shown)
        .into_par_iter()
        .map(|k| {
            let i = if shown < 2 { 0 } else { k * (slices.len() - 1) / (shown - 1) };
            let middle = Placement { rotation_deg: 0.0, at_mm: [side_mm / 2.0; 2] };
            let mut drawn = raster::coverage(&[(&slices[i], middle)], &frame);
            drawn.values.iter_mut().for_each(|v| *v = 1.0 - 0.8 * *v);
            Tile { label: format!("{i}"), picture: Picture::grey(&drawn.values, TILE_PX) }
        })
        .collect();
    contact_sheet(&tiles, COLUMNS)
}
