//! Which defects are alike, found without labels.

use maud::{Markup, html};

use super::{defect_name, heat, scrolling};
use crate::report::numbers::{area, area_estimate, count_of, percent, percent_interval, short};
use crate::report::record::{Estimate, Record, Typing};

pub fn section(record: &Record) -> Option<Markup> {
    let typing = record.typing.as_ref()?;
    Some(html! {
        p.lead {
            "Whoever must mend the process wants to know which defects are of one type. Images that rise above a threshold were put into "
            (typing.types) " groups by the shape of what their drawing does not explain; " (typing.fitted) " images without labels made the \
             groups, those of other jobs are counted here."
        }
        p {
            b { (share(&typing.accuracy)) } " of the images are in the group of their class; adjusted Rand index "
            b { (area_estimate(&typing.adjusted_rand)) } ", normalised mutual information " (area(typing.mutual_information)) "."
            @if let Some(natural) = &typing.natural {
                " Left to themselves the data suggest " (natural.types) " types (greatest mean silhouette): then "
                (percent(natural.accuracy)) ", adjusted Rand index " (area(natural.adjusted_rand)) "."
            }
        }
        figure {
            (scrolling("Images of every class by group", confusion(record, typing)))
            figcaption {
                b { "How to read it. " }
                "Each row is one class, each column one group, named after the class that it was given to, so that as many images as can \
                 be are in the group of their class. Only these names came from the labels. The threshold between healthy and anomalous is "
                (typing.threshold) "."
            }
        }
        h3 { "How it falls with severity" }
        figure {
            (scrolling("Images in the group of their class by contrast", contrasts(typing)))
        }
    })
}

fn share(estimate: &Estimate) -> String {
    let interval = estimate.interval.map(|i| format!(" ({})", percent_interval(i))).unwrap_or_default();
    format!("{}{interval}", percent(estimate.value))
}

fn confusion(record: &Record, typing: &Typing) -> Markup {
    let columns = typing.confusion.first().map_or(0, Vec::len);
    let name = |class: &str| {
        if record.defects().contains(&class) {
            defect_name(record, class)
        } else {
            html! { (class) }
        }
    };
    html! {
        table.heat {
            thead { tr {
                th scope="col" { "Class" }
                @for column in 0..columns {
                    th scope="col" { @match typing.classes.get(column) {
                        Some(class) => (name(class)),
                        None => { "further group" }
                    } }
                }
            } }
            tbody { @for (class, row) in typing.classes.iter().zip(&typing.confusion) {
                @let all = row.iter().sum::<usize>();
                tr {
                    th scope="row" { (name(class)) small { (all) " images" } }
                    @for count in row {
                        @if *count == 0 { td.empty { "0" } }
                        @else { td style=(heat(0.5 + 0.5 * *count as f64 / all as f64)) { (count) } }
                    }
                }
            } }
        }
    }
}

fn contrasts(typing: &Typing) -> Markup {
    let known: Vec<_> = typing.by_cnr.iter().filter(|range| range.right.of > 0).collect();
    html! {
        table {
            thead { tr {
                th scope="col" { "Contrast-to-noise in the image" }
                @for range in &known { th scope="col" {
                    @match range.below {
                        Some(below) => { (short(range.from)) " to " (short(below)) }
                        None => { (short(range.from)) " and more" }
                    }
                } }
            } }
            tbody { tr {
                th scope="row" { "defective images in the group of their class" }
                @for range in &known { td { (percent(range.right.rate)) small { br; (count_of(&range.right)) } } }
            } }
        }
    }
}
