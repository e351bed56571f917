//! A comparison as lines for the terminal.

use super::{Change, Comparison, Direction, REPLICATES};
use crate::report::numbers::{area, plural};
use crate::report::record::Record;

impl Comparison {
    /// What changed, worst first; the headline scores and the named pair of the later record, whatever they did; and how many
    /// others did not change.
    pub fn text(&self, before: &Record, after: &Record) -> String {
        let mut lines =
            vec![format!("before  {}", origin(before)), format!("after   {}", origin(after)), self.method()];
        if before.scenario.text != after.scenario.text {
            lines.push("The scenarios differ.".to_owned());
        }
        lines.push(String::new());
        let headlines = headlines(after);
        let shown = |c: &&Change| c.direction != Direction::Level || headlines.contains(&c.subject);
        let mut rows: Vec<&Change> = self.changes.iter().filter(shown).collect();
        rows.sort_by(|a, b| a.direction.cmp(&b.direction).then(a.difference().total_cmp(&b.difference())));
        let width = rows.iter().map(|c| c.subject.chars().count()).max().unwrap_or(0).max(8);
        lines.push(format!("{:6}  {:width$}  {:17}  before   after  change  95 % interval", "", "", ""));
        lines.extend(rows.iter().map(|change| row(change, width)));
        let level = self.changes.len() - rows.len();
        if level > 0 {
            lines.push(format!("level   {} more", plural(level, "measure")));
        }
        for (name, only) in [("before", &self.only_before), ("after", &self.only_after)] {
            lines.extend(only.iter().map(|subject| format!("only {name}: {subject}")));
        }
        lines.join("\n")
    }

    fn method(&self) -> String {
        let paired = self.changes.iter().filter(|change| change.paired).count();
        let how = if paired == self.changes.len() {
            "The same test images, equally often: differences of the pair".to_owned()
        } else if paired == 0 {
            "Other test images, or not equally often: differences of independent runs".to_owned()
        } else {
            let all = self.changes.len();
            format!(
                "Differences of the pair in the {paired} of {all} measures that are of the same test images, equally often; of independent runs in the others"
            )
        };
        format!(
            "{how}, by a bootstrap over print jobs (and trainings and separations where there are several), {REPLICATES} draws; Holm's correction over all measures."
        )
    }
}

fn origin(record: &Record) -> String {
    let (scenario, p) = (&record.scenario, &record.provenance);
    let commit = p.git_commit.as_ref().map(|commit| format!(" ({commit})")).unwrap_or_default();
    format!("{}, seed {}, synthgen {}{commit}, {}", scenario.name, scenario.seed, p.program_version, p.date)
}

/// Subjects that are always shown.
fn headlines(record: &Record) -> Vec<String> {
    use crate::report::measures::{score_name, with};
    let scores = record.detectors.iter().flat_map(|d| d.main_scores().map(|c| score_name(&d.name, &c.name)));
    let named = record.named.iter().map(|named| with(&named.representation, &named.separator));
    scores.chain(named).collect()
}

fn row(change: &Change, width: usize) -> String {
    let direction = match change.direction {
        Direction::Worse => "WORSE",
        Direction::Level => "level",
        Direction::Better => "better",
    };
    let interval = match change.interval {
        Some([low, high]) => format!("{low:+.3} to {high:+.3}"),
        None => "no interval".to_owned(),
    };
    format!(
        "{direction:6}  {:width$}  {:17}  {:>6}  {:>6}  {:+.3}  {interval}",
        change.subject,
        change.measure,
        area(change.before),
        area(change.after),
        change.difference(),
    )
}
