//! Where one small image lies in another: phase correlation (Kuglin and Hines 1975).

use std::f64::consts::TAU;

use super::image::SMALL;

type Complex = [f64; 2];

/// Displacements in cells, right and down, at which `image` looks most like `reference`: the highest peaks
/// of the phase correlation, first, and of the plain correlation.
pub(super) fn displacements(image: &[f32], reference: &[f32]) -> Vec<[isize; 2]> {
    const PEAKS: usize = 2;
    let [a, b] =
        [image, reference].map(|values| plane(values.iter().map(|&v| [f64::from(v), 0.0]).collect(), 1.0));
    let mut cross: Vec<Complex> =
        (a.iter().zip(&b)).map(|(&[ar, ai], &[br, bi])| [ar * br + ai * bi, ai * br - ar * bi]).collect();
    cross[0] = [0.0; 2];
    let white = cross.iter().map(|&[re, im]| {
        let size = re.hypot(im).max(f64::MIN_POSITIVE);
        [re / size, im / size]
    });
    let signed = |at: usize| if at < SMALL / 2 { at as isize } else { at as isize - SMALL as isize };
    let mut found = Vec::new();
    for spectrum in [white.collect(), cross.clone()] {
        let heights = plane(spectrum, -1.0);
        let mut order: Vec<usize> = (0..heights.len()).collect();
        order.sort_by(|&i, &k| heights[k][0].total_cmp(&heights[i][0]));
        found.extend(order[..PEAKS].iter().map(|&at| [signed(at % SMALL), signed(at / SMALL)]));
    }
    found
}

/// The discrete Fourier transform of a plane, without normalisation.
fn plane(mut values: Vec<Complex>, sign: f64) -> Vec<Complex> {
    for _ in 0..2 {
        values.chunks_exact_mut(SMALL).for_each(|row| line(row, sign));
        values = (0..values.len()).map(|i| values[i % SMALL * SMALL + i / SMALL]).collect();
    }
    values
}

/// Cooley and Tukey (1965), radix 2, in place.
fn line(values: &mut [Complex], sign: f64) {
    let n = values.len();
    let bits = n.trailing_zeros();
    for i in 0..n {
        let k = i.reverse_bits() >> (usize::BITS - bits);
        if i < k {
            values.swap(i, k);
        }
    }
    let mut length = 2;
    while length <= n {
        let half = length / 2;
        for block in values.chunks_exact_mut(length) {
            for k in 0..half {
                let (sin, cos) = (-sign * TAU * k as f64 / length as f64).sin_cos();
                let ([ar, ai], [br, bi]) = (block[k], block[k + half]);
                let turned = [br * cos - bi * sin, br * sin + bi * cos];
                block[k] = [ar + turned[0], ai + turned[1]];
                block[k + half] = [ar - turned[0], ai - turned[1]];
            }
        }
        length *= 2;
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::stream::Stream;

    #[test]
    fn a_rolled_image_is_found_where_it_was_rolled_to() {
        let mut stream = Stream::root(1);
        let scene: Vec<f32> = (0..SMALL * SMALL).map(|_| stream.unit() as f32).collect();
        for [right, down] in [[0, 0], [5, -3], [-31, 12]] {
            let from = |to: usize, by: isize| (to as isize - by).rem_euclid(SMALL as isize) as usize;
            let rolled: Vec<f32> = (0..SMALL * SMALL)
                .map(|i| scene[from(i / SMALL, down) * SMALL + from(i % SMALL, right)])
                .collect();
            assert_eq!(displacements(&rolled, &scene)[0], [right, down]);
        }
    }

    #[test]
    fn a_wave_has_one_line_in_its_spectrum() {
        let mut wave: Vec<Complex> =
            (0..SMALL).map(|i| [(TAU * 3.0 * i as f64 / SMALL as f64).cos(), 0.0]).collect();
        line(&mut wave, 1.0);
        for (k, [re, im]) in wave.into_iter().enumerate() {
            let expected = if k == 3 || k == SMALL - 3 { SMALL as f64 / 2.0 } else { 0.0 };
            assert!((re - expected).abs() < 1e-9 && im.abs() < 1e-9, "{k}: {re} {im}");
        }
    }
}
