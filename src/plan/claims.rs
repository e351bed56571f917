//! `[[claim]]`: what somebody concluded, to be tested on a run.

use generators::params::{ScenarioError, Table};

use crate::report::measures::Subjects;
use crate::report::record::Claim;

/// What is compared: the areas of two scores, or the balanced accuracies of two separated representations.
const MEASURES: [&str; 2] = ["auroc", "balanced_accuracy"];

/// Reads the claims, none where there are none; they are still to be tested.
///
/// ```toml
/// [[claim]]
/// better = "f-anogan difference with isolation-forest"
/// than = "f-anogan D_f(x) with isolation-forest"
/// source = "Zeiser et al. 2023, section 5.2"
/// ```
///
/// # Errors
/// For a subject that the run will not have, and for two that have no measure in common.
pub fn read(table: &mut Table, subjects: &Subjects<'_>) -> Result<Vec<Claim>, Box<ScenarioError>> {
    let measure = |of: &[&str]| MEASURES.into_iter().find(|measure| of.contains(measure));
    let known = subjects.names().into_iter().filter_map(|(name, of)| Some((name, measure(of)?)));
    let (names, measures): (Vec<String>, Vec<&str>) = known.unzip();
    let names: Vec<&str> = names.iter().map(String::as_str).collect();
    let mut claims = Vec::new();
    for mut entry in table.tables("claim")? {
        let [better, than] = [entry.choice("better", None, &names)?, entry.choice("than", None, &names)?];
        if measures[better] != measures[than] {
            return Err(entry.place_of("than").error(format!(
                "`better` is measured by {} and `than` by {}",
                measures[better], measures[than]
            )));
        }
        let source = entry.string("source", Some(""))?;
        entry.finish()?;
        claims.push(Claim {
            better: names[better].to_owned(),
            than: names[than].to_owned(),
            measure: measures[better].to_owned(),
            source,
            test: None,
        });
    }
    Ok(claims)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::report::measures::Scores;

    fn claims(text: &str) -> Result<Vec<Claim>, String> {
        let mut table = Table::parse("s.toml", text).unwrap();
        let subjects = Subjects {
            detectors: &[Scores { detector: "vae", names: &["A_R", "A_R peak"], in_shifts: true }],
            representations: &["vae A_R".to_owned()],
            separators: &["otsu", "k-means"],
            defects: &["shift"],
            thresholds: &["conformal"],
            shifted: &[],
            typing: false,
        };
        read(&mut table, &subjects).map_err(|e| e.to_string())
    }

    #[test]
    fn scores_and_pairs_can_be_compared() {
        let text = r#"
            [[claim]]
            better = "vae A_R peak on shift"
            than = "vae A_R on shift"
            source = "a paper"
            [[claim]]
            better = "vae A_R with otsu"
            than = "vae A_R with k-means"
        "#;
        let [scores, pairs] = &claims(text).unwrap()[..] else { panic!() };
        assert_eq!((&*scores.measure, &*scores.source), ("auroc", "a paper"));
        assert_eq!((&*pairs.measure, &*pairs.better), ("balanced_accuracy", "vae A_R with otsu"));
        assert_eq!(claims("").unwrap(), []);
    }

    #[test]
    fn mistakes_are_named_where_they_stand() {
        let text = "[[claim]]\nbetter = \"vae A_R\"\nthan = \"vae A_R with otsu\"";
        let refused = claims(text).unwrap_err();
        assert_eq!(refused, "s.toml:3:8: `better` is measured by auroc and `than` by balanced_accuracy");
        let refused = claims("[[claim]]\nbetter = \"vae A_R\"\nthan = \"vae\"").unwrap_err();
        assert!(refused.starts_with("s.toml:3:"), "{refused}");
    }
}
