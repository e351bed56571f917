//! Grey values as networks see them.

use candle_core::Tensor;

use crate::data::ImageSet;
use crate::nets::onnx::{Graph, Value};

/// The grey values that the training images span, and what lies a little beyond, mapped to the range that
/// networks work in: they see the same contrast however narrow the camera's range is.
#[derive(Clone, Copy, Debug)]
pub struct GreyRange {
    low: f64,
    high: f64,
}

impl GreyRange {
    /// The range of `images`, and a tenth of it beyond either end for what lies outside.
    pub fn of(images: &ImageSet) -> Self {
        let (low, high) = (images.pixels.iter())
            .fold((f32::INFINITY, f32::NEG_INFINITY), |(low, high), &v| (low.min(v), high.max(v)));
        let (low, high) = (f64::from(low), f64::from(high));
        let beyond = ((high - low) / 10.0).max(1e-3);
        Self { low: low - beyond, high: high + beyond }
    }

    /// The grey values that become the two ends of the networks' range.
    pub fn ends(self) -> [f64; 2] {
        [self.low, self.high]
    }

    /// The range between two grey values.
    pub fn between([low, high]: [f64; 2]) -> Self {
        Self { low, high }
    }

    /// Grey values to -1..1.
    pub fn centred(self, x: &Tensor) -> candle_core::Result<Tensor> {
        let scale = 2.0 / (self.high - self.low);
        x.affine(scale, -1.0 - scale * self.low)
    }

    /// From -1..1 back to grey values.
    pub fn grey(self, x: &Tensor) -> candle_core::Result<Tensor> {
        let half = (self.high - self.low) / 2.0;
        x.affine(half, self.low + half)
    }

    /// Grey values to 0..1.
    pub fn unit(self, x: &Tensor) -> candle_core::Result<Tensor> {
        let scale = 1.0 / (self.high - self.low);
        x.affine(scale, -scale * self.low)?.clamp(0.0, 1.0)
    }

    /// As [`GreyRange::centred`].
    pub fn centred_onnx(self, graph: &mut Graph, x: &Value) -> Value {
        let scale = 2.0 / (self.high - self.low);
        graph.affine(x, scale, -1.0 - scale * self.low)
    }

    /// As [`GreyRange::grey`].
    pub fn grey_onnx(self, graph: &mut Graph, x: &Value) -> Value {
        let half = (self.high - self.low) / 2.0;
        graph.affine(x, half, self.low + half)
    }

    /// As [`GreyRange::unit`].
    pub fn unit_onnx(self, graph: &mut Graph, x: &Value) -> Value {
        let scale = 1.0 / (self.high - self.low);
        let unit = graph.affine(x, scale, -scale * self.low);
        let (low, high) = (graph.number(0.0), graph.number(1.0));
        graph.node("Clip", &[&unit, &low, &high], &[])
    }

    /// As [`GreyRange::grey_of_unit`].
    pub fn grey_of_unit_onnx(self, graph: &mut Graph, x: &Value) -> Value {
        graph.affine(x, self.high - self.low, self.low)
    }

    /// From 0..1 back to grey values.
    pub fn grey_of_unit(self, x: &Tensor) -> candle_core::Result<Tensor> {
        x.affine(self.high - self.low, self.low)
    }
}
