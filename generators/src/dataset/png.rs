//! Grey PNG files.

mod deflate;
mod filter;

use std::io;
use std::path::Path;

use image::{ColorType, DynamicImage, ImageReader};

use super::DatasetError;
use crate::camera::{Depth, Grey, bytes};
use crate::layer::{Field, Mask};

/// The image with 8 or 16 bits per pixel.
pub fn grey(image: &Grey) -> io::Result<Vec<u8>> {
    let bytes: Vec<u8> = match image.depth {
        Depth::Eight => image.values.iter().map(|&v| v as u8).collect(),
        Depth::Sixteen => image.values.iter().flat_map(|v| v.to_be_bytes()).collect(),
    };
    encode(image.size_px, image.depth, &bytes, &[])
}

/// 255 in the footprint and 0 elsewhere.
pub fn mask(mask: &Mask) -> io::Result<Vec<u8>> {
    let bytes: Vec<u8> = mask.pixels.iter().map(|&p| if p { 255 } else { 0 }).collect();
    encode(mask.size_px, Depth::Eight, &bytes, &[])
}

/// 0 to 1 as 0 to 255.
pub fn share(field: &Field) -> io::Result<Vec<u8>> {
    encode(field.size_px, Depth::Eight, &bytes(field), &[])
}

/// A square image of levels, of which two bytes have the higher one first, and texts about it by their names.
pub(super) fn encode(
    size_px: usize,
    depth: Depth,
    levels: &[u8],
    texts: &[(&str, String)],
) -> io::Result<Vec<u8>> {
    let pixel_bytes = usize::from(depth.bits() / 8);
    let rows = filter::paeth(levels, size_px * pixel_bytes, pixel_bytes);
    let stream = deflate::zlib(&rows);
    let mut file = Vec::with_capacity(stream.len() + 1024);
    let mut encoder = png::Encoder::new(&mut file, size_px as u32, size_px as u32);
    encoder.set_color(png::ColorType::Grayscale);
    encoder.set_depth(match depth {
        Depth::Eight => png::BitDepth::Eight,
        Depth::Sixteen => png::BitDepth::Sixteen,
    });
    for (name, text) in texts {
        encoder.add_text_chunk((*name).to_owned(), text.clone())?;
    }
    let mut writer = encoder.write_header()?;
    writer.write_chunk(png::chunk::IDAT, &stream)?;
    // The last chunk is written when the writer is dropped.
    drop(writer);
    Ok(file)
}

/// Reads a square image: pixels along one side, and grey values from 0 to 1, row by row from the
/// top left.
///
/// # Errors
/// A file that is missing, no image, or not square.
pub fn read_grey(path: &Path) -> Result<(usize, Vec<f32>), DatasetError> {
    let bytes = std::fs::read(path).map_err(DatasetError::io("read", path))?;
    decode_grey(&bytes, path)
}

/// As [`read_grey`], of a file's content.
pub(super) fn decode_grey(bytes: &[u8], path: &Path) -> Result<(usize, Vec<f32>), DatasetError> {
    let reader = ImageReader::new(std::io::Cursor::new(bytes)).with_guessed_format();
    let image = reader
        .map_err(DatasetError::io("read", path))?
        .decode()
        .map_err(|e| DatasetError::damaged(path, e))?;
    if image.width() != image.height() {
        let why = format!("{} x {} px is not square", image.width(), image.height());
        return Err(DatasetError::damaged(path, why));
    }
    let size_px = image.width() as usize;
    let values = match (&image, image.color()) {
        (DynamicImage::ImageLuma8(grey), _) => grey.iter().map(|&v| f32::from(v) / 255.0).collect(),
        (_, ColorType::La8 | ColorType::Rgb8 | ColorType::Rgba8) => {
            image.to_luma8().iter().map(|&v| f32::from(v) / 255.0).collect()
        }
        _ => image.to_luma16().iter().map(|&v| f32::from(v) / 65535.0).collect(),
    };
    Ok((size_px, values))
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::stream::Stream;

    /// Levels by the decoder of the `png` crate.
    fn decoded(file: &[u8]) -> Vec<u8> {
        let mut reader = png::Decoder::new(io::Cursor::new(file)).read_info().unwrap();
        let mut levels = vec![0; reader.output_buffer_size().unwrap()];
        reader.next_frame(&mut levels).unwrap();
        levels
    }

    /// A plane with normal noise on it.
    fn noisy(size_px: usize, slope: f64, deviation: f64) -> Vec<u8> {
        let mut stream = Stream::root(1).item("image", size_px);
        let level =
            |i: usize| 100.0 + slope * (i % size_px + i / size_px) as f64 + deviation * stream.normal();
        (0..size_px * size_px).map(level).map(|level| level as u8).collect()
    }

    proptest! {
        /// From flat ones, all runs, to such as hardly have two equal bytes.
        #[test]
        fn any_image_is_read_as_it_was_written(
            size_px in 1..90usize, slope in -3.0..3.0, log_deviation in -4.0..6.0, deep in any::<bool>()
        ) {
            let side = if deep { 2 * (size_px / 2).max(1) } else { size_px };
            let levels = noisy(side, slope, f64::exp(log_deviation));
            // The same bytes as levels of two bytes each are as wide, and half as high.
            let (depth, size_px, levels) = if deep {
                (Depth::Sixteen, side / 2, &levels[..side * side / 2])
            } else {
                (Depth::Eight, side, &levels[..])
            };
            let file = encode(size_px, depth, levels, &[]).unwrap();
            prop_assert_eq!(decoded(&file), levels);
        }
    }

    /// Against the encoder of the `png` crate at its fastest, with the filter that it finds best row by row.
    #[test]
    fn files_are_no_larger_than_another_encoders() {
        for (slope, deviation) in [(0.0, 0.0), (0.1, 0.3), (0.3, 1.0), (0.0, 3.0), (0.0, 12.0)] {
            let levels = noisy(256, slope, deviation);
            let mut theirs = Vec::new();
            let mut encoder = png::Encoder::new(&mut theirs, 256, 256);
            encoder.set_color(png::ColorType::Grayscale);
            encoder.set_depth(png::BitDepth::Eight);
            encoder.set_compression(png::Compression::Fast);
            encoder.set_filter(png::Filter::Adaptive);
            encoder.write_header().unwrap().write_image_data(&levels).unwrap();
            let ours = encode(256, Depth::Eight, &levels, &[]).unwrap();
            println!("slope {slope}, deviation {deviation}: {} bytes, theirs {}", ours.len(), theirs.len());
            assert!(ours.len() < theirs.len() + 400, "{} {}", ours.len(), theirs.len());
        }
    }

    #[test]
    fn levels_survive_the_file() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("x.png");
        for depth in [Depth::Eight, Depth::Sixteen] {
            let values: Vec<u16> = (0..256u32).map(|i| (i * u32::from(depth.white()) / 255) as u16).collect();
            let image = Grey { size_px: 16, depth, values };
            std::fs::write(&path, grey(&image).unwrap()).unwrap();
            let (size_px, read) = read_grey(&path).unwrap();
            assert_eq!(size_px, 16);
            for (level, value) in image.values.iter().zip(&read) {
                assert_eq!((value * f32::from(depth.white())).round() as u16, *level);
            }
        }
        std::fs::write(&path, b"no image").unwrap();
        let error = read_grey(&path).unwrap_err().to_string();
        assert!(error.contains("x.png is damaged"), "{error}");
    }
}
