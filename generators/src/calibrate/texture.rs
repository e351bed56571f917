//! Which cloud and which grain look like a class of the image.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::OnceLock;

use rayon::prelude::*;

use super::photo::Photo;
use super::range::median;
use super::variogram::{Lag, Variogram};
use crate::gaussian::reach_px;
use crate::layer::Frame;
use crate::params::{Draws, ScenarioError, Table};
use crate::registry;
use crate::stream::Stream;
use crate::textures;

/// Octaves of the cloud that is fitted.
pub const OCTAVES: usize = 4;
/// The persistences that are tried, one of which serves all images.
const PERSISTENCES: [f64; 8] = [0.3, 0.4, 0.45, 0.5, 0.55, 0.6, 0.7, 0.85];
/// Sizes of the largest features that are tried, to an octave.
const PER_OCTAVE: usize = 16;
/// Least size of them in pixels.
const LEAST_PX: f64 = 3.0;
/// Blurs that differ by less than this share their covariances.
const BLUR_STEP_PX: f64 = 0.05;
/// The noise filter averages over all pixels at once: how much more it is believed than one distance.
const NOISE_WEIGHT: f64 = 10.0;
/// Less than any variance that a grey level can show.
const TINY_C2: f64 = 1e-12;
/// Which of cloud, grain and noise (in bits from the lowest) may be there: any, or any without grain.
const WITH_GRAIN: [u8; 8] = [0, 1, 2, 3, 4, 5, 6, 7];
const WITHOUT_GRAIN: [u8; 4] = [0, 1, 4, 5];
/// Grain is fitted where it leaves no more than this share of the misfit: fine octaves look much like it.
const GRAIN_HELPS: f64 = 0.8;
/// Less than this share of grain is none.
pub const LEAST_GRAIN: f64 = 0.05;
/// A cloud of less than this share of the variance tells no feature size.
const LEAST_CLOUD: f64 = 0.1;

/// What is fitted to one class of one image; lengths in pixels, variances in degrees squared and before
/// the lens blurs them.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Fit {
    /// Size of the cloud's largest features, where the cloud stands out.
    pub feature_px: Option<f64>,
    /// Variance of the cloud.
    pub cloud_c2: f64,
    /// Variance of the grain from pixel to pixel.
    pub grain_c2: f64,
    /// Variance of the noise, rounding to grey levels included.
    pub noise_c2: f64,
}

/// What is known of one class of one image.
#[derive(Clone, Debug)]
pub struct Observed {
    /// Differences over the distance.
    pub variogram: Variogram,
    /// What [`super::noise::variance_c2`] says.
    pub noise_c2: f64,
    /// How soft the camera is.
    pub blur_px: f64,
}

/// What is fitted to one class of all images.
#[derive(Clone, Debug)]
pub struct Fitted {
    /// How bad the fits are together.
    pub misfit: f64,
    /// The persistence that suits all images best.
    pub persistence: f64,
    /// Whether grain is fitted.
    grainy: bool,
    /// The images, one by one.
    pub fits: Vec<Fit>,
}

impl Fitted {
    /// Fits other images with the same persistence, and with grain where these have it.
    pub fn fit_alike(&self, images: &[Observed]) -> Vec<Fit> {
        let subsets: &[u8] = if self.grainy { &WITH_GRAIN } else { &WITHOUT_GRAIN };
        let models = models(images);
        fit_each(&models, images, &[self.persistence], subsets).into_iter().map(|fits| fits[0].1).collect()
    }
}

/// Fits every image with one persistence, the one that suits them best.
pub fn fit(images: &[Observed]) -> Fitted {
    let models = models(images);
    let of_kind = |grainy: bool| {
        let subsets: &[u8] = if grainy { &WITH_GRAIN } else { &WITHOUT_GRAIN };
        let tried = fit_each(&models, images, &PERSISTENCES, subsets);
        let misfit = |p: usize| tried.iter().map(|fits| fits[p].0).filter(|m| m.is_finite()).sum::<f64>();
        let best = (0..PERSISTENCES.len()).min_by(|&a, &b| misfit(a).total_cmp(&misfit(b))).unwrap_or(0);
        let (misfit, persistence) = (misfit(best), PERSISTENCES[best]);
        Fitted { misfit, persistence, grainy, fits: tried.into_iter().map(|fits| fits[best].1).collect() }
    };
    let (plain, grainy) = (of_kind(false), of_kind(true));
    let share = |fit: &Fit| fit.grain_c2 / (fit.cloud_c2 + fit.grain_c2);
    let share = median(grainy.fits.iter().map(share)).unwrap_or(0.0);
    if share >= LEAST_GRAIN && grainy.misfit < GRAIN_HELPS * plain.misfit { grainy } else { plain }
}

