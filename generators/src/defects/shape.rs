//! Shapes on the bed, as the share of each pixel that they cover.

use std::f64::consts::TAU;

use crate::layer::{Field, Frame};
use crate::stream::Stream;

/// Membership below this is none: the rim of a soft shape ends where it could still be seen.
const LEAST: f64 = 0.1;

/// A shape in the plane, in millimetres.
pub(super) trait Shape {
    /// Membership at a point, 0 outside to 1 inside.
    fn at(&self, point: [f64; 2]) -> f64;

    /// Corners (least, greatest) of a box outside which membership is 0.
    fn bounds(&self) -> [[f64; 2]; 2];
}

/// The mean membership of each pixel, over four by four points, 0 where it is below a tenth.
pub(super) fn raster(shape: &dyn Shape, frame: &Frame) -> Field {
    const POINTS: usize = 4;
    let mut field = Field::constant(frame.size_px, 0.0);
    let [least, greatest] = shape.bounds();
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
                shape.at([centre[0] + offset(column), centre[1] + offset(row)])
            })
            .sum();
        let mean = sum / (POINTS * POINTS) as f64;
        *value = if mean < LEAST { 0.0 } else { mean as f32 };
    }
    field
}

/// 0 below 0, 1 above 1, smooth in between.
fn smoothstep(t: f64) -> f64 {
    let t = t.clamp(0.0, 1.0);
    t * t * (3.0 - 2.0 * t)
}

fn distance([ax, ay]: [f64; 2], [bx, by]: [f64; 2]) -> f64 {
    (ax - bx).hypot(ay - by)
}

fn square(centre: [f64; 2], half: f64) -> [[f64; 2]; 2] {
    [centre.map(|c| c - half), centre.map(|c| c + half)]
}

/// Soft lumps grown together, within a circle.
pub(super) struct Blob {
    centre: [f64; 2],
    radius: f64,
    lumps: Vec<([f64; 2], f64)>,
}

impl Blob {
    /// A lump in the middle and smaller ones that touch it, anywhere within `radius` of `centre`.
    pub fn random(centre: [f64; 2], radius: f64, stream: &mut Stream) -> Self {
        let mut lumps = vec![(centre, radius * stream.uniform(0.45, 0.6))];
        for _ in 0..5 + stream.below(5) {
            let angle = stream.uniform(0.0, TAU);
            let size = radius * stream.uniform(0.2, 0.5);
            let out = (radius - size) * stream.uniform(0.5, 1.0);
            lumps.push(([centre[0] + out * angle.cos(), centre[1] + out * angle.sin()], size));
        }
        Self { centre, radius, lumps }
    }

    /// The same blob with each lump moved by up to `share` of its size, still within the circle.
    pub fn trembled(mut self, share: f64, stream: &mut Stream) -> Self {
        for (centre, size) in &mut self.lumps {
            let moved = centre.map(|c| c + *size * stream.uniform(-share, share));
            let out = distance(moved, self.centre);
            let most = self.radius - *size;
            let pull = if out > most { most / out } else { 1.0 };
            *centre = [0, 1].map(|k| self.centre[k] + pull * (moved[k] - self.centre[k]));
        }
        self
    }
}

impl Shape for Blob {
    /// Lumps overlap as translucent discs do, so that the blob is uneven where they meet.
    fn at(&self, point: [f64; 2]) -> f64 {
        let gap = self.lumps.iter().map(|&(centre, size)| {
            let inside = 1.0 - distance(point, centre) / size;
            1.0 - 0.85 * smoothstep(inside / 0.45)
        });
        1.0 - gap.product::<f64>()
    }

    fn bounds(&self) -> [[f64; 2]; 2] {
        square(self.centre, self.radius)
    }
}

/// A polygon with sharp edges, its corners in order of their angle around the centre.
pub(super) struct Polygon {
    centre: [f64; 2],
    radius: f64,
    corners: Vec<[f64; 2]>,
}

impl Polygon {
    /// `count` corners within `radius` of `centre`, drawn out to one side by `aspect` (1: not at all).
    pub fn random(centre: [f64; 2], radius: f64, count: usize, aspect: f64, stream: &mut Stream) -> Self {
        let (turn, lie) = (stream.uniform(0.0, TAU), stream.uniform(0.0, TAU));
        let corners = (0..count)
            .map(|k| {
                let angle = turn + TAU * (k as f64 + stream.uniform(-0.2, 0.2)) / count as f64;
                let out = radius * stream.uniform(0.75, 1.0);
                let [along, across] = [out * angle.cos(), out * angle.sin() * aspect];
                [
                    centre[0] + along * lie.cos() - across * lie.sin(),
                    centre[1] + along * lie.sin() + across * lie.cos(),
                ]
            })
            .collect();
        Self { centre, radius, corners }
    }
}

