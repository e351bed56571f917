//! Grey levels.

use pulp::Arch;

use crate::layer::Field;

/// How many grey levels an image has.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Depth {
    /// 256 levels.
    Eight,
    /// 65536 levels.
    Sixteen,
}

impl Depth {
    /// Bits per pixel.
    pub fn bits(self) -> u8 {
        match self {
            Self::Eight => 8,
            Self::Sixteen => 16,
        }
    }

    /// The grey value of white.
    pub fn white(self) -> u16 {
        match self {
            Self::Eight => u16::from(u8::MAX),
            Self::Sixteen => u16::MAX,
        }
    }
}

/// A square grey image.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Grey {
    /// Pixels along one side.
    pub size_px: usize,
    /// Grey levels.
    pub depth: Depth,
    /// `size_px * size_px` values from 0 to [`Depth::white`], row by row from the top left.
    pub values: Vec<u16>,
}

impl Grey {
    /// The change map: |self - other| in grey levels.
    ///
    /// # Panics
    /// Where the images differ in size.
    pub fn difference(&self, other: &Self) -> Self {
        assert_eq!(self.size_px, other.size_px);
        let values = self.values.iter().zip(&other.values).map(|(a, b)| a.abs_diff(*b)).collect();
        Self { values, ..*self }
    }
}

/// The grey values from 0 to 1 that `grey` makes of those in `field`, each to the nearest level.
pub(crate) fn quantise(field: &Field, depth: Depth, grey: impl Fn(f32) -> f32) -> Grey {
    let values = levels(&field.values, depth, grey, |level| level as u16);
    Grey { size_px: field.size_px, depth, values }
}

/// The values from 0 to 1 in `field` as bytes, each to the nearest of 256 levels.
pub(crate) fn bytes(field: &Field) -> Vec<u8> {
    levels(&field.values, Depth::Eight, |value| value, |level| level as u8)
}

fn levels<L: Clone + Default>(
    from: &[f32],
    depth: Depth,
    grey: impl Fn(f32) -> f32,
    level: impl Fn(u32) -> L,
) -> Vec<L> {
    let mut to = vec![L::default(); from.len()];
    Arch::new().dispatch(
        #[inline(always)]
        || round(from, f32::from(depth.white()), grey, level, &mut to),
    );
    to
}

#[inline(always)]
fn round<L>(from: &[f32], white: f32, grey: impl Fn(f32) -> f32, level: impl Fn(u32) -> L, to: &mut [L]) {
    /// From here to its double an `f32` holds whole numbers alone: adding it rounds, and the last bits are
    /// the level. `as` would round number by number.
    const WHOLE: f32 = (1u32 << 23) as f32;
    for (to, &value) in to.iter_mut().zip(from) {
        // What arithmetic gives where there is no number ends in zeros too: black.
        *to = level((grey(value).clamp(0.0, 1.0) * white + WHOLE).to_bits());
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn values_go_to_the_nearest_level() {
        let grey = Field { size_px: 2, values: vec![0.0, 0.5, 1.0, f32::NAN] };
        assert_eq!(quantise(&grey, Depth::Eight, |v| v).values, [0, 128, 255, 0]);
        assert_eq!(quantise(&grey, Depth::Sixteen, |v| v).values, [0, 32768, 65535, 0]);
    }
}
