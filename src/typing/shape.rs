//! What shape an anomaly has: a few numbers from the standardised residual of an image.

use generators::gaussian::blur;
use generators::layer::Field;

/// Standard deviations up to which a residual is taken for texture.
const TEXTURE: f64 = 2.5;
/// An anomaly is where the residual is more than this share of its peak, and more than three deviations.
const SUPPORT: f64 = 0.35;
const LEAST: f64 = 3.0;
/// Fewer pixels than this inside of a region tell nothing of its surface.
const LEAST_INSIDE: usize = 12;
/// Share of print from which on a pixel shows the part alone.
const SURFACE: f32 = 0.95;
/// Deviation of the Gaussian by which the drawing is blurred for it, in px.
const BLUR_PX: f64 = 1.0;

/// The shape of what an image shows beyond its drawing.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct Shape {
    /// The largest mean residual of 3 px x 3 px, in standard deviations: how anomalous the image is.
    pub peak: f64,
    /// How much of what exceeds the texture has one sign, 0 to 1. A moved part is warmer on one side and colder on the other.
    pub one_sided: f64,
    /// Share of the residual's square on the part that means along columns explain, 0 to 1.
    pub columns: f64,
    /// The same along rows.
    pub rows: f64,
    /// Logarithm of the largest residual of the main region over its mean: lumps have a summit, things are flat.
    pub summit: f64,
    /// Logarithm of the gradient at the rim of the main region, per px and over its mean: things end sharply.
    pub rim: f64,
    /// Logarithm of the standard deviation about the smoothest surface (a quadric) inside the main region, in standard deviations:
    /// a lump is of the part and rough as it is, a thing hides that. `None` of a region too small to tell.
    pub roughness: Option<f64>,
}

/// How summit, rim and roughness vary among some anomalies; healthy and striped ones left out.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Scale {
    summit: [f64; 2],
    rim: [f64; 2],
    /// `None` where no region is large enough.
    roughness: Option<[f64; 2]>,
}

impl Scale {
    /// Median and spread among the compact ones of `shapes`, or of all where none is compact; `None` of none.
    pub fn of(shapes: &[&Shape]) -> Option<Self> {
        let compact: Vec<&Shape> =
            shapes.iter().copied().filter(|shape| shape.memberships()[3] > 0.5).collect();
        let used = if compact.is_empty() { shapes } else { &compact[..] };
        let of = |value: fn(&Shape) -> Option<f64>| -> Option<[f64; 2]> {
            let mut values: Vec<f64> = used.iter().filter_map(|shape| value(shape)).collect();
            values.sort_by(f64::total_cmp);
            let at = |share: f64| values.get((share * (values.len().max(1) - 1) as f64).round() as usize);
            let (low, middle, high) = (at(0.16)?, at(0.5)?, at(0.84)?);
            Some([*middle, (0.5 * (high - low)).max(1e-3)])
        };
        Some(Self {
            summit: of(|s| Some(s.summit))?,
            rim: of(|s| Some(s.rim))?,
            roughness: of(|s| s.roughness),
        })
    }
}

/// Numbers of [`Shape::coordinates`].
pub const COORDINATES: usize = 4;

