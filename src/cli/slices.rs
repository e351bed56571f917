//! `synthgen slice`: a part's layers as drawings, a contact sheet, and a table of areas.

use std::fmt::Write;
use std::path::Path;

use generators::layer::Frame;
use generators::mesh::{self, Mesh, Slice, layer_heights_mm, svg};
use generators::raster::{self, Placement};
use rayon::prelude::*;

use crate::pipeline::{Failure, write_file};
use crate::report::{Picture, Tile, contact_sheet};

/// Pixels along one side of a picture on the contact sheet.
const TILE_PX: usize = 128;
/// No more layers than this on the contact sheet.
const MOST_TILES: usize = 60;
/// Pictures in one row of the contact sheet.
const COLUMNS: usize = 10;

/// Slices `mesh` at the middle of every layer and writes `layer_NNNN.svg`, `contact-sheet.png` and
/// `layers.csv` into `folder`. Returns what there is to say of it.
///
/// # Errors
/// Where the part is thinner than a layer, or a file cannot be written.
pub fn write(mesh: &Mesh, layer_height_mm: f64, folder: &Path) -> Result<String, Failure> {
    let bounds = mesh.bounds();
    let [width_mm, depth_mm, height_mm] = bounds.size();
    if height_mm < layer_height_mm {
        return Err(Failure::ThinPart { height_mm, layer_height_mm });
    }
    let slices = mesh::slice(mesh, &layer_heights_mm(&bounds, layer_height_mm));
    slices.par_iter().enumerate().try_for_each(|(i, s)| {
        write_file(&folder.join(format!("layer_{i:04}.svg")), svg::svg(s, &bounds).as_bytes())
    })?;
    write_file(&folder.join("contact-sheet.png"), &sheet(&slices, width_mm.max(depth_mm)))?;
    let areas_mm2: Vec<f64> = slices.par_iter().map(Slice::area_mm2).collect();
    write_file(&folder.join("layers.csv"), table(&slices, &areas_mm2, layer_height_mm).as_bytes())?;

    let sum_mm3: f64 = areas_mm2.iter().sum::<f64>() * layer_height_mm;
    let mut text = format!(
        "{}: {width_mm:.4} x {depth_mm:.4} x {height_mm:.4} mm, {} layers of {layer_height_mm} mm\n\
         volume {:.4} mm3 of the mesh, {sum_mm3:.4} mm3 of the layers\n",
        mesh.repairs(),
        slices.len(),
        mesh.volume_mm3()
    );
    let open = slices.iter().filter(|s| s.open_chains > 0).count();
    if open > 0 {
        let _ =
            writeln!(text, "{open} layers have contours that do not close: their area is not to be trusted");
    }
    let _ = write!(text, "{}", folder.display());
    Ok(text)
}

fn table(slices: &[Slice], areas_mm2: &[f64], layer_height_mm: f64) -> String {
    let mut csv =
        "layer,z_mm,area_mm2,volume_mm3,contours,closed_gaps,longest_gap_mm,open_chains\n".to_owned();
    for (i, (slice, area)) in slices.iter().zip(areas_mm2).enumerate() {
        let _ = writeln!(
            csv,
            "{i},{},{area},{},{},{},{},{}",
            slice.z_mm,
            area * layer_height_mm,
            slice.contours.len(),
            slice.closed_gaps,
            slice.longest_gap_mm,
            slice.open_chains
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
