//! The largest eigenvalues of a symmetric matrix, and their eigenvectors.
//!
//! Reflections make the matrix tridiagonal. Of that each eigenvalue is bisected by counting how many lie above a number (Barth, Martin
//! and Wilkinson 1967, doi:10.1007/BF02162154), and few eigenvectors are found by inverse iteration (Ipsen 1997,
//! doi:10.1137/S0036144596300773), so that only what is asked for is computed; of many, all are found by divide and conquer.

use faer::diag::{Diag, DiagRef};
use faer::dyn_stack::{MemBuffer, MemStack, StackReq};
use faer::linalg::evd::{
    ComputeEigenvectors, self_adjoint_evd_scratch, tridiag, tridiagonal_self_adjoint_evd,
};
use faer::linalg::householder;
use faer::linalg::matmul::matmul;
use faer::linalg::qr::no_pivoting::factor::recommended_block_size;
use faer::{Accum, ColRef, Conj, Mat, MatRef, Par};
use generators::stream::Stream;

use super::RepresentationError;

/// Eigenvalues that are bisected side by side.
const LANES: usize = 8;
/// From 6 times the largest entry of the tridiagonal matrix to its rounding.
const BISECTIONS: usize = 56;
/// Inverse iterations; the second is for the few starts that have next to nothing of the eigenvector, the third for rounding.
const ITERATIONS: usize = 3;
/// Eigenvectors are found one by one where at most one in so many is wanted.
const FEW: usize = 8;

/// A symmetric matrix as reflections of a tridiagonal one.
pub(super) struct Tridiagonal {
    /// Below the diagonal: the reflections.
    reflections: Mat<f64>,
    factors: Mat<f64>,
    /// In units of `scale`, as is `beside`.
    diagonal: Vec<f64>,
    /// Next to the diagonal.
    beside: Vec<f64>,
    /// The size of the largest entry; the smallest there is where all are 0.
    scale: f64,
}

impl Tridiagonal {
    /// Of the symmetric matrix with this lower triangle.
    pub fn of(lower: Mat<f64>) -> Self {
        let n = lower.nrows();
        let mut reflections = lower;
        let mut factors = Mat::zeros(recommended_block_size::<f64>(n, n), n.saturating_sub(1));
        if n > 1 {
            let (params, par) = (Default::default(), Par::Seq);
            with_stack(tridiag::tridiag_in_place_scratch::<f64>(n, par, params), |stack| {
                tridiag::tridiag_in_place(reflections.as_mut(), factors.as_mut(), par, stack, params);
            });
        }
        let mut diagonal: Vec<f64> = (0..n).map(|i| reflections[(i, i)]).collect();
        let mut beside: Vec<f64> = (1..n).map(|i| reflections[(i, i - 1)]).collect();
        let largest = diagonal.iter().chain(&beside).fold(0.0f64, |most, x| most.max(x.abs()));
        let scale = largest.max(f64::MIN_POSITIVE);
        diagonal.iter_mut().chain(&mut beside).for_each(|x| *x /= scale);
        Self { reflections, factors, diagonal, beside, scale }
    }

    /// The `count` largest eigenvalues, largest first; all where there are fewer.
    pub fn largest(&self, count: usize) -> Vec<f64> {
        let count = count.min(self.diagonal.len());
        let squares: Vec<f64> = self.beside.iter().map(|b| b * b).collect();
        let mut values = Vec::with_capacity(count.next_multiple_of(LANES));
        for first in (0..count).step_by(LANES) {
            // No row of a tridiagonal matrix sums to more than three times its largest entry (Gershgorin).
            let (mut low, mut high) = ([-3.0; LANES], [3.0; LANES]);
            for _ in 0..BISECTIONS {
                let middle: [f64; LANES] = std::array::from_fn(|lane| 0.5 * (low[lane] + high[lane]));
                let above = self.above(&squares, &middle);
                for lane in 0..LANES {
                    let above = above[lane] > first + lane;
                    low[lane] = if above { middle[lane] } else { low[lane] };
                    high[lane] = if above { high[lane] } else { middle[lane] };
                }
            }
            values.extend(low);
        }
        values.truncate(count);
        values.iter_mut().for_each(|value| *value *= self.scale);
        values
    }

    /// How many eigenvalues are not below each of some numbers: as many as pivots of the matrix less the number (Sylvester's law).
    fn above(&self, squares: &[f64], numbers: &[f64; LANES]) -> [usize; LANES] {
        /// Of a pivot that would be 0; its inverse is finite.
        const TINY: f64 = 1e-290;
        let mut pivots = [f64::INFINITY; LANES];
        let mut above = [0.0; LANES];
        for (diagonal, square) in self.diagonal.iter().zip([0.0].iter().chain(squares)) {
            for lane in 0..LANES {
                let pivot = diagonal - numbers[lane] - square / pivots[lane];
                pivots[lane] = if pivot.abs() < TINY { TINY } else { pivot };
                above[lane] += if pivots[lane] > 0.0 { 1.0 } else { 0.0 };
            }
        }
        above.map(|count: f64| count as usize)
    }

