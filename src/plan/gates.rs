//! `[gates]`: what a scenario demands of the measures of its run.

use generators::params::{ScenarioError, Table};

use crate::report::measures::{self, Subjects};
use crate::report::record::{Bound, Gate};

/// Reads the gates, none where there are none; their values are still to be measured.
///
/// ```toml
/// [gates."vae A_R peak"]
/// auroc = { at_least = 0.95 }
/// ```
///
/// # Errors
/// For a subject or measure that the run will not have, and a gate without a bound or that nothing can pass.
pub fn read(table: &mut Table, subjects: &Subjects<'_>) -> Result<Vec<Gate>, Box<ScenarioError>> {
    let names = subjects.names();
    let known: Vec<&str> = names.iter().map(|(name, _)| name.as_str()).collect();
    let mut gates = Vec::new();
    for (index, mut of) in table.table("gates")?.named_tables(&known)? {
        let (subject, measures) = &names[index];
        let before = gates.len();
        for measure in *measures {
            let Some(mut entry) = of.table_if_stated(measure)? else { continue };
            let bounds = bounds(&mut entry)?;
            let place = entry.place().clone();
            entry.finish()?;
            if bounds.is_empty() {
                return Err(place
                    .error(format!("the gate on {measure} has no bound"))
                    .with_help("give it `at_least`, `at_most`, or both"));
            }
            if !passable(&bounds, measure) {
                return Err(place.error(format!("no {measure} can pass this gate")));
            }
            gates.extend(bounds.into_iter().map(|bound| Gate {
                subject: subject.clone(),
                measure: (*measure).to_owned(),
                bound,
                value: None,
            }));
        }
        if gates.len() == before {
            // A misspelt measure is the likelier mistake.
            of.clone().finish()?;
            return Err(of
                .place()
                .error(format!("there is no gate for {subject}"))
                .with_help(format!("choose from {}", measures.join(", "))));
        }
        of.finish()?;
    }
    Ok(gates)
}

/// Whether some value of `measure` lies within all bounds.
fn passable(bounds: &[Bound], measure: &str) -> bool {
    let [mut least, mut most] = measures::range(measure);
    for bound in bounds {
        match *bound {
            Bound::AtLeast(value) => least = least.max(value),
            Bound::AtMost(value) => most = most.min(value),
        }
    }
    least <= most
}

