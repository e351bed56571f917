//! Shares of pixels where contours overlap: by the fill rule, at the sample points of `tiny_skia`.

use std::ops::Range;

use tiny_skia::{Mask, Path, PathBuilder, Transform};

use crate::layer::Field;
use crate::mesh::FillRule;

/// Raises the shares of `field` to what the contours cover, in steps of 1/255; points are in px from
/// the top left of the image.
pub(super) fn unite(field: &mut Field, contours: &[Vec<[f64; 2]>], rule: FillRule) {
    let Some(window) = Window::around(contours, field.size_px) else { return };
    let size = (u32::try_from(window.columns.len()), u32::try_from(window.rows.len()));
    let (Ok(width), Ok(height)) = size else { return };
    let Some((path, mut mask)) = path(contours, &window).zip(Mask::new(width, height)) else { return };
    let rule = match rule {
        FillRule::NonZero => tiny_skia::FillRule::Winding,
        FillRule::EvenOdd => tiny_skia::FillRule::EvenOdd,
    };
    mask.fill_path(&path, rule, true, Transform::identity());
    let rows = field.values.chunks_exact_mut(field.size_px).skip(window.rows.start);
    for (shares, levels) in rows.zip(mask.data().chunks_exact(window.columns.len())) {
        for (share, &level) in shares[window.columns.clone()].iter_mut().zip(levels) {
            *share = share.max(f32::from(level) / 255.0);
        }
    }
}

/// The part of an image that contours can touch.
struct Window {
    columns: Range<usize>,
    rows: Range<usize>,
}

impl Window {
    /// `None` where nothing of the image is touched.
    fn around(contours: &[Vec<[f64; 2]>], size_px: usize) -> Option<Self> {
        let [columns, rows] = [0, 1].map(|axis| {
            let along = contours.iter().flatten().map(|point| point[axis]);
            let (low, high) =
                along.fold((f64::INFINITY, f64::NEG_INFINITY), |(low, high), c| (low.min(c), high.max(c)));
            // `as` cuts at 0; the pixel more is for the rounding of the rasteriser.
            (low.floor() - 1.0) as usize..(high.ceil() as usize).saturating_add(1).min(size_px)
        });
        (!columns.is_empty() && !rows.is_empty()).then_some(Self { columns, rows })
    }
}

/// The contours as seen from the window's corner. `None` without any.
fn path(contours: &[Vec<[f64; 2]>], window: &Window) -> Option<Path> {
    let [left, top] = [window.columns.start as f64, window.rows.start as f64];
    let mut path = PathBuilder::new();
    for contour in contours {
        for (i, [x, y]) in contour.iter().enumerate() {
            let (x, y) = ((x - left) as f32, (y - top) as f32);
            if i == 0 { path.move_to(x, y) } else { path.line_to(x, y) }
        }
        path.close();
    }
    path.finish()
}
