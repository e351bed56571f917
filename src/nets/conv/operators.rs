//! The convolutions as candle operators. Forward pass, input gradient and weight gradient are each
//! differentiable by the other two, so derivatives of any order are exact.

use candle_core::{CpuStorage, CustomOp1, CustomOp2, CustomOp3, Layout, Result, Shape, Tensor, bail};
use rayon::prelude::*;

use super::Window;
use super::cpu::{self, Epilogue};
use super::geometry::Geometry;
use crate::nets::activation::{Activation, values};
use crate::nets::sums::sum;

thread_local! {
    /// Whether candle itself keeps the graph of a backward pass, for higher derivatives.
    static KEEPS_GRAPH: bool =
        std::env::var("CANDLE_GRAD_DO_NOT_DETACH").is_ok_and(|set| !set.is_empty() && set != "0");
}

/// An operand of a backward pass: without its history unless higher derivatives are wanted, so that the
/// gradients do not keep the activations alive.
pub(in crate::nets) fn operand(tensor: &Tensor) -> Tensor {
    if KEEPS_GRAPH.with(|keeps| *keeps) { tensor.clone() } else { tensor.detach() }
}

/// Features of `image` under `weight`.
fn convolve(image: &Tensor, weight: &Tensor, window: Window) -> Result<Tensor> {
    image.contiguous()?.apply_op2(&weight.contiguous()?, Convolve(window))
}

/// The image side of `features` under `weight`.
pub(super) fn transpose(
    features: &Tensor,
    weight: &Tensor,
    window: Window,
    image_px: [usize; 2],
) -> Result<Tensor> {
    features.contiguous()?.apply_op2(&weight.contiguous()?, Transpose(window, image_px))
}

/// Gradient of the weights between `image` and `features`.
fn weight_gradient(image: &Tensor, features: &Tensor, window: Window) -> Result<Tensor> {
    image.contiguous()?.apply_op2(&features.contiguous()?, WeightGradient(window))
}

/// `f()` where somebody asks for the gradient of `tensor`.
fn asked(tensor: &Tensor, f: impl FnOnce() -> Result<Tensor>) -> Result<Option<Tensor>> {
    tensor.track_op().then(f).transpose()
}

fn image_px(image: &Tensor) -> Result<[usize; 2]> {
    let (_, _, height, width) = image.dims4()?;
    Ok([height, width])
}

fn result(values: Vec<f32>, batch: usize, [c, h, w]: [usize; 3]) -> Result<(CpuStorage, Shape)> {
    Ok((CpuStorage::F32(values), (batch, c, h, w).into()))
}

struct Convolve(Window);

impl CustomOp2 for Convolve {
    fn name(&self) -> &'static str {
        "convolution"
    }

    fn cpu_fwd(
        &self,
        s1: &CpuStorage,
        l1: &Layout,
        s2: &CpuStorage,
        l2: &Layout,
    ) -> Result<(CpuStorage, Shape)> {
        let g = Geometry::from_image(l1.dims(), l2.dims(), self.0)?;
        result(cpu::convolve(&g, values(s1, l1)?, values(s2, l2)?, Epilogue::NONE), g.batch, g.features)
    }

    fn bwd(
        &self,
        image: &Tensor,
        weight: &Tensor,
        _: &Tensor,
        upstream: &Tensor,
    ) -> Result<(Option<Tensor>, Option<Tensor>)> {
        Ok((
            asked(image, || transpose(upstream, &operand(weight), self.0, image_px(image)?))?,
            asked(weight, || weight_gradient(&operand(image), upstream, self.0))?,
        ))
    }
}

struct Transpose(Window, [usize; 2]);

impl CustomOp2 for Transpose {
    fn name(&self) -> &'static str {
        "transposed convolution"
    }

    fn cpu_fwd(
        &self,
        s1: &CpuStorage,
        l1: &Layout,
        s2: &CpuStorage,
        l2: &Layout,
    ) -> Result<(CpuStorage, Shape)> {
        let g = Geometry::from_features(l1.dims(), l2.dims(), self.1, self.0)?;
        result(cpu::transpose(&g, values(s1, l1)?, values(s2, l2)?, Epilogue::NONE), g.batch, g.image)
    }

    fn bwd(
        &self,
        features: &Tensor,
        weight: &Tensor,
        _: &Tensor,
        upstream: &Tensor,
    ) -> Result<(Option<Tensor>, Option<Tensor>)> {
        Ok((
            asked(features, || convolve(upstream, &operand(weight), self.0))?,
            asked(weight, || weight_gradient(upstream, &operand(features), self.0))?,
        ))
    }
}

