//! One layer as the process leaves it: the state that textures paint and defects change.

use std::ops::RangeInclusive;

/// Temperatures in degrees Celsius that a scenario may name.
pub const CELSIUS: RangeInclusive<f64> = -273.15..=10_000.0;

/// A square image of one number per pixel, row by row from the top left.
#[derive(Clone, Debug, PartialEq)]
pub struct Field {
    /// Pixels along one side.
    pub size_px: usize,
    /// `size_px * size_px` values.
    pub values: Vec<f32>,
}

impl Field {
    /// The same value everywhere.
    pub fn constant(size_px: usize, value: f32) -> Self {
        Self { size_px, values: vec![value; size_px * size_px] }
    }

    /// The field whose rows `paint` writes, one after the other from the top; it is given each row's number.
    pub fn by_rows(size_px: usize, mut paint: impl FnMut(usize, &mut [f32])) -> Self {
        let mut values = Vec::with_capacity(size_px * size_px);
        let mut row_values = vec![0.0; size_px];
        for row in 0..size_px {
            paint(row, &mut row_values);
            values.extend_from_slice(&row_values);
        }
        Self { size_px, values }
    }

    /// The sum of all values, in eight interleaved parts: one after the other would take long.
    pub fn sum(&self) -> f64 {
        let mut parts = [0.0f64; 8];
        let (blocks, rest) = self.values.as_chunks::<8>();
        for block in blocks {
            for (part, &value) in parts.iter_mut().zip(block) {
                *part += f64::from(value);
            }
        }
        parts.iter().sum::<f64>() + rest.iter().copied().map(f64::from).sum::<f64>()
    }
}

/// A set of pixels of a square image.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Mask {
    /// Pixels along one side.
    pub size_px: usize,
    /// `size_px * size_px` flags, row by row from the top left.
    pub pixels: Vec<bool>,
}

impl Mask {
    /// No pixel.
    pub fn empty(size_px: usize) -> Self {
        Self { size_px, pixels: vec![false; size_px * size_px] }
    }

    /// The pixels in which two fields differ.
    ///
    /// # Panics
    /// Where the fields differ in size.
    pub fn difference(a: &Field, b: &Field) -> Self {
        assert_eq!(a.size_px, b.size_px);
        let pixels = a.values.iter().zip(&b.values).map(|(x, y)| x != y).collect();
        Self { size_px: a.size_px, pixels }
    }

    /// Diameter in px of the disc of the set's area.
    pub fn diameter_px(&self) -> f64 {
        (4.0 * self.count() as f64 / std::f64::consts::PI).sqrt()
    }

    /// How many pixels are in the set.
    pub fn count(&self) -> usize {
        self.pixels.iter().filter(|&&p| p).count()
    }
}

/// How pixels and millimetres relate: the camera sees the bed from `(0, 0)` to
/// `(size_px / px_per_mm, ...)`, x to the right, y upwards, so that row 0 is the far edge.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Frame {
    /// Pixels along one side of the square image.
    pub size_px: usize,
    /// Pixels per millimetre.
    pub px_per_mm: f64,
}

impl Frame {
    /// The centre of the pixel at `index` of a [`Field`], in millimetres.
    pub fn centre_mm(&self, index: usize) -> [f64; 2] {
        let (row, column) = (index / self.size_px, index % self.size_px);
        let size = self.size_px as f64;
        [(column as f64 + 0.5) / self.px_per_mm, (size - row as f64 - 0.5) / self.px_per_mm]
    }

    /// The side of the square that the camera sees, in millimetres.
    pub fn side_mm(&self) -> f64 {
        self.size_px as f64 / self.px_per_mm
    }
}

/// One layer after recoating and printing, before heat has spread and the camera has looked.
///
/// The print head travels along x, the recoater along y.
#[derive(Clone, Debug, PartialEq)]
pub struct Layer {
    /// Pixels and millimetres.
    pub frame: Frame,
    /// Number of the layer in its job, from 0.
    pub index: usize,
    /// Printed share of each pixel, 0 to 1, antialiased at the contour: the nominal slice.
    pub coverage: Field,
    /// The bed's surface temperature in degrees Celsius, painted over the whole image.
    pub bed_c: Field,
    /// The part's surface temperature in degrees Celsius, painted over the whole image.
    pub part_c: Field,
    /// What the surface shows: `part_c` where printed and `bed_c` elsewhere, mixed by coverage.
    /// Defects change this.
    pub temperature_c: Field,
}

