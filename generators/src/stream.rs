//! The only source of randomness.
//!
//! A [`Stream`] is ChaCha8 keyed by BLAKE3 of the seed and a path of names, for example
//! `job/3/layer/41/defect/striation`. A child depends on its path alone, never on how much its
//! parent or its siblings have drawn: a new defect, a new parameter or another thread shifts
//! nobody else's numbers.

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
