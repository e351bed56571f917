//! Whether anomaly maps are high where the defect is: over pixels, and over connected regions.

use rayon::prelude::*;

use super::{MetricError, check_lengths};

/// The share of healthy pixels up to which regions are judged where nothing else is said (Bergmann et al. 2021).
pub const FALSE_POSITIVE_LIMIT: f64 = 0.3;

/// Figures over all pixels of all images, 0 to 1.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Localisation {
    /// Area under the receiver operating characteristic of pixels; a tie counts half.
    pub auroc: f64,
    /// Average precision of pixels, without interpolation.
    pub average_precision: f64,
    /// Area under the per-region overlap: the mean, over connected regions, of the share of a region that is found,
    /// against the share of healthy pixels that are called anomalous, up to a limit and as a share of it
    /// (Bergmann et al. 2021, doi:10.1007/s11263-020-01400-4). Small regions count as much as large ones.
    pub aupro: f64,
}

/// Judges the `maps` of some images of `size` `[height, width]`, one after the other, by their `masks`. Exact: every
/// distinct value is a threshold.
///
/// Regions are connected by sides or corners. `limit` is that of the per-region overlap, greater than 0 and at most 1.
/// `None` where no pixel is healthy or none is anomalous.
///
/// # Errors
/// Where the lengths differ or are not whole images, nothing is given, or a value is not a number.
pub fn localise(
    masks: &[bool],
    maps: &[f32],
    size: [usize; 2],
    limit: f64,
) -> Result<Option<Localisation>, MetricError> {
    check_lengths(("pixels of masks", masks.len()), ("pixels of maps", maps.len()))?;
    let pixels = size[0] * size[1];
    if pixels == 0 || !maps.len().is_multiple_of(pixels) {
        let images = maps.len().checked_div(pixels).unwrap_or(0);
        check_lengths(("pixels of maps", maps.len()), ("pixels of whole images", images * pixels))?;
    }
    if let Some(index) = maps.iter().position(|value| value.is_nan()) {
        return Err(MetricError::NotANumber { index });
    }
    let regions = Regions::of(masks, size);
    let anomalous: u64 = regions.sizes.iter().map(|&size| u64::from(size)).sum();
    let healthy = masks.len() as u64 - anomalous;
    if anomalous == 0 || healthy == 0 {
        return Ok(None);
    }
    // A value and its region in one number, so that sorting is fast.
    let packed = |(&value, &region): (&f32, &u32)| u64::from(descending(value)) << 32 | u64::from(region);
    let mut ranked: Vec<u64> = maps.par_iter().zip(&regions.labels).map(packed).collect();
    ranked.par_sort_unstable();

    let weight: Vec<f64> =
        regions.sizes.iter().map(|&size| 1.0 / f64::from(size) / regions.sizes.len() as f64).collect();
    let (mut found, mut wrong, mut overlap) = (0u64, 0u64, 0.0);
    // Twice the pairs won, so that the count stays whole.
    let (mut won_twice, mut precision, mut area) = (0u128, 0.0, 0.0);
    for tie in ranked.chunk_by(|a, b| a >> 32 == b >> 32) {
        let (found_before, wrong_before, overlap_before) = (found, wrong, overlap);
        for pixel in tie {
            match *pixel as u32 {
                0 => wrong += 1,
                region => {
                    found += 1;
                    overlap += weight[region as usize - 1];
                }
            }
        }
        won_twice += u128::from(wrong - wrong_before) * u128::from(found_before + found);
        precision += (found - found_before) as f64 * found as f64 / (found + wrong) as f64;
        let [from, to] = [wrong_before, wrong].map(|wrong| wrong as f64 / healthy as f64);
        if from < limit && to > from {
            let end = to.min(limit);
            let at_end = overlap_before + (overlap - overlap_before) * (end - from) / (to - from);
            area += (end - from) * f64::midpoint(overlap_before, at_end);
        }
    }
    Ok(Some(Localisation {
        auroc: won_twice as f64 / (2.0 * anomalous as f64 * healthy as f64),
        average_precision: precision / anomalous as f64,
        aupro: area / limit,
    }))
}

/// Bits that grow as the value falls.
fn descending(value: f32) -> u32 {
    // Adding 0 makes one zero of the two.
    let bits = (value + 0.0).to_bits();
    if bits >> 31 == 1 { bits } else { !bits & 0x7fff_ffff }
}

/// Connected regions of masks.
struct Regions {
    /// Per pixel, the region from 1, or 0 where it is healthy.
    labels: Vec<u32>,
    /// Pixels of each region.
    sizes: Vec<u32>,
}

