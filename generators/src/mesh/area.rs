//! The area that contours enclose, overlaps counted once.

use super::{Contour, FillRule};

/// Crossings that are resolved exactly in one strip.
const CROSSINGS: usize = 1000;

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

/// Sweeps over the horizontal strips between neighbouring vertices: inside a strip edges are
/// straight, so that the covered length is linear in y between crossings.
pub(super) fn filled(contours: &[Contour], fill: FillRule) -> f64 {
    let mut edges = edges(contours);
    edges.sort_by(|a, b| a.low[1].total_cmp(&b.low[1]));
    let mut levels: Vec<f64> = edges.iter().flat_map(|e| [e.low[1], e.high[1]]).collect();
    levels.sort_by(f64::total_cmp);
    levels.dedup();
    let width = edges.iter().map(|e| e.low[0].abs().max(e.high[0].abs())).fold(0.0, f64::max);
    let mut spans: Vec<Span> = Vec::new();
    let (mut next, mut area) = (0, 0.0);
    for level in levels.windows(2) {
        let (bottom, top) = (level[0], level[1]);
        spans.retain(|span| edges[span.edge].high[1] > bottom);
        while let Some(edge) = edges.get(next).filter(|edge| edge.low[1] <= bottom) {
            spans.push(Span { bottom: 0.0, top: 0.0, winding: edge.winding, edge: next });
            next += 1;
        }
        for span in &mut spans {
            let edge = &edges[span.edge];
            (span.bottom, span.top) = (edge.x(bottom), edge.x(top));
        }
        spans.sort_by(|a, b| a.at(0.5).total_cmp(&b.at(0.5)));
        let slack = 1e-13 * width;
        let ordered = |a: &Span, b: &Span| b.bottom >= a.bottom - slack && b.top >= a.top - slack;
        let covered = if spans.windows(2).all(|pair| ordered(&pair[0], &pair[1])) {
            covered(&spans, fill, 0.5)
        } else {
            crossed(spans.clone(), fill)
        };
        area += covered * (top - bottom);
    }
    area
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

/// The mean covered length of a strip in which edges cross: split where they do.
fn crossed(mut spans: Vec<Span>, fill: FillRule) -> f64 {
    spans.sort_by(|a, b| {
        (a.bottom, a.top).partial_cmp(&(b.bottom, b.top)).unwrap_or(std::cmp::Ordering::Equal)
    });
    let mut cuts = vec![0.0, 1.0];
    let mut sorted = spans.clone();
    // Each exchange of an insertion sort by x at the top is one crossing.
    for i in 1..sorted.len() {
        let mut at = i;
        while at > 0 && sorted[at - 1].top > sorted[at].top && cuts.len() < CROSSINGS {
            let (a, b) = (sorted[at - 1], sorted[at]);
            cuts.push((b.bottom - a.bottom) / (b.bottom - a.bottom + a.top - b.top));
            sorted.swap(at - 1, at);
            at -= 1;
        }
    }
    cuts.sort_by(f64::total_cmp);
    let mut mean = 0.0;
    for cut in cuts.windows(2) {
        let middle = 0.5 * (cut[0] + cut[1]);
        spans.sort_by(|a, b| a.at(middle).total_cmp(&b.at(middle)));
        mean += (cut[1] - cut[0]) * covered(&spans, fill, middle);
    }
    mean
}
