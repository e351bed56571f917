//! `synthgen explain`: every parameter that made an image, by the stage that drew it.

use std::collections::BTreeMap;
use std::fmt::{self, Write};

use generators::dataset::{Origin, Row};

/// Units by the ending of a parameter's name.
const UNITS: [(&str, &str); 8] = [
    ("_mm2", "mm²"),
    ("_mm", "mm"),
    ("_px2", "px²"),
    ("_px", "px"),
    ("_c", "°C"),
    ("_deg", "°"),
    ("_secs", "s"),
    ("_layers", "layers"),
];

/// What is known of an image, for people.
pub fn describe(origin: &Origin) -> Result<String, fmt::Error> {
    let (row, manifest) = (&origin.row, &origin.manifest);
    let mut text = String::new();
    writeln!(text, "{}", row.file)?;
    let mut fact = |name: &str, value: &str| writeln!(text, "  {name:<10} {value}");
    if origin.file != row.file {
        fact("asked for", &format!("{}, {}", origin.file, role(row, &origin.file)))?;
    }
    fact("dataset", &format!("{}, seed {}", origin.folder.display(), manifest.seed))?;
    let what = row.label().unwrap_or("healthy");
    let afterglow = if row.afterglow { ", afterglow only" } else { "" };
    fact("label", &format!("{what}{afterglow} ({})", row.split.name()))?;
    fact("job", &format!("{}, layer {}", row.job, row.layer))?;
    fact("stream", &row.stream)?;
    for (name, file) in [("mask", &row.mask), ("change", &row.change)] {
        fact(name, file.as_deref().unwrap_or("none"))?;
    }
    fact("nominal", &row.nominal)?;
    match &origin.twin {
        Some(twin) => fact("twin", &format!("{}, stream {}", twin.file, twin.stream))?,
        None => fact("twin", "none")?,
    }
    for part in &manifest.parts {
        fact("part", &format!("{} x {}, in {}, BLAKE3 {}", part.copies, part.file, part.unit, part.hash))?;
    }
    for (stage, parameters) in stages(row) {
        writeln!(text, "\n{stage}")?;
        for (name, value) in parameters {
            let unit = UNITS.iter().find(|(ending, _)| name.ends_with(ending));
            let (ending, unit) = unit.copied().unwrap_or_default();
            let name = name.strip_suffix(ending).unwrap_or(name).replace(['.', '_'], " ");
            writeln!(text, "{}", format!("  {name:<28} {value} {unit}").trim_end())?;
        }
    }
    Ok(text)
}

/// What a file is to a row that names it.
fn role(row: &Row, file: &str) -> &'static str {
    match Some(file) {
        f if f == row.mask.as_deref() => "its mask",
        f if f == row.change.as_deref() => "its change map",
        f if f == row.temperature.as_deref() => "its temperatures",
        _ => "its nominal slice",
    }
}

/// The parameters by the first name of their path: the stage that drew them, or `layer` where there is none.
fn stages(row: &Row) -> BTreeMap<&str, Vec<(&str, f64)>> {
    let mut stages: BTreeMap<&str, Vec<(&str, f64)>> = BTreeMap::new();
    for (path, value) in &row.parameters {
        let (stage, name) = path.split_once('.').unwrap_or(("layer", path));
        stages.entry(stage).or_default().push((name, *value));
    }
    stages
}

#[cfg(test)]
mod tests {
    use super::*;
    use generators::dataset::{Manifest, Split};

    #[test]
    fn parameters_stand_by_stage_with_the_units_of_their_names() {
        let parameters = [
            ("bed.temperature_c", 43.25),
            ("bed.texture.feature_mm", 8.0),
            ("defect.cnr", 4.5),
            ("part_area_mm2", 12.0),
        ];
        let row = Row {
            file: "test/striation/job0012_layer0034.png".to_owned(),
            split: Split::Test,
            defect: Some("striation".to_owned()),
            fault: None,
            afterglow: false,
            job: 12,
            layer: 34,
            twin: Some("test/good/job0012_layer0034.png".to_owned()),
            mask: Some("ground_truth/striation/job0012_layer0034_mask.png".to_owned()),
            change: None,
            nominal: "nominal/job0012_layer0034.png".to_owned(),
            temperature: None,
            stream: "test/job/4/defect/striation/attempt/0/layer/34".to_owned(),
            parameters: parameters.map(|(name, value)| (name.to_owned(), value)).into(),
        };
        let twin =
            Row { file: "test/good/job0012_layer0034.png".to_owned(), stream: "s".to_owned(), ..row.clone() };
        let origin = Origin {
            folder: "data".into(),
            manifest: Manifest { seed: 9, ..Manifest::default() },
            file: "ground_truth/striation/job0012_layer0034_mask.png".to_owned(),
            row,
            twin: Some(twin),
        };
        let expected = "\
test/striation/job0012_layer0034.png
  asked for  ground_truth/striation/job0012_layer0034_mask.png, its mask
  dataset    data, seed 9
  label      striation (test)
  job        12, layer 34
  stream     test/job/4/defect/striation/attempt/0/layer/34
  mask       ground_truth/striation/job0012_layer0034_mask.png
  change     none
  nominal    nominal/job0012_layer0034.png
  twin       test/good/job0012_layer0034.png, stream s

bed
  temperature                  43.25 °C
  texture feature              8 mm

defect
  cnr                          4.5

layer
  part area                    12 mm²
";
        assert_eq!(describe(&origin).unwrap(), expected);
    }
}
