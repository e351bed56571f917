//! What the scenario demands, and what came of it.

use maud::{Markup, html};

use super::scrolling;
use crate::report::numbers::short;
use crate::report::record::Record;

pub fn section(record: &Record) -> Option<Markup> {
    if record.gates.is_empty() {
        return None;
    }
    let table = html! {
        table {
            thead { tr {
                th scope="col" { "Subject" }
                th scope="col" { "Measure" }
                th scope="col" { "Demanded" }
                th scope="col" { "Measured" }
                th scope="col" { "Gate" }
            } }
            tbody {
                @for gate in &record.gates {
                    tr {
                        th scope="row" { (gate.subject) }
                        td { code { (gate.measure) } }
                        td { (gate.bound) }
                        td { (gate.value.map_or("not measured".to_owned(), short)) }
                        td { @if gate.holds() { "passed" } @else { strong { "failed" } } }
                    }
                }
            }
        }
    };
    Some(html! {
        p { "Bounds that the scenario sets on figures of this run, in " code { "[gates]" } ". Where one fails the program ends with exit status 4." }
        (scrolling("Gates", table))
    })
}
