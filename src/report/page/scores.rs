//! How the scores spread and how well they rank.

use maud::{Markup, html};

use super::{drawing, scrolling};
use crate::report::figures::Figures;
use crate::report::numbers::{area, area_estimate, count, percent, short};
use crate::report::record::Record;

pub fn section(record: &Record, figures: &Figures) -> Option<Markup> {
    if figures.scores.is_empty() {
        return None;
    }
    Some(html! {
        p.lead {
            "Every detector gives every test image a score that should be higher the stranger the image is. \
             It learned from healthy images alone; labels only colour these pictures."
        }
        div.panels { @for figure in &figures.scores { figure { (drawing(figure)) } } }
        figcaption {
            b { "How to read it. " }
            "One row per class, grey for healthy; each row is scaled to its own highest bar. The dashed line is the \
             score that 95 % of the healthy test images stay below, and the number at the right is the share of \
             the row beyond it. The farther a coloured row lies to the right of the line, the better the score finds \
             that defect."
        }
        @if let Some(ranking) = &figures.ranking {
            h3 { "How well each score ranks" }
            figure.wide {
                (scrolling("Area under the ROC curve of every score", drawing(ranking)))
                figcaption {
                    b { "How to read it. " }
                    "AUROC is the chance that a defective image scores higher than a healthy one: 1 is perfect, 0.5 is \
                     a coin. Bars are 95 % intervals"
                    @if !record.interval_method.is_empty() { " from " (record.interval_method) }
                    ". Headline scores are in bold. "
                    @if !record.floors.is_empty() {
                        "Hollow points are rules that know nothing of defects, such as the mean grey value: a detector \
                         has to beat them to be worth its training."
                    }
                }
            }
        }
        (numbers(record))
    })
}

fn numbers(record: &Record) -> Markup {
    let table = html! {
        table {
            thead { tr {
                th scope="col" { "Score" }
                th scope="col" { "AUROC (95 % interval)" }
                th scope="col" { "Average precision" }
                th scope="col" { "95 % line" }
                th scope="col" { "Healthy above it" }
            } }
            tbody { @for (detector, component) in record.components() {
                tr {
                    th scope="row" {
                        (detector.name) ": " (component.name)
                        @if detector.scored_images.is_some() {
                            small { (count(component.values.len())) " of " (count(record.test_images.len())) " images" }
                        }
                    }
                    td { (component.auroc.as_ref().map_or("–".into(), area_estimate)) }
                    td { (component.average_precision.map_or("–".into(), area)) }
                    td { (component.threshold.as_ref().map_or("–".into(), |t| short(t.value))) }
                    td { (component.threshold.as_ref().map_or("–".into(), |t| percent(t.healthy_above.rate))) }
                }
            } }
        }
    };
    html! { details { summary { "The numbers as a table" } (scrolling("Numbers of every score", table)) } }
}
