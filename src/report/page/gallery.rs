//! Examples of every defect.

use maud::{Markup, PreEscaped, html};

use super::defect_name;
use crate::report::figures::{Example, Figures, legend_svg};
use crate::report::numbers::short;
use crate::report::record::{GalleryEntry, Record};

pub fn section(record: &Record, figures: &Figures) -> Option<Markup> {
    if figures.examples.is_empty() {
        return None;
    }
    Some(html! {
        p.lead {
            "What the camera saw, and what only a synthetic process can show beside it: the same layer from the same random \
             draws without the defect."
        }
        div.legends { @for legend in &figures.legends { (PreEscaped(legend_svg(legend).replacen(" xmlns=\"http://www.w3.org/2000/svg\"", "", 1))) } }
        figcaption {
            b { "What one sees. " }
            "Nominal slice: where the drawing asks for material. Image and healthy twin: false colour, one scale for all. \
             Change: the difference of the two, spread by blur and heat. Footprint: the ground-truth mask, outlined over the \
             image. Map: where the detector finds the image strange, dark to bright over the range beneath it, with the footprint’s outline in white. Of the scores, ▲ is above and ▽ below the line that \
             95 % of the healthy test images stay under."
        }
        @for example in &figures.examples { (row(record, example)) }
    })
}

fn row(record: &Record, example: &Example) -> Markup {
    let entry = &record.gallery[example.index];
    let name = entry.defect.as_deref().unwrap_or("healthy");
    html! {
        div.example {
            div {
                h4 {
                    @if entry.defect.is_some() { (defect_name(record, name)) } @else { "healthy" }
                }
                (facts(entry))
            }
            div.panes {
                @for pane in &example.panes {
                    figure {
                        img class=[pane.smooth.then_some("smooth")] src=(pane.address) alt={ (name) ", job " (entry.job) ", layer " (entry.layer) ": " (pane.caption) };
                        figcaption { (pane.caption) @if !pane.note.is_empty() { br; small { (pane.note) } } }
                    }
                }
            }
            @if !entry.parameters.is_empty() {
                details {
                    summary { "All parameters of this image" }
                    div.columns { @for half in halves(entry) {
                        table { tbody { @for (name, value) in half {
                            tr { th scope="row" { code { (name) } } td { (short(*value)) } }
                        } } }
                    } }
                }
            }
        }
    }
}

fn facts(entry: &GalleryEntry) -> Markup {
    html! {
        dl {
            dt { "job" } dd { (entry.job) }
            dt { "layer" } dd { (entry.layer) }
            @if let Some(cnr) = entry.cnr_image { dt { "contrast-to-noise" } dd { (short(cnr)) } }
            @if let Some(px) = entry.diameter_px { dt { "diameter, px" } dd { (short(px)) } }
            @for score in &entry.scores {
                dt { (score.detector) ": " (score.component) }
                dd {
                    (short(score.value))
                    @if let Some(line) = score.threshold {
                        @if score.value > line { " ▲" } @else { " ▽" }
                    }
                }
            }
        }
    }
}

/// The parameters in two tables, so that a long list stays short.
fn halves(entry: &GalleryEntry) -> Vec<Vec<(&String, &f64)>> {
    let all: Vec<_> = entry.parameters.iter().collect();
    all.chunks(all.len().div_ceil(2).max(1)).map(<[_]>::to_vec).collect()
}
