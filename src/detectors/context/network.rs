//! Which patterns an image may be made of, and how far its pixels scatter about them.

use candle_core::{Device, Result, Tensor};
use generators::stream::Stream;

use super::ByContext;
use crate::data::Context;
use crate::detectors::fitting::{GreyRange, Seen};
use crate::detectors::{Detector, DetectorError};
use crate::nets::onnx::{Attribute, Graph, Value};
use crate::nets::{Activation, Conv2d, ConvTranspose2d, Init, NetsError, Parameters, Window};

/// Keeps a side.
const SAME: Window = Window::new(3, 1, 1);
/// Halves or doubles a side.
const HALF: Window = Window::new(4, 2, 1);
const SLOPE: f32 = 0.1;
const LEAKY: Activation = Activation::LeakyRelu(SLOPE);
const HE: Init = Init::He { slope: SLOPE as f64 };
/// Logarithm of the variance, over a range of -1 to 1: its middle, and how far it may lie from that.
const LOG_VARIANCE: [f64; 2] = [-5.0, 5.0];
/// Least power of a pattern: one that is zero everywhere takes nothing away.
const LEAST_POWER: f64 = 1e-6;

/// A U-Net of three sizes.
pub struct Network {
    /// Grey values as residuals are measured.
    pub range: GreyRange,
    /// What it sees: of the layers before only the slices.
    pub context: Context,
    /// Weights.
    pub parameters: Parameters,
    patterns: usize,
    enter: [Conv2d; 2],
    down: [[Conv2d; 2]; 2],
    up: [(ConvTranspose2d, Conv2d); 2],
    leave: Conv2d,
}

impl Network {
    /// For images whose grey values lie in `range`.
    pub fn new(
        settings: &ByContext,
        range: GreyRange,
        stream: &Stream,
        device: &Device,
    ) -> std::result::Result<Self, DetectorError> {
        let (context, c) = (settings.context(), settings.channels);
        let mut parameters = Parameters::new(device);
        let p = &mut parameters;
        let conv = |p: &mut Parameters, name: &str, channels: [usize; 2], window: Window| {
            Conv2d::new(p, name, channels, window, HE, stream)
        };
        let enter = [conv(p, "enter.1", [context.slices(), c], SAME)?, conv(p, "enter.2", [c, c], SAME)?];
        let down = |p: &mut Parameters, unit: usize| -> std::result::Result<[Conv2d; 2], NetsError> {
            let wide = c << unit;
            Ok([
                conv(p, &format!("down.{unit}"), [wide / 2, wide], HALF)?,
                conv(p, &format!("inner.{unit}"), [wide, wide], SAME)?,
            ])
        };
        let down = [down(p, 1)?, down(p, 2)?];
        let up = |p: &mut Parameters, unit: usize| -> std::result::Result<_, NetsError> {
            let narrow = c << (unit - 1);
            Ok((
                ConvTranspose2d::new(p, &format!("up.{unit}"), [2 * narrow, narrow], HALF, HE, stream)?,
                conv(p, &format!("join.{unit}"), [2 * narrow, narrow], SAME)?,
            ))
        };
        let up = [up(p, 2)?, up(p, 1)?];
        let leave = Conv2d::new(p, "leave", [c, settings.patterns + 1], SAME, Init::Kaiming, stream)?;
        Ok(Self { range, context, parameters, patterns: settings.patterns, enter, down, up, leave })
    }

    /// Patterns beside the constant, each `[n, 1, size, size]`, and the logarithm of the variance about them.
    fn predict(&self, slices: &Tensor) -> Result<(Vec<Tensor>, Tensor)> {
        let full = self.enter[1].forward(&self.enter[0].forward(slices, LEAKY)?, LEAKY)?;
        let [first, second] = &self.down;
        let half = first[1].forward(&first[0].forward(&full, LEAKY)?, LEAKY)?;
        let mut h = second[1].forward(&second[0].forward(&half, LEAKY)?, LEAKY)?;
        for ((up, join), skip) in self.up.iter().zip([&half, &full]) {
            h = join.forward(&Tensor::cat(&[&up.forward(&h, LEAKY)?, skip], 1)?, LEAKY)?;
        }
        let out = self.leave.forward(&h, Activation::Identity)?;
        let mut patterns =
            (0..self.patterns).map(|i| out.narrow(1, i, 1)).collect::<Result<Vec<Tensor>>>()?;
        // The first one starts as the slice itself.
        patterns[0] = (&patterns[0] + slices.narrow(1, 0, 1)?)?;
        let [middle, reach] = LOG_VARIANCE;
        let log_variance = (out.narrow(1, self.patterns, 1)? / reach)?.tanh()?.affine(reach, middle)?;
        Ok((patterns, log_variance))
    }

    /// What the patterns leave of the images, and the logarithm of the variance that it should have.
    fn residual(&self, view: &Seen) -> Result<(Tensor, Tensor)> {
        let (patterns, log_variance) = self.predict(&view.slices(self.context)?)?;
        Ok((remainder(&self.range.centred(&view.images)?, &patterns)?, log_variance))
    }

