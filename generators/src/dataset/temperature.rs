//! Images in degrees Celsius: what the camera's sensor read, before it became grey levels.
//!
//! That is after every stage of the process, blur, vignette, pattern and noise, and before gain, offset, cut and
//! quantisation: [`Camera::observe`](crate::camera::Camera::observe). `[dataset] temperature` asks for them.
//!
//! An image that a fault spoilt has none: faults act on grey levels, on the way from the sensor or in front of it, and
//! what a sound sensor would have read does not belong to what was delivered.

use std::io;

use serde::{Deserialize, Serialize};

use super::{names, png, tiff};
use crate::camera::Depth;
use crate::layer::Field;

/// How temperatures are written; stands in the manifest.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(tag = "encoding", rename_all = "lowercase")]
pub enum Temperature {
    /// TIFF of one 32-bit float per pixel, in degrees Celsius.
    Tiff,
    /// PNG of 16 bits per pixel: degrees Celsius are `offset_c + scale_c * level`. What lies outside is cut.
    Png16 {
        /// The temperature of level 0.
        offset_c: f64,
        /// Degrees from one level to the next.
        scale_c: f64,
    },
}

impl Temperature {
    /// What `[dataset] temperature` may be.
    pub(crate) const NAMES: [&str; 3] = ["none", "tiff", "png16"];

    /// The encoding at `index` of [`Temperature::NAMES`]. The levels of PNG files span three times
    /// `range_c`, the camera's range, which lies in the middle: what is black or white to the camera is
    /// seen, too.
    pub(crate) fn named(index: usize, range_c: [f64; 2]) -> Option<Self> {
        let [low, high] = range_c;
        let span_c = high - low;
        match index {
            1 => Some(Self::Tiff),
            2 => Some(Self::Png16 { offset_c: low - span_c, scale_c: 3.0 * span_c / f64::from(u16::MAX) }),
            _ => None,
        }
    }

    /// The file of the temperatures of an image: `temperature/test/good/job0012_layer0034.tiff`.
    pub(super) fn file(&self, image: &str) -> String {
        let stem = image.strip_suffix(".png").unwrap_or(image);
        let ending = match self {
            Self::Tiff => "tiff",
            Self::Png16 { .. } => "png",
        };
        format!("{}/{stem}.{ending}", names::TEMPERATURE)
    }

    /// About how many bytes of a file a pixel takes: of a level's sixteen bits, noise fills some ten.
    pub(crate) fn pixel_bytes(&self) -> f64 {
        match self {
            Self::Tiff => 4.0,
            Self::Png16 { .. } => 1.3,
        }
    }

    /// The bytes of a file that holds `celsius`.
    pub(super) fn encode(&self, celsius: &Field) -> io::Result<Vec<u8>> {
        match *self {
            Self::Tiff => tiff::encode(celsius, "degrees Celsius"),
            Self::Png16 { offset_c, scale_c } => png16(celsius, offset_c, scale_c),
        }
    }
}

/// A PNG file whose text chunks `offset_c` and `scale_c` say what its levels mean.
fn png16(celsius: &Field, offset_c: f64, scale_c: f64) -> io::Result<Vec<u8>> {
    // `as` cuts at the ends.
    let level = |&c: &f32| ((f64::from(c) - offset_c) / scale_c).round() as u16;
    let levels: Vec<u8> = celsius.values.iter().flat_map(|c| level(c).to_be_bytes()).collect();
    let texts = [
        ("Description", "degrees Celsius are offset_c + scale_c * level".to_owned()),
        ("offset_c", offset_c.to_string()),
        ("scale_c", scale_c.to_string()),
    ];
    png::encode(celsius.size_px, Depth::Sixteen, &levels, &texts)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn levels_stand_for_temperatures_to_half_a_step() {
        let encoding = Temperature::named(2, [20.0, 90.0]).unwrap();
        let Temperature::Png16 { offset_c, scale_c } = encoding.clone() else { panic!("{encoding:?}") };
        assert_eq!(offset_c, -50.0);
        let celsius =
            Field { size_px: 3, values: vec![-80.0, -50.0, 0.0, 19.99, 43.21, 90.0, 159.9, 160.0, 1e6] };
        let file = encoding.encode(&celsius).unwrap();
        let mut reader = ::png::Decoder::new(io::Cursor::new(&file)).read_info().unwrap();
        let texts: Vec<(String, String)> = reader
            .info()
            .uncompressed_latin1_text
            .iter()
            .map(|t| (t.keyword.clone(), t.text.clone()))
            .collect();
        assert_eq!(texts[1], ("offset_c".to_owned(), "-50".to_owned()));
        assert_eq!(texts[2].0, "scale_c");
        assert_eq!(texts[2].1.parse(), Ok(scale_c));
        let mut bytes = vec![0; reader.output_buffer_size().unwrap()];
        reader.next_frame(&mut bytes).unwrap();
        for (c, level) in celsius.values.iter().zip(bytes.chunks(2)) {
            let read_c = offset_c + scale_c * f64::from(u16::from_be_bytes([level[0], level[1]]));
            let expected = f64::from(*c).clamp(-50.0, 160.0);
            assert!((read_c - expected).abs() <= 0.5 * scale_c + 1e-9, "{read_c} {expected}");
        }
    }
}
