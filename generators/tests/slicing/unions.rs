//! Overlapping bodies against a boolean overlay; `union_oracle.py` beside this file made the areas.

use generators::mesh::{Certificate, Verdict, slice};

use crate::real;

#[test]
fn overlapping_bodies_have_the_area_of_their_boolean_union_in_every_layer() {
    let rows: Vec<(&str, f64)> = include_str!("union_areas.csv")
        .lines()
        .skip(1)
        .map(|line| {
            let mut cells = line.split(',');
            (cells.next().unwrap(), cells.nth(1).unwrap().parse().unwrap())
        })
        .collect();
    for layers in rows.chunk_by(|a, b| a.0 == b.0) {
        let name = layers[0].0;
        let Some(part) = real::mesh(name) else { return };
        let slices = slice(&part, &real::two_hundred(&part));
        assert_eq!(slices.len(), layers.len());
        let largest = layers.iter().map(|row| row.1).fold(0.0, f64::max);
        for (k, (slice, &(_, area))) in slices.iter().zip(layers).enumerate() {
            let measured = slice.area_mm2();
            assert!((measured - area).abs() <= 1e-6 * largest, "{name} layer {k}: {measured} is not {area}");
        }
        let certificate = Certificate::of(&part, &slices);
        assert_eq!(certificate.verdict, Verdict::Sound, "{name}");
        assert!(certificate.layers.iter().any(|layer| layer.overlap_mm2 > 1e-9 * largest), "{name}");
    }
}
