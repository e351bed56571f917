//! What becomes of the detectors where the process varies otherwise than in training.

use maud::{Markup, html};

use super::{drawing, scrolling};
use crate::report::figures::Figures;
use crate::report::numbers::{area, area_estimate, percent, percent_interval, plural, short};
use crate::report::record::{Component, Detector, Estimate, Outcome, Record, Shift, ShiftPoint};

pub fn section(record: &Record, figures: &Figures) -> Option<Markup> {
    if record.shifts.is_empty() {
        return None;
    }
    let scores = scores(record);
    Some(html! {
        p.lead {
            "Everything above was trained and tested on one range of randomisation. Here the same detectors, with the same thresholds, see test \
             jobs of a process that strays more or less, or that prints other parts. Nothing was trained or fitted again."
        }
        ul.plain { @for sentence in findings(record) { li { (sentence) } } }
        figure { div.panels { @for figure in &figures.shifts { (drawing(figure)) } } }
        figcaption {
            b { "How to read it. " }
            "The score of every detector that ranks best on the scenario’s own test images, with 95 % intervals over jobs. A width of 2 means that every range from which the scenario draws a \
             parameter of camera, bed, print or thermal process is twice as wide about the same middle (a log-uniform one in the logarithm, a normal \
             one by its deviation), of 0.5 half as wide; defects stay as they are. All widths have the same random numbers, so that they differ by \
             the width alone."
        }
        h3 { "How well the scores rank" }
        (scrolling("AUROC of every score, by shift", ranking(record, &scores)))
        h3 { "What the thresholds found in training do" }
        (scrolling("Detection and false alarms at the thresholds of training, by shift", thresholds(record, &scores)))
        figcaption {
            b { "How to read it. " }
            "Defective images found, and below it healthy images called anomalous, at the first threshold of each score. Where the second grows while \
             the ranking holds, the threshold has to be set anew for that process; where the ranking falls, the detector has to be."
        }
        (cut_ranges(record))
    })
}

type Score<'a> = (&'a Detector, &'a Component);

/// The main scores of the detectors that were tried.
fn scores(record: &Record) -> Vec<Score<'_>> {
    let mut points = record.shifts.iter().flat_map(|shift| &shift.points);
    let Some(point) = points.next() else { return Vec::new() };
    let main = record.detectors.iter().flat_map(|d| d.main_scores().map(move |c| (d, c)));
    main.filter(|(d, c)| point.score(&d.name, &c.name).is_some()).collect()
}

/// A sentence on each shift: the score that ranks best on the scenario's own test images, there and at both ends.
fn findings(record: &Record) -> Vec<Markup> {
    let Some((detector, component)) = record.best_score() else { return Vec::new() };
    let Some(own) = component.auroc else { return Vec::new() };
    let at = |point: &ShiftPoint| point.score(&detector.name, &component.name)?.auroc;
    let sentence = |shift: &Shift| {
        let (first, last) = (shift.points.first()?, shift.points.last()?);
        let (near, far) = (at(first)?, at(last)?);
        Some(html! {
            b { (shift.name) ": " }
            "AUROC of " (detector.name) " " (component.name) ", " (area(own.value)) " as trained, is "
            @if shift.points.len() > 1 {
                (area(near.value)) " at width " (short(first.width)) " and " (area(far.value)) " at width " (short(last.width)) "."
            } @else {
                (area_estimate(&near)) "."
            }
        })
    };
    record.shifts.iter().filter_map(sentence).collect()
}

/// The rows of both tables: so many of the scenario's own test images, then every shift by its widths.
fn rows(
    record: &Record,
    images: usize,
    columns: usize,
    own: &[Markup],
    of: &dyn Fn(&ShiftPoint) -> Vec<Markup>,
) -> Markup {
    html! {
        tbody {
            tr {
                th scope="row" { "as in training" }
                td { (images) }
                @for cell in own { td { (cell) } }
            }
        }
        @for shift in &record.shifts {
            tbody {
                tr.group { th scope="rowgroup" colspan=(columns) { (shift.name) @if !shift.parts.is_empty() { ": " (shift.parts.join(", ")) } } }
                @for point in &shift.points {
                    tr {
                        th scope="row" { "width " (short(point.width)) }
                        td { (point.healthy + point.anomalous) }
                        @for cell in of(point) { td { (cell) } }
                    }
                }
            }
        }
    }
}

