//! Convolutions with fixed weights, over images whose outermost pixels go on outside of them.
//!
//! The bank stands in the place of a backbone that others train on photographs, which a program that downloads nothing does not
//! have. Its filters are derivatives of Gaussians, orders 0 to 2 at three widths: what is to be known of a place, as a Taylor
//! series at several scales (Koenderink and van Doorn 1987, doi:10.1007/BF00318371).

use candle_core::{Device, Result, Tensor};

use crate::nets::onnx::{Graph, Value};
use crate::nets::{Activation, Conv2d, Window};

/// Standard deviations of the bank's Gaussians, in px: from a speck to a clump.
const SIGMAS_PX: [usize; 3] = [1, 2, 4];
/// Orders of the derivatives along x and y.
const ORDERS: [[usize; 2]; 6] = [[0, 0], [1, 0], [0, 1], [2, 0], [1, 1], [0, 2]];
/// Responses of the bank at each place, which its features are made of: for every width its derivatives, in this order.
pub const FEATURES: usize = SIGMAS_PX.len() * ORDERS.len();
/// Side of a patch, p of eq. 1.
const PATCH: usize = 3;
/// Pixels from one place to the next, along either axis; a place is the middle of so many by so many pixels.
pub const PLACE_PX: usize = 2;
/// Standard deviation of the Gaussian that smooths a map, in px.
const SMOOTHING_PX: f64 = 1.5;
/// Deviations on either side at which a Gaussian ends.
const EXTENT: usize = 4;

/// A convolution whose weights nobody trains.
#[derive(Clone, Debug)]
pub struct Filters {
    conv: Conv2d,
    /// Pixels by which the image goes on at each of its borders.
    margin: usize,
}

impl Filters {
    /// The bank: from images `[n, 1, size, size]` to [`FEATURES`] `[n, FEATURES, size / 2, size / 2]`, each averaged over the
    /// patch about its place (Tang and Jung 2023, eqs. 1 and 2). Averaging commutes with convolution, so that both are one.
    pub fn bank(device: &Device) -> Result<Self> {
        let widest = SIGMAS_PX.into_iter().max().unwrap_or(1);
        let side = 2 * EXTENT * widest + PATCH - 1;
        let mut weights = Vec::with_capacity(FEATURES * side * side);
        for sigma_px in SIGMAS_PX {
            let along: Vec<Vec<f64>> =
                (0..3).map(|order| averaged(&derivative(sigma_px, order), side)).collect();
            for [x, y] in ORDERS {
                weights.extend(outer(&along[y], &along[x]));
            }
        }
        let weights = Tensor::from_vec(weights, (FEATURES, 1, side, side), device)?;
        // Windows are of even sides: their middles lie between pixels, as those of places do.
        Self::new(weights, PLACE_PX, side / 2 - 1)
    }

    /// A Gaussian over maps `[n, 1, size, size]`, which keep their size.
    pub fn smoothing(device: &Device) -> Result<Self> {
        let margin = (EXTENT as f64 * SMOOTHING_PX).round() as usize;
        let bell: Vec<f64> =
            (0..=2 * margin).map(|i| gaussian(i as f64 - margin as f64, SMOOTHING_PX)).collect();
        let sum: f64 = bell.iter().sum();
        let bell: Vec<f64> = bell.iter().map(|v| v / sum).collect();
        let weights = Tensor::from_vec(outer(&bell, &bell), (1, 1, bell.len(), bell.len()), device)?;
        Self::new(weights, 1, margin)
    }

    fn new(weights: Tensor, stride: usize, margin: usize) -> Result<Self> {
        let window = Window::new(weights.dim(3)?, stride, 0);
        Ok(Self { conv: Conv2d::fixed(weights, window)?, margin })
    }

    /// What the filters say of the images `x` `[n, 1, size, size]`.
    pub fn forward(&self, x: &Tensor) -> Result<Tensor> {
        let (m, last) = (self.margin, Activation::Identity);
        self.conv.forward(&x.pad_with_same(2, m, m)?.pad_with_same(3, m, m)?, last)
    }

