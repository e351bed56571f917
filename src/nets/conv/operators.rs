//! The convolutions as candle operators. Forward pass, input gradient and weight gradient are each
//! differentiable by the other two, so derivatives of any order are exact.

use candle_core::{CpuStorage, CustomOp2, CustomOp3, Layout, Result, Shape, Tensor};

use super::Window;
use super::cpu::Epilogue;
use super::geometry::{Geometry, Pass};
use super::groups;
use crate::nets::activation::{Activation, values};
use crate::nets::relay;
use crate::nets::repeated::Repeated;

thread_local! {
    /// Whether candle itself keeps the graph of a backward pass, for higher derivatives.
    static KEEPS_GRAPH: bool =
        std::env::var("CANDLE_GRAD_DO_NOT_DETACH").is_ok_and(|set| !set.is_empty() && set != "0");
}

/// Whether the gradients of a backward pass are to be differentiated again.
pub(in crate::nets) fn keeps_graph() -> bool {
    KEEPS_GRAPH.with(|keeps| *keeps)
}

/// An operand of a backward pass: without its history unless higher derivatives are wanted, so that the
/// gradients do not keep the activations alive.
pub(in crate::nets) fn operand(tensor: &Tensor) -> Tensor {
    if keeps_graph() { tensor.clone() } else { tensor.detach() }
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
    relay::apply2(&features.contiguous()?, &weight.contiguous()?, Transpose(window, image_px))
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

fn result(values: Vec<f32>, dims: [usize; 4]) -> Result<(CpuStorage, Shape)> {
    Ok((CpuStorage::F32(values), dims.as_slice().into()))
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
        result(
            groups::convolve(&g, values(s1, l1)?, values(s2, l2)?, Epilogue::NONE),
            g.result_dims(Pass::Convolve),
        )
    }

    #[cfg(feature = "cuda")]
    fn cuda_fwd(
        &self,
        s1: &candle_core::CudaStorage,
        l1: &Layout,
        s2: &candle_core::CudaStorage,
        l2: &Layout,
    ) -> Result<(candle_core::CudaStorage, Shape)> {
        let g = Geometry::from_image(l1.dims(), l2.dims(), self.0)?;
        crate::nets::cuda::convolution::run(Pass::Convolve, &g, (s1, l1), (s2, l2))
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
        result(
            groups::transpose(&g, values(s1, l1)?, values(s2, l2)?, Epilogue::NONE),
            g.result_dims(Pass::Transpose),
        )
    }

    #[cfg(feature = "cuda")]
    fn cuda_fwd(
        &self,
        s1: &candle_core::CudaStorage,
        l1: &Layout,
        s2: &candle_core::CudaStorage,
        l2: &Layout,
    ) -> Result<(candle_core::CudaStorage, Shape)> {
        let g = Geometry::from_features(l1.dims(), l2.dims(), self.1, self.0)?;
        crate::nets::cuda::convolution::run(Pass::Transpose, &g, (s1, l1), (s2, l2))
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
        let g = Geometry::between(l1, l2, self.0)?;
        let gradient = groups::weight_gradient(&g, values(s1, l1)?, values(s2, l2)?);
        result(gradient, g.result_dims(Pass::WeightGradient))
    }

    #[cfg(feature = "cuda")]
    fn cuda_fwd(
        &self,
        s1: &candle_core::CudaStorage,
        l1: &Layout,
        s2: &candle_core::CudaStorage,
        l2: &Layout,
    ) -> Result<(candle_core::CudaStorage, Shape)> {
        let g = Geometry::between(l1, l2, self.0)?;
        crate::nets::cuda::convolution::run(Pass::WeightGradient, &g, (s1, l1), (s2, l2))
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

impl Layer {
    /// Which way the layer runs, and its sizes.
    fn plan(&self, x: &Layout, weight: &Layout) -> Result<(Pass, Geometry)> {
        Ok(match self.image_px {
            None => (Pass::Convolve, Geometry::from_image(x.dims(), weight.dims(), self.window)?),
            Some(px) => (Pass::Transpose, Geometry::from_features(x.dims(), weight.dims(), px, self.window)?),
        })
    }
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
        let (pass, g) = self.plan(l1, l2)?;
        let values = match pass {
            Pass::Transpose => groups::transpose(&g, x, weight, epilogue),
            _ => groups::convolve(&g, x, weight, epilogue),
        };
        result(values, g.result_dims(pass))
    }

    #[cfg(feature = "cuda")]
    fn cuda_fwd(
        &self,
        s1: &candle_core::CudaStorage,
        l1: &Layout,
        s2: &candle_core::CudaStorage,
        l2: &Layout,
        s3: &candle_core::CudaStorage,
        l3: &Layout,
    ) -> Result<(candle_core::CudaStorage, Shape)> {
        let (pass, g) = self.plan(l1, l2)?;
        let (operands, slope) = ([(s1, l1), (s2, l2)], self.activation.slope()?);
        crate::nets::cuda::convolution::run_layer(pass, &g, operands[0], operands[1], (s3, l3), slope)
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
        Ok((x_gradient, weight_gradient, asked(bias, || Repeated::per_channel(&upstream)?.sum(&upstream))?))
    }
}
