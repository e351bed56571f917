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

pub(super) fn filled(contours: &[Contour], fill: FillRule) -> f64 {
    let mut edges = edges(contours);
    edges.sort_by(|a, b| a.low[1].total_cmp(&b.low[1]));
    exact(&edges, fill).unwrap_or_else(|| along_rows(&edges, fill))
}

/// Sweeps over the horizontal strips between neighbouring vertices: inside a strip edges are
/// straight, so that the covered length is linear in y between crossings. `None` where that would
/// take too long.
fn exact(edges: &[Edge], fill: FillRule) -> Option<f64> {
    let mut levels: Vec<f64> = edges.iter().flat_map(|e| [e.low[1], e.high[1]]).collect();
    levels.sort_by(f64::total_cmp);
    levels.dedup();
    let width = edges.iter().map(|e| e.low[0].abs().max(e.high[0].abs())).fold(0.0, f64::max);
    // Edges that touch may seem to cross by rounding.
    let slack = 1e-13 * width;
    let ordered = |a: &Span, b: &Span| b.bottom >= a.bottom - slack && b.top >= a.top - slack;
    let mut spans: Vec<Span> = Vec::new();
    let (mut next, mut area, mut patience) = (0, 0.0, PATIENCE);
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
        area += covered * (top - bottom);
    }
    Some(area)
}

/// The midpoint rule over horizontal rows.
fn along_rows(edges: &[Edge], fill: FillRule) -> f64 {
    let low = edges.iter().map(|e| e.low[1]).fold(f64::INFINITY, f64::min);
    let high = edges.iter().map(|e| e.high[1]).fold(f64::NEG_INFINITY, f64::max);
    let step = (high - low) / ROWS as f64;
    let mut spans = Vec::new();
    let mut next = 0;
    let mut length = 0.0;
    for row in 0..ROWS {
        let y = low + (row as f64 + 0.5) * step;
        advance(&mut spans, edges, &mut next, y);
        for span in &mut spans {
            span.bottom = edges[span.edge].x(y);
        }
        spans.sort_by(|a, b| a.bottom.total_cmp(&b.bottom));
        length += covered(&spans, fill, 0.0);
    }
    length * step
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
                edges.push(Edge { low: a, high: b, winding: 1 });
            } else if a[1] > b[1] {
                edges.push(Edge { low: b, high: a, winding: -1 });
            }
        }
    }
    edges
}

/// The covered length at the share `t` of a strip's height; `spans` are in order there.
fn covered(spans: &[Span], fill: FillRule, t: f64) -> f64 {
    let (mut length, mut winding) = (0.0, 0);
    for (i, span) in spans.iter().enumerate() {
        let inside = match fill {
            FillRule::NonZero => winding != 0,
            FillRule::EvenOdd => winding % 2 != 0,
        };
        if inside {
            length += span.at(t) - spans[i - 1].at(t);
        }
        winding += span.winding;
    }
    length
}

/// The mean covered length of a strip in which edges cross: split where they do. `None` where
/// `patience` runs out.
fn crossed(mut spans: Vec<Span>, fill: FillRule, patience: &mut usize) -> Option<f64> {
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
    let mut mean = 0.0;
    for cut in cuts.windows(2) {
        let middle = 0.5 * (cut[0] + cut[1]);
        spans.sort_by(|a, b| a.at(middle).total_cmp(&b.at(middle)));
        mean += (cut[1] - cut[0]) * covered(&spans, fill, middle);
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
        assert!((filled(&star(5, 2), FillRule::NonZero) - outline).abs() < 1e-14);
        assert!((filled(&star(5, 2), FillRule::EvenOdd) - (outline - inner)).abs() < 1e-14);
    }

    #[test]
    fn rows_agree_with_the_exact_sweep() {
        for (n, turns) in [(5, 2), (101, 37), (360, 1)] {
            let mut edges = edges(&star(n, turns));
            edges.sort_by(|a, b| a.low[1].total_cmp(&b.low[1]));
            for fill in [FillRule::NonZero, FillRule::EvenOdd] {
                let exact = exact(&edges, fill).unwrap();
                assert!((along_rows(&edges, fill) - exact).abs() < 1e-3 * exact);
            }
        }
        assert_eq!(filled(&[], FillRule::NonZero), 0.0);
    }
}
