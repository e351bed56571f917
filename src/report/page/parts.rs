//! Whether detectors know the process or only the parts that they have seen.

use maud::{Markup, html};

use super::{heat, scrolling};
use crate::report::numbers::{area, area_estimate, short};
use crate::report::record::{CLEAR_CNR, Component, Detector, Estimate, OnParts, Record};

pub fn section(record: &Record) -> Option<Markup> {
    let best = record.detectors.iter().filter_map(|detector| Some((detector, detector.best_score()?)));
    let judged: Vec<(&Detector, &Component)> =
        best.filter(|(_, component)| !component.on_parts.is_empty()).collect();
    if judged.is_empty() {
        return None;
    }
    Some(html! {
        p.lead {
            "Each job prints one part. "
            (unseen(record, &judged).unwrap_or_else(|| "All of them were printed in training jobs, too.".to_owned()))
        }
        figure {
            (scrolling("How well the scores rank on each part", table(record, &judged)))
            figcaption {
                b { "How to read it. " }
                "AUROC of anomalous against healthy images of the same parts, by the best score of each detector: 0.5 is chance, 1 tells all of them apart. Clear: the anomalous \
                 images whose contrast-to-noise is " (short(CLEAR_CNR)) " or more; all: the faint ones too. In small the 95 % intervals over jobs and trainings."
            }
        }
    })
}

/// What the score that ranks best on unseen parts makes of them.
fn unseen(record: &Record, judged: &[(&Detector, &Component)]) -> Option<String> {
    let largest = |component: &Component, unseen: bool| -> Option<Estimate> {
        let of = component.on_parts.iter().filter(|on| all_unseen(record, on) == Some(unseen));
        of.max_by_key(|on| on.parts.len())?.clear
    };
    let ranked = judged.iter().filter_map(|(d, c)| Some((d, c, largest(c, true)?, largest(c, false)?)));
    let (detector, component, unseen, seen) = ranked.max_by(|a, b| a.2.value.total_cmp(&b.2.value))?;
    Some(format!(
        "Of clear defects on parts that no detector has seen, {} {} ranks best, with an AUROC of {}; on the parts of its training it \
         reaches {}.",
        detector.name,
        component.name,
        area_estimate(&unseen),
        area_estimate(&seen),
    ))
}

/// Whether no detector has seen any of the parts, or each was seen; neither where they are mixed.
fn all_unseen(record: &Record, on: &OnParts) -> Option<bool> {
    let mut unseen = on.parts.iter().map(|&part| record.scenario.parts.get(part).is_some_and(|p| p.unseen));
    let first = unseen.next()?;
    unseen.all(|of| of == first).then_some(first)
}

/// In the order of the columns: groups of parts before single ones.
fn columns(component: &Component) -> Vec<&OnParts> {
    let mut columns: Vec<&OnParts> = component.on_parts.iter().collect();
    columns.sort_by_key(|on| on.parts.len() == 1);
    columns
}

fn heading(record: &Record, on: &OnParts) -> Markup {
    let parts = &record.scenario.parts;
    html! {
        @match on.parts[..] {
            [part] => {
                (parts.get(part).map_or("", |part| stem(&part.file)))
                @if parts.get(part).is_some_and(|part| part.unseen) { br; small { "not in training" } }
            }
            _ if all_unseen(record, on) == Some(true) => "all not in training",
            _ => "all in training",
        }
    }
}

fn stem(file: &str) -> &str {
    let name = file.rsplit(['/', '\\']).next().unwrap_or(file);
    name.rsplit_once('.').map_or(name, |(stem, _)| stem)
}

/// A row of its own: which of the anomalous images, and the figure of them.
type Row = (&'static str, fn(&OnParts) -> Option<Estimate>);

const ROWS: [Row; 2] = [("clear", |on| on.clear), ("all", |on| on.all)];

fn table(record: &Record, judged: &[(&Detector, &Component)]) -> Markup {
    let shown = judged.first().map_or_else(Vec::new, |(_, component)| columns(component));
    html! {
        table.heat {
            thead { tr {
                th scope="col" { "Score" }
                @for on in &shown { th scope="col" { (heading(record, on)) } }
            } }
            @for (detector, component) in judged {
                tbody {
                    tr.group { th scope="rowgroup" colspan=(shown.len() + 1) { (detector.name) " " (component.name) } }
                    @for (name, figure) in ROWS {
                        tr {
                            th scope="row" { (name) }
                            @for on in columns(component) { (cell(figure(on))) }
                        }
                    }
                }
            }
        }
    }
}

fn cell(estimate: Option<Estimate>) -> Markup {
    let Some(Estimate { value, interval }) = estimate else { return html! { td.empty { "n/a" } } };
    html! {
        td style=(heat(value)) {
            (area(value))
            @if let Some([low, high]) = interval { small { (area(low)) "–" (area(high)) } }
        }
    }
}
