//! The area that contours enclose, overlaps counted once.

use super::{Contour, FillRule};

/// Edges looked at, strip by strip, before a tangle of contours is measured along rows instead.
const PATIENCE: usize = 5_000_000;
/// How many rows.
const ROWS: usize = 4096;

/// A contour edge that is not horizontal.
struct Edge {
    low: [f64; 2],
    high: [f64; 2],
    /// How much oftener what lies to its right is wound around than what lies to its left.
    winding: i64,
}

impl Edge {
    fn x(&self, y: f64) -> f64 {
        let t = ((y - self.low[1]) / (self.high[1] - self.low[1])).clamp(0.0, 1.0);
        self.low[0] * (1.0 - t) + self.high[0] * t
    }
}

/// An edge inside a strip: its x at the bottom and at the top.
#[derive(Clone, Copy)]
struct Span {
    bottom: f64,
    top: f64,
    winding: i64,
    edge: usize,
}

impl Span {
    fn at(&self, t: f64) -> f64 {
        self.bottom * (1.0 - t) + self.top * t
    }
}

/// What contours enclose, in mm²; inside a strip, lengths in mm.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub(super) struct Enclosed {
    /// Inside by the fill rule.
    pub filled_mm2: f64,
    /// The area counted as often as contours wind around it, negative where they do so clockwise.
    pub wound_mm2: f64,
    /// Wound around more than once.
    pub doubled_mm2: f64,
    /// Wound around clockwise.
    pub inverted_mm2: f64,
    /// How far rounding or rows may have moved each of these.
    pub error_mm2: f64,
}

impl Enclosed {
    fn add(&mut self, other: Self, share: f64) {
        self.filled_mm2 += share * other.filled_mm2;
        self.wound_mm2 += share * other.wound_mm2;
        self.doubled_mm2 += share * other.doubled_mm2;
        self.inverted_mm2 += share * other.inverted_mm2;
    }
}

pub(super) fn measure(contours: &[Contour], fill: FillRule) -> Enclosed {
    let mut edges = edges(contours);
    edges.sort_by(|a, b| a.low[1].total_cmp(&b.low[1]));
    exact(&edges, fill).unwrap_or_else(|| along_rows(&edges, fill))
}

/// Sweeps over the horizontal strips between neighbouring vertices: inside a strip edges are
/// straight, so that the covered length is linear in y between crossings. `None` where that would
/// take too long.
fn exact(edges: &[Edge], fill: FillRule) -> Option<Enclosed> {
    let mut levels: Vec<f64> = edges.iter().flat_map(|e| [e.low[1], e.high[1]]).collect();
    levels.sort_by(f64::total_cmp);
    levels.dedup();
    let width = edges.iter().map(|e| e.low[0].abs().max(e.high[0].abs())).fold(0.0, f64::max);
    // Edges that touch may seem to cross by rounding.
    let slack = 1e-13 * width;
    let ordered = |a: &Span, b: &Span| b.bottom >= a.bottom - slack && b.top >= a.top - slack;
    let mut spans: Vec<Span> = Vec::new();
    let (mut next, mut enclosed, mut patience) = (0, Enclosed::default(), PATIENCE);
    for level in levels.windows(2) {
        let (bottom, top) = (level[0], level[1]);
        advance(&mut spans, edges, &mut next, bottom);
        for span in &mut spans {
            (span.bottom, span.top) = (edges[span.edge].x(bottom), edges[span.edge].x(top));
        }
        spans.sort_by(|a, b| a.at(0.5).total_cmp(&b.at(0.5)));
        patience = patience.checked_sub(spans.len())?;
        let covered = if spans.windows(2).all(|pair| ordered(&pair[0], &pair[1])) {
            covered(&spans, fill, 0.5)
        } else {
            crossed(spans.clone(), fill, &mut patience)?
        };
        enclosed.add(covered, top - bottom);
    }
    let height = levels.last().unwrap_or(&0.0) - levels.first().unwrap_or(&0.0);
    enclosed.error_mm2 = slack * height;
    Some(enclosed)
}

/// The midpoint rule over horizontal rows.
fn along_rows(edges: &[Edge], fill: FillRule) -> Enclosed {
    let low = edges.iter().map(|e| e.low[1]).fold(f64::INFINITY, f64::min);
    let high = edges.iter().map(|e| e.high[1]).fold(f64::NEG_INFINITY, f64::max);
    let step = (high - low) / ROWS as f64;
    let mut spans = Vec::new();
    let mut next = 0;
    let mut enclosed = Enclosed::default();
    for row in 0..ROWS {
        let y = low + (row as f64 + 0.5) * step;
        advance(&mut spans, edges, &mut next, y);
        for span in &mut spans {
            span.bottom = edges[span.edge].x(y);
        }
        spans.sort_by(|a, b| a.bottom.total_cmp(&b.bottom));
        enclosed.add(covered(&spans, fill, 0.0), step);
    }
    // A row's length is off by no more than the edges in it lean.
    enclosed.error_mm2 = 0.5 * step * edges.iter().map(|e| (e.high[0] - e.low[0]).abs()).sum::<f64>();
    enclosed
}

