//! What an image shows beyond what its drawing and healthy images lead to expect.

use generators::gaussian::blur;
use generators::layer::Field;
use rayon::prelude::*;

use crate::data::ImageSet;

/// Pixels of the drawing to either side of a pixel that its grey value may depend on: the reach of lens and heat.
const REACH_PX: usize = 4;
const PATCH: usize = (2 * REACH_PX + 1) * (2 * REACH_PX + 1);
/// Healthy images that the dependence is learnt from, at most.
const MOST_IMAGES: usize = 60;
/// Shares of print around a pixel that have a deviation of their own: contours are less sure than surfaces.
const BINS: usize = 12;
/// Deviation of the Gaussian that blurs the drawing for [`surroundings`], in px.
const SURROUNDINGS_PX: f64 = 1.0;
/// Rounds of the robust fit of gain and offset.
const ROUNDS: usize = 8;

/// A linear prediction of an image from its nominal slice, learnt from healthy images.
///
/// Each pixel is predicted from the slice within [`REACH_PX`] of it; gain and offset of the whole image are then fitted
/// robustly, so that the temperature of a job does not matter and neither does a defect of some of its pixels. Where healthy images of
/// the same layer and slice are known, what the prediction leaves of them on average (the warmth of the layers below) is
/// taken away too. The rest is divided by what healthy images leave at such places.
pub struct SliceModel {
    size_px: usize,
    /// Of the patch, row by row, and the constant.
    weights: Vec<f64>,
    /// What healthy images of a layer leave.
    layers: Vec<LayerMean>,
    /// Standard deviation of what healthy images leave, by [`surroundings`].
    deviation: [f32; BINS],
}

/// The mean residual of healthy images of one layer number and slice.
struct LayerMean {
    layer: u32,
    slice: Vec<f32>,
    sum: Vec<f32>,
    images: usize,
}

impl SliceModel {
    /// Learns from `healthy` images; `None` where there are none, or nothing varies.
    pub fn fit(healthy: &ImageSet) -> Option<Self> {
        let step = healthy.len().div_ceil(MOST_IMAGES).max(1);
        let chosen: Vec<usize> = (0..healthy.len()).step_by(step).collect();
        let part = healthy.select(&chosen);
        let gram = gram(&part);
        let mut targets = part.pixels.clone();
        let pixels = part.size_px * part.size_px;
        let mut model =
            Self { size_px: part.size_px, weights: Vec::new(), layers: Vec::new(), deviation: [1.0; BINS] };
        // Once on the grey values, once with the gain and offset of each image taken away.
        for _ in 0..2 {
            model.weights = solve(gram.clone(), moments(&part, &targets))?;
            let fitted: Vec<Vec<f32>> = (0..part.len())
                .into_par_iter()
                .map(|i| {
                    let [offset, gain] = gain_and_offset(part.image(i), &model.predict(part.slice(i)));
                    let gain = if gain.abs() > 1e-6 { gain } else { 1.0 };
                    part.image(i).iter().map(|&x| ((f64::from(x) - offset) / gain) as f32).collect()
                })
                .collect();
            targets = fitted.concat();
        }
        let residuals: Vec<Vec<f32>> = (0..healthy.len())
            .into_par_iter()
            .map(|i| model.left(healthy.image(i), healthy.slice(i)))
            .collect();
        for (i, residual) in residuals.iter().enumerate() {
            let (layer, slice) = (healthy.layer[i], healthy.slice(i));
            let known = model.layers.iter_mut().find(|mean| mean.layer == layer && mean.slice == slice);
            match known {
                Some(mean) => {
                    mean.sum.iter_mut().zip(residual).for_each(|(sum, r)| *sum += r);
                    mean.images += 1;
                }
                None => model.layers.push(LayerMean {
                    layer,
                    slice: slice.to_vec(),
                    sum: residual.clone(),
                    images: 1,
                }),
            }
        }
        let (mut squares, mut counts) = ([0.0f64; BINS], [0usize; BINS]);
        for (i, residual) in residuals.iter().enumerate() {
            // By the other images of its layer: its own residual would be taken from itself.
            let rest = model.without_layer(residual.clone(), healthy.slice(i), healthy.layer[i], true);
            for (&r, bin) in rest.iter().zip(surroundings(healthy.slice(i), model.size_px)) {
                squares[bin] += f64::from(r).powi(2);
                counts[bin] += 1;
            }
        }
        let all = (squares.iter().sum::<f64>() / (healthy.len() * pixels) as f64).sqrt();
        if !(all.is_finite() && all > 0.0) {
            return None;
        }
        for (bin, deviation) in model.deviation.iter_mut().enumerate() {
            // A place that is rare has the deviation of all.
            let of_bin = (squares[bin] / counts[bin].max(1) as f64).sqrt();
            *deviation = if counts[bin] > 50 && of_bin > 0.05 * all { of_bin } else { all } as f32;
        }
        Some(model)
    }