/// Covariances for the blur of each image.
fn models(images: &[Observed]) -> BTreeMap<u32, Model> {
    let mut offsets: Vec<[f64; 2]> =
        images.iter().flat_map(|i| i.variogram.lags.iter().map(|l| l.offset_px)).collect();
    offsets.sort_by(|a, b| a[0].total_cmp(&b[0]).then(a[1].total_cmp(&b[1])));
    offsets.dedup();
    let blurs: BTreeSet<u32> = images.iter().map(nearest_blur).collect();
    let blurs: Vec<u32> = blurs.into_iter().collect();
    let models: Vec<Model> =
        blurs.par_iter().map(|&blur| Model::new(f64::from(blur) * BLUR_STEP_PX, &offsets)).collect();
    blurs.into_iter().zip(models).collect()
}

fn nearest_blur(image: &Observed) -> u32 {
    (image.blur_px / BLUR_STEP_PX).round() as u32
}

/// By image and persistence, how bad the best fit is, and that fit.
fn fit_each(
    models: &BTreeMap<u32, Model>,
    images: &[Observed],
    persistences: &[f64],
    subsets: &[u8],
) -> Vec<Vec<(f64, Fit)>> {
    let usual = Usual::of(images);
    let fit = |image: &Observed| models[&nearest_blur(image)].fit_each(image, &usual, persistences, subsets);
    images.par_iter().map(fit).collect()
}

/// What is observed in the mean of all images.
struct Usual {
    /// By the distance along rows and columns in whole pixels.
    half_square_c2: BTreeMap<[u32; 2], f64>,
    noise_c2: f64,
}

impl Usual {
    fn of(images: &[Observed]) -> Self {
        let mut sums: BTreeMap<[u32; 2], (f64, f64)> = BTreeMap::new();
        for lag in images.iter().flat_map(|image| &image.variogram.lags) {
            let sum = sums.entry(lag.offset_px.map(|by| by as u32)).or_default();
            *sum = (sum.0 + lag.half_square_c2, sum.1 + 1.0);
        }
        let half_square_c2 = sums.into_iter().map(|(offset, (sum, count))| (offset, sum / count)).collect();
        let noise_c2 = images.iter().map(|image| image.noise_c2).sum::<f64>() / images.len() as f64;
        Self { half_square_c2, noise_c2 }
    }
}

/// Covariances of clouds and grain behind one lens.
struct Model {
    lens: Lens,
    /// From the finest octave of the least cloud on, [`PER_OCTAVE`] sizes to twice the size.
    octaves: Vec<Octave>,
}

/// Covariances of one octave.
struct Octave {
    here: f64,
    /// By the distance along rows and columns in whole pixels.
    there: BTreeMap<[u32; 2], f64>,
    /// What the noise filter leaves.
    filtered: f64,
}

impl Model {
    fn new(blur_px: f64, offsets: &[[f64; 2]]) -> Self {
        let lens = Lens::new(blur_px);
        let farthest_px = offsets.iter().map(|o| o[0].hypot(o[1])).fold(LEAST_PX, f64::max);
        let octave = |size_px: f64| {
            let at = |offset_px| lens.octave(size_px, offset_px);
            let there = offsets.iter().map(|&offset| (offset.map(|by| by as u32), at(offset))).collect();
            Octave { here: at([0.0; 2]), there, filtered: immerkaer(at) }
        };
        let sizes = (0..).map(size_px).take_while(|&size_px| size_px <= farthest_px);
        Self { octaves: sizes.map(octave).collect(), lens }
    }

