//! Nothing but the defect tells anomalous from healthy test images.
#![allow(clippy::unwrap_used, reason = "a panic is how a test fails")]

use std::ops::ControlFlow;
use std::path::Path;

use generators::dataset::{self, Dataset, Row, Split};
use generators::params::Table;
use generators::scenario::Scenario;

/// The quickstart with fewer jobs to fit on and more to test on.
fn sample(folder: &Path) -> Dataset {
    let scenarios = Path::new(env!("CARGO_MANIFEST_DIR")).join("../scenarios");
    let mut text = std::fs::read_to_string(scenarios.join("quickstart.toml")).unwrap();
    for (key, count) in [("training_jobs", 1), ("validation_jobs", 0), ("test_jobs", 120)] {
        let line = text.lines().find(|line| line.starts_with(key)).unwrap().to_owned();
        text = text.replace(&line, &format!("{key} = {count}"));
    }
    let mut table = Table::parse("quickstart.toml", &text).unwrap();
    let production = Scenario::read(&mut table, &scenarios).unwrap().resolve().unwrap();
    dataset::write(&production, folder, None, &|_| ControlFlow::Continue(())).unwrap();
    Dataset::open(folder).unwrap()
}

/// Area under the ROC curve of (score, anomalous) pairs; ties count half (Mann and Whitney 1947).
fn auroc(mut scored: Vec<(f64, bool)>) -> f64 {
    scored.sort_by(|a, b| a.0.total_cmp(&b.0));
    let anomalous = scored.iter().filter(|s| s.1).count() as f64;
    let healthy = scored.len() as f64 - anomalous;
    let (mut below, mut wins) = (0.0, 0.0);
    for tied in scored.chunk_by(|a, b| a.0 == b.0) {
        let hits = tied.iter().filter(|s| s.1).count() as f64;
        let misses = tied.len() as f64 - hits;
        wins += hits * (below + misses / 2.0);
        below += misses;
    }
    wins / (anomalous * healthy)
}

#[test]
fn auroc_of_known_scores() {
    let score = |scores: &[(f64, bool)]| auroc(scores.to_vec());
    assert_eq!(score(&[(1.0, false), (2.0, true)]), 1.0);
    assert_eq!(score(&[(1.0, false), (1.0, true)]), 0.5);
    assert_eq!(score(&[(1.0, false), (2.0, true), (3.0, false), (4.0, true)]), 0.75);
}

#[test]
fn context_does_not_tell_the_label() {
    let folder = tempfile::tempdir().unwrap();
    let dataset = sample(folder.path());
    let rows: Vec<&Row> = dataset.rows().iter().filter(|r| r.split == Split::Test).collect();
    assert!(rows.len() > 3000, "{}", rows.len());

    // Each anomalous row comes after its twin, so that they share a mask.
    let mut outside = vec![0.0; rows.len()];
    for (at, row) in rows.iter().enumerate().filter(|(_, r)| r.defect.is_some()) {
        assert_eq!(row.twin.as_ref(), Some(&rows[at - 1].file));
        let mask = dataset.read(row.mask.as_deref().unwrap()).unwrap();
        for (at, row) in [(at - 1, rows[at - 1]), (at, row)] {
            let image = dataset.read(&row.file).unwrap();
            let free: Vec<f64> =
                image.iter().zip(&mask).filter(|(_, m)| **m == 0.0).map(|(v, _)| f64::from(*v)).collect();
            outside[at] = free.iter().sum::<f64>() / free.len() as f64;
        }
    }
    let scores: [(&str, Vec<f64>); 5] = [
        ("job", rows.iter().map(|r| f64::from(r.job)).collect()),
        ("layer index", rows.iter().map(|r| f64::from(r.layer)).collect()),
        ("part area", rows.iter().map(|r| r.parameters["part_area_mm2"]).collect()),
        ("file order", (0..rows.len()).map(|i| i as f64).collect()),
        ("mean grey outside the mask", outside),
    ];
    let mut leaks = Vec::new();
    for (name, scores) in &scores {
        let scored = scores.iter().zip(&rows).map(|(s, r)| (*s, r.defect.is_some())).collect();
        let area = auroc(scored);
        println!("{name}: AUROC {area:.4}");
        if (area - 0.5).abs() > 0.05 {
            leaks.push(*name);
        }
        for defect in ["agglomerate", "foreign-object", "porous", "shift", "striation"] {
            let of_defect = (1..rows.len()).filter(|&i| rows[i].defect.as_deref() == Some(defect));
            let scored = of_defect.flat_map(|i| [(scores[i - 1], false), (scores[i], true)]).collect();
            println!("    {defect}: {:.4}", auroc(scored));
        }
    }
    assert!(leaks.is_empty(), "{leaks:?}");
    let sizes = rows.iter().map(|r| (std::fs::metadata(dataset.path(&r.file)).unwrap().len() as f64, r));
    println!(
        "file size (which may tell): AUROC {:.4}",
        auroc(sizes.map(|(s, r)| (s, r.defect.is_some())).collect())
    );
}
