//! Whether the test was fair, in words and as a table for the terminal.

use super::numbers::{area, area_estimate, count_of, plural, short};
use super::record::{Audit, Comparison, Contract, Floor, Probe, Share};

/// One sentence per leak, worst kind first; none where the audit is clean.
pub fn leaks(audit: &Audit) -> Vec<String> {
    let broken = audit.contract.iter().filter(|c| c.broken.count > 0).map(broken);
    let unequal = audit.probes.iter().filter_map(|probe| {
        let unequal = probe.unequal.as_ref().filter(|u| u.count > 0)?;
        Some(format!("Image and twin differ in {}: {} pairs.", probe.name, count_of(unequal)))
    });
    let telling = audit.probes.iter().flat_map(|probe| {
        let twins = probe.twins.as_ref().filter(|c| audit.tells(c)).map(|c| twins_told(probe, c));
        let unpaired = probe.unpaired.as_ref().filter(|c| audit.tells(c)).map(|c| unpaired_told(probe, c));
        twins.into_iter().chain(unpaired)
    });
    broken.chain(unequal).chain(telling).collect()
}

fn broken(contract: &Contract) -> String {
    let by = contract.largest_levels.map(|l| format!(", by up to {}", plural(l as usize, "grey level")));
    format!("Broken: {}, in {} pairs{}.", contract.name, count_of(&contract.broken), by.unwrap_or_default())
}

fn twins_told(probe: &Probe, comparison: &Comparison) -> String {
    let (value, defect) = comparison.furthest();
    let of = defect.map(|d| format!(" of {d}")).unwrap_or_default();
    let (name, value, p) = (sentence_case(&probe.name), area(value), chance(comparison.p_value));
    format!("{name} tells images{of} from healthy ones of other jobs: AUROC {value}, {p}.")
}

fn unpaired_told(probe: &Probe, comparison: &Comparison) -> String {
    let (value, defect) = comparison.furthest();
    let (name, value, p) = (sentence_case(&probe.name), area(value), chance(comparison.p_value));
    let defect = defect.unwrap_or("one defect");
    format!("{name} tells the layers of {defect} from those of the other defects: AUROC {value}, {p}.")
}

fn sentence_case(text: &str) -> String {
    let mut letters = text.chars();
    letters.next().map_or(String::new(), |first| first.to_uppercase().chain(letters).collect())
}

/// `p = 0.032`; never 0, which no sample shows.
pub fn chance(p_value: f64) -> String {
    if p_value < 0.001 { "p < 0.001".to_owned() } else { format!("p = {p_value:.3}") }
}

/// How far from 0.5 an area would have been found: `± 0.120`.
pub fn least_found(comparison: &Comparison) -> String {
    match (comparison.least_found, comparison.constant) {
        (Some(least), _) => format!("± {}", area(least)),
        (None, true) => "equal".to_owned(),
        (None, false) => "nothing".to_owned(),
    }
}

/// Whether the jobs are too few for some comparison to find a leak of any size.
pub fn blind(audit: &Audit) -> bool {
    let comparisons = audit.probes.iter().flat_map(|p| p.twins.iter().chain(&p.unpaired));
    comparisons.into_iter().any(|c| !c.constant && c.least_found.is_none())
}

/// What has to be said where the audit is [`blind`].
pub const BLIND: &str = "There are too few test jobs to tell a leak from chance in some of the comparisons: more of them would sharpen the audit.";

/// The audit as a table for the terminal.
pub fn text(audit: &Audit, floors: &[Floor]) -> String {
    let mut lines = vec![
        format!(
            "{} with their twins, of {} in {}",
            plural(audit.pairs, "anomalous image"),
            plural(audit.episodes, "episode"),
            plural(audit.jobs, "job")
        ),
        String::new(),
        "Equal in image and twin?".to_owned(),
    ];
    let contract = audit.contract.iter().map(|c| (&c.name, &c.broken));
    for (name, unequal) in
        contract.chain(audit.probes.iter().filter_map(|p| Some((&p.name, p.unequal.as_ref()?))))
    {
        lines.push(format!("  {name:<52} {}", equality(unequal)));
    }
    lines.extend([
        String::new(),
        "Better than chance?".to_owned(),
        format!("  {:<27} {:<30} | one defect's layers / the others'", "", "anomalous / others' healthy"),
        format!("  {:<27} {} | {}", "", heads(), heads()),
    ]);
    for probe in &audit.probes {
        let (twins, unpaired) = (cells(probe.twins.as_ref()), cells(probe.unpaired.as_ref()));
        let defect = probe.unpaired.as_ref().and_then(|c| c.furthest().1).unwrap_or_default();
        lines.push(format!("  {:<27} {twins} | {unpaired}  {defect}", probe.name).trim_end().to_owned());
    }
    lines.extend([
        String::new(),
        "What trivial rules reach (they may): every detector has to beat it".to_owned(),
    ]);
    lines.extend(floors.iter().map(|f| format!("  {:<31} AUROC {}", f.name, area_estimate(&f.auroc))));
    lines.push(String::new());
    let leaks = leaks(audit);
    lines.extend(leaks.iter().map(|leak| format!("LEAK  {leak}")));
    if leaks.is_empty() {
        lines.push(format!(
            "No leak was found. Where there is none, an audit says so with a probability of at least {} %.",
            short(100.0 * (1.0 - audit.alpha))
        ));
    }
    if blind(audit) {
        lines.push(BLIND.to_owned());
    }
    lines.join("\n")
}

fn heads() -> String {
    format!("{:>7} {:>7} {:>14}", "AUROC", "p", "found from")
}

fn cells(comparison: Option<&Comparison>) -> String {
    match comparison {
        Some(c) => {
            format!("{:>7} {:>7} {:>14}", area(c.furthest().0), format!("{:.3}", c.p_value), least_found(c))
        }
        None => format!("{:>7} {:>7} {:>14}", "n/a", "", ""),
    }
}

/// `yes, in 430 pairs`.
pub fn equality(unequal: &Share) -> String {
    match (unequal.count, unequal.of) {
        (_, 0) => "n/a: nothing is outside".to_owned(),
        (0, pairs) => format!("yes, in {}", plural(pairs, "pair")),
        _ => format!("NO: not in {} pairs", count_of(unequal)),
    }
}