impl Regions {
    fn of(masks: &[bool], [height, width]: [usize; 2]) -> Self {
        let (mut labels, mut sizes) = (vec![0; masks.len()], Vec::new());
        let mut open = Vec::new();
        for start in 0..masks.len() {
            if !masks[start] || labels[start] != 0 {
                continue;
            }
            sizes.push(0);
            let label = sizes.len() as u32;
            labels[start] = label;
            open.push(start);
            while let Some(at) = open.pop() {
                sizes[label as usize - 1] += 1;
                let image = at / (height * width) * (height * width);
                let (y, x) = ((at - image) / width, at % width);
                for y in y.saturating_sub(1)..(y + 2).min(height) {
                    for x in x.saturating_sub(1)..(x + 2).min(width) {
                        let near = image + y * width + x;
                        if masks[near] && labels[near] == 0 {
                            labels[near] = label;
                            open.push(near);
                        }
                    }
                }
            }
        }
        Self { labels, sizes }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::metrics::ranking::{auroc, average_precision};
    use proptest::prelude::*;

    #[test]
    fn a_ramp_over_a_column() {
        // Column 3 of 7 rises as the healthy pixels do: the overlap equals the false positive rate.
        let masks: Vec<bool> = (0..2800).map(|i| i % 7 == 3).collect();
        let maps: Vec<f32> = (0..2800).map(|i| i as f32 / 2800.0).collect();
        let found = localise(&masks, &maps, [400, 7], 1.0 / 3.0).unwrap().unwrap();
        assert!((found.aupro - 0.16667).abs() < 5e-6, "{found:?}");
        assert!((found.auroc - 0.5).abs() < 1e-3);
    }

    #[test]
    fn regions_touch_at_corners_and_never_across_images() {
        let picture = "#..#\n.#..\n...#\n####\n....\n....";
        let masks: Vec<bool> = picture.chars().filter(|c| *c != '\n').map(|c| c == '#').collect();
        let one = Regions::of(&masks, [6, 4]);
        assert_eq!(one.sizes, [2, 1, 5]);
        assert_eq!(one.labels[..8], [1, 0, 0, 2, 0, 1, 0, 0]);
        let two = Regions::of(&masks, [3, 4]);
        assert_eq!(two.sizes, [2, 1, 1, 4]);
    }

    #[test]
    fn a_small_region_counts_as_much_as_a_large_one() {
        // Perfect but for the small region, which is missed: half of the overlap at every false positive rate below 1.
        let mut masks = vec![false; 100];
        let mut maps = vec![0.5; 100];
        masks[..30].fill(true);
        maps[..30].fill(1.0);
        masks[55] = true;
        maps[55] = 0.0;
        let found = localise(&masks, &maps, [10, 10], 0.3).unwrap().unwrap();
        assert!((found.aupro - 0.5).abs() < 1e-12);
        assert!((found.auroc - 30.0 / 31.0).abs() < 1e-12);
    }

    #[test]
    fn what_cannot_be_judged() {
        let judge = |masks: &[bool], maps: &[f32]| localise(masks, maps, [1, 2], 0.3);
        assert_eq!(judge(&[false; 2], &[1.0, 2.0]), Ok(None));
        assert_eq!(judge(&[true; 2], &[1.0, 2.0]), Ok(None));
        assert_eq!(judge(&[], &[]), Err(MetricError::Empty));
        let error = judge(&[true, false, true], &[0.0; 3]).unwrap_err().to_string();
        assert_eq!(error, "3 pixels of maps for 2 pixels of whole images");
        assert_eq!(judge(&[true, false], &[0.0, f32::NAN]), Err(MetricError::NotANumber { index: 1 }));
        let infinite = judge(&[true, false], &[f32::INFINITY, f32::NEG_INFINITY]).unwrap().unwrap();
        assert_eq!((infinite.auroc, infinite.aupro), (1.0, 1.0));
    }

    proptest! {
        /// Pixels are ranked as scores are, ties and both zeros included.
        #[test]
        fn pixels_are_ranked_as_images_are(
            pixels in prop::collection::vec((any::<bool>(), -4..4i32), 12..=12), negative in any::<bool>()
        ) {
            let masks: Vec<bool> = pixels.iter().map(|p| p.0).collect();
            let maps: Vec<f32> = pixels.iter()
                .map(|p| if p.1 == 0 && negative { -0.0 } else { p.1 as f32 }).collect();
            let found = localise(&masks, &maps, [3, 4], 0.5).unwrap();
            let area = auroc(&masks, &maps).unwrap();
            let precision = average_precision(&masks, &maps).unwrap();
            prop_assert_eq!(found.map(|f| f.auroc), area);
            if let (Some(found), Some(precision)) = (found, precision) {
                prop_assert!((found.average_precision - precision).abs() < 1e-12);
                prop_assert!((0.0..=1.0 + 1e-12).contains(&found.aupro));
            }
        }

        /// With one pixel per region and the whole range, the overlap is the true positive rate.
        #[test]
        fn regions_of_one_pixel_make_an_roc_curve(values in prop::collection::vec(-9..9i32, 25..=25)) {
            let masks: Vec<bool> = (0..25).map(|i| i / 5 % 2 == 0 && i % 5 % 2 == 0).collect();
            let maps: Vec<f32> = values.iter().map(|&v| v as f32).collect();
            let found = localise(&masks, &maps, [5, 5], 1.0).unwrap().unwrap();
            prop_assert!((found.aupro - found.auroc).abs() < 1e-12, "{:?}", found);
        }
    }
}
