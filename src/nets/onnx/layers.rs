//! Layers as ONNX operators, as they are after training.

use candle_core::Result;

use super::Attribute::{Float, Integer, Integers, Text};
use super::{Attribute, Graph, Value};
use crate::nets::norm::EPSILON;
use crate::nets::{
    Activation, BatchNorm2d, Conv2d, ConvTranspose2d, InstanceNorm2d, LayerNorm, Linear, Window,
};

impl Activation {
    /// The activation alone.
    pub fn onnx(self, graph: &mut Graph, x: &Value) -> Value {
        match self {
            Self::Identity => x.clone(),
            Self::Relu => graph.node("Relu", &[x], &[]),
            Self::LeakyRelu(slope) => graph.node("LeakyRelu", &[x], &[("alpha", Float(slope))]),
        }
    }
}

fn attributes(window: Window) -> Vec<(&'static str, Attribute)> {
    let Window { kernel, stride, padding, dilation, groups } = window;
    let both = |value: usize| Integers(vec![value as i64; 2]);
    let pads = Integers(vec![padding as i64; 4]);
    vec![
        ("kernel_shape", both(kernel)),
        ("strides", both(stride)),
        ("pads", pads),
        ("dilations", both(dilation)),
        ("group", Integer(groups as i64)),
    ]
}

impl Conv2d {
    /// As [`Conv2d::forward`].
    ///
    /// # Errors
    /// Where the weights cannot be read.
    pub fn onnx(&self, graph: &mut Graph, x: &Value, activation: Activation) -> Result<Value> {
        let (weight, bias) = (graph.constant(&self.weight)?, graph.constant(&self.bias)?);
        let y = graph.node("Conv", &[x, &weight, &bias], &attributes(self.window));
        Ok(activation.onnx(graph, &y))
    }
}

impl ConvTranspose2d {
    /// As [`ConvTranspose2d::forward`].
    ///
    /// # Errors
    /// Where the weights cannot be read.
    pub fn onnx(&self, graph: &mut Graph, x: &Value, activation: Activation) -> Result<Value> {
        let (weight, bias) = (graph.constant(&self.weight)?, graph.constant(&self.bias)?);
        let mut attributes = attributes(self.window);
        attributes.push(("output_padding", Integers(vec![self.output_padding as i64; 2])));
        let y = graph.node("ConvTranspose", &[x, &weight, &bias], &attributes);
        Ok(activation.onnx(graph, &y))
    }
}

impl Linear {
    /// As [`Linear::forward`].
    ///
    /// # Errors
    /// Where the weights cannot be read.
    pub fn onnx(&self, graph: &mut Graph, x: &Value, activation: Activation) -> Result<Value> {
        let (weight, bias) = (graph.constant(&self.weight)?, graph.constant(&self.bias)?);
        let y = graph.node("Gemm", &[x, &weight, &bias], &[("transB", Integer(1))]);
        Ok(activation.onnx(graph, &y))
    }
}

impl BatchNorm2d {
    /// As [`BatchNorm2d::forward`] with the running statistics.
    ///
    /// # Errors
    /// Where the weights cannot be read.
    pub fn onnx(&self, graph: &mut Graph, x: &Value, activation: Activation) -> Result<Value> {
        let (weight, bias) = (graph.constant(&self.weight)?, graph.constant(&self.bias)?);
        let mean = graph.constant(&self.running_mean.as_detached_tensor())?;
        let variance = graph.constant(&self.running_variance.as_detached_tensor())?;
        let inputs = [x, &weight, &bias, &mean, &variance];
        let y = graph.node("BatchNormalization", &inputs, &[("epsilon", Float(EPSILON))]);
        Ok(activation.onnx(graph, &y))
    }
}

impl LayerNorm {
    /// As [`LayerNorm::forward`].
    ///
    /// # Errors
    /// Where the weights cannot be read.
    pub fn onnx(&self, graph: &mut Graph, x: &Value, activation: Activation) -> Result<Value> {
        let (weight, bias) = (graph.constant(&self.weight)?, graph.constant(&self.bias)?);
        let attributes = [("axis", Integer(1)), ("epsilon", Float(EPSILON))];
        let y = graph.node("LayerNormalization", &[x, &weight, &bias], &attributes);
        Ok(activation.onnx(graph, &y))
    }
}

impl InstanceNorm2d {
    /// As [`InstanceNorm2d::forward`].
    ///
    /// # Errors
    /// Where the weights cannot be read.
    pub fn onnx(&self, graph: &mut Graph, x: &Value, activation: Activation) -> Result<Value> {
        let (weight, bias) = (graph.constant(&self.weight)?, graph.constant(&self.bias)?);
        let y = graph.node("InstanceNormalization", &[x, &weight, &bias], &[("epsilon", Float(EPSILON))]);
        Ok(activation.onnx(graph, &y))
    }
}

impl Graph {
    /// As [`upsample_nearest`](crate::nets::upsample_nearest).
    pub fn upsample_nearest(&mut self, x: &Value, factor: usize) -> Value {
        let scales = self.numbers(&[1.0, 1.0, factor as f32, factor as f32]);
        // The region of interest is for crops only.
        let attributes = [
            ("mode", Text("nearest")),
            ("coordinate_transformation_mode", Text("asymmetric")),
            ("nearest_mode", Text("floor")),
        ];
        self.node("Resize", &[x, &Value::NONE, &scales], &attributes)
    }
}
