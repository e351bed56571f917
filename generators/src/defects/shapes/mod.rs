//! Shapes on the layer: where a defect acts, and how strongly from place to place.

mod band;
mod blob;
mod combined;
mod disc;
mod far_end;
mod gradient;
mod line;
mod polygon;
mod raster;
mod speckle;
mod whole_layer;

pub(super) use band::Band;
pub(super) use blob::Blob;
pub(super) use combined::How;
pub(super) use disc::Disc;
pub(super) use far_end::FarEnd;
pub(super) use gradient::Gradient;
pub(super) use line::Lines;
pub(super) use polygon::Polygon;
pub(super) use speckle::Speckle;
pub(super) use whole_layer::WholeLayer;

use super::site::Site;
use crate::layer::Field;
use crate::params::{Draws, ScenarioError, Table};
use crate::registry::Kind;

/// A shape as the scenario states it.
pub trait Shape: Send + Sync {
    /// The strength of each pixel: 0 outside the shape, at most 1 inside; below 0 only where a shape
    /// has two sides. `None` where it finds no place.
    ///
    /// `curve` tells the strength from the depth, which is 0 at the edge of the shape and 1 in its
    /// middle. Geometry comes from the steady streams of `draws`, the place from `site`.
    fn draw(&self, site: &Site<'_>, curve: &dyn Fn(f64) -> f64, draws: &mut Draws) -> Option<Field>;
}

/// Every shape that a composed defect can name.
pub const KINDS: &[Kind<dyn Shape>] = &[
    band::KIND,
    blob::KIND,
    combined::KIND,
    disc::KIND,
    far_end::KIND,
    gradient::KIND,
    line::KIND,
    polygon::KIND,
    speckle::KIND,
    whole_layer::KIND,
];

/// The direction in which something runs over the bed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Along {
    /// As the print head travels.
    X,
    /// As the recoater travels.
    Y,
}

impl Along {
    /// Reads `along`: `"x"`, as the print head travels, or `"y"`, as the recoater does.
    fn read(table: &mut Table, default: usize) -> Result<Self, Box<ScenarioError>> {
        Ok([Self::X, Self::Y][table.choice("along", Some(default), &["x", "y"])?])
    }

    /// The coordinate across it.
    fn across(self, [x, y]: [f64; 2]) -> f64 {
        match self {
            Self::X => y,
            Self::Y => x,
        }
    }

    /// Corners of the box that is `from..to` wide across it, and endless along it.
    fn endless(self, from: f64, to: f64) -> [[f64; 2]; 2] {
        const ENDS: [f64; 2] = [f64::NEG_INFINITY, f64::INFINITY];
        match self {
            Self::X => [[ENDS[0], from], [ENDS[1], to]],
            Self::Y => [[from, ENDS[0]], [to, ENDS[1]]],
        }
    }
}
