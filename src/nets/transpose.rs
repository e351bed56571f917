//! Transposition of matrices within slices.

/// Rows and columns that are transposed in registers.
const BLOCK: usize = 4;
/// Columns that are finished before the next ones, so that their lines stay in the cache.
const COLUMNS: usize = 16;

/// Copies element (row, column) of `source`, whose rows are `source_apart`, to element (column, row) of `target`, whose
/// rows are `target_apart`.
pub(super) fn transpose(
    (source, source_apart): (&[f32], usize),
    [rows, columns]: [usize; 2],
    (target, target_apart): (&mut [f32], usize),
) {
    for left in (0..columns).step_by(COLUMNS) {
        let right = (left + COLUMNS).min(columns);
        for top in (0..rows).step_by(BLOCK) {
            if rows - top >= BLOCK && right - left == COLUMNS {
                let source = &source[top * source_apart + left..];
                band(source, source_apart, &mut target[left * target_apart + top..], target_apart);
                continue;
            }
            for column in left..right {
                for row in top..(top + BLOCK).min(rows) {
                    target[column * target_apart + row] = source[row * source_apart + column];
                }
            }
        }
    }
}

/// [`BLOCK`] rows of [`COLUMNS`] columns.
#[inline(always)]
fn band(source: &[f32], source_apart: usize, target: &mut [f32], target_apart: usize) {
    let row = |i: usize| source[i * source_apart..].first_chunk::<COLUMNS>();
    let (Some(a), Some(b), Some(c), Some(d)) = (row(0), row(1), row(2), row(3)) else { return };
    let blocks = a.as_chunks().0.iter().zip(b.as_chunks().0).zip(c.as_chunks().0).zip(d.as_chunks().0);
    for (i, (((a, b), c), d)) in blocks.enumerate() {
        for (j, column) in turned([*a, *b, *c, *d]).into_iter().enumerate() {
            if let Some(values) = target[(i * BLOCK + j) * target_apart..].first_chunk_mut() {
                *values = column;
            }
        }
    }
}

/// The transpose of a block. Left to itself, the compiler moves one number at a time.
#[inline(always)]
fn turned(rows: [[f32; BLOCK]; BLOCK]) -> [[f32; BLOCK]; BLOCK] {
    #[cfg(target_arch = "x86_64")]
    if let Some(sse) = pulp::core_arch::x86::Sse::try_new() {
        use std::arch::x86_64::__m128;

        use pulp::bytemuck::cast;

        let [a, b, c, d] = rows.map(cast::<[f32; BLOCK], __m128>);
        let (low, high) = (sse._mm_unpacklo_ps(a, b), sse._mm_unpackhi_ps(a, b));
        let (other_low, other_high) = (sse._mm_unpacklo_ps(c, d), sse._mm_unpackhi_ps(c, d));
        let columns = [
            sse._mm_movelh_ps(low, other_low),
            sse._mm_movehl_ps(other_low, low),
            sse._mm_movelh_ps(high, other_high),
            sse._mm_movehl_ps(other_high, high),
        ];
        return columns.map(cast);
    }
    let [a, b, c, d] = rows;
    std::array::from_fn(|i| [a[i], b[i], c[i], d[i]])
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn transposes_every_shape() {
        for [rows, columns] in [[1, 1], [4, 4], [3, 9], [16, 40], [17, 33], [5, 4]] {
            let (source_apart, target_apart) = (columns + 3, rows + 2);
            let source: Vec<f32> = (0..rows * source_apart).map(|i| i as f32).collect();
            let mut target = vec![-1.0; columns * target_apart];
            transpose((&source, source_apart), [rows, columns], (&mut target, target_apart));
            for (column, row) in (0..columns).flat_map(|c| (0..target_apart).map(move |r| (c, r))) {
                let expected = if row < rows { source[row * source_apart + column] } else { -1.0 };
                assert_eq!(target[column * target_apart + row], expected);
            }
        }
    }
}
