//! Heights in order, and where a height falls among them.

/// Planes from the bottom up, mostly evenly spaced.
pub(super) struct Planes<'a> {
    heights: &'a [f64],
    per_mm: f64,
}

impl<'a> Planes<'a> {
    /// Of heights in ascending order.
    pub fn new(heights: &'a [f64]) -> Self {
        let per_mm = match heights {
            [low, .., high] if high > low => (heights.len() - 1) as f64 / (high - low),
            _ => 0.0,
        };
        Self { heights, per_mm }
    }

    /// How many planes lie at `z` or below it: the number of the first above.
    #[inline]
    pub fn up_to(&self, z: f64) -> usize {
        let Some(low) = self.heights.first() else { return 0 };
        let guess = ((z - low) * self.per_mm) as usize;
        let begin = guess.min(self.heights.len());
        let end = guess.saturating_add(2).min(self.heights.len());
        let passed = |at: usize| self.heights[at] <= z;
        if (begin == 0 || passed(begin - 1)) && (end == self.heights.len() || !passed(end)) {
            begin + (begin..end).filter(|&at| passed(at)).count()
        } else {
            self.heights.partition_point(|&height| height <= z)
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_guess_is_never_taken_for_the_answer() {
        let even: Vec<f64> = (0..50).map(|k| 0.1 * f64::from(k)).collect();
        let uneven: Vec<f64> = (0..50).map(|k| f64::from(k).exp2()).chain([2e15, 2e15]).collect();
        for heights in [&even[..], &uneven, &even[..1], &[3.0, 3.0], &[]] {
            let planes = Planes::new(heights);
            let around = heights.iter().flat_map(|z| [z.next_down(), *z, z.next_up()]);
            for z in around.chain([-1e300, 1e300, 0.7, 2.3456]) {
                assert_eq!(planes.up_to(z), heights.iter().filter(|&&height| height <= z).count(), "{z}");
            }
        }
    }
}
