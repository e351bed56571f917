//! How the detectors learned.

use maud::{Markup, html};

use super::{drawing, scrolling};
use crate::report::figures::{Figures, Training};
use crate::report::numbers::{count, count_of, duration, short};
use crate::report::record::{Choice, Collapse, Detector, NetworkSize, Record, SizeReference};

pub fn section(record: &Record, figures: &Figures) -> Option<Markup> {
    if record.detectors.is_empty() {
        return None;
    }
    Some(html! {
        p.lead {
            "Detectors are trained on healthy images only, from print jobs that are not in the test set. Scoring was timed \
             after the training, from the image in memory to all scores and the anomaly map."
        }
        (scrolling("Size and time of every detector", sizes(record)))
        @if let Some(speed) = &figures.speed {
            figure.wide {
                (scrolling("Milliseconds from one image to its score", drawing(speed)))
                figcaption { "From one image in memory, by itself, to its scores and anomaly map." }
            }
        }
        @for text in record.detectors.iter().filter_map(|d| searched(record, d)) { p { (text) } }
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
                th scope="col" { "One image alone, ms" }
                th scope="col" { "Images per second, in batches" }
            } }
            tbody { @for detector in &record.detectors {
                tr {
                    th scope="row" { (detector.name) @if detector.kind != detector.name { small { (detector.kind) } } }
                    td {
                        @for (i, network) in detector.parameters.iter().enumerate() {
                            @if i > 0 { br; }
                            (network.network) " " (count(network.parameters))
                        }
                        @for reference in record.references.sizes.iter().filter(|r| r.detector == detector.name) {
                            br; small title=(reference.source) { (size_beside(detector, reference)) }
                        }
                    }
                    td { (duration(detector.training_secs)) }
                    @match &detector.speed {
                        Some(speed) => {
                            td { (short(speed.alone_ms)) br; small { "95 % below " (short(speed.alone_q95_ms)) } }
                            td { (short(speed.images_per_sec)) br; small { "of " (speed.batch) ", " (speed.device) } }
                        }
                        None => {
                            td { "–" }
                            td { (short(1e3 / detector.scoring_ms_per_image)) br; small { "over the test images" } }
                        }
                    }
                }
            } }
        }
    }
}

/// The size of some networks beside that of a paper.
fn size_beside(detector: &Detector, reference: &SizeReference) -> String {
    let counts = |network: &&NetworkSize| {
        reference.networks.is_empty() || reference.networks.contains(&network.network)
    };
    let here: usize = detector.parameters.iter().filter(counts).map(|network| network.parameters).sum();
    let which = match &reference.networks[..] {
        [] => "all".to_owned(),
        networks => networks.join(" and "),
    };
    format!("{which} {}, paper {}", count(here), count(reference.parameters))
}

/// What a search for every image's latent vector costs, beside the detector that shares its networks.
fn searched(record: &Record, detector: &Detector) -> Option<String> {
    let unsettled = detector.unsettled.as_ref()?;
    let base = record.detectors.iter().find(|other| Some(&other.name) == detector.base.as_ref());
    let secs = |d: &Detector| d.speed.as_ref().map(|speed| speed.alone_ms / 1e3);
    let time = match (secs(detector), base.and_then(|base| Some((&base.name, secs(base)?)))) {
        (Some(own), Some((name, other))) => format!(
            " One image takes {}, {} times as long as with {name}, whose networks it shares.",
            if own < 1.0 { format!("{} ms", short(1e3 * own)) } else { duration(own) },
            count((own / other).round() as usize)
        ),
        _ => String::new(),
    };
    Some(format!(
        "{} searches for the latent vector of every image by itself, so it was given {} of {} test images only, half of them healthy.{time} \
         When the search ended, the loss still fell for {}.",
        detector.name,
        count(record.scored(detector).len()),
        count(record.test_images.len()),
        count_of(unsettled)
    ))
}

/// What was seen of a collapse, as a sentence.
fn collapsed(collapse: &Collapse) -> String {
    let Collapse { stage, sign, step, value, bound, until } = collapse;
    let end = match until {
        Some(until) => format!("was back at step {until}"),
        None => "stayed so to the end".to_owned(),
    };
    format!(
        "Signs of a collapse: from step {step} of {stage} on, {sign} was {} and should have been {bound}; it {end}.",
        short(*value)
    )
}

/// Which weights were taken, as a sentence.
fn chosen(choice: &Choice) -> String {
    let Choice { stage, step, best_step, loss } = choice;
    let loss = short(*loss);
    format!(
        "Of {step} steps of {stage}, the weights of step {best_step} were taken: their loss on held-out images was the lowest, {loss}."
    )
}

fn one(detector: &Detector, training: &Training) -> Markup {
    html! {
        @if !training.losses.is_empty() || training.snapshots.is_some() {
            h3 { (detector.name) }
            @for collapse in &detector.collapses { p.note { (collapsed(collapse)) } }
            @for choice in &detector.choices { p.note { (chosen(choice)) } }
            @if !training.losses.is_empty() {
                div class="panels small" { @for figure in &training.losses { figure { (drawing(figure)) } } }
                figcaption {
                    "Losses over the training steps; long curves are drawn as running means. Diversity and feature variance \
                     are relative to healthy images: about 1 where all is well, near 0 where everything that the network makes \
                     is the same."
                }
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