/// Leaves the edges that end at or below `y`, and takes those that begin at or below it; `edges` are
/// sorted by where they begin.
fn advance(spans: &mut Vec<Span>, edges: &[Edge], next: &mut usize, y: f64) {
    while let Some(edge) = edges.get(*next).filter(|edge| edge.low[1] <= y) {
        spans.push(Span { bottom: 0.0, top: 0.0, winding: edge.winding, edge: *next });
        *next += 1;
    }
    spans.retain(|span| edges[span.edge].high[1] > y);
}

/// Edges relative to the middle of all, so that the place of a part costs no digits.
fn edges(contours: &[Contour]) -> Vec<Edge> {
    let points = || contours.iter().flat_map(|c| &c.points);
    let middle = [0, 1].map(|axis| {
        let low = points().map(|p| p[axis]).fold(f64::INFINITY, f64::min);
        let high = points().map(|p| p[axis]).fold(f64::NEG_INFINITY, f64::max);
        low + 0.5 * (high - low)
    });
    let mut edges = Vec::new();
    for Contour { points } in contours {
        for (i, a) in points.iter().enumerate() {
            let b = &points[(i + 1) % points.len()];
            let [a, b] = [a, b].map(|p| [p[0] - middle[0], p[1] - middle[1]]);
            if a[1] < b[1] {
                edges.push(Edge { low: a, high: b, winding: -1 });
            } else if a[1] > b[1] {
                edges.push(Edge { low: b, high: a, winding: 1 });
            }
        }
    }
    edges
}

/// The covered lengths at the share `t` of a strip's height; `spans` are in order there.
fn covered(spans: &[Span], fill: FillRule, t: f64) -> Enclosed {
    let (mut lengths, mut winding) = (Enclosed::default(), 0);
    for (i, span) in spans.iter().enumerate() {
        if winding != 0 {
            let length = span.at(t) - spans[i - 1].at(t);
            let inside = fill == FillRule::NonZero || winding % 2 != 0;
            lengths.filled_mm2 += if inside { length } else { 0.0 };
            lengths.wound_mm2 += winding as f64 * length;
            lengths.doubled_mm2 += if winding > 1 { length } else { 0.0 };
            lengths.inverted_mm2 += if winding < 0 { length } else { 0.0 };
        }
        winding += span.winding;
    }
    lengths
}

/// The mean covered lengths of a strip in which edges cross: split where they do. `None` where
/// `patience` runs out.
fn crossed(mut spans: Vec<Span>, fill: FillRule, patience: &mut usize) -> Option<Enclosed> {
    spans.sort_by(|a, b| a.bottom.total_cmp(&b.bottom).then(a.top.total_cmp(&b.top)));
    let mut cuts = vec![0.0, 1.0];
    let mut sorted = spans.clone();
    // Each exchange of an insertion sort by x at the top is one crossing.
    for i in 1..sorted.len() {
        for at in (1..=i).rev() {
            let (a, b) = (sorted[at - 1], sorted[at]);
            if a.top <= b.top {
                break;
            }
            cuts.push((b.bottom - a.bottom) / (b.bottom - a.bottom + a.top - b.top));
            sorted.swap(at - 1, at);
            *patience = patience.checked_sub(spans.len())?;
        }
    }
    cuts.sort_by(f64::total_cmp);
    let mut mean = Enclosed::default();
    for cut in cuts.windows(2) {
        let middle = 0.5 * (cut[0] + cut[1]);
        spans.sort_by(|a, b| a.at(middle).total_cmp(&b.at(middle)));
        mean.add(covered(&spans, fill, middle), cut[1] - cut[0]);
    }
    Some(mean)
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
            let mut edges = edges(&star(n, turns));
            edges.sort_by(|a, b| a.low[1].total_cmp(&b.low[1]));
            for fill in [FillRule::NonZero, FillRule::EvenOdd] {
                let (exact, rows) = (exact(&edges, fill).unwrap(), along_rows(&edges, fill));
                assert!((rows.filled_mm2 - exact.filled_mm2).abs() < rows.error_mm2);
                assert!((rows.wound_mm2 - exact.wound_mm2).abs() < turns as f64 * rows.error_mm2);
                assert!(rows.error_mm2 < 0.2 && exact.error_mm2 < 1e-12);
            }
        }
        assert_eq!(measure(&[], FillRule::NonZero), Enclosed::default());
    }
}
