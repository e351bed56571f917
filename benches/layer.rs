//! Where the time of a layer goes, stage by stage, at four sizes: `cargo bench --bench layer`.
//!
//! The stages and their numbers are those of `benches/peers/generator.py`: two fresh fields of four octaves, decay, blur
//! of 1.4 px at 256 px, 8 bits, image and nominal slice as PNG. `benches/peers/generator.py` measures the whole program.
//! Beside them are limits of the machine: a copy of a field in memory, and the same PNG by the `png` crate at its fastest.

use std::hint::black_box;
use std::path::Path;
use std::time::Duration;

use criterion::{BenchmarkId, Criterion, criterion_group, criterion_main};
use generators::camera::Grey;
use generators::dataset::png;
use generators::gaussian::blur;
use generators::job;
use generators::layer::{Field, Layer};
use generators::mesh::{Mesh, Unit, slice};
use generators::params::{Draws, Table};
use generators::raster::{Placement, coverage};
use generators::registry;
use generators::scenario::{Production, Scenario};
use generators::stream::Stream;
use generators::textures::{self, Texture};
use generators::thermal::retain;
use image::codecs::png::{CompressionType, FilterType, PngEncoder};
use image::{ExtendedColorType, ImageEncoder};

const SIZES_PX: [usize; 4] = [128, 256, 512, 1024];
/// Side of the bed in mm; the part fills most of it.
const BED_MM: f64 = 100.0;

/// A training job of the part on that bed.
fn production(size_px: usize) -> Production {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("scenarios");
    let text = format!(
        "name = \"layer\"\nseed = 1\n\
         [camera]\nimage_px = {size_px}\nblur_px = {}\n\
         [bed]\nsize_mm = {BED_MM}\n\
         [bed.texture]\nkind = \"cloud\"\namplitude_c = 1.5\nfeature_mm = {}\n\
         [print.texture]\nkind = \"cloud\"\namplitude_c = 2.0\nfeature_mm = {}\n\
         [layers]\nheight_mm = 0.3\nmax = 20\n\
         [[part]]\nfile = \"parts/core.stl\"\nunit = \"mm\"\npose = \"fixed\"\n\
         [thermal]\nretain = 0.5\n\
         [dataset]\ntraining_jobs = 1\nvalidation_jobs = 0\ntest_jobs = 0\n",
        1.4 * size_px as f64 / 256.0,
        BED_MM / 8.0,
        BED_MM / 16.0,
    );
    Table::parse("layer.toml", &text)
        .and_then(|mut table| Scenario::read(&mut table, &folder))
        .and_then(Scenario::resolve)
        .expect("the scenario is sound")
}

fn cloud(features: f64, amplitude_c: f64) -> Box<dyn Texture> {
    let feature_mm = BED_MM / features;
    let text = format!("kind = \"cloud\"\namplitude_c = {amplitude_c}\nfeature_mm = {feature_mm}\n");
    let built = Table::parse("cloud.toml", &text).and_then(|table| registry::build(textures::KINDS, table));
    built.expect("the texture is sound").1
}

fn stages(criterion: &mut Criterion) {
    // What is freed then stays with the allocator, as in a long run, and is not fetched from the system each time.
    drop(black_box(vec![1u8; 31 << 20]));
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("scenarios/parts/core.stl");
    let stl = std::fs::read(&path).expect("the example make_parts of generators writes the part");
    let part = Mesh::from_bytes(&stl, "core.stl", Unit::Millimetre).expect("the part is sound");
    let middle = slice(&part, &[part.bounds().centre()[2]]).remove(0);
    let placement = Placement { rotation_deg: 0.0, at_mm: [BED_MM / 2.0; 2] };
    let (bed, print) = (cloud(8.0, 1.5), cloud(16.0, 2.0));
    let streams = (Stream::root(1).child("job"), Stream::root(1).child("layer"));
    let draws = || Draws::new(&streams.0, &streams.1);
    let folder = tempfile::tempdir().expect("a temporary folder");

    let mut group = criterion.benchmark_group("stage");
    group.sample_size(20).warm_up_time(Duration::from_millis(300)).measurement_time(Duration::from_secs(1));
    for size_px in SIZES_PX {
        let production = production(size_px);
        let (frame, camera) = (production.frame(), production.camera());
        let mut bench = |stage: &str, body: &mut dyn FnMut()| {
            group.bench_function(BenchmarkId::new(stage, size_px), |b| b.iter(&mut *body));
        };
        let mask = coverage(&[(&middle, placement)], &frame);
        let paint = |texture: &dyn Texture| texture.paint(&frame, 0, &mut draws());
        let layer = Layer::compose(frame, 0, mask.clone(), paint(&*bed), paint(&*print));
        let exposure = camera.expose(&mut draws());
        let blurred_c: Field = blur(&layer.temperature_c, exposure.blur_px);
        // Textures alone lie below the camera's range; a layer of the job does not.
        let mut sample = None;
        let first = job::simulate(&production, &production.jobs()[0], |layer| {
            sample = Some(layer);
            Err(None::<job::NothingShows>)
        });
        let (Err(None), Some(sample)) = (first, sample) else { return };
        let image: Grey = sample.healthy.grey;
        let (Ok(image_png), Ok(mask_png)) = (png::grey(&image), png::share(&mask)) else { return };

        bench("1 mask", &mut || drop(black_box(coverage(&[(&middle, placement)], &frame))));
        bench("2 textures", &mut || drop(black_box((paint(&*bed), paint(&*print)))));
        bench("3 compose", &mut || {
            let [mask, bed_c, part_c] = [&layer.coverage, &layer.bed_c, &layer.part_c];
            drop(black_box(generators::layer::mix(mask, bed_c, part_c)));
        });
        bench("4 decay", &mut || {
            drop(black_box(retain(&blurred_c, &layer.temperature_c, |_| 0.5)));
        });
        bench("5 blur", &mut || drop(black_box(blur(&layer.temperature_c, exposure.blur_px))));
        bench("6 quantise", &mut || drop(black_box(camera.digitise(&blurred_c, &exposure))));
        bench("7 PNG image", &mut || drop(black_box(png::grey(&image))));
        bench("8 PNG mask", &mut || drop(black_box(png::share(&mask))));
        let mut number = 0;
        bench("9 files", &mut || {
            number += 1;
            for (kind, bytes) in [("image", &image_png), ("mask", &mask_png)] {
                let path = folder.path().join(format!("{kind}{number:07}"));
                std::fs::write(path, bytes).expect("the disk has room");
            }
        });
        bench("limit: copy of a field", &mut || drop(black_box(blurred_c.clone())));
        let levels: Vec<u8> = image.values.iter().map(|&level| level as u8).collect();
        bench("limit: PNG image by the png crate", &mut || {
            let mut file = Vec::new();
            let encoder =
                PngEncoder::new_with_quality(&mut file, CompressionType::Fast, FilterType::Adaptive);
            let side_px = size_px as u32;
            encoder.write_image(&levels, side_px, side_px, ExtendedColorType::L8).expect("memory has room");
            drop(black_box(file));
        });
        let (jobs, layers) = (production.jobs(), production.most_layers());
        bench(&format!("{layers} layers without PNG"), &mut || {
            let all = job::simulate(&production, &jobs[0], |sample| {
                black_box(sample);
                Ok::<(), job::NothingShows>(())
            });
            drop(black_box(all));
        });
    }
    group.finish();
}

criterion_group!(benches, stages);
criterion_main!(benches);