    /// The eigenvectors of `values`, which [`Self::largest`] has found, in the columns of a matrix, of length 1.
    ///
    /// # Errors
    /// Where divide and conquer does not converge.
    pub fn vectors(&self, values: &[f64]) -> Result<Mat<f64>, RepresentationError> {
        let n = self.diagonal.len();
        let few = (FEW * values.len() <= n).then(|| self.iterated(values)).flatten();
        let mut vectors = match few {
            Some(vectors) => vectors,
            None => self.divided(values.len())?,
        };
        if n > 1 {
            let (block, count) = (self.factors.nrows(), vectors.ncols());
            let needed = householder::apply_block_householder_sequence_on_the_left_in_place_scratch::<f64>(
                n - 1,
                block,
                count,
            );
            with_stack(needed, |stack| {
                householder::apply_block_householder_sequence_on_the_left_in_place_with_conj(
                    self.reflections.submatrix(1, 0, n - 1, n - 1),
                    self.factors.as_ref(),
                    Conj::No,
                    vectors.subrows_mut(1, n - 1),
                    Par::Seq,
                    stack,
                );
            });
        }
        Ok(vectors)
    }

    /// Eigenvectors of the tridiagonal matrix by inverse iteration, each orthogonal to those before it. `None` where one is not found
    /// to the last digits.
    fn iterated(&self, values: &[f64]) -> Option<Mat<f64>> {
        let n = self.diagonal.len();
        let mut vectors = Mat::zeros(n, values.len());
        for (k, value) in values.iter().map(|value| value / self.scale).enumerate() {
            let factored = Factored::new(self, value);
            let mut stream = Stream::root(k as u64);
            let mut vector: Vec<f64> = (0..n).map(|_| stream.sign() * (0.5 + stream.unit())).collect();
            for _ in 0..ITERATIONS {
                factored.solve(&mut vector);
                normalise(&mut vector);
                // Twice is enough (Giraud et al. 2005, doi:10.1007/s00211-005-0615-4).
                for _ in 0..2 {
                    remove(vectors.subcols(0, k), &mut vector);
                }
                normalise(&mut vector);
            }
            if !self.solved_by(value, &vector, 8.0 * n as f64 * f64::EPSILON) {
                return None;
            }
            vectors.col_as_slice_mut(k).copy_from_slice(&vector);
        }
        Some(vectors)
    }

    /// Whether the tridiagonal matrix, less `value`, times `vector` is 0 within so much.
    fn solved_by(&self, value: f64, vector: &[f64], within: f64) -> bool {
        let n = vector.len();
        (0..n).all(|i| {
            let before = if i > 0 { self.beside[i - 1] * vector[i - 1] } else { 0.0 };
            let after = if i + 1 < n { self.beside[i] * vector[i + 1] } else { 0.0 };
            ((self.diagonal[i] - value) * vector[i] + before + after).abs() <= within
        })
    }

    /// The eigenvectors of the tridiagonal matrix for its `count` largest eigenvalues.
    fn divided(&self, count: usize) -> Result<Mat<f64>, RepresentationError> {
        let n = self.diagonal.len();
        // As long as the diagonal; the last is not read.
        let beside: Vec<f64> = self.beside.iter().copied().chain([0.0]).collect();
        let (mut values, mut vectors) = (Diag::zeros(n), Mat::zeros(n, n));
        let (params, par) = (Default::default(), Par::Seq);
        let needed = self_adjoint_evd_scratch::<f64>(n, ComputeEigenvectors::Yes, par, params);
        let found = with_stack(needed, |stack| {
            tridiagonal_self_adjoint_evd(
                DiagRef::from_slice(&self.diagonal),
                DiagRef::from_slice(&beside),
                values.as_mut(),
                Some(vectors.as_mut()),
                par,
                stack,
                params,
            )
        });
        found.map_err(|_| RepresentationError::Numerical("the eigenvalues did not converge".to_owned()))?;
        Ok(vectors.reverse_cols().subcols(0, count).to_owned())
    }
}

fn with_stack<R>(needed: StackReq, f: impl FnOnce(&mut MemStack) -> R) -> R {
    f(MemStack::new(&mut MemBuffer::new(needed)))
}

fn normalise(vector: &mut [f64]) {
    // The largest first: what inverse iteration gives may be too large to be squared.
    let largest = vector.iter().fold(0.0f64, |most, x| most.max(x.abs()));
    let length = largest * vector.iter().map(|x| (x / largest).powi(2)).sum::<f64>().sqrt();
    vector.iter_mut().for_each(|x| *x /= length);
}

