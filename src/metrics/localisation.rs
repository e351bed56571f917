//! Whether anomaly maps are high where the defect is: over pixels, and over connected regions.

use std::collections::BTreeMap;

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
    // A value and its region in one number, so that sorting is fast.
    let packed = |(&value, &region): (&f32, &u32)| u64::from(descending(value)) << 32 | u64::from(region);
    let mut ranked: Vec<u64> = maps.par_iter().zip(&regions.labels).map(packed).collect();
    ranked.par_sort_unstable();
    let ties = ranked.chunk_by(|a, b| a >> 32 == b >> 32);
    let steps = ties.map(|tie| {
        let mut step = Step::default();
        tie.iter().for_each(|&pixel| step.add(regions.share_of(pixel as u32)));
        step
    });
    Ok(areas(steps, regions.sizes.len(), limit))
}

/// What is above a threshold and was not above the last.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
struct Step {
    /// Anomalous pixels.
    found: u64,
    /// Healthy pixels.
    wrong: u64,
    /// Shares of regions, summed over the regions.
    overlap: f64,
}

impl Step {
    /// A pixel: healthy, or this share of its region.
    fn add(&mut self, share: Option<f64>) {
        match share {
            Some(share) => {
                self.found += 1;
                self.overlap += share;
            }
            None => self.wrong += 1,
        }
    }
}

/// The figures from all steps, the highest threshold first; `None` where there is no healthy or no anomalous pixel.
fn areas(steps: impl Iterator<Item = Step>, regions: usize, limit: f64) -> Option<Localisation> {
    // The curve of regions waits for the number of healthy pixels.
    let mut curve = vec![(0, 0.0)];
    let (mut found, mut wrong, mut overlap) = (0u64, 0u64, 0.0);
    // Twice the pairs won, so that the count stays whole.
    let (mut won_twice, mut precision) = (0u128, 0.0);
    for step in steps {
        won_twice += u128::from(step.wrong) * u128::from(2 * found + step.found);
        (found, wrong, overlap) = (found + step.found, wrong + step.wrong, overlap + step.overlap);
        if step.found > 0 {
            precision += step.found as f64 * found as f64 / (found + wrong) as f64;
        }
        curve.push((wrong, overlap / regions as f64));
    }
    if found == 0 || wrong == 0 {
        return None;
    }
    let mut area = 0.0;
    for pair in curve.windows(2) {
        let [(from, before), (to, after)] = [pair[0], pair[1]].map(|(w, o)| (w as f64 / wrong as f64, o));
        if from < limit && to > from {
            let end = to.min(limit);
            let at_end = before + (after - before) * (end - from) / (to - from);
            area += (end - from) * f64::midpoint(before, at_end);
        }
    }
    Some(Localisation {
        auroc: won_twice as f64 / (2.0 * found as f64 * wrong as f64),
        average_precision: precision / found as f64,
        aupro: area / limit,
    })
}

/// The figures of any choice of jobs without sorting again, for the bootstrap: values are ties between some two
/// thousand thresholds, which lie densest where values are highest.
#[derive(Clone, Debug)]
pub struct JobTallies {
    /// Each job in ascending order: its steps and the number of its regions.
    jobs: Vec<(Vec<Step>, usize)>,
    limit: f64,
}

/// Thresholds of [`JobTallies`].
const THRESHOLDS: usize = 2048;

