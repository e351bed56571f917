//! Principal components in the space of a kernel (Schölkopf, Smola and Müller 1998, doi:10.1162/089976698300017467).

use faer::Mat;
use generators::params::{ScenarioError, Table};
use generators::stream::Stream;

use super::algebra::{Shifted, product, single};
use super::components::Spectrum;
use super::eigen::Tridiagonal;
use super::projections::Projected;
use super::{Components, Matrix, RepresentationError, check, check_columns};

/// A kernel, as a function of two rows of numbers.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Kernel {
    /// (gamma x . y + offset)^degree.
    Polynomial {
        /// From 1.
        degree: i32,
        /// Greater than 0.
        gamma: Gamma,
        /// What makes lower degrees count.
        offset: f64,
    },
    /// exp(-gamma |x - y|^2).
    Rbf {
        /// Greater than 0.
        gamma: Gamma,
    },
}

/// What the products or squared distances of rows are measured in.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Gamma {
    /// So much.
    Value(f64),
    /// 1 / columns.
    PerColumn,
    /// 1 / (columns x variance of all values of the fit): units do not matter.
    PerVariance,
}

impl Gamma {
    /// Reads `gamma`, or else `scale`.
    pub(super) fn read(table: &mut Table) -> Result<Self, Box<ScenarioError>> {
        let gamma = table.number_if_stated("gamma", f64::MIN_POSITIVE..=f64::INFINITY)?;
        let scale = table.choice_if_stated("scale", &["columns", "variance"])?;
        match (gamma, scale) {
            (Some(_), Some(_)) => Err(table
                .place_of("scale")
                .error("`gamma` and `scale` both say what the kernel measures in")
                .with_help("state one of them")),
            (Some(gamma), None) => Ok(Self::Value(gamma)),
            (None, Some(1)) => Ok(Self::PerVariance),
            (None, _) => Ok(Self::PerColumn),
        }
    }

    fn of(self, rows: &Matrix) -> f64 {
        let columns = rows.columns as f64;
        match self {
            Self::Value(gamma) => gamma,
            Self::PerColumn => 1.0 / columns,
            Self::PerVariance => {
                let count = rows.values.len() as f64;
                let mean = rows.values.iter().map(|&x| f64::from(x)).sum::<f64>() / count;
                let squares = rows.values.iter().map(|&x| (f64::from(x) - mean).powi(2)).sum::<f64>();
                count / (columns * squares.max(f64::MIN_POSITIVE))
            }
        }
    }
}

/// A kernel with its numbers.
#[derive(Clone, Copy, Debug, PartialEq)]
enum Resolved {
    Polynomial { degree: i32, gamma: f64, offset: f64 },
    Rbf { gamma: f64 },
}

impl Resolved {
    fn new(kernel: Kernel, rows: &Matrix) -> Self {
        match kernel {
            Kernel::Polynomial { degree, gamma, offset } => {
                Self::Polynomial { degree, gamma: gamma.of(rows), offset }
            }
            Kernel::Rbf { gamma } => Self::Rbf { gamma: gamma.of(rows) },
        }
    }

    /// Where the rows are measured from: amid them, so that little cancels, where only distances count.
    fn origin(self, rows: &Matrix) -> Vec<f64> {
        match self {
            Self::Polynomial { .. } => vec![0.0; rows.columns],
            Self::Rbf { .. } => rows.mean(),
        }
    }

    /// The squares of `rows`; zeros where they do not matter.
    fn squares(self, rows: Shifted<'_>) -> Vec<f64> {
        match self {
            Self::Polynomial { .. } => vec![0.0; rows.len()],
            Self::Rbf { .. } => rows.squares(),
        }
    }

    /// The kernel of two points from their product and the sum of their squares.
    fn of(self, product: f64, squares: f64) -> f64 {
        match self {
            Self::Polynomial { degree, gamma, offset } => (gamma * product + offset).powi(degree),
            Self::Rbf { gamma } => (-gamma * (squares - 2.0 * product).max(0.0)).exp(),
        }
    }
}

