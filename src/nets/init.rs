//! How the weights of a network start.

use generators::stream::Stream;

/// How a variable starts.
///
/// `fan_in` is the number of inputs that one output of the layer sums over, `fan_out` the number of outputs that
/// one input takes part in, not counting the stride; layers know theirs.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Init {
    /// Normal with mean 0.
    Normal {
        /// Standard deviation; DCGAN (Radford et al. 2016) takes 0.02.
        std: f64,
    },
    /// Uniform in ±1 / sqrt(`fan_in`), what PyTorch gives its linear and convolution layers.
    Kaiming,
    /// Normal with variance 2 / ((1 + `slope`²) `fan_in`), for layers under a leaky ReLU (He et al. 2015).
    He {
        /// Slope of the leaky ReLU left of 0; 0 for ReLU.
        slope: f64,
    },
    /// Uniform with the variance of [`Init::He`].
    HeUniform {
        /// Slope of the leaky ReLU left of 0; 0 for ReLU.
        slope: f64,
    },
    /// Normal with variance 2 `gain`² / (`fan_in` + `fan_out`) (Glorot and Bengio 2010).
    Xavier {
        /// 1 for linear layers, 5/3 under tanh.
        gain: f64,
    },
    /// Uniform with the variance of [`Init::Xavier`].
    XavierUniform {
        /// 1 for linear layers, 5/3 under tanh.
        gain: f64,
    },
    /// The variable as a matrix `[outputs, everything else]` has orthogonal rows of length `gain`, or such columns
    /// where there are fewer of them, uniform among all such matrices (Saxe et al. 2014).
    Orthogonal {
        /// Length of each row or column.
        gain: f64,
    },
    /// All 0.
    Zeros,
    /// All 1.
    Ones,
}

/// What a layer's outputs sum over, and what its inputs take part in.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Fans {
    pub inputs: usize,
    pub outputs: usize,
}

impl Fans {
    /// Of weights `[outputs, inputs, window...]`.
    pub fn of(dims: &[usize]) -> Self {
        let window: usize = dims.iter().skip(2).product();
        Self { inputs: dims.iter().skip(1).product(), outputs: dims.first().map_or(1, |n| n * window) }
    }
}

impl Init {
    /// The values of a variable of shape `dims`.
    pub(crate) fn draw(self, dims: &[usize], fans: Fans, stream: &mut Stream) -> Vec<f32> {
        let count: usize = dims.iter().product();
        let (fan_in, fan_out) = (fans.inputs.max(1) as f64, fans.outputs.max(1) as f64);
        let he = |slope: f64| (2.0 / ((1.0 + slope * slope) * fan_in)).sqrt();
        let xavier = |gain: f64| gain * (2.0 / (fan_in + fan_out)).sqrt();
        match self {
            Self::Normal { std } => normal(count, std, stream),
            Self::Kaiming => uniform(count, 1.0 / fan_in.sqrt(), stream),
            Self::He { slope } => normal(count, he(slope), stream),
            Self::HeUniform { slope } => uniform(count, 3f64.sqrt() * he(slope), stream),
            Self::Xavier { gain } => normal(count, xavier(gain), stream),
            Self::XavierUniform { gain } => uniform(count, 3f64.sqrt() * xavier(gain), stream),
            Self::Orthogonal { gain } => {
                let rows = dims.first().copied().unwrap_or(1);
                orthogonal(rows, count / rows.max(1), gain, stream)
            }
            Self::Zeros => vec![0.0; count],
            Self::Ones => vec![1.0; count],
        }
    }
}

fn normal(count: usize, std: f64, stream: &mut Stream) -> Vec<f32> {
    (0..count).map(|_| (std * stream.normal()) as f32).collect()
}

fn uniform(count: usize, bound: f64, stream: &mut Stream) -> Vec<f32> {
    (0..count).map(|_| stream.uniform(-bound, bound) as f32).collect()
}

