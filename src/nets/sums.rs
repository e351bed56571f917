//! Sums in an order that depends on the length alone.

const LANES: usize = 16;

/// The sum of `f(0)..f(n)` where `f` is applied to the scalars at the same place of `xs`.
#[inline(always)]
fn lanes<const N: usize>(xs: [&[f32]; N], f: impl Fn([f32; N]) -> f32) -> f64 {
    let mut lanes = [0f32; LANES];
    let mut total = 0f64;
    let len = xs[0].len();
    // Runs short enough for f32, added up in f64.
    const RUN: usize = 256 * LANES;
    for start in (0..len).step_by(RUN) {
        let run = xs.map(|x| &x[start..(start + RUN).min(len)]);
        for i in (0..run[0].len()).step_by(LANES) {
            let width = LANES.min(run[0].len() - i);
            for (lane, sum) in lanes[..width].iter_mut().enumerate() {
                *sum += f(run.map(|x| x[i + lane]));
            }
        }
        total += lanes.iter().map(|&l| f64::from(l)).sum::<f64>();
        lanes = [0.0; LANES];
    }
    total
}

/// The sum of `x`.
pub(crate) fn sum(x: &[f32]) -> f64 {
    lanes([x], |[x]| x)
}
