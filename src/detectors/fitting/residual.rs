//! What reconstruction leaves over: scores and maps.

use candle_core::{Device, Result, Tensor, Var};

use crate::detectors::Scores;
use crate::nets::onnx::{Attribute, Graph, Value};
use crate::nets::{NetsError, Parameters};

/// Side of the neighbourhood over which a residual is averaged before its peak is sought.
const PEAK_PX: usize = 3;

/// Names of the scores of a detector that is scored by its residuals alone: their mean over the image, and
/// [`Residuals::peak`].
pub const COMPONENTS: [&str; 2] = ["A_R", "A_R peak"];

/// `(a - b)^2` averaged over all but the first dimension: `[n]`.
pub fn squared_error(a: &Tensor, b: &Tensor) -> Result<Tensor> {
    (a - b)?.sqr()?.flatten_from(1)?.mean(1)
}

/// The residual that healthy images leave at each pixel; none is negative, as a squared one.
///
/// Contours and texture leave a residual in every healthy image, and a small defect far less than all of
/// them together; relative to the healthy residual at its own place it stands out.
#[derive(Clone, Debug)]
pub struct Residuals {
    /// `[1, 1, size, size]`, averaged over the neighbourhood and over healthy images.
    healthy: Var,
    /// For saving.
    parameters: Parameters,
}

impl Residuals {
    /// Not yet measured, for images of `size_px`.
    pub fn new(size_px: usize, device: &Device) -> std::result::Result<Self, NetsError> {
        let mut parameters = Parameters::new(device);
        let healthy = parameters.buffer("healthy", (1, 1, size_px, size_px), 1.0)?;
        Ok(Self { healthy, parameters })
    }

    /// What is saved of it.
    pub fn parameters(&self) -> &Parameters {
        &self.parameters
    }

    /// Measures the residuals `[n, 1, size, size]` of healthy images, given in parts.
    pub fn measure(&self, parts: impl Iterator<Item = Result<Tensor>>) -> Result<()> {
        let (mut sum, mut count) = (self.healthy.zeros_like()?, 0);
        for part in parts {
            let part = part?;
            count += part.dim(0)?;
            sum = (sum + box_mean(&part, PEAK_PX)?.sum_keepdim(0)?)?;
        }
        let mean = (sum / count.max(1) as f64)?;
        // A pixel that never varies would make any change of it infinite.
        let floor = 0.1 * mean.mean_all()?.to_scalar::<f32>()? + f32::MIN_POSITIVE;
        self.healthy.set(&mean.maximum(floor)?)
    }

    /// The largest residual of each image `[n]` relative to the healthy one at its place, over
    /// neighbourhoods of 3 px x 3 px: 1 is ordinary.
    pub fn peak(&self, residual: &Tensor) -> Result<Tensor> {
        box_mean(residual, PEAK_PX)?
            .broadcast_div(&self.healthy.as_detached_tensor())?
            .flatten_from(1)?
            .max(1)
    }

    /// The scores [`COMPONENTS`] of the residuals `[n, 1, size, size]` of images, given in parts, which are the maps.
    pub fn scores(&self, parts: impl Iterator<Item = Result<Tensor>>) -> Result<Scores> {
        let (mut mean, mut peak, mut maps) = (Vec::new(), Vec::new(), Vec::new());
        for residual in parts {
            let residual = residual?;
            mean.extend(residual.flatten_from(1)?.mean(1)?.to_vec1::<f32>()?);
            peak.extend(self.peak(&residual)?.to_vec1::<f32>()?);
            maps.extend(residual.flatten_all()?.to_vec1::<f32>()?);
        }
        Ok(Scores {
            components: COMPONENTS.into_iter().zip([mean, peak]).collect(),
            maps,
            ..Default::default()
        })
    }

    /// As [`Residuals::scores`] of images of `size_px`, as outputs of the graph.
    pub fn scores_onnx(&self, graph: &mut Graph, residual: &Value, size_px: usize) -> Result<()> {
        let (mean, peak) = (graph.mean(residual, 4), self.onnx(graph, residual)?);
        for (name, value) in COMPONENTS.into_iter().zip([&mean, &peak]) {
            graph.output(name, value, &[]);
        }
        graph.output("map", residual, &[1, size_px, size_px]);
        Ok(())
    }

    /// As [`Residuals::peak`].
    pub fn onnx(&self, graph: &mut Graph, residual: &Value) -> Result<Value> {
        let mean = box_mean_onnx(graph, residual, PEAK_PX);
        let healthy = graph.constant(&self.healthy.as_detached_tensor())?;
        let relative = graph.node("Div", &[&mean, &healthy], &[]);
        Ok(graph.largest(&relative, 4))
    }
}

/// Mean over the square of `side` pixels, an odd number, about each pixel of `x` `[n, 1, size, size]`; what lies outside the
/// image counts as 0.
pub fn box_mean(x: &Tensor, side: usize) -> Result<Tensor> {
    let mut mean = x.clone();
    for axis in [2, 3] {
        let padded = mean.pad_with_zeros(axis, side / 2, side / 2)?;
        let mut sum = padded.narrow(axis, 0, x.dim(axis)?)?;
        for from in 1..side {
            sum = (sum + padded.narrow(axis, from, x.dim(axis)?)?)?;
        }
        mean = (sum / side as f64)?;
    }
    Ok(mean)
}

/// As [`box_mean`].
pub fn box_mean_onnx(graph: &mut Graph, x: &Value, side: usize) -> Value {
    let both = |value: usize| Attribute::Integers(vec![value as i64; 2]);
    let attributes = [
        ("kernel_shape", both(side)),
        ("strides", both(1)),
        ("pads", Attribute::Integers(vec![side as i64 / 2; 4])),
        ("count_include_pad", Attribute::Integer(1)),
    ];
    graph.node("AveragePool", &[x], &attributes)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_small_defect_stands_out_where_healthy_images_are_quiet() {
        // Residual 1 in the left half of every healthy image, 0.2 in the right.
        let at = |i: usize| if i % 16 < 8 { 1.0f32 } else { 0.2 };
        let image = |spot: Option<usize>| -> Vec<f32> {
            (0..256).map(|i| at(i) + if spot == Some(i) { 9.0 } else { 0.0 }).collect()
        };
        let tensor = |v: Vec<f32>| Tensor::from_vec(v, (1, 1, 16, 16), &Device::Cpu).unwrap();
        let residuals = Residuals::new(16, &Device::Cpu).unwrap();
        residuals.measure((0..3).map(|_| Ok(tensor(image(None))))).unwrap();
        let peak = |spot| residuals.peak(&tensor(image(spot))).unwrap().to_vec1::<f32>().unwrap()[0];
        assert!((peak(None) - 1.0).abs() < 1e-5);
        assert!((peak(Some(8 * 16 + 4)) - 2.0).abs() < 1e-5, "9 / 9 over 1");
        assert!((peak(Some(8 * 16 + 12)) - 6.0).abs() < 1e-5, "9 / 9 over 0.2");
    }
}