    /// The best fit of one image, and how bad it is, for each persistence.
    ///
    /// The variogram is `cloud (1 - K(d)) + grain (1 - k(d)) + noise`, with the correlations `K` and `k` of cloud and grain behind
    /// the lens. Given the size of the features that is linear.
    fn fit_each(
        &self,
        image: &Observed,
        usual: &Usual,
        persistences: &[f64],
        subsets: &[u8],
    ) -> Vec<(f64, Fit)> {
        let lags = &image.variogram.lags;
        let nothing = Fit { feature_px: None, cloud_c2: 0.0, grain_c2: 0.0, noise_c2: image.noise_c2 };
        let mut best = vec![(f64::INFINITY, nothing); persistences.len()];
        let farthest_px = lags.last().map_or(0.0, Lag::distance_px);
        let grain = |offset_px| self.lens.grain(offset_px);
        let filtered_grain = immerkaer(grain);
        let clouds = (OCTAVES - 1) * PER_OCTAVE..self.octaves.len();
        for coarsest in clouds.filter(|&at| size_px(at) <= farthest_px) {
            for (p, persistence) in persistences.iter().enumerate() {
                let weights: [f64; OCTAVES] = std::array::from_fn(|o| persistence.powi(2 * o as i32));
                let total: f64 = weights.iter().sum();
                // Each octave has features half as large as the one before.
                let sum = |of: &dyn Fn(&Octave) -> f64| {
                    let octaves = weights.iter().enumerate().map(|(o, w)| (w, coarsest - o * PER_OCTAVE));
                    octaves.map(|(w, at)| w / total * of(&self.octaves[at])).sum::<f64>()
                };
                let here = sum(&|octave| octave.here);
                let mut rows: Vec<Row> = (lags.iter())
                    .map(|lag| {
                        let value = lag.half_square_c2;
                        let offset = lag.offset_px.map(|by| by as u32);
                        // An image's own value would favour the fits that are too low; long distances have few
                        // independent pairs.
                        let usual_c2 = usual.half_square_c2.get(&offset).copied().unwrap_or(value);
                        let weight = 1.0 / (usual_c2 * lag.distance_px().sqrt()).max(TINY_C2);
                        let there = sum(&|octave| octave.there.get(&offset).copied().unwrap_or(0.0));
                        let falls = [here - there, grain([0.0; 2]) - grain(lag.offset_px)];
                        // Long distances have few independent pairs.
                        Row { basis: [falls[0], falls[1], 1.0], value, weight }
                    })
                    .collect();
                rows.push(Row {
                    basis: [sum(&|octave| octave.filtered), filtered_grain, 1.0],
                    value: image.noise_c2,
                    weight: NOISE_WEIGHT / usual.noise_c2.max(TINY_C2),
                });
                let (misfit, [cloud_c2, grain_c2, noise_c2]) = least_squares(&rows, subsets);
                if misfit < best[p].0 {
                    let stands_out = cloud_c2 > LEAST_CLOUD * (cloud_c2 + grain_c2 + noise_c2);
                    let feature_px = stands_out.then(|| size_px(coarsest));
                    best[p] = (misfit, Fit { feature_px, cloud_c2, grain_c2, noise_c2 });
                }
            }
        }
        best
    }
}

/// Size of the features of the octave with that number.
fn size_px(number: usize) -> f64 {
    LEAST_PX * 2f64.powf(number as f64 / PER_OCTAVE as f64 - (OCTAVES - 1) as f64)
}

/// The camera's Gaussian, applied twice: what it does to a covariance along one axis.
struct Lens {
    /// Offsets in pixels and their weights, which add up to 1.
    nodes: Vec<(f64, f64)>,
    /// Correlation of white noise behind the Gaussian at whole pixels from 0 on.
    grain: Vec<f64>,
}

impl Lens {
    fn new(sigma_px: f64) -> Self {
        let reach = reach_px(sigma_px) as i32;
        let weight = |k: i32| if reach == 0 { 1.0 } else { (-0.5 * (f64::from(k) / sigma_px).powi(2)).exp() };
        let total: f64 = (-reach..=reach).map(weight).sum();
        let overlap = |by: i32| (-reach..=reach - by).map(|k| weight(k) * weight(k + by)).sum::<f64>();
        let grain: Vec<f64> = (0..=2 * reach).map(|by| overlap(by) / (total * total)).collect();
        // A wide Gaussian needs no node in every pixel.
        let step = (sigma_px.floor() as i32).max(1);
        let nodes = (-2 * reach / step..=2 * reach / step).map(|k| k * step);
        let nodes: Vec<(f64, f64)> =
            nodes.map(|k| (f64::from(k), grain[k.unsigned_abs() as usize])).collect();
        let total: f64 = nodes.iter().map(|n| n.1).sum();
        Self { nodes: nodes.into_iter().map(|(x, w)| (x, w / total)).collect(), grain }
    }

    /// Covariance at a distance of white noise of variance 1 from pixel to pixel.
    fn grain(&self, offset_px: [f64; 2]) -> f64 {
        offset_px.iter().map(|&by| self.grain.get(by as usize).copied().unwrap_or(0.0)).product()
    }

    /// Covariance at a distance of one octave of noise of variance 1 whose features have `size_px`.
    fn octave(&self, size_px: f64, [right, down]: [f64; 2]) -> f64 {
        let across = |y: f64, wy: f64| -> f64 {
            let terms = self.nodes.iter();
            terms.map(|&(x, wx)| wx * wy * correlation((right + x).hypot(down + y) / size_px)).sum()
        };
        self.nodes.iter().map(|&(y, wy)| across(y, wy)).sum()
    }
}

