//! cuDNN's descriptors, algorithm and workspace of one convolution: asking for them takes host time, and a training
//! asks for the same few shapes for ever.

use std::cell::RefCell;
use std::collections::HashMap;
use std::rc::Rc;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use candle_core::cuda_backend::DeviceId;
use candle_core::{CudaDevice, Result};
use cudarc::cudnn::{
    ConvBackwardData, ConvBackwardFilter, ConvDescriptor, ConvForward, Cudnn, CudnnError, FilterDescriptor,
    TensorDescriptor, sys,
};

use super::wrap;
use crate::nets::conv::{Descriptors, Geometry, Pass};

/// Whether convolutions and products may round their operands to TF32.
pub(super) static TF32: AtomicBool = AtomicBool::new(true);
/// Whether only algorithms are taken that give the same bits each time.
pub(super) static DETERMINISTIC: AtomicBool = AtomicBool::new(false);

/// The largest workspace in bytes that an algorithm may ask for.
const WORKSPACE: usize = 1 << 28;

#[derive(Clone, Copy, Debug)]
pub(super) enum Algorithm {
    Forward(sys::cudnnConvolutionFwdAlgo_t),
    Data(sys::cudnnConvolutionBwdDataAlgo_t),
    Filter(sys::cudnnConvolutionBwdFilterAlgo_t),
}

pub(super) struct Plan {
    pub convolution: ConvDescriptor<f32>,
    pub image: TensorDescriptor<f32>,
    pub weight: FilterDescriptor<f32>,
    pub features: TensorDescriptor<f32>,
    pub algorithm: Algorithm,
    /// Bytes.
    pub workspace: usize,
}

#[derive(Clone, Copy, PartialEq, Eq, Hash)]
struct Key {
    device: DeviceId,
    pass: Pass,
    geometry: Geometry,
    tf32: bool,
    deterministic: bool,
}

thread_local! {
    // cuDNN's handles stay on their thread, as candle's stream does.
    static HANDLES: RefCell<HashMap<DeviceId, Arc<Cudnn>>> = RefCell::default();
    static PLANS: RefCell<HashMap<Key, Rc<Plan>>> = RefCell::default();
}

fn handle(device: &CudaDevice) -> Result<Arc<Cudnn>> {
    if let Some(handle) = HANDLES.with_borrow(|handles| handles.get(&device.id()).cloned()) {
        return Ok(handle);
    }
    let handle = Cudnn::new(device.cuda_stream()).map_err(wrap)?;
    HANDLES.with_borrow_mut(|handles| handles.insert(device.id(), handle.clone()));
    Ok(handle)
}

/// The plan of `pass`, made when it is first asked for.
pub(super) fn plan(device: &CudaDevice, pass: Pass, geometry: &Geometry) -> Result<Rc<Plan>> {
    let [tf32, deterministic] = [&TF32, &DETERMINISTIC].map(|on| on.load(Ordering::Relaxed));
    let key = Key { device: device.id(), pass, geometry: *geometry, tf32, deterministic };
    if let Some(plan) = PLANS.with_borrow(|plans| plans.get(&key).cloned()) {
        return Ok(plan);
    }
    let plan = Rc::new(make(&handle(device)?, &key)?);
    PLANS.with_borrow_mut(|plans| plans.insert(key, plan.clone()));
    Ok(plan)
}

fn make(handle: &Arc<Cudnn>, key: &Key) -> Result<Plan> {
    let (sizes, order) = (key.geometry.descriptors()?, sys::cudnnTensorFormat_t::CUDNN_TENSOR_NCHW);
    let Descriptors { padding, stride, dilation, groups, .. } = sizes;
    let mode = sys::cudnnConvolutionMode_t::CUDNN_CROSS_CORRELATION;
    let mut convolution =
        handle.create_conv2d::<f32>([padding; 2], [stride; 2], [dilation; 2], mode).map_err(wrap)?;
    convolution.set_group_count(groups).map_err(wrap)?;
    // The default is TF32 from Ampere on.
    let math = match key.tf32 {
        true => sys::cudnnMathType_t::CUDNN_DEFAULT_MATH,
        false => sys::cudnnMathType_t::CUDNN_FMA_MATH,
    };
    convolution.set_math_type(math).map_err(wrap)?;
    let image = handle.create_4d_tensor::<f32>(order, sizes.image).map_err(wrap)?;
    let features = handle.create_4d_tensor::<f32>(order, sizes.features).map_err(wrap)?;
    let weight = handle.create_4d_filter::<f32>(order, sizes.weight).map_err(wrap)?;
    let (algorithm, workspace) = match key.pass {
        Pass::Convolve => {
            let of = ConvForward { conv: &convolution, x: &image, w: &weight, y: &features };
            let sure = sys::cudnnConvolutionFwdAlgo_t::CUDNN_CONVOLUTION_FWD_ALGO_IMPLICIT_PRECOMP_GEMM;
            let (algorithm, bytes) =
                choose(key, sure, || of.pick_algorithm(), |algorithm| of.get_workspace_size(algorithm))?;
            (Algorithm::Forward(algorithm), bytes)
        }
        Pass::Transpose => {
            let of = ConvBackwardData { conv: &convolution, dx: &image, w: &weight, dy: &features };
            let sure = sys::cudnnConvolutionBwdDataAlgo_t::CUDNN_CONVOLUTION_BWD_DATA_ALGO_1;
            let (algorithm, bytes) =
                choose(key, sure, || of.pick_algorithm(), |algorithm| of.get_workspace_size(algorithm))?;
            (Algorithm::Data(algorithm), bytes)
        }
        Pass::WeightGradient => {
            let of = ConvBackwardFilter { conv: &convolution, x: &image, dw: &weight, dy: &features };
            let sure = sys::cudnnConvolutionBwdFilterAlgo_t::CUDNN_CONVOLUTION_BWD_FILTER_ALGO_1;
            let (algorithm, bytes) =
                choose(key, sure, || of.pick_algorithm(), |algorithm| of.get_workspace_size(algorithm))?;
            (Algorithm::Filter(algorithm), bytes)
        }
    };
    Ok(Plan { convolution, image, weight, features, algorithm, workspace })
}

/// cuDNN's first choice and its workspace, or `sure` where that asks for too much memory or might not give the same
/// bits each time: `sure` is an implicit matrix product, which does neither.
fn choose<A: Copy>(
    key: &Key,
    sure: A,
    pick: impl Fn() -> std::result::Result<A, CudnnError>,
    bytes: impl Fn(A) -> std::result::Result<usize, CudnnError>,
) -> Result<(A, usize)> {
    if !key.deterministic
        && let Ok(first) = pick()
        && let Ok(size) = bytes(first)
        && size <= WORKSPACE
    {
        return Ok((first, size));
    }
    Ok((sure, bytes(sure).map_err(wrap)?))
}
