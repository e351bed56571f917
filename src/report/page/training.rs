//! How the detectors learned.

use maud::{Markup, html};

use super::{drawing, scrolling};
use crate::report::figures::{Figures, Training};
use crate::report::numbers::{count, duration, short};
use crate::report::record::{Detector, Record};

pub fn section(record: &Record, figures: &Figures) -> Option<Markup> {
    if record.detectors.is_empty() {
        return None;
    }
    Some(html! {
        p.lead { "Detectors are trained on healthy images only, from print jobs that are not in the test set." }
        (scrolling("Size and time of every detector", sizes(record)))
        @for (detector, training) in record.detectors.iter().zip(&figures.training) {
            (one(detector, training))
        }
    })
}

fn sizes(record: &Record) -> Markup {
    html! {
        table {
            thead { tr {
                th scope="col" { "Detector" }
                th scope="col" { "Trainable parameters" }
                th scope="col" { "Training" }
                th scope="col" { "Scoring, ms per image" }
            } }
            tbody { @for detector in &record.detectors {
                tr {
                    th scope="row" { (detector.name) @if detector.kind != detector.name { small { (detector.kind) } } }
                    td {
                        @for (i, network) in detector.parameters.iter().enumerate() {
                            @if i > 0 { br; }
                            (network.network) " " (count(network.parameters))
                        }
                    }
                    td { (duration(detector.training_secs)) }
                    td { (short(detector.scoring_ms_per_image)) }
                }
            } }
        }
    }
}

fn one(detector: &Detector, training: &Training) -> Markup {
    html! {
        @if !training.losses.is_empty() || training.snapshots.is_some() {
            h3 { (detector.name) }
            @if !training.losses.is_empty() {
                div class="panels small" { @for figure in &training.losses { figure { (drawing(figure)) } } }
                figcaption { "Losses over the training steps; long curves are drawn as running means." }
            }
            @if let Some(snapshots) = &training.snapshots {
                figure {
                    (scrolling("Generated images over training", drawing(snapshots)))
                    figcaption {
                        b { "How to read it. " }
                        "Each row is one latent vector, each column a moment of the training. Images should come to look like \
                         healthy layers, and rows should stay different from each other: rows that all look the same \
                         mean that the generator has collapsed."
                    }
                }
            }
        }
        @if !detector.settings.is_empty() {
            details {
                summary { "Settings of " (detector.name) }
                table { tbody { @for setting in &detector.settings {
                    tr { th scope="row" { (setting.name) } td { (setting.value) } }
                } } }
            }
        }
    }
}
