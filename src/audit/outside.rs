//! Probes of the image outside the defect: mean and histogram of what the defect cannot have reached.
//!
//! Image and twin are looked at outside the same region, so that its place and size are no clue: the footprints of the
//! episode up to this layer, since heat stays, widened by how far heat spreads and by what the camera's blur carries. Where a footprint leaves
//! less than [`LEAST_SHARE`] of the image free, as one of the whole layer does, there is no outside to speak of.

use std::ops::Range;

use generators::dataset::Row;
use generators::gaussian::reach_px;
use generators::thermal::spread::Spread;

use super::Probe;
use super::images::Measured;
use crate::representations::Matrix;

/// Least share of the image that has to be free.
const LEAST_SHARE: f64 = 0.05;
/// Equal steps from black to white in the histogram.
const BINS: usize = 16;
/// Numbers that [`measure`] gives.
const NUMBERS: usize = 1 + BINS;

/// The pixels of the surface that an episode's defect may have changed so far.
pub struct Footprint {
    size_px: usize,
    px_per_mm: f64,
    pixels: Vec<bool>,
    layer: Option<u32>,
}

impl Footprint {
    /// Before the episode: none.
    pub fn new(size_px: usize, px_per_mm: f64) -> Self {
        Self { size_px, px_per_mm, pixels: vec![false; size_px * size_px], layer: None }
    }

    /// Goes on to the layer of `row`, whose own footprint is `mask`: heat of the layers before has spread.
    pub fn grow(&mut self, row: &Row, mask: &[f32]) {
        let number = |name: &str| row.parameters.get(name).copied().unwrap_or(0.0);
        let spread = Spread {
            diffusivity_mm2_per_s: number("thermal.spread.diffusivity_mm2_per_s"),
            layer_secs: number("thermal.spread.layer_secs"),
        };
        let layers = self.layer.map_or(0, |before| row.layer.saturating_sub(before) as usize);
        // Wider than the image is everything.
        let reach_px = spread.reach_px(self.px_per_mm).min(self.size_px) * layers;
        self.pixels = widened(&self.pixels, self.size_px, reach_px);
        self.pixels.iter_mut().zip(mask).for_each(|(hit, m)| *hit |= *m > 0.0);
        self.layer = Some(row.layer);
    }

    /// True for the pixels of the image of `row` that the camera's blur carries none of it to.
    pub fn outside(&self, row: &Row) -> Vec<bool> {
        let blur_px = row.parameters.get("camera.blur_px").copied().unwrap_or(0.0);
        let reach_px = reach_px(blur_px).min(self.size_px);
        widened(&self.pixels, self.size_px, reach_px).into_iter().map(|hit| !hit).collect()
    }
}

/// The pixels within `reach_px`, along a row and along a column, of one of `pixels`.
fn widened(pixels: &[bool], size_px: usize, reach_px: usize) -> Vec<bool> {
    let along = |from: &[bool], at: &dyn Fn(usize, usize) -> usize| {
        let mut to = from.to_vec();
        for line in 0..size_px {
            let mut free_from = 0;
            for place in (0..size_px).filter(|&place| from[at(line, place)]) {
                let (low, high) = (place.saturating_sub(reach_px), (place + reach_px + 1).min(size_px));
                (low.max(free_from)..high).for_each(|p| to[at(line, p)] = true);
                free_from = high;
            }
        }
        to
    };
    // A square is reached along the rows first and then along the columns.
    let rows = along(pixels, &|line, place| line * size_px + place);
    along(&rows, &|line, place| place * size_px + line)
}

/// Mean and histogram of `image` where `outside`; not numbers where that is too little.
pub fn measure(image: &[f32], outside: &[bool]) -> Vec<f32> {
    let free: Vec<f32> = image.iter().zip(outside).filter(|(_, free)| **free).map(|(v, _)| *v).collect();
    if (free.len() as f64) < LEAST_SHARE * image.len() as f64 || free.is_empty() {
        return vec![f32::NAN; NUMBERS];
    }
    let mean = free.iter().copied().map(f64::from).sum::<f64>() / free.len() as f64;
    let histogram = histogram(free.iter().copied(), BINS);
    [mean as f32].into_iter().chain(histogram).collect()
}

/// The share of the grey values in each of `bins` equal steps from black to white.
pub fn histogram(values: impl Iterator<Item = f32>, bins: usize) -> Vec<f32> {
    let (mut counts, mut all) = (vec![0.0f64; bins], 0.0);
    for value in values {
        // `as` cuts at 0 and turns what is not a number into 0.
        counts[((value * bins as f32) as usize).min(bins - 1)] += 1.0;
        all += 1.0;
    }
    counts.iter().map(|n| (n / f64::max(all, 1.0)) as f32).collect()
}

/// The probes, from what [`measure`] gave.
pub fn probes(measured: &[Measured]) -> Vec<Probe> {
    let probe = |name, numbers: Range<usize>| Probe {
        name,
        twins: [0, 1].map(|member| {
            let values = measured.iter().flat_map(|pair| &pair.outside[member][numbers.clone()]).copied();
            Matrix::new(measured.len(), numbers.len(), values.collect())
        }),
        // The regions of defects differ in place and size, and what is outside them differs with them.
        layer: None,
    };
    vec![probe("mean outside the mask", 0..1), probe("histogram outside the mask", 1..NUMBERS)]
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_reached_is_a_square_around_every_pixel() {
        let n = 12;
        let mut footprint = vec![false; n * n];
        for at in [0, 2 * n + 7, 2 * n + 8, 11 * n + 3] {
            footprint[at] = true;
        }
        for reach in 0..5 {
            let near = |i: usize, k: usize| {
                (i / n).abs_diff(k / n) <= reach && (i % n).abs_diff(k % n) <= reach && footprint[k]
            };
            let expected: Vec<bool> = (0..n * n).map(|i| (0..n * n).any(|k| near(i, k))).collect();
            assert_eq!(widened(&footprint, n, reach), expected, "{reach}");
        }
    }

    #[test]
    fn numbers_by_hand_and_none_where_nothing_is_free() {
        let image = [0.0, 0.5, 1.0, 0.25];
        let measured = measure(&image, &[true, true, true, false]);
        assert_eq!(measured[0], 0.5);
        let third = (1.0f64 / 3.0) as f32;
        let bins: Vec<usize> = (0..BINS).filter(|&b| measured[1 + b] == third).collect();
        assert_eq!(bins, [0, 8, 15]);
        assert!(measure(&image, &[false; 4]).iter().all(|v| v.is_nan()));
    }
}
