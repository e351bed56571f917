//! The verdict, first on the page.

use maud::{Markup, html};

use crate::report::numbers::{area, area_estimate, count_of, percent, percent_interval, plural};
use crate::report::record::{Judgement, Outcome, Record, Share};
use crate::report::verdict::Verdict;

pub fn section(record: &Record, verdict: &Verdict) -> Markup {
    html! {
        section.verdict id="verdict" {
            @if let Some(named) = &record.named && let Some(met) = verdict.bar_met {
                @let bar = named.least_balanced_accuracy.map(percent).unwrap_or_default();
                @if met { span class="badge met" { "Bar met: balanced accuracy of at least " (bar) } }
                @else { span class="badge missed" { "Bar missed: balanced accuracy of at least " (bar) } }
            }
            @if !record.gates.is_empty() {
                @let failed = record.gates.iter().filter(|gate| !gate.holds()).count();
                @if failed == 0 { span class="badge met" { (plural(record.gates.len(), "gate")) " passed" } }
                @else { span class="badge missed" { (failed) " of " (plural(record.gates.len(), "gate")) " failed" } }
            }
            h2.headline { (verdict.headline) }
            (keys(record, chosen(record, verdict)))
            dl.points {
                @for point in &verdict.points { dt { (point.topic) } dd { (point.text) } }
            }
        }
    }
}

fn chosen<'a>(record: &'a Record, verdict: &Verdict) -> Option<&'a Judgement> {
    let (representation, separator) = verdict.pair.as_ref()?;
    match &record.separation(representation, separator)?.outcome {
        Outcome::Judged(judgement) => Some(judgement),
        Outcome::Empty(_) => None,
    }
}

fn keys(record: &Record, judgement: Option<&Judgement>) -> Markup {
    let best =
        record.best_score().and_then(|(detector, component)| Some((detector, component, component.auroc?)));
    if judgement.is_none() && best.is_none() {
        return html! {};
    }
    html! {
        dl.keys {
            @if let Some(j) = judgement {
                (key("Balanced accuracy", &percent(j.balanced_accuracy.value), &j.balanced_accuracy.interval.map_or("no interval".into(), |i| format!("95 % interval {}", percent_interval(i)))))
                (key("Defective images found", &percent(j.detected.rate), &sureness(&j.detected, "defective")))
                (key("False alarms", &percent(j.false_alarms.rate), &sureness(&j.false_alarms, "healthy")))
            }
            @if let Some((detector, component, auroc)) = best {
                @let detail = auroc.interval.map_or_else(String::new, |_| area_estimate(&auroc).split_once(' ').map_or(String::new(), |(_, i)| format!(" {i}")));
                (key("Best score’s AUROC", &area(auroc.value), &format!("{}: {}{detail}", detector.name, component.name)))
            }
        }
    }
}

/// The interval of a share, or what was counted.
fn sureness(share: &Share, of: &str) -> String {
    match share.interval {
        Some(interval) => format!("95 % interval {} of the {of} images", percent_interval(interval)),
        None => format!("{} {of} images", count_of(share)),
    }
}

fn key(name: &str, value: &str, detail: &str) -> Markup {
    html! { div { dt { (name) } dd { span.value { (value) } span.detail { (detail) } } } }
}
