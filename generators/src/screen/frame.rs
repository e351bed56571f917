//! What is kept of an image to judge it by.

use super::block::Block;
use super::image::Image;
use super::impulse_noise;
use super::lines::Lines;

/// The measurements of one image that could be read.
#[derive(Clone, Debug)]
pub(super) struct Frame {
    pub width: usize,
    pub height: usize,
    pub white: u16,
    /// BLAKE3 of the pixels.
    pub hash: [u8; 32],
    /// See [`Image::small`].
    pub small: Vec<f32>,
    /// See [`Image::sampled`].
    pub sampled: Vec<u16>,
    /// Bits, from the most significant, that are 1 in no pixel and in every pixel.
    pub stuck: [u16; 2],
    pub ends: Ends,
    pub rows: Lines,
    pub columns: Lines,
    pub block: Option<Block>,
    /// Share of the pixels that are black or white and alone.
    pub impulses: f64,
}

/// The darkest and the brightest value and how many pixels have them, within a hundredth of the scale.
#[derive(Clone, Copy, Debug)]
pub(super) struct Ends {
    pub values: [u16; 2],
    pub shares: [f64; 2],
}

impl Frame {
    pub(super) fn measure(image: &Image) -> Self {
        let bytes: Vec<u8> = image.values.iter().flat_map(|v| v.to_le_bytes()).collect();
        let columns = Lines::measure(&image.turned());
        let rows = Lines::measure(image);
        let any = image.values.iter().fold(0, |bits, v| bits | v);
        let all = image.values.iter().fold(u16::MAX, |bits, v| bits & v);
        Self {
            width: image.width,
            height: image.height,
            white: image.white,
            hash: *blake3::hash(&bytes).as_bytes(),
            small: image.small(),
            sampled: image.sampled(),
            stuck: [!any & image.white, all],
            ends: Ends::measure(image),
            block: Block::largest(image),
            impulses: impulse_noise::share(image),
            rows,
            columns,
        }
    }

    /// True where the two can be compared pixel by pixel.
    pub(super) fn is_like(&self, other: &Self) -> bool {
        (self.width, self.height, self.white) == (other.width, other.height, other.white)
    }
}

impl Ends {
    fn measure(image: &Image) -> Self {
        let near = image.white / 100;
        let low = image.values.iter().copied().min().unwrap_or(0);
        let high = image.values.iter().copied().max().unwrap_or(0);
        let share = |inside: &dyn Fn(u16) -> bool| {
            image.values.iter().filter(|&&v| inside(v)).count() as f64 / image.values.len() as f64
        };
        let shares = [share(&|v| v <= low.saturating_add(near)), share(&|v| v >= high.saturating_sub(near))];
        Self { values: [low, high], shares }
    }
}
