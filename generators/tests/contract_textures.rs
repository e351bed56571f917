//! What every registered texture keeps to. A new one is tested on the day it is registered.

mod scene;

use generators::layer::Field;
use generators::params::Draws;
use generators::registry::Kind;
use generators::stream::Stream;
use generators::textures::{KINDS, Texture};
use scene::{FRAME, build};

fn paint(kind: &Kind<dyn Texture>, layer: usize, seed: u64) -> Field {
    let root = Stream::root(seed);
    let mut draws = Draws::new(&root.child("job"), &root.item("layer", layer));
    build(KINDS, kind.name, kind.example).paint(&FRAME, layer, &mut draws)
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
