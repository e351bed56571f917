//! Where a defect lies.

use super::Phase;
use crate::layer::{Frame, Layer};
use crate::params::{Draws, ScenarioError, Table};
use crate::stream::Stream;

/// Share of a pixel that has to be printed for it to belong to the part.
pub(super) const PRINTED: f32 = 0.5;

/// What the places of a defect have in common.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum At {
    /// They lie on the part.
    Part,
    /// They lie on the part's contour.
    Contour,
    /// They lie anywhere in the image.
    Anywhere,
}

impl At {
    /// Reads `at`: `"part"`, `"contour"` or `"anywhere"`.
    pub fn read(table: &mut Table) -> Result<Self, Box<ScenarioError>> {
        let all = [Self::Part, Self::Contour, Self::Anywhere];
        Ok(all[table.choice("at", Some(0), &["part", "contour", "anywhere"])?])
    }
}

/// The layer and the phase of an episode in which shapes look for their place.
pub struct Site<'a> {
    /// The layer.
    pub layer: &'a Layer,
    /// How far the episode is.
    pub phase: &'a Phase,
    at: At,
    stream: Stream,
}

impl<'a> Site<'a> {
    /// The places that `stream`, steady over the episode, makes of the layer.
    pub fn new(layer: &'a Layer, phase: &'a Phase, at: At, stream: Stream) -> Self {
        Self { layer, phase, at, stream }
    }

    /// Places in millimetres, in an order that stays the same from layer to layer.
    ///
    /// Candidates are scattered over the whole frame and those on the part are kept, so that a place
    /// stays where it is for as long as the part is printed there, and each place of the part is equally
    /// likely; those on the contour are the points of it that are nearest to these. The drift of the
    /// episode moves them on from there. Ends early where hardly anything is printed.
    pub fn places(&self) -> impl Iterator<Item = [f64; 2]> {
        const CANDIDATES: usize = 20_000;
        let mut stream = self.stream.clone();
        let frame = self.layer.frame;
        let candidates = (0..CANDIDATES).map(move |_| [(); 2].map(|()| stream.uniform(0.0, frame.side_mm())));
        let places = candidates.filter(move |&place| {
            self.at == At::Anywhere || self.layer.coverage.values[pixel(&frame, place)] >= PRINTED
        });
        let contour = if self.at == At::Contour { self.contour() } else { Vec::new() };
        let places = places.filter_map(move |place| match self.at {
            At::Contour => nearest(&contour, place),
            At::Part | At::Anywhere => Some(place),
        });
        places.map(|place| [0, 1].map(|k| place[k] + self.phase.moved_mm[k]))
    }

    /// The first of [`Site::places`], noted as `x_mm` and `y_mm`; `None` where nothing is printed.
    pub fn noted(&self, draws: &mut Draws) -> Option<[f64; 2]> {
        let place = self.places().next()?;
        draws.note("x_mm", place[0]);
        draws.note("y_mm", place[1]);
        Some(place)
    }

    /// The centres of the pixels that are not printed and lie beside one that is.
    fn contour(&self) -> Vec<[f64; 2]> {
        let side = self.layer.frame.size_px;
        let printed = |i: usize| self.layer.coverage.values[i] >= PRINTED;
        let beside = |i: usize| {
            let (row, column) = (i / side, i % side);
            (column > 0 && printed(i - 1))
                || (column + 1 < side && printed(i + 1))
                || (row > 0 && printed(i - side))
                || (row + 1 < side && printed(i + side))
        };
        let pixels = (0..side * side).filter(|&i| !printed(i) && beside(i));
        pixels.map(|i| self.layer.frame.centre_mm(i)).collect()
    }
}

fn nearest(points: &[[f64; 2]], [x, y]: [f64; 2]) -> Option<[f64; 2]> {
    let away = |point: &[f64; 2]| (point[0] - x).hypot(point[1] - y);
    points.iter().copied().min_by(|a, b| away(a).total_cmp(&away(b)))
}

/// The pixel in which a place lies.
fn pixel(frame: &Frame, [x, y]: [f64; 2]) -> usize {
    let last = frame.size_px - 1;
    let column = ((x * frame.px_per_mm) as usize).min(last);
    let row = last - ((y * frame.px_per_mm) as usize).min(last);
    row * frame.size_px + column
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::layer::Field;

    /// Printed where `printed` says so of the pixel's centre in millimetres.
    fn layer(printed: impl Fn([f64; 2]) -> bool) -> Layer {
        let frame = Frame { size_px: 50, px_per_mm: 0.5 };
        let values = (0..2500).map(|i| f32::from(u8::from(printed(frame.centre_mm(i))))).collect();
        let constant = Field::constant(50, 1.0);
        Layer::compose(frame, 0, Field { size_px: 50, values }, constant.clone(), constant)
    }

    fn places(layer: &Layer, at: At) -> Vec<[f64; 2]> {
        Site::new(layer, &Phase::ONLY, at, Stream::root(9)).places().collect()
    }

    #[test]
    fn a_place_stays_for_as_long_as_it_is_printed() {
        let wide = places(&layer(|[x, y]| x < 60.0 && y > 40.0), At::Part);
        let narrow = places(&layer(|[x, y]| x < 30.0 && y > 40.0), At::Part);
        let kept: Vec<_> = wide.into_iter().filter(|place| place[0] < 30.0).collect();
        assert!(narrow == kept && narrow.len() > 1000);
    }

    #[test]
    fn every_place_of_the_part_is_equally_likely() {
        let all = places(&layer(|[x, y]| x < 60.0 && y > 40.0), At::Part);
        // A third of the printed area; five standard deviations of the binomial count.
        let upper = all.iter().filter(|place| place[1] > 80.0).count() as f64;
        let expected = all.len() as f64 / 3.0;
        assert!((upper - expected).abs() < 5.0 * (expected * 2.0 / 3.0).sqrt(), "{upper} of {}", all.len());
        assert_eq!(places(&layer(|_| false), At::Anywhere).len(), 20_000);
    }

    #[test]
    fn places_on_the_contour_lie_just_outside_of_the_part() {
        let layer = layer(|[x, y]| (20.0..60.0).contains(&x) && y > 40.0);
        let on_contour = Site::new(&layer, &Phase::ONLY, At::Contour, Stream::root(9));
        for [x, y] in on_contour.places().take(50) {
            assert!((x - 19.0).abs() < 1e-9 || (x - 61.0).abs() < 1e-9 || (y - 39.0).abs() < 1e-9, "{x} {y}");
        }
    }

    #[test]
    fn nothing_printed_has_no_place() {
        assert_eq!(places(&layer(|_| false), At::Part), [[0.0; 2]; 0]);
    }
}
