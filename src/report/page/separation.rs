//! The accuracy table: representation x separator (Zeiser et al. 2023, Table 2).

use maud::{Markup, html};

use super::{heat, scrolling};
use crate::report::numbers::{area, count, half_width, percent, percent_bare, percent_interval, repeated};
use crate::report::record::{Judgement, Outcome, Record, Representation};
use crate::report::verdict::Verdict;

pub fn section(record: &Record, verdict: &Verdict) -> Option<Markup> {
    if record.separations.is_empty() {
        return None;
    }
    let reasons = reasons(record);
    Some(html! {
        p.lead {
            "A separator splits the images into two groups without seeing a label; the group with the larger scores \
             is called anomalous. The table shows how well that works for every representation of the images."
        }
        figure {
            (scrolling("Balanced accuracy of every pair", table(record, &reasons)))
            figcaption {
                b { "How to read it. " }
                "Balanced accuracy in %: the mean of the defective images found and the healthy images passed, over "
                (repeated(record.trainings, record.judged_images.len()))
                ", and in small half the width of its 95 % interval. \
                 50 is a coin (white), below 50 the groups are named the wrong way round (orange). "
                @if let Some(sources) = sources(record) { (sources) }
                @if record.named.is_some() {
                    span class="key named" {} " the pair named in the scenario before the run; any other good cell was found \
                    with the labels in hand."
                }
            }
        }
        @if !reasons.is_empty() {
            ul.reasons { @for (i, reason) in reasons.iter().enumerate() {
                li { sup { (mark(i)) } " " (reason) }
            } }
        }
        (all_numbers(record, verdict))
    })
}

fn reasons(record: &Record) -> Vec<&str> {
    let mut reasons = Vec::new();
    for cell in &record.separations {
        if let Outcome::Empty(reason) = &cell.outcome
            && !reasons.contains(&reason.as_str())
        {
            reasons.push(reason.as_str());
        }
    }
    reasons
}

/// `a` to `z`, then `a1`, `b1` and so on.
fn mark(index: usize) -> String {
    let letter = char::from(b'a' + (index % 26) as u8);
    if index < 26 { letter.to_string() } else { format!("{letter}{}", index / 26) }
}

fn table(record: &Record, reasons: &[&str]) -> Markup {
    html! {
        table.heat {
            thead { tr {
                th scope="col" { "Representation" }
                @for separator in &record.separators { th scope="col" { (separator) } }
            } }
            tbody { @for (i, row) in record.representations.iter().enumerate() {
                @if !row.name.starts_with(&row.detector)
                    && (i == 0 || record.representations[i - 1].detector != row.detector)
                {
                    tr.group { th colspan=(record.separators.len() + 1) scope="rowgroup" { (row.detector) } }
                }
                tr {
                    th scope="row" { (row.name) small { (dimension(row)) } }
                    @for separator in &record.separators { (cell(record, row, separator, reasons)) }
                }
            } }
        }
    }
}

fn dimension(row: &Representation) -> String {
    let numbers = match (row.dimensions, row.dimension) {
        (Some([least, most]), _) => format!("{} to {} numbers per image", count(least), count(most)),
        (None, 1) => "1 number per image".to_owned(),
        (None, n) => format!("{} numbers per image", count(n)),
    };
    match &row.reduction {
        Some(r) => {
            let kept =
                r.explained_share.map(|s| format!(", {} of the variance", percent(s))).unwrap_or_default();
            let choice = r.choice.as_ref().map(|c| format!(", {c}")).unwrap_or_default();
            format!("{numbers}, {} of {}{kept}{choice}", r.method, count(r.from_dimension))
        }
        None => numbers,
    }
}