impl Shape {
    /// The shape in a `residual` (in standard deviations of healthy images, with its sign) of an image with this nominal `slice`,
    /// both `[size_px, size_px]`.
    pub fn of(residual: &[f32], slice: &[f32], size_px: usize) -> Self {
        let n = size_px;
        let z: Vec<f64> = residual.iter().copied().map(f64::from).collect();
        let printed = blur(&Field { size_px, values: slice.to_vec() }, BLUR_PX).values;
        let surface: Vec<bool> = printed.iter().map(|&share| share > SURFACE).collect();
        let peak = (0..n * n).map(|at| mean3(&z, at, n).abs()).fold(0.0, f64::max);
        let excess: Vec<f64> = z.iter().map(|z| (z.abs() - TEXTURE).max(0.0).powi(2)).collect();
        let all: f64 = excess.iter().sum();
        let signed: f64 = z.iter().zip(&excess).map(|(z, e)| z.signum() * e).sum();
        let explained = |line: fn(usize, usize) -> usize| {
            let (mut sums, mut counts, mut total) = (vec![0.0; n], vec![0.0f64; n], 0.0);
            for at in (0..n * n).filter(|&at| surface[at]) {
                sums[line(at, n)] += z[at];
                counts[line(at, n)] += 1.0;
                total += z[at] * z[at];
            }
            // A line of one or two pixels explains itself.
            let by_lines: f64 = sums.iter().zip(&counts).map(|(sum, count)| sum * sum / count.max(3.0)).sum();
            if total > 0.0 { by_lines / total } else { 0.0 }
        };
        let (summit, rim, roughness) = main_region(&z, &excess, peak, n);
        Self {
            peak,
            one_sided: if all > 0.0 { signed.abs() / all } else { 0.0 },
            columns: explained(|at, n| at % n),
            rows: explained(|at, n| at / n),
            summit,
            rim,
            roughness,
        }
    }

    /// The pixels of the `residual`, whose shape this is, that the anomaly takes, ascending.
    pub fn support(&self, residual: &[f32]) -> Vec<u32> {
        let level = support_level(self.peak);
        (0..).zip(residual).filter(|(_, z)| f64::from(z.abs()) > level).map(|(at, _)| at).collect()
    }

    /// Every shape with the summit, rim and roughness that those of its `track` have on average: what several layers show of one
    /// anomaly is surer than what one does.
    pub fn averaged(shapes: &[Self], track: &[usize]) -> Vec<Self> {
        let tracks = track.iter().max().map_or(0, |last| last + 1);
        let means = |value: fn(&Self) -> Option<f64>| {
            let mut sums = vec![(0.0, 0.0); tracks];
            for (value, &track) in shapes.iter().map(value).zip(track) {
                let (sum, count) = &mut sums[track];
                *sum += value.unwrap_or(0.0);
                *count += f64::from(u8::from(value.is_some()));
            }
            sums.into_iter().map(|(sum, count)| (count > 0.0).then_some(sum / count)).collect::<Vec<_>>()
        };
        let (summit, rim) = (means(|shape| Some(shape.summit)), means(|shape| Some(shape.rim)));
        let roughness = means(|shape| shape.roughness);
        let of = |(shape, &track): (&Self, &usize)| Self {
            summit: summit[track].unwrap_or(shape.summit),
            rim: rim[track].unwrap_or(shape.rim),
            roughness: roughness[track],
            ..*shape
        };
        shapes.iter().zip(track).map(of).collect()
    }

    /// How far it is one-sided, striped along columns, striped along rows, and compact: 0 to 1 each.
    fn memberships(&self) -> [f64; 4] {
        let one_sided = logistic((self.one_sided - 0.5) / 0.1);
        let [columns, rows] =
            [self.columns, self.rows].map(|share| one_sided * logistic((share - 0.5) / 0.05));
        [one_sided, columns, rows, one_sided * (1.0 - columns) * (1.0 - rows)]
    }

    /// Where it lies among other anomalies. Memberships saturate, so that how many stripes there are, or how far a part
    /// moved, does not count; how soft it is counts as far as it is compact.
    pub fn coordinates(&self, scale: &Scale) -> [f64; COORDINATES] {
        let [one_sided, columns, rows, compact] = self.memberships();
        let of = |value: f64, [middle, spread]: [f64; 2]| ((value - middle) / spread).clamp(-2.0, 2.0);
        let rough = self.roughness.zip(scale.roughness).map_or(0.0, |(value, scale)| of(value, scale));
        let softness = of(self.summit, scale.summit) - of(self.rim, scale.rim) + rough;
        [2.0 * one_sided, 2.0 * columns, 2.0 * rows, 0.3 * compact * softness]
    }
}

fn logistic(x: f64) -> f64 {
    1.0 / (1.0 + (-x).exp())
}

