//! One layer of a print job, with everything that happens to it: mask, two fresh textures, decay,
//! blur, scale, and the PNG files of image and slice. The quickstart's scenario at its own size.

use std::hint::black_box;
use std::path::Path;

use criterion::{Criterion, Throughput, criterion_group, criterion_main};
use generators::job;
use generators::params::Table;
use generators::scenario::Scenario;

fn layers(c: &mut Criterion) {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("scenarios");
    let text = include_str!("../scenarios/quickstart.toml");
    let production = Table::parse("quickstart.toml", text)
        .and_then(|mut table| Scenario::read(&mut table, &folder))
        .and_then(Scenario::resolve)
        .expect("the quickstart is a sound scenario");
    let jobs = production.jobs();
    let mut group = c.benchmark_group("job");
    group.throughput(Throughput::Elements(production.printable().len() as u64));
    group.sample_size(10);
    group.bench_function("healthy layers, 64 px", |b| {
        b.iter(|| {
            job::simulate(&production, &jobs[0], &mut |sample| {
                black_box(sample);
                Ok::<(), job::NothingShows>(())
            })
        });
    });
    group.finish();
}

criterion_group!(benches, layers);
criterion_main!(benches);