impl JobTallies {
    /// Counts the `maps` as [`localise`] does; `job` is that of each image.
    ///
    /// # Errors
    /// As [`localise`].
    pub fn count(
        masks: &[bool],
        maps: &[f32],
        size: [usize; 2],
        limit: f64,
        job: &[u32],
    ) -> Result<Self, MetricError> {
        let pixels = size[0] * size[1];
        check_lengths(("pixels of masks", masks.len()), ("pixels of maps", maps.len()))?;
        check_lengths(("pixels of maps", maps.len()), ("pixels of images with a job", job.len() * pixels))?;
        if let Some(index) = maps.iter().position(|value| value.is_nan()) {
            return Err(MetricError::NotANumber { index });
        }
        let mut sorted: Vec<u32> = maps.par_iter().map(|&value| descending(value)).collect();
        sorted.par_sort_unstable();
        let place = |k: usize| (k as f64 / THRESHOLDS as f64).powi(3) * sorted.len() as f64;
        let mut thresholds: Vec<u32> = (1..THRESHOLDS).map(|k| sorted[place(k) as usize]).collect();
        thresholds.dedup();
        let regions = Regions::of(masks, size);
        let mut jobs: BTreeMap<u32, (Vec<Step>, usize)> = BTreeMap::new();
        for (image, &job) in job.iter().enumerate() {
            let (steps, count) =
                jobs.entry(job).or_insert_with(|| (vec![Step::default(); thresholds.len() + 1], 0));
            let of_image = image * pixels..(image + 1) * pixels;
            let labels = &regions.labels[of_image.clone()];
            for (&value, &label) in maps[of_image].iter().zip(labels) {
                let value = descending(value);
                steps[thresholds.partition_point(|&t| t < value)].add(regions.share_of(label));
            }
            // Regions are numbered image by image.
            let most = labels.iter().copied().max().unwrap_or(0);
            let least = labels.iter().copied().filter(|&label| label > 0).min().unwrap_or(1);
            *count += (most + 1).saturating_sub(least) as usize;
        }
        Ok(Self { jobs: jobs.into_values().collect(), limit })
    }

    /// How many jobs there are.
    pub fn jobs(&self) -> usize {
        self.jobs.len()
    }

    /// The figures of the jobs at these places, each as often as it is `drawn`.
    pub fn figures(&self, drawn: &[usize]) -> Option<Localisation> {
        let mut sum = vec![Step::default(); self.jobs.first()?.0.len()];
        let mut regions = 0;
        for &job in drawn {
            let (steps, count) = &self.jobs[job];
            regions += count;
            for (sum, step) in sum.iter_mut().zip(steps) {
                sum.found += step.found;
                sum.wrong += step.wrong;
                sum.overlap += step.overlap;
            }
        }
        areas(sum.into_iter(), regions, self.limit)
    }
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

    /// The share of its region that a pixel of this label is; `None` of a healthy one.
    fn share_of(&self, label: u32) -> Option<f64> {
        Some(1.0 / f64::from(self.sizes[(label as usize).checked_sub(1)?]))
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

    #[test]
    fn tallies_of_all_jobs_are_the_figures() {
        let mut stream = generators::stream::Stream::root(8);
        let pixels = 16 * 16;
        let masks: Vec<bool> = (0..40 * pixels).map(|i| i % pixels / 16 / 3 == 2 && i % 16 < 5).collect();
        let maps: Vec<f32> = masks.iter().map(|&m| (stream.normal() + 1.5 * f64::from(m)) as f32).collect();
        let job: Vec<u32> = (0..40).map(|image| image % 10).collect();
        let tallies = JobTallies::count(&masks, &maps, [16, 16], 0.3, &job).unwrap();
        assert_eq!(tallies.jobs(), 10);
        let close = |a: Localisation, b: Localisation| {
            let all = [(a.auroc, b.auroc), (a.average_precision, b.average_precision), (a.aupro, b.aupro)];
            assert!(all.iter().all(|(a, b)| (a - b).abs() < 2e-3), "{a:?} {b:?}");
        };
        let exact = |keep: &dyn Fn(u32) -> bool| {
            let images: Vec<usize> = (0..40).filter(|&image| keep(job[image])).collect();
            let of = |image: usize| image * pixels..(image + 1) * pixels;
            let masks: Vec<bool> = images.iter().flat_map(|&i| masks[of(i)].to_vec()).collect();
            let maps: Vec<f32> = images.iter().flat_map(|&i| maps[of(i)].to_vec()).collect();
            localise(&masks, &maps, [16, 16], 0.3).unwrap().unwrap()
        };
        close(tallies.figures(&[0, 1, 2, 3, 4, 5, 6, 7, 8, 9]).unwrap(), exact(&|_| true));
        close(tallies.figures(&[3, 3, 7, 7]).unwrap(), exact(&|job| job == 3 || job == 7));
        assert_eq!(JobTallies::count(&[false; 4], &[0.0; 4], [2, 2], 0.3, &[1]).unwrap().figures(&[0]), None);
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
