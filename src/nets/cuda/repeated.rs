//! Values that repeat along a tensor.

use candle_core::{CudaDevice, CudaStorage, Layout, Result, Shape};
use cudarc::driver::{CudaSlice, CudaView, LaunchConfig};

use super::module::{THREADS, blocks, each, launch};
use super::{device_of, result, uninitialised, view};
use crate::nets::repeated::Repeated;

type Output = Result<(CudaStorage, Shape)>;
type Operand<'a> = (&'a CudaStorage, &'a Layout);

/// leaky ReLU of x weight + bias.
pub fn affine(of: Repeated, x: Operand<'_>, weight: Operand<'_>, bias: Operand<'_>, slope: f32) -> Output {
    let device = device_of(x.0);
    let (values, w, b) = (view(x.0, x.1)?, view(weight.0, weight.1)?, view(bias.0, bias.1)?);
    let n = values.len();
    let mut y = uninitialised(device, n)?;
    launch!(
        device, "repeated_affine", each(n),
        n as u64, of.count as u64, of.run as u64, slope, values, w, b => &mut y
    );
    result(y, device, x.1.shape())
}

/// Adds the bias in place, leaky ReLU in the same pass.
pub(super) fn add_bias(
    device: &CudaDevice,
    of: Repeated,
    y: &mut CudaSlice<f32>,
    bias: CudaView<'_, f32>,
    slope: f32,
) -> Result<()> {
    let n = y.len();
    launch!(device, "repeated_bias", each(n), n as u64, of.count as u64, of.run as u64, slope, bias => y);
    Ok(())
}

/// x times the repeated weight.
pub fn multiply(of: Repeated, x: Operand<'_>, weight: Operand<'_>) -> Output {
    let device = device_of(x.0);
    let (values, w) = (view(x.0, x.1)?, view(weight.0, weight.1)?);
    let n = values.len();
    let mut out = uninitialised(device, n)?;
    launch!(
        device, "repeated_product", each(n), n as u64, of.count as u64, of.run as u64, values, w => &mut out
    );
    result(out, device, x.1.shape())
}

/// How sums over many places are cut: by shape alone.
pub(super) struct Cut {
    grid: LaunchConfig,
    parts: usize,
}

impl Cut {
    pub fn new(of: Repeated, places: usize) -> Self {
        /// From here on a block takes one value: `reduce` in the kernels.
        const LONG_RUN: usize = 32;
        /// Blocks that keep a card busy.
        const BLOCKS: usize = 1024;
        let (threads, each) = (THREADS as usize, places / of.count.max(1));
        let (columns, most) = match of.run < LONG_RUN {
            true => (of.count.div_ceil(threads), each.div_ceil(16)),
            false => (of.count, each.div_ceil(4 * threads)),
        };
        let parts = BLOCKS.div_ceil(columns).min(most).max(1);
        Self { grid: blocks(columns, parts), parts }
    }

    pub fn grid(&self) -> LaunchConfig {
        self.grid
    }

    /// Room for the partial sums.
    pub fn partial(&self, device: &CudaDevice, of: Repeated) -> Result<CudaSlice<f64>> {
        // SAFETY: the kernel that is launched with this grid writes all of it before `finish` reads it.
        unsafe { device.alloc::<f64>(self.parts * of.count) }
    }

    /// `factor` times the sums.
    pub fn finish(
        &self,
        device: &CudaDevice,
        of: Repeated,
        factor: f64,
        partial: &CudaSlice<f64>,
        out: &mut cudarc::driver::CudaViewMut<'_, f32>,
    ) -> Result<()> {
        let n = of.count;
        let partial = partial.slice(..);
        launch!(
            device, "finish_sum", each(n), n as u64, self.parts as u64, factor, partial => out
        );
        Ok(())
    }
}

/// The sum over all places of each value.
pub fn sum(of: Repeated, (storage, layout): Operand<'_>) -> Output {
    let (device, x) = (device_of(storage), view(storage, layout)?);
    let (places, cut) = (x.len(), Cut::new(of, x.len()));
    let (mut partial, mut out) = (cut.partial(device, of)?, uninitialised(device, of.count)?);
    launch!(
        device, "repeated_sum", cut.grid(),
        places as u64, of.count as u64, of.run as u64, x => &mut partial
    );
    cut.finish(device, of, 1.0, &partial, &mut out.slice_mut(..))?;
    result(out, device, of.count)
}

/// The sum of the squares of all values, as f64.
pub fn sum_of_squares((storage, layout): Operand<'_>) -> Output {
    let (device, x, again) = (device_of(storage), view(storage, layout)?, view(storage, layout)?);
    let places = x.len();
    let of = Repeated { count: 1, run: places };
    let cut = Cut::new(of, places);
    let mut partial = cut.partial(device, of)?;
    launch!(
        device, "repeated_sum_of_products", cut.grid(),
        places as u64, 1u64, places as u64, x, again => &mut partial
    );
    // SAFETY: the kernel below writes it.
    let mut out = unsafe { device.alloc::<f64>(1)? };
    let parts = partial.slice(..);
    launch!(device, "total", each(1), cut.parts as u64, parts => &mut out);
    Ok((CudaStorage::wrap_cuda_slice(out, device.clone()), Shape::from(1)))
}

/// The sum of a b over all places of each value.
pub fn sum_of_products(of: Repeated, a: Operand<'_>, b: Operand<'_>) -> Output {
    let device = device_of(a.0);
    let (x, y) = (view(a.0, a.1)?, view(b.0, b.1)?);
    let (places, cut) = (x.len(), Cut::new(of, x.len()));
    let (mut partial, mut out) = (cut.partial(device, of)?, uninitialised(device, of.count)?);
    launch!(
        device, "repeated_sum_of_products", cut.grid(),
        places as u64, of.count as u64, of.run as u64, x, y => &mut partial
    );
    cut.finish(device, of, 1.0, &partial, &mut out.slice_mut(..))?;
    result(out, device, of.count)
}
