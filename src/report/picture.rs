//! Small pictures in memory: read, coloured, outlined, enlarged, encoded.

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use image::codecs::png::{CompressionType, FilterType, PngEncoder};
use image::{ExtendedColorType, ImageEncoder};

use super::colour::{Rgb, Scale};

/// A picture of red, green and blue bytes.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Picture {
    /// Pixels across.
    pub width: usize,
    /// Pixels down.
    pub height: usize,
    /// `3 * width * height` bytes, row by row from the top left.
    pub rgb: Vec<u8>,
}

impl Picture {
    /// One colour everywhere.
    pub fn filled(width: usize, height: usize, colour: Rgb) -> Self {
        Self { width, height, rgb: colour.repeat(width * height) }
    }

    /// Grey values 0 (black) to 1 (white), row by row; what lies beyond is clamped.
    ///
    /// # Panics
    /// Where there are not `width` times a whole number of values.
    pub fn grey(values: &[f32], width: usize) -> Self {
        Self::map(values, width, |v| [(v.clamp(0.0, 1.0) * 255.0).round() as u8; 3])
    }

    /// Values in false colour: `range[0]` and below take the scale's darkest colour, `range[1]` and
    /// above its brightest.
    ///
    /// # Panics
    /// As [`Picture::grey`].
    pub fn false_colour(values: &[f32], width: usize, range: [f32; 2], scale: Scale) -> Self {
        let [low, high] = range.map(f64::from);
        let span = if high > low { high - low } else { 1.0 };
        let table: Vec<Rgb> = (0..256).map(|i| scale.at(f64::from(i) / 255.0)).collect();
        Self::map(values, width, |v| {
            let t = (f64::from(v) - low) / span;
            table[(t.clamp(0.0, 1.0) * 255.0).round() as usize]
        })
    }

    fn map(values: &[f32], width: usize, colour: impl Fn(f32) -> Rgb) -> Self {
        let height = values.len().checked_div(width).unwrap_or(0);
        assert_eq!(values.len(), width * height, "rows of {width} px");
        Self { width, height, rgb: values.iter().flat_map(|&v| colour(v)).collect() }
    }

    /// Every pixel as a square of `factor` pixels.
    pub fn enlarged(&self, factor: usize) -> Self {
        let mut out = Self::filled(self.width * factor, self.height * factor, [0; 3]);
        for y in 0..out.height {
            for x in 0..out.width {
                out.set(x, y, self.get(x / factor, y / factor));
            }
        }
        out
    }

    /// Enlarges by `factor` and draws the border of `inside` (as many flags as pixels before) as a line of `colour` just
    /// outside the set, so that the set itself stays visible; along the edge of the picture, where there is
    /// no outside, the line is the outermost row or column.
    pub fn outlined(&self, inside: &[bool], factor: usize, colour: Rgb) -> Self {
        let mut out = self.enlarged(factor);
        let (width, height) = (self.width, self.height);
        if inside.len() != width * height {
            return out;
        }
        let at = |x: i64, y: i64| {
            let (x, y) = (x.div_euclid(factor as i64), y.div_euclid(factor as i64));
            x >= 0
                && y >= 0
                && (x as usize) < width
                && (y as usize) < height
                && inside[y as usize * width + x as usize]
        };
        // Three quarters of a pixel wide.
        let reach = (3 * factor).div_ceil(4) as i64;
        for y in 0..out.height as i64 {
            for x in 0..out.width as i64 {
                let near = (-reach..=reach).any(|dy| (-reach..=reach).any(|dx| at(x + dx, y + dy)));
                let last = |x: i64, side: usize| x == 0 || x + 1 == side as i64;
                let edge = last(x, out.width) || last(y, out.height);
                if near && (edge || !at(x, y)) {
                    out.set(x as usize, y as usize, colour);
                }
            }
        }
        out
    }

    /// The colour at column `x` of row `y`.
    pub fn get(&self, x: usize, y: usize) -> Rgb {
        let at = 3 * (y * self.width + x);
        [self.rgb[at], self.rgb[at + 1], self.rgb[at + 2]]
    }

    /// Sets the pixel at column `x` of row `y`, if there is one.
    pub fn set(&mut self, x: usize, y: usize, colour: Rgb) {
        if x < self.width && y < self.height {
            let at = 3 * (y * self.width + x);
            self.rgb[at..at + 3].copy_from_slice(&colour);
        }
    }

    /// Lays `other` over this picture with its top left corner at (`left`, `top`).
    pub fn paste(&mut self, other: &Self, left: usize, top: usize) {
        for y in 0..other.height {
            for x in 0..other.width {
                self.set(left + x, top + y, other.get(x, y));
            }
        }
    }

    /// The picture as a PNG file.
    pub fn png(&self) -> Vec<u8> {
        let mut bytes = Vec::new();
        let encoder =
            PngEncoder::new_with_quality(&mut bytes, CompressionType::Default, FilterType::Adaptive);
        let (width, height) = (self.width as u32, self.height as u32);
        let written = encoder.write_image(&self.rgb, width, height, ExtendedColorType::Rgb8);
        // Writing to memory fails for no picture of a consistent size, except an empty one.
        debug_assert!(written.is_ok() || self.rgb.is_empty());
        bytes
    }
}

/// `values` (higher = more anomalous) in false colour as a PNG file, for anomaly maps: `range[0]` and
/// below is dark, `range[1]` and above bright.
///
/// # Panics
/// Where there are not `size_px` squared values.
pub fn false_colour_png(values: &[f32], size_px: usize, range: [f32; 2]) -> Vec<u8> {
    assert_eq!(values.len(), size_px * size_px, "a square of {size_px} px");
    Picture::false_colour(values, size_px, range, Scale::Viridis).png()
}

/// A PNG file as the address of an embedded picture.
pub fn data_uri(png: &[u8]) -> String {
    format!("data:image/png;base64,{}", STANDARD.encode(png))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::report::colour::OUTLINE;

    #[test]
    fn a_png_decodes_to_the_same_bytes() {
        let picture =
            Picture::false_colour(&[0.0, 0.5, 1.0, 2.0, f32::NAN, -1.0], 3, [0.0, 1.0], Scale::Inferno);
        let decoded = image::load_from_memory(&picture.png()).unwrap().to_rgb8();
        assert_eq!((decoded.width(), decoded.height()), (3, 2));
        assert_eq!(decoded.into_raw(), picture.rgb);
        assert_eq!(picture.get(2, 0), picture.get(0, 1), "clamped at the top");
    }

    #[test]
    fn the_outline_leaves_the_set_alone() {
        let picture = Picture::grey(&[0.0; 25], 5);
        let inside: Vec<bool> = (0..25).map(|i| i == 12).collect();
        let outlined = picture.outlined(&inside, 4, OUTLINE);
        let bright = |x, y| outlined.get(x, y) == OUTLINE;
        assert!(bright(7, 7) && bright(12, 10) && bright(5, 8) && !bright(8, 8) && !bright(4, 8));
    }

    #[test]
    fn the_outline_of_everything_is_the_frame() {
        let outlined = Picture::grey(&[0.0; 25], 5).outlined(&[true; 25], 4, OUTLINE);
        let bright = |x, y| outlined.get(x, y) == OUTLINE;
        assert!((0..20).all(|i| bright(i, 0) && bright(i, 19) && bright(0, i) && bright(19, i)));
        assert!((1..19).all(|y| (1..19).all(|x| !bright(x, y))));
    }
}
