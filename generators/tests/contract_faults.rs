//! What every registered fault keeps to. A new one is tested on the day it is registered.
#![allow(clippy::unwrap_used, reason = "a panic is how a test fails")]

mod scene;

use std::collections::BTreeMap;

use generators::camera::{Depth, Grey};
use generators::faults::{self, Fault, KINDS};
use generators::layer::Mask;
use generators::params::Draws;
use generators::registry::Kind;
use generators::stream::Stream;
use scene::{build, recording};

struct Struck {
    before: Grey,
    after: Grey,
    mask: Mask,
    record: BTreeMap<String, f64>,
}

fn strike(fault: &dyn Fault, images: &[Grey], steady: u64, fresh: u64) -> Struck {
    let mut draws = Draws::new(&Stream::root(steady).child("fault"), &Stream::root(fresh).child("layer"));
    let (before, earlier) = images.split_last().unwrap();
    let mut after = before.clone();
    let mask = faults::strike(fault, &mut after, earlier, &mut draws);
    Struck { before: before.clone(), after, mask, record: draws.into_record() }
}

/// Runs `check` over every kind, both depths and several episodes.
fn for_all(check: impl Fn(&Kind<dyn Fault>, &str, Struck)) {
    for kind in KINDS {
        let fault = build(KINDS, kind.name, kind.example);
        for depth in [Depth::Eight, Depth::Sixteen] {
            for seed in 0..12 {
                let name = format!("{} {depth:?} {seed}", kind.name);
                check(kind, &name, strike(&*fault, &recording(depth), seed, 100 + seed));
            }
        }
    }
}

#[test]
fn the_mask_is_exactly_what_changed() {
    for_all(|_, name, Struck { before, after, mask, record }| {
        // A bit can already be as it is stuck.
        assert!(mask.count() > 0 || name.starts_with("stuck-bit"), "{name} changed nothing");
        assert_eq!((after.size_px, after.depth), (before.size_px, before.depth), "{name}");
        assert_eq!(after.values.len(), before.values.len(), "{name}");
        for (i, &inside) in mask.pixels.iter().enumerate() {
            assert_eq!(inside, before.values[i] != after.values[i], "{name}: pixel {i}");
            assert!(after.values[i] <= after.depth.white(), "{name}: pixel {i}");
        }
        assert_eq!(record["area_px"], mask.count() as f64, "{name}");
        assert_eq!(record["area_share"], mask.count() as f64 / mask.pixels.len() as f64, "{name}");
    });
}

#[test]
fn equal_streams_give_equal_images_and_others_differ() {
    let images = recording(Depth::Eight);
    for kind in KINDS {
        let fault = build(KINDS, kind.name, kind.example);
        let first = strike(&*fault, &images, 1, 2);
        let again = strike(&*fault, &images, 1, 2);
        assert!(first.after == again.after && first.record == again.record, "{}", kind.name);
        let other = (3..9).any(|steady| strike(&*fault, &images, steady, 2).after != first.after);
        assert!(other, "{}: every episode looks the same", kind.name);
    }
}

/// The severity that was drawn is the one that can be measured in the image.
#[test]
fn severity_is_what_was_asked_for() {
    for_all(|kind, name, Struck { before, after, mask, record }| {
        let n = after.size_px;
        let share = |count: usize| count as f64 / (n * n) as f64;
        let white = after.depth.white();
        let one_pixel = 1.0 / n as f64;
        match kind.name {
            "blank" => {
                let mean = after.values.iter().map(|&v| f64::from(v)).sum::<f64>() / (n * n) as f64;
                assert!((mean / f64::from(white) - record["level"]).abs() < 0.004, "{name}");
            }
            "dead-block" => {
                let area = record["width"] * record["height"];
                assert!((share(mask.count()) - area).abs() < 2.0 * one_pixel, "{name}");
            }
            "dead-lines" => assert_eq!(mask.count(), record["lines"] as usize * n, "{name}"),
            "dropped-rows" => {
                let kept = (0..n).take_while(|row| mask.pixels[row * n..(row + 1) * n].iter().all(|p| !p));
                let missing = 1.0 - kept.count() as f64 / n as f64;
                assert!((missing - record["missing"]).abs() <= one_pixel, "{name}");
            }
            "garbled-rows" => {
                for row in 0..n {
                    let sorted = |image: &Grey| {
                        let mut row = image.values[row * n..(row + 1) * n].to_vec();
                        row.sort_unstable();
                        row
                    };
                    assert_eq!(sorted(&before), sorted(&after), "{name}: row {row}");
                }
            }
            "hand" => {
                let border =
                    (0..n * n).filter(|i| i % n == 0 || i % n == n - 1 || i / n == 0 || i / n == n - 1);
                assert!(border.into_iter().any(|i| mask.pixels[i]), "{name} does not come in over an edge");
            }
            "impulse-noise" => {
                // Five standard deviations of the binomial count.
                let asked = record["share"];
                let leeway = 5.0 * (asked * (1.0 - asked) / (n * n) as f64).sqrt();
                assert!((share(mask.count()) - asked).abs() < leeway, "{name}");
            }
            "repeated-frame" => {
                let earlier = recording(after.depth);
                let again = &earlier[(earlier.len() - 1).saturating_sub(record["back"] as usize)];
                let change =
                    after.difference(again).values.iter().map(|&v| f64::from(v).powi(2)).sum::<f64>();
                let noise = (change / (n * n) as f64).sqrt() / f64::from(white);
                assert!((noise - record["noise"]).abs() < 0.002, "{name}: {noise}");
            }
            "saturated" => {
                let end = if record["white"] == 1.0 { white } else { 0 };
                let clipped = share(after.values.iter().filter(|&&v| v == end).count());
                assert!(clipped > record["clipped"] - 2e-4, "{name}: {clipped}");
            }
            "shifted-frame" => {
                let [column, row] =
                    ["right_px", "down_px"].map(|key| (n as f64 / 2.0 - record[key]) as usize);
                assert_eq!(after.values[n / 2 * n + n / 2], before.values[row * n + column], "{name}");
            }
            "stuck-bit" => {
                let bit = 1 << (u32::from(after.depth.bits()) - record["bit"] as u32);
                assert!(after.values.iter().all(|v| (v & bit != 0) == (record["high"] == 1.0)), "{name}");
            }
            other => panic!("say how severe `{other}` is"),
        }
    });
}

/// Images of a pixel, and the first of a job, are no reason to fail.
#[test]
fn unusual_images_are_survived() {
    for kind in KINDS {
        let fault = build(KINDS, kind.name, kind.example);
        for size_px in [1, 2, 16] {
            for value in [0, 255] {
                let image = Grey { size_px, depth: Depth::Eight, values: vec![value; size_px * size_px] };
                strike(&*fault, std::slice::from_ref(&image), 1, 2);
                strike(&*fault, &[image.clone(), image], 3, 4);
            }
        }
    }
}
