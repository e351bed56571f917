//! What the images of a folder, or of one sequence, have in common.
//!
//! A camera that stays where it is sees the same shading, the same differences between its sensor elements, and the same machine
//! in every image. None of that is texture. The images are read twice for it, one after the other: first the shading is
//! fitted ([`shading`](super::shading)), and then what remains is averaged over the first half of the images and over the second. What
//! the halves agree in is shared; each image is then rid of the mean of the half that it is not in, so that nothing of
//! itself is taken from it.

use std::path::PathBuf;

use rayon::prelude::*;

use super::measure::{self, Plain};
use super::photo::Photo;
use super::range::median;
use super::shading::{self, Cells, Shading};
use super::variogram::Variogram;
use super::{CalibrateError, Scale, noise};
use crate::camera::pattern::Pattern;

/// Fewer images than this do not tell what they share from what each of them shows.
pub const LEAST_IMAGES: usize = 8;
/// A pixel is known where so many images of either half show it.
const LEAST_SEEN: u32 = 4;
/// As many images are in memory at a time.
pub const AT_ONCE: usize = 16;
/// The halves agree where this share of what they average is the same in both.
const AGREE: f64 = 0.5;
/// A pattern is told where it is so many standard errors above nothing.
const CERTAIN: f64 = 3.0;
/// What is so many deviations away from the rest stands in the picture: a part of the machine.
const OUTLYING: f64 = 5.0;
/// Autocorrelation of 1 -2 1, squared and summed over all distances, over the square at none: products of neighbours are not
/// independent, and the variance of their mean is greater by this along one axis.
const OVERLAP: f64 = 70.0 / 36.0;

/// What is common to the images of one group.
#[derive(Clone, Debug)]
pub struct Shared {
    /// How the light falls.
    pub shading: Shading,
    /// The sensor's pattern in degrees, where the images tell one.
    pub pattern: Option<Pattern<f64>>,
    /// Variance from place to place in degrees squared.
    pub variance: Variances,
    lowest_c: f64,
    /// What is left under the shading, where the halves agree.
    rest: Option<Rest>,
}

/// Variances from place to place in degrees squared.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct Variances {
    /// Of one image, in the mean.
    pub image_c2: f64,
    /// Of what all images show.
    pub shared_c2: f64,
    /// Of what the shading leaves of that.
    pub unshaded_c2: f64,
}

/// What all images show under the shading.
#[derive(Clone, Debug)]
struct Rest {
    /// Its mean over each half in degrees; no number where it is unknown or a part of the machine.
    halves_c: [Vec<f32>; 2],
    /// How often the images of a half are fewer than half of all; the first so many images are in the first half.
    first_half: usize,
    /// The error of one half's mean.
    error: Variogram,
    error_noise_c2: f64,
}

/// Sums over the images of one half.
struct Sums {
    raw_c: Vec<f64>,
    rest_c: Vec<f64>,
    count: Vec<u32>,
    image_c2: f64,
}

impl Shared {
    /// What the images in `files` share; `None` where they are too few or of different sizes.
    ///
    /// # Errors
    /// An image that cannot be read.
    pub fn measure(files: &[PathBuf], scale: &Scale) -> Result<Option<Self>, CalibrateError> {
        if files.len() < LEAST_IMAGES {
            return Ok(None);
        }
        let first_half = files.len() / 2;
        let (first, second) = files.split_at(first_half);
        let lowest_c = scale.range_c[0];
        let mut size_px = None;
        let mut cells: [Vec<Cells>; 2] = [Vec::new(), Vec::new()];
        for (half, files) in [first, second].into_iter().enumerate() {
            for some in files.chunks(AT_ONCE) {
                let read = |file: &PathBuf| {
                    let photo = Photo::read(file, scale)?;
                    let insides = measure::interiors(&photo).1;
                    // One class alone: where there are two, what divides them is no shading.
                    let larger = insides.iter().max_by_key(|inside| inside.iter().filter(|&&is| is).count());
                    let cells = larger.map(|inside| Cells::measure(&photo, inside, lowest_c));
                    Ok(([photo.width, photo.height], cells))
                };
                for read in some.par_iter().map(read).collect::<Result<Vec<_>, CalibrateError>>()? {
                    if *size_px.get_or_insert(read.0) != read.0 {
                        return Ok(None);
                    }
                    cells[half].extend(read.1);
                }
            }
        }
        let shading = shading::fit([&cells[0], &cells[1]]);
        let mut shared =
            Self { shading, pattern: None, variance: Variances::default(), lowest_c, rest: None };
        let [width, height] = size_px.unwrap_or_default();
        let mut sums = [Sums::new(width * height), Sums::new(width * height)];
        for (sums, files) in sums.iter_mut().zip([first, second]) {
            for some in files.chunks(AT_ONCE) {
                let read = |file: &PathBuf| Photo::read(file, scale).map(|photo| shared.residual(&photo));
                let residuals = some.par_iter().map(read).collect::<Result<Vec<_>, CalibrateError>>()?;
                residuals.iter().for_each(|residual| sums.add(residual));
            }
        }
        let frame = Photo { width, height, celsius: Vec::new(), bits: 16 };
        shared.compare(&frame, &sums, first_half, files.len());
        Ok(Some(shared))
    }

