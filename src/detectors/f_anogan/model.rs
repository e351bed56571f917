//! The trained networks as a scorer.

use candle_core::{Result, Tensor};

use super::encoder::Encoder;
use super::{GreyRange, NAME};
use crate::data::ImageSet;
use crate::detectors::fitting::{Residuals, check_size, chunks, squared_error};
use crate::detectors::gan::{Critic, Generator};
use crate::detectors::{DetectorError, Scorer, Scores};
use crate::nets::Mode;
use crate::nets::onnx::{Attribute, Graph};
use crate::representations::Matrix;

/// Names of the scores.
pub const COMPONENTS: [&str; 4] = ["A", "A_R", "A_D", "A_R peak"];
/// Names of the feature vectors, as in Zeiser et al. 2023, Table 2: D_f(x), then D_f(x) and D_f(G(E(x))) side by side, then
/// the one less the other.
pub const FEATURES: [&str; 3] = ["D_f(x)", "stack", "difference"];

/// Critic and generator after their training: no gradient reaches their weights, nothing is dropped.
#[derive(Clone, Debug)]
pub struct Frozen {
    /// Grey values as the networks see them.
    pub(in crate::detectors) range: GreyRange,
    /// D.
    pub critic: Critic,
    /// G.
    pub generator: Generator,
}

/// What images and their reconstructions differ in, one entry per image.
pub struct Difference {
    /// A_R: mean squared error of the grey values `[n]`.
    pub pixels: Tensor,
    /// A_D: mean squared error of the features `[n]`.
    pub features: Tensor,
    /// G(E(x)), grey values 0 to 1.
    pub reconstruction: Tensor,
    /// D_f(x) and D_f(G(E(x))), each `[n, features]`.
    pub vectors: [Tensor; 2],
}

impl Difference {
    /// A = (1 - lambda) A_R + lambda A_D, equation 1 of Zeiser et al. 2023.
    pub fn combined(&self, lambda: f64) -> Result<Tensor> {
        (&self.pixels * (1.0 - lambda))? + (&self.features * lambda)?
    }
}

impl Frozen {
    /// D_f(x) of images `x` in 0 to 1: `[n, features]`.
    pub fn features(&self, x: &Tensor) -> Result<Tensor> {
        self.critic.features(&self.range.centred(x)?, &[])
    }

    /// Images `x` in 0 to 1 against those that the latent vectors `z` stand for.
    pub fn score(&self, x: &Tensor, z: &Tensor) -> Result<Difference> {
        self.compare(x, self.features(x)?, z)
    }

    /// As [`Frozen::score`], where D_f(x) is known.
    pub fn compare(&self, x: &Tensor, of_x: Tensor, z: &Tensor) -> Result<Difference> {
        let made = self.generator.forward(z, Mode::Inference)?;
        let reconstruction = self.range.grey(&made)?;
        let vectors = [of_x, self.critic.features(&made, &[])?];
        Ok(Difference {
            pixels: squared_error(x, &reconstruction)?,
            features: squared_error(&vectors[0], &vectors[1])?,
            reconstruction,
            vectors,
        })
    }
}

/// A fitted f-AnoGAN.
pub struct FAnoGanScorer {
    /// Critic and generator.
    pub frozen: Frozen,
    /// Encoder.
    pub encoder: Encoder,
    /// What healthy images leave over.
    pub residuals: Residuals,
    /// Weight of A_D in A.
    pub lambda: f64,
    /// What it was trained on.
    pub size_px: usize,
}

impl FAnoGanScorer {
    /// Squared residual of each image `[n, 1, size, size]`, and the difference it comes from.
    pub fn residual(&self, x: &Tensor) -> Result<(Tensor, Difference)> {
        let z = self.encoder.forward(&self.frozen.range.centred(x)?, None)?;
        let difference = self.frozen.score(x, &z)?;
        Ok(((x - &difference.reconstruction)?.sqr()?, difference))
    }
}

impl Scorer for FAnoGanScorer {
    fn score(&self, images: &ImageSet) -> std::result::Result<Scores, DetectorError> {
        check_size(NAME, self.size_px, images)?;
        let mut components = [const { Vec::new() }; 4];
        let mut features = [const { Vec::new() }; 3];
        let mut maps = Vec::new();
        for x in chunks(images, self.encoder.parameters.device()) {
            let (residual, difference) = self.residual(&x?)?;
            let scores = [
                difference.combined(self.lambda)?,
                difference.pixels,
                difference.features,
                self.residuals.peak(&residual)?,
            ];
            for (all, part) in components.iter_mut().zip(&scores) {
                all.extend(part.to_vec1::<f32>()?);
            }
            let [real, made] = difference.vectors;
            let vectors = [&real, &Tensor::cat(&[&real, &made], 1)?, &(&real - &made)?];
            for (all, part) in features.iter_mut().zip(vectors) {
                all.extend(part.flatten_all()?.to_vec1::<f32>()?);
            }
            maps.extend(residual.flatten_all()?.to_vec1::<f32>()?);
        }
        let rows = images.len();
        let matrix = |values: Vec<f32>| Matrix::new(rows, values.len() / rows.max(1), values);
        Ok(Scores {
            components: COMPONENTS.into_iter().zip(components).collect(),
            features: FEATURES.into_iter().zip(features.map(matrix)).collect(),
            maps,
            ..Default::default()
        })
    }

    fn onnx(&self) -> std::result::Result<Graph, DetectorError> {
        let shape = [1, self.size_px, self.size_px];
        let mut graph = Graph::new();
        let x = graph.input("images", &shape);
        let Frozen { range, critic, generator } = &self.frozen;
        let centred = range.centred_onnx(&mut graph, &x);
        let z = self.encoder.onnx(&mut graph, &centred)?;
        let made = generator.onnx(&mut graph, &z)?;
        let reconstruction = range.grey_onnx(&mut graph, &made);
        let residual = graph.squared_difference(&x, &reconstruction);
        let pixels = graph.mean(&residual, 4);
        let of_image = critic.features_onnx(&mut graph, &centred)?;
        let of_made = critic.features_onnx(&mut graph, &made)?;
        let squares = graph.squared_difference(&of_image, &of_made);
        let features = graph.mean(&squares, 2);
        let shares =
            [graph.affine(&pixels, 1.0 - self.lambda, 0.0), graph.affine(&features, self.lambda, 0.0)];
        let combined = graph.node("Add", &[&shares[0], &shares[1]], &[]);
        let peak = self.residuals.onnx(&mut graph, &residual)?;
        for (name, value) in COMPONENTS.into_iter().zip([&combined, &pixels, &features, &peak]) {
            graph.output(name, value, &[]);
        }
        let stack = graph.node("Concat", &[&of_image, &of_made], &[("axis", Attribute::Integer(1))]);
        let difference = graph.node("Sub", &[&of_image, &of_made], &[]);
        let vectors = [(&of_image, 1), (&stack, 2), (&difference, 1)];
        for (name, (value, times)) in FEATURES.into_iter().zip(vectors) {
            graph.output(name, value, &[times * critic.feature_count()]);
        }
        graph.output("map", &residual, &shape);
        Ok(graph)
    }
}