    /// The residuals of `images`, in standard deviations of healthy ones and with their sign, laid out as the images' pixels.
    pub fn residuals(&self, images: &ImageSet) -> Vec<f32> {
        let one = |i: usize| {
            let slice = images.slice(i);
            let rest = self.without_layer(self.left(images.image(i), slice), slice, images.layer[i], false);
            let bins = surroundings(slice, self.size_px);
            rest.iter().zip(bins).map(|(&r, bin)| r / self.deviation[bin]).collect::<Vec<f32>>()
        };
        (0..images.len()).into_par_iter().map(one).collect::<Vec<_>>().concat()
    }

    /// The image that a slice leads to expect, but for gain and offset.
    fn predict(&self, slice: &[f32]) -> Vec<f64> {
        let mut predicted = Vec::with_capacity(slice.len());
        each_patch(slice, self.size_px, |_, patch| {
            predicted.push(patch.iter().zip(&self.weights).map(|(p, w)| p * w).sum::<f64>());
        });
        predicted
    }

    fn left(&self, image: &[f32], slice: &[f32]) -> Vec<f32> {
        let predicted = self.predict(slice);
        let [offset, gain] = gain_and_offset(image, &predicted);
        image.iter().zip(&predicted).map(|(&x, p)| (f64::from(x) - offset - gain * p) as f32).collect()
    }

    /// A residual without what (other) healthy images of its layer leave; of few, less than their mean is believed.
    /// `known` says that the residual is one of those.
    fn without_layer(&self, mut residual: Vec<f32>, slice: &[f32], layer: u32, known: bool) -> Vec<f32> {
        let of_layer = self.layers.iter().find(|mean| mean.layer == layer && mean.slice == slice);
        if let Some(mean) = of_layer {
            let others = mean.images - usize::from(known);
            let share = 1.0 / (others + 1) as f32;
            for (r, sum) in residual.iter_mut().zip(&mean.sum) {
                let sum = if known { sum - *r } else { *sum };
                *r -= sum * share;
            }
        }
        residual
    }
}

/// Calls `with` for every pixel with its place and the slice around it, and 1; beyond the edge the slice goes on as it ends.
fn each_patch(slice: &[f32], size_px: usize, mut with: impl FnMut(usize, &[f64; PATCH + 1])) {
    let last = size_px.saturating_sub(1);
    let mut patch = [1.0; PATCH + 1];
    for y in 0..size_px {
        for x in 0..size_px {
            let mut at = 0;
            for dy in 0..=2 * REACH_PX {
                let row = (y + dy).saturating_sub(REACH_PX).min(last) * size_px;
                for dx in 0..=2 * REACH_PX {
                    patch[at] = f64::from(slice[row + (x + dx).saturating_sub(REACH_PX).min(last)]);
                    at += 1;
                }
            }
            with(y * size_px + x, &patch);
        }
    }
}

type Square = Vec<[f64; PATCH + 1]>;

