//! Operators that take one value at a time.

use candle_core::{CudaStorage, Layout, Result, Shape, bail};

use super::module::{each, launch};
use super::{device_of, result, uninitialised, view, view_mut};

type Output = Result<(CudaStorage, Shape)>;
type Operand<'a> = (&'a CudaStorage, &'a Layout);

/// x where x > 0, else `slope` x.
pub fn leaky_relu((storage, layout): Operand<'_>, slope: f32) -> Output {
    let (device, x) = (device_of(storage), view(storage, layout)?);
    let n = x.len();
    let mut y = uninitialised(device, n)?;
    launch!(device, "leaky_relu", each(n), n as u64, slope, x => &mut y);
    result(y, device, layout.shape())
}

/// See [`crate::nets::Activation::gradient`].
pub fn leaky_gradient(upstream: Operand<'_>, output: Operand<'_>, slope: f32) -> Output {
    let device = device_of(upstream.0);
    let (u, y) = (view(upstream.0, upstream.1)?, view(output.0, output.1)?);
    let n = u.len();
    let mut out = uninitialised(device, n)?;
    launch!(device, "leaky_gradient", each(n), n as u64, slope, u, y => &mut out);
    result(out, device, upstream.1.shape())
}

fn pairs(name: Pair, a: Operand<'_>, b: Operand<'_>) -> Output {
    if a.1.shape() != b.1.shape() {
        bail!("{:?} against {:?}", a.1.dims(), b.1.dims())
    }
    let device = device_of(a.0);
    let (x, t) = (view(a.0, a.1)?, view(b.0, b.1)?);
    let n = x.len();
    let mut out = uninitialised(device, n)?;
    match name {
        Pair::Product => launch!(device, "product", each(n), n as u64, x, t => &mut out),
        Pair::CrossEntropy => launch!(device, "cross_entropy", each(n), n as u64, x, t => &mut out),
        Pair::CrossEntropyGradient => {
            launch!(device, "cross_entropy_gradient", each(n), n as u64, x, t => &mut out);
        }
    }
    result(out, device, a.1.shape())
}

enum Pair {
    Product,
    CrossEntropy,
    CrossEntropyGradient,
}

/// a b
pub fn product(a: Operand<'_>, b: Operand<'_>) -> Output {
    pairs(Pair::Product, a, b)
}

/// See [`crate::nets::binary_cross_entropy_with_logits`].
pub fn cross_entropy(logits: Operand<'_>, targets: Operand<'_>) -> Output {
    pairs(Pair::CrossEntropy, logits, targets)
}

/// Its derivative in the logits.
pub fn cross_entropy_gradient(logits: Operand<'_>, targets: Operand<'_>) -> Output {
    pairs(Pair::CrossEntropyGradient, logits, targets)
}

/// Adam's first and second moments `[2, n]`, moved in place.
pub fn adam_moments(
    (moments, layout): (&mut CudaStorage, &Layout),
    gradient: Operand<'_>,
    [scale, beta1, beta2]: [f32; 3],
) -> Result<()> {
    let device = device_of(gradient.0);
    let g = view(gradient.0, gradient.1)?;
    let n = g.len();
    let mut both = view_mut(moments, layout)?;
    let (mut first, mut second) = both.split_at_mut(n);
    launch!(device, "adam_moments", each(n), n as u64, scale, beta1, beta2, g => &mut first, &mut second);
    Ok(())
}

/// Adam's step of a variable, in place; `settings` are the step, the inverse correction, epsilon and what is kept.
pub fn adam_step(
    (variable, layout): (&mut CudaStorage, &Layout),
    moments: Operand<'_>,
    settings: [f32; 4],
) -> Result<()> {
    let device = device_of(moments.0);
    let both = view(moments.0, moments.1)?;
    let n = both.len() / 2;
    let (first, second) = (both.slice(..n), both.slice(n..));
    let [step, correction, epsilon, keep] = settings;
    let mut variable = view_mut(variable, layout)?;
    launch!(
        device, "adam_step", each(n), n as u64, step, correction, epsilon, keep, first, second => &mut variable
    );
    Ok(())
}

/// See [`crate::nets::upsample_nearest`].
pub fn upsample((storage, layout): Operand<'_>, factor: usize) -> Output {
    let (device, x) = (device_of(storage), view(storage, layout)?);
    let (batch, channels, height, width) = layout.shape().dims4()?;
    let n = x.len() * factor * factor;
    let mut out = uninitialised(device, n)?;
    launch!(device, "upsample", each(n), n as u64, width as u64, factor as u64, x => &mut out);
    result(out, device, (batch, channels, height * factor, width * factor))
}

/// The sum over each block of `factor` x `factor` pixels.
pub fn sum_blocks((storage, layout): Operand<'_>, factor: usize) -> Output {
    let (device, x) = (device_of(storage), view(storage, layout)?);
    let (batch, channels, height, width) = layout.shape().dims4()?;
    let (n, small) = (x.len() / (factor * factor), width / factor);
    let mut out = uninitialised(device, n)?;
    launch!(device, "sum_blocks", each(n), n as u64, small as u64, factor as u64, x => &mut out);
    result(out, device, (batch, channels, height / factor, small))
}
