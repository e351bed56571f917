//! Probability of detection against size, contrast and duration: one drawing per defect, one line per detector.

use plotters::prelude::*;
use plotters::style::text_anchor::{HPos, VPos};

use super::axis::Axis;
use super::canvas::{Area, Drawn, UNIT, at, bold, document, font, line, rgb, stroke, text_width, write};
use super::{Figure, slug};
use crate::report::colour::{self, GRID, INK, MUTED, Rgb};
use crate::report::record::{
    Cases, Component, Detectability, DetectionCurve, DetectionFit, Detector, Extent, Record,
};

const WIDTH: f64 = 1040.0;
const HEIGHT: f64 = 236.0;
const LEFT: f64 = 44.0;
const RIGHT: f64 = 12.0;
const TOP: f64 = 48.0;
const BOTTOM: f64 = 44.0;
const GAP: f64 = 38.0;
/// Detectors in colour, those that find most; the others are grey.
const COLOURED: usize = 6;
/// Cases of one point of the observed shares, at least.
const LEAST_CASES: usize = 8;
/// Points of the observed shares, at most.
const MOST_POINTS: usize = 5;
/// Other detectors.
const OTHERS: Rgb = [0xb9, 0xc1, 0xc8];

/// A detector's best score and what is known of its detectability.
struct Line<'a> {
    detector: &'a Detector,
    component: &'a Component,
    known: &'a Detectability,
    /// Absent for a detector beyond the first [`COLOURED`].
    colour: Option<Rgb>,
}

/// One drawing per defect; none where no threshold was found.
pub fn draw_all(record: &Record) -> Vec<Figure> {
    let lines = lines(record);
    if lines.is_empty() {
        return Vec::new();
    }
    let defects = record.defects().into_iter();
    let drawn = defects.filter(|defect| lines.iter().any(|l| curve(l, defect, None).is_some()));
    drawn
        .map(|defect| {
            let title = format!("Probability of detection of {defect} against size, contrast and duration");
            let svg =
                document(WIDTH as i32, HEIGHT as i32, &title, |area| plot(area, record, &lines, defect));
            Figure::new(&slug(&format!("detectability-{defect}")), svg)
        })
        .collect()
}

/// Those that find most are the last, so that they lie on top.
fn lines(record: &Record) -> Vec<Line<'_>> {
    let best = record.detectors.iter().filter_map(|detector| {
        let component = detector.best_score()?;
        Some(Line { detector, component, known: component.detectability.as_ref()?, colour: None })
    });
    let mut lines: Vec<Line<'_>> = best.collect();
    let found = |line: &Line<'_>| line.known.defects.iter().map(|d| d.found.count).sum::<usize>();
    lines.sort_by_key(|line| std::cmp::Reverse(found(line)));
    lines.iter_mut().enumerate().take(COLOURED).for_each(|(i, line)| line.colour = Some(colour::defect(i)));
    lines.reverse();
    lines
}

/// The curve of a defect against `extent`, or against any.
fn curve<'a>(line: &Line<'a>, defect: &str, extent: Option<Extent>) -> Option<&'a DetectionCurve> {
    let of = line.known.defects.iter().find(|d| d.defect == defect)?;
    of.curves.iter().find(|curve| extent.is_none_or(|extent| curve.extent == extent))
}

fn plot(area: &Area<'_>, record: &Record, lines: &[Line<'_>], defect: &str) -> Drawn {
    area.fill(&WHITE)?;
    write(area, defect, 10.0, 18.0, &bold(14.0, INK, HPos::Left, VPos::Center))?;
    legend(area, lines, 26.0 + 1.1 * text_width(defect, 14.0))?;
    let width = (WIDTH - LEFT - RIGHT - 2.0 * GAP) / 3.0;
    for (i, extent) in Extent::ALL.into_iter().enumerate() {
        panel(area, record, lines, defect, extent, (LEFT + i as f64 * (width + GAP), width))?;
    }
    Ok(())
}