/// Products of the patches, summed over all pixels, with a slight ridge.
fn gram(images: &ImageSet) -> Square {
    let of = |i: usize| {
        let mut gram: Square = vec![[0.0; PATCH + 1]; PATCH + 1];
        each_patch(images.slice(i), images.size_px, |_, patch| {
            for (row, &left) in gram.iter_mut().zip(patch) {
                // Most of a drawing is empty.
                if left != 0.0 {
                    row.iter_mut().zip(patch).for_each(|(sum, &right)| *sum += left * right);
                }
            }
        });
        gram
    };
    let each: Vec<Square> = (0..images.len()).into_par_iter().map(of).collect();
    let mut sum: Square = vec![[0.0; PATCH + 1]; PATCH + 1];
    for gram in each {
        for (row, add) in sum.iter_mut().zip(&gram) {
            row.iter_mut().zip(add).for_each(|(sum, add)| *sum += add);
        }
    }
    let ridge = 1e-6 * images.pixels.len() as f64;
    sum.iter_mut().enumerate().for_each(|(i, row)| row[i] += ridge);
    sum
}

/// Products of the patches with the grey values `targets`.
fn moments(images: &ImageSet, targets: &[f32]) -> [f64; PATCH + 1] {
    let pixels = images.size_px * images.size_px;
    let of = |i: usize| {
        let mut moments = [0.0; PATCH + 1];
        each_patch(images.slice(i), images.size_px, |pixel, patch| {
            let target = f64::from(targets[i * pixels + pixel]);
            moments.iter_mut().zip(patch).for_each(|(sum, p)| *sum += p * target);
        });
        moments
    };
    let each: Vec<[f64; PATCH + 1]> = (0..images.len()).into_par_iter().map(of).collect();
    let mut sum = [0.0; PATCH + 1];
    each.iter().for_each(|one| sum.iter_mut().zip(one).for_each(|(sum, add)| *sum += add));
    sum
}

/// Solves the positive definite `gram` x = `right` by Cholesky's factors; `None` where it is not.
fn solve(mut gram: Square, right: [f64; PATCH + 1]) -> Option<Vec<f64>> {
    let n = right.len();
    for j in 0..n {
        for i in j..n {
            let product: f64 = (0..j).map(|k| gram[i][k] * gram[j][k]).sum();
            let rest = gram[i][j] - product;
            gram[i][j] = if i == j { rest.sqrt() } else { rest / gram[j][j] };
        }
        if gram[j][j].is_nan() || gram[j][j] <= 0.0 {
            return None;
        }
    }
    let mut x = right.to_vec();
    for i in 0..n {
        let known: f64 = (0..i).map(|k| gram[i][k] * x[k]).sum();
        x[i] = (x[i] - known) / gram[i][i];
    }
    for i in (0..n).rev() {
        let known: f64 = (i + 1..n).map(|k| gram[k][i] * x[k]).sum();
        x[i] = (x[i] - known) / gram[i][i];
    }
    Some(x)
}

/// Offset and gain that make `predicted` most like `image`: least squares in which pixels count the less the farther they are
/// off, beyond one and a half deviations.
fn gain_and_offset(image: &[f32], predicted: &[f64]) -> [f64; 2] {
    let (mut offset, mut gain) = (0.0, 1.0);
    let mut weights = vec![1.0; image.len()];
    for _ in 0..ROUNDS {
        let [mut w, mut wp, mut wx, mut wpp, mut wpx] = [0.0; 5];
        for ((&x, &p), &weight) in image.iter().zip(predicted).zip(&weights) {
            let x = f64::from(x);
            w += weight;
            wp += weight * p;
            wx += weight * x;
            wpp += weight * p * p;
            wpx += weight * p * x;
        }
        let determinant = w * wpp - wp * wp;
        if determinant > 1e-12 * w * w {
            gain = (w * wpx - wp * wx) / determinant;
        }
        offset = (wx - gain * wp) / w;
        let off: Vec<f64> =
            image.iter().zip(predicted).map(|(&x, p)| (f64::from(x) - offset - gain * p).abs()).collect();
        let mut sorted = off.clone();
        let middle = sorted.len() / 2;
        let (_, median, _) = sorted.select_nth_unstable_by(middle, f64::total_cmp);
        // 1.4826 medians are a standard deviation of the normal law.
        let far = 1.5 * (1.4826 * *median + 1e-6);
        weights = off.iter().map(|off| (off / far).max(1.0).powi(-2)).collect();
    }
    [offset, gain]
}