/// Variance that [`super::noise::variance_c2`] sees of a field with this covariance: it is weighted by the
/// autocorrelation of its mask, over the sum of that mask's squares.
fn immerkaer(covariance: impl Fn([f64; 2]) -> f64) -> f64 {
    // Autocorrelation of 1 -2 1 from the middle on.
    const MASK: [f64; 3] = [6.0, -4.0, 1.0];
    let mut seen = 0.0;
    for (x, wx) in MASK.iter().enumerate() {
        for (y, wy) in MASK.iter().enumerate() {
            // With either sign, where there are two.
            let times = if x > 0 { 2.0 } else { 1.0 } * if y > 0 { 2.0 } else { 1.0 };
            seen += times * wx * wy * covariance([x as f64, y as f64]) / 36.0;
        }
    }
    seen
}

/// Correlation of one octave of the cloud at a distance in features, averaged over directions: measured once on
/// what the texture paints.
fn correlation(features: f64) -> f64 {
    static TABLE: OnceLock<Vec<f64>> = OnceLock::new();
    let table = TABLE.get_or_init(|| measure_correlation().unwrap_or_default());
    let at = features * PER_FEATURE as f64;
    let (below, t) = (at.floor() as i32, at.fract());
    let [a, b, c, d] =
        [-1, 0, 1, 2].map(|k| table.get((below + k).unsigned_abs() as usize).copied().unwrap_or(0.0));
    // Catmull and Rom 1974: straight lines would look like noise to its filter.
    b + 0.5 * t * (c - a + t * (2.0 * a - 5.0 * b + 4.0 * c - d + t * (3.0 * (b - c) + d - a)))
}

/// Points of the table to one feature.
const PER_FEATURE: usize = 16;

fn measure_correlation() -> Result<Vec<f64>, Box<ScenarioError>> {
    const SIDE: usize = 256;
    const FIELDS: usize = 24;
    const FARTHEST: usize = 2 * PER_FEATURE;
    let frame = Frame { size_px: SIDE, px_per_mm: PER_FEATURE as f64 };
    let text = "kind = \"cloud\"\namplitude_c = 1.0\nfeature_mm = 1.0\noctaves = 1\n";
    let (_, texture) = registry::build(textures::KINDS, Table::parse("calibrate", text)?)?;
    let mut differences = vec![0.0; FARTHEST + 1];
    for number in 0..FIELDS {
        let stream = Stream::root(0).item("calibrate", number);
        let field = texture.paint(&frame, 0, &mut Draws::new(&stream, &stream));
        let photo = Photo { width: SIDE, height: SIDE, celsius: field.values, bits: 16 };
        for (step, sum) in differences.iter_mut().enumerate().skip(1) {
            *sum += Variogram::along_axes(&photo, step) / FIELDS as f64;
        }
    }
    // Places that are two features apart have nothing in common.
    let variance = differences[FARTHEST];
    Ok(differences.into_iter().map(|half_square| 1.0 - half_square / variance).collect())
}

/// One equation of the fit.
struct Row {
    basis: [f64; 3],
    value: f64,
    weight: f64,
}

/// The three numbers, none below 0, with the least sum of weighted squares, and that sum; those that are in none of the
/// `subsets` that are tried are 0.
fn least_squares(rows: &[Row], subsets: &[u8]) -> (f64, [f64; 3]) {
    let mut normal = [[0.0; 4]; 3];
    for Row { basis, value, weight } in rows {
        for i in 0..3 {
            for j in 0..3 {
                normal[i][j] += weight * weight * basis[i] * basis[j];
            }
            normal[i][3] += weight * weight * basis[i] * value;
        }
    }
    let squares = |x: &[f64; 3]| -> f64 {
        rows.iter()
            .map(|Row { basis, value, weight }| {
                let model: f64 = basis.iter().zip(x).map(|(b, x)| b * x).sum();
                (weight * (model - value)).powi(2)
            })
            .sum()
    };
    let feasible = subsets.iter().filter_map(|&subset| {
        let x = solve(&normal, subset)?;
        x.iter().all(|v| *v >= 0.0).then(|| (squares(&x), x))
    });
    feasible.min_by(|a, b| a.0.total_cmp(&b.0)).unwrap_or((f64::INFINITY, [0.0; 3]))
}

