//! The page: one HTML document without scripts or anything to load, in the order in which a reader asks.

mod claims;
mod defects;
mod detectability;
mod facts;
mod fair;
mod gallery;
mod gates;
mod localisation;
mod operating;
mod parts;
mod photographs;
mod scores;
mod separation;
mod shifts;
mod summary;
mod tiles;
mod training;
mod typing;

pub use tiles::{PageTile, TileSection, tiles_page};

use maud::{DOCTYPE, Markup, PreEscaped, html};

use super::colour::{self, hex};
use super::figures::{Figure, Figures};
use super::numbers::plural;
use super::record::Record;
use super::verdict::verdict;

const STYLE: &str = include_str!("style.css");

/// The report as one HTML document.
pub(super) fn page(record: &Record, figures: &Figures, missing: &[String]) -> String {
    let verdict = verdict(record);
    let warnings: Vec<&String> = record.warnings.iter().chain(missing).collect();
    let sections: Vec<(&str, &str, Markup)> = [
        ("gates", "Gates", gates::section(record)),
        ("separation", "Separation without labels", separation::section(record, &verdict)),
        ("defects", "Defect by defect", defects::section(record, figures, &verdict)),
        ("detectability", "How small, how faint?", detectability::section(record, figures)),
        ("thresholds", "Thresholds without labels", operating::section(record)),
        ("claims", "Do the conclusions hold?", claims::section(record)),
        ("types", "Which defects are alike?", typing::section(record)),
        ("parts", "On parts never seen", parts::section(record)),
        ("shifts", "What if the process varies more than in training?", shifts::section(record, figures)),
        ("photographs", "On photographs", photographs::section(record, figures)),
        ("fair", "Is it a fair test?", fair::section(record)),
        ("scores", "Score distributions", scores::section(record, figures)),
        ("localisation", "Where is it?", localisation::section(record)),
        ("gallery", "Gallery", gallery::section(record, figures)),
        ("training", "Training", training::section(record, figures)),
        ("data", "Data", facts::data(record)),
        ("provenance", "Provenance and settings", facts::provenance(record)),
    ]
    .into_iter()
    .filter_map(|(id, title, body)| Some((id, title, body?)))
    .collect();
    let images: usize = record.dataset.splits.iter().map(|s| s.images).sum();
    let body = html! {
        header {
            p.overline { "Synthetic anomaly benchmark" }
            h1 { (record.scenario.name) }
            p.facts {
                (plural(images, "image")) " of " (record.scenario.image_px) " px · "
                (plural(record.dataset.defects.len(), "kind")) " of defect · "
                (plural(record.detectors.len(), "detector")) " · seed " (record.scenario.seed) " · "
                (facts::day(&record.provenance.date))
            }
            nav aria-label="Sections" {
                @for (id, title, _) in &sections { a href={ "#" (id) } { (title) } }
            }
        }
        main {
            (summary::section(record, &verdict))
            @if !warnings.is_empty() {
                section.notes {
                    h2 { "Please note" }
                    ul { @for line in &warnings { li { (line) } } }
                }
            }
            @for (id, title, body) in &sections {
                section id=(id) { h2 { (title) } (body) }
            }
        }
        footer {
            "Every number on this page is in "
            code { "record.json" }
            " beside it; every figure is in the folder " code { "figures" } ". Made by synthgen "
            (record.provenance.program_version) "."
        }
    };
    document(&format!("{}: synthgen report", record.scenario.name), body)
}

/// A document of its own around `body`.
fn document(title: &str, body: Markup) -> String {
    html! {
        (DOCTYPE)
        html lang="en" {
            head {
                meta charset="utf-8";
                meta name="viewport" content="width=device-width, initial-scale=1";
                title { (title) }
                style { (PreEscaped(STYLE)) }
            }
            body { (body) }
        }
    }
    .into_string()
}

/// A drawing that fills its place.
fn drawing(figure: &Figure) -> Markup {
    PreEscaped(figure.inline())
}

/// A box in which something wide scrolls by itself, with the keyboard too.
fn scrolling(label: &str, inside: Markup) -> Markup {
    html! { div.scroll role="region" aria-label=(label) tabindex="0" { (inside) } }
}

/// A defect's name with its colour.
fn defect_name(record: &Record, name: &str) -> Markup {
    let index = record.defects().iter().position(|d| *d == name).unwrap_or(0);
    html! { span.swatch style={ "background:" (hex(colour::defect(index))) } {} (name) }
}

/// Background and text colour of a heat cell.
fn heat(rate: f64) -> String {
    let background = colour::cell(rate);
    format!("background:{};color:{}", hex(background), hex(colour::text_on(background)))
}
