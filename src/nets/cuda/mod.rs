//! The operators on an NVIDIA card: cuDNN for convolutions, cuBLAS through candle for matrix products, kernels of our
//! own for the rest.
//!
//! Nothing here waits for the card. Everything runs on candle's stream, which belongs to the thread that opened the
//! device: training stays on one thread.
#![allow(unsafe_code)]

pub(super) mod batch_norm;
pub(super) mod convolution;
mod module;
mod plan;
pub(super) mod pointwise;
pub(super) mod product;
pub(super) mod repeated;
pub(super) mod rows;

use std::io::Write as _;
use std::sync::atomic::Ordering;

use candle_core::backend::BackendStorage;
use candle_core::{CudaDevice, CudaStorage, Error, Layout, Result, Shape, bail};
use cudarc::driver::sys::{
    CUmemPool_attribute, CUmemoryPool, cuDeviceGetDefaultMemPool, cuMemPoolSetAttribute,
};
use cudarc::driver::{CudaContext, CudaSlice, CudaView, CudaViewMut};

/// What cudarc failed with, as candle's error.
fn wrap(error: impl std::error::Error + Send + Sync + 'static) -> Error {
    Error::wrap(error)
}

/// The values of a contiguous tensor.
fn view<'a>(storage: &'a CudaStorage, layout: &Layout) -> Result<CudaView<'a, f32>> {
    match layout.contiguous_offsets() {
        Some((start, end)) => Ok(storage.as_cuda_slice::<f32>()?.slice(start..end)),
        None => bail!("the operator needs contiguous tensors"),
    }
}

/// The values of a contiguous tensor, to be changed in place.
fn view_mut<'a>(storage: &'a mut CudaStorage, layout: &Layout) -> Result<CudaViewMut<'a, f32>> {
    match layout.contiguous_offsets() {
        Some((start, end)) => Ok(storage.as_cuda_slice_mut::<f32>()?.slice_mut(start..end)),
        None => bail!("the operator needs contiguous tensors"),
    }
}

/// Memory for a result, of which every value will be written.
fn uninitialised(device: &CudaDevice, len: usize) -> Result<CudaSlice<f32>> {
    // SAFETY: whoever calls this launches a kernel that writes all of it, and nothing reads it before that on the
    // one stream.
    unsafe { device.alloc::<f32>(len) }
}

/// A kernel's result as an operator returns it.
fn result(
    values: CudaSlice<f32>,
    device: &CudaDevice,
    shape: impl Into<Shape>,
) -> Result<(CudaStorage, Shape)> {
    Ok((CudaStorage::wrap_cuda_slice(values, device.clone()), shape.into()))
}

/// How many cards the driver shows; 0 where there is no driver or a library is missing, which is then said.
pub(super) fn cards() -> usize {
    // A library that cannot be loaded is a panic in cudarc, where it loads them at run time.
    // SAFETY: NVIDIA's libraries; their initialisers ask for nothing.
    let loads = |name: &str| unsafe { libloading::Library::new(name) }.is_ok();
    if !cfg!(target_os = "linux") {
        return CudaContext::device_count().map_or(0, |n| n.max(0) as usize);
    }
    if !loads("libcuda.so.1") {
        return 0;
    }
    for names in [
        ["libcublas.so.13", "libcublas.so.12", "libcublas.so"],
        ["libcurand.so.10", "libcurand.so", "libcurand.so"],
        ["libnvrtc.so.13", "libnvrtc.so.12", "libnvrtc.so"],
        ["libcudnn.so.9", "libcudnn.so", "libcudnn.so"],
    ] {
        if !names.iter().any(|name| loads(name)) {
            // Where nobody reads it, it still runs.
            let _ = writeln!(
                std::io::stderr(),
                "there is an NVIDIA driver but no {}: running on the CPU",
                names[0]
            );
            return 0;
        }
    }
    CudaContext::device_count().map_or(0, |n| n.max(0) as usize)
}

/// Settings of a device that training is faster with.
pub(super) fn prepare(device: &CudaDevice) -> Result<()> {
    // SAFETY: all tensors are made and used on the device's one stream, by one thread.
    unsafe { device.disable_event_tracking() };
    let stream = device.cuda_stream();
    let card = stream.context().cu_device();
    let mut pool: CUmemoryPool = std::ptr::null_mut();
    let mut keep = u64::MAX;
    // Freed memory stays with the process: the driver would take it back whenever a result is read.
    // SAFETY: both take what they are documented to take; `pool` and `keep` outlive the calls.
    unsafe {
        cuDeviceGetDefaultMemPool(&mut pool, card).result().map_err(wrap)?;
        let threshold = CUmemPool_attribute::CU_MEMPOOL_ATTR_RELEASE_THRESHOLD;
        cuMemPoolSetAttribute(pool, threshold, (&raw mut keep).cast()).result().map_err(wrap)?;
    }
    allow_tf32(plan::TF32.load(Ordering::Relaxed));
    Ok(())
}

/// See [`super::device::allow_tf32`].
pub(super) fn allow_tf32(allow: bool) {
    plan::TF32.store(allow, Ordering::Relaxed);
    candle_core::cuda::set_gemm_reduced_precision_f32(allow);
}

/// See [`super::device::deterministic`].
pub(super) fn deterministic(on: bool) {
    plan::DETERMINISTIC.store(on, Ordering::Relaxed);
}

/// What the card calls itself.
pub(super) fn name(device: &CudaDevice) -> Result<String> {
    device.cuda_stream().context().name().map_err(wrap)
}

fn device_of(storage: &CudaStorage) -> &CudaDevice {
    storage.device()
}
