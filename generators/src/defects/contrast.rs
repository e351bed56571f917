//! How strongly a defect shows: scaling a change to the contrast-to-noise ratio that was asked for.

use super::Phase;
use super::place::PRINTED;
use crate::layer::{Field, Layer, Mask};
use crate::params::{Draws, Param, ScenarioError, Table};

/// The keys `cnr` and `polarity`, common to all defects whose contrast is free.
pub(super) struct Contrast {
    cnr: Param,
    /// 1 hot, -1 cold, `None` either.
    polarity: Option<f64>,
}

impl Contrast {
    /// Reads `cnr` and `polarity` (`"hot"`, `"cold"` or `"either"`, drawn once per episode).
    pub fn read(table: &mut Table) -> Result<Self, Box<ScenarioError>> {
        Ok(Self {
            cnr: table.param("cnr", Param::uniform(3.0, 6.0), 0.001..=1000.0)?,
            polarity: match table.choice("polarity", Some(2), &["hot", "cold", "either"])? {
                0 => Some(1.0),
                1 => Some(-1.0),
                _ => None,
            },
        })
    }

    fn draw(&self, phase: &Phase, draws: &mut Draws) -> (f64, f64) {
        let sign = self.polarity.unwrap_or_else(|| draws.steady_stream("polarity").sign());
        draws.note("polarity", sign);
        (phase.draw_severity("cnr", &self.cnr, draws), sign)
    }

    /// Adds `shape` to the part's surface, scaled to the contrast. Values are relative strengths,
    /// 0 outside the shape.
    pub fn add(&self, layer: &mut Layer, shape: &Field, phase: &Phase, draws: &mut Draws) -> Mask {
        let shares = on_part(layer, shape);
        let (cnr, sign) = self.draw(phase, draws);
        let target_c = cnr * layer.texture_deviation_c(&support(&shares));
        let mean = mean_over_support(&shares, |i| f64::from(shares.values[i]));
        let scale = if mean > 0.0 { sign * target_c / mean } else { 0.0 };
        change(layer, &shares, draws, |i| scale * f64::from(shares.values[i]))
    }

    /// Covers the part's surface with `surface_c`, a texture of mean 0, where `shape` is 1 (in
    /// between at its edge), at the one temperature that gives the contrast.
    ///
    /// A contrast below that of the same object at the temperature of the ground below it is had by
    /// letting the ground shine through.
    pub fn cover(
        &self,
        layer: &mut Layer,
        shape: &Field,
        surface_c: &Field,
        phase: &Phase,
        draws: &mut Draws,
    ) -> Mask {
        let shares = on_part(layer, shape);
        let (cnr, sign) = self.draw(phase, draws);
        let target_c = cnr * layer.texture_deviation_c(&support(&shares));
        let to_surface: Vec<f64> = (0..shares.values.len())
            .map(|i| f64::from(surface_c.values[i]) - f64::from(layer.part_c.values[i]))
            .collect();
        let contrast_at = |offset: f64| {
            mean_over_support(&shares, |i| f64::from(shares.values[i]) * (to_surface[i] + offset).abs())
        };
        let ground = -near_median(&shares, &to_surface);
        let least = contrast_at(ground);
        let (offset, opacity) = if least < target_c {
            (ground + sign * upper_root(|step| contrast_at(ground + sign * step) - target_c), 1.0)
        } else {
            (ground, if least > 0.0 { target_c / least } else { 0.0 })
        };
        change(layer, &shares, draws, |i| opacity * f64::from(shares.values[i]) * (to_surface[i] + offset))
    }
}

/// Adds `change_c` where `shares` is not 0, and tells exactly which pixels that changed.
fn change(layer: &mut Layer, shares: &Field, draws: &mut Draws, change_c: impl Fn(usize) -> f64) -> Mask {
    let mut after = layer.temperature_c.clone();
    for i in (0..shares.values.len()).filter(|&i| shares.values[i] > 0.0) {
        after.values[i] = (f64::from(after.values[i]) + change_c(i)) as f32;
    }
    settle(layer, after, draws)
}

/// Gives the layer its new temperature; notes what can be measured of the change.
pub(super) fn settle(layer: &mut Layer, after: Field, draws: &mut Draws) -> Mask {
    let before = std::mem::replace(&mut layer.temperature_c, after);
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

/// The part of a shape that lies on printed ground, mixed with the bed at the contour as the part is.
fn on_part(layer: &Layer, shape: &Field) -> Field {
    let share = |(&s, &c): (&f32, &f32)| if c >= PRINTED { s * c } else { 0.0 };
    let values = shape.values.iter().zip(&layer.coverage.values).map(share).collect();
    Field { size_px: shape.size_px, values }
}

fn support(shares: &Field) -> Mask {
    Mask { size_px: shares.size_px, pixels: shares.values.iter().map(|&s| s > 0.0).collect() }
}

/// 0 where there is no support.
fn mean_over_support(shares: &Field, value: impl Fn(usize) -> f64) -> f64 {
    let (mut sum, mut count) = (0.0, 0.0);
    for i in (0..shares.values.len()).filter(|&i| shares.values[i] > 0.0) {
        sum += value(i);
        count += 1.0;
    }
    if count > 0.0 { sum / count } else { 0.0 }
}

/// A value close to the median of `values`, weighted by `shares`, and equal to none of them: at a
/// contrast scaled down from there no pixel is left unchanged. 0 without any.
fn near_median(shares: &Field, values: &[f64]) -> f64 {
    let mut weighted: Vec<(f64, f64)> = (values.iter().zip(&shares.values))
        .filter(|&(_, &share)| share > 0.0)
        .map(|(&value, &share)| (value, f64::from(share)))
        .collect();
    weighted.sort_unstable_by(|a, b| a.0.total_cmp(&b.0));
    let half = weighted.iter().map(|w| w.1).sum::<f64>() / 2.0;
    let mut below = 0.0;
    let middle = weighted.iter().position(|&(_, share)| {
        below += share;
        below >= half
    });
    let Some(middle) = middle else { return 0.0 };
    let value = weighted[middle].0;
    match weighted[middle..].iter().find(|w| w.0 > value) {
        Some(next) => 0.5 * (value + next.0),
        None => value,
    }
}

/// Where the convex function `f`, negative at 0, passes 0 on its way up, to the last bit.
fn upper_root(f: impl Fn(f64) -> f64) -> f64 {
    let (mut low, mut high) = (0.0, 1.0);
    while f(high) < 0.0 {
        (low, high) = (high, high * 2.0);
        if !high.is_finite() {
            return low;
        }
    }
    loop {
        let middle = 0.5 * (low + high);
        if middle <= low || middle >= high {
            return middle;
        }
        if f(middle) < 0.0 { low = middle } else { high = middle }
    }
}
