//! From contours to the printed share of each pixel.

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
    /// Where a point of a part with that centre comes to lie, in mm on the bed.
    pub fn place(&self, point: [f64; 2], centre_mm: [f64; 2]) -> [f64; 2] {
        let (sin, cos) = self.rotation_deg.to_radians().sin_cos();
        let (x, y) = (point[0] - centre_mm[0], point[1] - centre_mm[1]);
        [self.at_mm[0] + cos * x - sin * y, self.at_mm[1] + sin * x + cos * y]
    }
}

/// The share of each pixel that the slices cover, 0 to 1 in steps of 1/255, antialiased; where
/// several cover a pixel, the largest share. What lies outside the frame is cut off.
pub fn coverage(slices: &[(&Slice, Placement)], frame: &Frame) -> Field {
    let mut united = Field::constant(frame.size_px, 0.0);
    let Ok(size) = u32::try_from(frame.size_px) else { return united };
    for (slice, placement) in slices {
        let Some((path, mut mask)) = path(slice, placement, frame).zip(Mask::new(size, size)) else {
            continue;
        };
        let rule = match slice.fill {
            FillRule::NonZero => tiny_skia::FillRule::Winding,
            FillRule::EvenOdd => tiny_skia::FillRule::EvenOdd,
        };
        mask.fill_path(&path, rule, true, Transform::identity());
        for (share, &level) in united.values.iter_mut().zip(mask.data()) {
            *share = share.max(f32::from(level) / 255.0);
        }
    }
    united
}

/// The contours in pixels, row 0 at the far edge. `None` without any.
fn path(slice: &Slice, placement: &Placement, frame: &Frame) -> Option<Path> {
    let mut path = PathBuilder::new();
    for contour in &slice.contours {
        for (i, &point) in contour.points.iter().enumerate() {
            let [x, y] = placement.place(point, slice.centre_mm).map(|mm| mm * frame.px_per_mm);
            let (x, y) = (x as f32, (frame.size_px as f64 - y) as f32);
            if i == 0 { path.move_to(x, y) } else { path.line_to(x, y) }
        }
        path.close();
    }
    path.finish()
}
