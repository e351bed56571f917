//! The project's own parts: sound, reproducible, and shaped as they should be.

#[path = "../../examples/make_parts.rs"]
#[allow(dead_code)]
mod make_parts;

use std::path::Path;

use generators::mesh::{Mesh, Unit, layer_heights_mm, slice};

#[test]
fn the_committed_files_are_what_the_program_makes() {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("../scenarios/parts");
    for (name, stl) in make_parts::parts().unwrap() {
        assert!(stl.len() < 800_000, "{name} has {} bytes", stl.len());
        assert!(std::fs::read(folder.join(name)).unwrap() == stl, "{name}: run the example make_parts");
    }
}

#[test]
fn they_are_closed_manifold_and_outward() {
    // Name, size in mm within 2 mm, least and most contours of a layer.
    for (name, size, contours) in [
        ("core.stl", [59.0, 56.5, 18.0], (3, 9)),
        ("bracket.stl", [70.0, 45.0, 25.0], (1, 8)),
        ("lattice.stl", [40.0, 40.0, 40.0], (2, 12)),
        ("flange.stl", [60.0, 60.0, 22.0], (2, 8)),
        ("gear.stl", [58.0, 58.0, 20.0], (7, 7)),
        ("housing.stl", [60.0, 40.0, 24.0], (3, 8)),
    ] {
        let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("../scenarios/parts").join(name);
        let part = Mesh::read(&path, Unit::Millimetre).unwrap();
        assert!(part.repairs().is_sound(), "{name}: {}", part.repairs());
        for (measured, expected) in part.bounds().size().into_iter().zip(size) {
            assert!((measured - expected).abs() < 2.0, "{name}: {measured} is not {expected}");
        }
        let slices = slice(&part, &layer_heights_mm(&part.bounds(), 0.25));
        let volume: f64 = slices.iter().map(|s| 0.25 * s.area_mm2()).sum();
        assert!(part.volume_mm3() > 0.0 && (volume / part.volume_mm3() - 1.0).abs() < 0.01);
        for slice in &slices {
            assert_eq!((slice.guess.open_chains, slice.guess.closed_gaps), (0, 0));
            let count = slice.contours.len();
            assert!((contours.0..=contours.1).contains(&count), "{name} at {}: {count}", slice.z_mm);
        }
    }
}
