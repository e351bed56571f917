//! Jobs: twins that differ only where a defect reaches, episodes that never overlap.
#![allow(clippy::unwrap_used, reason = "a panic is how a test fails")]

mod workshop;

use std::collections::{BTreeMap, BTreeSet};

use generators::dataset::Split;
use generators::gaussian::reach_px;
use generators::job::{NothingShows, Sample, simulate};
use generators::params::Table;
use generators::scenario::{Job, Production, Scenario};
use workshop::{SCENARIO, resolve, with, write_block};

#[derive(Debug)]
struct Failure(String);

impl From<NothingShows> for Failure {
    fn from(error: NothingShows) -> Self {
        Self(error.to_string())
    }
}

fn samples(production: &Production, job: &Job) -> Result<Vec<Sample>, Failure> {
    let mut samples = Vec::new();
    simulate(production, job, |sample| {
        samples.push(sample);
        Ok::<(), Failure>(())
    })?;
    Ok(samples)
}

fn test_samples(text: &str) -> Vec<(Job, Sample)> {
    let production = resolve(text).unwrap();
    let jobs = production.jobs().into_iter().filter(|job| job.split == Split::Test);
    jobs.flat_map(|job| {
        let samples = samples(&production, &job).unwrap();
        samples.into_iter().map(move |sample| (job.clone(), sample)).collect::<Vec<_>>()
    })
    .collect()
}

/// With more threads than jobs, layers are painted ahead.
#[test]
fn a_job_is_the_same_at_any_thread_count() {
    let production = resolve(SCENARIO).unwrap();
    let job = &production.jobs()[0];
    let with_threads = |count: usize| {
        let pool = rayon::ThreadPoolBuilder::new().num_threads(count).build().unwrap();
        pool.install(|| samples(&production, job)).unwrap()
    };
    let alone = with_threads(1);
    assert!(alone.len() > 2);
    assert_eq!(with_threads(production.jobs().len() + 1), alone);
}

#[test]
fn healthy_jobs_image_every_printed_layer() {
    let production = resolve(SCENARIO).unwrap();
    for job in production.jobs().iter().filter(|job| job.split != Split::Test) {
        let samples = samples(&production, job).unwrap();
        assert_eq!(samples.iter().map(|s| s.layer).collect::<Vec<_>>(), production.printable(job));
        assert!(samples.iter().all(|s| s.twin.is_none()));
        assert!(samples.iter().all(|s| s.healthy.grey.values.iter().any(|&v| v > 0)));
    }
}

#[test]
fn the_ledger_names_what_was_drawn() {
    let samples = test_samples(SCENARIO);
    let twin = samples[0].1.twin.as_ref().unwrap();
    let names: Vec<&str> = twin.shot.parameters.keys().map(String::as_str).collect();
    assert_eq!(
        names,
        [
            "bed.temperature_c",
            "bed.texture.amplitude_c",
            "camera.blur_px",
            "camera.gain",
            "camera.offset",
            "copy1.rotation_deg",
            "copy1.x_mm",
            "copy1.y_mm",
            "defect.age_layers",
            "defect.area_px",
            "defect.attempt",
            "defect.cnr",
            "defect.cnr_image",
            "defect.layers",
            "defect.start_layer",
            "height_mm",
            "part_area_mm2",
            "print.temperature_c",
            "print.texture.amplitude_c",
            "thermal.retain",
        ]
    );
    let healthy = &samples[0].1.healthy.parameters;
    assert!(healthy.iter().all(|(name, value)| twin.shot.parameters[name] == *value));
    // The block covers 30 x 20 mm; its edges fall between pixels and are antialiased in quarters.
    assert!((healthy["part_area_mm2"] - 600.0).abs() < 6.0, "{}", healthy["part_area_mm2"]);
}

#[test]
fn twins_are_equal_out_of_reach_of_the_defect() {
    let (mut reached, mut unreached) = (0, 0);
    for (_, sample) in test_samples(SCENARIO) {
        let twin = sample.twin.unwrap();
        let n = sample.healthy.grey.size_px;
        let reach = reach_px(twin.shot.parameters["camera.blur_px"]);
        assert_eq!(twin.mask.count(), 16);
        assert_eq!(twin.shot.parameters["defect.area_px"], 16.0);
        assert_ne!(sample.healthy.grey, twin.shot.grey);
        // The spot stays in place, so that the mask of this layer tells where the heat of earlier ones is.
        let spots: Vec<usize> = (0..n * n).filter(|&i| twin.mask.pixels[i]).collect();
        for i in 0..n * n {
            let near = |&s: &usize| (s / n).abs_diff(i / n) <= reach && (s % n).abs_diff(i % n) <= reach;
            if spots.iter().any(near) {
                reached += 1;
            } else {
                assert_eq!(sample.healthy.grey.values[i], twin.shot.grey.values[i], "pixel {i}");
                unreached += 1;
            }
        }
    }
    assert!(reached > 0 && unreached > 0);
}

