//! Sums in an order that depends on the length alone.

const LANES: usize = 16;
/// Vectors added up in f32 before they go to f64.
const RUN: usize = 256;

/// The sum of `f` over the scalars at the same places of `xs`, which are equally long.
#[inline(always)]
pub(crate) fn sum_of<const N: usize>(xs: [&[f32]; N], f: impl Fn([f32; N]) -> f32) -> f64 {
    let mut total = 0f64;
    let vectors = xs.map(|x| x.as_chunks::<LANES>().0);
    let count = vectors.map(<[_]>::len).into_iter().min().unwrap_or(0);
    for start in (0..count).step_by(RUN) {
        let run = vectors.map(|v| &v[start..(start + RUN).min(count)]);
        let mut lanes = [0f32; LANES];
        for i in 0..(count - start).min(RUN) {
            let vector = run.map(|r| &r[i]);
            for (lane, sum) in lanes.iter_mut().enumerate() {
                *sum += f(vector.map(|v| v[lane]));
            }
        }
        total += lanes.iter().map(|&l| f64::from(l)).sum::<f64>();
    }
    let rest = xs.map(|x| x.as_chunks::<LANES>().1);
    let count = rest.map(<[_]>::len).into_iter().min().unwrap_or(0);
    total + (0..count).map(|i| f64::from(f(rest.map(|r| r[i])))).sum::<f64>()
}

/// The sum of `x`.
pub(crate) fn sum(x: &[f32]) -> f64 {
    sum_of([x], |[x]| x)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sums_every_length() {
        for len in [0, 1, 15, 16, 17, 4095, 4096, 4097, 10_000] {
            let x: Vec<f32> = (0..len).map(|i| i as f32).collect();
            let expected = len as f64 * (len as f64 - 1.0) / 2.0;
            assert!((sum(&x) - expected).abs() <= 1e-6 * expected.abs(), "{len}");
            assert!((sum_of([&x, &x], |[a, b]| a - b)).abs() == 0.0);
        }
    }
}
