//! Slicing one of the project's parts: `cargo bench --bench slicing`.

use std::hint::black_box;
use std::path::Path;

use criterion::{Criterion, criterion_group, criterion_main};
use generators::layer::Frame;
use generators::mesh::{Mesh, Unit, slice};
use generators::raster::{Placement, coverage};

fn slicing(criterion: &mut Criterion) {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("scenarios/parts/core.stl");
    let Ok(stl) = std::fs::read(&path) else {
        eprintln!("{} is missing: run the example make_parts of generators", path.display());
        return;
    };
    let Ok(part) = Mesh::from_bytes(&stl, "core.stl", Unit::Millimetre) else { return };
    let (low, size) = (part.bounds().min[2], part.bounds().size()[2]);
    let heights: Vec<f64> = (0..200).map(|k| low + (k as f64 + 0.5) * size / 200.0).collect();

    let mut group = criterion.benchmark_group("core.stl");
    group.bench_function("read", |b| {
        b.iter(|| Mesh::from_bytes(black_box(&stl), "core.stl", Unit::Millimetre).is_ok());
    });
    group.bench_function("slice 200 layers", |b| b.iter(|| slice(black_box(&part), &heights)));
    let slices = slice(&part, &heights);
    group.bench_function("area of 200 layers", |b| {
        b.iter(|| slices.iter().map(|slice| black_box(slice).area_mm2()).sum::<f64>());
    });
    for size_px in [64, 256, 1024] {
        let frame = Frame { size_px, px_per_mm: size_px as f64 / 80.0 };
        let placement = Placement { rotation_deg: 20.0, at_mm: [40.0, 40.0] };
        group.bench_function(format!("coverage of a layer, {size_px} px"), |b| {
            b.iter(|| coverage(&[(black_box(&slices[100]), placement)], &frame));
        });
    }
    group.finish();
}

criterion_group!(benches, slicing);
criterion_main!(benches);
