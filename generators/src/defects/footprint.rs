//! What a defect did to a layer.

use crate::layer::{Layer, Mask};
use crate::params::Draws;

/// Runs `act`, and returns the footprint: exactly the pixels whose temperature it changed.
///
/// Notes the footprint's size (`area_px`), the diameter of a disc of that size (`diameter_px`) and the
/// mean absolute change inside it over [`Layer::texture_deviation_c`] there (`cnr_layer`; 0 without
/// texture).
pub(super) fn of(layer: &mut Layer, draws: &mut Draws, act: impl FnOnce(&mut Layer, &mut Draws)) -> Mask {
    let before = layer.temperature_c.clone();
    act(layer, draws);
    let footprint = Mask::difference(&before, &layer.temperature_c);
    let area_px = footprint.count() as f64;
    let total_c: f64 = (before.values.iter().zip(&layer.temperature_c.values))
        .map(|(&b, &a)| (f64::from(a) - f64::from(b)).abs())
        .sum();
    let deviation_c = layer.texture_deviation_c(&footprint);
    draws.note("area_px", area_px);
    draws.note("diameter_px", footprint.diameter_px());
    draws.note("cnr_layer", if deviation_c > 0.0 { total_c / area_px / deviation_c } else { 0.0 });
    footprint
}