    /// Negative logarithm of the Gaussian likelihood, without its constant, averaged over all pixels.
    pub fn loss(&self, view: &Seen) -> Result<Tensor> {
        let (residual, log_variance) = self.residual(view)?;
        let weighted = (residual.sqr()? * log_variance.neg()?.exp()?)?;
        (weighted + log_variance)?.mean_all()? * 0.5
    }

    /// The residual of each pixel over its deviation, `[n, 1, size, size]`.
    pub fn standardised(&self, view: &Seen) -> Result<Tensor> {
        let (residual, log_variance) = self.residual(view)?;
        residual * (log_variance * -0.5)?.exp()?
    }

    /// As [`Network::standardised`] of the images `x` with the context `c`.
    pub fn onnx(&self, graph: &mut Graph, x: &Value, c: &Value) -> Result<Value> {
        let slices = graph.channels(c, 0, self.context.slices());
        let full = self.enter[0].onnx(graph, &slices, LEAKY)?;
        let full = self.enter[1].onnx(graph, &full, LEAKY)?;
        let [first, second] = &self.down;
        let half = first[0].onnx(graph, &full, LEAKY)?;
        let half = first[1].onnx(graph, &half, LEAKY)?;
        let h = second[0].onnx(graph, &half, LEAKY)?;
        let mut h = second[1].onnx(graph, &h, LEAKY)?;
        for ((up, join), skip) in self.up.iter().zip([&half, &full]) {
            let wide = up.onnx(graph, &h, LEAKY)?;
            let both = graph.node("Concat", &[&wide, skip], &[("axis", Attribute::Integer(1))]);
            h = join.onnx(graph, &both, LEAKY)?;
        }
        let out = self.leave.onnx(graph, &h, Activation::Identity)?;
        let mut patterns: Vec<Value> = (0..self.patterns).map(|i| graph.channels(&out, i, 1)).collect();
        let slice = graph.channels(c, 0, 1);
        patterns[0] = graph.node("Add", &[&patterns[0], &slice], &[]);
        let [middle, reach] = LOG_VARIANCE;
        let log_variance = graph.channels(&out, self.patterns, 1);
        let log_variance = graph.affine(&log_variance, 1.0 / reach, 0.0);
        let log_variance = graph.node("Tanh", &[&log_variance], &[]);
        let exponent = graph.affine(&log_variance, -0.5 * reach, -0.5 * middle);
        let weight = graph.node("Exp", &[&exponent], &[]);
        let x = self.range.centred_onnx(graph, x);
        let residual = remainder_onnx(graph, &x, &patterns);
        Ok(graph.node("Mul", &[&residual, &weight], &[]))
    }
}

/// Mean of the product over the pixels of each image, `[n, 1, 1, 1]`.
fn inner(a: &Tensor, b: &Tensor) -> Result<Tensor> {
    (a * b)?.flatten_from(1)?.mean_keepdim(1)?.reshape((a.dim(0)?, 1, 1, 1))
}

/// What is left of each image `x` after its least-squares fit by a constant and `patterns`: Gram and Schmidt's
/// orthogonalisation, one pattern after the other.
pub fn remainder(x: &Tensor, patterns: &[Tensor]) -> Result<Tensor> {
    let mean = |x: &Tensor| x.flatten_from(1)?.mean_keepdim(1)?.reshape((x.dim(0)?, 1, 1, 1));
    let mut rest = x.broadcast_sub(&mean(x)?)?;
    let mut known: Vec<(Tensor, Tensor)> = Vec::new();
    for pattern in patterns {
        let mut pattern = pattern.broadcast_sub(&mean(pattern)?)?;
        for (other, power) in &known {
            pattern = (&pattern - other.broadcast_mul(&(inner(&pattern, other)? / power)?)?)?;
        }
        let power = (inner(&pattern, &pattern)? + LEAST_POWER)?;
        rest = (&rest - pattern.broadcast_mul(&(inner(&rest, &pattern)? / &power)?)?)?;
        known.push((pattern, power));
    }
    Ok(rest)
}

/// As [`remainder`].
fn remainder_onnx(graph: &mut Graph, x: &Value, patterns: &[Value]) -> Value {
    let inner = |graph: &mut Graph, a: &Value, b: &Value| {
        let product = graph.node("Mul", &[a, b], &[]);
        graph.mean_of_images(&product)
    };
    let centred = |graph: &mut Graph, x: &Value| {
        let mean = graph.mean_of_images(x);
        graph.node("Sub", &[x, &mean], &[])
    };
    let without = |graph: &mut Graph, x: &Value, pattern: &Value, power: &Value| {
        let share = inner(graph, x, pattern);
        let share = graph.node("Div", &[&share, power], &[]);
        let part = graph.node("Mul", &[pattern, &share], &[]);
        graph.node("Sub", &[x, &part], &[])
    };
    let mut rest = centred(graph, x);
    let mut known: Vec<(Value, Value)> = Vec::new();
    for pattern in patterns {
        let mut pattern = centred(graph, pattern);
        for (other, power) in &known {
            pattern = without(graph, &pattern, other, power);
        }
        let power = inner(graph, &pattern, &pattern);
        let power = graph.affine(&power, 1.0, LEAST_POWER);
        rest = without(graph, &rest, &pattern, &power);
        known.push((pattern, power));
    }
    rest
}
