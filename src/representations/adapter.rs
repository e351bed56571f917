//! The border to linfa: our matrices and streams as what it is built on, ndarray 0.16 and rand 0.8.
//!
//! linfa and its arrays are named here and in the separators that linfa computes, and in none of their
//! public signatures.

use generators::stream::Stream;
use ndarray::Array2;
use rand_xoshiro::Xoshiro256Plus;
use rand_xoshiro::rand_core::SeedableRng;

use super::Matrix;

/// The values of `matrix` in double precision, `[rows, columns]`.
pub(crate) fn array_from_matrix(matrix: &Matrix) -> Array2<f64> {
    Array2::from_shape_fn((matrix.rows, matrix.columns), |(i, j)| {
        f64::from(matrix.values[i * matrix.columns + j])
    })
}

/// A generator that linfa can draw from, seeded by the next bits of `stream`.
pub(crate) fn generator_from_stream(stream: &mut Stream) -> Xoshiro256Plus {
    Xoshiro256Plus::seed_from_u64(stream.bits())
}
