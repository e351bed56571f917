//! How far the residuals of an image, and the levels of part and bed, lie from those of healthy images.

use candle_core::{Device, Result, Tensor, Var};

use crate::data::Context;
use crate::detectors::fitting::{Seen, box_mean, box_mean_onnx};
use crate::nets::onnx::{Graph, Value};
use crate::nets::{NetsError, Parameters};

/// Sides of the neighbourhoods, in px, over which residuals are averaged: from a speck to a clump.
const SIDES_PX: [usize; 3] = [1, 3, 5];
/// Peaks of an image.
const PEAKS: usize = SIDES_PX.len();
/// Added to a peak or a drift before its logarithm is taken: what is far less than one deviation is nothing.
const FLOOR: f64 = 0.1;
/// Area that halves what is said of a part or a bed, in px: hardly a pixel says hardly anything.
const PRIOR_PX: f64 = 16.0;
/// Side of the neighbourhood, in px, that is all of one material where its level is measured.
const INSIDE_PX: usize = 5;

/// What healthy images do.
pub struct Healthy {
    context: Context,
    /// [`PRIOR_PX`] as a share of the image.
    prior: f64,
    /// For saving.
    pub parameters: Parameters,
    /// Of the logarithms of the peaks and of the drift, `[1, PEAKS + 1]`.
    centre: Var,
    spread: Var,
    /// Root mean square of the change of part and bed, `[1, 2]`.
    levels: Var,
}

impl Healthy {
    /// Not yet measured.
    pub fn new(context: Context, size_px: usize, device: &Device) -> std::result::Result<Self, NetsError> {
        let mut parameters = Parameters::new(device);
        let centre = parameters.buffer("centre", (1, PEAKS + 1), 0.0)?;
        let spread = parameters.buffer("spread", (1, PEAKS + 1), 1.0)?;
        let levels = parameters.buffer("levels", (1, 2), 1.0)?;
        let prior = PRIOR_PX / (size_px * size_px).max(1) as f64;
        Ok(Self { context, prior, parameters, centre, spread, levels })
    }

    /// Measures the changes of level in healthy images.
    pub fn measure_levels(&self, views: impl Iterator<Item = Result<Seen>>) -> Result<()> {
        let (mut sum, mut count) = (self.levels.zeros_like()?, 0);
        for view in views {
            let changes = self.changes(&view?)?;
            count += changes.dim(0)?;
            sum = (sum + changes.sqr()?.sum_keepdim(0)?)?;
        }
        let spread = (sum / count.max(1) as f64)?.sqrt()?;
        self.levels.set(&(spread + f64::from(f32::EPSILON))?)
    }

    /// Measures the peaks of healthy images, given as standardised residuals and what they are of, and their drift, to
    /// which images without a layer before say nothing.
    pub fn measure(&self, parts: impl Iterator<Item = Result<(Tensor, Seen)>>) -> Result<()> {
        let rows = parts.map(|part| {
            let (z, view) = part?;
            self.logarithms(&z, &view)
        });
        let all = Tensor::cat(&rows.collect::<Result<Vec<_>>>()?, 0)?;
        let says = all.gt(FLOOR.ln() + 1e-3)?.to_dtype(all.dtype())?;
        let count = says.sum_keepdim(0)?.maximum(1f32)?;
        let centre = ((&all * &says)?.sum_keepdim(0)? / &count)?;
        let off = (all.broadcast_sub(&centre)? * says)?;
        let spread = (off.sqr()?.sum_keepdim(0)? / count)?.sqrt()?;
        self.centre.set(&centre)?;
        // What never varies would make any change of it infinite.
        self.spread.set(&spread.maximum(1e-2f32)?)
    }

    /// The largest peak and the drift of each image, `[n]` each, in healthy deviations above the healthy mean; what lies below
    /// runs out towards 0 (ln(1 + exp(t))), so that scores are positive.
    pub fn scores(&self, z: &Tensor, view: &Seen) -> Result<[Tensor; 2]> {
        let rows = self.logarithms(z, view)?;
        let rows = rows.broadcast_sub(&self.centre.as_detached_tensor())?;
        let rows = rows.broadcast_div(&self.spread.as_detached_tensor())?;
        let rows = (rows.relu()? + (rows.abs()?.neg()?.exp()? + 1.0)?.log()?)?;
        let drift = rows.narrow(1, PEAKS, 1)?.flatten_all()?;
        Ok([rows.narrow(1, 0, PEAKS)?.contiguous()?.max(1)?, drift])
    }

    /// Logarithms of the peaks and of the drift, `[n, PEAKS + 1]`.
    fn logarithms(&self, z: &Tensor, view: &Seen) -> Result<Tensor> {
        let mut columns = Vec::new();
        for side in SIDES_PX {
            columns.push(box_mean(z, side)?.abs()?.flatten_from(1)?.max_keepdim(1)?);
        }
        let changes = self.changes(view)?.abs()?.broadcast_div(&self.levels.as_detached_tensor())?;
        columns.push(changes.max_keepdim(1)?);
        (Tensor::cat(&columns, 1)? + FLOOR)?.log()
    }

