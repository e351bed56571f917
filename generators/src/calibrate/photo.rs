//! One real image, in degrees.

use std::path::{Path, PathBuf};

use image::imageops::{self, FilterType};
use image::{ImageBuffer, ImageReader, Luma};

use super::{CalibrateError, Scale};

/// Least pixels on each side.
const LEAST_PX: usize = 16;
/// Endings of the files that are read.
const ENDINGS: [&str; 6] = ["png", "jpg", "jpeg", "bmp", "tif", "tiff"];

/// An image of apparent temperatures; it need not be square.
#[derive(Clone, Debug)]
pub struct Photo {
    /// Pixels in a row.
    pub width: usize,
    /// Rows.
    pub height: usize,
    /// Apparent temperatures in degrees Celsius, row by row from the top left.
    pub celsius: Vec<f32>,
    /// Bits per pixel of the file.
    pub bits: u8,
}

impl Photo {
    /// Reads a file: colours become grey by their luma, and the shorter side gets as many pixels as `scale`
    /// asks for.
    ///
    /// # Errors
    /// A file that is missing, no image, or too small.
    pub fn read(path: &Path, scale: &Scale) -> Result<Self, CalibrateError> {
        let io = |source| CalibrateError::Io { path: path.to_owned(), source };
        let damaged =
            |e: image::ImageError| CalibrateError::Damaged { path: path.to_owned(), why: e.to_string() };
        let bytes = std::fs::read(path).map_err(io)?;
        let reader = ImageReader::new(std::io::Cursor::new(bytes)).with_guessed_format().map_err(io)?;
        let image = reader.decode().map_err(damaged)?;
        let deep = image.color().bytes_per_pixel() > image.color().channel_count();
        let mut grey: ImageBuffer<Luma<f32>, Vec<f32>> = image.to_luma32f();
        let (width, height) = (grey.width() as usize, grey.height() as usize);
        if width.min(height) < LEAST_PX {
            return Err(CalibrateError::TooSmall { path: path.to_owned(), width, height, least: LEAST_PX });
        }
        if let Some(side) = scale.image_px.filter(|&side| side != width.min(height)) {
            let resized = |px: usize| (px * side).div_ceil(width.min(height)) as u32;
            let (across, down) = (resized(width), resized(height));
            // A coarser sensor sums the light over its larger elements; any wider filter would soften the grain.
            grey = if side < width.min(height) {
                shrunk(&grey, across, down)
            } else {
                imageops::resize(&grey, across, down, FilterType::Triangle)
            };
        }
        let [low, high] = if scale.invert { [scale.range_c[1], scale.range_c[0]] } else { scale.range_c };
        let celsius = grey.iter().map(|v| (low + (high - low) * f64::from(*v)) as f32).collect();
        let (width, height) = (grey.width() as usize, grey.height() as usize);
        Ok(Self { width, height, celsius, bits: if deep { 16 } else { 8 } })
    }

    /// The images in `folder`, in the order of their names, a number in a name counting by its value.
    ///
    /// # Errors
    /// A folder that cannot be read or holds none.
    pub fn list(folder: &Path) -> Result<Vec<PathBuf>, CalibrateError> {
        let io = |source| CalibrateError::Io { path: folder.to_owned(), source };
        let (mut files, mut folders) = (Vec::new(), 0);
        for entry in std::fs::read_dir(folder).map_err(io)? {
            let path = entry.map_err(io)?.path();
            let ending = path.extension().map(|e| e.to_string_lossy().to_lowercase());
            if path.is_dir() {
                folders += 1;
            } else if ending.is_some_and(|e| ENDINGS.contains(&e.as_str())) {
                files.push(path);
            }
        }
        if files.is_empty() {
            return Err(CalibrateError::NoImages { folder: folder.to_owned(), folders });
        }
        files.sort_by_cached_key(|path| numbered(path));
        Ok(files)
    }

