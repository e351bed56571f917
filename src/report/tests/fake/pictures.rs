//! The pictures of a run that never happened.

use std::fs;
use std::path::Path;

use super::*;
use crate::report::picture::{Picture, false_colour_png};

pub(super) fn gallery() -> Vec<GalleryEntry> {
    let entry = |(i, defect): (usize, &str)| {
        let name = format!("job{:04}_layer{:04}", 30 + i % 2, 11 + i);
        let defect_path = defect.replace(' ', "_");
        let place = |folder: &str| Some(format!("dataset/{folder}/{name}.png"));
        let parameters = [
            ("bed.temperature_c", 31.2),
            ("defect.cnr", 4.1),
            ("defect.diameter_mm", 9.4),
            ("print.temperature_c", 58.03),
            ("thermal.retain", 0.2431),
        ];
        GalleryEntry {
            defect: Some(defect.into()),
            job: 30 + (i % 2) as u32,
            layer: 11 + i as u32,
            image: format!("dataset/test/{defect_path}/{name}.png"),
            twin: place("test/good"),
            mask: Some(format!("dataset/ground_truth/{defect_path}/{name}_mask.png")),
            change: place(&format!("change/{defect_path}")),
            nominal: place("nominal"),
            maps: ["vae", "f-anogan"]
                .map(|d| GalleryMap {
                    detector: d.into(),
                    file: format!("maps/{d}/{name}.png"),
                    range: [0.0, 0.0834],
                })
                .to_vec(),
            cnr_image: Some(4.13),
            diameter_px: Some(6.02),
            parameters: parameters.map(|(k, v)| (k.to_owned(), v)).into(),
            scores: vec![
                ImageScore {
                    detector: "vae".into(),
                    component: "MSE".into(),
                    value: 0.0213,
                    threshold: Some(0.0174),
                },
                ImageScore {
                    detector: "f-anogan".into(),
                    component: "A".into(),
                    value: 0.0131,
                    threshold: Some(0.0169),
                },
            ],
        }
    };
    DEFECTS.into_iter().flat_map(|d| [d, d]).enumerate().map(entry).collect()
}

/// Writes every picture that [`record`] names, except the last map.
pub fn write_pictures(record: &Record, run: &Path) {
    let put = |file: &str, bytes: Vec<u8>| {
        let path = run.join(file);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(path, bytes).unwrap();
    };
    let grey = |values: &[f64]| {
        let values: Vec<f32> = values.iter().map(|&v| v as f32).collect();
        Picture::grey(&values, SIZE_PX).png()
    };
    for (i, entry) in record.gallery.iter().enumerate() {
        let kind = i / 2;
        let (x0, y0) = (22.0 + 5.0 * (i % 3) as f64, 25.0 + 3.0 * (i % 4) as f64);
        let twin = layer(i as f64);
        let mask = pixels(|x, y| {
            let hit = match kind {
                0 => (x - x0).hypot(y - y0) < 3.5,
                1 => (x - x0).abs() + (y - y0).abs() < 4.0,
                2 => (y - y0).abs() < 3.0 && (x - 32.0).abs() < 17.0,
                3 => (x - x0).abs() < 7.0 && (y - y0).abs() < 5.0,
                _ => (x - x0).abs() < 1.6,
            };
            f64::from(u8::from(hit))
        });
        let image: Vec<f64> =
            twin.iter().zip(&mask).map(|(t, m)| t + 0.16 * m * if kind == 0 { -1.0 } else { 1.0 }).collect();
        let change: Vec<f64> = image.iter().zip(&twin).map(|(a, b)| (a - b).abs()).collect();
        put(&entry.image, grey(&image));
        put(entry.twin.as_ref().unwrap(), grey(&twin));
        put(entry.mask.as_ref().unwrap(), grey(&mask));
        put(entry.change.as_ref().unwrap(), grey(&change));
        put(entry.nominal.as_ref().unwrap(), grey(&nominal()));
        for map in entry.maps.iter().take(if i == 9 { 1 } else { 2 }) {
            let mut noise = Noise::new(i as u64);
            let values: Vec<f32> = change.iter().map(|c| (0.4 * c + 0.01 * noise.uniform()) as f32).collect();
            put(&map.file, false_colour_png(&values, SIZE_PX, [0.0, 0.0834]));
        }
    }
    for (s, snapshot) in record.detectors.iter().flat_map(|d| d.snapshots.iter().enumerate()) {
        for (z, file) in snapshot.files.iter().enumerate() {
            let learned = s as f64 / 6.0;
            let mut noise = Noise::new((10 * s + z) as u64);
            let values: Vec<f64> =
                layer(z as f64).iter().map(|v| learned * v + (1.0 - learned) * noise.uniform()).collect();
            put(file, grey(&values));
        }
    }
}

fn pixels(value: impl Fn(f64, f64) -> f64) -> Vec<f64> {
    (0..SIZE_PX * SIZE_PX).map(|i| value((i % SIZE_PX) as f64, (i / SIZE_PX) as f64)).collect()
}

fn nominal() -> Vec<f64> {
    pixels(|x, y| {
        let plate = (x - 32.0).abs() < 20.0 && (y - 32.0).abs() < 15.0;
        let hole = (x - 24.0).hypot(y - 32.0) < 5.0 || (x - 42.0).hypot(y - 30.0) < 4.0;
        f64::from(u8::from(plate && !hole))
    })
}

/// A healthy layer, inverted as the camera sees it: warm is dark.
fn layer(phase: f64) -> Vec<f64> {
    let texture = pixels(|x, y| {
        0.02 * ((0.31 * x + phase).sin() + (0.23 * y - 0.7 * phase).cos() + (0.9 * x + 0.7 * y).sin())
    });
    nominal().iter().zip(texture).map(|(n, t)| 0.78 - 0.38 * n + t).collect()
}