impl Shape for Polygon {
    /// Even-odd rule.
    fn at(&self, [x, y]: [f64; 2]) -> f64 {
        let mut inside = false;
        for (k, &[ax, ay]) in self.corners.iter().enumerate() {
            let [bx, by] = self.corners[(k + 1) % self.corners.len()];
            if (ay > y) != (by > y) && x < ax + (y - ay) / (by - ay) * (bx - ax) {
                inside = !inside;
            }
        }
        f64::from(u8::from(inside))
    }

    fn bounds(&self) -> [[f64; 2]; 2] {
        square(self.centre, self.radius)
    }
}

/// Strips along y, the direction of the recoater.
pub(super) struct Lines {
    /// Middle of each strip and its strength, 0 to 1.
    pub at_x: Vec<(f64, f64)>,
    /// Width of a strip.
    pub width: f64,
}

impl Shape for Lines {
    fn at(&self, [x, _]: [f64; 2]) -> f64 {
        let strengths = self.at_x.iter().filter(|(middle, _)| (x - middle).abs() <= 0.5 * self.width);
        strengths.map(|line| line.1).fold(0.0, f64::max)
    }

    fn bounds(&self) -> [[f64; 2]; 2] {
        let all = [f64::NEG_INFINITY, f64::INFINITY];
        let ends = self.at_x.iter().fold([all[1], all[0]], |[a, b], l| [a.min(l.0), b.max(l.0)]);
        [[ends[0] - 0.5 * self.width, all[0]], [ends[1] + 0.5 * self.width, all[1]]]
    }
}

/// Discs scattered independently of each other over a strip along x, the direction of the print head:
/// a Boolean model (Chiu et al., Stochastic Geometry and its Applications, 3rd ed. 2013, chapter 3).
pub(super) struct Pores {
    /// Least and greatest y of the strip.
    pub band: [f64; 2],
    /// Mean diameter of the discs; one pixel at least, for a smaller one could fall between pixels.
    pub diameter: f64,
    /// Share of the strip that discs cover.
    pub density: f64,
}