fn cell(record: &Record, row: &Representation, separator: &str, reasons: &[&str]) -> Markup {
    let named = record.named.as_ref();
    let named = named.is_some_and(|n| n.representation == row.name && n.separator == separator);
    let class = if named { "named" } else { "" };
    match record.separation(&row.name, separator).map(|s| &s.outcome) {
        Some(Outcome::Judged(judgement)) => {
            let accuracy = &judgement.balanced_accuracy;
            html! {
                td class=[named.then_some(class)] style=(heat(accuracy.value)) {
                    b { (percent_bare(accuracy.value)) }
                    @if let Some(interval) = accuracy.interval { small { (half_width(interval)) } }
                    (reported(record, row, separator))
                }
            }
        }
        Some(Outcome::Empty(reason)) => {
            let place = reasons.iter().position(|r| r == reason).unwrap_or(0);
            html! { td class={ "empty " (class) } title=(reason) {
                "n/a" sup { (mark(place)) } (reported(record, row, separator))
            } }
        }
        None => html! { td class={ "empty " (class) } { "–" } },
    }
}

/// What a paper reports for the same cell.
fn reported(record: &Record, row: &Representation, separator: &str) -> Markup {
    let Some(reference) = record.references.cell(&row.name, separator) else { return html! {} };
    let (text, title) = match (reference.accuracy, &reference.missing) {
        (Some(accuracy), _) => (percent_bare(accuracy), reference.source.clone()),
        (None, why) => {
            ("n/a".to_owned(), format!("{}: {}", reference.source, why.as_deref().unwrap_or("empty")))
        }
    };
    html! { small.reported title=(title) { "paper " (text) } }
}

/// Where the reported figures stand, and why some are missing there.
fn sources(record: &Record) -> Option<String> {
    let mut sources: Vec<&str> = Vec::new();
    let mut missing: Vec<&str> = Vec::new();
    for cell in &record.references.cells {
        let why = cell.missing.as_deref();
        for (list, text) in [(&mut sources, Some(cell.source.as_str())), (&mut missing, why)] {
            list.extend(text.filter(|text| !list.contains(text)));
        }
    }
    let why =
        if missing.is_empty() { String::new() } else { format!(", where n/a means: {}", missing.join("; ")) };
    (!sources.is_empty()).then(|| {
        format!("“paper” is the accuracy in % that {} reports for the same cell{why}. ", sources.join(", "))
    })
}

fn all_numbers(record: &Record, verdict: &Verdict) -> Markup {
    let rate = |value: f64, interval: Option<[f64; 2]>| match interval {
        Some(interval) => format!("{} ({})", percent(value), percent_interval(interval)),
        None => percent(value),
    };
    let row = |name: &str, separator: &str, j: &Judgement| {
        let shown = verdict.pair.as_ref().is_some_and(|p| p.0 == name && p.1 == separator);
        html! {
            tr {
                th scope="row" { (name) small { (separator) @if shown { ", the verdict’s pair" } } }
                td { (rate(j.balanced_accuracy.value, j.balanced_accuracy.interval)) }
                td { (rate(j.accuracy.value, j.accuracy.interval)) }
                td { (percent(j.oracle_accuracy)) }
                td { (j.margin_auroc.map_or("–".into(), area)) }
                td { (rate(j.detected.rate, j.detected.interval)) }
                td { (rate(j.false_alarms.rate, j.false_alarms.interval)) }
                @for defect in record.defects() {
                    @let found = j.detected_by_defect.iter().find(|d| d.defect == defect);
                    td { (found.map_or("–".into(), |d| rate(d.share.rate, d.share.interval))) }
                }
            }
        }
    };
    let table = html! {
        table {
            caption {
                "Oracle accuracy names the two groups after the labels, whichever way is better; nobody without labels can do \
                 that. The last columns are the share of each defect’s images that was found. In brackets stand 95 % intervals."
            }
            thead { tr {
                th scope="col" { "Pair" }
                th scope="col" { "Balanced accuracy" }
                th scope="col" { "Accuracy" }
                th scope="col" { "Oracle accuracy" }
                th scope="col" { "AUROC of the margin" }
                th scope="col" { "Found" }
                th scope="col" { "False alarms" }
                @for defect in record.defects() { th scope="col" { (defect) } }
            } }
            tbody { @for (cell, judgement) in record.judged() {
                (row(&cell.representation, &cell.separator, judgement))
            } }
        }
    };
    html! { details { summary { "All numbers of every pair" } (scrolling("All numbers of every pair", table)) } }
}
