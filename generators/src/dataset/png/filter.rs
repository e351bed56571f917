//! The filter of PNG images: what is left of each byte when a guess from its neighbours is taken away.

use pulp::{Arch, Simd, WithSimd};

/// Name of Paeth's filter in front of a row (PNG specification, third edition, section 9.2).
const PAETH: u8 = 4;

/// The rows of an image after Paeth's filter, each with the filter's name in front. Left of a byte is the one
/// `pixel_bytes` before it.
pub(super) fn paeth(bytes: &[u8], row_bytes: usize, pixel_bytes: usize) -> Vec<u8> {
    let rows = bytes.chunks_exact(row_bytes.max(1));
    let mut filtered = Vec::with_capacity(bytes.len() + rows.len());
    // Beyond the left and the upper edge all is 0.
    let [mut above, mut row] = [(); 2].map(|()| vec![0; pixel_bytes + row_bytes]);
    let mut rest = vec![0; row_bytes];
    for bytes in rows {
        row[pixel_bytes..].copy_from_slice(bytes);
        Arch::new().dispatch(Paeth { row: &row, above: &above, pixel_bytes, rest: &mut rest });
        filtered.push(PAETH);
        filtered.extend_from_slice(&rest);
        std::mem::swap(&mut row, &mut above);
    }
    filtered
}

struct Paeth<'a> {
    row: &'a [u8],
    above: &'a [u8],
    pixel_bytes: usize,
    rest: &'a mut [u8],
}

impl WithSimd for Paeth<'_> {
    type Output = ();

    #[inline(always)]
    fn with_simd<S: Simd>(self, _: S) {
        let Self { row, above, pixel_bytes, rest } = self;
        let (left, corner, count) = (row, above, rest.len());
        let (row, above) = (&row[pixel_bytes..][..count], &above[pixel_bytes..][..count]);
        let (left, corner) = (&left[..count], &corner[..count]);
        for i in 0..count {
            rest[i] = row[i].wrapping_sub(guess(left[i], above[i], corner[i]));
        }
    }
}

/// Of three neighbours the one that is nearest to where their plane would be (Paeth 1991, in Graphics Gems II).
#[inline(always)]
fn guess(left: u8, above: u8, corner: u8) -> u8 {
    let [a, b, c] = [left, above, corner].map(i16::from);
    let (to_left, to_above, to_corner) = ((b - c).abs(), (a - c).abs(), (a + b - c - c).abs());
    let upper = if to_above <= to_corner { above } else { corner };
    if to_left <= to_above && to_left <= to_corner { left } else { upper }
}