struct WeightGradient(Window);

impl CustomOp2 for WeightGradient {
    fn name(&self) -> &'static str {
        "weight gradient of a convolution"
    }

    fn cpu_fwd(
        &self,
        s1: &CpuStorage,
        l1: &Layout,
        s2: &CpuStorage,
        l2: &Layout,
    ) -> Result<(CpuStorage, Shape)> {
        let (image, features) = (l1.shape().dims4()?, l2.shape().dims4()?);
        let shape = [features.1, image.1, self.0.kernel, self.0.kernel];
        let g = Geometry::from_features(l2.dims(), &shape, [image.2, image.3], self.0)?;
        if image.0 != features.0 {
            bail!("weight gradient between {} images and features of {}", image.0, features.0)
        }
        let gradient = cpu::weight_gradient(&g, values(s1, l1)?, values(s2, l2)?);
        Ok((CpuStorage::F32(gradient), shape.as_slice().into()))
    }

    fn bwd(
        &self,
        image: &Tensor,
        features: &Tensor,
        _: &Tensor,
        upstream: &Tensor,
    ) -> Result<(Option<Tensor>, Option<Tensor>)> {
        Ok((
            asked(image, || transpose(&operand(features), upstream, self.0, image_px(image)?))?,
            asked(features, || convolve(&operand(image), upstream, self.0))?,
        ))
    }
}

/// A whole layer: convolution or, where `image_px` says what comes out, its transpose; bias; activation.
pub(super) struct Layer {
    pub window: Window,
    pub image_px: Option<[usize; 2]>,
    pub activation: Activation,
}

impl CustomOp3 for Layer {
    fn name(&self) -> &'static str {
        "convolution layer"
    }

    fn cpu_fwd(
        &self,
        s1: &CpuStorage,
        l1: &Layout,
        s2: &CpuStorage,
        l2: &Layout,
        s3: &CpuStorage,
        l3: &Layout,
    ) -> Result<(CpuStorage, Shape)> {
        let (x, weight, bias) = (values(s1, l1)?, values(s2, l2)?, values(s3, l3)?);
        let epilogue = Epilogue { bias: Some(bias), slope: self.activation.slope()? };
        match self.image_px {
            None => {
                let g = Geometry::from_image(l1.dims(), l2.dims(), self.window)?;
                result(cpu::convolve(&g, x, weight, epilogue), g.batch, g.features)
            }
            Some(image_px) => {
                let g = Geometry::from_features(l1.dims(), l2.dims(), image_px, self.window)?;
                result(cpu::transpose(&g, x, weight, epilogue), g.batch, g.image)
            }
        }
    }

    fn bwd(
        &self,
        x: &Tensor,
        weight: &Tensor,
        bias: &Tensor,
        output: &Tensor,
        upstream: &Tensor,
    ) -> Result<(Option<Tensor>, Option<Tensor>, Option<Tensor>)> {
        let upstream = self.activation.gradient(&upstream.contiguous()?, output)?;
        let (x_gradient, weight_gradient) = match self.image_px {
            None => Convolve(self.window).bwd(x, weight, output, &upstream)?,
            Some(image_px) => Transpose(self.window, image_px).bwd(x, weight, output, &upstream)?,
        };
        Ok((x_gradient, weight_gradient, asked(bias, || upstream.apply_op1(ChannelSum))?))
    }
}

/// Sums `[batch, channels, height, width]` per channel.
struct ChannelSum;

impl CustomOp1 for ChannelSum {
    fn name(&self) -> &'static str {
        "sum per channel"
    }

    fn cpu_fwd(&self, storage: &CpuStorage, layout: &Layout) -> Result<(CpuStorage, Shape)> {
        let (_, channels, height, width) = layout.shape().dims4()?;
        let (x, count) = (values(storage, layout)?, height * width);
        let of = |channel| x.chunks_exact(count).skip(channel).step_by(channels).map(sum).sum::<f64>() as f32;
        let sums = (0..channels).into_par_iter().map(of).collect();
        Ok((CpuStorage::F32(sums), channels.into()))
    }

    fn bwd(&self, x: &Tensor, _: &Tensor, upstream: &Tensor) -> Result<Option<Tensor>> {
        Ok(Some(upstream.reshape((1, (), 1, 1))?.broadcast_as(x.shape())?))
    }
}
