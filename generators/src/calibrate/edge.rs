//! How soft the contours are.

use std::f64::consts::{PI, TAU};

use super::photo::Photo;

/// The Gaussian that calms texture and noise before the gradient is taken, in pixels.
const CALM_PX: f64 = 1.0;
/// Where that Gaussian is cut.
const REACH: usize = 4;
/// Antialiasing mixes the two classes over one pixel: the variance of a box.
const PIXEL: f64 = 1.0 / 12.0;
/// Pixels within this share of the contour's height to either side of its middle are asked.
const BAND: f64 = 0.2;
/// Fewer of them than this tell nothing.
const LEAST: usize = 32;

/// Standard deviation in pixels of the Gaussian that softens the contours between two classes of these
/// means; `None` where there is hardly a contour.
///
/// A step of height `h`, softened by a Gaussian of deviation `s`, has at the place where it has risen to the share `p` the
/// gradient `h n(u) / s` with `p = N(u)` and `n`, `N` the normal density and distribution: every pixel near the middle of a
/// contour tells `s`. The image is smoothed first; that and the antialiasing are subtracted as variances.
pub fn blur_px(photo: &Photo, [cold, warm]: [f64; 2]) -> Option<f64> {
    let height = warm - cold;
    let mut deviations: Vec<f64> = smoothed(photo)
        .filter_map(|[value, across, down]| {
            let q = (value - cold) / height - 0.5;
            // The inverse of the normal distribution about its middle, to 1e-4.
            let u = TAU.sqrt() * (q + PI / 3.0 * q.powi(3) + 7.0 * PI * PI / 30.0 * q.powi(5));
            let density = (-u * u / 2.0).exp() / TAU.sqrt();
            (q.abs() < BAND).then(|| height * density / across.hypot(down))
        })
        .collect();
    if deviations.len() < LEAST {
        return None;
    }
    deviations.sort_by(f64::total_cmp);
    let total_px = shorth(&deviations);
    Some((total_px * total_px - CALM_PX * CALM_PX - PIXEL).max(0.0).sqrt())
}

/// The middle of the shortest half of sorted values (Andrews et al. 1972): corners, and outlines that move from layer to
/// layer, only ever look softer, and so they hardly weigh.
fn shorth(sorted: &[f64]) -> f64 {
    let half = sorted.len() / 2;
    let halves = sorted.iter().zip(&sorted[half..]);
    let shortest = halves.min_by(|a, b| (a.1 - a.0).total_cmp(&(b.1 - b.0)));
    shortest.map_or(f64::NAN, |(low, high)| (low + high) / 2.0)
}

/// Value and gradient (per pixel, to the right and down) of the smoothed image, away from its edges.
fn smoothed(photo: &Photo) -> impl Iterator<Item = [f64; 3]> {
    let (width, height) = (photo.width, photo.height);
    let offset = |k: usize| k as f64 - REACH as f64;
    let density = |x: f64| (-x * x / (2.0 * CALM_PX * CALM_PX)).exp();
    let kernel: Vec<f64> = (0..=2 * REACH).map(|k| density(offset(k))).collect();
    let slopes: Vec<f64> = (0..=2 * REACH).map(|k| offset(k) * density(offset(k))).collect();
    let total: f64 = kernel.iter().sum();
    // A ramp of one degree per pixel has the gradient 1.
    let moment: f64 = slopes.iter().enumerate().map(|(k, s)| s * offset(k)).sum();
    let row = move |weights: &[f64], scale: f64| -> Vec<f64> {
        (0..width * height)
            .map(|i| {
                let x = i % width;
                if x < REACH || x + REACH >= width {
                    return 0.0;
                }
                let from = &photo.celsius[i - REACH..=i + REACH];
                from.iter().zip(weights).map(|(t, w)| f64::from(*t) * w).sum::<f64>() / scale
            })
            .collect()
    };
    let (means, differences) = (row(&kernel, total), row(&slopes, moment));
    let inner = (REACH..height.saturating_sub(REACH))
        .flat_map(move |y| (REACH..width.saturating_sub(REACH)).map(move |x| y * width + x));
    inner.map(move |i| {
        let column = |from: &[f64], weights: &[f64]| -> f64 {
            (0..=2 * REACH).map(|k| from[i + k * width - REACH * width] * weights[k]).sum()
        };
        [
            column(&means, &kernel) / total,
            column(&differences, &kernel) / total,
            column(&means, &slopes) / moment,
        ]
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::gaussian::blur;
    use crate::layer::Field;
    use crate::stream::Stream;

    #[test]
    fn a_blurred_disc_tells_the_blur() {
        let n = 96;
        for (sigma_px, noise_c) in [(0.5, 0.0), (0.8, 0.5), (1.5, 0.5), (3.0, 0.5)] {
            let mut stream = Stream::root(2);
            let share = |i: usize| {
                let radius = ((i % n) as f64 - 47.3).hypot((i / n) as f64 - 48.1);
                (28.5 - radius).clamp(0.0, 1.0)
            };
            let disc =
                Field { size_px: n, values: (0..n * n).map(|i| (40.0 + 20.0 * share(i)) as f32).collect() };
            let mut soft = blur(&disc, sigma_px);
            soft.values.iter_mut().for_each(|t| *t += (noise_c * stream.normal()) as f32);
            let photo = Photo { width: n, height: n, celsius: soft.values, bits: 16 };
            let told = blur_px(&photo, [40.0, 60.0]).unwrap();
            // A curved contour, pixels and noise leave a twentieth of a pixel.
            assert!((told - sigma_px).abs() < 0.05, "{told} {sigma_px}");
        }
        let flat = Photo { width: n, height: n, celsius: vec![40.0; n * n], bits: 8 };
        assert_eq!(blur_px(&flat, [40.0, 60.0]), None);
    }
}
