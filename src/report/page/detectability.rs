//! How small, how faint and how short a defect may be and still be found.

use maud::{Markup, html};

use super::{defect_name, drawing, scrolling};
use crate::report::figures::Figures;
use crate::report::numbers::{count_of, listed, percent, short};
use crate::report::record::{
    Component, Detectability, DetectionCurve, DetectionFit, Detector, Extent, Record,
};

/// A detector's best score and what is known of its detectability.
type Known<'a> = (&'a Detector, &'a Component, &'a Detectability);

pub fn section(record: &Record, figures: &Figures) -> Option<Markup> {
    let mut known: Vec<Known<'_>> = record
        .detectors
        .iter()
        .filter_map(|detector| Some((detector, detector.best_score()?)))
        .filter_map(|(detector, score)| Some((detector, score, score.detectability.as_ref()?)))
        .collect();
    if known.is_empty() || record.dataset.defects.is_empty() {
        return None;
    }
    known.sort_by(|a, b| b.1.rank().total_cmp(&a.1.rank()));
    Some(html! {
        p.lead {
            "The extent from which on a defect is found at least nine times of ten, with a confidence of 95 % (a90/95, as in \
             non-destructive testing), by the score of each detector that ranks best here, which took labels to know, at a threshold that no label had a part in. The \
             detector that ranks best stands first."
        }
        figure {
            (scrolling("Extents that are found nine times of ten", table(record, &known)))
            figcaption {
                b { "How to read it. " }
                "Below it in small a90, without the confidence. > and <: it lies beyond the largest or least that was tested, which \
                 is printed. "
                q { "all" } " and " q { "none" } ": of them all or none was found, and there is no curve. " q { "no trend" } ": chance may \
                 have made the curve, or larger ones are not found more often. " q { "all alike" } ": only one extent was tested. " q { "a gap" } " and " q { "changes at" } ": hits and misses do not overlap, and the \
                 change lies between the two numbers or at the one. Diameter is that of a disc of the footprint’s area; an episode is found where \
                 any of its layers is. " (thresholds(&known))
            }
        }
        @if !figures.detectability.is_empty() {
            h3 { "Probability of detection" }
            @for figure in &figures.detectability {
                figure { (scrolling("Probability of detection", drawing(figure))) }
            }
            figcaption {
                b { "How to read it. " }
                "Lines are logistic fits to the logarithm of the extent, over what was tested; dots are the shares observed among about as \
                 many cases each. Where there are dots and no line, no curve can be fitted: the table says why."
            }
        }
    })
}

/// What the thresholds are, and what they cost.
fn thresholds(known: &[Known<'_>]) -> String {
    let of = |(detector, _, k): &Known<'_>| {
        format!(
            "{}: {}, {} ({})",
            detector.name,
            k.threshold,
            percent(k.false_alarms.rate),
            count_of(&k.false_alarms)
        )
    };
    format!(
        "Thresholds and false alarms on the healthy twins: {}.",
        listed(&known.iter().map(of).collect::<Vec<_>>())
    )
}

fn table(record: &Record, known: &[Known<'_>]) -> Markup {
    let curve = |k: &Detectability, defect: &str, extent: Extent| {
        let of = k.defects.iter().find(|d| d.defect == defect)?;
        of.curves.iter().find(|curve| curve.extent == extent).cloned()
    };
    html! {
        table {
            thead { tr {
                th scope="col" { "a90/95" }
                @for (detector, score, _) in known { th scope="col" { (detector.name) br; (score.name) } }
            } }
            @for defect in record.defects() {
                tbody {
                    tr.group {
                        th scope="rowgroup" { (defect_name(record, defect)) }
                        @for (_, _, k) in known {
                            td { @if let Some(of) = k.defects.iter().find(|d| d.defect == defect) {
                                small { (count_of(&of.found)) " found" }
                            } }
                        }
                    }
                    @for extent in Extent::ALL {
                        @let curves: Vec<_> = known.iter().map(|(_, _, k)| curve(k, defect, extent)).collect();
                        @if curves.iter().any(Option::is_some) {
                            tr {
                                th scope="row" { (extent.title()) }
                                @for curve in &curves { (cell(curve.as_ref())) }
                            }
                        }
                    }
                }
            }
        }
    }
}

fn cell(curve: Option<&DetectionCurve>) -> Markup {
    let Some(DetectionCurve { range: [low, high], fit, .. }) = curve else {
        return html! { td.empty { "–" } };
    };
    // Beyond what was tested the curve is a guess.
    let tested = |extent: f64| match extent {
        e if e > *high => format!("> {}", short(*high)),
        e if e < *low => format!("< {}", short(*low)),
        e => short(e),
    };
    match fit {
        _ if low == high => html! { td.empty { "all alike" } },
        DetectionFit::Found { a90: Some(a90), a90_95: Some(bound), .. } => {
            html! { td { (tested(*bound)) small { br; "a90 " (tested(*a90)) } } }
        }
        DetectionFit::Found { .. } => html! { td.empty { "no trend" } },
        DetectionFit::All => html! { td.empty { "all, from " (short(*low)) } },
        DetectionFit::None => html! { td.empty { "none, to " (short(*high)) } },
        DetectionFit::Gap([from, to]) if from == to => html! { td.empty { "changes at " (short(*from)) } },
        DetectionFit::Gap([from, to]) => html! { td.empty { "a gap, " (short(*from)) " to " (short(*to)) } },
        DetectionFit::Failed(reason) => html! { td.empty title=(reason) { "no fit" } },
    }
}
