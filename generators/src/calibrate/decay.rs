//! What a layer keeps of the one before, from images in order.

/// Texture that changes by less than this share of the noise tells no decay.
const LEAST_CHANGE: f64 = 0.5;
/// Fewer pixels that three images in a row show of one class tell nothing.
const LEAST: usize = 100;
/// No layer retains more.
const MOST: f64 = 0.99;
/// Fewer triples of images than this tell nothing.
const LEAST_TRIPLES: usize = 4;

/// One image, as far as its followers need it.
#[derive(Clone, Debug)]
pub struct Frame {
    /// Temperatures in degrees Celsius.
    pub celsius: Vec<f32>,
    /// The interior of each class that it shows, and the variance of its noise in degrees squared where that can be told.
    pub classes: Vec<Option<(Vec<bool>, f64)>>,
}

/// The triples of one sequence.
#[derive(Clone, Debug, Default)]
pub struct Decay {
    triples: Vec<Changes>,
}

/// What changes in one layer and in two, half the variance each, less the noise; and the noise. All in degrees squared,
/// weighted by the pixels.
#[derive(Clone, Copy, Debug, Default)]
struct Changes {
    one: f64,
    two: f64,
    noise: f64,
}

impl Decay {
    /// Adds three images in a row.
    pub fn add<'a>(&mut self, [first, second, third]: [&'a Frame; 3]) {
        let mut changes = Changes::default();
        for class in 0..third.classes.len() {
            let of = |frame: &'a Frame| frame.classes.get(class)?.as_ref();
            let (Some((inside, noise_c2)), Some(before), Some(earlier)) = (of(third), of(second), of(first))
            else {
                continue;
            };
            if third.celsius.len() != second.celsius.len() || third.celsius.len() != first.celsius.len() {
                continue;
            }
            let shared: Vec<usize> =
                (0..inside.len()).filter(|&i| inside[i] && before.0[i] && earlier.0[i]).collect();
            if shared.len() < LEAST {
                continue;
            }
            let pixels = shared.len() as f64;
            let one = half_variance(&shared, &third.celsius, &second.celsius);
            let two = half_variance(&shared, &third.celsius, &first.celsius);
            changes.one += pixels * (one - (noise_c2 + before.1) / 2.0);
            changes.two += pixels * (two - (noise_c2 + earlier.1) / 2.0);
            changes.noise += pixels * noise_c2;
        }
        if changes.noise > 0.0 || changes.one > 0.0 {
            self.triples.push(changes);
        }
    }

    /// The share that a layer keeps of the last one's temperature, one standard error to either side; `None`
    /// where noise hides it.
    ///
    /// `T_k = r T_(k-1) + (1 - r) S_k` with a fresh texture `S` in every layer is an autoregression whose values differ after
    /// one layer by `(1 - r) V` and after two by `(1 - r^2) V`, half the mean square each: the ratio is `1 + r`. What stays in place
    /// (shading, the sensor's pattern) cancels in the differences; noise is subtracted. The error is that of the jackknife over the
    /// triples (Efron and Stein 1981).
    pub fn retain(&self) -> Option<[f64; 2]> {
        let sum = self.triples.iter().fold(Changes::default(), |sum, c| Changes {
            one: sum.one + c.one,
            two: sum.two + c.two,
            noise: sum.noise + c.noise,
        });
        let count = self.triples.len();
        if count < LEAST_TRIPLES || sum.one <= LEAST_CHANGE * sum.noise || sum.one <= 0.0 {
            return None;
        }
        let retain = sum.two / sum.one - 1.0;
        let without = |c: &Changes| (sum.two - c.two) / (sum.one - c.one) - 1.0 - retain;
        let squares: f64 = self.triples.iter().map(|c| without(c).powi(2)).sum();
        let error = (squares * (count - 1) as f64 / count as f64).sqrt();
        Some([retain - error, retain + error].map(|end| end.clamp(0.0, MOST)))
    }
}

/// Half the variance of the difference of two images over some pixels.
fn half_variance(pixels: &[usize], a: &[f32], b: &[f32]) -> f64 {
    let (mut sum, mut squares) = (0.0, 0.0);
    for &i in pixels {
        let difference = f64::from(a[i] - b[i]);
        sum += difference;
        squares += difference * difference;
    }
    let mean = sum / pixels.len() as f64;
    (squares / pixels.len() as f64 - mean * mean) / 2.0
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::stream::Stream;

    #[test]
    fn an_autoregression_with_noise_and_a_pattern_tells_its_coefficient() {
        let pixels = 4000;
        for retain in [0.0, 0.3, 0.6] {
            let mut stream = Stream::root(6);
            let pattern: Vec<f64> = (0..pixels).map(|_| 2.0 * stream.normal()).collect();
            let mut state = vec![0.0; pixels];
            let frames: Vec<Frame> = (0..40)
                .map(|_| {
                    state.iter_mut().for_each(|t| *t = retain * *t + (1.0 - retain) * stream.normal());
                    let mean = stream.normal();
                    let seen = state
                        .iter()
                        .zip(&pattern)
                        .map(|(t, p)| (mean + t + p + 0.3 * stream.normal()) as f32);
                    Frame { celsius: seen.collect(), classes: vec![Some((vec![true; pixels], 0.09))] }
                })
                .collect();
            let mut decay = Decay::default();
            frames[8..].windows(3).for_each(|w| decay.add([&w[0], &w[1], &w[2]]));
            // 30 triples of 4000 pixels: the ratio of two variances to about 1 %, of which noise makes 2.
            let [low, high] = decay.retain().unwrap();
            assert!(((low + high) / 2.0 - retain).abs() < 0.04, "{low} {high} {retain}");
            assert!(high - low < 0.04, "{low} {high}");
        }
    }

    #[test]
    fn classes_are_not_compared_with_each_other() {
        // The bed's noise cannot be told in two of the images, and the print takes no part in the third.
        let frame = |classes| Frame { celsius: vec![1.0; 200], classes };
        let class = || Some((vec![true; 200], 0.1));
        let mut decay = Decay::default();
        let (few, whole) = (frame(vec![None, class()]), frame(vec![class(), None]));
        decay.add([&few, &few, &whole]);
        assert!(decay.triples.is_empty());
        decay.add([&few, &few, &few]);
        assert_eq!(decay.triples.len(), 1);
    }

    #[test]
    fn noise_alone_and_few_images_tell_nothing() {
        let mut stream = Stream::root(6);
        let frames: Vec<Frame> = (0..20)
            .map(|_| {
                let seen = (0..1000).map(|_| stream.normal() as f32).collect();
                Frame { celsius: seen, classes: vec![Some((vec![true; 1000], 1.0))] }
            })
            .collect();
        let told = |count: usize| {
            let mut decay = Decay::default();
            frames[..count].windows(3).for_each(|w| decay.add([&w[0], &w[1], &w[2]]));
            decay.retain()
        };
        assert_eq!(told(20), None);
        assert_eq!(told(3), None);
    }
}
