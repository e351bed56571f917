//! Structural similarity of images (Wang et al. 2004).

use candle_core::{Device, Result, Tensor};

use super::onnx::{Graph, Value};
use super::product::product;

/// Pixels along one side of the window, and the standard deviation of its weights (Wang et al. 2004, section III-C).
const WINDOW_PX: usize = 11;
const SPREAD_PX: f64 = 1.5;
/// What keeps the two quotients finite, for values between 0 and 1: (K L)^2 with K = 0.01 and 0.03, L = 1.
const LUMINANCE: f64 = 1e-4;
const CONTRAST: f64 = 9e-4;
/// Of the values.
const MIDDLE: f64 = 0.5;

/// Compares square images of one size, pixel by pixel, in the window about each.
///
/// With means m, variances v and covariance c of two images a and b, each pixel weighted by a Gaussian about the window's middle,
/// the similarity is (2 m_a m_b + C1) (2 c + C2) / ((m_a² + m_b² + C1) (v_a + v_b + C2)): 1 where both are equal there, and
/// never more. At the edge of the image the window is cut off and its weights are scaled up to a sum of 1.
///
/// With mean m_d and variance v_d of the difference a - b that is (1 - m_d² / (m_a² + m_b² + C1)) (1 - v_d / (v_a + v_b + C2)), and so
/// it is computed: images that are nearly alike differ by little, which the covariance of f32 would not tell from nothing.
///
/// The window is the product of one along rows and one along columns, so that the means are a product of matrices, W x Wᵀ: exact
/// in both directions, and the same on a card.
#[derive(Clone, Debug)]
pub struct Ssim {
    /// W `[side, side]`: row i holds the weights about pixel i.
    window: Tensor,
}

impl Ssim {
    /// For images of `side` px.
    ///
    /// # Errors
    /// Where memory cannot be had on the device.
    pub fn new(side: usize, device: &Device) -> Result<Self> {
        let weight = |i: usize, j: usize| match i.abs_diff(j) {
            distance if distance <= WINDOW_PX / 2 => (-0.5 * (distance as f64 / SPREAD_PX).powi(2)).exp(),
            _ => 0.0,
        };
        let mut window = Vec::with_capacity(side * side);
        for i in 0..side {
            let sum: f64 = (0..side).map(|j| weight(i, j)).sum();
            window.extend((0..side).map(|j| (weight(i, j) / sum) as f32));
        }
        Ok(Self { window: Tensor::from_vec(window, (side, side), device)? })
    }

    /// 1 less the similarity about each pixel of `a` and `b`, differentiable in both.
    ///
    /// # Shapes
    /// `a`, `b` and the result `[n, 1, side, side]`, values between 0 and 1; the result lies between 0 and 2.
    ///
    /// # Errors
    /// Where the shapes differ or are not of this side.
    pub fn dissimilarity(&self, a: &Tensor, b: &Tensor) -> Result<Tensor> {
        let shape = a.dims4()?;
        // Measured from the middle of the grey values, of which less cancels.
        let (a, b) = ((a - MIDDLE)?, (b - MIDDLE)?);
        let (mean_a, mean_b) = (self.means(&a)?, self.means(&b)?);
        let squares = self.means(&(a.sqr()? + b.sqr()?)?)?;
        // Of values far from these, rounding would leave negative ones.
        let variances = (squares - (mean_a.sqr()? + mean_b.sqr()?)?)?.relu()?;
        let of_means = ((&mean_a + MIDDLE)?.sqr()? + (&mean_b + MIDDLE)?.sqr()?)?;
        let of_difference = (mean_a - mean_b)?.sqr()?;
        let variance = (self.means(&(a - b)?.sqr()?)? - &of_difference)?.relu()?;
        let luminance = (of_difference / (of_means + LUMINANCE)?)?;
        let contrast = (variance / (variances + CONTRAST)?)?;
        // 1 - (1 - luminance) (1 - contrast)
        let unlike = ((&luminance + &contrast)? - (luminance * contrast)?)?;
        // Rows and columns back in their places.
        unlike.transpose(1, 2)?.contiguous()?.reshape(shape)
    }

    /// The means in the window about each pixel of `x` `[n, 1, side, side]`, rows and columns exchanged: `[n, side, side]`.
    fn means(&self, x: &Tensor) -> Result<Tensor> {
        let (n, _, height, width) = x.dims4()?;
        let along_rows = |x: &Tensor| product(&x.reshape(((), width))?, false, &self.window, true);
        let turned = along_rows(x)?.reshape((n, height, width))?.transpose(1, 2)?.contiguous()?;
        along_rows(&turned)?.reshape((n, width, height))
    }

