//! Covered by something with a surface of its own.

use super::Effect;
use crate::defects::Phase;
use crate::defects::contrast::Contrast;
use crate::defects::region::Region;
use crate::layer::Layer;
use crate::params::{Draws, ScenarioError, Table};
use crate::registry::{self, Kind};
use crate::textures::{self, Texture};

/// Another surface at the one temperature that gives the contrast.
pub(super) const KIND: Kind<dyn Effect> = Kind {
    name: "replace",
    summary: "covers it by a surface with a texture of its own",
    source: "own",
    example: "\
cnr = { uniform = [3.0, 6.0] }
polarity = \"either\"
texture = { kind = \"cloud\", amplitude_c = 0.2, feature_mm = 5.0 }
",
    build: |table| Ok(Box::new(Replace::read(table)?)),
};

/// A cover as the scenario states it.
pub struct Replace {
    contrast: Contrast,
    texture: Box<dyn Texture>,
}

impl Replace {
    /// Reads `cnr`, `polarity` and `texture`.
    pub fn read(table: &mut Table) -> Result<Self, Box<ScenarioError>> {
        let contrast = Contrast::read(table)?;
        let (_, texture) = registry::build_or(textures::KINDS, Some("flat"), table.table("texture")?)?;
        Ok(Self { contrast, texture })
    }
}

impl Effect for Replace {
    /// A contrast below that of the same surface at the temperature of the ground below it is had by
    /// letting the ground shine through.
    fn act(&self, layer: &mut Layer, region: &Region, phase: &Phase, draws: &mut Draws) {
        let surface_c = draws.scoped("texture", |d| self.texture.paint(&layer.frame, layer.index, d));
        let (target_c, sign) = self.contrast.draw(layer, region, phase, draws);
        let to_surface: Vec<f64> = (0..surface_c.values.len())
            .map(|i| f64::from(surface_c.values[i]) - region.ground_c(layer, i))
            .collect();
        let contrast_at = |offset: f64| region.mean(|i, share| share.abs() * (to_surface[i] + offset).abs());
        let ground = -near_median(region, &to_surface);
        let least = contrast_at(ground);
        let (offset, opacity) = if least < target_c {
            (ground + sign * upper_root(|step| contrast_at(ground + sign * step) - target_c), 1.0)
        } else {
            (ground, if least > 0.0 { target_c / least } else { 0.0 })
        };
        region.add(layer, |i, share| opacity * share * (to_surface[i] + offset));
    }
}

/// A value close to the median of `values`, weighted by strength, and equal to none of them: at a
/// contrast scaled down from there no pixel is left unchanged. 0 without any.
fn near_median(region: &Region, values: &[f64]) -> f64 {
    let mut weighted: Vec<(f64, f64)> = region.pixels().map(|(i, share)| (values[i], share.abs())).collect();
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
