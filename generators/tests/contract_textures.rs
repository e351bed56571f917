//! What every registered texture keeps to. A new one is tested on the day it is registered.

mod scene;

use generators::layer::Field;
use generators::params::Draws;
use generators::registry::Kind;
use generators::stream::Stream;
use generators::textures::{KINDS, Texture};
use scene::{FRAME, build, files_with_a_kind, try_build};

fn paint(kind: &Kind<dyn Texture>, layer: usize, seed: u64) -> Field {
    let root = Stream::root(seed);
    let mut draws = Draws::new(&root.child("job"), &root.item("layer", layer));
    build(KINDS, kind.name, kind.example).paint(&FRAME, layer, &mut draws)
}

#[test]
fn every_file_is_registered() {
    let mut names: Vec<&str> = KINDS.iter().map(|kind| kind.name).collect();
    names.sort_unstable();
    assert_eq!(names, files_with_a_kind("textures"));
}

#[test]
fn names_are_unique_and_everything_is_explained() {
    for (i, kind) in KINDS.iter().enumerate() {
        assert!(KINDS[..i].iter().all(|other| other.name != kind.name), "{} is there twice", kind.name);
        assert!(!kind.summary.is_empty() && !kind.source.is_empty(), "{}", kind.name);
    }
}

#[test]
fn unknown_keys_are_refused_where_they_stand() {
    for kind in KINDS {
        let line = kind.example.lines().count() + 2;
        let message = try_build(KINDS, kind.name, &format!("{}  colour = 1", kind.example)).err().unwrap();
        let start = format!("s.toml:{line}:3: unknown key `colour` in the scenario; ");
        assert!(message.starts_with(&start), "{}: {message}", kind.name);
    }
}

#[test]
fn a_table_may_be_left_to_its_defaults() {
    for kind in KINDS {
        build(KINDS, kind.name, "");
    }
}

#[test]
fn the_field_fills_the_frame_with_numbers() {
    for kind in KINDS {
        let field = paint(kind, 3, 1);
        assert_eq!((field.size_px, field.values.len()), (96, 96 * 96), "{}", kind.name);
        assert!(field.values.iter().all(|v| v.is_finite()), "{}", kind.name);
    }
}

#[test]
fn equal_streams_paint_equal_fields_and_others_differ() {
    for kind in KINDS {
        assert_eq!(paint(kind, 3, 1), paint(kind, 3, 1), "{}", kind.name);
        let plain = paint(kind, 3, 1).values.iter().all(|&v| v == 0.0);
        assert!(plain || paint(kind, 3, 1) != paint(kind, 3, 2), "{}: seed", kind.name);
        assert!(plain || paint(kind, 3, 1) != paint(kind, 4, 1), "{}: layer", kind.name);
    }
}