    /// The image without what all share, and which of its pixels that leaves.
    pub fn remove(&self, photo: &Photo, number: usize) -> Plain {
        let unshaded = self.flattened(photo);
        let mut known = vec![true; photo.celsius.len()];
        let mut celsius = photo.celsius.clone();
        let mut error = None;
        if let Some(rest) = &self.rest {
            let other = &rest.halves_c[usize::from(number < rest.first_half)];
            for ((t, known), rest) in celsius.iter_mut().zip(&mut known).zip(other) {
                *known = rest.is_finite();
                *t -= if *known { *rest } else { 0.0 };
            }
            error = Some((rest.error.clone(), rest.error_noise_c2));
        }
        let photo = self.flattened(&Photo { celsius, ..*photo });
        let light = (0..known.len()).map(|i| self.shading.at(&photo, i) as f32).collect();
        Plain { unshaded, photo, known, light, error, slope: self.shading.slope, lowest_c: self.lowest_c }
    }

    /// Without the shading.
    fn flattened(&self, photo: &Photo) -> Photo {
        let signal = |(i, t): (usize, &f32)| {
            (self.lowest_c + (f64::from(*t) - self.lowest_c) / self.shading.at(photo, i)) as f32
        };
        Photo { celsius: photo.celsius.iter().enumerate().map(signal).collect(), ..*photo }
    }

    /// By pixel: what it deviates from the mean of its class, as it is and under the shading, as the sensor sees it.
    fn residual(&self, photo: &Photo) -> Vec<Option<[f64; 2]>> {
        let flat = self.flattened(photo);
        let (_, insides) = measure::interiors(&flat);
        let mut residual = vec![None; photo.celsius.len()];
        for inside in insides {
            let pixels = || (0..inside.len()).filter(|&i| inside[i]);
            let count = pixels().count().max(1) as f64;
            let mean = |of: &Photo| pixels().map(|i| f64::from(of.celsius[i])).sum::<f64>() / count;
            let (raw_c, flat_c) = (mean(photo), mean(&flat));
            for i in pixels() {
                let shaded = self.shading.at(photo, i);
                let rest_c = (f64::from(flat.celsius[i]) - flat_c) * shaded;
                residual[i] = Some([f64::from(photo.celsius[i]) - raw_c, rest_c]);
            }
        }
        residual
    }

    /// Sees in what the halves agree.
    fn compare(&mut self, frame: &Photo, sums: &[Sums; 2], first_half: usize, images: usize) {
        let seen = |i: usize| sums.iter().all(|s| s.count[i] >= LEAST_SEEN);
        let mean = |of: fn(&Sums) -> &Vec<f64>, half: usize| -> Vec<f64> {
            let sums = &sums[half];
            let at = |i: usize| if seen(i) { of(sums)[i] / f64::from(sums.count[i]) } else { f64::NAN };
            (0..sums.count.len()).map(at).collect()
        };
        let [raw, mut rest] = [(|s| &s.raw_c) as fn(&Sums) -> &Vec<f64>, |s| &s.rest_c]
            .map(|of| [0, 1].map(|half| mean(of, half)));
        let shared_c2 = covariance(&raw[0], &raw[1]);
        let unshaded_c2 = covariance(&rest[0], &rest[1]);
        self.variance = Variances {
            image_c2: sums.iter().map(|s| s.image_c2).sum::<f64>() / images as f64,
            shared_c2: shared_c2.max(0.0),
            unshaded_c2: unshaded_c2.clamp(0.0, shared_c2.max(0.0)),
        };
        mask_machine(&mut rest);
        self.pattern = pattern(frame, &rest);
        let agreement =
            unshaded_c2 / (covariance(&rest[0], &rest[0]) * covariance(&rest[1], &rest[1])).sqrt();
        if self.pattern.is_none() && (agreement.is_nan() || agreement < AGREE) {
            return;
        }
        let halves_c = rest.map(|half| half.into_iter().map(|t| t as f32).collect::<Vec<f32>>());
        // Half the squared difference of the two halves is the square of one's error.
        let difference = halves_c[0].iter().zip(&halves_c[1]).map(|(a, b)| (a - b) * 0.5f32.sqrt());
        let mut difference: Vec<f32> = difference.collect();
        let known: Vec<bool> = difference.iter().map(|d| d.is_finite()).collect();
        difference.iter_mut().zip(&known).filter(|(_, known)| !**known).for_each(|(d, _)| *d = 0.0);
        difference.iter_mut().enumerate().for_each(|(i, d)| *d /= self.shading.at(frame, i) as f32);
        let difference = Photo { celsius: difference, ..*frame };
        let error = Variogram::measure(&difference, &known, measure::farthest_px(frame));
        let error_noise_c2 = noise::variance_c2(&difference, &known).unwrap_or(0.0);
        self.rest = Some(Rest { halves_c, first_half, error, error_noise_c2 });
    }
}

