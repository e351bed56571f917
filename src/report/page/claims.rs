//! What somebody concluded, and whether it holds here.

use maud::{Markup, html};

use super::scrolling;
use crate::report::numbers::{area, area_half_width, short, signed};
use crate::report::record::{Claim, Record};

pub fn section(record: &Record) -> Option<Markup> {
    if record.claims.is_empty() {
        return None;
    }
    let table = html! {
        table {
            thead { tr {
                th scope="col" { "Claim" }
                th scope="col" { "First" }
                th scope="col" { "Second" }
                th scope="col" { "Difference" }
                th scope="col" { "p" }
                th scope="col" { "Here it" }
            } }
            tbody { @for claim in &record.claims { (row(claim)) } }
        }
    };
    Some(html! {
        p.lead { "Conclusions that the scenario states, each tested on the same images, trainings and separations." }
        (scrolling("Claims", table))
        figcaption {
            b { "How to read it. " }
            "First and second are balanced accuracies of pairs, or AUROC of scores, from 0 to 1; with the difference stands half the width of its 95 % \
             interval. A claim holds, or does not, where the difference is more than chance explains, 5 % over all claims together \
             (Holm); otherwise it is undecided."
        }
    })
}

fn row(claim: &Claim) -> Markup {
    html! {
        tr {
            th scope="row" { (claim.better) " is better than " (claim.than) small { (claim.source) } }
            @match &claim.test {
                Some(test) => {
                    td { (area(test.better)) }
                    td { (area(test.than)) }
                    td {
                        (signed(test.difference.value))
                        @if let Some(interval) = test.difference.interval { small { br; (area_half_width(interval)) } }
                    }
                    td { (short(test.p_value)) }
                    td { strong { (test.finding) } }
                }
                None => td.empty colspan="5" { "could not be measured" },
            }
        }
    }
}
