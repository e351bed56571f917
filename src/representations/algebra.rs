//! Rows in double precision, their products, and eigenvectors of symmetric matrices: the border to faer.
//!
//! On one thread: the last bit of a product may depend on how many there are.

use faer::linalg::matmul::matmul;
use faer::linalg::matmul::triangular::{self, BlockStructure};
use faer::{Accum, Mat, MatRef, Par, Side};

use super::{Matrix, RepresentationError};

/// Rows in double precision, measured from an origin.
pub(crate) struct Points {
    /// Row by row.
    values: Vec<f64>,
    rows: usize,
    columns: usize,
}

impl Points {
    /// `rows` less `origin`.
    pub fn new(rows: &Matrix, origin: &[f64]) -> Self {
        let mut values = Vec::with_capacity(rows.values.len());
        for i in 0..rows.rows {
            values.extend(rows.row(i).iter().zip(origin).map(|(&x, o)| f64::from(x) - o));
        }
        Self { values, rows: rows.rows, columns: rows.columns }
    }

    /// `[rows, columns]`.
    pub fn as_mat(&self) -> MatRef<'_, f64> {
        MatRef::from_row_major_slice(&self.values, self.rows, self.columns)
    }

    /// The squared distance of every row from the origin.
    pub fn squares(&self) -> Vec<f64> {
        (0..self.rows)
            .map(|i| self.values[i * self.columns..][..self.columns].iter().map(|x| x * x).sum())
            .collect()
    }
}

/// The product of two matrices.
pub(crate) fn product(left: MatRef<'_, f64>, right: MatRef<'_, f64>) -> Mat<f64> {
    let mut product = Mat::zeros(left.nrows(), right.ncols());
    matmul(product.as_mut(), Accum::Replace, left, right, 1.0, Par::Seq);
    product
}

/// The products of all pairs of rows; only the lower triangle is filled.
pub(crate) fn lower_gram(rows: MatRef<'_, f64>) -> Mat<f64> {
    let mut gram = Mat::zeros(rows.nrows(), rows.nrows());
    let (lower, whole) = (BlockStructure::TriangularLower, BlockStructure::Rectangular);
    triangular::matmul(
        gram.as_mut(),
        lower,
        Accum::Replace,
        rows,
        whole,
        rows.transpose(),
        whole,
        1.0,
        Par::Seq,
    );
    gram
}

/// Eigenvalues of the symmetric matrix with this lower triangle, largest first, and the eigenvectors in the
/// columns of a matrix, of length 1.
pub(crate) fn decompose(lower: MatRef<'_, f64>) -> Result<(Vec<f64>, Mat<f64>), RepresentationError> {
    let found = lower.self_adjoint_eigen(Side::Lower).map_err(|_| no_convergence())?;
    let values = found.S().column_vector().iter().rev().copied().collect();
    Ok((values, found.U().reverse_cols().to_owned()))
}

/// Eigenvalues alone, as [`decompose`] gives them, in less than half the time.
pub(crate) fn eigenvalues(lower: MatRef<'_, f64>) -> Result<Vec<f64>, RepresentationError> {
    let mut values = lower.self_adjoint_eigenvalues(Side::Lower).map_err(|_| no_convergence())?;
    values.reverse();
    Ok(values)
}

fn no_convergence() -> RepresentationError {
    RepresentationError::Numerical("the eigenvalues did not converge".to_owned())
}

#[cfg(test)]
mod tests {
    use generators::stream::Stream;

    use super::*;

    /// Data of the kinds that solvers stumble over: sparse, whole numbers, signs.
    fn data(stream: &mut Stream) -> Mat<f64> {
        let (rows, columns) = (2 + stream.below(12), 1 + stream.below(12));
        let kind = stream.below(4);
        Mat::from_fn(rows, columns, |_, _| match kind {
            0 => stream.normal(),
            1 => stream.below(3) as f64,
            2 => stream.unit() * f64::from(stream.chance(0.2)),
            _ => stream.sign(),
        })
    }

    fn greatest(matrix: &Mat<f64>) -> f64 {
        matrix.col_iter().flat_map(|c| c.iter()).fold(0.0f64, |most, x| most.max(x.abs()))
    }

    #[test]
    fn the_matrix_is_put_together_again() {
        let mut stream = Stream::root(1);
        for case in 0..20_000 {
            let data = data(&mut stream);
            let whole = product(data.as_ref(), data.transpose());
            let lower = lower_gram(data.as_ref());
            let (values, vectors) = decompose(lower.as_ref()).unwrap();
            assert!(values.windows(2).all(|pair| pair[0] >= pair[1]));
            let scaled = Mat::from_fn(vectors.nrows(), values.len(), |i, k| vectors[(i, k)] * values[k]);
            let scale = greatest(&whole).max(1e-300);
            let off = greatest(&(product(scaled.as_ref(), vectors.transpose()) - &whole));
            assert!(off < 1e-12 * scale, "case {case}: {off} of {scale} in {whole:?}");
            let square = product(vectors.transpose(), vectors.as_ref());
            let identity = Mat::<f64>::identity(values.len(), values.len());
            assert!(greatest(&(square - identity)) < 1e-12, "case {case}: not orthogonal");
            let alone = eigenvalues(lower.as_ref()).unwrap();
            assert!(
                values.iter().zip(alone).all(|(a, b)| (a - b).abs() < 1e-12 * scale * values.len() as f64)
            );
        }
    }
}
