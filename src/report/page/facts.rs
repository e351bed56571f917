//! The data and where everything comes from.

use maud::{Markup, html};

use super::{defect_name, scrolling};
use crate::report::numbers::{count, duration, short};
use crate::report::record::{DefectFacts, Quantiles, Record};

/// The day of an RFC 3339 date.
pub fn day(date: &str) -> &str {
    date.split('T').next().unwrap_or(date)
}

pub fn data(record: &Record) -> Option<Markup> {
    if record.dataset.splits.is_empty() {
        return None;
    }
    let splits = html! {
        table {
            thead { tr { th scope="col" { "Split" } th scope="col" { "Images" } th scope="col" { "Print jobs" } } }
            tbody { @for split in &record.dataset.splits {
                tr { th scope="row" { (split.split) } td { (count(split.images)) } td { (count(split.jobs)) } }
            } }
        }
    };
    Some(html! {
        p.lead {
            "No print job is in two splits. Healthy and defective test images come from the same jobs and layers: every \
             defective image has its healthy twin."
        }
        div.columns { (scrolling("Sizes of the splits", splits)) (scrolling("The process", process(record))) }
        @if !record.dataset.defects.is_empty() {
            h3 { "Severity of the defects in the test set" }
            (scrolling("Severity of the defects", severity(record)))
            figcaption {
                "Median, and in brackets the range of the middle 90 %. Contrast-to-noise is the mean change inside the footprint \
                 over the standard deviation of healthy texture there: in the layer as the defect was made, and in the image \
                 after heat, blur and camera. Diameter is that of a disc of the footprint’s area."
            }
        }
    })
}

fn process(record: &Record) -> Markup {
    let scenario = &record.scenario;
    html! {
        table { tbody {
            @for part in &scenario.parts {
                tr {
                    th scope="row" {
                        (part.file)
                        @if part.copies > 1 { " × " (part.copies) }
                        small { (count(part.triangles)) " triangles, " code { (part.hash.get(..12).unwrap_or(&part.hash)) } }
                    }
                    td { (part.size_mm.map(short).join(" × ")) " mm" }
                }
            }
            tr { th scope="row" { "Imaged layers per job" } td { (count(scenario.layers)) } }
            tr { th scope="row" { "Image" } td { (scenario.image_px) " × " (scenario.image_px) " px" } }
            tr { th scope="row" { "Bed seen by the camera" } td { (short(scenario.bed_mm)) " × " (short(scenario.bed_mm)) " mm" } }
            tr { th scope="row" { "Resolution" } td { (short(scenario.px_per_mm)) " px per mm" } }
        } }
    }
}

fn severity(record: &Record) -> Markup {
    let cell = |q: Option<Quantiles>| match q {
        Some(q) => html! { td { (short(q.median)) " " small { "(" (short(q.q05)) "–" (short(q.q95)) ")" } } },
        None => html! { td { "–" } },
    };
    let row = |d: &DefectFacts| {
        html! {
            tr {
                th scope="row" { (defect_name(record, &d.name)) @if d.kind != d.name && !d.kind.is_empty() { small { (d.kind) } } }
                td { (count(d.images)) }
                (cell(d.cnr_layer)) (cell(d.cnr_image)) (cell(d.diameter_px)) (cell(d.duration_layers))
            }
        }
    };
    html! {
        table {
            thead { tr {
                th scope="col" { "Defect" }
                th scope="col" { "Images" }
                th scope="col" { "Contrast-to-noise, layer" }
                th scope="col" { "Contrast-to-noise, image" }
                th scope="col" { "Diameter, px" }
                th scope="col" { "Duration, layers" }
            } }
            tbody { @for d in &record.dataset.defects { (row(d)) } }
        }
    }
}

pub fn provenance(record: &Record) -> Option<Markup> {
    let p = &record.provenance;
    let total: f64 = p.stages.iter().map(|s| s.wall_secs).sum();
    let origin = html! {
        table { tbody {
            tr { th scope="row" { "Program" } td {
                "synthgen " (p.program_version)
                @if let Some(commit) = &p.git_commit { ", commit " code { (commit) } }
            } }
            tr { th scope="row" { "Date" } td { (p.date) } }
            tr { th scope="row" { "Seed" } td { (record.scenario.seed) } }
            tr { th scope="row" { "Dataset fingerprint" } td { code { (p.dataset_fingerprint) } } }
            tr { th scope="row" { "Processor" } td { (p.machine.cpu) } }
            tr { th scope="row" { "Cores, threads used" } td { (p.machine.cores) ", " (p.machine.threads) } }
            tr { th scope="row" { "Operating system" } td { (p.machine.os) } }
            tr { th scope="row" { "Networks ran on" } td { (p.machine.device) } }
            @if let Some(peak) = p.peak_memory_mib { tr { th scope="row" { "Peak memory" } td { (count(peak.round() as usize)) " MiB" } } }
        } }
    };
    let stages = html! {
        table {
            thead { tr { th scope="col" { "Stage" } th scope="col" { "Wall time" } } }
            tbody {
                @for stage in &p.stages {
                    tr { th scope="row" { (stage.stage) } td { (duration(stage.wall_secs)) } }
                }
                @if p.stages.len() > 1 { tr.total { th scope="row" { "all stages" } td { b { (duration(total)) } } } }
            }
        }
    };
    Some(html! {
        p.lead { "The same program, scenario and seed give the same data and the same scores, at any number of threads." }
        div.columns { (scrolling("Origin", origin)) (scrolling("Wall time by stage", stages)) }
        @if !record.scenario.settings.is_empty() {
            details {
                summary { "The resolved plan" }
                table { tbody { @for setting in &record.scenario.settings {
                    tr { th scope="row" { (setting.name) } td { (setting.value) } }
                } } }
            }
        }
        details { summary { "The scenario" } pre tabindex="0" { (record.scenario.text) } }
    })
}
