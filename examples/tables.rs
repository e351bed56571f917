//! One projection, one separator or both on a table of numbers; what `benches/peers/sklearn_tables.py` runs.
//!
//! ```text
//! tables TABLE ROWS PROJECTION SEPARATOR SEED OUT
//! ```
//!
//! TABLE holds little-endian 32-bit floats, row by row. PROJECTION and SEPARATOR are TOML as in a scenario, or empty.
//! OUT receives the groups, one byte per row, or without a separator the projected rows as TABLE has them.
//! Prints the CPU seconds of the fit and of its application to the same rows, reading excluded, and the columns projected on.
#![allow(missing_docs, clippy::unwrap_used)]

use generators::params::Table;
use generators::registry::build;
use generators::stream::Stream;
use synthgen::representations::Matrix;
use synthgen::{representations::projections, separators};

/// Seconds that all threads of the process have run, from the kernel.
fn cpu_secs() -> f64 {
    let threads = std::fs::read_dir("/proc/self/task").unwrap();
    let nanoseconds = threads.map(|thread| {
        let text = std::fs::read_to_string(thread.unwrap().path().join("schedstat")).unwrap();
        text.split(' ').next().unwrap().parse::<f64>().unwrap()
    });
    nanoseconds.sum::<f64>() * 1e-9
}

fn main() {
    let [file, rows, projection, separator, seed, out] =
        <[String; 6]>::try_from(std::env::args().skip(1).collect::<Vec<_>>()).unwrap();
    let rows: usize = rows.parse().unwrap();
    let bytes = std::fs::read(file).unwrap();
    let values: Vec<f32> = bytes.as_chunks().0.iter().map(|&chunk| f32::from_le_bytes(chunk)).collect();
    let mut table = Matrix::new(rows, values.len() / rows, values);
    let stream = Stream::root(seed.parse().unwrap());
    let read = |text: &str| Table::parse("arguments", text).unwrap();

    let start = cpu_secs();
    if !projection.is_empty() {
        let projection = build(projections::KINDS, read(&projection)).unwrap().1;
        table = projection.fit(table, &stream).unwrap().fitted().clone();
    }
    let groups = (!separator.is_empty()).then(|| {
        let separator = build(separators::KINDS, read(&separator)).unwrap().1;
        separator.fit(&table, &mut stream.child("separator")).unwrap().groups(&table)
    });
    let secs = cpu_secs() - start;

    let bytes: Vec<u8> = match groups {
        Some(groups) => groups.into_iter().map(|group| group as u8).collect(),
        None => table.values.iter().flat_map(|value| value.to_le_bytes()).collect(),
    };
    std::fs::write(out, bytes).unwrap();
    println!("{secs} {}", table.columns);
}
