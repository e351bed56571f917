//! Networks as ONNX graphs, for programs that know nothing of this one.
//!
//! A [`Graph`] is written down operator by operator; layers write themselves ([`Conv2d::onnx`](super::Conv2d::onnx)). The
//! field numbers are those of `onnx.proto3` (<https://github.com/onnx/onnx/blob/main/onnx/onnx.proto3>), the operators those
//! of opset 17.

mod layers;
mod protobuf;

use candle_core::{Result, Tensor};

use self::protobuf::Message;

/// Version of the file's format; 8 belongs to opset 17.
const IR_VERSION: i64 = 8;
const OPSET: i64 = 17;
/// `TensorProto.DataType`.
const FLOAT: i64 = 1;
const INT64: i64 = 7;

/// A tensor in a graph, by its name there.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Value(String);

impl Value {
    /// Stands for an input that an operator can do without.
    const NONE: Self = Self(String::new());
}

/// What an operator is told beside its inputs.
#[derive(Clone, Debug, PartialEq)]
pub enum Attribute {
    /// A whole number.
    Integer(i64),
    /// Whole numbers.
    Integers(Vec<i64>),
    /// A number.
    Float(f32),
    /// A word.
    Text(&'static str),
}

impl Attribute {
    fn message(&self, name: &str) -> Message {
        let named = Message::new().bytes(1, name);
        match self {
            Self::Float(value) => named.float(2, *value).integer(20, 1),
            Self::Integer(value) => named.integer(3, *value).integer(20, 2),
            Self::Text(value) => named.bytes(4, value).integer(20, 3),
            Self::Integers(values) => named.each(values, |m, v| m.integer(8, *v)).integer(20, 7),
        }
    }
}

/// An operator in its place.
#[derive(Clone, Debug)]
struct Node {
    operator: String,
    inputs: Vec<String>,
    result: String,
    attributes: Vec<(String, Attribute)>,
}

impl Node {
    fn message(&self) -> Message {
        Message::new()
            .each(&self.inputs, |m, input| m.bytes(1, input))
            .bytes(2, &self.result)
            .bytes(3, &self.result)
            .bytes(4, &self.operator)
            .each(&self.attributes, |m, (name, value)| m.message(5, &value.message(name)))
    }
}

/// The output with the anomaly maps.
const MAP: &str = "map";

/// A network, operator by operator.
#[derive(Clone, Debug, Default)]
pub struct Graph {
    nodes: Vec<Node>,
    constants: Vec<Message>,
    inputs: Vec<(String, Vec<usize>)>,
    outputs: Vec<(String, Vec<usize>)>,
    names: usize,
}

impl Graph {
    /// An empty graph.
    pub fn new() -> Self {
        Self::default()
    }

    fn name(&mut self, of: &str) -> Value {
        self.names += 1;
        Value(format!("{}_{}", of.to_lowercase(), self.names))
    }

    /// An input `name` of so many images, `[batch, ...shape]`.
    pub fn input(&mut self, name: &str, shape: &[usize]) -> Value {
        self.inputs.push((name.to_owned(), shape.to_vec()));
        Value(name.to_owned())
    }

    /// Gives `value` out, `[batch, ...shape]`, under the [`identifier`] of `name`.
    pub fn output(&mut self, name: &str, value: &Value, shape: &[usize]) {
        let name = identifier(name);
        self.push("Identity", vec![value.0.clone()], name.clone(), &[]);
        self.outputs.push((name, shape.to_vec()));
    }

    /// Weights.
    ///
    /// # Errors
    /// Where the tensor cannot be read or is not of f32.
    pub fn constant(&mut self, tensor: &Tensor) -> Result<Value> {
        let values = tensor.flatten_all()?.to_vec1::<f32>()?;
        let raw: Vec<u8> = values.iter().flat_map(|v| v.to_le_bytes()).collect();
        let dims: Vec<i64> = tensor.dims().iter().map(|&d| d as i64).collect();
        Ok(self.initializer(&dims, FLOAT, &raw))
    }

    /// A number.
    pub fn number(&mut self, value: f64) -> Value {
        self.initializer(&[], FLOAT, &(value as f32).to_le_bytes())
    }

