//! Which score finds which defect, and how faint a defect may be.

use maud::{Markup, html};

use super::{defect_name, drawing, heat, scrolling};
use crate::report::figures::Figures;
use crate::report::numbers::{area, area_half_width, count_of, half_width, percent};
use crate::report::record::{AgainstDefect, Estimate, Outcome, Record, Share};
use crate::report::verdict::Verdict;

pub fn section(record: &Record, figures: &Figures, verdict: &Verdict) -> Option<Markup> {
    if record.dataset.defects.is_empty() || record.detectors.is_empty() {
        return None;
    }
    Some(html! {
        p.lead {
            "A detector that is good on average may still be blind to one kind of defect. Each column is one kind."
        }
        figure {
            (scrolling("AUROC of every score for every defect", matrix(record)))
            figcaption {
                b { "How to read it. " }
                "AUROC of a score for one kind of defect against all healthy images, and in small half the width of its 95 % interval: 1 finds every one, 0.5 (white) is blind \
                 to it, below 0.5 (orange) takes it for healthier than healthy."
            }
        }
        (found(record, verdict))
        @if !figures.severity.is_empty() {
            h3 { "How faint may a defect be?" }
            div.panels { @for figure in &figures.severity { figure { (drawing(figure)) } } }
            figcaption {
                b { "How to read it. " }
                "One point per defective test image: how strongly the defect stands out from the texture around it, and \
                 the score it got. Points in the grey band look no stranger to the detector than 95 % of the \
                 healthy images: those defects pass unseen."
            }
        }
    })
}

fn matrix(record: &Record) -> Markup {
    let defects = record.defects();
    html! {
        table.heat {
            thead { tr {
                th scope="col" { "Score" }
                @for defect in &defects { th scope="col" { (defect_name(record, defect)) } }
                th scope="col" { "all" }
            } }
            tbody { @for (detector, component) in record.components() {
                tr {
                    th scope="row" { (detector.name) ": " (component.name) @if component.headline { small { "headline" } } }
                    @for defect in &defects {
                        @match component.auroc_by_defect.iter().find(|d| d.defect == *defect) {
                            Some(AgainstDefect { value, interval, .. }) => (ranked(*value, *interval)),
                            None => td.empty { "–" },
                        }
                    }
                    @match &component.auroc {
                        Some(Estimate { value, interval }) => (ranked(*value, *interval)),
                        None => td.empty { "–" },
                    }
                }
            }
            @for floor in record.floors.iter().filter(|floor| !floor.auroc_by_defect.is_empty()) {
                tr {
                    th scope="row" { "trivial: " (floor.name) }
                    @for defect in &defects {
                        @match floor.auroc_by_defect.iter().find(|d| d.defect == *defect) {
                            Some(AgainstDefect { value, interval, .. }) => (ranked(*value, *interval)),
                            None => td.empty { "–" },
                        }
                    }
                    (ranked(floor.auroc.value, floor.auroc.interval))
                }
            } }
        }
    }
}

/// An area in its colour, with half the width of its interval.
fn ranked(value: f64, interval: Option<[f64; 2]>) -> Markup {
    html! {
        td style=(heat(value)) {
            (area(value))
            @if let Some(interval) = interval { small { (area_half_width(interval)) } }
        }
    }
}

/// A share with half the width of its interval, or what was counted.
fn part(share: &Share) -> Markup {
    html! {
        td {
            (percent(share.rate))
            small { br; @match share.interval { Some(interval) => (half_width(interval)), None => (count_of(share)) } }
        }
    }
}

/// What the verdict's pair found, and what lies above each headline score's 95 % line.
fn found(record: &Record, verdict: &Verdict) -> Markup {
    let pair = verdict.pair.as_ref().and_then(|(representation, separator)| {
        match &record.separation(representation, separator)?.outcome {
            Outcome::Judged(judgement) => Some((format!("{representation} with {separator}"), judgement)),
            Outcome::Empty(_) => None,
        }
    });
    let lines: Vec<_> = record
        .detectors
        .iter()
        .flat_map(|detector| detector.main_scores().map(move |component| (detector, component)))
        .filter_map(|(detector, component)| Some((detector, component, component.threshold.as_ref()?)))
        .collect();
    if pair.is_none() && lines.is_empty() {
        return html! {};
    }
    let table = html! {
        table {
            thead { tr {
                th scope="col" { "Share of images found" }
                @for defect in record.defects() { th scope="col" { (defect_name(record, defect)) } }
                th scope="col" { "false alarms" }
            } }
            tbody {
                @if let Some((name, judgement)) = &pair {
                    tr {
                        th scope="row" { (name) small { "the verdict’s pair" } }
                        @for defect in record.defects() {
                            @match judgement.detected_by_defect.iter().find(|d| d.defect == defect) {
                                Some(d) => (part(&d.share)),
                                None => td { "–" },
                            }
                        }
                        (part(&judgement.false_alarms))
                    }
                }
                @for (detector, component, threshold) in &lines {
                    tr {
                        th scope="row" { (detector.name) ": " (component.name) small { "above its 95 % line" } }
                        @for defect in record.defects() {
                            @match threshold.defects_above.iter().find(|d| d.defect == defect) {
                                Some(d) => (part(&d.share)),
                                None => td { "–" },
                            }
                        }
                        (part(&threshold.healthy_above))
                    }
                }
            }
        }
    };
    html! {
        h3 { "What is found, what is missed" }
        (scrolling("Share of each defect that is found", table))
        figcaption {
            "In small, half the width of the 95 % interval, or the images counted. The 95 % line of a score is set on the healthy test images, so its false-alarm rate is about 5 % by \
             construction; the separator had no such help."
        }
    }
}
