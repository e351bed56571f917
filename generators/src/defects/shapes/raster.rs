//! From a shape in the plane to the share of each pixel that it covers.

use crate::layer::{Field, Frame};

/// Membership below this is none: the rim of a soft shape ends where it could still be seen.
pub(super) const LEAST: f64 = 0.1;

/// A shape in the plane, in millimetres.
pub(super) trait Outline {
    /// Membership at a point, 0 outside to 1 inside, where `curve` tells it from the depth: 0 at the
    /// edge, 1 in the middle.
    fn at(&self, point: [f64; 2], curve: &dyn Fn(f64) -> f64) -> f64;

    /// Corners (least, greatest) of a box outside which membership is 0.
    fn bounds(&self) -> [[f64; 2]; 2];
}

/// The mean membership of each pixel, over four by four points, 0 where it is below a tenth.
pub(super) fn raster(outline: &dyn Outline, curve: &dyn Fn(f64) -> f64, frame: &Frame) -> Field {
    const POINTS: usize = 4;
    let mut field = Field::constant(frame.size_px, 0.0);
    let [least, greatest] = outline.bounds();
    let pixel = 1.0 / frame.px_per_mm;
    let step = pixel / POINTS as f64;
    let first = 0.5 * (step - pixel);
    for (i, value) in field.values.iter_mut().enumerate() {
        let centre = frame.centre_mm(i);
        if (0..2).any(|k| centre[k] + pixel < least[k] || centre[k] - pixel > greatest[k]) {
            continue;
        }
        let sum: f64 = (0..POINTS * POINTS)
            .map(|k| {
                let (row, column) = (k / POINTS, k % POINTS);
                let offset = |n: usize| first + n as f64 * step;
                outline.at([centre[0] + offset(column), centre[1] + offset(row)], curve)
            })
            .sum();
        let mean = sum / (POINTS * POINTS) as f64;
        *value = if mean < LEAST { 0.0 } else { mean as f32 };
    }
    field
}

pub(super) fn distance([ax, ay]: [f64; 2], [bx, by]: [f64; 2]) -> f64 {
    (ax - bx).hypot(ay - by)
}

/// Corners of the box around a circle.
pub(super) fn square(centre: [f64; 2], radius: f64) -> [[f64; 2]; 2] {
    [centre.map(|c| c - radius), centre.map(|c| c + radius)]
}

#[cfg(test)]
pub(super) mod tests {
    use proptest::prelude::*;

    use super::*;

    pub const FRAME: Frame = Frame { size_px: 64, px_per_mm: 0.64 };

    pub fn hard(_: f64) -> f64 {
        1.0
    }

    /// Points around and on a circle of `radius`.
    pub fn outside(centre: [f64; 2], radius: f64) -> impl Iterator<Item = [f64; 2]> {
        (0..360).flat_map(move |k| {
            let (sine, cosine) = f64::from(k).to_radians().sin_cos();
            [1.0 + 1e-9, 1.1, 2.0]
                .map(|far| [centre[0] + far * radius * cosine, centre[1] + far * radius * sine])
        })
    }

    /// Membership lies between 0 and 1, and is 0 where the pixel does not meet the circle.
    pub fn check(outline: &dyn Outline, centre: [f64; 2], radius: f64) -> Result<(), TestCaseError> {
        let half_diagonal = 0.5 * 2f64.sqrt() / FRAME.px_per_mm;
        for curve in [hard, |depth| depth] {
            let field = raster(outline, &curve, &FRAME);
            for (i, &value) in field.values.iter().enumerate() {
                prop_assert!((0.0..=1.0).contains(&value));
                prop_assert!(value == 0.0 || distance(FRAME.centre_mm(i), centre) <= radius + half_diagonal);
            }
        }
        Ok(())
    }
}