/// The pixels around `at`, itself included, that are in the image.
fn around(at: usize, n: usize) -> impl Iterator<Item = usize> {
    let (y, x) = (at / n, at % n);
    let rows = y.saturating_sub(1)..(y + 2).min(n);
    rows.flat_map(move |y| (x.saturating_sub(1)..(x + 2).min(n)).map(move |x| y * n + x))
}

fn mean3(z: &[f64], at: usize, n: usize) -> f64 {
    let (mut sum, mut count) = (0.0, 0.0);
    around(at, n).for_each(|near| {
        sum += z[near];
        count += 1.0;
    });
    sum / count
}

/// What a residual has to exceed to belong to an anomaly.
fn support_level(peak: f64) -> f64 {
    LEAST.max(SUPPORT * peak)
}

/// Summit, rim and roughness of the connected region that exceeds the texture most.
fn main_region(z: &[f64], excess: &[f64], peak: f64, n: usize) -> (f64, f64, Option<f64>) {
    let high: Vec<bool> = z.iter().map(|z| z.abs() > support_level(peak)).collect();
    let mut seen = vec![false; z.len()];
    let mut main: (f64, Vec<usize>) = (0.0, Vec::new());
    for start in (0..z.len()).filter(|&at| high[at]) {
        if seen[start] {
            continue;
        }
        let (mut region, mut next) = (vec![start], 0);
        seen[start] = true;
        while let Some(&at) = region.get(next) {
            next += 1;
            for near in around(at, n) {
                if high[near] && !seen[near] {
                    seen[near] = true;
                    region.push(near);
                }
            }
        }
        let sum: f64 = region.iter().map(|&at| excess[at]).sum();
        if sum > main.0 {
            main = (sum, region);
        }
    }
    let region = main.1;
    if region.is_empty() {
        return (0.0, 0.0, None);
    }
    let sign = region.iter().map(|&at| z[at]).sum::<f64>().signum();
    let mean = region.iter().map(|&at| (sign * z[at]).max(0.0)).sum::<f64>() / region.len() as f64;
    let mut inside = vec![false; z.len()];
    region.iter().for_each(|&at| inside[at] = true);
    let wider = grown(&inside, n);
    let widest = grown(&wider, n);
    let summit = (0..z.len()).filter(|&at| widest[at]).map(|at| sign * z[at]).fold(0.0, f64::max);
    let outside: Vec<bool> = inside.iter().map(|inside| !inside).collect();
    let core = grown(&grown(&outside, n), n);
    let mut gradients: Vec<f64> =
        (0..z.len()).filter(|&at| wider[at] && core[at]).map(|at| gradient(z, at, n)).collect();
    gradients.sort_by(f64::total_cmp);
    let steep = gradients.get(gradients.len() * 4 / 5).copied().unwrap_or(0.0);
    let [summit, rim] = [summit, steep].map(|value| (value.max(1e-6) / mean.max(1e-6)).ln());
    (summit, rim, roughness(z, &inside, n))
}

/// Logarithm of what a quadric leaves of the residual inside of a region, its holes filled and its outermost pixels left out.
fn roughness(z: &[f64], region: &[bool], n: usize) -> Option<f64> {
    let filled = filled(region, n);
    let pixels: Vec<usize> =
        (0..z.len()).filter(|&at| filled[at] && around(at, n).all(|near| filled[near])).collect();
    if pixels.len() < LEAST_INSIDE {
        return None;
    }
    let (x, y): (Vec<f64>, Vec<f64>) =
        pixels.iter().map(|&at| ((at % n) as f64 / n as f64, (at / n) as f64 / n as f64)).unzip();
    let product = |a: &[f64], b: &[f64]| a.iter().zip(b).map(|(a, b)| a * b).sum::<f64>();
    let times = |a: &[f64], b: &[f64]| a.iter().zip(b).map(|(a, b)| a * b).collect::<Vec<f64>>();
    let mut left: Vec<f64> = pixels.iter().map(|&at| z[at]).collect();
    // Gram and Schmidt: every term takes its part of the residual and of the terms that follow.
    let mut terms =
        vec![vec![1.0; pixels.len()], x.clone(), y.clone(), times(&x, &x), times(&x, &y), times(&y, &y)];
    // Each takes a degree of freedom.
    let freedom = pixels.len() - terms.len();
    while let Some(term) = (!terms.is_empty()).then(|| terms.remove(0)) {
        let square = product(&term, &term);
        // Pixels in a line leave nothing of the terms across it.
        if square > 1e-12 {
            for other in terms.iter_mut().chain([&mut left]) {
                let part = product(other, &term) / square;
                other.iter_mut().zip(&term).for_each(|(value, term)| *value -= part * term);
            }
        }
    }
    Some((product(&left, &left) / freedom as f64).sqrt().max(1e-6).ln())
}