/// The kernel between the rows of a fit, and what centres it.
struct Centred {
    /// The kernel as if the images of the rows had mean 0.
    matrix: Tridiagonal,
    /// The sum of its diagonal.
    total: f64,
    /// Mean of each row of the kernel as it is.
    means: Vec<f64>,
    /// Mean of those.
    mean: f64,
}

impl Centred {
    fn new(kernel: Resolved, rows: &Shifted<'_>) -> Self {
        let mut lower = rows.lower_gram();
        let rows = lower.nrows();
        let squares: Vec<f64> = (0..rows).map(|i| lower[(i, i)]).collect();
        let mut sums = vec![0.0; rows];
        for j in 0..rows {
            let column = &mut lower.col_as_slice_mut(j)[j..];
            for (i, value) in (j..).zip(column) {
                *value = kernel.of(*value, squares[i] + squares[j]);
                sums[i] += *value;
                sums[j] += if i == j { 0.0 } else { *value };
            }
        }
        let means: Vec<f64> = sums.iter().map(|sum| sum / rows as f64).collect();
        let mean = means.iter().sum::<f64>() / rows as f64;
        for j in 0..rows {
            let column = &mut lower.col_as_slice_mut(j)[j..];
            column.iter_mut().zip(&means[j..]).for_each(|(value, other)| *value += mean - means[j] - other);
        }
        let total = (0..rows).map(|i| lower[(i, i)]).sum();
        Self { matrix: Tridiagonal::of(lower), total, means, mean }
    }

    /// The `count` largest eigenvalues, without those that are rounding.
    fn spectrum(&self, count: usize) -> Spectrum {
        let rows = self.means.len();
        let values = self.matrix.largest(count);
        // The kernel is rounded before it is centred.
        let floor = rows as f64 * f64::EPSILON * values[0].max(self.mean.abs());
        let real = values.into_iter().take(rows - 1).take_while(|&value| value > floor);
        Spectrum { values: real.collect(), total: self.total }
    }
}

/// A fitted projection onto the directions of largest variance in the space of a kernel.
pub struct KernelPca {
    kernel: Resolved,
    origin: Vec<f64>,
    /// The rows of the fit, as they are.
    rows: Matrix,
    fitted: Matrix,
    /// Mean of each row of the kernel at the fit, and of those.
    means: Vec<f64>,
    mean: f64,
    /// `[rows of the fit, components]`: what a row of the centred kernel is multiplied by.
    coefficients: Mat<f64>,
    explained_variance_ratio: Vec<f64>,
}

impl KernelPca {
    /// Finds the components of `rows`, largest variance first.
    ///
    /// The sign of each is such that, of the rows of the fit, the one farthest along it is positive
    /// (scikit-learn's rule). `stream` is drawn from where the number of components is found by shuffling.
    ///
    /// # Errors
    /// [`RepresentationError`] for fewer than 2 rows, values that are not finite, more components than there can
    /// be, and rows that the kernel does not tell apart.
    pub fn fit(
        rows: Matrix,
        kernel: Kernel,
        components: Components,
        stream: &Stream,
    ) -> Result<Self, RepresentationError> {
        check(&rows, 2)?;
        components.check(&rows, rows.rows - 1)?;
        if (1..rows.rows).all(|i| rows.row(i) == rows.row(0)) {
            return Err(RepresentationError::Constant);
        }
        let kernel = Resolved::new(kernel, &rows);
        let origin = kernel.origin(&rows);
        let of = |rows: &Matrix| Centred::new(kernel, &Shifted::new(rows, &origin));
        let centred = of(&rows);
        if !centred.total.is_finite() {
            return Err(RepresentationError::Numerical("the kernel overflows: lower `gamma`".to_owned()));
        }
        let found = centred.spectrum(components.needed());
        if found.values.is_empty() {
            return Err(RepresentationError::Constant);
        }
        let kept = components.keep(&rows, &found, stream, |rows| Ok(of(rows).spectrum(usize::MAX)))?;
        let values = &found.values[..kept];
        let vectors = centred.matrix.vectors(values)?;
        let signs: Vec<f64> = (0..kept)
            .map(|k| {
                let farthest = |far: f64, &v: &f64| if v.abs() > far.abs() { v } else { far };
                vectors.col(k).iter().fold(0.0, farthest).signum()
            })
            .collect();
        let scaled = |scale: fn(f64) -> f64| {
            Mat::from_fn(rows.rows, kept, |i, k| vectors[(i, k)] * signs[k] * scale(values[k]))
        };
        Ok(Self {
            kernel,
            origin,
            fitted: single(scaled(f64::sqrt).as_ref()),
            means: centred.means,
            mean: centred.mean,
            coefficients: scaled(|value| 1.0 / value.sqrt()),
            explained_variance_ratio: values.iter().map(|v| v / found.total).collect(),
            rows,
        })
    }
}

