//! The checks of a run as JUnit XML, which CI services show as tests.

use std::fmt::Write;

use super::escape;
use super::fair::leaks;
use super::record::Record;
use super::verdict::{NAMED_PAIR, verdict};

/// The file's name inside the run's folder.
pub const FILE: &str = "junit.xml";

/// One check and, where it failed, why.
struct Case {
    group: &'static str,
    name: String,
    failure: Option<String>,
}

/// One test case for each gate, for the bar of the named pair, and for each way to look for a leak.
pub fn xml(record: &Record) -> String {
    let cases: Vec<Case> = gates(record).chain(named(record)).chain(audit(record)).collect();
    let failures = cases.iter().filter(|case| case.failure.is_some()).count();
    let secs: f64 = record.provenance.stages.iter().map(|stage| stage.wall_secs).sum();
    let mut xml = String::from("<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n");
    let name = escape::xml(&record.scenario.name);
    let (tests, stamp) = (cases.len(), escape::xml(&record.provenance.date));
    // A string takes everything.
    let _ = writeln!(xml, "<testsuites>");
    let _ = writeln!(
        xml,
        "  <testsuite name=\"{name}\" tests=\"{tests}\" failures=\"{failures}\" errors=\"0\" skipped=\"0\" time=\"{secs:.3}\" timestamp=\"{stamp}\">"
    );
    for case in &cases {
        let head =
            format!("    <testcase classname=\"{name}.{}\" name=\"{}\"", case.group, escape::xml(&case.name));
        let _ = match &case.failure {
            None => writeln!(xml, "{head}/>"),
            Some(why) => writeln!(xml, "{head}><failure message=\"{}\"/></testcase>", escape::xml(why)),
        };
    }
    xml + "  </testsuite>\n</testsuites>\n"
}

fn gates(record: &Record) -> impl Iterator<Item = Case> {
    record.gates.iter().map(|gate| Case {
        group: "gates",
        name: format!("{} of {}: {}", gate.measure, gate.subject, gate.bound),
        failure: (!gate.holds()).then(|| gate.to_string()),
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
        failure: (verdict.bar_met != Some(true)).then(|| said.map_or(verdict.headline, |point| point.text)),
    })
}

fn audit(record: &Record) -> Option<Case> {
    let leaks = leaks(record.audit.as_ref()?);
    let name = "nothing but the defect tells the classes apart".to_owned();
    Some(Case { group: "audit", name, failure: (!leaks.is_empty()).then(|| leaks.join(" ")) })
}