/// The set and its holes: all that cannot be reached from the edge of the image without crossing it.
fn filled(set: &[bool], n: usize) -> Vec<bool> {
    let edge = |at: usize| at < n || at >= n * (n - 1) || at.is_multiple_of(n) || (at + 1).is_multiple_of(n);
    let mut outside = vec![false; set.len()];
    let mut next: Vec<usize> = (0..set.len()).filter(|&at| edge(at) && !set[at]).collect();
    next.iter().for_each(|&at| outside[at] = true);
    while let Some(at) = next.pop() {
        let (y, x) = (at / n, at % n);
        let sides = [
            (y > 0, at.wrapping_sub(n)),
            (y + 1 < n, at + n),
            (x > 0, at.wrapping_sub(1)),
            (x + 1 < n, at + 1),
        ];
        for (there, near) in sides {
            if there && !set[near] && !outside[near] {
                outside[near] = true;
                next.push(near);
            }
        }
    }
    outside.into_iter().map(|outside| !outside).collect()
}

/// The set and the pixels that touch it with a side.
fn grown(set: &[bool], n: usize) -> Vec<bool> {
    let near = |at: usize| {
        let (y, x) = (at / n, at % n);
        set[at]
            || y > 0 && set[at - n]
            || y + 1 < n && set[at + n]
            || x > 0 && set[at - 1]
            || x + 1 < n && set[at + 1]
    };
    (0..set.len()).map(near).collect()
}

/// Length of the gradient per px, by Sobel's weights; beyond the edge the image goes on as it ends.
fn gradient(z: &[f64], at: usize, n: usize) -> f64 {
    let (y, x) = (at / n, at % n);
    let value = |dy: usize, dx: usize| {
        let row = (y + dy).saturating_sub(1).min(n - 1);
        z[row * n + (x + dx).saturating_sub(1).min(n - 1)]
    };
    let across =
        value(0, 2) + 2.0 * value(1, 2) + value(2, 2) - value(0, 0) - 2.0 * value(1, 0) - value(2, 0);
    let down = value(2, 0) + 2.0 * value(2, 1) + value(2, 2) - value(0, 0) - 2.0 * value(0, 1) - value(0, 2);
    across.hypot(down) / 8.0
}

#[cfg(test)]
mod tests {
    use super::*;

    const N: usize = 64;

    fn shape(residual: impl Fn(f64, f64) -> f64) -> Shape {
        let values: Vec<f32> =
            (0..N * N).map(|i| residual((i % N) as f64 - 32.0, (i / N) as f64 - 32.0) as f32).collect();
        let slice: Vec<f32> = (0..N * N)
            .map(|i| f32::from((10..54).contains(&(i % N)) && (10..54).contains(&(i / N))))
            .collect();
        Shape::of(&values, &slice, N)
    }

