//! Batch normalisation; statistics and sums are `[2, channels]`.

use candle_core::{CudaStorage, Layout, Result, Shape, Storage, Tensor, bail};
use cudarc::driver::CudaSlice;

use super::module::{each, launch};
use super::repeated::Cut;
use super::{device_of, result, uninitialised, view};
use crate::nets::repeated::Repeated;

type Output = Result<(CudaStorage, Shape)>;
type Operand<'a> = (&'a CudaStorage, &'a Layout);

fn per_channel(layout: &Layout) -> Result<Repeated> {
    let (_, count, height, width) = layout.shape().dims4()?;
    Ok(Repeated { count, run: height * width })
}

/// `f` of the values of a tensor that an operator holds.
fn held<T>(tensor: &Tensor, f: impl FnOnce(Operand<'_>) -> Result<T>) -> Result<T> {
    let (storage, layout) = tensor.storage_and_layout();
    match &*storage {
        Storage::Cuda(storage) => f((storage, layout)),
        _ => bail!("batch norm on a card needs its statistics there"),
    }
}

/// Mean and biased variance of each channel.
pub fn statistics((storage, layout): Operand<'_>) -> Output {
    let (device, of) = (device_of(storage), per_channel(layout)?);
    let places = layout.shape().elem_count();
    let (count, run, cut) = (of.count as u64, of.run as u64, Cut::new(of, places));
    let share = of.count as f64 / places as f64;
    let mut partial = cut.partial(device, of)?;
    let x = view(storage, layout)?;
    launch!(device, "repeated_sum", cut.grid(), places as u64, count, run, x => &mut partial);
    let mut both = uninitialised(device, 2 * of.count)?;
    cut.finish(device, of, share, &partial, &mut both.slice_mut(..of.count))?;
    let (x, mean) = (view(storage, layout)?, both.slice(..of.count));
    launch!(device, "repeated_spread", cut.grid(), places as u64, count, run, x, mean => &mut partial);
    cut.finish(device, of, share, &partial, &mut both.slice_mut(of.count..))?;
    result(both, device, (2, of.count))
}

/// leaky ReLU of weight (x - mean) / sqrt(variance + epsilon) + bias.
pub fn normalise(
    x: Operand<'_>,
    weight: Operand<'_>,
    bias: Operand<'_>,
    statistics: &Tensor,
    slope: f32,
) -> Output {
    let (device, of) = (device_of(x.0), per_channel(x.1)?);
    let (values, w, b) = (view(x.0, x.1)?, view(weight.0, weight.1)?, view(bias.0, bias.1)?);
    let n = values.len();
    let mut y = uninitialised(device, n)?;
    held(statistics, |(storage, layout)| {
        let s = view(storage, layout)?;
        launch!(
            device, "batch_normalise", each(n),
            n as u64, of.count as u64, of.run as u64, slope, values, s, w, b => &mut y
        );
        Ok(())
    })?;
    result(y, device, x.1.shape())
}

/// The gradients of bias and weight.
pub fn gradient_sums(
    x: Operand<'_>,
    upstream: Operand<'_>,
    output: Operand<'_>,
    statistics: &Tensor,
    slope: f32,
) -> Output {
    let (device, of) = (device_of(x.0), per_channel(x.1)?);
    let places = x.1.shape().elem_count();
    let cut = Cut::new(of, places);
    let (count, run) = (of.count as u64, of.run as u64);
    let mut partial = cut.partial(device, of)?;
    let mut both: CudaSlice<f32> = uninitialised(device, 2 * of.count)?;
    held(statistics, |(storage, layout)| {
        for weighted in [0i32, 1] {
            let (values, u, y) = (view(x.0, x.1)?, view(upstream.0, upstream.1)?, view(output.0, output.1)?);
            let s = view(storage, layout)?;
            launch!(
                device, "batch_gradient_sums", cut.grid(),
                places as u64, count, run, slope, weighted, values, u, y, s => &mut partial
            );
            let row = weighted as usize * of.count;
            cut.finish(device, of, 1.0, &partial, &mut both.slice_mut(row..row + of.count))?;
        }
        Ok(())
    })?;
    result(both, device, (2, of.count))
}

/// The gradient of x; `through` are the sums above where the statistics depend on x.
pub fn input_gradient(
    x: Operand<'_>,
    upstream: Operand<'_>,
    output: Operand<'_>,
    [statistics, weight]: [&Tensor; 2],
    through: Option<&Tensor>,
    slope: f32,
) -> Output {
    let (device, of) = (device_of(x.0), per_channel(x.1)?);
    let (values, u, y) = (view(x.0, x.1)?, view(upstream.0, upstream.1)?, view(output.0, output.1)?);
    let n = values.len();
    let share = if through.is_some() { of.count as f32 / n as f32 } else { 0.0 };
    let mut out = uninitialised(device, n)?;
    // Where nothing goes through the statistics the sums are multiplied by 0: any finite numbers do.
    let sums = through.unwrap_or(statistics);
    held(statistics, |statistics| {
        held(weight, |weight| {
            held(sums, |sums| {
                let (s, w) = (view(statistics.0, statistics.1)?, view(weight.0, weight.1)?);
                let sums = view(sums.0, sums.1)?;
                launch!(
                    device, "batch_input_gradient", each(n),
                    n as u64, of.count as u64, of.run as u64, slope, share, values, u, y, s, w, sums => &mut out
                );
                Ok(())
            })
        })
    })?;
    result(out, device, x.1.shape())
}
