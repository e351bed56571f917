//! The only source of randomness.
//!
//! A [`Stream`] is ChaCha8 keyed by BLAKE3 of the seed and a path of names, for example
//! `job/3/layer/41/defect/striation`. A child depends on its path alone, never on how much its
//! parent or its siblings have drawn: a new defect, a new parameter or another thread shifts
//! nobody else's numbers.

mod normal;

pub(crate) use normal::probit;
use pulp::Arch;
use rand_chacha::ChaCha8Rng;
use rand_chacha::rand_core::{Rng, SeedableRng};

/// A reproducible sequence of random numbers that knows where it stands in the tree of names.
#[derive(Clone, Debug)]
pub struct Stream {
    key: [u8; 32],
    path: String,
    rng: ChaCha8Rng,
}

impl Stream {
    /// The root of the tree for `seed`. Every seed is an ordinary one, 0 included.
    pub fn root(seed: u64) -> Self {
        let mut hasher = blake3::Hasher::new_derive_key("synthgen stream root v1");
        hasher.update(&seed.to_le_bytes());
        Self::from_key(*hasher.finalize().as_bytes(), String::new())
    }

    /// The stream called `name` below this one.
    pub fn child(&self, name: &str) -> Self {
        let mut hasher = blake3::Hasher::new_keyed(&self.key);
        hasher.update(name.as_bytes());
        let path = if self.path.is_empty() { name.to_owned() } else { format!("{}/{name}", self.path) };
        Self::from_key(*hasher.finalize().as_bytes(), path)
    }

    /// The stream `name/index` below this one: `stream.item("job", 3)`.
    pub fn item(&self, name: &str, index: usize) -> Self {
        self.child(name).child(&index.to_string())
    }

    fn from_key(key: [u8; 32], path: String) -> Self {
        Self { key, path, rng: ChaCha8Rng::from_seed(key) }
    }

    /// The names from the root to here, joined by `/`.
    pub fn path(&self) -> &str {
        &self.path
    }

    /// 64 uniform bits.
    pub fn bits(&mut self) -> u64 {
        self.rng.next_u64()
    }

    /// Uniform in `[0, 1)`, 53 bits.
    pub fn unit(&mut self) -> f64 {
        (self.bits() >> 11) as f64 * (1.0 / (1u64 << 53) as f64)
    }

    /// Uniform in `[low, high)`; `low` where the interval is empty.
    pub fn uniform(&mut self, low: f64, high: f64) -> f64 {
        low + (high - low) * self.unit()
    }

    /// Uniform integer in `0..bound`, without modulo bias (Lemire 2019). 0 where `bound` is 0.
    pub fn below(&mut self, bound: usize) -> usize {
        let bound = bound as u64;
        if bound == 0 {
            return 0;
        }
        let threshold = bound.wrapping_neg() % bound;
        loop {
            let wide = u128::from(self.bits()) * u128::from(bound);
            if wide as u64 >= threshold {
                return (wide >> 64) as usize;
            }
        }
    }

    /// Standard normal (Box and Muller 1958).
    pub fn normal(&mut self) -> f64 {
        let radius = (-2.0 * (1.0 - self.unit()).ln()).sqrt();
        radius * (std::f64::consts::TAU * self.unit()).cos()
    }

    /// Fills `numbers` with standard normal numbers, much faster than one by one.
    pub fn fill_normal(&mut self, numbers: &mut [f32]) {
        const BLOCK: usize = 256;
        let (mut bytes, mut bits) = ([0; 4 * BLOCK], [0; BLOCK]);
        for block in numbers.chunks_mut(BLOCK) {
            self.rng.fill_bytes(&mut bytes[..4 * block.len()]);
            for (bits, bytes) in bits.iter_mut().zip(bytes.as_chunks().0) {
                *bits = u32::from_le_bytes(*bytes);
            }
            Arch::new().dispatch(|| normal::quantiles(&bits[..block.len()], block));
        }
    }

    /// True with probability `p`.
    pub fn chance(&mut self, p: f64) -> bool {
        self.unit() < p
    }

    /// -1 or 1, equally likely.
    pub fn sign(&mut self) -> f64 {
        if self.chance(0.5) { 1.0 } else { -1.0 }
    }

