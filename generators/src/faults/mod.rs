//! Faults of the camera and of people at the machine: they spoil the image of a process that goes on
//! undisturbed (Type 1 of Zeiser et al. 2023, section 4.1), and data are screened for them.

mod blank;
mod dead_block;
mod dead_lines;
mod dropped_rows;
mod garbled_rows;
mod hand;
mod impulse_noise;
mod repeated_frame;
mod saturated;
mod shifted_frame;
mod silhouette;
mod stuck_bit;

use crate::camera::{Depth, Grey};
use crate::layer::Mask;
use crate::params::{Distribution, Draws, Param};
use crate::registry::Kind;

/// Spoils the image of a layer.
pub trait Fault: Send + Sync {
    /// Changes `image`. `earlier` holds the images of the same job before the fault began, the oldest
    /// first; there may be none.
    ///
    /// Geometry comes from the steady streams of `draws` (a fault over several layers stays what it
    /// is), noise from the layer streams. Lengths are shares of the image's side, levels and noise
    /// shares of the grey scale, so that a fault means the same at every size and depth.
    fn spoil(&self, image: &mut Grey, earlier: &[Grey], draws: &mut Draws);
}

/// Every fault that a scenario can name.
pub const KINDS: &[Kind<dyn Fault>] = &[
    blank::KIND,
    dead_block::KIND,
    dead_lines::KIND,
    dropped_rows::KIND,
    garbled_rows::KIND,
    hand::KIND,
    impulse_noise::KIND,
    repeated_frame::KIND,
    saturated::KIND,
    shifted_frame::KIND,
    stuck_bit::KIND,
];

/// Lets `fault` spoil `image` and returns exactly the pixels that this changed; notes their number
/// (`area_px`) and their share of the image (`area_share`).
pub fn strike(fault: &dyn Fault, image: &mut Grey, earlier: &[Grey], draws: &mut Draws) -> Mask {
    let before = image.clone();
    fault.spoil(image, earlier, draws);
    let pixels: Vec<bool> = before.values.iter().zip(&image.values).map(|(b, a)| b != a).collect();
    let mask = Mask { size_px: image.size_px, pixels };
    draws.note("area_px", mask.count() as f64);
    draws.note("area_share", mask.count() as f64 / mask.pixels.len().max(1) as f64);
    mask
}

/// How many images before a fault are kept for it.
pub const MOST_EARLIER: usize = 8;

/// What dead pixels deliver.
fn black_or_white() -> Param {
    Param { distribution: Distribution::Choice(vec![0.0, 1.0]), ..Param::uniform(0.0, 1.0) }
}

/// The grey value nearest to `share` of the scale.
fn level(depth: Depth, share: f64) -> u16 {
    (share.clamp(0.0, 1.0) * f64::from(depth.white())).round() as u16
}

/// How many pixels `share` of a side are; at least one, at most all.
fn length_px(size_px: usize, share: f64) -> usize {
    ((share * size_px as f64).round() as usize).clamp(1, size_px.max(1))
}
