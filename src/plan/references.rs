//! `[[reference]]`: what a paper reports, to stand beside what is measured here.

use generators::params::{ScenarioError, Table};

use crate::report::record::{CellReference, References, SizeReference};

/// Reads the references, none where there are none.
///
/// ```toml
/// [[reference]]
/// representation = "vae A_R"
/// separators = ["isolation-forest", "k-means"]
/// accuracy = [0.725, 0.688]        # or missing = "why it reports none"
/// source = "Zeiser et al. 2023, Table 2"
///
/// [[reference]]
/// detector = "f-anogan"
/// networks = ["critic", "generator"]   # all where absent
/// parameters = 5697347
/// source = "Zeiser et al. 2023, Table 1"
/// ```
///
/// # Errors
/// A name that the run will not have, or as many figures as there are no separators.
pub fn read(
    table: &mut Table,
    detectors: &[&str],
    representations: &[&str],
    separators: &[&str],
) -> Result<References, Box<ScenarioError>> {
    let mut references = References::default();
    for mut entry in table.tables("reference")? {
        let source = entry.string("source", None)?;
        if let Some(detector) = entry.choice_if_stated("detector", detectors)? {
            let detector = detectors[detector].to_owned();
            let networks = entry.strings("networks", &[])?.into_iter().map(|(name, _)| name).collect();
            let parameters = entry.count("parameters", None, 1..=usize::MAX)?;
            references.sizes.push(SizeReference { detector, networks, parameters, source });
        } else {
            let representation = entry.choice("representation", None, representations)?;
            let columns = entry.choices("separators", separators)?;
            if columns.is_empty() {
                let place = entry.place_of("separators");
                return Err(place.error("a [[reference]] needs `separators`, the columns of its figures"));
            }
            let missing = entry.string_if_stated("missing")?;
            let accuracy: Vec<Option<f64>> = match missing {
                Some(_) => vec![None; columns.len()],
                None => entry
                    .numbers("accuracy", None, Some(columns.len()), 0.0..=1.0)?
                    .into_iter()
                    .map(Some)
                    .collect(),
            };
            references.cells.extend(columns.into_iter().zip(accuracy).map(|(column, accuracy)| {
                CellReference {
                    representation: representations[representation].to_owned(),
                    separator: separators[column].to_owned(),
                    accuracy,
                    missing: missing.clone(),
                    source: source.clone(),
                }
            }));
        }
        entry.finish()?;
    }
    Ok(references)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(text: &str) -> Result<References, String> {
        let mut table = Table::parse("s.toml", text).unwrap();
        super::read(&mut table, &["vae"], &["vae A_R"], &["otsu", "k-means"]).map_err(|e| e.to_string())
    }

    #[test]
    fn cells_and_sizes() {
        let text = r#"
[[reference]]
representation = "vae A_R"
separators = ["k-means", "otsu"]
accuracy = [0.688, 0.695]
source = "T2"
[[reference]]
representation = "vae A_R"
separators = ["otsu"]
missing = "one number only"
source = "T2"
[[reference]]
detector = "vae"
parameters = 1430209
source = "T1"
"#;
        let References { cells, sizes } = read(text).unwrap();
        let found: Vec<_> =
            cells.iter().map(|c| (c.separator.as_str(), c.accuracy, c.missing.as_deref())).collect();
        let expected = [
            ("k-means", Some(0.688), None),
            ("otsu", Some(0.695), None),
            ("otsu", None, Some("one number only")),
        ];
        assert_eq!(found, expected);
        assert_eq!((sizes[0].parameters, sizes[0].source.as_str()), (1_430_209, "T1"));
    }

    #[test]
    fn mistakes_are_named_where_they_stand() {
        let refused = |line: &str| read(&format!("[[reference]]\nsource = \"T\"\n{line}\n")).unwrap_err();
        assert!(
            refused("representation = \"vae A_D\"")
                .starts_with("s.toml:3:18: `representation` cannot be `vae A_D`")
        );
        let of_two = "representation = \"vae A_R\"\nseparators = [\"otsu\", \"k-means\"]\naccuracy = [0.5]";
        assert_eq!(refused(of_two), "s.toml:5:12: `accuracy` must be an array of 2 numbers, not of 1");
        assert!(refused("detector = \"vea\"").contains("did you mean `vae`?"));
    }
}
