//! The colours of the report, chosen to be told apart by colour-blind readers too.

/// Red, green and blue, 0 to 255.
pub type Rgb = [u8; 3];

/// Text and axes.
pub const INK: Rgb = [0x1c, 0x24, 0x2b];
/// Secondary text.
pub const MUTED: Rgb = [0x5a, 0x66, 0x70];
/// Grid lines.
pub const GRID: Rgb = [0xe3, 0xe7, 0xea];
/// Healthy images, everywhere.
pub const HEALTHY: Rgb = [0x8b, 0x95, 0x9e];
/// Outline of a defect's footprint over a thermal image.
pub const OUTLINE: Rgb = [0x3d, 0xf5, 0xe6];
/// The same over an anomaly map.
pub const OUTLINE_ON_MAP: Rgb = [0xff, 0xff, 0xff];
/// What a detector finds strange, over a thermal image.
pub const ANOMALY: Rgb = [0xff, 0x6a, 0x00];

/// Okabe and Ito, "Color Universal Design" (2008), without black and yellow (too pale on white),
/// the darker hues first.
const DEFECTS: [Rgb; 6] = [
    [0x00, 0x72, 0xb2],
    [0xd5, 0x5e, 0x00],
    [0x00, 0x9e, 0x73],
    [0xcc, 0x79, 0xa7],
    [0xe6, 0x9f, 0x00],
    [0x56, 0xb4, 0xe9],
];

/// The colour of the defect at `index` of the dataset's list. Beyond six it repeats, darker; labels
/// in the figures carry the names.
pub fn defect(index: usize) -> Rgb {
    let base = DEFECTS[index % DEFECTS.len()];
    let darker = 0.62f64.powi((index / DEFECTS.len()) as i32);
    base.map(|c| (f64::from(c) * darker).round() as u8)
}

/// `#rrggbb`.
pub fn hex([r, g, b]: Rgb) -> String {
    format!("#{r:02x}{g:02x}{b:02x}")
}

/// A perceptually uniform colour scale, dark to bright.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Scale {
    /// For temperature.
    Inferno,
    /// For how strange or how changed a pixel is.
    Viridis,
}

impl Scale {
    /// The colour at `t`, 0 to 1; values beyond are clamped, what is no number is black.
    ///
    /// Sixth-degree polynomials fitted to matplotlib's tables of the same names (Smith and van der
    /// Walt, CC0), coefficients by Matt Zucker (2019, CC0); the error is below 2 %.
    pub fn at(self, t: f64) -> Rgb {
        if t.is_nan() {
            return [0; 3];
        }
        let t = t.clamp(0.0, 1.0);
        let coefficients = match self {
            Self::Inferno => &INFERNO,
            Self::Viridis => &VIRIDIS,
        };
        std::array::from_fn(|channel| {
            let value = coefficients.iter().rev().fold(0.0, |sum, c| sum * t + c[channel]);
            (value.clamp(0.0, 1.0) * 255.0).round() as u8
        })
    }
}

const INFERNO: [[f64; 3]; 7] = [
    [0.000_218_940_4, 0.001_651_004_6, -0.019_480_898_4],
    [0.106_513_419_5, 0.563_956_436_8, 3.932_712_388_9],
    [11.602_493_082_5, -3.972_853_965_7, -15.942_394_106_3],
    [-41.703_996_131_4, 17.436_398_882_1, 44.354_145_198_7],
    [77.162_935_699_4, -33.402_358_942_1, -81.807_309_257_4],
    [-71.319_428_245_0, 32.626_064_264_0, 73.209_519_858_0],
    [25.131_126_224_8, -12.242_668_952_4, -23.070_325_002_9],
];

