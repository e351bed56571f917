//! Bed and part in one image, or honestly one class alone.

use super::edge;
use super::photo::Photo;

/// Bins of the histogram.
const BINS: usize = 512;
/// Rounds of expectation and maximisation.
const ROUNDS: usize = 200;
/// The two classes' means are at least this many of their pooled deviations apart. Two Gaussians are two peaks from
/// 2 on (Ashman et al. 1994, doi:10.1086/117248), and a straight ramp cut in the middle has 3.5.
const LEAST_SEPARATION: f64 = 4.0;
/// Least share of the image that a class has.
const LEAST_SHARE: f64 = 0.03;
/// Contours that are softer than this share of the image's shorter side are no contours but shading.
const SOFTEST: f64 = 0.05;

/// An image that shows two classes.
#[derive(Clone, Debug)]
pub struct Split {
    /// Which pixels belong to the warmer class.
    pub warm: Vec<bool>,
    /// Standard deviation of the Gaussian that softens the contours between them, in pixels.
    pub blur_px: f64,
}

/// The two classes of an image, `None` where it has one alone: a mixture of two normal distributions
/// (Dempster et al. 1977) whose means are far apart, whose classes are not tiny, and whose border is sharp.
pub fn split(photo: &Photo) -> Option<Split> {
    let [cold, warm] = mixture(&calm(photo))?;
    let separation = (warm.mean - cold.mean) / ((cold.variance + warm.variance) / 2.0).sqrt();
    if separation < LEAST_SEPARATION || cold.share.min(warm.share) < LEAST_SHARE {
        return None;
    }
    let means_c = [cold.mean, warm.mean];
    let middle_c = ((cold.mean + warm.mean) / 2.0) as f32;
    let blur_px = edge::blur_px(photo, means_c)?;
    let sharp = blur_px <= SOFTEST * photo.width.min(photo.height) as f64;
    sharp.then(|| Split { warm: photo.celsius.iter().map(|&t| t > middle_c).collect(), blur_px })
}

/// The pixels of one class that are farther than `margin_px` from the other, along rows and columns.
pub fn interior(photo: &Photo, inside: impl Fn(usize) -> bool, margin_px: usize) -> Vec<bool> {
    let (width, height) = (photo.width, photo.height);
    // Pixels of the other class in the rectangle from the top left corner (Crow 1984).
    let mut outside = vec![0u32; (width + 1) * (height + 1)];
    for y in 0..height {
        let mut row = 0;
        for x in 0..width {
            row += u32::from(!inside(y * width + x));
            outside[(y + 1) * (width + 1) + x + 1] = outside[y * (width + 1) + x + 1] + row;
        }
    }
    let at = |x: usize, y: usize| outside[y * (width + 1) + x];
    (0..width * height)
        .map(|i| {
            let (x, y) = (i % width, i / width);
            let (left, top) = (x.saturating_sub(margin_px), y.saturating_sub(margin_px));
            let (right, bottom) = ((x + margin_px + 1).min(width), (y + margin_px + 1).min(height));
            at(right, bottom) + at(left, top) == at(left, bottom) + at(right, top)
        })
        .collect()
}

/// The temperatures of the calmer three quarters of the pixels: contours lie in the others.
fn calm(photo: &Photo) -> Vec<f32> {
    let (width, height) = (photo.width, photo.height);
    let mut ranges: Vec<(f32, f32)> = (1..height - 1)
        .flat_map(|y| (1..width - 1).map(move |x| y * width + x))
        .map(|i| {
            let around = [i - width, i - 1, i, i + 1, i + width].map(|j| photo.celsius[j]);
            let (low, high) = around.iter().fold((f32::MAX, f32::MIN), |(l, h), &t| (l.min(t), h.max(t)));
            (high - low, photo.celsius[i])
        })
        .collect();
    let kept = ranges.len() * 3 / 4;
    if kept < ranges.len() {
        ranges.select_nth_unstable_by(kept, |a, b| a.0.total_cmp(&b.0));
    }
    ranges[..kept].iter().map(|r| r.1).collect()
}

#[derive(Clone, Copy, Debug)]
struct Normal {
    share: f64,
    mean: f64,
    variance: f64,
}