    /// As [`Filters::forward`].
    pub fn onnx(&self, graph: &mut Graph, x: &Value) -> Result<Value> {
        let wide = graph.repeat_edges(x, self.margin);
        self.conv.onnx(graph, &wide, Activation::Identity)
    }
}

fn gaussian(x: f64, sigma: f64) -> f64 {
    (-0.5 * (x / sigma).powi(2)).exp()
}

/// The derivative of `order` 0, 1 or 2 of a Gaussian, times its deviation to the power of the order, at -2.5, -1.5, -0.5, 0.5, ... px:
/// as weights of pixels, whose sum with the values of a polynomial of degree 2 is exactly that derivative of it between the pixels.
fn derivative(sigma_px: usize, order: usize) -> Vec<f64> {
    let (reach, sigma) = (EXTENT * sigma_px, sigma_px as f64);
    let places: Vec<f64> = (0..2 * reach).map(|i| i as f64 - reach as f64 + 0.5).collect();
    let bell: Vec<f64> = places.iter().map(|&x| gaussian(x, sigma)).collect();
    // Its moments, of which those of odd order vanish.
    let moment = |power: i32| places.iter().zip(&bell).map(|(x, g)| x.powi(power) * g).sum::<f64>();
    let (area, second, fourth) = (moment(0), moment(2), moment(4));
    let weight = |x: f64| match order {
        0 => 1.0 / area,
        1 => sigma * x / second,
        _ => 2.0 * sigma * sigma * (x * x - second / area) / (fourth - second * second / area),
    };
    places.iter().zip(&bell).map(|(&x, g)| weight(x) * g).collect()
}

/// `weights`, each the mean over [`PATCH`] neighbours, in the middle of `side` numbers.
fn averaged(weights: &[f64], side: usize) -> Vec<f64> {
    let mut wide = vec![0.0; side];
    let first = (side - (weights.len() + PATCH - 1)) / 2;
    for (i, weight) in weights.iter().enumerate() {
        for sum in &mut wide[first + i..first + i + PATCH] {
            *sum += weight / PATCH as f64;
        }
    }
    wide
}

/// Rows `a` times columns `b`.
fn outer(a: &[f64], b: &[f64]) -> Vec<f32> {
    a.iter().flat_map(|a| b.iter().map(move |b| (a * b) as f32)).collect()
}

#[cfg(test)]
mod tests {
    use std::f64::consts::TAU;

    use super::*;

    const SIDE: usize = 64;
    /// A place far from the border, along either axis, and where its middle lies, in px.
    const PLACE: usize = 16;
    const AT: f64 = (PLACE * PLACE_PX) as f64 + 0.5;

    /// Responses, by width and order, at the place in the middle of the image whose pixels are `f(x, y)`, with x to the right.
    fn responses(f: impl Fn(f64, f64) -> f64) -> Vec<[f64; 6]> {
        let pixels = (0..SIDE * SIDE).map(|i| f((i % SIDE) as f64, (i / SIDE) as f64) as f32).collect();
        let x = Tensor::from_vec(pixels, (1, 1, SIDE, SIDE), &Device::Cpu).unwrap();
        let y = Filters::bank(&Device::Cpu).unwrap().forward(&x).unwrap();
        assert_eq!(y.dims(), [1, FEATURES, SIDE / PLACE_PX, SIDE / PLACE_PX]);
        let at = |i: usize| y.get(0).unwrap().get(i).unwrap().get(PLACE).unwrap().get(PLACE).unwrap();
        let all: Vec<f64> = (0..FEATURES).map(|i| f64::from(at(i).to_scalar::<f32>().unwrap())).collect();
        all.as_chunks().0.to_vec()
    }

