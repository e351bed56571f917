//! What edges enclose, strip by strip.

use super::FillRule;

/// How many rows a tangle of edges is measured along.
const ROWS: usize = 4096;

/// A contour edge that is not horizontal.
pub(super) struct Edge {
    low: [f64; 2],
    high: [f64; 2],
    /// How much oftener what lies to its right is wound around than what lies to its left.
    winding: i64,
}

impl Edge {
    /// `None` where it is horizontal.
    pub fn of(a: [f64; 2], b: [f64; 2]) -> Option<Self> {
        if a[1] < b[1] {
            Some(Self { low: a, high: b, winding: -1 })
        } else if a[1] > b[1] {
            Some(Self { low: b, high: a, winding: 1 })
        } else {
            None
        }
    }

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
    pub fn add(&mut self, other: Self, share: f64) {
        self.filled_mm2 += share * other.filled_mm2;
        self.wound_mm2 += share * other.wound_mm2;
        self.doubled_mm2 += share * other.doubled_mm2;
        self.inverted_mm2 += share * other.inverted_mm2;
    }
}

/// A sweep over horizontal strips, and how much longer it may take.
pub(super) struct Sweep {
    pub fill: FillRule,
    /// Edges that seem to cross by less than this touch.
    pub slack_mm: f64,
    /// Edges that may still be looked at, strip by strip.
    pub patience: usize,
    edges: Vec<Edge>,
    levels: Vec<f64>,
    spans: Vec<Span>,
}

impl Sweep {
    pub fn new(fill: FillRule, slack_mm: f64, patience: usize) -> Self {
        Self { fill, slack_mm, patience, edges: Vec::new(), levels: Vec::new(), spans: Vec::new() }
    }

    /// What the edges enclose between the heights `bottom` and `top`, where what lies to the left
    /// of all is wound around `outside` times: inside the strips between neighbouring vertices edges are
    /// straight, so that the covered length is linear in y between crossings. `None` where patience
    /// runs out.
    pub fn between(
        &mut self,
        edges: impl Iterator<Item = Edge>,
        [bottom, top]: [f64; 2],
        outside: i64,
    ) -> Option<Enclosed> {
        let Self { fill, slack_mm, patience, edges: kept, levels, spans } = self;
        kept.clear();
        kept.extend(edges);
        kept.sort_unstable_by(|a, b| a.low[1].total_cmp(&b.low[1]));
        levels.clear();
        levels.extend([bottom, top]);
        let inside = |y: &f64| bottom < *y && *y < top;
        levels.extend(kept.iter().flat_map(|e| [e.low[1], e.high[1]]).filter(inside));
        levels.sort_unstable_by(f64::total_cmp);
        levels.dedup();
        let ordered = |a: &Span, b: &Span| b.bottom >= a.bottom - *slack_mm && b.top >= a.top - *slack_mm;
        spans.clear();
        let (mut next, mut enclosed) = (0, Enclosed::default());
        for level in levels.windows(2) {
            let (bottom, top) = (level[0], level[1]);
            advance(spans, kept, &mut next, bottom);
            for span in spans.iter_mut() {
                (span.bottom, span.top) = (kept[span.edge].x(bottom), kept[span.edge].x(top));
            }
            spans.sort_unstable_by(|a, b| a.at(0.5).total_cmp(&b.at(0.5)));
            *patience = patience.checked_sub(spans.len())?;
            let covered = if spans.windows(2).all(|pair| ordered(&pair[0], &pair[1])) {
                covered(spans, outside, *fill, 0.5)
            } else {
                crossed(spans.clone(), outside, *fill, patience)?
            };
            enclosed.add(covered, top - bottom);
        }
        Some(enclosed)
    }
}

/// The midpoint rule over horizontal rows.
pub(super) fn along_rows(mut edges: Vec<Edge>, fill: FillRule) -> Enclosed {
    edges.sort_unstable_by(|a, b| a.low[1].total_cmp(&b.low[1]));
    let low = edges.iter().map(|e| e.low[1]).fold(f64::INFINITY, f64::min);
    let high = edges.iter().map(|e| e.high[1]).fold(f64::NEG_INFINITY, f64::max);
    let step = (high - low) / ROWS as f64;
    let mut spans = Vec::new();
    let mut next = 0;
    let mut enclosed = Enclosed::default();
    for row in 0..ROWS {
        let y = low + (row as f64 + 0.5) * step;
        advance(&mut spans, &edges, &mut next, y);
        for span in &mut spans {
            span.bottom = edges[span.edge].x(y);
        }
        spans.sort_unstable_by(|a, b| a.bottom.total_cmp(&b.bottom));
        enclosed.add(covered(&spans, 0, fill, 0.0), step);
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

/// The covered lengths between the spans at the share `t` of a strip's height; `spans` are in order
/// there.
fn covered(spans: &[Span], outside: i64, fill: FillRule, t: f64) -> Enclosed {
    let (mut lengths, mut winding) = (Enclosed::default(), outside);
    for pair in spans.windows(2) {
        winding += pair[0].winding;
        if winding != 0 {
            let length = pair[1].at(t) - pair[0].at(t);
            let inside = fill == FillRule::NonZero || winding % 2 != 0;
            lengths.filled_mm2 += if inside { length } else { 0.0 };
            lengths.wound_mm2 += winding as f64 * length;
            lengths.doubled_mm2 += if winding > 1 { length } else { 0.0 };
            lengths.inverted_mm2 += if winding < 0 { length } else { 0.0 };
        }
    }
    lengths
}

/// The mean covered lengths of a strip in which edges cross: split where they do. `None` where
/// `patience` runs out.
fn crossed(mut spans: Vec<Span>, outside: i64, fill: FillRule, patience: &mut usize) -> Option<Enclosed> {
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
        mean.add(covered(&spans, outside, fill, middle), cut[1] - cut[0]);
    }
    Some(mean)
}
