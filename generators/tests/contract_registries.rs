//! What every list of kinds keeps to. A new kind is tested on the day it is registered.

mod scene;

use generators::registry::Kind;
use generators::{defects, faults, textures};
use scene::{build, files_with_a_kind, try_build};

/// Every file of the `room` that defines a kind is in its list, once, and explained; each kind can do without all keys,
/// except those that `needs` names, and refuses a key that it does not know.
fn check<T: ?Sized>(room: &str, kinds: &[Kind<T>], needs: &[&str]) {
    let mut names: Vec<&str> = kinds.iter().map(|kind| kind.name).collect();
    names.sort_unstable();
    assert_eq!(names, files_with_a_kind(room));
    for kind in kinds {
        assert!(!kind.summary.is_empty() && !kind.source.is_empty(), "{}", kind.name);
        if !needs.contains(&kind.name) {
            build(kinds, kind.name, "");
        }
        let line = kind.example.lines().count() + 2;
        let message = try_build(kinds, kind.name, &format!("{}  colour = 1", kind.example)).err();
        let start = format!("s.toml:{line}:3: unknown key `colour` in the scenario; ");
        assert!(message.as_ref().is_some_and(|m| m.starts_with(&start)), "{}: {message:?}", kind.name);
    }
}

#[test]
fn defects() {
    check("defects", defects::KINDS, &["composed"]);
}

#[test]
fn faults() {
    check("faults", faults::KINDS, &[]);
}

#[test]
fn textures() {
    check("textures", textures::KINDS, &[]);
}