    /// How much brighter part and bed are than they were on average in the layers before, at the places that
    /// stayed part or bed, `[n, 2]`; 0 where there is no layer before.
    fn changes(&self, view: &Seen) -> Result<Tensor> {
        let mean = |x: &Tensor| x.flatten_from(1)?.mean_keepdim(1);
        let now = inside(&view.slice()?)?;
        let mut sum = Tensor::zeros((view.images.dim(0)?, 2), view.images.dtype(), view.images.device())?;
        let mut count = sum.narrow(1, 0, 1)?;
        for back in 1..=self.context.layers {
            let before = view.before(self.context, back)?;
            // A layer that a job does not have is black throughout.
            let there = before.flatten_from(1)?.max_keepdim(1)?.sign()?;
            let difference = (&view.images - before)?;
            let then = inside(&view.slice_before(back)?)?;
            let mut both = Vec::new();
            for (now, then) in now.iter().zip(then) {
                let shared = (now * then)?;
                both.push((mean(&(&difference * &shared)?)? / (mean(&shared)? + self.prior)?)?);
            }
            sum = (sum + Tensor::cat(&both, 1)?.broadcast_mul(&there)?)?;
            count = (count + there)?;
        }
        sum.broadcast_div(&count.maximum(1f32)?)
    }

    /// As [`Healthy::scores`] of the residuals `z` of the images `x` with the context `c`.
    pub fn onnx(&self, graph: &mut Graph, z: &Value, x: &Value, c: &Value) -> Result<[Value; 2]> {
        let mut columns = Vec::new();
        for side in SIDES_PX {
            let mean = box_mean_onnx(graph, z, side);
            let magnitude = graph.node("Abs", &[&mean], &[]);
            let peak = graph.largest(&magnitude, 4);
            columns.push(graph.reshape(&peak, &[1]));
        }
        columns.push(self.drift_onnx(graph, x, c)?);
        let rows = graph.side_by_side(&columns);
        let raised = graph.affine(&rows, 1.0, FLOOR);
        let rows = graph.node("Log", &[&raised], &[]);
        let centre = graph.constant(&self.centre.as_detached_tensor())?;
        let spread = graph.constant(&self.spread.as_detached_tensor())?;
        let rows = graph.node("Sub", &[&rows, &centre], &[]);
        let rows = graph.node("Div", &[&rows, &spread], &[]);
        let rows = graph.node("Softplus", &[&rows], &[]);
        let (peaks, drift) = (graph.channels(&rows, 0, PEAKS), graph.channels(&rows, PEAKS, 1));
        Ok([graph.largest(&peaks, 2), graph.reshape(&drift, &[])])
    }

    /// The larger change over its healthy spread, `[n, 1]`.
    fn drift_onnx(&self, graph: &mut Graph, x: &Value, c: &Value) -> Result<Value> {
        let slice = graph.channels(c, 0, 1);
        let now = inside_onnx(graph, &slice);
        let nothing = graph.mean_of_images(x);
        let nothing = graph.affine(&nothing, 0.0, 0.0);
        let mut count = graph.reshape(&nothing, &[1]);
        let mut sums = [count.clone(), count.clone()];
        for back in 1..=self.context.layers {
            let before = graph.channels(c, self.context.slices() + back - 1, 1);
            let there = graph.largest(&before, 4);
            let there = graph.node("Sign", &[&there], &[]);
            let there = graph.reshape(&there, &[1]);
            let difference = graph.node("Sub", &[x, &before], &[]);
            let slice = graph.channels(c, back, 1);
            let then = inside_onnx(graph, &slice);
            for (sum, (now, then)) in sums.iter_mut().zip(now.iter().zip(&then)) {
                let shared = graph.node("Mul", &[now, then], &[]);
                let weighted = graph.node("Mul", &[&difference, &shared], &[]);
                let (change, area) = (graph.mean_of_images(&weighted), graph.mean_of_images(&shared));
                let area = graph.affine(&area, 1.0, self.prior);
                let change = graph.node("Div", &[&change, &area], &[]);
                let change = graph.reshape(&change, &[1]);
                let change = graph.node("Mul", &[&change, &there], &[]);
                *sum = graph.node("Add", &[sum, &change], &[]);
            }
            count = graph.node("Add", &[&count, &there], &[]);
        }
        let one = graph.number(1.0);
        let count = graph.node("Max", &[&count, &one], &[]);
        let sum = graph.side_by_side(&sums);
        let change = graph.node("Div", &[&sum, &count], &[]);
        let change = graph.node("Abs", &[&change], &[]);
        let spread = graph.constant(&self.levels.as_detached_tensor())?;
        let change = graph.node("Div", &[&change, &spread], &[]);
        let drift = graph.largest(&change, 2);
        Ok(graph.reshape(&drift, &[1]))
    }
}

/// How far each pixel lies inside part and bed, away from the contour, 0 to 1.
fn inside(slice: &Tensor) -> Result<[Tensor; 2]> {
    let near = box_mean(slice, INSIDE_PX)?;
    Ok([near.affine(10.0, -9.0)?.relu()?, near.affine(-10.0, 1.0)?.relu()?])
}

/// As [`inside`].
fn inside_onnx(graph: &mut Graph, slice: &Value) -> [Value; 2] {
    let near = box_mean_onnx(graph, slice, INSIDE_PX);
    [(10.0, -9.0), (-10.0, 1.0)].map(|(scale, offset)| {
        let share = graph.affine(&near, scale, offset);
        graph.node("Relu", &[&share], &[])
    })
}
