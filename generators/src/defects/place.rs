//! Where a defect lies.

use crate::layer::Layer;
use crate::params::Draws;
use crate::stream::Stream;

/// Share of a pixel that has to be printed for a defect of the part to touch it.
pub(super) const PRINTED: f32 = 0.5;

/// Points of the part, in millimetres, in an order that stays the same from layer to layer.
///
/// Candidates are scattered over the whole frame and those on the part are kept, so that a place
/// stays where it is for as long as the part is printed there, and each place of the part is equally
/// likely. Ends early where hardly anything is printed.
pub(super) fn places(layer: &Layer, draws: &Draws) -> impl Iterator<Item = [f64; 2]> {
    const CANDIDATES: usize = 20_000;
    let mut stream: Stream = draws.steady_stream("place");
    let frame = layer.frame;
    let candidates = (0..CANDIDATES).map(move |_| [(); 2].map(|()| stream.uniform(0.0, frame.side_mm())));
    candidates.filter(move |&[x, y]| {
        let last = frame.size_px - 1;
        let column = ((x * frame.px_per_mm) as usize).min(last);
        let row = last - ((y * frame.px_per_mm) as usize).min(last);
        layer.coverage.values[row * frame.size_px + column] >= PRINTED
    })
}

/// The first of [`places`], noted as `x_mm` and `y_mm`; `None` where nothing is printed.
pub(super) fn noted(layer: &Layer, draws: &mut Draws) -> Option<[f64; 2]> {
    let place = places(layer, draws).next()?;
    draws.note("x_mm", place[0]);
    draws.note("y_mm", place[1]);
    Some(place)
}