/// Takes away from `vector` what it has of the columns of `others`, which are orthogonal to each other.
fn remove(others: MatRef<'_, f64>, vector: &mut [f64]) {
    let mut shares = Mat::zeros(others.ncols(), 1);
    let column = ColRef::from_slice(vector).as_mat();
    matmul(shares.as_mut(), Accum::Replace, others.transpose(), column, 1.0, Par::Seq);
    let column = faer::ColMut::from_slice_mut(vector).as_mat_mut();
    matmul(column, Accum::Add, others, shares.as_ref(), -1.0, Par::Seq);
}

/// A tridiagonal matrix less a number on its diagonal, by Gaussian elimination with row exchanges.
struct Factored {
    /// What the row before is multiplied by, and whether the two were exchanged.
    eliminated: Vec<(f64, bool)>,
    /// Inverses of the pivots.
    inverses: Vec<f64>,
    /// The two entries after each pivot.
    after: Vec<[f64; 2]>,
}

impl Factored {
    fn new(matrix: &Tridiagonal, value: f64) -> Self {
        let n = matrix.diagonal.len();
        let beside = |i: usize| matrix.beside.get(i).copied().unwrap_or(0.0);
        let mut eliminated = Vec::with_capacity(n);
        let mut inverses = Vec::with_capacity(n);
        let mut after = Vec::with_capacity(n);
        // The row that is eliminated with next: its diagonal and what follows.
        let mut row = [matrix.diagonal.first().map_or(0.0, |d| d - value), beside(0)];
        for i in 0..n {
            let mut pivot = [row[0], row[1], 0.0];
            if i + 1 < n {
                let next = [beside(i), matrix.diagonal[i + 1] - value, beside(i + 1)];
                let exchanged = next[0].abs() > pivot[0].abs();
                let mut other = next;
                if exchanged {
                    std::mem::swap(&mut pivot, &mut other);
                }
                let factor = if other[0] == 0.0 { 0.0 } else { other[0] / pivot[0] };
                row = [other[1] - factor * pivot[1], other[2] - factor * pivot[2]];
                eliminated.push((factor, exchanged));
            }
            let size = pivot[0].abs().max(f64::EPSILON);
            inverses.push(1.0 / size.copysign(pivot[0]));
            after.push([pivot[1], pivot[2]]);
        }
        Self { eliminated, inverses, after }
    }

