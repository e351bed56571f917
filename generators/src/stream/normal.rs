//! Standard normal numbers by the row.

/// The normal quantile of each of `bits`: its top bit is the sign and the others are the tail's
/// probability, in steps of 2^-31.
///
/// Giles 2012, "Approximating the erfinv function", GPU Computing Gems, Jade edition, chapter 10, Table 10.4:
/// relative error below 4e-7, and 4e-4 beyond 5.3, which one number in 9 million is. The same arithmetic for every number and no call of a library, so that it
/// runs in vectors and gives the same bits on every machine.
#[inline(always)]
pub(super) fn quantiles(bits: &[u32], normal: &mut [f32]) {
    for (z, &bits) in normal.iter_mut().zip(bits) {
        *z = quantile(bits);
    }
}

/// The normal quantile of a `probability` between 0 and 1.
pub(crate) fn probit(probability: f64) -> f64 {
    let tail = 2.0 * probability.min(1.0 - probability);
    let sign = if probability < 0.5 { -1.0 } else { 1.0 };
    sign * f64::from(quantile((tail * (1u64 << 31) as f64) as u32))
}

#[inline(always)]
fn quantile(bits: u32) -> f32 {
    const STEP: f32 = 1.0 / (1u64 << 31) as f32;
    // Twice the tail's probability, inside (0, 1]; the cast goes through i32, which vectors have.
    let tail = ((bits & 0x7fff_ffff) as i32 as f32 + 0.5) * STEP;
    let w = -ln(tail * (2.0 - tail));
    let (near, far) = (w - 2.5, w.sqrt() - 3.0);
    let centre = polynomial(
        near,
        [
            2.810_226_4e-8,
            3.432_739_4e-7,
            -3.523_387_8e-6,
            -4.391_506_5e-6,
            0.000_218_580_87,
            -0.001_253_725,
            -0.004_177_681_6,
            0.246_640_73,
            1.501_409_4,
        ],
    );
    let edge = polynomial(
        far,
        [
            -0.000_200_214_26,
            0.000_100_950_56,
            0.001_349_343_2,
            -0.003_673_428_4,
            0.005_739_507_7,
            -0.007_622_461_3,
            0.009_438_870_5,
            1.001_674,
            2.832_976_8,
        ],
    );
    let z = (1.0 - tail) * std::f32::consts::SQRT_2 * if w < 5.0 { centre } else { edge };
    f32::from_bits(z.to_bits() | (bits & 0x8000_0000))
}

/// Natural logarithm of a positive, normal number; relative error below 2e-7.
///
/// With `x = 2^k m` and `m` between 0.7 and 1.4: `ln m = 2 artanh s`, `s = (m - 1) / (m + 1)`, |s| < 0.172, by its
/// series.
#[inline(always)]
fn ln(x: f32) -> f32 {
    // Bits of the square root of 1/2.
    const ROOT: u32 = 0x3f35_04f3;
    let shifted = x.to_bits().wrapping_sub(ROOT);
    let k = (shifted as i32 >> 23) as f32;
    let m = f32::from_bits((shifted & 0x007f_ffff).wrapping_add(ROOT));
    let s = (m - 1.0) / (m + 1.0);
    let series = polynomial(s * s, [2.0 / 9.0, 2.0 / 7.0, 2.0 / 5.0, 2.0 / 3.0, 2.0]);
    k * std::f32::consts::LN_2 + s * series
}

/// Horner's rule, the highest power first.
#[inline(always)]
fn polynomial<const N: usize>(x: f32, coefficients: [f32; N]) -> f32 {
    coefficients.into_iter().fold(0.0, |sum, coefficient| sum * x + coefficient)
}

#[cfg(test)]
mod tests {
    use super::*;

    /// scipy 1.17.1, `scipy.stats.norm.isf(tail / 2)`, with `tail = (k + 0.5) / 2**31` for each `k`.
    #[test]
    fn quantiles_are_those_of_scipy() {
        let expected = [
            (0, 6.33795775),
            (1, 6.16642952),
            (7, 5.90659734),
            (100, 5.46306255),
            (12_345, 4.53542276),
            (1_000_000, 3.49976899),
            (10_000_000, 2.82987543),
            (14_000_000, 2.72045278),
            (14_500_000, 2.70883019),
            (100_000_000, 1.99022524),
            (500_000_000, 1.1930989),
            (1_000_000_000, 0.729556553),
            (2_000_000_000, 0.086180949),
            (2_147_480_000, 2.12875349e-06),
            (2_147_483_647, 2.91809937e-10),
        ];
        for (k, z) in expected {
            let tolerance = if z < 5.3 { 1e-6 } else { 4e-4 } * f64::max(z, 0.1);
            assert!((f64::from(quantile(k)) - z).abs() < tolerance, "{k}: {} {z}", quantile(k));
            assert_eq!(quantile(k | 0x8000_0000), -quantile(k));
        }
    }

    #[test]
    fn vectors_give_the_bits_of_plain_code() {
        let bits: Vec<u32> = (0..10_007u32).map(|i| i.wrapping_mul(0x9e37_79b9)).collect();
        let (mut plain, mut wide) = (vec![0.0; bits.len()], vec![0.0; bits.len()]);
        quantiles(&bits, &mut plain);
        pulp::Arch::new().dispatch(|| quantiles(&bits, &mut wide));
        assert!(plain.iter().zip(&wide).all(|(a, b)| a.to_bits() == b.to_bits()));
    }
}
