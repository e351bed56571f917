//! How much places of one class differ with their distance.

use super::photo::Photo;

/// Fewer pairs than this tell nothing of a distance.
const LEAST_PAIRS: u64 = 100;

/// Half the mean squared difference of two places, over their distance.
///
/// It says the same as the radially averaged power spectrum, `g(d) = C(0) - C(d)` with `C` the transform of the spectrum
/// (Wiener and Khinchin), but it is exact for a class of any outline and knows no window and no mean (Matheron 1963,
/// doi:10.2113/gsecongeo.58.8.1246).
#[derive(Clone, Debug, Default)]
pub struct Variogram {
    /// By distance.
    pub lags: Vec<Lag>,
}

/// One distance.
#[derive(Clone, Copy, Debug)]
pub struct Lag {
    /// The distance in pixels along rows and columns; its mirror images count as the same.
    pub offset_px: [f64; 2],
    /// Half the mean squared difference in degrees squared.
    pub half_square_c2: f64,
}

impl Lag {
    /// The distance in pixels.
    pub fn distance_px(&self) -> f64 {
        self.offset_px[0].hypot(self.offset_px[1])
    }
}

impl Variogram {
    /// Of the pixels where `inside` holds, along rows, columns and both diagonals, up to `farthest_px`.
    pub fn measure(photo: &Photo, inside: &[bool], farthest_px: usize) -> Self {
        let mut lags = Vec::new();
        for step in steps(farthest_px) {
            let s = step as isize;
            for (directions, diagonal) in [([[s, 0], [0, s]], 0), ([[s, s], [-s, s]], step)] {
                // Directions count alike, however many pairs they have.
                let both = directions.map(|by| differences(photo, inside, by));
                if both.iter().all(|&(_, pairs)| pairs >= LEAST_PAIRS) {
                    let [a, b] = both.map(|(squares, pairs)| squares / (2 * pairs) as f64);
                    let offset_px = [step as f64, diagonal as f64];
                    lags.push(Lag { offset_px, half_square_c2: (a + b) / 2.0 });
                }
            }
        }
        lags.sort_by(|a, b| a.distance_px().total_cmp(&b.distance_px()));
        Self { lags }
    }

    /// Without the differences of something independent that was added to the image.
    pub fn subtract(&mut self, added: &Self) {
        for lag in &mut self.lags {
            if let Some(of_added) = added.lags.iter().find(|other| other.offset_px == lag.offset_px) {
                lag.half_square_c2 = (lag.half_square_c2 - of_added.half_square_c2).max(0.0);
            }
        }
    }

    /// Half the mean squared difference of all places that are `step` pixels apart along rows or columns.
    pub fn along_axes(photo: &Photo, step: usize) -> f64 {
        let inside = vec![true; photo.celsius.len()];
        let both = [[step as isize, 0], [0, step as isize]].map(|by| differences(photo, &inside, by));
        both.iter().map(|&(squares, pairs)| squares / (4 * pairs) as f64).sum()
    }
}

/// 1, 2, 3, 4, 5, 6, 7, 8, 10, 12, 15, 18, 22 and so on: about three to an octave.
fn steps(farthest: usize) -> impl Iterator<Item = usize> {
    std::iter::successors(Some(1usize), |&s| Some((s * 5 / 4).max(s + 1))).take_while(move |&s| s <= farthest)
}

/// Sum of squared differences of the pairs that are `by` apart, and how many there are.
fn differences(photo: &Photo, inside: &[bool], [right, down]: [isize; 2]) -> (f64, u64) {
    let (width, height) = (photo.width as isize, photo.height as isize);
    let (mut squares, mut pairs) = (0.0, 0);
    for y in 0..(height - down).max(0) {
        let mut row = 0.0f32;
        for x in (-right).max(0)..(width - right).min(width).max(0) {
            let (a, b) = ((y * width + x) as usize, ((y + down) * width + x + right) as usize);
            if inside[a] && inside[b] {
                let difference = photo.celsius[a] - photo.celsius[b];
                row += difference * difference;
                pairs += 1;
            }
        }
        squares += f64::from(row);
    }
    (squares, pairs)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_wave_and_a_slope_have_the_variograms_of_the_textbook() {
        // A wave of amplitude 1 along x has 1/2 (1 - cos(2 pi d / period)) along x; rows and columns are averaged.
        let (width, height) = (160, 96);
        let of = |value: &dyn Fn(usize, usize) -> f64| {
            let celsius = (0..width * height).map(|i| value(i % width, i / width) as f32).collect();
            let photo = Photo { width, height, celsius, bits: 16 };
            Variogram::measure(&photo, &vec![true; width * height], 20)
        };
        let wave = of(&|x, _| (std::f64::consts::TAU * x as f64 / 16.0).sin());
        let slope = of(&|x, y| 0.3 * x as f64 - 0.4 * y as f64);
        for (lag, of_slope) in wave.lags.iter().zip(&slope.lags) {
            let ([along, across], d) = (lag.offset_px, lag.distance_px());
            let expected = 0.5 * (1.0 - (std::f64::consts::TAU * along / 16.0).cos());
            // Rows hold whole waves but for those that the distance cuts off, and columns differ in nothing.
            let share = if across == 0.0 { 0.5 } else { 1.0 };
            assert!((lag.half_square_c2 - share * expected).abs() < 0.06, "{lag:?} {expected}");
            // A slope g has g^2 d^2 / 4 in the mean over all directions.
            assert!((of_slope.half_square_c2 / (0.25 * d * d / 4.0) - 1.0).abs() < 1e-2, "{of_slope:?}");
        }
        assert_eq!(wave.lags.len(), slope.lags.len());
    }

    #[test]
    fn distances_grow_by_a_quarter() {
        assert_eq!(steps(30).collect::<Vec<_>>(), [1, 2, 3, 4, 5, 6, 7, 8, 10, 12, 15, 18, 22, 27]);
    }
}
