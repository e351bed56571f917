//! How far a defect stands out in the final image.

use crate::camera::Grey;
use crate::gaussian::blur;
use crate::layer::{Field, Mask};

/// Where blur leaves less than this share of the other material, a pixel shows one alone.
const PURE: f32 = 0.02;
/// Fewer pure pixels than this tell nothing of a material's texture.
const LEAST_PURE_PX: usize = 16;

/// Mean |image - twin| within the footprint over the standard deviation of the healthy image's
/// texture there, pooled over the materials that the footprint shows.
///
/// The deviation of a material is measured where blur has not mixed it with the other: the contour
/// is no noise. `None` where there is no footprint or no texture, or where nothing changes
/// in the footprint.
pub fn cnr_image(healthy: &Grey, change: &Grey, mask: &Mask, coverage: &Field, blur_px: f64) -> Option<f64> {
    let printed = blur(coverage, blur_px);
    let part = deviation(healthy, |i| printed.values[i] > 1.0 - PURE, |i| coverage.values[i] > 0.5);
    let bed = deviation(healthy, |i| printed.values[i] < PURE, |i| coverage.values[i] <= 0.5);
    let (mut pixels, mut contrast, mut variance) = (0.0, 0.0, 0.0);
    for i in (0..mask.pixels.len()).filter(|&i| mask.pixels[i]) {
        let share = f64::from(coverage.values[i]);
        pixels += 1.0;
        contrast += f64::from(change.values[i]);
        variance += share * part * part + (1.0 - share) * bed * bed;
    }
    let cnr = (contrast / pixels) / (variance / pixels).sqrt();
    (cnr.is_finite() && cnr > 0.0).then_some(cnr)
}

/// Standard deviation of the grey levels where `pure` holds, or where `mostly` does if that is too little.
fn deviation(image: &Grey, pure: impl Fn(usize) -> bool, mostly: impl Fn(usize) -> bool) -> f64 {
    let levels = |keep: &dyn Fn(usize) -> bool| -> Vec<f64> {
        (0..image.values.len()).filter(|&i| keep(i)).map(|i| f64::from(image.values[i])).collect()
    };
    let mut values = levels(&pure);
    if values.len() < LEAST_PURE_PX {
        values = levels(&mostly);
    }
    if values.is_empty() {
        return 0.0;
    }
    let mean = values.iter().sum::<f64>() / values.len() as f64;
    (values.iter().map(|v| (v - mean).powi(2)).sum::<f64>() / values.len() as f64).sqrt()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::camera::Depth;

    #[test]
    fn contrast_is_measured_against_the_texture_and_not_the_contour() {
        // Half bed at 100 +- 2, half part at 200 +- 4; the defect changes four part pixels by 12.
        let n = 16;
        let printed = |i: usize| i / n < n / 2;
        let level = |i: usize| match (printed(i), i.is_multiple_of(2)) {
            (true, even) => 200 + if even { 4 } else { -4i32 },
            (false, even) => 100 + if even { 2 } else { -2i32 },
        };
        let grey = |values: Vec<u16>| Grey { size_px: n, depth: Depth::Eight, values };
        let healthy = grey((0..n * n).map(|i| level(i) as u16).collect());
        let coverage =
            Field { size_px: n, values: (0..n * n).map(|i| if printed(i) { 1.0 } else { 0.0 }).collect() };
        let mask = Mask { size_px: n, pixels: (0..n * n).map(|i| (20..24).contains(&i)).collect() };
        let change = grey(mask.pixels.iter().map(|&p| if p { 12 } else { 0 }).collect());
        assert_eq!(cnr_image(&healthy, &change, &mask, &coverage, 0.8), Some(3.0));
        // The whole layer 12 levels up: against the root mean square of 4 and 2.
        let everywhere = Mask { size_px: n, pixels: vec![true; n * n] };
        let raised = grey(vec![12; n * n]);
        let whole = cnr_image(&healthy, &raised, &everywhere, &coverage, 0.8).unwrap();
        assert!((whole - 12.0 / 10f64.sqrt()).abs() < 1e-12, "{whole}");
        let nowhere = Mask { size_px: n, pixels: vec![false; n * n] };
        assert_eq!(cnr_image(&healthy, &change, &nowhere, &coverage, 0.8), None);
    }
}