/// The colder and the warmer of two normal distributions; `None` where all values are equal.
fn mixture(values: &[f32]) -> Option<[Normal; 2]> {
    let (low, high) = values.iter().fold((f32::MAX, f32::MIN), |(l, h), &v| (l.min(v), h.max(v)));
    let (low, width) = (f64::from(low), f64::from(high - low) / BINS as f64);
    if values.is_empty() || width <= 0.0 {
        return None;
    }
    let mut histogram = [0.0f64; BINS];
    for &v in values {
        histogram[(((f64::from(v) - low) / width) as usize).min(BINS - 1)] += 1.0 / values.len() as f64;
    }
    let bins: Vec<(f64, f64)> =
        histogram.iter().enumerate().map(|(i, &share)| (low + (i as f64 + 0.5) * width, share)).collect();
    let mut normals = otsu(&bins)?;
    for _ in 0..ROUNDS {
        let density = |n: &Normal, v: f64| {
            n.share * (-(v - n.mean).powi(2) / (2.0 * n.variance)).exp() / n.variance.sqrt()
        };
        let shares = bins.iter().map(|&(v, share)| {
            let [cold, warm] = [0, 1].map(|c| density(&normals[c], v));
            let belongs =
                if cold + warm > 0.0 { warm / (cold + warm) } else { f64::from(v > normals[1].mean) };
            (v, share * (1.0 - belongs), share * belongs)
        });
        let [cold, warm] = moments(shares, width * width / 12.0)?;
        normals = [cold, warm];
    }
    if normals[0].mean > normals[1].mean {
        normals.reverse();
    }
    Some(normals)
}

/// The split of the histogram with the greatest variance between its parts (Otsu 1979).
fn otsu(bins: &[(f64, f64)]) -> Option<[Normal; 2]> {
    let parts = |cut: usize| {
        let shares = bins.iter().enumerate().map(
            move |(i, &(v, share))| {
                if i < cut { (v, share, 0.0) } else { (v, 0.0, share) }
            },
        );
        moments(shares, (bins[1].0 - bins[0].0).powi(2) / 12.0)
    };
    let between = |n: &[Normal; 2]| n[0].share * n[1].share * (n[1].mean - n[0].mean).powi(2);
    (1..bins.len()).filter_map(parts).max_by(|a, b| between(a).total_cmp(&between(b)))
}

/// Share, mean and variance of two weighted parts of a histogram; `None` where one is empty.
fn moments(shares: impl Iterator<Item = (f64, f64, f64)>, least_variance: f64) -> Option<[Normal; 2]> {
    let mut sums = [[0.0f64; 3]; 2];
    for (v, cold, warm) in shares {
        for (sum, share) in sums.iter_mut().zip([cold, warm]) {
            sum[0] += share;
            sum[1] += share * v;
            sum[2] += share * v * v;
        }
    }
    let normals = sums.map(|[share, first, second]| {
        let mean = first / share;
        Normal { share, mean, variance: (second / share - mean * mean).max(least_variance) }
    });
    normals.iter().all(|n| n.share > 1e-9).then_some(normals)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::stream::Stream;

    /// 64 x 48 px, a square of 20 px at its left, with noise.
    fn photo(square_c: f64, noise_c: f64) -> Photo {
        let mut stream = Stream::root(4);
        let inside = |x: usize, y: usize| (8..28).contains(&x) && (14..34).contains(&y);
        let celsius = (0..64 * 48)
            .map(|i| {
                let mean = if inside(i % 64, i / 64) { square_c } else { 40.0 };
                (mean + noise_c * stream.normal()) as f32
            })
            .collect();
        Photo { width: 64, height: 48, celsius, bits: 8 }
    }

    #[test]
    fn two_classes_are_told_and_so_is_one() {
        let two = split(&photo(60.0, 1.0)).unwrap();
        assert_eq!(two.warm.iter().filter(|&&w| w).count(), 400);
        assert!(split(&photo(40.0, 1.0)).is_none(), "noise alone");
        assert!(split(&photo(41.0, 1.0)).is_none(), "a difference that the noise hides");
        assert!(split(&photo(40.0, 0.0)).is_none(), "one grey level");
        let ramp = |i: usize| 20.0 + (i % 64) as f32;
        let shaded = Photo { celsius: (0..64 * 48).map(ramp).collect(), ..photo(40.0, 0.0) };
        assert!(split(&shaded).is_none(), "shading has no contour");
    }

    #[test]
    fn the_interior_keeps_away_from_the_other_class() {
        let photo = photo(60.0, 0.0);
        let inside = |i: usize| photo.celsius[i] > 50.0;
        for (margin, side) in [(0, 20), (2, 16), (9, 2), (10, 0)] {
            let kept = interior(&photo, inside, margin).iter().filter(|&&k| k).count();
            assert_eq!(kept, side * side);
        }
    }
}
