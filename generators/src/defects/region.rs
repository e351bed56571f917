//! The part of a layer on which an effect acts.

use super::site::PRINTED;
use crate::layer::{Field, Layer, Mask};
use crate::params::{ScenarioError, Table};

/// Which ground of the layer a defect touches.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Ground {
    /// What is printed, mixed with the bed at the contour as the part is.
    Part,
    /// What is not printed, mixed with the part at the contour as the bed is.
    Bed,
    /// All of it.
    Layer,
}

impl Ground {
    /// Reads `on`: `"part"`, `"bed"` or `"layer"`.
    pub fn read(table: &mut Table, default: Self) -> Result<Self, Box<ScenarioError>> {
        let all = [Self::Part, Self::Bed, Self::Layer];
        let default = all.iter().position(|&ground| ground == default);
        Ok(all[table.choice("on", default, &["part", "bed", "layer"])?])
    }

    /// The share of a pixel printed by `coverage` that belongs to it.
    fn share(self, coverage: f32) -> f32 {
        match self {
            Self::Part if coverage >= PRINTED => coverage,
            Self::Bed if coverage < PRINTED => 1.0 - coverage,
            Self::Layer => 1.0,
            _ => 0.0,
        }
    }
}

/// A shape cut to its ground.
pub struct Region {
    /// Strength in each pixel, 0 where nothing happens.
    pub shares: Field,
    ground: Ground,
}

impl Region {
    /// The part of `shape` that lies on `ground` where `coverage` is printed.
    pub fn new(coverage: &Field, shape: &Field, ground: Ground) -> Self {
        let values = shape.values.iter().zip(&coverage.values).map(|(&s, &c)| s * ground.share(c));
        Self { shares: Field { size_px: shape.size_px, values: values.collect() }, ground }
    }

    /// Its pixels, with the strength of each.
    pub fn pixels(&self) -> impl Iterator<Item = (usize, f64)> {
        let shares = self.shares.values.iter().enumerate();
        shares.filter(|(_, share)| **share != 0.0).map(|(i, &share)| (i, f64::from(share)))
    }

    /// Its pixels as a set.
    pub fn support(&self) -> Mask {
        let pixels = self.shares.values.iter().map(|&share| share != 0.0).collect();
        Mask { size_px: self.shares.size_px, pixels }
    }

    /// The mean of `value` (of pixel and strength) over its pixels; 0 where there are none.
    pub fn mean(&self, value: impl Fn(usize, f64) -> f64) -> f64 {
        let (mut sum, mut count) = (0.0, 0.0);
        for (i, share) in self.pixels() {
            sum += value(i, share);
            count += 1.0;
        }
        if count > 0.0 { sum / count } else { 0.0 }
    }

    /// What the ground of a pixel shows by itself, in degrees.
    pub fn ground_c(&self, layer: &Layer, pixel: usize) -> f64 {
        f64::from(match self.ground {
            Ground::Part => layer.part_c.values[pixel],
            Ground::Bed => layer.bed_c.values[pixel],
            Ground::Layer => layer.temperature_c.values[pixel],
        })
    }

    /// The share of what it is of a pixel that is printed: all on the part, nothing on the bed.
    pub fn printed(&self, layer: &Layer, pixel: usize) -> f64 {
        match self.ground {
            Ground::Part => 1.0,
            Ground::Bed => 0.0,
            Ground::Layer => f64::from(layer.coverage.values[pixel]),
        }
    }

    /// Adds `change_c` (of pixel and strength) to the surface.
    pub fn add(&self, layer: &mut Layer, change_c: impl Fn(usize, f64) -> f64) {
        for (i, share) in self.pixels() {
            let after = &mut layer.temperature_c.values[i];
            *after = (f64::from(*after) + change_c(i, share)) as f32;
        }
    }
}