/// A matrix `[rows, columns]` whose shorter side holds orthogonal vectors of length `gain`: normal vectors, made
/// orthogonal one after the other (Gram and Schmidt, twice over for the rounding).
fn orthogonal(rows: usize, columns: usize, gain: f64, stream: &mut Stream) -> Vec<f32> {
    let (count, length) = (rows.min(columns), rows.max(columns));
    let dot = |a: &[f64], b: &[f64]| a.iter().zip(b).map(|(a, b)| a * b).sum::<f64>();
    let mut basis: Vec<Vec<f64>> = Vec::with_capacity(count);
    for _ in 0..count {
        let mut vector: Vec<f64> = (0..length).map(|_| stream.normal()).collect();
        for _ in 0..2 {
            for known in &basis {
                let along = dot(&vector, known);
                vector.iter_mut().zip(known).for_each(|(v, k)| *v -= along * k);
            }
        }
        let norm = dot(&vector, &vector).sqrt();
        vector.iter_mut().for_each(|v| *v /= norm);
        basis.push(vector);
    }
    let at = |row: usize, column: usize| {
        if rows <= columns { basis[row][column] } else { basis[column][row] }
    };
    (0..rows * columns).map(|i| (gain * at(i / columns, i % columns)) as f32).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn moments(init: Init, dims: &[usize]) -> (f64, f64, f64) {
        let values = init.draw(dims, Fans::of(dims), &mut Stream::root(1));
        let n = values.len() as f64;
        let mean = values.iter().map(|v| f64::from(*v)).sum::<f64>() / n;
        let variance = values.iter().map(|v| (f64::from(*v) - mean).powi(2)).sum::<f64>() / n;
        (mean, variance, values.iter().fold(0.0, |a, v| f64::from(v.abs()).max(a)))
    }

    /// The variances and bounds that `torch.nn.init` documents, for weights `[64, 32, 3, 3]`: fan in 288, fan out 576.
    #[test]
    fn the_spread_is_that_of_the_papers() {
        let (he, xavier): (f64, f64) = (2.0 / (1.04 * 288.0), 2.0 * 4.0 / 864.0);
        for (init, variance, bound) in [
            (Init::He { slope: 0.2 }, he, None),
            (Init::HeUniform { slope: 0.2 }, he, Some((3.0 * he).sqrt())),
            (Init::Xavier { gain: 2.0 }, xavier, None),
            (Init::XavierUniform { gain: 2.0 }, xavier, Some((3.0 * xavier).sqrt())),
            (Init::Kaiming, 1.0 / (3.0 * 288.0), Some(1.0 / 288f64.sqrt())),
        ] {
            let (mean, found, largest) = moments(init, &[64, 32, 3, 3]);
            assert!(mean.abs() < 5.0 * (variance / 18432.0).sqrt(), "{init:?}: mean {mean}");
            assert!((found / variance - 1.0).abs() < 0.05, "{init:?}: {found} for {variance}");
            if let Some(bound) = bound {
                assert!(largest <= bound * 1.000_001 && largest > 0.99 * bound, "{init:?}: {largest}");
            }
        }
    }

    #[test]
    fn orthogonal_rows_or_columns_have_the_length_asked_for() {
        for dims in [vec![6, 2, 3, 3], vec![40, 7], vec![5, 5], vec![1, 1], vec![3]] {
            let values = Init::Orthogonal { gain: 1.5 }.draw(&dims, Fans::of(&dims), &mut Stream::root(2));
            let rows = dims[0];
            let columns = values.len() / rows;
            let at = |i: usize, k: usize| {
                f64::from(if rows <= columns { values[i * columns + k] } else { values[k * columns + i] })
            };
            for i in 0..rows.min(columns) {
                for j in 0..=i {
                    let dot: f64 = (0..rows.max(columns)).map(|k| at(i, k) * at(j, k)).sum();
                    let expected = if i == j { 2.25 } else { 0.0 };
                    assert!((dot - expected).abs() < 1e-5, "{dims:?}: {i} {j} {dot}");
                }
            }
        }
    }
}
