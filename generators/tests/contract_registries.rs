//! What every list of kinds keeps to. A new kind is tested on the day it is registered.

mod scene;

use std::path::Path;

use generators::dataset::formats;
use generators::defects::{effects, profiles, shapes};
use generators::registry::{Kind, contract};
use generators::{defects, faults, textures};
use scene::build;

fn check<T: ?Sized>(room: &str, kinds: &[Kind<T>]) {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("src").join(room);
    contract::check(kinds, &folder, &[]).unwrap_or_else(|why| panic!("{room}: {why}"));
}

/// Each kind can do without all keys.
fn without_keys<T: ?Sized>(kinds: &[Kind<T>]) {
    kinds.iter().filter(|kind| kind.name != "composed").for_each(|kind| drop(build(kinds, kind.name, "")));
}

#[test]
fn defects() {
    check("defects", defects::KINDS);
    check("defects/shapes", shapes::KINDS);
    check("defects/profiles", profiles::KINDS);
    check("defects/effects", effects::KINDS);
    without_keys(defects::KINDS);
}

#[test]
fn faults() {
    check("faults", faults::KINDS);
    without_keys(faults::KINDS);
}

#[test]
fn textures() {
    check("textures", textures::KINDS);
    without_keys(textures::KINDS);
}

#[test]
fn formats() {
    check("dataset/formats", formats::KINDS);
    without_keys(formats::KINDS);
}
