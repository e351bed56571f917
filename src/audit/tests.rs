//! Ledgers that never were: clean ones pass as often as they should, and every planted leak is found by the probe
//! that it is planted for.

use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;

use generators::dataset::Split;

use super::context::Nominal;
use super::design::Episode;
use super::trivial::Plain;
use super::*;
use crate::report::fair::leaks;

const DEFECTS: [&str; 3] = ["a", "b", "c"];

/// A layer of an episode: the rows of its healthy and its anomalous image, and what was measured of them.
#[derive(Clone)]
struct Layer {
    defect: usize,
    rows: [Row; 2],
    measured: Measured,
}

/// A clean test set: jobs in any order, in each an episode of every defect of `defects(job)`, in any order.
fn clean(jobs: u32, seed: u64, defects: fn(u32) -> &'static [usize]) -> Vec<Layer> {
    let mut stream = Stream::root(seed).child("ledger");
    let mut numbers: Vec<u32> = (0..jobs).collect();
    stream.shuffle(&mut numbers);
    let mut names: Vec<u32> = (100_000..101_000).collect();
    stream.shuffle(&mut names);
    let mut layers = Vec::new();
    for job in numbers {
        let mut order = defects(job).to_vec();
        stream.shuffle(&mut order);
        let x_mm = stream.uniform(20.0, 80.0);
        for (window, defect) in order.into_iter().enumerate() {
            let start = 10 * window + stream.below(8);
            for layer in start..=start + stream.below(3) {
                let name = names.pop().unwrap();
                layers.push(one(&mut stream, defect, job, layer as u32, x_mm, name));
            }
        }
    }
    layers
}

fn one(stream: &mut Stream, defect: usize, job: u32, layer: u32, x_mm: f64, name: u32) -> Layer {
    let row = |class: &str, anomalous: bool| Row {
        file: format!("test/{class}/{name}.png"),
        split: Split::Test,
        defect: anomalous.then(|| class.to_owned()),
        afterglow: false,
        fault: None,
        job,
        layer,
        twin: anomalous.then(|| format!("test/good/{name}.png")),
        mask: None,
        change: None,
        nominal: format!("nominal/{name}.png"),
        temperature: None,
        stream: String::new(),
        parameters: BTreeMap::from([("copy1.x_mm".to_owned(), x_mm)]),
    };
    let mut rows = [row("good", false), row(DEFECTS[defect], true)];
    let area_mm2 = stream.uniform(500.0, 900.0);
    for row in &mut rows {
        row.parameters.insert("part_area_mm2".to_owned(), area_mm2);
    }
    let mut numbers = |count: usize| -> Vec<f32> { (0..count).map(|_| stream.unit() as f32).collect() };
    let nominal = Nominal { shares: numbers(16), centre: [0.5; 2] };
    let outside = numbers(17);
    let plain = Plain::of(&numbers(9), 100);
    let measured = Measured {
        nominal: [nominal.clone(), nominal],
        outside: [outside.clone(), outside],
        plain: [plain.clone(), plain],
        change_error: Some(0.0),
        beyond: Some(0.0),
    };
    Layer { defect, rows, measured }
}

fn every(_: u32) -> &'static [usize] {
    &[0, 1, 2]
}

fn audited(layers: &[Layer], replicates: usize) -> Audit {
    let rows: Vec<Row> = layers.iter().flat_map(|layer| layer.rows.clone()).collect();
    let measured: Vec<Measured> = layers.iter().map(|layer| layer.measured.clone()).collect();
    let (pairs, design) = design::pairs(&rows, Path::new("")).unwrap();
    judged(&rows, &pairs, &design, &measured, replicates, &Stream::root(9))
}

/// The probes, except all together, that find layers of one defect unlike those of the others.
fn told_unpaired(audit: &Audit) -> Vec<&str> {
    let told = audit.probes.iter().filter(|p| p.unpaired.as_ref().is_some_and(|c| audit.tells(c)));
    told.map(|p| p.name.as_str()).filter(|name| *name != "all together").collect()
}

