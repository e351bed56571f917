//! Sums in an order that depends on the length alone.

use super::vectors::widest;

const LANES: usize = 16;
/// Vectors added up in f32 before they go to f64.
const RUN: usize = 256;

/// The sum of `f` over the scalars at the same places of `xs`, which are equally long.
#[inline(always)]
pub(crate) fn sum_of<const N: usize>(xs: [&[f32]; N], f: impl Fn([f32; N]) -> f32) -> f64 {
    let [sum] = sums_of(xs, |x| [f(x)]);
    sum
}

/// As [`sum_of`], several sums at once.
#[inline(always)]
pub(crate) fn sums_of<const N: usize, const M: usize>(
    xs: [&[f32]; N],
    f: impl Fn([f32; N]) -> [f32; M],
) -> [f64; M] {
    widest(
        #[inline(always)]
        || {
            let mut totals = [0f64; M];
            let vectors = xs.map(|x| x.as_chunks::<LANES>().0);
            let count = vectors.map(<[_]>::len).into_iter().min().unwrap_or(0);
            for start in (0..count).step_by(RUN) {
                let run = vectors.map(|v| &v[start..(start + RUN).min(count)]);
                let mut lanes = [[0f32; LANES]; M];
                for i in 0..(count - start).min(RUN) {
                    let vector = run.map(|r| &r[i]);
                    for lane in 0..LANES {
                        let terms = f(vector.map(|v| v[lane]));
                        for (sums, term) in lanes.iter_mut().zip(terms) {
                            sums[lane] += term;
                        }
                    }
                }
                for (total, lanes) in totals.iter_mut().zip(lanes) {
                    *total += lanes.iter().map(|&l| f64::from(l)).sum::<f64>();
                }
            }
            let rest = xs.map(|x| x.as_chunks::<LANES>().1);
            let count = rest.map(<[_]>::len).into_iter().min().unwrap_or(0);
            for i in 0..count {
                for (total, term) in totals.iter_mut().zip(f(rest.map(|r| r[i]))) {
                    *total += f64::from(term);
                }
            }
            totals
        },
    )
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