impl Sums {
    fn new(pixels: usize) -> Self {
        Self { raw_c: vec![0.0; pixels], rest_c: vec![0.0; pixels], count: vec![0; pixels], image_c2: 0.0 }
    }

    fn add(&mut self, residual: &[Option<[f64; 2]>]) {
        let (mut squares, mut pixels) = (0.0, 0u32);
        for (i, residual) in residual.iter().enumerate() {
            let Some([raw_c, rest_c]) = residual else { continue };
            self.raw_c[i] += raw_c;
            self.rest_c[i] += rest_c;
            self.count[i] += 1;
            squares += raw_c * raw_c;
            pixels += 1;
        }
        self.image_c2 += squares / f64::from(pixels.max(1));
    }
}

/// The covariance of two fields where both are known.
fn covariance(a: &[f64], b: &[f64]) -> f64 {
    let both = || a.iter().zip(b).filter(|(a, b)| a.is_finite() && b.is_finite());
    let count = both().count().max(1) as f64;
    let (mean_a, mean_b) =
        (both().map(|p| p.0).sum::<f64>() / count, both().map(|p| p.1).sum::<f64>() / count);
    both().map(|(a, b)| (a - mean_a) * (b - mean_b)).sum::<f64>() / count
}

/// Forgets pixels that show something else than the rest do.
fn mask_machine(halves: &mut [Vec<f64>; 2]) {
    let both: Vec<f64> = halves[0].iter().zip(&halves[1]).map(|(a, b)| (a + b) / 2.0).collect();
    let Some(middle) = median(both.iter().copied()) else { return };
    let deviation = median(both.iter().map(|t| (t - middle).abs())).unwrap_or(0.0) / 0.6745;
    for half in halves {
        let outlying = |t: f64| (t - middle).abs() > OUTLYING * deviation;
        half.iter_mut().zip(&both).filter(|(_, t)| outlying(**t)).for_each(|(t, _)| *t = f64::NAN);
    }
}

/// The sensor's pattern: what the halves agree in from pixel to pixel, and from column to column. The filter
/// `1 -2 1` takes out everything smooth; along both axes it leaves 36 times the variance of single elements (as in
/// [`noise`]), and along the rows of the columns' means 6 times that of columns.
fn pattern(frame: &Photo, halves: &[Vec<f64>; 2]) -> Option<Pattern<f64>> {
    let (width, height) = (frame.width, frame.height);
    let second = |of: &[f64], i: usize, step: usize| of[i - step] - 2.0 * of[i] + of[i + step];
    let columns = |of: &Vec<f64>| -> Vec<f64> {
        let mean = |x: usize| {
            let known = (0..height).map(|y| of[y * width + x]).filter(|t| t.is_finite());
            let (sum, count) = known.fold((0.0, 0usize), |(sum, count), t| (sum + t, count + 1));
            // The mean of few rows is the texture's more than the column's.
            if 2 * count > height { sum / count as f64 } else { f64::NAN }
        };
        (0..width).map(mean).collect()
    };
    let pixels =
        (1..height.saturating_sub(1)).flat_map(|y| (1..width.saturating_sub(1)).map(move |x| y * width + x));
    let of_pixels = pixels.map(|i| {
        let twice = |of: &[f64]| second(of, i - width, 1) - 2.0 * second(of, i, 1) + second(of, i + width, 1);
        twice(&halves[0]) * twice(&halves[1]) / 36.0
    });
    let of_pixels = told(of_pixels, OVERLAP * OVERLAP);
    let columns = halves.each_ref().map(columns);
    let of_columns =
        (1..width.saturating_sub(1)).map(|x| second(&columns[0], x, 1) * second(&columns[1], x, 1) / 6.0);
    let of_columns = told(of_columns, OVERLAP);
    let of_mean = |pixel: f64| (of_columns.unwrap_or(0.0) - pixel / height as f64).max(0.0);
    (of_pixels.is_some() || of_columns.is_some()).then(|| Pattern {
        pixel_c: of_pixels.unwrap_or(0.0).sqrt(),
        column_c: of_mean(of_pixels.unwrap_or(0.0)).sqrt(),
    })
}

/// The mean of products, where it stands out from its error.
fn told(products: impl Iterator<Item = f64>, overlap: f64) -> Option<f64> {
    let known = products.filter(|p| p.is_finite());
    let (sum, squares, count) = known.fold((0.0, 0.0, 0.0), |(s, q, n), p| (s + p, q + p * p, n + 1.0));
    let mean: f64 = sum / count;
    let error = (squares / count * overlap / count).sqrt();
    (count > 0.0 && mean > CERTAIN * error).then_some(mean)
}
