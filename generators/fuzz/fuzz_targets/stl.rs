//! Bytes as an STL file: read, joined, repaired and sliced, or refused.
#![no_main]

use generators::mesh::{self, Mesh, Unit};
use libfuzzer_sys::fuzz_target;

fuzz_target!(|bytes: &[u8]| {
    let Ok(mesh) = Mesh::from_bytes(bytes, "fuzz.stl", Unit::Millimetre) else { return };
    let bounds = mesh.bounds();
    let heights_mm = mesh::layer_heights_mm(&bounds, bounds.size()[2] / 8.0);
    for slice in mesh::slice(&mesh, &heights_mm) {
        assert!(slice.area_mm2() >= 0.0, "an area is at least 0, not {}", slice.area_mm2());
    }
});