impl Pores {
    /// The strongest disc at each pixel, 0 outside the strip.
    pub fn raster(&self, frame: &Frame, stream: &mut Stream) -> Field {
        /// Radii lie within this share of their mean, uniformly; the mean square follows.
        const SPREAD: f64 = 0.4;
        let mut field = Field::constant(frame.size_px, 0.0);
        let radius = 0.5 * self.diameter.max(1.0 / frame.px_per_mm) * frame.px_per_mm;
        let side = frame.size_px as f64;
        // Rows count from the far edge. Discs may begin outside the image.
        let rows = [self.band[1], self.band[0]].map(|y| side - y * frame.px_per_mm);
        let rows = [rows[0].max(-2.0 * radius), rows[1].min(side + 2.0 * radius)];
        let (width, height) = (side + 4.0 * radius, (rows[1] - rows[0]).max(0.0));
        let mean_area = 0.5 * TAU * radius * radius * (1.0 + SPREAD * SPREAD / 3.0);
        let count = -(1.0 - self.density).ln() * width * height / mean_area;
        for _ in 0..count.round() as usize {
            let centre =
                [stream.uniform(-2.0 * radius, side + 2.0 * radius), stream.uniform(rows[0], rows[1])];
            let size = radius * stream.uniform(1.0 - SPREAD, 1.0 + SPREAD);
            let strength = stream.uniform(0.5, 1.0);
            let span = |middle: f64| {
                let from = (middle - size - 1.0).clamp(0.0, side) as usize;
                from..(middle + size + 1.0).clamp(0.0, side) as usize
            };
            for row in span(centre[1]) {
                let inside = row as f64 + 0.5 >= rows[0] && row as f64 + 0.5 <= rows[1];
                for column in span(centre[0]).filter(|_| inside) {
                    let out = distance([column as f64 + 0.5, row as f64 + 0.5], centre);
                    let share = strength * (size - out + 0.5).clamp(0.0, 1.0);
                    let value = &mut field.values[row * frame.size_px + column];
                    if share >= LEAST {
                        *value = value.max(share as f32);
                    }
                }
            }
        }
        field
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    const FRAME: Frame = Frame { size_px: 64, px_per_mm: 0.64 };

    /// Points around and on a circle of `radius`.
    fn outside(centre: [f64; 2], radius: f64) -> impl Iterator<Item = [f64; 2]> {
        (0..360).flat_map(move |k| {
            let (sine, cosine) = f64::from(k).to_radians().sin_cos();
            [1.0 + 1e-9, 1.1, 2.0]
                .map(|far| [centre[0] + far * radius * cosine, centre[1] + far * radius * sine])
        })
    }

    /// Membership lies between 0 and 1, and is 0 where the pixel does not meet the circle.
    fn check_raster(shape: &dyn Shape, centre: [f64; 2], radius: f64) -> Result<(), TestCaseError> {
        let field = raster(shape, &FRAME);
        let half_diagonal = 0.5 * 2f64.sqrt() / FRAME.px_per_mm;
        for (i, &value) in field.values.iter().enumerate() {
            prop_assert!((0.0..=1.0).contains(&value));
            prop_assert!(value == 0.0 || distance(FRAME.centre_mm(i), centre) <= radius + half_diagonal);
        }
        Ok(())
    }

    proptest! {
        #[test]
        fn a_blob_lies_in_its_circle_around_its_centre(
            seed: u64, x in -10.0..110.0, y in -10.0..110.0, radius in 0.1..40.0, share in 0.0..0.5,
        ) {
            let centre = [x, y];
            let mut stream = Stream::root(seed);
            let blob = Blob::random(centre, radius, &mut stream).trembled(share, &mut stream);
            prop_assert!(outside(centre, radius).all(|point| blob.at(point) == 0.0));
            prop_assert!(blob.at(centre) > 0.5);
            check_raster(&blob, centre, radius)?;
        }

        #[test]
        fn a_polygon_lies_in_its_circle_and_is_not_a_sliver(
            seed: u64, count in 3usize..24, radius in 0.1..40.0, aspect in 0.05..1.0,
        ) {
            let centre = [50.0, 50.0];
            let polygon = Polygon::random(centre, radius, count, aspect, &mut Stream::root(seed));
            prop_assert!(outside(centre, radius).all(|point| polygon.at(point) == 0.0));
            check_raster(&polygon, centre, radius)?;
            // Shoelace formula, against the thinnest triangle that the draws allow.
            let corners = &polygon.corners;
            let twice: f64 = (0..count)
                .map(|k| (corners[k], corners[(k + 1) % count]))
                .map(|([ax, ay], [bx, by])| ax * by - bx * ay)
                .sum();
            prop_assert!(0.5 * twice > 0.4 * aspect * radius * radius, "area {}", 0.5 * twice);
        }

        #[test]
        fn the_raster_of_a_polygon_has_its_area(seed: u64, count in 3usize..9, radius in 10.0..40.0) {
            let polygon = Polygon::random([50.0, 50.0], radius, count, 1.0, &mut Stream::root(seed));
            let field = raster(&polygon, &FRAME);
            let area = field.values.iter().map(|&v| f64::from(v)).sum::<f64>() / FRAME.px_per_mm.powi(2);
            let corners = &polygon.corners;
            let exact: f64 = 0.5 * (0..count)
                .map(|k| (corners[k], corners[(k + 1) % count]))
                .map(|([ax, ay], [bx, by])| ax * by - bx * ay)
                .sum::<f64>();
            prop_assert!((area / exact - 1.0).abs() < 0.03, "{area} instead of {exact}");
        }

        #[test]
        fn lines_cover_their_width(x in 20.0..80.0, width in 1.7..10.0) {
            let field = raster(&Lines { at_x: vec![(x, 1.0)], width }, &FRAME);
            let covered = field.values[..64].iter().map(|&v| f64::from(v)).sum::<f64>() / FRAME.px_per_mm;
            // A quarter of a pixel at most is lost or won at each edge.
            prop_assert!((covered - width).abs() <= 0.5 / FRAME.px_per_mm, "{covered} instead of {width}");
            prop_assert!(field.values.chunks(64).all(|row| row == &field.values[..64]));
        }

        #[test]
        fn pores_keep_to_their_band(seed: u64, from in -20.0..100.0, width in 0.0..40.0, diameter in 0.1..8.0) {
            let band = [from, from + width];
            let field = Pores { band, diameter, density: 0.6 }.raster(&FRAME, &mut Stream::root(seed));
            for (i, &value) in field.values.iter().enumerate() {
                prop_assert!((0.0..=1.0).contains(&value));
                prop_assert!(value == 0.0 || (band[0]..=band[1]).contains(&FRAME.centre_mm(i)[1]));
            }
        }
    }

    /// Large discs, so that antialiasing does not count: a pixel counts where its centre is covered.
    #[test]
    fn pores_cover_the_stated_share() {
        let frame = Frame { size_px: 400, px_per_mm: 1.0 };
        for density in [0.1, 0.5, 0.9] {
            let pores = Pores { band: [0.0, 400.0], diameter: 10.0, density };
            let field = pores.raster(&frame, &mut Stream::root(8));
            let covered = field.values.iter().filter(|&&v| v > 0.375).count() as f64 / 160_000.0;
            assert!((covered - density).abs() < 0.03, "{covered} instead of {density}");
        }
    }
}