const VIRIDIS: [[f64; 3]; 7] = [
    [0.277_727_327_2, 0.005_407_344_5, 0.334_099_805_3],
    [0.105_093_043_1, 1.404_613_529_9, 1.384_590_162_6],
    [-0.330_861_828_7, 0.214_847_559_5, 0.095_095_163_0],
    [-4.634_230_499_0, -5.799_100_973_4, -19.332_440_956_3],
    [6.228_269_936_3, 14.179_933_366_8, 56.690_552_600_7],
    [4.776_384_997_7, -13.745_145_377_7, -65.353_032_633_4],
    [-5.435_455_855_9, 4.645_852_612_2, 26.312_435_249_6],
];

/// The background of a table cell that holds a rate whose chance level is 0.5: white at chance,
/// deepening to teal at 1, to orange below chance.
pub fn cell(rate: f64) -> Rgb {
    const STOPS: [(f64, Rgb); 6] = [
        (0.0, [0xb8, 0x50, 0x1e]),
        (0.5, [0xfa, 0xfa, 0xf8]),
        (0.7, [0xd3, 0xe8, 0xea]),
        (0.85, [0x83, 0xbf, 0xc7]),
        (0.95, [0x2f, 0x87, 0x97]),
        (1.0, [0x0b, 0x53, 0x63]),
    ];
    let rate = if rate.is_nan() { 0.5 } else { rate.clamp(0.0, 1.0) };
    let above = STOPS.iter().position(|&(at, _)| rate <= at).unwrap_or(STOPS.len() - 1).max(1);
    let ((from, low), (to, high)) = (STOPS[above - 1], STOPS[above]);
    let t = (rate - from) / (to - from);
    std::array::from_fn(|i| (f64::from(low[i]) * (1.0 - t) + f64::from(high[i]) * t).round() as u8)
}

/// Dark or white text, whichever stands out more from `background`.
pub fn text_on(background: Rgb) -> Rgb {
    const DARK: Rgb = [0x06, 0x0a, 0x0d];
    let white = [255; 3];
    if contrast(background, DARK) >= contrast(background, white) { DARK } else { white }
}

/// Contrast ratio of two colours, 1 to 21 (WCAG 2.1).
fn contrast(a: Rgb, b: Rgb) -> f64 {
    let luminance = |c: Rgb| {
        let [r, g, b] = c.map(|v| {
            let v = f64::from(v) / 255.0;
            if v <= 0.040_45 { v / 12.92 } else { ((v + 0.055) / 1.055).powf(2.4) }
        });
        0.2126 * r + 0.7152 * g + 0.0722 * b
    };
    let (x, y) = (luminance(a), luminance(b));
    (x.max(y) + 0.05) / (x.min(y) + 0.05)
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Entries 0, 128 and 255 of matplotlib 3's tables.
    #[test]
    fn scales_follow_matplotlib() {
        let tables = [
            (Scale::Inferno, [[0.0015, 0.0005, 0.0139], [0.7357, 0.2159, 0.3302], [0.9884, 0.9984, 0.6449]]),
            (Scale::Viridis, [[0.2670, 0.0049, 0.3294], [0.1276, 0.5669, 0.5506], [0.9932, 0.9062, 0.1439]]),
        ];
        for (scale, entries) in tables {
            for (t, expected) in [0.0, 128.0 / 255.0, 1.0].into_iter().zip(entries) {
                let found = scale.at(t).map(|c| f64::from(c) / 255.0);
                for (f, e) in found.into_iter().zip(expected) {
                    assert!((f - e).abs() < 0.021, "{scale:?} at {t}: {found:?}, not {expected:?}");
                }
            }
        }
    }

    #[test]
    fn text_is_legible_on_every_cell() {
        for i in 0..=1000 {
            let background = cell(f64::from(i) / 1000.0);
            assert!(contrast(background, text_on(background)) >= 4.3, "{i} {background:?}");
        }
        assert!(contrast([255; 3], MUTED) > 5.5);
    }

    #[test]
    fn defects_differ_from_each_other_and_from_healthy() {
        let all: Vec<_> = (0..12).map(defect).chain([HEALTHY]).collect();
        for (i, a) in all.iter().enumerate() {
            assert!(all[..i].iter().all(|b| a != b), "{a:?} twice");
        }
    }
}
