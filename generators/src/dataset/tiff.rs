//! TIFF files of one 32-bit float per pixel (TIFF 6.0, sections 2, 8 and 19): one strip, no compression.

use std::io;

use crate::layer::Field;

/// Bytes before the pixels.
const HEADER: u32 = 8;

/// `field` as a TIFF file, with what its numbers mean.
///
/// # Errors
/// Pixels of more than 4 GiB, for which the format has no room.
pub fn encode(field: &Field, meaning: &str) -> io::Result<Vec<u8>> {
    let room = |bytes: usize| u32::try_from(bytes).map_err(io::Error::other);
    let (side_px, pixels) = (room(field.size_px)?, room(4 * field.values.len())?);
    let directory = HEADER + pixels;
    let meaning = format!("{meaning}\0");
    // Tag, type (2 text, 3 short, 4 long), count, value. Texts of more than 4 bytes lie behind the directory.
    const ENTRIES: u32 = 11;
    let behind = directory + 2 + 12 * ENTRIES + 4;
    let entries: [(u16, u16, u32, u32); ENTRIES as usize] = [
        (256, 4, 1, side_px),                   // width
        (257, 4, 1, side_px),                   // length
        (258, 3, 1, 32),                        // bits per sample
        (259, 3, 1, 1),                         // no compression
        (262, 3, 1, 1),                         // black is the lower end
        (270, 2, room(meaning.len())?, behind), // description
        (273, 4, 1, HEADER),                    // where the strip begins
        (277, 3, 1, 1),                         // samples per pixel
        (278, 4, 1, side_px),                   // rows in the strip
        (279, 4, 1, pixels),                    // its bytes
        (339, 3, 1, 3),                         // samples are IEEE floats
    ];
    let mut file = Vec::with_capacity(behind as usize + meaning.len());
    file.extend(b"II*\0");
    file.extend(directory.to_le_bytes());
    file.extend(field.values.iter().flat_map(|value| value.to_le_bytes()));
    file.extend((ENTRIES as u16).to_le_bytes());
    for (tag, kind, count, value) in entries {
        file.extend(tag.to_le_bytes());
        file.extend(kind.to_le_bytes());
        file.extend(count.to_le_bytes());
        file.extend(value.to_le_bytes());
    }
    file.extend([0; 4]);
    file.extend(meaning.into_bytes());
    Ok(file)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_directory_follows_the_pixels() {
        let field = Field { size_px: 2, values: vec![20.0, -1.5, 1e6, 0.1] };
        let file = encode(&field, "degrees Celsius").unwrap();
        let number = |at: usize| u32::from_le_bytes(file[at..at + 4].try_into().unwrap());
        assert_eq!(number(4), 8 + 16);
        assert_eq!(f32::from_bits(number(8 + 4)), -1.5);
        assert_eq!(&file[file.len() - 16..], b"degrees Celsius\0");
        assert_eq!(file.len(), 24 + 2 + 11 * 12 + 4 + 16);
    }
}
