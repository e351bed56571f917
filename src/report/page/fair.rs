//! Whether anything but the defect tells the classes apart, and how far trivial rules get.

use maud::{Markup, html};

use super::{defect_name, heat, scrolling};
use crate::report::fair::{BLIND, blind, chance, equality, leaks, least_found};
use crate::report::numbers::{area, area_estimate, count, percent, plural, short};
use crate::report::record::{Audit, Comparison, Record};

pub fn section(record: &Record) -> Option<Markup> {
    let audit = record.audit.as_ref()?;
    let leaks = leaks(audit);
    Some(html! {
        p.lead {
            @if leaks.is_empty() {
                "Nothing but the defect was found to tell defective from healthy test images. Looked at were "
                (plural(audit.pairs, "defective image")) " with their healthy twins, of "
                (plural(audit.jobs, "print job")) "."
                @if blind(audit) { " " (BLIND) }
            } @else {
                b { "This test is not fair. " }
                "Something else than the defect tells defective from healthy test images: a detector may score well here \
                 and fail in the plant."
            }
        }
        @if !leaks.is_empty() { ul.reasons { @for leak in &leaks { li { b { (leak) } } } } }
        div.columns {
            (scrolling("What image and twin share", shared(audit)))
            (scrolling("What trivial rules reach", floors(record)))
        }
        figcaption {
            b { "How to read it. " }
            "Left: a defective image and its healthy twin are the same layer of the same job; whatever is not the defect has \
             to be the same to the last bit, and one pair that differs is a leak. Right: how well rules that look at nothing of \
             interest rank defective above healthy images. They may: a defect changes its image. A detector that does no better \
             has learnt nothing."
        }
        h3 { "What a defect’s layers have in common" }
        figure {
            (scrolling("AUROC of every probe for every defect", unpaired(record, audit)))
            figcaption {
                b { "How to read it. " }
                "Each cell asks whether the layers of one defect can be told from those of the other defects without their images: "
                "0.5 (white) says no. A defect that only comes up in large or late layers would be found by their area or number "
                "alone. Probes of several numbers are read by a forest that learns on half of the jobs and is judged on the others. "
                "Chance is what exchanging the defects of the episodes gives, " (count(audit.replicates)) " times; p is the probability "
                "that a fair dataset does as well anywhere in this audit, and at most " (short(audit.alpha)) " is a leak. The last column is how "
                "far from 0.5 a cell would have had to lie to be found four times of five: nearer than that, a leak may hide."
            }
        }
    })
}

fn shared(audit: &Audit) -> Markup {
    let contract = audit.contract.iter().map(|c| (&c.name, &c.broken));
    let probes = audit.probes.iter().filter_map(|p| Some((&p.name, p.unequal.as_ref()?)));
    html! {
        table {
            thead { tr { th scope="col" { "Equal in image and twin" } th scope="col" { "" } } }
            tbody { @for (name, unequal) in contract.chain(probes) {
                tr {
                    th scope="row" { (name) }
                    td { @if unequal.count > 0 { b { (equality(unequal)) small { (percent(unequal.rate)) } } } @else { (equality(unequal)) } }
                }
            } }
            @let told: Vec<_> = audit.probes.iter().filter_map(|p| Some((p, p.twins.as_ref().filter(|c| !c.constant)?))).collect();
            @if !told.is_empty() {
                tbody { @for (probe, comparison) in told {
                    tr {
                        th scope="row" { (probe.name) small { "against healthy images of other jobs" } }
                        td { "AUROC " (area(comparison.furthest().0)) small { (chance(comparison.p_value)) } }
                    }
                } }
            }
        }
    }
}

fn floors(record: &Record) -> Markup {
    html! {
        table {
            thead { tr { th scope="col" { "Trivial rule" } th scope="col" { "AUROC (95 % interval)" } } }
            tbody { @for floor in &record.floors {
                tr { th scope="row" { (floor.name) } td { (area_estimate(&floor.auroc)) } }
            } }
        }
    }
}

fn unpaired(record: &Record, audit: &Audit) -> Markup {
    let defects = record.defects();
    let probes: Vec<(&str, &Comparison)> =
        audit.probes.iter().filter_map(|p| Some((p.name.as_str(), p.unpaired.as_ref()?))).collect();
    html! {
        table.heat {
            thead { tr {
                th scope="col" { "Probe" }
                @for defect in &defects { th scope="col" { (defect_name(record, defect)) } }
                th scope="col" { "chance" }
                th scope="col" { "found from" }
            } }
            tbody { @for (name, comparison) in &probes {
                tr {
                    th scope="row" { (name) }
                    @for defect in &defects {
                        @match comparison.auroc_by_defect.iter().find(|d| d.defect == *defect) {
                            Some(d) => td style=(heat(0.5 + (d.value - 0.5).abs())) { (area(d.value)) },
                            None => td.empty { "–" },
                        }
                    }
                    td { @if audit.tells(comparison) { b { (chance(comparison.p_value)) } } @else { (chance(comparison.p_value)) } }
                    td { (least_found(comparison)) }
                }
            } }
        }
        @if probes.is_empty() { p { "With one defect there is nothing to compare." } }
    }
}