impl Layer {
    /// Has `bed` and `part` write their rows from the top, and lays the part over the bed while both are at hand.
    pub fn paint(
        frame: Frame,
        index: usize,
        coverage: Field,
        mut bed: impl FnMut(usize, &mut [f32]),
        mut part: impl FnMut(usize, &mut [f32]),
    ) -> Self {
        let n = frame.size_px;
        let [mut bed_c, mut part_c, mut temperature_c] = [(); 3].map(|()| Vec::with_capacity(n * n));
        let [mut bed_row, mut part_row] = [(); 2].map(|()| vec![0.0; n]);
        for (row, shares) in coverage.values.chunks_exact(n.max(1)).enumerate() {
            bed(row, &mut bed_row);
            part(row, &mut part_row);
            temperature_c.extend(mixed(shares, &bed_row, &part_row));
            bed_c.extend_from_slice(&bed_row);
            part_c.extend_from_slice(&part_row);
        }
        let [bed_c, part_c, temperature_c] =
            [bed_c, part_c, temperature_c].map(|values| Field { size_px: n, values });
        Self { frame, index, coverage, bed_c, part_c, temperature_c }
    }

    /// Lays the painted part over the painted bed.
    ///
    /// # Panics
    /// Where the fields differ in size.
    pub fn compose(frame: Frame, index: usize, coverage: Field, bed_c: Field, part_c: Field) -> Self {
        let temperature_c = mix(&coverage, &bed_c, &part_c);
        Self { frame, index, coverage, bed_c, part_c, temperature_c }
    }

    /// Standard deviation in degrees of the healthy texture in the pixels of `mask`: the pooled
    /// deviation of the bed's and the part's texture, each weighted by how much of `mask` shows it.
    /// It is measured over all that is visible of each material in this layer, since a footprint of
    /// few pixels has no deviation of its own. 0 where `mask` is empty.
    pub fn texture_deviation_c(&self, mask: &Mask) -> f64 {
        let printed = |i: usize| f64::from(self.coverage.values[i]);
        let (bed, part) = (deviation(&self.bed_c, |i| 1.0 - printed(i)), deviation(&self.part_c, printed));
        let (mut weight, mut variance) = (0.0, 0.0);
        for i in (0..mask.pixels.len()).filter(|&i| mask.pixels[i]) {
            variance += printed(i) * part * part + (1.0 - printed(i)) * bed * bed;
            weight += 1.0;
        }
        if weight > 0.0 { (variance / weight).sqrt() } else { 0.0 }
    }
}

/// `part` where `coverage` is 1, `bed` where it is 0, in between at the contour.
///
/// # Panics
/// Where the fields differ in size.
pub fn mix(coverage: &Field, bed: &Field, part: &Field) -> Field {
    assert!(coverage.size_px == bed.size_px && bed.size_px == part.size_px);
    let values = mixed(&coverage.values, &bed.values, &part.values).collect();
    Field { size_px: bed.size_px, values }
}

fn mixed(shares: &[f32], beds: &[f32], parts: &[f32]) -> impl Iterator<Item = f32> {
    beds.iter().zip(parts).zip(shares).map(|((bed, part), share)| bed + share * (part - bed))
}

fn deviation(field: &Field, weight: impl Fn(usize) -> f64) -> f64 {
    let (mut total, mut sum) = (0.0, 0.0);
    for (i, &value) in field.values.iter().enumerate() {
        total += weight(i);
        sum += weight(i) * f64::from(value);
    }
    if total <= 0.0 {
        return 0.0;
    }
    let mean = sum / total;
    let squares: f64 =
        field.values.iter().enumerate().map(|(i, &v)| weight(i) * (f64::from(v) - mean).powi(2)).sum();
    (squares / total).sqrt()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn deviation_pools_the_materials_that_the_mask_shows() {
        let frame = Frame { size_px: 4, px_per_mm: 1.0 };
        let coverage = Field { size_px: 4, values: (0..16).map(|i| if i < 8 { 1.0 } else { 0.0 }).collect() };
        let wave = |amplitude: f32| Field {
            size_px: 4,
            values: (0..16).map(|i| if i % 2 == 0 { amplitude } else { -amplitude }).collect(),
        };
        let layer = Layer::compose(frame, 0, coverage, wave(1.0), wave(3.0));
        let mask =
            |pixels: &[usize]| Mask { size_px: 4, pixels: (0..16).map(|i| pixels.contains(&i)).collect() };
        assert_eq!(layer.texture_deviation_c(&mask(&[0, 1])), 3.0);
        assert_eq!(layer.texture_deviation_c(&mask(&[8])), 1.0);
        assert_eq!(layer.texture_deviation_c(&mask(&[0, 8])), 5f64.sqrt());
        assert_eq!(layer.texture_deviation_c(&mask(&[])), 0.0);
    }
}