#[test]
fn every_defect_has_one_episode_per_job_and_they_never_overlap() {
    let mut episodes: BTreeMap<(u32, String), Vec<usize>> = BTreeMap::new();
    let mut layers: BTreeMap<u32, Vec<usize>> = BTreeMap::new();
    let mut attempts = BTreeSet::new();
    for (job, sample) in test_samples(SCENARIO) {
        let twin = sample.twin.unwrap();
        assert_eq!(twin.shot.stream.split("/layer/").count(), 2);
        attempts.insert(twin.shot.parameters["defect.attempt"] as usize);
        layers.entry(job.number).or_default().push(sample.layer);
        episodes.entry((job.number, twin.defect)).or_default().push(sample.layer);
    }
    assert_eq!(episodes.len(), 4 * 2);
    for ((_, defect), layers) in &episodes {
        assert!(layers.windows(2).all(|w| w[1] == w[0] + 1), "{layers:?}");
        assert!(if defect == "moody" { layers.len() == 3 } else { (2..=4).contains(&layers.len()) });
    }
    assert!(layers.values().all(|layers| layers.is_sorted_by(|a, b| a < b)), "{layers:?}");
    // A defect that finds its place half of the time is drawn again half of the time.
    assert!(attempts.len() > 1);
    let firsts: BTreeSet<&str> = (4..8)
        .map(|job| {
            ["spot", "moody"].into_iter().min_by_key(|d| episodes[&(job, (*d).to_owned())][0]).unwrap()
        })
        .collect();
    assert_eq!(firsts.len(), 2, "the order of the defects is shuffled");
}

#[test]
fn more_training_jobs_leave_the_test_set_as_it_is() {
    let few = test_samples(SCENARIO);
    let many = test_samples(&with("training_jobs = 3", "training_jobs = 9"));
    assert!(few.iter().zip(&many).all(|((_, a), (_, b))| a == b));
    assert_eq!(few.len(), many.len());
}

#[test]
fn another_defect_does_not_change_the_healthy_history() {
    let strong = with("layers = { uniform = [2, 4] }", "layers = { uniform = [2, 4] }\ncnr = 30");
    for ((_, a), (_, b)) in test_samples(SCENARIO).iter().zip(&test_samples(&strong)) {
        assert_eq!(a.layer, b.layer);
        assert_eq!(a.healthy, b.healthy);
    }
}

#[test]
fn afterglow_has_an_empty_footprint_and_fades() {
    let text = with("test_jobs = 4", "test_jobs = 4\nafterglow = \"test\"");
    let mut glowing = 0;
    let mut shown = BTreeSet::new();
    for (job, sample) in test_samples(&text) {
        assert!(shown.insert((job.number, sample.layer)), "a layer has one twin");
        let twin = sample.twin.unwrap();
        assert_eq!(twin.afterglow, twin.mask.count() == 0);
        let age = twin.shot.parameters["defect.age_layers"];
        assert_eq!(twin.afterglow, age >= twin.shot.parameters["defect.layers"]);
        assert_ne!(twin.shot.grey, sample.healthy.grey);
        glowing += usize::from(twin.afterglow);
    }
    assert!(glowing > 0);
    assert!(test_samples(SCENARIO).iter().all(|(_, s)| !s.twin.as_ref().unwrap().afterglow));
}

#[test]
fn an_episode_of_one_step_decays_as_the_thermal_model_says() {
    // Without blur, texture or draws, |image - twin| is 255 / 70 (1 - r^(age + 1)) of the spot's change.
    let text = r#"
        seed = 1
        [camera]
        image_px = 32
        blur_px = 0.0
        range_c = [20.0, 90.0]
        bits = 16
        [bed.texture]
        kind = "speckle"
        [print.texture]
        kind = "speckle"
        [layers]
        height_mm = 1.0
        [[part]]
        file = "block.stl"
        [thermal]
        retain = 0.5
        [dataset]
        training_jobs = 1
        test_jobs = 1
        [[defect]]
        kind = "spot"
        layers = 5
    "#;
    let samples = test_samples(text);
    assert_eq!(samples.len(), 5);
    for (_, sample) in samples {
        let twin = sample.twin.unwrap();
        let change = twin.shot.grey.difference(&sample.healthy.grey);
        let spot = twin.mask.pixels.iter().position(|&p| p).unwrap();
        let age = twin.shot.parameters["defect.age_layers"] as i32;
        // The change is the same in each layer up to the measured texture, so compare with bounds.
        let share = f64::from(change.values[spot]) / 65535.0 * 70.0 / twin.shot.parameters["defect.cnr"];
        let expected = 1.0 - 0.5f64.powi(age + 1 - i32::from(sample.layer == 0));
        assert!((share / expected - 1.0).abs() < 0.15, "{age}: {share} {expected}");
    }
}

