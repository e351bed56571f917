//! The area that contours enclose, overlaps counted once.

use super::bands::Bands;
use super::sweep::{self, Edge, Sweep};
use super::{Contour, FillRule};

pub(super) use super::sweep::Enclosed;

/// Edges looked at, strip by strip, before a tangle of contours is measured along rows instead.
const PATIENCE: usize = 5_000_000;

/// What the contours enclose. Where they wind around everything once or not at all, which most bands of
/// them show without a sweep, that is what the shoelace formula says.
pub(super) fn measure(contours: &[Contour], fill: FillRule) -> Enclosed {
    let [x, y] = [0, 1].map(|axis| {
        let along = contours.iter().flat_map(|c| &c.points).map(|p| p[axis]);
        along.fold([f64::INFINITY, f64::NEG_INFINITY], |[low, high], c| [low.min(c), high.max(c)])
    });
    if !(x[0] < x[1] && y[0] < y[1]) {
        return Enclosed::default();
    }
    // Relative to the middle of all, so that the place of a part costs no digits.
    let [(width, left), (height, low)] = [x, y].map(|[low, high]| (high - low, low + 0.5 * (high - low)));
    let middle = [left, low];
    let slack_mm = 0.5e-13 * width;
    let mut sweep = Sweep::new(fill, slack_mm, PATIENCE);
    let bands = Bands::of(contours, middle, [-0.5 * height, 0.5 * height]);
    let Some(swept) = bands.doubtful(&mut sweep) else {
        return sweep::along_rows(edges(contours, middle), fill);
    };
    let wound_mm2 = contours.iter().map(Contour::signed_area_mm2).sum();
    Enclosed {
        filled_mm2: wound_mm2 + (swept.filled_mm2 - swept.wound_mm2),
        wound_mm2,
        error_mm2: slack_mm * height,
        ..swept
    }
}

fn edges(contours: &[Contour], middle: [f64; 2]) -> Vec<Edge> {
    let around = |Contour { points }: &Contour| {
        let next = points.iter().cycle().skip(1);
        points
            .iter()
            .zip(next)
            .filter_map(|ends| {
                let [a, b] = [ends.0, ends.1].map(|p| [p[0] - middle[0], p[1] - middle[1]]);
                Edge::of(a, b)
            })
            .collect::<Vec<_>>()
    };
    contours.iter().flat_map(around).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A star of `n` corners that winds around its middle `turns` times.
    fn star(n: usize, turns: usize) -> Vec<Contour> {
        let angle = |i: usize| std::f64::consts::TAU * (turns * i) as f64 / n as f64;
        vec![Contour { points: (0..n).map(|i| [angle(i).cos(), angle(i).sin()]).collect() }]
    }

    #[test]
    fn a_pentagram_counts_its_middle_by_its_rule() {
        // Radii 1 and r of the ten corners of its outline; the inner pentagon has radius r.
        let [a, b] = [36f64, 72.0].map(|degrees| degrees.to_radians());
        let r = b.cos() / a.cos();
        let (outline, inner) = (5.0 * r * a.sin(), 2.5 * r * r * b.sin());
        let non_zero = measure(&star(5, 2), FillRule::NonZero);
        assert!((non_zero.filled_mm2 - outline).abs() < 1e-14);
        assert!((non_zero.doubled_mm2 - inner).abs() < 1e-14);
        assert!((non_zero.wound_mm2 - outline - inner).abs() < 1e-14);
        assert_eq!(non_zero.inverted_mm2, 0.0);
        let even_odd = measure(&star(5, 2), FillRule::EvenOdd);
        assert!((even_odd.filled_mm2 - (outline - inner)).abs() < 1e-14);
    }

    #[test]
    fn rows_agree_with_the_exact_sweep() {
        for (n, turns) in [(5, 2), (101, 37), (360, 1)] {
            for fill in [FillRule::NonZero, FillRule::EvenOdd] {
                let contours = star(n, turns);
                let exact = measure(&contours, fill);
                let rows = sweep::along_rows(edges(&contours, [0.0; 2]), fill);
                assert!((rows.filled_mm2 - exact.filled_mm2).abs() < rows.error_mm2);
                assert!((rows.wound_mm2 - exact.wound_mm2).abs() < turns as f64 * rows.error_mm2);
                assert!(rows.error_mm2 < 0.2 && exact.error_mm2 < 1e-12);
            }
        }
        assert_eq!(measure(&[], FillRule::NonZero), Enclosed::default());
    }
}