fn legend(area: &Area<'_>, lines: &[Line<'_>], mut x: f64) -> Drawn {
    let coloured = lines.iter().rev().filter_map(|l| Some((l.detector.name.as_str(), l.colour?)));
    let others = lines.iter().any(|l| l.colour.is_none()).then_some(("others", OTHERS));
    for (name, colour) in coloured.chain(others) {
        line(area, (x, 18.0), (x + 18.0, 18.0), stroke(colour, 2.5))?;
        write(area, name, x + 24.0, 18.0, &font(11.5, INK, HPos::Left, VPos::Center))?;
        x += 24.0 + text_width(name, 11.5) + 18.0;
    }
    Ok(())
}

fn panel(
    area: &Area<'_>,
    record: &Record,
    lines: &[Line<'_>],
    defect: &str,
    extent: Extent,
    (left, width): (f64, f64),
) -> Drawn {
    let cases = |line: &Line<'_>| {
        let judged = (&line.component.values[..], line.known.value);
        extent.cases(&record.test_images, record.scenario.px_per_mm, defect, judged)
    };
    let bottom = HEIGHT - BOTTOM;
    for share in [0.0, 0.5, 0.9, 1.0] {
        let y = bottom - share * (bottom - TOP);
        line(area, (left, y), (left + width, y), stroke(if share == 0.9 { MUTED } else { GRID }, 1.0))?;
        let label = format!("{:.0}\u{202f}%", 100.0 * share);
        write(area, &label, left - 5.0, y, &font(10.5, MUTED, HPos::Right, VPos::Center))?;
    }
    // Every detector saw the same defects.
    let extents = lines.first().map(|line| cases(line).extents).unwrap_or_default();
    if extents.is_empty() {
        let text = format!("{}: not known", extent.title());
        return write(area, &text, left, HEIGHT - 10.0, &font(11.0, MUTED, HPos::Left, VPos::Center));
    }
    let across = Axis::choose(extents);
    for (place, label) in across.ticks(5) {
        let x = left + place * width;
        line(area, (x, bottom), (x, bottom + 3.0), stroke(MUTED, 1.0))?;
        write(area, &label, x, bottom + 6.0, &font(10.5, MUTED, HPos::Center, VPos::Top))?;
    }
    let title = extent.title();
    write(area, title, left + width / 2.0, HEIGHT - 10.0, &font(11.0, MUTED, HPos::Center, VPos::Center))?;
    let place =
        |extent: f64, share: f64| at(left + across.place(extent) * width, bottom - share * (bottom - TOP));
    for l in lines {
        let colour = l.colour.unwrap_or(OTHERS);
        if let Some(DetectionCurve { fit: DetectionFit::Found { intercept, slope, .. }, range, .. }) =
            curve(l, defect, Some(extent))
        {
            let [low, high] = *range;
            let points = (0..=80).map(|i| {
                let extent = low * (high / low).powf(f64::from(i) / 80.0);
                place(extent, 1.0 / (1.0 + (-intercept - slope * extent.ln()).exp()))
            });
            area.draw(&PathElement::new(points.collect::<Vec<_>>(), stroke(colour, 2.0)))?;
        }
        if l.colour.is_some() {
            for (extent, share) in observed(&cases(l)) {
                area.draw(&Circle::new(place(extent, share), 3 * UNIT, rgb(colour).filled()))?;
            }
        }
    }
    Ok(())
}

/// Shares that were found among cases of about the same extent: (its geometric mean, share).
fn observed(cases: &Cases) -> Vec<(f64, f64)> {
    let mut sorted: Vec<(f64, bool)> =
        cases.extents.iter().copied().zip(cases.found.iter().copied()).collect();
    sorted.sort_by(|a, b| a.0.total_cmp(&b.0));
    let points = (sorted.len() / LEAST_CASES).clamp(1, MOST_POINTS);
    let of = |cases: &[(f64, bool)]| {
        let count = cases.len() as f64;
        let mean = cases.iter().map(|c| c.0.max(f64::MIN_POSITIVE).ln()).sum::<f64>() / count;
        (mean.exp(), cases.iter().filter(|c| c.1).count() as f64 / count)
    };
    sorted.chunks(sorted.len().div_ceil(points).max(1)).map(of).collect()
}
