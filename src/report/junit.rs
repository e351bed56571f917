//! The checks of a run as JUnit XML, which CI services show as tests.
//!
//! What a scenario demands fails as its exit status does: the gates alone. The bar of the named pair and the audit are findings: where they
//! are not as one would wish, they are shown as skipped, with the reason.

use std::fmt::Write;

use super::escape;
use super::fair::leaks;
use super::record::Record;
use super::verdict::{NAMED_PAIR, verdict};

/// The file's name inside the run's folder.
pub const FILE: &str = "junit.xml";

/// One check and what came of it.
struct Case {
    group: &'static str,
    name: String,
    outcome: Outcome,
}

enum Outcome {
    /// It holds.
    Passed,
    /// The scenario demands it, and it does not hold.
    Failed(String),
    /// Nobody demands it: whether it is as one would wish, and what was found.
    Found(bool, String),
}

impl Outcome {
    /// The elements inside that of the case.
    fn xml(&self) -> String {
        let skipped = |why: &str| format!("<skipped message=\"{}\"/>", escape::xml(why));
        let said = |text: &str| format!("<system-out>{}</system-out>", escape::xml(text));
        match self {
            Self::Passed => String::new(),
            Self::Failed(why) => format!("<failure message=\"{}\"/>", escape::xml(why)),
            Self::Found(true, text) => said(text),
            Self::Found(false, text) => skipped(text) + &said(text),
        }
    }
}

/// One test case for each gate, for the bar of the named pair, and for each way to look for a leak.
pub fn xml(record: &Record) -> String {
    let cases: Vec<Case> = gates(record).chain(named(record)).chain(audit(record)).collect();
    let count = |of: fn(&Outcome) -> bool| cases.iter().filter(|case| of(&case.outcome)).count();
    let failures = count(|outcome| matches!(outcome, Outcome::Failed(_)));
    let skipped = count(|outcome| matches!(outcome, Outcome::Found(false, _)));
    let secs: f64 = record.provenance.stages.iter().map(|stage| stage.wall_secs).sum();
    let mut xml = String::from("<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n");
    let name = escape::xml(&record.scenario.name);
    let (tests, stamp) = (cases.len(), escape::xml(&record.provenance.date));
    // A string takes everything.
    let _ = writeln!(xml, "<testsuites>");
    let _ = writeln!(
        xml,
        "  <testsuite name=\"{name}\" tests=\"{tests}\" failures=\"{failures}\" errors=\"0\" skipped=\"{skipped}\" time=\"{secs:.3}\" timestamp=\"{stamp}\">"
    );
    for case in &cases {
        let head =
            format!("    <testcase classname=\"{name}.{}\" name=\"{}\"", case.group, escape::xml(&case.name));
        let _ = match case.outcome.xml() {
            inside if inside.is_empty() => writeln!(xml, "{head}/>"),
            inside => writeln!(xml, "{head}>{inside}</testcase>"),
        };
    }
    xml + "  </testsuite>\n</testsuites>\n"
}

fn gates(record: &Record) -> impl Iterator<Item = Case> {
    record.gates.iter().map(|gate| Case {
        group: "gates",
        name: format!("{} of {}: {}", gate.measure, gate.subject, gate.bound),
        outcome: if gate.holds() { Outcome::Passed } else { Outcome::Failed(gate.to_string()) },
    })
}

fn named(record: &Record) -> Option<Case> {
    let named = record.named.as_ref()?;
    let (least, verdict) = (named.least_balanced_accuracy?, verdict(record));
    let said = verdict.points.into_iter().find(|point| point.topic == NAMED_PAIR);
    Some(Case {
        group: "named-pair",
        name: format!(
            "balanced accuracy of {} with {} is at least {least}",
            named.representation, named.separator
        ),
        outcome: Outcome::Found(
            verdict.bar_met == Some(true),
            said.map_or(verdict.headline, |point| point.text),
        ),
    })
}

fn audit(record: &Record) -> Option<Case> {
    let leaks = leaks(record.audit.as_ref()?);
    let name = "nothing but the defect tells the classes apart".to_owned();
    let outcome = if leaks.is_empty() { Outcome::Passed } else { Outcome::Found(false, leaks.join(" ")) };
    Some(Case { group: "audit", name, outcome })
}