/// Solves the normal equations for the unknowns in `subset`, the others being 0 (Gauss and Jordan).
fn solve(normal: &[[f64; 4]; 3], subset: u8) -> Option<[f64; 3]> {
    let mut rows = *normal;
    let free: Vec<usize> = (0..3).filter(|i| subset >> i & 1 == 1).collect();
    for &i in &free {
        let pivot = rows[i][i];
        if pivot <= 1e-12 * normal[i][i].max(f64::MIN_POSITIVE) {
            return None;
        }
        rows[i].iter_mut().for_each(|v| *v /= pivot);
        let pivot_row = rows[i];
        for &j in free.iter().filter(|&&j| j != i) {
            let factor = rows[j][i];
            rows[j].iter_mut().zip(pivot_row).for_each(|(v, p)| *v -= factor * p);
        }
    }
    Some(std::array::from_fn(|i| if subset >> i & 1 == 1 { rows[i][3] } else { 0.0 }))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::gaussian::blur;

    #[test]
    fn least_squares_finds_the_numbers_and_keeps_them_positive() {
        let basis = |i: usize| [1.0, i as f64, (i % 3) as f64];
        let value = |x: [f64; 3], i: usize| basis(i).iter().zip(x).map(|(b, x)| b * x).sum::<f64>();
        let rows = |x: [f64; 3]| {
            (0..9).map(|i| Row { basis: basis(i), value: value(x, i), weight: 1.0 }).collect::<Vec<_>>()
        };
        let (misfit, found) = least_squares(&rows([3.0, 0.5, 2.0]), &WITH_GRAIN);
        assert!(
            misfit < 1e-12 && (found[0] - 3.0).abs() < 1e-6 && (found[2] - 2.0).abs() < 1e-6,
            "{found:?}"
        );
        let (_, found) = least_squares(&rows([3.0, 0.5, -2.0]), &WITH_GRAIN);
        assert!(found.iter().all(|&v| v >= 0.0) && found[2] == 0.0, "{found:?}");
        let (_, found) = least_squares(&rows([3.0, 0.5, 2.0]), &WITHOUT_GRAIN);
        assert_eq!(found[1], 0.0);
    }

    #[test]
    fn a_painted_cloud_with_grain_and_noise_is_told() {
        let n = 160;
        let frame = Frame { size_px: n, px_per_mm: 2.0 };
        for (feature_mm, persistence, grain_share) in [(8.0, 0.5, 0.0), (12.0, 0.5, 0.5), (6.0, 0.7, 0.3)] {
            let text = format!(
                "kind = \"grain\"\namplitude_c = 1.0\nfeature_mm = {feature_mm}\noctaves = 4\npersistence = {persistence}\n\
                 grain_share = {grain_share}\n"
            );
            let texture = registry::build(textures::KINDS, Table::parse("t", &text).unwrap()).unwrap().1;
            let images: Vec<Observed> = (0..12)
                .map(|number| {
                    let mut stream = Stream::root(9).item("image", number);
                    let field = texture.paint(&frame, 0, &mut Draws::new(&stream, &stream));
                    let soft = blur(&field, 0.8);
                    let celsius = soft.values.iter().map(|t| t + (0.1 * stream.normal()) as f32);
                    let photo = Photo { width: n, height: n, celsius: celsius.collect(), bits: 16 };
                    let all = vec![true; n * n];
                    let noise_c2 = super::super::noise::variance_c2(&photo, &all).unwrap();
                    Observed { variogram: Variogram::measure(&photo, &all, n / 3), noise_c2, blur_px: 0.8 }
                })
                .collect();
            let Fitted { persistence: fitted, fits, .. } = fit(&images);
            let mean = |of: &dyn Fn(&Fit) -> f64| fits.iter().map(of).sum::<f64>() / fits.len() as f64;
            let feature = mean(&|f| f.feature_px.unwrap_or(0.0)) / 2.0;
            let (amplitude, share) = (
                mean(&|f| f.cloud_c2 + f.grain_c2).sqrt(),
                mean(&|f| f.grain_c2 / (f.cloud_c2 + f.grain_c2)),
            );
            let noise = mean(&|f| f.noise_c2).sqrt();
            println!(
                "{feature_mm} {persistence} {grain_share}: {feature:.2} {fitted} {share:.3}, {amplitude:.3}, {noise:.4}"
            );
            assert!((feature / feature_mm - 1.0).abs() < 0.15, "{feature}");
            assert!((fitted - persistence).abs() <= 0.1, "{fitted}");
            assert!((share - grain_share).abs() < 0.08, "{share}");
            assert!((amplitude - 1.0).abs() < 0.1, "{amplitude}");
            assert!((noise / 0.1 - 1.0).abs() < 0.1, "{noise}");
        }
    }
}