impl Projected for KernelPca {
    fn transform(&self, rows: &Matrix) -> Result<Matrix, RepresentationError> {
        check_columns(self.rows.columns, rows)?;
        let (known, new) = (Shifted::new(&self.rows, &self.origin), Shifted::new(rows, &self.origin));
        let known_squares = self.kernel.squares(known);
        let mut kernel = known.products(new);
        for (j, square) in self.kernel.squares(new).iter().enumerate() {
            let column = kernel.col_as_slice_mut(j);
            for (value, other) in column.iter_mut().zip(&known_squares) {
                *value = self.kernel.of(*value, square + other);
            }
            let mean = column.iter().sum::<f64>() / column.len() as f64;
            column.iter_mut().zip(&self.means).for_each(|(value, other)| *value += self.mean - mean - other);
        }
        Ok(single(product(kernel.transpose(), self.coefficients.as_ref()).as_ref()))
    }

    fn fitted(&self) -> &Matrix {
        &self.fitted
    }

    fn explained_variance_ratio(&self) -> &[f64] {
        &self.explained_variance_ratio
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn random(rows: usize, columns: usize) -> Matrix {
        let mut stream = Stream::root((rows * columns) as u64);
        Matrix::new(rows, columns, (0..rows * columns).map(|_| stream.normal() as f32).collect())
    }

    fn fit(rows: &Matrix, kernel: Kernel, components: Components) -> Result<KernelPca, RepresentationError> {
        KernelPca::fit(rows.clone(), kernel, components, &Stream::root(0))
    }

    /// The kernel trick done without the trick: all monomials of degree 2 of (x, 1) as columns.
    #[test]
    fn a_polynomial_of_degree_2_is_pca_of_its_monomials() {
        let rows = random(50, 3);
        let kernel = Kernel::Polynomial { degree: 2, gamma: Gamma::Value(1.0), offset: 1.0 };
        let ours = fit(&rows, kernel, Components::Count(5)).unwrap();
        let monomials = (0..50).flat_map(|i| {
            let x: Vec<f32> = rows.row(i).iter().copied().chain([1.0]).collect();
            let pairs = (0..4).flat_map(|a| (0..=a).map(move |b| (a, b)));
            pairs
                .map(|(a, b)| if a == b { x[a] * x[b] } else { 2f32.sqrt() * x[a] * x[b] })
                .collect::<Vec<f32>>()
        });
        let monomials = Matrix::new(50, 10, monomials.collect());
        let pca =
            crate::representations::Pca::fit(&monomials, Components::Count(5), &Stream::root(0)).unwrap();
        let (ours, plain) = (ours.transform(&rows).unwrap(), pca.transform(&monomials).unwrap());
        for k in 0..5 {
            let sign = (ours.row(0)[k] * plain.row(0)[k]).signum();
            for i in 0..50 {
                assert!((ours.row(i)[k] - sign * plain.row(i)[k]).abs() < 1e-4, "row {i}, component {k}");
            }
        }
    }

    #[test]
    fn the_distance_kernel_does_not_care_where_the_rows_are() {
        let rows = random(30, 5);
        let moved = Matrix { values: rows.values.iter().map(|x| x + 64.0).collect(), ..rows.clone() };
        let of = |rows: &Matrix| {
            let kernel = Kernel::Rbf { gamma: Gamma::PerVariance };
            fit(rows, kernel, Components::Count(4)).unwrap().transform(rows).unwrap()
        };
        let (here, there) = (of(&rows), of(&moved));
        assert!(here.values.iter().zip(&there.values).all(|(a, b)| (a - b).abs() < 1e-3));
    }

    #[test]
    fn rows_of_the_fit_and_others_are_treated_alike() {
        let rows = random(40, 60);
        for kernel in [
            Kernel::Rbf { gamma: Gamma::PerColumn },
            Kernel::Polynomial { degree: 3, gamma: Gamma::PerColumn, offset: 1.0 },
        ] {
            let kpca = fit(&rows, kernel, Components::Explained(0.9)).unwrap();
            let all = kpca.transform(&rows).unwrap();
            let few = kpca.transform(&rows.select(&[7, 3])).unwrap();
            assert!(all.row(7).iter().zip(few.row(0)).all(|(a, b)| (a - b).abs() < 1e-5));
            assert!(all.row(3).iter().zip(few.row(1)).all(|(a, b)| (a - b).abs() < 1e-5));
            // Projections have mean 0, and variances in the ratio of the eigenvalues.
            let square = |k: usize| (0..40).map(|i| f64::from(all.row(i)[k]).powi(2)).sum::<f64>();
            let ratio = kpca.explained_variance_ratio();
            assert!((square(1) / square(0) - ratio[1] / ratio[0]).abs() < 1e-5);
            let mean = (0..40).map(|i| all.row(i)[0]).sum::<f32>() / 40.0;
            assert!(mean.abs() < 1e-5);
        }
    }

    #[test]
    fn an_overflow_is_told() {
        let mut rows = random(10, 2);
        rows.values[3] = f32::MAX;
        let kernel = Kernel::Polynomial { degree: 20, gamma: Gamma::PerColumn, offset: 1.0 };
        let error = fit(&rows, kernel, Components::Count(1)).err().unwrap().to_string();
        assert_eq!(error, "the kernel overflows: lower `gamma`");
    }

    /// As single precision, for one, would hide some and make up others.
    #[test]
    fn small_rows_have_as_many_components_as_large_ones_and_multiples_of_one_no_more_than_the_degree() {
        let multiples =
            (0..24).flat_map(|i| (0..1024).map(move |c| (1.0 + i as f32 / 32.0) * (1 + c % 7) as f32));
        let multiples = Matrix::new(24, 1024, multiples.collect());
        for degree in [1, 3] {
            let kernel = Kernel::Polynomial { degree, gamma: Gamma::PerColumn, offset: 1.0 };
            let kept = fit(&multiples, kernel, Components::Oracle).unwrap().explained_variance_ratio().len();
            assert!(kept <= degree as usize, "{kept} components of degree {degree}");
        }
        let kernel = Kernel::Polynomial { degree: 3, gamma: Gamma::PerColumn, offset: 1.0 };
        let rows = random(40, 256);
        for scale in [1.0, 1e-3, 1e-5] {
            let scaled = Matrix { values: rows.values.iter().map(|x| x * scale).collect(), ..rows.clone() };
            assert_eq!(
                fit(&scaled, kernel, Components::Oracle).unwrap().explained_variance_ratio().len(),
                39
            );
        }
    }

    #[test]
    fn near_rows_far_from_the_others_keep_their_distances() {
        let values = vec![1000.0, 1000.1, 1000.37, -1000.0, -1000.2, -1000.41];
        let rows = Matrix::new(6, 1, values.clone());
        let kernel = Kernel::Rbf { gamma: Gamma::Value(1.0) };
        let found = fit(&rows, kernel, Components::Oracle).unwrap();
        // All components together give the centred kernel back.
        let of = |i: usize, j: usize| (-(f64::from(values[i]) - f64::from(values[j])).powi(2)).exp();
        let mean = |i: usize| (0..6).map(|j| of(i, j)).sum::<f64>() / 6.0;
        let all = (0..6).map(mean).sum::<f64>() / 6.0;
        let projected = found.fitted();
        for (i, j) in (0..6).flat_map(|i| (0..6).map(move |j| (i, j))) {
            let product: f64 =
                projected.row(i).iter().zip(projected.row(j)).map(|(a, b)| f64::from(a * b)).sum();
            assert!((product - (of(i, j) - mean(i) - mean(j) + all)).abs() < 1e-5, "{i}, {j}");
        }
    }
}