    /// The files as sequences: those whose names differ in the last number alone, in its order.
    pub fn sequences(files: &[PathBuf]) -> Vec<&[PathBuf]> {
        files.chunk_by(|a, b| numbered(a).0 == numbered(b).0).collect()
    }
}

/// The mean over the area of each of the larger pixels.
fn shrunk(
    grey: &ImageBuffer<Luma<f32>, Vec<f32>>,
    across: u32,
    down: u32,
) -> ImageBuffer<Luma<f32>, Vec<f32>> {
    let (width, height) = grey.dimensions();
    let (columns, rows) = (shares(width, across), shares(height, down));
    ImageBuffer::from_fn(across, down, |x, y| {
        let row = |y: u32| -> f64 {
            columns[x as usize].iter().map(|&(x, share)| share * f64::from(grey.get_pixel(x, y).0[0])).sum()
        };
        Luma([rows[y as usize].iter().map(|&(y, share)| share * row(y)).sum::<f64>() as f32])
    })
}

/// By larger pixel: the smaller ones in it, and the share of it that each makes up.
fn shares(small: u32, large: u32) -> Vec<Vec<(u32, f64)>> {
    let size = f64::from(small) / f64::from(large);
    let of = |at: u32| {
        let (from, to) = (f64::from(at) * size, f64::from(at + 1) * size);
        let inner = from as u32..(to.ceil() as u32).min(small);
        inner.map(|i| (i, (to.min(f64::from(i + 1)) - from.max(f64::from(i))) / size)).collect()
    };
    (0..large).map(of).collect()
}

/// A file's name without the last number in it, and that number.
fn numbered(path: &Path) -> (String, u64, String) {
    let stem = path.file_stem().unwrap_or_default().to_string_lossy().into_owned();
    let end = stem.rfind(|c: char| c.is_ascii_digit()).map_or(0, |at| at + 1);
    let start = stem[..end]
        .rfind(|c: char| !c.is_ascii_digit())
        .map_or(0, |at| at + stem[at..].chars().next().map_or(1, char::len_utf8));
    let number = stem[start..end].parse().unwrap_or(0);
    (format!("{}#{}", &stem[..start], &stem[end..]), number, stem)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn names(files: &[&str]) -> Vec<PathBuf> {
        files.iter().map(PathBuf::from).collect()
    }

    #[test]
    fn sequences_differ_in_the_last_number_alone() {
        let mut files =
            names(&["a2_x10.png", "a2_x9.png", "a10_x1.png", "b.png", "7.png", "12.png", "ü3ü.png"]);
        files.sort_by_cached_key(|path| numbered(path));
        let sequences = Photo::sequences(&files);
        let stems: Vec<Vec<String>> = sequences
            .iter()
            .map(|s| s.iter().map(|p| p.file_stem().unwrap().to_string_lossy().into_owned()).collect())
            .collect();
        assert_eq!(stems, [vec!["7", "12"], vec!["b"], vec!["a10_x1"], vec!["a2_x9", "a2_x10"], vec!["ü3ü"]]);
    }

    #[test]
    fn a_larger_pixel_is_the_mean_of_its_area() {
        let grey = ImageBuffer::from_fn(6, 4, |x, y| Luma([(x * x + 10 * y) as f32]));
        let half = shrunk(&grey, 3, 2);
        // (0 + 1 + 10 + 11) / 4, and so on.
        let expected = [5.5, 11.5, 25.5, 25.5, 31.5, 45.5];
        assert!(half.iter().zip(expected).all(|(a, b)| (a - b).abs() < 1e-5), "{half:?}");
        // Three pixels of 4/3 each.
        let thirds: Vec<f32> = shares(4, 3).iter().map(|s| s.iter().map(|p| p.1 as f32).sum()).collect();
        assert_eq!(shares(4, 3)[1].iter().map(|p| p.0).collect::<Vec<_>>(), [1, 2]);
        assert!(thirds.iter().all(|share| (share - 1.0).abs() < 1e-6), "{thirds:?}");
    }
}
