//! What the dataset holds, for the record.

use generators::dataset::{Row, Split};

use crate::report::record::{Dataset, DefectFacts, GreyScale, Quantiles, SplitCount, TestImage};

/// The parameter that says how many layers an episode lasts.
const DURATION: &str = "defect.layers";

/// Counts of images and jobs, and how severe, large and long each defect of `defects` (label, kind) is.
pub fn dataset(rows: &[Row], defects: &[(&str, &str)], grey_scale: GreyScale) -> Dataset {
    let count = |name: &str, keep: &dyn Fn(&Row) -> bool| {
        let mut jobs: Vec<u32> = rows.iter().filter(|r| keep(r)).map(|r| r.job).collect();
        let images = jobs.len();
        jobs.sort_unstable();
        jobs.dedup();
        SplitCount { split: name.to_owned(), images, jobs: jobs.len() }
    };
    Dataset {
        splits: vec![
            count("training", &|r| r.split == Split::Train),
            count("validation", &|r| r.split == Split::Validation),
            count("test, healthy", &|r| r.split == Split::Test && r.defect.is_none()),
            count("test, anomalous", &|r| r.split == Split::Test && r.defect.is_some()),
        ],
        defects: defects.iter().map(|(name, kind)| defect(rows, name, kind)).collect(),
        grey_scale: Some(grey_scale),
    }
}

fn defect(rows: &[Row], name: &str, kind: &str) -> DefectFacts {
    let of: Vec<&Row> =
        rows.iter().filter(|r| r.split == Split::Test && r.defect.as_deref() == Some(name)).collect();
    let quantiles = |parameter: &str| {
        let values: Vec<f64> = of.iter().filter_map(|r| r.parameters.get(parameter)).copied().collect();
        Quantiles::of(&values)
    };
    DefectFacts {
        name: name.to_owned(),
        kind: kind.to_owned(),
        images: of.len(),
        cnr_layer: quantiles("defect.cnr_layer"),
        cnr_image: quantiles("defect.cnr_image"),
        diameter_px: quantiles("defect.diameter_px"),
        duration_layers: quantiles(DURATION),
    }
}

/// What the figures need of a test image.
pub fn test_image(row: &Row) -> TestImage {
    TestImage {
        id: row.file.clone(),
        job: row.job,
        layer: row.layer,
        part: row.parameters.get("part").map(|part| (*part as usize).saturating_sub(1)),
        defect: row.defect.clone(),
        cnr_image: row.parameters.get("defect.cnr_image").copied(),
        diameter_px: row.parameters.get("defect.diameter_px").copied(),
        duration_layers: row.parameters.get(DURATION).copied(),
    }
}
