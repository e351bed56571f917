//! Where a defect lies.

use super::Phase;
use crate::layer::Layer;
use crate::params::Draws;

/// Share of a pixel that has to be printed for a defect of the part to touch it.
pub(super) const PRINTED: f32 = 0.5;

/// Points of the part, in millimetres, in an order that stays the same from layer to layer.
///
/// Candidates are scattered over the whole frame and those on the part are kept, so that a place
/// stays where it is for as long as the part is printed there, and each place of the part is equally
/// likely; the drift of the episode moves them on from there. Ends early where hardly anything is printed.
pub(super) fn places(layer: &Layer, phase: &Phase, draws: &Draws) -> impl Iterator<Item = [f64; 2]> {
    const CANDIDATES: usize = 20_000;
    let mut stream = draws.steady_stream("place");
    let (frame, moved_mm) = (layer.frame, phase.moved_mm);
    let candidates = (0..CANDIDATES).map(move |_| [(); 2].map(|()| stream.uniform(0.0, frame.side_mm())));
    let printed = candidates.filter(move |&[x, y]| {
        let last = frame.size_px - 1;
        let column = ((x * frame.px_per_mm) as usize).min(last);
        let row = last - ((y * frame.px_per_mm) as usize).min(last);
        layer.coverage.values[row * frame.size_px + column] >= PRINTED
    });
    printed.map(move |place| [0, 1].map(|k| place[k] + moved_mm[k]))
}

/// The first of [`places`], noted as `x_mm` and `y_mm`; `None` where nothing is printed.
pub(super) fn noted(layer: &Layer, phase: &Phase, draws: &mut Draws) -> Option<[f64; 2]> {
    let place = places(layer, phase, draws).next()?;
    draws.note("x_mm", place[0]);
    draws.note("y_mm", place[1]);
    Some(place)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::layer::{Field, Frame};
    use crate::stream::Stream;

    /// Printed where `printed` says so of the pixel's centre in millimetres.
    fn layer(printed: impl Fn([f64; 2]) -> bool) -> Layer {
        let frame = Frame { size_px: 50, px_per_mm: 0.5 };
        let values = (0..2500).map(|i| f32::from(u8::from(printed(frame.centre_mm(i))))).collect();
        let constant = Field::constant(50, 1.0);
        Layer::compose(frame, 0, Field { size_px: 50, values }, constant.clone(), constant)
    }

    fn draws() -> Draws {
        Draws::new(&Stream::root(9), &Stream::root(10))
    }

    #[test]
    fn a_place_stays_for_as_long_as_it_is_printed() {
        let wide: Vec<_> = places(&layer(|[x, y]| x < 60.0 && y > 40.0), &Phase::ONLY, &draws()).collect();
        let narrow: Vec<_> = places(&layer(|[x, y]| x < 30.0 && y > 40.0), &Phase::ONLY, &draws()).collect();
        let kept: Vec<_> = wide.into_iter().filter(|place| place[0] < 30.0).collect();
        assert!(narrow == kept && narrow.len() > 1000);
    }

    #[test]
    fn every_place_of_the_part_is_equally_likely() {
        let all: Vec<_> = places(&layer(|[x, y]| x < 60.0 && y > 40.0), &Phase::ONLY, &draws()).collect();
        // A third of the printed area; five standard deviations of the binomial count.
        let upper = all.iter().filter(|place| place[1] > 80.0).count() as f64;
        let expected = all.len() as f64 / 3.0;
        assert!((upper - expected).abs() < 5.0 * (expected * 2.0 / 3.0).sqrt(), "{upper} of {}", all.len());
    }

    #[test]
    fn nothing_printed_has_no_place() {
        assert_eq!(noted(&layer(|_| false), &Phase::ONLY, &mut draws()), None);
    }
}