/// The share of print around each pixel, in [`BINS`] equal steps.
fn surroundings(slice: &[f32], size_px: usize) -> impl Iterator<Item = usize> {
    let blurred = blur(&Field { size_px, values: slice.to_vec() }, SURROUNDINGS_PX);
    blurred.values.into_iter().map(|share| ((share * BINS as f32) as usize).min(BINS - 1))
}

#[cfg(test)]
mod tests {
    use super::*;
    use generators::stream::Stream;

    const N: usize = 24;

    /// Layers of a square that moves, blurred by a box of 3 px, at a gain and an offset of their own, with noise.
    fn images(count: usize, seed: u64) -> ImageSet {
        let mut stream = Stream::root(seed);
        let mut set = ImageSet { size_px: N, ..ImageSet::default() };
        for i in 0..count {
            let (left, top) = (4 + i % 5, 5 + i % 3);
            let printed = |x: usize, y: usize| (left..left + 10).contains(&x) && (top..top + 9).contains(&y);
            let (gain, offset) = (stream.uniform(0.8, 1.2), stream.uniform(-0.1, 0.1));
            for y in 0..N {
                for x in 0..N {
                    set.nominal.push(f32::from(printed(x, y)));
                    let near =
                        (y.max(1) - 1..=y + 1).flat_map(|y| (x.max(1) - 1..=x + 1).map(move |x| (x, y)));
                    let share = near.filter(|&(x, y)| printed(x, y)).count() as f64 / 9.0;
                    let noise = 0.01 * stream.normal();
                    set.pixels.push((offset + gain * (0.8 - 0.4 * share) + noise) as f32);
                }
            }
            set.job.push(i as u32 / 5);
            set.layer.push(i as u32);
        }
        set
    }

    #[test]
    fn what_healthy_images_leave_is_noise_of_deviation_1() {
        let model = SliceModel::fit(&images(60, 1)).unwrap();
        let mut others = images(30, 2);
        others.layer.iter_mut().for_each(|layer| *layer += 1000);
        let rest = model.residuals(&others);
        let square = rest.iter().map(|r| f64::from(*r).powi(2)).sum::<f64>() / rest.len() as f64;
        assert!((0.8..1.3).contains(&square), "{square}");
    }

    #[test]
    fn a_change_is_left_with_its_sign_and_size() {
        let model = SliceModel::fit(&images(60, 1)).unwrap();
        let mut changed = images(1, 3);
        let at = 9 * N + 8;
        changed.pixels[at] -= 0.2;
        let rest = model.residuals(&changed);
        // The noise is 0.01, and the gain at most 1.2.
        assert!((-26.0..-13.0).contains(&rest[at]), "{}", rest[at]);
        assert!(rest.iter().enumerate().all(|(i, r)| i == at || r.abs() < 6.0));
    }

    #[test]
    fn the_warmth_of_a_layer_is_no_anomaly() {
        let warm = |mut set: ImageSet| {
            for i in 0..set.len() {
                if set.layer[i].is_multiple_of(5) {
                    set.layer[i] = 0;
                    let at = i * N * N + 20 * N + 20;
                    set.pixels[at] += 0.1;
                }
            }
            set
        };
        let mut healthy = warm(images(120, 1));
        healthy.layer.iter_mut().for_each(|layer| *layer %= 15);
        let model = SliceModel::fit(&healthy).unwrap();
        let rest = model.residuals(&warm(images(1, 5)));
        assert!(rest[20 * N + 20].abs() < 5.0, "{}", rest[20 * N + 20]);
    }

    #[test]
    fn nothing_to_learn_from_is_none() {
        assert!(SliceModel::fit(&ImageSet { size_px: N, ..ImageSet::default() }).is_none());
    }
}