    /// As [`Ssim::dissimilarity`].
    ///
    /// # Errors
    /// Where the window cannot be read.
    pub fn onnx(&self, graph: &mut Graph, a: &Value, b: &Value) -> Result<Value> {
        let (rows, columns) = (graph.constant(&self.window.t()?)?, graph.constant(&self.window)?);
        let means = |graph: &mut Graph, x: &Value| {
            let along_rows = graph.node("MatMul", &[x, &rows], &[]);
            graph.node("MatMul", &[&columns, &along_rows], &[])
        };
        let both =
            |graph: &mut Graph, operator: &str, x: &Value, y: &Value| graph.node(operator, &[x, y], &[]);
        let [a, b] = [a, b].map(|x| graph.affine(x, 1.0, -MIDDLE));
        let (mean_a, mean_b) = (means(graph, &a), means(graph, &b));
        let squares = |graph: &mut Graph, x: &Value, y: &Value| {
            let [x, y] = [x, y].map(|x| graph.node("Mul", &[x, x], &[]));
            graph.node("Add", &[&x, &y], &[])
        };
        let (of_images, of_their_means) = (squares(graph, &a, &b), squares(graph, &mean_a, &mean_b));
        let of_images = means(graph, &of_images);
        let variances = both(graph, "Sub", &of_images, &of_their_means);
        let variances = graph.node("Relu", &[&variances], &[]);
        let [grey_a, grey_b] = [&mean_a, &mean_b].map(|x| graph.affine(x, 1.0, MIDDLE));
        let of_means = squares(graph, &grey_a, &grey_b);
        let of_difference = graph.squared_difference(&mean_a, &mean_b);
        let differences = graph.squared_difference(&a, &b);
        let differences = means(graph, &differences);
        let variance = both(graph, "Sub", &differences, &of_difference);
        let variance = graph.node("Relu", &[&variance], &[]);
        let luminance = graph.affine(&of_means, 1.0, LUMINANCE);
        let luminance = both(graph, "Div", &of_difference, &luminance);
        let contrast = graph.affine(&variances, 1.0, CONTRAST);
        let contrast = both(graph, "Div", &variance, &contrast);
        let (sum, product) =
            (both(graph, "Add", &luminance, &contrast), both(graph, "Mul", &luminance, &contrast));
        Ok(both(graph, "Sub", &sum, &product))
    }
}

#[cfg(test)]
mod tests {
    use candle_core::Var;

    use super::*;

    const SIDE: usize = 13;

    fn wave(phase: f64) -> Vec<f64> {
        let at = |i: usize| 0.5 + 0.4 * (0.7 * (i * i) as f64 + 1.3 * i as f64 + phase).sin();
        (0..SIDE * SIDE).map(at).collect()
    }

    fn images() -> [Vec<f64>; 2] {
        let (a, other) = (wave(1.0), wave(4.0));
        let b = a.iter().zip(other).map(|(a, other)| 0.6 * a + 0.4 * other).collect();
        [a, b]
    }

    /// By its definition, in plain loops.
    fn similarity(a: &[f64], b: &[f64]) -> Vec<f64> {
        let about = |row: usize, column: usize| {
            let (mut weights, mut sums) = (0.0, [0.0; 5]);
            for r in row.saturating_sub(5)..SIDE.min(row + 6) {
                for c in column.saturating_sub(5)..SIDE.min(column + 6) {
                    let squared = r.abs_diff(row).pow(2) + c.abs_diff(column).pow(2);
                    let weight = (-(squared as f64) / (2.0 * 1.5 * 1.5)).exp();
                    let (x, y) = (a[r * SIDE + c], b[r * SIDE + c]);
                    weights += weight;
                    for (sum, value) in sums.iter_mut().zip([x, y, x * x, y * y, x * y]) {
                        *sum += weight * value;
                    }
                }
            }
            let [x, y, xx, yy, xy] = sums.map(|sum| sum / weights);
            let (c1, c2) = (0.01f64.powi(2), 0.03f64.powi(2));
            (2.0 * x * y + c1) * (2.0 * (xy - x * y) + c2)
                / ((x * x + y * y + c1) * (xx - x * x + yy - y * y + c2))
        };
        (0..SIDE * SIDE).map(|i| about(i / SIDE, i % SIDE)).collect()
    }

    fn var(values: &[f64]) -> Var {
        let values: Vec<f32> = values.iter().map(|v| *v as f32).collect();
        Var::from_vec(values, (1, 1, SIDE, SIDE), &Device::Cpu).unwrap()
    }

    fn floats(tensor: &Tensor) -> Vec<f64> {
        tensor.flatten_all().unwrap().to_vec1::<f32>().unwrap().into_iter().map(f64::from).collect()
    }

