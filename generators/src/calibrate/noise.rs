//! Noise from pixel to pixel.

use super::photo::Photo;

/// Fewer pixels than this tell no variance.
const LEAST: usize = 100;

/// Variance in degrees squared of what differs from pixel to pixel where `inside` holds: noise, and
/// the rounding to grey levels. `None` where the class is too small.
///
/// The difference of two Laplacians takes out everything that is smooth, edges included, and leaves 36 times the variance of white
/// noise; its mean absolute value is robust against what is not noise (Immerkaer 1996, doi:10.1006/cviu.1996.0060).
pub fn variance_c2(photo: &Photo, inside: &[bool]) -> Option<f64> {
    let (width, height) = (photo.width, photo.height);
    let (mut sum, mut count) = (0.0, 0usize);
    for y in 1..height - 1 {
        for x in 1..width - 1 {
            let i = y * width + x;
            let around = |row: usize| row - 1..=row + 1;
            if ![i - width, i, i + width].iter().all(|&row| inside[around(row)].iter().all(|&p| p)) {
                continue;
            }
            let row = |i: usize| {
                let t = &photo.celsius[around(i)];
                f64::from(t[0]) - 2.0 * f64::from(t[1]) + f64::from(t[2])
            };
            sum += (row(i - width) - 2.0 * row(i) + row(i + width)).abs();
            count += 1;
        }
    }
    let deviation_c = (std::f64::consts::PI / 2.0).sqrt() * sum / (6.0 * count as f64);
    (count >= LEAST).then_some(deviation_c * deviation_c)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::stream::Stream;

    #[test]
    fn white_noise_is_told_on_a_slope_and_beside_a_contour() {
        let mut stream = Stream::root(3);
        let (width, height) = (200, 120);
        let celsius = (0..width * height).map(|i| {
            let step = if i % width < 50 { 30.0 } else { 0.0 };
            (step + 0.1 * (i % width) as f64 - 0.2 * (i / width) as f64 + 0.4 * stream.normal()) as f32
        });
        let photo = Photo { width, height, celsius: celsius.collect(), bits: 16 };
        let inside: Vec<bool> = (0..width * height).map(|i| i % width >= 50).collect();
        let variance = variance_c2(&photo, &inside).unwrap();
        // 17,000 differences that overlap: five standard errors of some 1.3 %.
        assert!((variance / 0.16 - 1.0).abs() < 0.065, "{variance}");
        assert_eq!(variance_c2(&photo, &vec![false; width * height]), None);
    }
}