#[test]
fn what_a_defect_prefers_is_found_where_it_lies_and_nowhere_else() {
    type Plant = fn(&mut Layer);
    let plants: [(&str, Plant); 5] = [
        ("layer", |l| l.rows.iter_mut().for_each(|r| r.layer += 25)),
        ("part area", |l| {
            l.rows.iter_mut().for_each(|r| *r.parameters.get_mut("part_area_mm2").unwrap() += 400.0)
        }),
        ("file name", |l| {
            for row in &mut l.rows {
                row.file = row.file.replace(".png", "-x.png");
                row.twin = row.twin.as_ref().map(|twin| twin.replace(".png", "-x.png"));
            }
        }),
        ("position on the bed", |l| {
            l.rows.iter_mut().for_each(|r| *r.parameters.get_mut("copy1.x_mm").unwrap() += 60.0);
        }),
        ("nominal slice", |l| l.measured.nominal.iter_mut().for_each(|n| n.shares[11] += 1.0)),
    ];
    let layers = clean(24, 1, every);
    assert_eq!(leaks(&audited(&layers, 4999)), Vec::<String>::new());
    for (name, plant) in plants {
        let mut layers = layers.clone();
        layers.iter_mut().filter(|l| l.defect == 1).for_each(plant);
        let audit = audited(&layers, 4999);
        assert_eq!(told_unpaired(&audit), [name]);
        let sentence = leaks(&audit).remove(0).to_lowercase();
        assert!(sentence.starts_with(name) && sentence.contains("the layers of b"), "{sentence}");
        assert!(
            audit.probes.iter().all(|p| p.unequal.is_none_or(|u| u.count == 0)),
            "{name}: twins are equal"
        );
    }
    // Its layers come last in the ledger.
    let mut late = layers.clone();
    late.sort_by_key(|l| l.defect == 1);
    assert_eq!(told_unpaired(&audited(&late, 4999)), ["file order"]);
    // It comes up in late jobs only.
    let late = clean(24, 2, |job| if job < 12 { &[0, 2] } else { &[0, 1] });
    assert_eq!(told_unpaired(&audited(&late, 4999)), ["job"]);
}

#[test]
fn what_only_anomalous_images_have_is_found() {
    type Plant = fn(&mut Layer);
    let plants: [(&str, Plant); 7] = [
        ("job", |l| l.rows[1].job += 24),
        ("layer", |l| l.rows[1].layer += 1),
        ("part area", |l| *l.rows[1].parameters.get_mut("part_area_mm2").unwrap() += 1.0),
        ("file name", |l| l.rows[1].file = l.rows[1].file.replace("/1", "/01")),
        ("position on the bed", |l| *l.rows[1].parameters.get_mut("copy1.x_mm").unwrap() += 60.0),
        // Half a grey level of 255: far less than layers differ.
        ("mean outside the mask", |l| l.measured.outside[1][0] += 0.002),
        ("histogram outside the mask", |l| {
            l.measured.outside[1][4] += 0.4;
            l.measured.outside[1][9] -= 0.4;
        }),
    ];
    for (name, plant) in plants {
        let mut layers = clean(24, 3, every);
        layers.iter_mut().for_each(plant);
        let audit = audited(&layers, 4999);
        let unequal: Vec<&str> = audit
            .probes
            .iter()
            .filter(|p| p.unequal.is_some_and(|u| u.count > 0))
            .map(|p| p.name.as_str())
            .collect();
        let told: Vec<&str> = audit.probes[..audit.probes.len() - 1]
            .iter()
            .filter(|p| p.twins.as_ref().is_some_and(|c| audit.tells(c)))
            .map(|p| p.name.as_str())
            .collect();
        assert!(unequal.contains(&name) && told.contains(&name), "{name}: {unequal:?} {told:?}");
        let allowed =
            |other: &&str| *other == name || matches!(name, "job" | "layer") && *other == "file order";
        assert!(unequal.iter().all(allowed), "{name}: {unequal:?}");
    }
}

#[test]
fn a_single_pair_that_breaks_the_contract_is_found() {
    let mut layers = clean(6, 4, every);
    layers[7].measured.beyond = Some(1.0);
    layers[8].measured.change_error = Some(3.0);
    layers[9].rows[1].parameters.insert("bed.temperature_c".to_owned(), 43.0);
    layers[9].rows[1].parameters.insert("defect.cnr".to_owned(), 5.0);
    let found = leaks(&audited(&layers, 99));
    assert_eq!(found.len(), 3, "{found:?}");
    assert!(found[0].starts_with("Broken: every parameter") && found[0].contains("1 of "), "{found:?}");
    assert!(found[1].contains("|image − twin|") && found[1].contains("up to 3 grey levels"), "{found:?}");
    assert!(
        found[2].contains("outside the defect’s reach") && found[2].contains("1 grey level"),
        "{found:?}"
    );
}