    /// A row of numbers.
    fn numbers(&mut self, values: &[f32]) -> Value {
        let raw: Vec<u8> = values.iter().flat_map(|v| v.to_le_bytes()).collect();
        self.initializer(&[values.len() as i64], FLOAT, &raw)
    }

    fn initializer(&mut self, dims: &[i64], data_type: i64, raw: &[u8]) -> Value {
        let name = self.name("constant");
        let tensor = Message::new().each(dims, |m, d| m.integer(1, *d)).integer(2, data_type);
        self.constants.push(tensor.bytes(8, &name.0).bytes(9, raw));
        name
    }

    /// The result of `operator` on `inputs`.
    pub fn node(&mut self, operator: &str, inputs: &[&Value], attributes: &[(&str, Attribute)]) -> Value {
        let result = self.name(operator);
        self.push(
            operator,
            inputs.iter().map(|input| input.0.clone()).collect(),
            result.0.clone(),
            attributes,
        );
        result
    }

    fn push(
        &mut self,
        operator: &str,
        inputs: Vec<String>,
        result: String,
        attributes: &[(&str, Attribute)],
    ) {
        let attributes = attributes.iter().map(|(name, value)| ((*name).to_owned(), value.clone())).collect();
        self.nodes.push(Node { operator: operator.to_owned(), inputs, result, attributes });
    }

    /// The same network on images that are larger by `factor`, which it sees averaged over squares of so many pixels; its maps are
    /// enlarged back.
    ///
    /// # Errors
    /// Where memory cannot be had.
    pub fn behind_average(mut self, factor: usize) -> Result<Self> {
        let both = |value: usize| Attribute::Integers(vec![value as i64; 2]);
        let squares = [("kernel_shape", both(factor)), ("strides", both(factor))];
        let inputs: Vec<String> = self.inputs.iter().map(|(name, _)| name.clone()).collect();
        for name in &inputs {
            let averaged = self.name("averaged").0;
            for input in
                self.nodes.iter_mut().flat_map(|node| &mut node.inputs).filter(|input| *input == name)
            {
                input.clone_from(&averaged);
            }
            self.push("AveragePool", vec![name.clone()], averaged, &squares);
            self.nodes.rotate_right(1);
        }
        // A transposed convolution with a window of ones repeats each pixel over its square.
        let ones = Tensor::ones((1, 1, factor, factor), candle_core::DType::F32, &candle_core::Device::Cpu)?;
        let ones = self.constant(&ones)?;
        if let Some(map) = self.nodes.iter_mut().find(|node| node.result == MAP) {
            map.operator = "ConvTranspose".to_owned();
            map.inputs.push(ones.0);
            map.attributes = squares.map(|(name, value)| (name.to_owned(), value)).to_vec();
        }
        let described = self.inputs.iter_mut().chain(&mut self.outputs);
        for (_, shape) in described.filter(|(name, _)| name == MAP || inputs.contains(name)) {
            shape.iter_mut().skip(1).for_each(|side| *side *= factor);
        }
        Ok(self)
    }

    /// `x` in the shape `[batch, ...shape]`.
    pub fn reshape(&mut self, x: &Value, shape: &[usize]) -> Value {
        // 0 keeps the batch.
        let dims: Vec<i64> = [0].into_iter().chain(shape.iter().map(|&d| d as i64)).collect();
        let raw: Vec<u8> = dims.iter().flat_map(|d| d.to_le_bytes()).collect();
        let shape = self.initializer(&[dims.len() as i64], INT64, &raw);
        self.node("Reshape", &[x, &shape], &[])
    }

    /// Images `x` `[batch, channels, height, width]` with `margin` px more on every side, each as the pixel of the image that is
    /// nearest to it.
    pub fn repeat_edges(&mut self, x: &Value, margin: usize) -> Value {
        let pads = [0, 0, margin, margin, 0, 0, margin, margin];
        let raw: Vec<u8> = pads.iter().flat_map(|&pad| (pad as i64).to_le_bytes()).collect();
        let pads = self.initializer(&[8], INT64, &raw);
        self.node("Pad", &[x, &pads], &[("mode", Attribute::Text("edge"))])
    }

