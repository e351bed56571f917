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
            let mut column = left;
            if rows - top >= BLOCK {
                while right - column >= BLOCK {
                    block(
                        &source[top * source_apart + column..],
                        source_apart,
                        &mut target[column * target_apart + top..],
                        target_apart,
                    );
                    column += BLOCK;
                }
            }
            for column in column..right {
                for row in top..(top + BLOCK).min(rows) {
                    target[column * target_apart + row] = source[row * source_apart + column];
                }
            }
        }
    }
}

#[inline(always)]
fn block(source: &[f32], source_apart: usize, target: &mut [f32], target_apart: usize) {
    // All rows are there before the first is used: the compiler then keeps them in registers.
    let row = |i: usize| source[i * source_apart..].first_chunk::<BLOCK>().copied();
    let (Some(a), Some(b), Some(c), Some(d)) = (row(0), row(1), row(2), row(3)) else { return };
    for i in 0..BLOCK {
        if let Some(values) = target[i * target_apart..].first_chunk_mut() {
            *values = [a[i], b[i], c[i], d[i]];
        }
    }
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
