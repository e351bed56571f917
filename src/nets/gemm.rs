//! Single-threaded matrix product over slices.
#![allow(unsafe_code)]

/// A matrix within a slice: element (i, j) is `values[i * rows_apart + j * columns_apart]`.
#[derive(Clone, Copy)]
pub(crate) struct Matrix<'a> {
    values: &'a [f32],
    rows_apart: usize,
    columns_apart: usize,
}

impl<'a> Matrix<'a> {
    /// Rows one after the other, `width` apart.
    pub fn rows(values: &'a [f32], width: usize) -> Self {
        Self { values, rows_apart: width, columns_apart: 1 }
    }

    /// The transpose.
    pub fn transposed(self) -> Self {
        Self { rows_apart: self.columns_apart, columns_apart: self.rows_apart, ..self }
    }

    fn assert_holds(&self, rows: usize, columns: usize) {
        let last = (rows - 1) * self.rows_apart + (columns - 1) * self.columns_apart;
        assert!(
            last < self.values.len(),
            "a {rows} x {columns} matrix ends at {last} of {}",
            self.values.len()
        );
    }
}

/// `out` = `a` `b`, or `out` += `a` `b` where `accumulate`. `shape` is the rows of `a`, the columns of `b`
/// and what they have in common. The rows of `out` are `width` apart.
///
/// Each element is summed in an order that depends on `shape` alone.
pub(crate) fn multiply(
    shape: [usize; 3],
    (out, width): (&mut [f32], usize),
    accumulate: bool,
    a: Matrix<'_>,
    b: Matrix<'_>,
) {
    let [rows, columns, depth] = shape;
    if rows == 0 || columns == 0 {
        return;
    }
    assert!(columns <= width && (rows - 1) * width + columns <= out.len(), "the product does not fit");
    if depth == 0 {
        if !accumulate {
            out.chunks_mut(width).take(rows).for_each(|row| row[..columns].fill(0.0));
        }
        return;
    }
    a.assert_holds(rows, depth);
    b.assert_holds(depth, columns);
    // SAFETY: the assertions above hold every index that gemm reaches within the three slices, whose
    // strides are non-negative; `out` is borrowed mutably, so it overlaps neither `a` nor `b`; its rows do
    // not overlap, as `columns <= width`.
    unsafe {
        gemm::gemm(
            rows,
            columns,
            depth,
            out.as_mut_ptr(),
            1,
            width as isize,
            accumulate,
            a.values.as_ptr(),
            a.columns_apart as isize,
            a.rows_apart as isize,
            b.values.as_ptr(),
            b.columns_apart as isize,
            b.rows_apart as isize,
            1.0f32,
            1.0f32,
            false,
            false,
            false,
            gemm::Parallelism::None,
        );
    }
}
