//! What a threshold without labels costs, and how soon it sees a defect.

use maud::{Markup, html};

use super::{defect_name, scrolling};
use crate::report::numbers::{count_of, percent, percent_interval, short};
use crate::report::record::{Component, Detector, Estimate, JOB_LAYERS, OperatingPoint, Operation, Record};

pub fn section(record: &Record) -> Option<Markup> {
    let scores = scores(record);
    if scores.is_empty() {
        return None;
    }
    Some(html! {
        p.lead {
            "In production a threshold decides, and nobody has labels to set it with. Each rule below saw the scores of healthy \
             images that no training used (and, where it wants them, of images without labels); what it does is counted on other jobs."
        }
        figure {
            (scrolling("What every threshold does", table(&scores)))
            figcaption {
                b { "How to read it. " }
                "False alarms are healthy images called anomalous, in a job of " (JOB_LAYERS) " layers at the right; the 95 % intervals come from \
                 jobs. The last row of each score is the best balanced accuracy that any threshold could have had, found with the labels: \
                 no result, but what the others are held against. Cost is per layer, in the unit of the scenario's "
                code { "scrap" } " and " code { "escape" } "."
            }
        }
        h3 { "Layers until a defect is detected" }
        figure {
            (scrolling("Layers until each defect is detected", delays(record, &scores)))
            figcaption {
                b { "How to read it. " }
                "At the first threshold of each score: the median number of layers from the first that shows the defect to the first \
                 that is called anomalous, 1 where it is the same, and the episodes in which any layer was. A dash: half of the episodes or \
                 more pass undetected."
            }
        }
    })
}

type Score<'a> = (&'a Detector, &'a Component);

/// The main scores that thresholds were looked for.
fn scores(record: &Record) -> Vec<Score<'_>> {
    let main = record.detectors.iter().flat_map(|d| d.main_scores().map(move |c| (d, c)));
    main.filter(|(_, component)| !component.operating.is_empty()).collect()
}

fn table(scores: &[Score<'_>]) -> Markup {
    let priced = scores.iter().flat_map(|(_, c)| &c.operating).any(|o| match &o.outcome {
        Operation::Found(point) => point.cost_per_layer.is_some(),
        Operation::None(_) => false,
    });
    let columns = 5 + usize::from(priced);
    html! {
        table {
            thead { tr {
                th scope="col" { "Score and threshold" }
                th scope="col" { "Threshold" }
                th scope="col" { "Defective images found" }
                th scope="col" { "False alarms" }
                th scope="col" { "per " (JOB_LAYERS) " layers" }
                @if priced { th scope="col" { "Cost (least possible)" } }
            } }
            @for (detector, component) in scores {
                tbody {
                    tr.group { th scope="rowgroup" colspan=(columns) { (detector.name) ": " (component.name) } }
                    @for operating in &component.operating {
                        @match &operating.outcome {
                            Operation::Found(point) => (row(&operating.threshold, point, priced)),
                            Operation::None(reason) => tr {
                                th scope="row" { (operating.threshold) }
                                td.empty colspan=(columns - 1) { (reason) }
                            },
                        }
                    }
                    @if let Some(oracle) = &component.oracle { (row("best, with the labels", oracle, priced)) }
                }
            }
        }
    }
}

fn row(name: &str, point: &OperatingPoint, priced: bool) -> Markup {
    let value = match point.value {
        v if v == f64::MAX => "calls none".to_owned(),
        v if v == f64::MIN => "calls all".to_owned(),
        v => short(v),
    };
    html! {
        tr {
            th scope="row" { (name) }
            td { (value) }
            td { (rate(&point.detection_rate)) }
            td { (rate(&point.false_alarm_rate)) }
            td { (short(point.false_alarms_per_job(JOB_LAYERS))) }
            @if priced {
                td { @match (point.cost_per_layer, point.least_cost_per_layer) {
                    (Some(cost), Some(least)) => { (short(cost)) small { " (" (short(least)) ")" } }
                    _ => "–"
                } }
            }
        }
    }
}

fn rate(estimate: &Estimate) -> Markup {
    html! {
        (percent(estimate.value))
        @if let Some(interval) = estimate.interval { small { br; (percent_interval(interval)) } }
    }
}

fn delays(record: &Record, scores: &[Score<'_>]) -> Markup {
    html! {
        table {
            thead { tr {
                th scope="col" { "Score" }
                @for defect in record.defects() { th scope="col" { (defect_name(record, defect)) } }
            } }
            tbody {
                @for (detector, component) in scores {
                    @if let Some((threshold, point)) = component.first_found() {
                        tr {
                            th scope="row" { (detector.name) ": " (component.name) small { (threshold) } }
                            @for defect in record.defects() {
                                @match point.delays.iter().find(|d| d.defect == defect) {
                                    Some(delay) => td {
                                        (delay.median_layers.map_or("–".into(), short))
                                        small { br; (count_of(&delay.episodes)) " episodes" }
                                    },
                                    None => td.empty { "no episode" },
                                }
                            }
                        }
                    }
                }
            }
        }
    }
}
