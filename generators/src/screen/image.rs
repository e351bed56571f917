//! Grey images of any size, as their files hold them.

use std::path::Path;

use image::{DynamicImage, ImageReader};

/// A grey image of any size.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Image {
    /// Pixels in a row.
    pub width: usize,
    /// Rows.
    pub height: usize,
    /// The value of white: 255 or 65535.
    pub white: u16,
    /// Values from 0 to `white`, row by row from the top left.
    pub values: Vec<u16>,
}

impl Image {
    /// Reads a file; colours become grey by their luma. `Err` says why it cannot be read.
    pub(super) fn read(path: &Path) -> Result<Self, String> {
        let reader = ImageReader::open(path).and_then(ImageReader::with_guessed_format);
        let image = reader.map_err(|e| e.to_string())?.decode().map_err(|e| e.to_string())?;
        let (width, height) = (image.width() as usize, image.height() as usize);
        if width == 0 || height == 0 {
            return Err(format!("it is {width} x {height} px"));
        }
        let deep = image.color().bytes_per_pixel() > image.color().channel_count();
        let (white, values) = match image {
            DynamicImage::ImageLuma16(grey) => (u16::MAX, grey.into_raw()),
            other if deep => (u16::MAX, other.to_luma16().into_raw()),
            other => (255, other.to_luma8().into_raw().into_iter().map(u16::from).collect()),
        };
        Ok(Self { width, height, white, values })
    }

    /// Its rows, from the top.
    pub(super) fn rows(&self) -> impl ExactSizeIterator<Item = &[u16]> {
        self.values.chunks_exact(self.width)
    }

    /// The image turned so that its columns are rows.
    pub(super) fn turned(&self) -> Self {
        let value = |i: usize| self.values[i % self.height * self.width + i / self.height];
        let values = (0..self.values.len()).map(value).collect();
        Self { width: self.height, height: self.width, white: self.white, values }
    }

    /// The means of `SMALL` by `SMALL` nearly equal cells, as shares of the scale.
    pub(super) fn small(&self) -> Vec<f32> {
        let cells = |length: usize| move |i: usize| cell(i, length);
        let (across, down) = (cells(self.width), cells(self.height));
        let scale = 1.0 / f64::from(self.white);
        (0..SMALL * SMALL)
            .map(|i| {
                let (columns, rows) = (across(i % SMALL), down(i / SMALL));
                let count = (columns.len() * rows.len()) as f64;
                let sum: u64 = rows
                    .map(|y| y * self.width)
                    .flat_map(|row| &self.values[row + columns.start..row + columns.end])
                    .map(|&v| u64::from(v))
                    .sum();
                (sum as f64 / count * scale) as f32
            })
            .collect()
    }

    /// The pixels in the middles of those cells, unchanged: bits do not survive a mean.
    pub(super) fn sampled(&self) -> Vec<u16> {
        let middle = |i: usize, length: usize| {
            let cell = cell(i, length);
            (cell.start + cell.end) / 2
        };
        (0..SMALL * SMALL)
            .map(|i| {
                let (x, y) = (middle(i % SMALL, self.width), middle(i / SMALL, self.height));
                self.values[y.min(self.height - 1) * self.width + x.min(self.width - 1)]
            })
            .collect()
    }
}

/// Cells along one side of what is compared from image to image.
pub(super) const SMALL: usize = 64;

/// The pixels of cell `i` out of `SMALL` along a side of `length`; at least one.
fn cell(i: usize, length: usize) -> std::ops::Range<usize> {
    let start = i * length / SMALL;
    start..((i + 1) * length / SMALL).max(start + 1)
}

/// The means of eight by eight cells of a small image.
pub(super) fn coarse(small: &[f32]) -> Vec<f64> {
    const SIDE: usize = SMALL / 8;
    let mut sums = vec![0.0; 64];
    for (i, &value) in small.iter().enumerate() {
        sums[i / SMALL / SIDE * 8 + i % SMALL / SIDE] += f64::from(value) / (SIDE * SIDE) as f64;
    }
    sums
}