    /// The middle, where no window is cut off, against scikit-image 0.26:
    ///
    /// ```python
    /// import math, numpy
    /// from skimage.metrics import structural_similarity
    /// def wave(phase):
    ///     return numpy.array([0.5 + 0.4 * math.sin(0.7 * i * i + 1.3 * i + phase) for i in range(169)]).reshape(13, 13)
    /// a = wave(1)
    /// b = 0.6 * a + 0.4 * wave(4)
    /// _, map = structural_similarity(a, b, gaussian_weights=True, use_sample_covariance=False, data_range=1, full=True)
    /// print(", ".join(f"{v:.9}" for v in map[5:8, 5:8].flatten()))
    /// ```
    #[test]
    fn the_similarity_is_that_of_scikit_image() {
        let expected = [
            0.38657332,
            0.388848832,
            0.391045438,
            0.379162936,
            0.377343561,
            0.378304372,
            0.374636791,
            0.370746402,
            0.367439499,
        ];
        let [a, b] = images();
        let by_definition = similarity(&a, &b);
        let unlike = Ssim::new(SIDE, &Device::Cpu).unwrap().dissimilarity(&var(&a), &var(&b)).unwrap();
        let map: Vec<f64> = floats(&unlike).into_iter().map(|v| 1.0 - v).collect();
        for (i, expected) in expected.into_iter().enumerate() {
            let at = (5 + i / 3) * SIDE + 5 + i % 3;
            assert!((by_definition[at] - expected).abs() < 1e-8, "{}: {}", i, by_definition[at]);
            assert!((map[at] - expected).abs() < 1e-5, "{}: {}", i, map[at]);
        }
        // And to the edges.
        assert!(map.iter().zip(&by_definition).all(|(found, expected)| (found - expected).abs() < 1e-5));
    }

    #[test]
    fn gradients_are_the_quotients_of_small_differences() {
        let [a, b] = images();
        let upstream = wave(2.0);
        let total = |a: &[f64], b: &[f64]| -> f64 {
            similarity(a, b).iter().zip(&upstream).map(|(s, weight)| (1.0 - s) * weight).sum()
        };
        let (x, y) = (var(&a), var(&b));
        let map = Ssim::new(SIDE, &Device::Cpu).unwrap().dissimilarity(&x, &y).unwrap();
        let gradients =
            (map * var(&upstream).as_detached_tensor()).unwrap().sum_all().unwrap().backward().unwrap();
        let moved = |of: &[f64], i: usize, by: f64| {
            let mut of = of.to_vec();
            of[i] += by;
            of
        };
        const STEP: f64 = 1e-5;
        for (of_first, found) in
            [(true, floats(gradients.get(&x).unwrap())), (false, floats(gradients.get(&y).unwrap()))]
        {
            let expected: Vec<f64> = (0..SIDE * SIDE)
                .map(|i| {
                    let at = |by: f64| match of_first {
                        true => total(&moved(&a, i, by), &b),
                        false => total(&a, &moved(&b, i, by)),
                    };
                    (at(STEP) - at(-STEP)) / (2.0 * STEP)
                })
                .collect();
            let largest = expected.iter().fold(0.0f64, |largest, v| largest.max(v.abs()));
            for (i, (found, expected)) in found.iter().zip(expected).enumerate() {
                assert!((found - expected).abs() < 1e-4 * largest, "{i}: {found} for {expected}");
            }
        }
    }

    /// As a decoder gives that has lost its way: rounding makes nothing of it likely, nor more than unlike.
    #[test]
    fn what_is_far_from_grey_values_is_unlike_them_and_no_more() {
        let [a, other] = images();
        for level in [30.0, 300.0, 3000.0] {
            let b: Vec<f64> = other.iter().map(|v| level + 0.01 * v).collect();
            let map =
                floats(&Ssim::new(SIDE, &Device::Cpu).unwrap().dissimilarity(&var(&a), &var(&b)).unwrap());
            assert!(map.iter().all(|v| (0.8..=2.0).contains(v)), "{level}: {map:?}");
        }
    }

    #[test]
    fn an_image_is_like_itself_and_unlike_its_negative() {
        let [a, _] = images();
        let negative: Vec<f64> = a.iter().map(|v| 1.0 - v).collect();
        let ssim = Ssim::new(SIDE, &Device::Cpu).unwrap();
        let unlike = |b: &[f64]| floats(&ssim.dissimilarity(&var(&a), &var(b)).unwrap());
        assert!(unlike(&a).iter().all(|v| *v == 0.0));
        assert!(unlike(&negative).iter().all(|v| *v > 1.5));
        let small = Tensor::zeros((1, 1, 9, 9), candle_core::DType::F32, &Device::Cpu).unwrap();
        assert!(ssim.dissimilarity(&small, &var(&a)).is_err());
    }

    /// What is left of it where images are bright, of little contrast and nearly alike.
    #[test]
    fn small_differences_are_not_lost_in_rounding() {
        let a: Vec<f64> = wave(1.0).into_iter().map(|v| 0.8 + 0.05 * v).collect();
        let b: Vec<f64> = a.iter().zip(wave(4.0)).map(|(a, other)| a + 0.004 * other).collect();
        // As f32 holds them.
        let [a, b] = [a, b].map(|image| image.into_iter().map(|v| f64::from(v as f32)).collect::<Vec<_>>());
        let found =
            floats(&Ssim::new(SIDE, &Device::Cpu).unwrap().dissimilarity(&var(&a), &var(&b)).unwrap());
        for (found, similarity) in found.iter().zip(similarity(&a, &b)) {
            let expected = 1.0 - similarity;
            assert!((found - expected).abs() < 2e-3 * expected, "{found} for {expected}");
        }
    }
}