#[test]
fn layers_in_which_a_defect_is_still_too_faint_are_in_neither_class() {
    let text =
        with("layers = { uniform = [2, 4] }", "layers = 8\nevolution = { course = \"trend\", from = 0.001 }");
    let ages: Vec<(usize, f64)> = (test_samples(&text).into_iter())
        .map(|(_, sample)| sample.twin.unwrap())
        .filter(|twin| twin.defect == "spot")
        .map(|twin| (twin.shot.parameters["defect.age_layers"] as usize, twin.shot.parameters["defect.cnr"]))
        .collect();
    // 0.001 of a contrast of 8 is no step of the grey scale, and all of it is; each layer adds the same factor.
    assert!(ages.iter().all(|(age, _)| (1..8).contains(age)), "{ages:?}");
    assert_eq!(ages.iter().filter(|(age, _)| *age == 7).count(), 4);
    for pair in ages.windows(2).filter(|pair| pair[1].0 == pair[0].0 + 1) {
        assert!((pair[1].1 / pair[0].1 / 1000f64.powf(1.0 / 7.0) - 1.0).abs() < 1e-9, "{ages:?}");
    }
}

/// What a scenario states of the evolution is added to what is usual of the kind: a layer that lifts goes on lifting.
#[test]
fn a_stated_drift_leaves_a_kind_the_course_that_is_its_own() {
    let folder = tempfile::tempdir().unwrap();
    write_block(&folder.path().join("block.stl"), [30.0, 20.0, 12.0]);
    let text = with(
        "kind = \"spot\"\nlayers = { uniform = [2, 4] }",
        "kind = \"delamination\"\nlayers = 5\nevolution = { drift_mm = 1 }",
    )
    .replace("speckle", "grain")
    .replace("amplitude_c = 1.5", "amplitude_c = 1.0");
    let text = &text[..text.rfind("[[defect]]").unwrap()];
    let mut table = Table::parse("s.toml", text).unwrap();
    let production = Scenario::read(&mut table, folder.path()).unwrap().resolve().unwrap();
    let mut severities: BTreeMap<usize, BTreeSet<u64>> = BTreeMap::new();
    for job in production.jobs().iter().filter(|job| job.split == Split::Test) {
        for twin in samples(&production, job).unwrap().into_iter().filter_map(|sample| sample.twin) {
            let parameters = twin.shot.parameters;
            let age = parameters["defect.age_layers"] as usize;
            assert_eq!(parameters["defect.evolution.drift_mm"], 1.0);
            severities.entry(age).or_default().insert(parameters["defect.evolution.severity"].to_bits());
        }
    }
    // From a tenth to all of it, by the same amount in each layer.
    let grown: Vec<f64> = severities.values().flatten().map(|&bits| f64::from_bits(bits)).collect();
    assert_eq!(severities.keys().copied().collect::<Vec<_>>(), [0, 1, 2, 3, 4]);
    assert!(
        grown.iter().zip([0.1, 0.325, 0.55, 0.775, 1.0]).all(|(a, b)| (a - b).abs() < 1e-12),
        "{grown:?}"
    );
}

#[test]
fn a_defect_that_never_shows_is_an_error_that_says_what_to_do() {
    let failure = |text: &str| {
        let production = resolve(text).unwrap();
        let job = production.jobs().into_iter().find(|job| job.split == Split::Test).unwrap();
        samples(&production, &job).unwrap_err().0
    };
    assert_eq!(
        failure(&with("mood = 0.5", "mood = 0")),
        "`moody` never showed in 50 attempts in job 4, where a pixel is 1.17 mm wide: it found no place in \
         the layer, or changes nothing where it is; suit its size to the part and the pixels, shorten `layers`, raise image_px, or see \
         that its effects do not cancel"
    );
    assert_eq!(
        failure(&with("mood = 0.5", "cnr = 0.000001")),
        "`moody` never showed in 50 attempts in job 4, where a pixel is 1.17 mm wide: the image stayed as it was; raise its cnr or its \
         size, lower [camera] blur_px or [thermal] retain, narrow range_c or write bits = 16"
    );
}

#[test]
fn random_poses_move_the_part_from_job_to_job() {
    let text = with("file = \"block.stl\"", "file = \"block.stl\"\npose = \"random\"\ncopies = 2")
        .replace("image_px = 32", "image_px = 64");
    let production = resolve(&text).unwrap();
    let mut poses = BTreeSet::new();
    for job in production.jobs() {
        for sample in samples(&production, &job).unwrap() {
            let parameters = &sample.healthy.parameters;
            poses.insert((job.number, parameters["copy1.rotation_deg"].to_bits()));
            assert!((parameters["part_area_mm2"] - 1200.0).abs() < 30.0, "{}", parameters["part_area_mm2"]);
        }
    }
    assert_eq!(poses.len(), production.jobs().len());
}