fn ranking(record: &Record, scores: &[Score<'_>]) -> Markup {
    let pair = record
        .named
        .as_ref()
        .filter(|_| record.shifts.iter().flat_map(|shift| &shift.points).any(|point| point.named.is_some()));
    let judged =
        pair.and_then(|pair| match &record.separation(&pair.representation, &pair.separator)?.outcome {
            Outcome::Judged(judgement) => Some(judgement.balanced_accuracy),
            Outcome::Empty(_) => None,
        });
    let areas = |estimate: Option<Estimate>| {
        html! { @match estimate {
            Some(estimate) => {
                (area(estimate.value))
                @if let Some([low, high]) = estimate.interval { small { br; (area(low)) "–" (area(high)) } }
            },
            None => "–",
        } }
    };
    let mut own: Vec<Markup> = scores.iter().map(|(_, c)| areas(c.auroc)).collect();
    own.extend(pair.map(|_| shares(judged)));
    let of = |point: &ShiftPoint| -> Vec<Markup> {
        let auroc = |(d, c): &Score<'_>| areas(point.score(&d.name, &c.name).and_then(|s| s.auroc));
        scores.iter().map(auroc).chain(pair.map(|_| shares(point.named))).collect()
    };
    html! {
        table {
            thead { tr {
                th scope="col" { "Test images of" }
                th scope="col" { "Images" }
                @for (d, c) in scores { th scope="col" { (d.name) ": " (c.name) small { br; "AUROC" } } }
                @if let Some(pair) = pair {
                    th scope="col" { (pair.representation) " with " (pair.separator) small { br; "balanced accuracy" } }
                }
            } }
            (rows(record, record.test_images.len(), 2 + scores.len() + usize::from(pair.is_some()), &own, &of))
        }
    }
}

fn thresholds(record: &Record, scores: &[Score<'_>]) -> Markup {
    // Thresholds are judged on the half that judges separators, of the first separation.
    let judged = record.judged_images.first().map_or(record.test_images.len(), Vec::len);
    let both = |rates: Option<(Estimate, Estimate)>| {
        html! {
            @match rates {
                Some((detected, alarms)) => { (shares(Some(detected))) br; (shares(Some(alarms))) },
                None => "–",
            }
        }
    };
    let own = scores.iter().map(|(_, c)| {
        let first = c.operating.first().and_then(|o| o.outcome.found());
        both(first.map(|point| (point.detection_rate, point.false_alarm_rate)))
    });
    let of = |point: &ShiftPoint| -> Vec<Markup> {
        let cell = |(d, c): &Score<'_>| {
            let name = c.operating.first().map(|o| o.threshold.as_str());
            let found = point
                .score(&d.name, &c.name)
                .and_then(|s| s.thresholds.iter().find(|t| Some(t.threshold.as_str()) == name));
            both(found.map(|t| (t.detection_rate, t.false_alarm_rate)))
        };
        scores.iter().map(cell).collect()
    };
    html! {
        table {
            thead { tr {
                th scope="col" { "Test images of" }
                th scope="col" { "Images" }
                @for (d, c) in scores {
                    th scope="col" { (d.name) ": " (c.name) @if let Some(first) = c.operating.first() { small { br; (first.threshold) } } }
                }
            } }
            (rows(record, judged, 2 + scores.len(), &own.collect::<Vec<_>>(), &of))
        }
    }
}

fn shares(estimate: Option<Estimate>) -> Markup {
    html! { @match estimate {
        Some(estimate) => {
            (percent(estimate.value))
            @if let Some(interval) = estimate.interval { small { " " (percent_interval(interval)) } }
        },
        None => "–",
    } }
}

/// Where a range could not be as wide as asked for.
fn cut_ranges(record: &Record) -> Markup {
    let points = record.shifts.iter().flat_map(|shift| shift.points.iter().map(move |point| (shift, point)));
    let cut: Vec<(&Shift, &ShiftPoint)> = points.filter(|(_, point)| !point.clamped.is_empty()).collect();
    let ranges = cut.iter().map(|(_, point)| point.clamped.len()).sum();
    html! {
        @if !cut.is_empty() {
            details {
                summary { "Where a range ends earlier, since its parameter cannot be more or less: " (plural(ranges, "range")) }
                (scrolling("Ranges that were cut", html! {
                    table {
                        thead { tr {
                            th scope="col" { "Parameter" } th scope="col" { "Shift" } th scope="col" { "Width" }
                            th scope="col" { "Asked for" } th scope="col" { "Drawn from" }
                        } }
                        tbody { @for (shift, point) in &cut { @for range in &point.clamped {
                            tr {
                                th scope="row" { (range.parameter) }
                                td { (shift.name) }
                                td { (short(point.width)) }
                                td { (ends(range.wanted)) }
                                td { (ends(range.kept)) }
                            }
                        } } }
                    }
                }))
            }
        }
    }
}

fn ends([low, high]: [f64; 2]) -> String {
    format!("{} to {}", short(low), short(high))
}