    /// Shuffles `items` in place (Fisher and Yates).
    pub fn shuffle<T>(&mut self, items: &mut [T]) {
        for i in (1..items.len()).rev() {
            items.swap(i, self.below(i + 1));
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_child_depends_on_its_path_alone() {
        let mut drained = Stream::root(7);
        drained.bits();
        let mut a = drained.item("job", 3).child("x");
        let mut b = Stream::root(7).item("job", 3).child("x");
        assert_eq!(a.bits(), b.bits());
        assert_eq!(a.path(), "job/3/x");
    }

    #[test]
    fn names_and_seeds_separate_streams() {
        let draws: Vec<u64> = [(0, "a"), (0, "b"), (1, "a")]
            .iter()
            .map(|&(seed, name)| Stream::root(seed).child(name).bits())
            .collect();
        assert_ne!(draws[0], draws[1]);
        assert_ne!(draws[0], draws[2]);
        // The boundary between names counts: "ab" below the root is not "b" below "a".
        assert_ne!(Stream::root(0).child("ab").bits(), Stream::root(0).child("a").child("b").bits());
    }

    #[test]
    fn normal_has_mean_0_and_variance_1() {
        let mut stream = Stream::root(1);
        let draws: Vec<f64> = (0..100_000).map(|_| stream.normal()).collect();
        let mean = draws.iter().sum::<f64>() / draws.len() as f64;
        let variance = draws.iter().map(|x| (x - mean).powi(2)).sum::<f64>() / draws.len() as f64;
        // Five standard errors of each estimate.
        assert!(mean.abs() < 5.0 / 100_000f64.sqrt(), "mean {mean}");
        assert!((variance - 1.0).abs() < 5.0 * (2.0 / 100_000f64).sqrt(), "variance {variance}");
    }

    /// Counts in 40 classes of equal probability against chi-squared with 39 degrees of freedom, whose
    /// 0.999 quantile is 72.1, and the moments of the tails.
    #[test]
    fn many_normals_are_distributed_as_they_should() {
        let mut draws = vec![0.0f32; 1_000_003];
        Stream::root(3).fill_normal(&mut draws);
        // scipy.stats.norm.ppf(np.arange(1, 20) / 40), the upper half by symmetry.
        let lower = [
            -1.95996398,
            -1.64485363,
            -1.43953147,
            -1.28155157,
            -1.15034938,
            -1.03643339,
            -0.934589291,
            -0.841621234,
            -0.755415026,
            -0.67448975,
            -0.597760126,
            -0.524400513,
            -0.45376219,
            -0.385320466,
            -0.318639364,
            -0.253347103,
            -0.189118426,
            -0.125661347,
            -0.0627067779,
        ];
        let bounds: Vec<f64> =
            lower.iter().copied().chain([0.0]).chain(lower.iter().rev().map(|b| -b)).collect();
        let mut counts = [0u32; 40];
        for &z in &draws {
            counts[bounds.partition_point(|&bound| bound < f64::from(z))] += 1;
        }
        let expected = draws.len() as f64 / 40.0;
        let chi_squared: f64 =
            counts.iter().map(|&count| (f64::from(count) - expected).powi(2) / expected).sum();
        assert!(chi_squared < 72.1, "{chi_squared} {counts:?}");
        let moment =
            |power: i32| draws.iter().map(|&z| f64::from(z).powi(power)).sum::<f64>() / draws.len() as f64;
        // Five standard errors: the variance of z^k is E z^2k - (E z^k)^2.
        for (power, value, variance) in [(1, 0.0, 1.0), (2, 1.0, 2.0), (3, 0.0, 15.0), (4, 3.0, 96.0)] {
            let error = (moment(power) - value).abs();
            assert!(error < 5.0 * f64::sqrt(variance / draws.len() as f64), "moment {power}: off by {error}");
        }
    }

    #[test]
    fn many_normals_do_not_depend_on_how_they_are_asked_for() {
        let (mut whole, mut parts) = (vec![0.0; 1024], vec![0.0; 1024]);
        Stream::root(6).fill_normal(&mut whole);
        let mut stream = Stream::root(6);
        parts.chunks_mut(96).for_each(|part| stream.fill_normal(part));
        assert_eq!(whole, parts);
    }

    #[test]
    fn below_is_uniform_and_in_range() {
        let mut stream = Stream::root(2);
        let mut counts = [0usize; 7];
        for _ in 0..70_000 {
            counts[stream.below(7)] += 1;
        }
        assert!(counts.iter().all(|&c| c.abs_diff(10_000) < 500), "{counts:?}");
        assert_eq!(stream.below(0), 0);
    }
}