    /// `count` columns or channels of `x` `[batch, columns, ...]` from `start` on.
    pub fn channels(&mut self, x: &Value, start: usize, count: usize) -> Value {
        let mut numbers = |value: usize| self.initializer(&[1], INT64, &(value as i64).to_le_bytes());
        let [start, end, axis] = [numbers(start), numbers(start + count), numbers(1)];
        self.node("Slice", &[x, &start, &end, &axis], &[])
    }

    /// Tensors `[batch, columns, ...]` side by side.
    pub fn side_by_side(&mut self, parts: &[Value]) -> Value {
        let parts: Vec<&Value> = parts.iter().collect();
        self.node("Concat", &parts, &[("axis", Attribute::Integer(1))])
    }

    /// `x` scale + offset.
    pub fn affine(&mut self, x: &Value, scale: f64, offset: f64) -> Value {
        let (scale, offset) = (self.number(scale), self.number(offset));
        let scaled = self.node("Mul", &[x, &scale], &[]);
        self.node("Add", &[&scaled, &offset], &[])
    }

    /// (a - b)², element by element.
    pub fn squared_difference(&mut self, a: &Value, b: &Value) -> Value {
        let difference = self.node("Sub", &[a, b], &[]);
        self.node("Mul", &[&difference, &difference], &[])
    }

    /// Mean of each sample over everything it holds, for `x` of `dimensions` dimensions, to `[batch]`.
    pub fn mean(&mut self, x: &Value, dimensions: usize) -> Value {
        self.reduced("ReduceMean", x, dimensions)
    }

    /// Mean of each image `[batch, channels, height, width]`, to `[batch, 1, 1, 1]`.
    pub fn mean_of_images(&mut self, x: &Value) -> Value {
        let axes = Attribute::Integers(vec![1, 2, 3]);
        self.node("ReduceMean", &[x], &[("axes", axes), ("keepdims", Attribute::Integer(1))])
    }

    /// As [`Graph::mean`], the largest value.
    pub fn largest(&mut self, x: &Value, dimensions: usize) -> Value {
        self.reduced("ReduceMax", x, dimensions)
    }

    fn reduced(&mut self, operator: &str, x: &Value, dimensions: usize) -> Value {
        let axes = Attribute::Integers((1..dimensions as i64).collect());
        self.node(operator, &[x], &[("axes", axes), ("keepdims", Attribute::Integer(0))])
    }

    /// The file, with `facts` as metadata.
    pub fn into_file(self, facts: &[(&str, &str)]) -> Vec<u8> {
        let graph = Message::new()
            .each(&self.nodes, |m, node| m.message(1, &node.message()))
            .bytes(2, "synthgen")
            .each(&self.constants, |m, constant| m.message(5, constant))
            .each(&self.inputs, |m, (name, shape)| m.message(11, &described(name, shape)))
            .each(&self.outputs, |m, (name, shape)| m.message(12, &described(name, shape)));
        Message::new()
            .integer(1, IR_VERSION)
            .bytes(2, "synthgen")
            .bytes(3, env!("CARGO_PKG_VERSION"))
            .message(7, &graph)
            .message(8, &Message::new().bytes(1, "").integer(2, OPSET))
            .each(facts, |m, (key, value)| m.message(14, &Message::new().bytes(1, key).bytes(2, value)))
            .into_bytes()
    }
}

/// `name` as ONNX allows it: runs of anything but letters and digits become one `_`, and none at the ends.
pub fn identifier(name: &str) -> String {
    let parts = name.split(|c: char| !c.is_ascii_alphanumeric()).filter(|part| !part.is_empty());
    parts.collect::<Vec<_>>().join("_")
}

/// A tensor of f32 `[batch, ...shape]` with a name.
fn described(name: &str, shape: &[usize]) -> Message {
    let batch = Message::new().bytes(2, "batch");
    let sides = shape.iter().map(|&side| Message::new().integer(1, side as i64));
    let shape = Message::new().each([batch].into_iter().chain(sides), |m, side| m.message(1, &side));
    let tensor = Message::new().integer(1, FLOAT).message(2, &shape);
    Message::new().bytes(1, name).message(2, &Message::new().message(1, &tensor))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_identifiers() {
        let names = ["A_R", "A_R peak", "D_f(x)", "D_f(G(E(x)))", "difference"].map(identifier);
        assert_eq!(names, ["A_R", "A_R_peak", "D_f_x", "D_f_G_E_x", "difference"]);
    }
}