    #[test]
    fn stripes_sides_and_lumps_by_hand() {
        let disc = shape(|x, y| if x.hypot(y) < 6.5 { 8.0 } else { 0.0 });
        let cone = shape(|x, y| (16.0 - 2.0 * x.hypot(y)).max(0.0));
        let column = shape(|x, _| if x.abs() < 2.0 { -8.0 } else { 0.0 });
        let row = shape(|_, y| if y.abs() < 2.0 { 8.0 } else { 0.0 });
        let moved = shape(|x, _| if (20.0..24.0).contains(&x.abs()) { 20.0 * x.signum() } else { 0.0 });
        assert_eq!((disc.peak, disc.one_sided), (8.0, 1.0));
        assert!((column.columns - 1.0).abs() < 1e-6 && column.rows < 0.2);
        assert!((row.rows - 1.0).abs() < 1e-6 && row.columns < 0.2);
        assert!(moved.one_sided < 0.2, "{moved:?}");
        // The disc is flat, and its rim is a step of its height: 4 of 8 per px where the edge is straight.
        assert!(disc.summit.abs() < 1e-9 && (disc.rim.exp() - 0.5).abs() < 0.1, "{disc:?}");
        // The cone falls by 2 per px.
        assert!(cone.summit > 0.4 && cone.rim.exp() < 0.3, "{cone:?}");
        let scale = Scale::of(&[&disc, &cone]).unwrap();
        let close = |a: [f64; COORDINATES], b: [f64; 3]| a.iter().zip(b).all(|(a, b)| (a - b).abs() < 0.1);
        assert!(close(column.coordinates(&scale), [2.0, 2.0, 0.0]));
        assert!(close(row.coordinates(&scale), [2.0, 0.0, 2.0]));
        assert!(close(moved.coordinates(&scale), [0.0, 0.0, 0.0]));
        let [disc, cone] = [disc, cone].map(|shape| shape.coordinates(&scale));
        assert!(close(disc, [2.0, 0.0, 0.0]) && close(cone, [2.0, 0.0, 0.0]) && cone[3] > disc[3] + 0.5);
    }

    /// numpy: `x, y = np.meshgrid(np.arange(-5, 6), np.arange(-5, 6)); z = 8 + 0.6 * (-1.0) ** (x + y)`, and its deviation about the
    /// least squares fit of 1, x, y, x^2, xy, y^2 on the 9 x 9 in the middle, of 75 degrees of freedom: 0.622997; the quadric itself leaves nothing.
    #[test]
    fn roughness_is_what_a_quadric_leaves() {
        let square = |x: f64, y: f64| x.abs() < 5.5 && y.abs() < 5.5;
        let rough = |x: f64, y: f64| if (x + y).rem_euclid(2.0) < 0.5 { 8.6 } else { 7.4 };
        let checked = shape(|x, y| if square(x, y) { rough(x, y) } else { 0.0 });
        assert!(
            (checked.roughness.unwrap().exp() - ROUGHNESS).abs() < 1e-3,
            "{}",
            checked.roughness.unwrap().exp()
        );
        let bowl = shape(|x, y| if square(x, y) { 8.0 + 0.1 * x + 0.05 * x * y - 0.04 * y * y } else { 0.0 });
        assert!(bowl.roughness.unwrap().exp() < 1e-4, "{}", bowl.roughness.unwrap().exp());
        // A hole is of the thing.
        let hole = shape(|x, y| if square(x, y) && x.hypot(y) > 1.5 { 8.0 } else { 0.0 });
        assert!(hole.roughness.unwrap().exp() > 1.0, "{}", hole.roughness.unwrap().exp());
    }

    const ROUGHNESS: f64 = 0.622_997;

    #[test]
    fn layers_of_one_anomaly_share_its_softness_alone() {
        let of = |summit, peak| Shape { summit, peak, ..Shape::default() };
        let found = Shape::averaged(&[of(1.0, 4.0), of(2.0, 5.0), of(4.0, 6.0)], &[0, 1, 0]);
        assert_eq!(found, [of(2.5, 4.0), of(2.0, 5.0), of(2.5, 6.0)]);
        // A layer too small to be rough or smooth has no say.
        let rough = |roughness| Shape { roughness, ..Shape::default() };
        let found = Shape::averaged(&[rough(Some(0.5)), rough(None), rough(None)], &[0, 0, 1]);
        assert_eq!(found, [rough(Some(0.5)), rough(Some(0.5)), rough(None)]);
    }

    #[test]
    fn nothing_has_no_shape() {
        let nothing = shape(|_, _| 0.0);
        assert_eq!(nothing, Shape::default());
        assert_eq!(Scale::of(&[]), None);
        assert!(Scale::of(&[&nothing]).is_some());
    }
}
