//! From contours to the printed share of each pixel.

mod exact;
mod sampled;

use exact::Shares;

use crate::layer::{Field, Frame};
use crate::mesh::Slice;

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

/// The share of each pixel that the slices cover, 0 to 1. Exact to 2⁻²³ for slices that
/// [wind around nothing twice](Slice::winds_once), and sampled for the others, whose fill rule has to
/// be followed. What lies outside the frame is cut off.
pub fn coverage(slices: &[(&Slice, Placement)], frame: &Frame) -> Field {
    let (exact, sampled): (Vec<_>, Vec<_>) = slices.iter().partition(|(slice, _)| slice.winds_once());
    let mut shares = Shares::new(frame.size_px);
    for (slice, placement) in exact {
        let px = px(slice, &placement, frame);
        slice.contours.iter().for_each(|contour| shares.add(&contour.points, &px));
    }
    let mut field = shares.into_field();
    for (slice, placement) in sampled {
        let px = px(slice, &placement, frame);
        let contours: Vec<Vec<[f64; 2]>> =
            slice.contours.iter().map(|contour| contour.points.iter().copied().map(&px).collect()).collect();
        sampled::unite(&mut field, &contours, slice.fill);
    }
    field
}

/// From a point of the part to pixels from the top left of the image, row 0 at the far edge.
fn px(slice: &Slice, placement: &Placement, frame: &Frame) -> impl Fn([f64; 2]) -> [f64; 2] {
    let place = placement.place(slice.centre_mm);
    let (px_per_mm, size_px) = (frame.px_per_mm, frame.size_px as f64);
    move |point| {
        let [x, y] = place(point).map(|mm| mm * px_per_mm);
        [x, size_px - y]
    }
}
