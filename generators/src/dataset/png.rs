//! Grey PNG files.

use std::path::Path;

use image::codecs::png::{CompressionType, FilterType, PngEncoder};
use image::{ColorType, DynamicImage, ExtendedColorType, ImageEncoder, ImageReader};

use super::DatasetError;
use crate::camera::{Depth, Grey, bytes};
use crate::layer::{Field, Mask};

/// The image with 8 or 16 bits per pixel.
pub fn grey(image: &Grey) -> image::ImageResult<Vec<u8>> {
    match image.depth {
        Depth::Eight => {
            let bytes: Vec<u8> = image.values.iter().map(|&v| v as u8).collect();
            encode(image.size_px, &bytes, ExtendedColorType::L8, FilterType::Adaptive)
        }
        Depth::Sixteen => {
            let bytes: Vec<u8> = image.values.iter().flat_map(|v| v.to_ne_bytes()).collect();
            encode(image.size_px, &bytes, ExtendedColorType::L16, FilterType::Adaptive)
        }
    }
}

/// 255 in the footprint and 0 elsewhere.
pub fn mask(mask: &Mask) -> image::ImageResult<Vec<u8>> {
    let bytes: Vec<u8> = mask.pixels.iter().map(|&p| if p { 255 } else { 0 }).collect();
    encode(mask.size_px, &bytes, ExtendedColorType::L8, FilterType::Up)
}

/// 0 to 1 as 0 to 255.
pub fn share(field: &Field) -> image::ImageResult<Vec<u8>> {
    encode(field.size_px, &bytes(field), ExtendedColorType::L8, FilterType::Up)
}

fn encode(
    size_px: usize,
    bytes: &[u8],
    colour: ExtendedColorType,
    filter: FilterType,
) -> image::ImageResult<Vec<u8>> {
    let mut file = Vec::with_capacity(bytes.len() + 128);
    let encoder = PngEncoder::new_with_quality(&mut file, CompressionType::Fast, filter);
    encoder.write_image(bytes, size_px as u32, size_px as u32, colour)?;
    Ok(file)
}

/// Reads a square image: pixels along one side, and grey values from 0 to 1, row by row from the
/// top left.
///
/// # Errors
/// A file that is missing, no image, or not square.
pub fn read_grey(path: &Path) -> Result<(usize, Vec<f32>), DatasetError> {
    let bytes = std::fs::read(path).map_err(DatasetError::io("read", path))?;
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
    use super::*;

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
