//! Whether anomaly maps show where a defect is.

use maud::{Markup, html};

use super::{defect_name, heat, scrolling};
use crate::report::numbers::{area, percent};
use crate::report::record::{Detector, Estimate, Localisation, PixelFigures, Record};

pub fn section(record: &Record) -> Option<Markup> {
    let mapped: Vec<(&Detector, &Localisation)> =
        record.detectors.iter().filter_map(|d| Some((d, d.localisation.as_ref()?))).collect();
    let (_, first) = mapped.first()?;
    let limit = percent(first.false_positive_limit);
    Some(html! {
        p.lead {
            "An operator wants to know where to look. Each pixel of the anomaly maps is judged by the footprints, which are known exactly."
        }
        figure {
            (scrolling("How well the anomaly maps show where defects are", table(record, &mapped)))
            figcaption {
                b { "How to read it. " }
                "Pixel AUROC: how surely a pixel of a footprint ranks above one outside, over all test images. AUPRO: the mean share of each \
                 connected region that is found, up to " (limit) " of the healthy pixels called anomalous; small regions count as much as large \
                 ones, and 0.15 is chance. AP, average precision: in brackets the footprint’s share of the pixels of the defective images; a map that knows \
                 nothing reaches less. In small the 95 % intervals over jobs. n/a: the footprint is the whole image."
            }
        }
    })
}

/// A figure of merit in a row of its own: its name, itself, and what chance reaches.
type Row = (&'static str, fn(&PixelFigures) -> Estimate, f64);

const ROWS: [Row; 3] =
    [("AUPRO", |f| f.aupro, 0.15), ("pixel AUROC", |f| f.auroc, 0.5), ("AP", |f| f.average_precision, 0.0)];

fn table(record: &Record, mapped: &[(&Detector, &Localisation)]) -> Markup {
    let share = |defect: &str| {
        let (_, first) = mapped.first()?;
        Some(first.defects.iter().find(|d| d.defect == defect && d.figures.is_some())?.footprint_share)
    };
    html! {
        table.heat {
            thead { tr {
                th scope="col" { "Anomaly map" }
                @for defect in record.defects() {
                    th scope="col" {
                        (defect_name(record, defect))
                        @if let Some(share) = share(defect) { small { " (" (percent(share)) ")" } }
                    }
                }
                th scope="col" { "all" }
            } }
            @for (detector, found) in mapped {
                tbody {
                    tr.group { th scope="rowgroup" colspan=(record.defects().len() + 2) { (detector.name) } }
                    @for (name, figure, chance) in ROWS {
                        tr {
                            th scope="row" { (name) }
                            @for defect in record.defects() {
                                @let of = found.defects.iter().find(|d| d.defect == defect);
                                (cell(of.and_then(|d| d.figures.as_ref()).map(figure), chance, false))
                            }
                            (cell(found.all.as_ref().map(figure), chance, true))
                        }
                    }
                }
            }
        }
    }
}

fn cell(figure: Option<Estimate>, chance: f64, bold: bool) -> Markup {
    let Some(Estimate { value, interval }) = figure else { return html! { td.empty { "n/a" } } };
    html! {
        td style=(heat(0.5 + 0.5 * (value - chance) / (1.0 - chance))) {
            @if bold { b { (area(value)) } } @else { (area(value)) }
            @if let Some([low, high]) = interval { small { (area(low)) "–" (area(high)) } }
        }
    }
}
