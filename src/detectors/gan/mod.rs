//! What the detectors with a generative adversarial network share: the two networks, and images of a fixed latent.

mod critic;
mod generator;
mod snapshots;

pub(super) use critic::Critic;
pub(super) use generator::Generator;
pub(super) use snapshots::{SHOWN, Snapshots};

use crate::nets::{Activation, Init, Window};

pub(super) const LEAKY: Activation = Activation::LeakyRelu(0.2);
pub(super) const HE: Init = Init::He { slope: 0.2 };
/// Generated images in which a collapse is looked for.
pub(super) const LOOKED_AT: usize = 64;

/// What shapes the units of one network.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Units {
    /// Feature maps: behind each unit of a network that halves a side, before each unit of one that doubles it.
    pub channels: Vec<usize>,
    /// Weights along one side of each window, 3 to 5.
    pub kernel_px: usize,
}

impl Units {
    /// `count` units, each with twice the feature maps of the one nearer to the image.
    pub fn doubling(channels: usize, count: usize, kernel_px: usize) -> Self {
        Self { channels: (0..count).map(|unit| channels << unit).collect(), kernel_px }
    }

    /// The same units seen from the other end.
    pub fn reversed(mut self) -> Self {
        self.channels.reverse();
        self
    }

    /// A window that keeps a side (`stride` 1, an odd kernel), or halves it or doubles it (`stride` 2).
    pub const fn window(&self, stride: usize) -> Window {
        Window::new(self.kernel_px, stride, (self.kernel_px - 1) / 2)
    }
}