#[test]
fn what_no_probe_tells_alone_is_told_together() {
    let mut stream = Stream::root(5);
    let jobs = 60;
    let mut design =
        Design { defects: DEFECTS[..2].iter().map(|d| (*d).to_owned()).collect(), ..Design::default() };
    let (mut one, mut other) = (Vec::new(), Vec::new());
    for job in 0..jobs {
        for defect in 0..2 {
            design.job.push(job);
            design.episode.push(design.episodes.len());
            design.episodes.push(Episode { job, defect });
            let a = stream.uniform(-1.0, 1.0);
            // Of the same sign in the one defect and of opposite signs in the other.
            let sign = if defect == 0 { a.signum() } else { -a.signum() };
            one.push(a as f32);
            other.push((sign * stream.unit()) as f32);
        }
    }
    let probe = |name, values: &[f32]| {
        let layer = Matrix::column(values.to_vec());
        Probe { name, twins: [layer.clone(), layer.clone()], layer: Some(layer) }
    };
    let probes = judge::judge(&design, &[probe("one", &one), probe("other", &other)], 4999, &Stream::root(6));
    let p: Vec<f64> = probes.iter().map(|p| p.unpaired.as_ref().unwrap().p_value).collect();
    assert!(p[0] > 0.1 && p[1] > 0.1 && p[2] <= ALPHA, "{p:?}");
}

#[test]
fn too_few_jobs_find_nothing_and_say_so() {
    let mut layers = clean(2, 6, every);
    // Noise of its own in either member, so that swapping makes a difference.
    let mut noise = Stream::root(6).child("noise");
    layers.iter_mut().flat_map(|l| &mut l.measured.outside).for_each(|o| o[0] = noise.unit() as f32);
    let audit = audited(&layers, 999);
    let mean = audit.probes.iter().find(|p| p.name == "mean outside the mask").unwrap();
    let twins = mean.twins.as_ref().unwrap();
    assert!(!twins.constant && twins.least_found.is_none() && twins.p_value > ALPHA, "{twins:?}");
}

#[test]
fn the_same_dataset_has_the_same_verdict_on_any_number_of_threads() {
    let layers = clean(8, 7, every);
    let one = rayon::ThreadPoolBuilder::new().num_threads(1).build().unwrap();
    assert_eq!(one.install(|| audited(&layers, 199)), audited(&layers, 199));
}

/// Nothing in the layers depends on the defect, and image and twin differ by noise of their own alone.
#[test]
fn clean_datasets_are_called_leaking_no_more_often_than_alpha_says() {
    let (runs, alpha) = (300, 0.1);
    let alarms = (0..runs).filter(|&run| {
        let mut layers = clean(10, 1000 + run, every);
        let mut noise = Stream::root(run).child("noise");
        for layer in &mut layers {
            layer.measured.outside.iter_mut().flatten().for_each(|v| *v += 0.1 * noise.unit() as f32);
        }
        let audit = audited(&layers, 199);
        let comparisons = audit.probes.iter().flat_map(|p| p.twins.iter().chain(&p.unpaired));
        comparisons.map(|c| c.p_value).fold(1.0, f64::min) <= alpha
    });
    let rate = alarms.count() as f64 / runs as f64;
    println!("{rate} of clean datasets have a p-value of at most {alpha}");
    // Three standard errors above; below, since Bonferroni only costs what tests share.
    assert!(rate <= alpha + 3.0 * (alpha * (1.0 - alpha) / runs as f64).sqrt(), "{rate}");
    assert!(rate >= 0.01, "{rate}: a test that never rejects is no test");
}

#[test]
fn a_ledger_without_classes_twins_or_jobs_is_refused() {
    let layers = clean(4, 8, every);
    let rows = |keep: &dyn Fn(&Row) -> bool| -> Vec<Row> {
        layers.iter().flat_map(|l| l.rows.clone()).filter(|r| keep(r)).collect()
    };
    let refused = |rows: Vec<Row>| design::pairs(&rows, Path::new("data")).unwrap_err().to_string();
    assert!(refused(rows(&|r| r.defect.is_none())).contains("data has no anomalous test image"));
    assert!(refused(rows(&|r| r.defect.is_some())).contains("no healthy twin of test/"));
    assert!(refused(rows(&|r| r.job == 2)).contains("come from one print job"));
    let seen: BTreeSet<u32> = rows(&|_| true).iter().map(|r| r.job).collect();
    assert_eq!(seen.len(), 4);
}