fn bounds(entry: &mut Table) -> Result<Vec<Bound>, Box<ScenarioError>> {
    let mut bounds = Vec::new();
    for (key, bound) in [("at_least", Bound::AtLeast as fn(f64) -> Bound), ("at_most", Bound::AtMost)] {
        bounds.extend(entry.number_if_stated(key, f64::MIN..=f64::MAX)?.map(bound));
    }
    Ok(bounds)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::report::measures::Scores;

    fn gates(text: &str) -> Result<Vec<Gate>, String> {
        let mut table = Table::parse("s.toml", text).unwrap();
        let subjects = Subjects {
            detectors: &[
                Scores { detector: "vae", names: &["A_R"], in_shifts: true },
                Scores { detector: "slow", names: &["A_R"], in_shifts: false },
            ],
            representations: &["vae A_R".to_owned()],
            separators: &["otsu"],
            defects: &["shift"],
            thresholds: &["conformal"],
            shifted: &["wider at 2".to_owned()],
            typing: false,
        };
        read(&mut table, &subjects).map_err(|e| e.to_string())
    }

    #[test]
    fn every_subject_can_be_bounded() {
        let of = |subject: &str, measure: &str, bound| Gate {
            subject: subject.to_owned(),
            measure: measure.to_owned(),
            bound,
            value: None,
        };
        let text = r#"
            [gates]
            run = { leaks = { at_most = 0 } }
            "vae A_R" = { auroc = { at_least = 0.9, at_most = 0.99 } }
            "vae A_R on shift".auroc.at_least = 0.8
            "vae A_R above conformal".false_alarm_rate.at_most = 0.02
            "vae A_R in wider at 2".auroc.at_least = 0.7
            "vae A_R with otsu on shift" = { detection_rate = { at_least = 0.5 } }
            [gates.vae]
            scoring_ms_per_image = { at_most = 5 }
        "#;
        let expected = [
            of("run", "leaks", Bound::AtMost(0.0)),
            of("vae", "scoring_ms_per_image", Bound::AtMost(5.0)),
            of("vae A_R", "auroc", Bound::AtLeast(0.9)),
            of("vae A_R", "auroc", Bound::AtMost(0.99)),
            of("vae A_R above conformal", "false_alarm_rate", Bound::AtMost(0.02)),
            of("vae A_R in wider at 2", "auroc", Bound::AtLeast(0.7)),
            of("vae A_R on shift", "auroc", Bound::AtLeast(0.8)),
            of("vae A_R with otsu on shift", "detection_rate", Bound::AtLeast(0.5)),
        ];
        assert_eq!(gates(text).unwrap(), expected);
        assert_eq!(gates("").unwrap(), []);
    }

    #[test]
    fn every_value_that_a_measure_can_have_can_be_demanded() {
        let bounded = |bound: Bound, measure: &str| passable(&[bound], measure);
        for measure in ["auroc", "false_alarm_rate", "balanced_accuracy", "accuracy"] {
            assert!(
                bounded(Bound::AtMost(0.0), measure) && bounded(Bound::AtLeast(1.0), measure),
                "{measure}"
            );
        }
        // The worst that two groupings of four can do, [0, 0, 1, 1] and [0, 1, 0, 1]: (0 - 2 2 / 6) / (2 - 2 2 / 6).
        assert!(
            bounded(Bound::AtMost(-0.5), "adjusted_rand") && !bounded(Bound::AtMost(-0.51), "adjusted_rand")
        );
        assert!(bounded(Bound::AtMost(0.0), "leaks") && bounded(Bound::AtLeast(1e9), "wall_secs"));
    }

    #[test]
    fn mistakes_are_named_where_they_stand() {
        let refused = |text: &str| gates(text).unwrap_err();
        assert_eq!(
            refused("[gates]\nvae = { aurocc = { at_least = 1 } }"),
            "s.toml:2:9: unknown key `aurocc` in [gates.vae]; known keys are `alone_ms`, `collapses`, `images_per_sec`, `scoring_ms_per_image`, `training_secs`"
        );
        assert_eq!(
            refused("[gates]\n\"vae A_R\" = { auroc = { least = 1 } }"),
            "s.toml:2:25: unknown key `least` in [gates.vae A_R.auroc]; did you mean `at_least`?"
        );
        assert_eq!(
            refused("[gates]\n\"vae A_R\" = { auroc = {} }"),
            "s.toml:2:23: the gate on auroc has no bound; give it `at_least`, `at_most`, or both"
        );
        assert!(
            refused("[gates]\n\"vae A_D\" = { auroc = { at_least = 1 } }")
                .starts_with("s.toml:2:1: `gates` cannot be `vae A_D`; choose from `run`, `vae`, ")
        );
        for bounds in ["at_least = 0.9, at_most = 0.1", "at_least = 1.5", "at_most = -0.1"] {
            let message = refused(&format!("[gates]\n\"vae A_R\" = {{ auroc = {{ {bounds} }} }}"));
            assert_eq!(message, "s.toml:2:23: no auroc can pass this gate");
        }
        assert_eq!(
            refused("[gates]\nrun = { wall_secs = { at_most = -1 } }"),
            "s.toml:2:21: no wall_secs can pass this gate"
        );
        assert_eq!(
            refused("[gates.\"vae A_R\"]"),
            "s.toml:1:1: there is no gate for vae A_R; choose from auroc, average_precision"
        );
        // What this run does not measure: no types are asked for, and shifts are too large for a slow detector.
        for subject in ["types", "slow A_R in wider at 2"] {
            assert!(
                refused(&format!("[gates]\n\"{subject}\" = {{ auroc = {{ at_least = 1 }} }}"))
                    .contains("cannot be")
            );
        }
        assert_eq!(refused("[gates]\nrun = 3"), "s.toml:2:7: `run` must be a table, not an integer");
    }
}
