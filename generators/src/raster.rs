//! From contours to the printed share of each pixel.

use std::ops::Range;

use tiny_skia::{Mask, Path, PathBuilder, Transform};

use crate::layer::{Field, Frame};
use crate::mesh::{FillRule, Slice};

/// Where a part stands on the bed: its centre, seen from above, is moved to the origin, the part
/// is turned about it, and moved to its place.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct Placement {
    /// Angle in degrees, counter-clockwise seen from above.
    pub rotation_deg: f64,
    /// Where the centre of the box around the unturned part comes to lie, in mm from the bed's near
    /// left corner.
    pub at_mm: [f64; 2],
}

impl Placement {
    /// Where points of a part with that centre come to lie, in mm on the bed.
    pub fn place(&self, centre_mm: [f64; 2]) -> impl Fn([f64; 2]) -> [f64; 2] {
        let ((sin, cos), at_mm) = (self.rotation_deg.to_radians().sin_cos(), self.at_mm);
        move |[x, y]| {
            let (x, y) = (x - centre_mm[0], y - centre_mm[1]);
            [at_mm[0] + cos * x - sin * y, at_mm[1] + sin * x + cos * y]
        }
    }
}

/// The share of each pixel that the slices cover, 0 to 1 in steps of 1/255, antialiased; where
/// several cover a pixel, the largest share. What lies outside the frame is cut off.
pub fn coverage(slices: &[(&Slice, Placement)], frame: &Frame) -> Field {
    let mut united = Field::constant(frame.size_px, 0.0);
    for (slice, placement) in slices {
        let contours = contours_px(slice, placement, frame);
        let Some(window) = Window::around(&contours, frame.size_px) else { continue };
        let size = (u32::try_from(window.width()), u32::try_from(window.height()));
        let (Ok(width), Ok(height)) = size else { continue };
        let Some((path, mut mask)) = path(&contours, &window).zip(Mask::new(width, height)) else {
            continue;
        };
        let rule = match slice.fill {
            FillRule::NonZero => tiny_skia::FillRule::Winding,
            FillRule::EvenOdd => tiny_skia::FillRule::EvenOdd,
        };
        mask.fill_path(&path, rule, true, Transform::identity());
        let rows = united.values.chunks_exact_mut(frame.size_px).skip(window.rows.start);
        for (shares, levels) in rows.zip(mask.data().chunks_exact(window.width())) {
            for (share, &level) in shares[window.columns.clone()].iter_mut().zip(levels) {
                *share = share.max(f32::from(level) / 255.0);
            }
        }
    }
    united
}

/// The contours in pixels from the top left of the image, row 0 at the far edge.
fn contours_px(slice: &Slice, placement: &Placement, frame: &Frame) -> Vec<Vec<[f64; 2]>> {
    let place = placement.place(slice.centre_mm);
    let pixel = |&point: &[f64; 2]| {
        let [x, y] = place(point).map(|mm| mm * frame.px_per_mm);
        [x, frame.size_px as f64 - y]
    };
    slice.contours.iter().map(|contour| contour.points.iter().map(pixel).collect()).collect()
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

    fn width(&self) -> usize {
        self.columns.len()
    }

    fn height(&self) -> usize {
        self.rows.len()
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