    /// Replaces the right side by the solution.
    fn solve(&self, side: &mut [f64]) {
        for (i, &(factor, exchanged)) in self.eliminated.iter().enumerate() {
            if exchanged {
                side.swap(i, i + 1);
            }
            side[i + 1] -= factor * side[i];
        }
        let mut later = [0.0; 2];
        for i in (0..side.len()).rev() {
            let [first, second] = self.after[i];
            side[i] = (side[i] - first * later[0] - second * later[1]) * self.inverses[i];
            later = [side[i], later[0]];
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::representations::algebra::product;

    fn greatest(matrix: &Mat<f64>) -> f64 {
        matrix.col_iter().flat_map(|c| c.iter()).fold(0.0f64, |most, x| most.max(x.abs()))
    }

    fn lower(whole: &Mat<f64>) -> Mat<f64> {
        Mat::from_fn(whole.nrows(), whole.ncols(), |i, j| if i >= j { whole[(i, j)] } else { 0.0 })
    }

    /// Matrices of the kinds that solvers stumble over: sparse, whole numbers, signs, and one matrix many times over.
    fn data(stream: &mut Stream, size: usize) -> Mat<f64> {
        let (rows, columns) = (2 + stream.below(size), 1 + stream.below(size));
        let kind = stream.below(5);
        let mut values = Mat::from_fn(rows, columns, |_, _| match kind {
            0 => stream.normal(),
            1 => stream.below(3) as f64,
            2 => stream.unit() * f64::from(stream.chance(0.2)),
            _ => stream.sign(),
        });
        if kind == 4 {
            let block = 1 + stream.below(3);
            values = Mat::from_fn(rows, rows, |i, j| {
                let same = i / block == j / block;
                if same { values[(i % block % rows, j % block % columns)] } else { 0.0 }
            });
        }
        values
    }

    #[test]
    fn the_matrix_is_put_together_again() {
        let mut stream = Stream::root(1);
        for case in 0..10_000 {
            let data = data(&mut stream, 12);
            let whole = product(data.as_ref(), data.transpose());
            let found = Tridiagonal::of(lower(&whole));
            let values = found.largest(usize::MAX);
            let vectors = found.vectors(&values).unwrap();
            assert!(values.windows(2).all(|pair| pair[0] >= pair[1]));
            let scaled = Mat::from_fn(vectors.nrows(), values.len(), |i, k| vectors[(i, k)] * values[k]);
            let scale = greatest(&whole).max(1e-300);
            let off = greatest(&(product(scaled.as_ref(), vectors.transpose()) - &whole));
            assert!(off < 1e-12 * scale, "case {case}: {off} of {scale} in {whole:?}");
            let square = product(vectors.transpose(), vectors.as_ref());
            let identity = Mat::<f64>::identity(values.len(), values.len());
            assert!(greatest(&(square - identity)) < 1e-12, "case {case}: not orthogonal");
        }
    }

    /// From 128 rows on the solver divides and conquers.
    #[test]
    fn large_matrices_are_put_together_again() {
        let mut stream = Stream::root(3);
        for (rows, columns, block) in [(300, 400, 300), (260, 40, 260), (200, 200, 10), (150, 3, 5)] {
            let one = Mat::from_fn(block, columns, |_, _| stream.normal());
            let gram = product(one.as_ref(), one.transpose());
            // The same block again and again: every eigenvalue as often.
            let whole = Mat::from_fn(rows, rows, |i, j| {
                if i / block == j / block { gram[(i % block, j % block)] } else { 0.0 }
            });
            let found = Tridiagonal::of(lower(&whole));
            let scale = greatest(&whole) * rows as f64;
            for count in [rows, rows / 2, rows / FEW] {
                let values = found.largest(count);
                let vectors = found.vectors(&values).unwrap();
                let scaled = Mat::from_fn(rows, count, |i, k| vectors[(i, k)] * values[k]);
                let off = greatest(&(product(whole.as_ref(), vectors.as_ref()) - scaled));
                assert!(off < 1e-13 * scale, "{count} of {rows}: {off} of {scale}");
                let square = product(vectors.transpose(), vectors.as_ref());
                assert!(
                    greatest(&(square - Mat::<f64>::identity(count, count))) < 1e-12,
                    "{count} of {rows}"
                );
            }
        }
    }

    #[test]
    fn few_eigenvectors_are_as_good_as_all() {
        let mut stream = Stream::root(2);
        let mut fallen_back = 0;
        for case in 0..3_000 {
            let data = data(&mut stream, 80);
            let whole = product(data.as_ref(), data.transpose());
            let found = Tridiagonal::of(lower(&whole));
            let values = found.largest(1 + stream.below(1 + whole.nrows() / FEW));
            fallen_back += usize::from(found.iterated(&values).is_none());
            let vectors = found.vectors(&values).unwrap();
            let scale = greatest(&whole).max(1e-300) * whole.nrows() as f64;
            let scaled = Mat::from_fn(vectors.nrows(), values.len(), |i, k| vectors[(i, k)] * values[k]);
            let off = greatest(&(product(whole.as_ref(), vectors.as_ref()) - scaled));
            assert!(off < 1e-13 * scale, "case {case}: {off} of {scale}");
            let square = product(vectors.transpose(), vectors.as_ref());
            let identity = Mat::<f64>::identity(values.len(), values.len());
            assert!(greatest(&(square - identity)) < 1e-12, "case {case}: not orthogonal");
            let most = whole.self_adjoint_eigenvalues(faer::Side::Lower).unwrap();
            assert!(values.iter().zip(most.iter().rev()).all(|(a, b)| (a - b).abs() < 1e-13 * scale));
        }
        assert!(fallen_back < 30, "{fallen_back} of 3000 by divide and conquer");
    }

    /// 2 cos(pi k / (n + 1)), the classic example.
    #[test]
    fn eigenvalues_of_the_second_difference() {
        let n = 200;
        let matrix = Mat::from_fn(n, n, |i, j| f64::from(i == j + 1));
        for (k, value) in Tridiagonal::of(matrix).largest(n).into_iter().enumerate() {
            let expected = 2.0 * (std::f64::consts::PI * (k + 1) as f64 / (n + 1) as f64).cos();
            assert!((value - expected).abs() < 1e-14, "{k}: {value}, not {expected}");
        }
    }

    #[test]
    fn nothing_and_one_number_are_matrices_too() {
        let zero = Tridiagonal::of(Mat::zeros(9, 9));
        let values = zero.largest(1);
        assert!(values[0].abs() < f64::MIN_POSITIVE);
        assert_eq!(zero.vectors(&values).unwrap().ncols(), 1);
        let one = Tridiagonal::of(Mat::from_fn(1, 1, |_, _| 7.0));
        assert!((one.largest(5)[0] - 7.0).abs() < 1e-14);
        assert!((one.vectors(&[7.0]).unwrap()[(0, 0)].abs() - 1.0).abs() < 1e-15);
    }
}