    /// Derivatives of a polynomial of degree 2 are those that one writes down: about its middle, a patch adds the variance
    /// 2/3 of its pixels to a square, and the Gaussian its own.
    #[test]
    fn a_polynomial_has_its_own_derivatives() {
        let (a, b, c) = (0.3, 0.02, -0.01);
        let ramp = responses(|x, y| a + b * (x - AT) + c * (y - AT));
        for (found, sigma) in ramp.iter().zip([1.0, 2.0, 4.0]) {
            let expected = [a, b * sigma, c * sigma, 0.0, 0.0, 0.0];
            for (found, expected) in found.iter().zip(expected) {
                assert!((found - expected).abs() < 1e-5, "{sigma}: {found} for {expected}");
            }
        }
        let (a, b, c) = (0.002, 0.001, -0.0005);
        let curved = responses(|x, y| {
            let (x, y) = (x - AT, y - AT);
            a * x * x / 2.0 + b * x * y + c * y * y / 2.0
        });
        for (found, sigma) in curved.iter().zip([1.0f64, 2.0, 4.0]) {
            let expected = [0.0, 0.0, a * sigma * sigma, b * sigma * sigma, c * sigma * sigma];
            for (found, expected) in found[1..].iter().zip(expected) {
                assert!((found - expected).abs() < 1e-5, "{sigma}: {found} for {expected}");
            }
            // A Gaussian that ends at four deviations has a little less than its own variance.
            let mean = (a + c) / 2.0 * (sigma * sigma + 2.0 / 3.0);
            assert!((found[0] / mean - 1.0).abs() < 0.01, "{sigma}: {} for {mean}", found[0]);
        }
    }

    /// A wave of frequency w passes a Gaussian's nth derivative with the factor (sigma w)^n exp(-sigma² w² / 2), and the mean of
    /// three pixels with (1 + 2 cos w) / 3; each derivative moves it on by a quarter of its length.
    #[test]
    fn a_wave_passes_as_its_transfer_function_says() {
        let w = TAU / 16.0;
        for quarter in [0.0, 0.7] {
            let found = responses(|x, _| (w * (x - AT) + quarter).sin());
            for (found, sigma) in found.iter().zip([1.0, 2.0, 4.0]) {
                let factor = (-0.5 * (sigma * w) * (sigma * w)).exp() * (1.0 + 2.0 * w.cos()) / 3.0;
                let derivatives =
                    [quarter.sin(), sigma * w * quarter.cos(), -(sigma * w).powi(2) * quarter.sin()];
                for (i, expected) in [0, 1, 3].into_iter().zip(derivatives) {
                    let (found, expected) = (found[i], factor * expected);
                    assert!((found - expected).abs() < 0.01, "{sigma}, {i}: {found} for {expected}");
                }
                // Nothing varies along y.
                assert!([2, 4, 5].iter().all(|&i| found[i].abs() < 1e-5), "{found:?}");
            }
        }
    }

    /// Nor is there an edge where the image ends.
    #[test]
    fn a_level_image_has_no_derivatives_and_stays_level() {
        let x = Tensor::full(0.7f32, (2, 1, 16, 16), &Device::Cpu).unwrap();
        let y = Filters::bank(&Device::Cpu).unwrap().forward(&x).unwrap();
        assert_eq!(y.dims(), [2, FEATURES, 8, 8]);
        for (i, response) in
            y.get(1).unwrap().flatten_from(1).unwrap().to_vec2::<f32>().unwrap().iter().enumerate()
        {
            let expected = if i % ORDERS.len() == 0 { 0.7 } else { 0.0 };
            assert!(response.iter().all(|v| (v - expected).abs() < 1e-5), "{i}: {response:?}");
        }
        let smooth = Filters::smoothing(&Device::Cpu).unwrap().forward(&x).unwrap();
        assert_eq!(smooth.dims(), x.dims());
        let values = smooth.flatten_all().unwrap().to_vec1::<f32>().unwrap();
        assert!(values.iter().all(|v| (v - 0.7).abs() < 1e-5));
    }
}
