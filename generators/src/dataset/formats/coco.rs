//! COCO: one JSON file per split, with the footprints run-length encoded.

mod rle;

use std::collections::BTreeMap;
use std::collections::btree_map::Entry;
use std::io::Write;

use serde::Serialize;
use serde_json::json;

use super::super::files::Draft;
use super::super::view::{Outline, View};
use super::super::volume::Volume;
use super::super::{DatasetError, Row, Split, names};
use super::Format;
use super::images::{Images, create, in_order, inside};
use crate::layer::Mask;
use crate::registry::Kind;
use rle::RunLengths;

/// `coco/train.json`, `coco/test.json`: images, labels as categories, one annotation per footprint.
pub(super) const KIND: Kind<dyn Format> = Kind {
    name: "coco",
    summary: "COCO annotations, one file per split: bounding box, area and run-length encoded footprint",
    source: "Lin et al. 2014, Microsoft COCO, doi:10.1007/978-3-319-10602-1_48; https://cocodataset.org/#format-data",
    example: "",
    build: |_| Ok(Box::new(Coco)),
};

/// `file_name` is relative to the dataset's folder, which is what readers ask for as the root of the images.
/// Numbers of images and annotations begin at 1 and are unique over the splits. An anomalous image has
/// one annotation, its whole footprint; healthy images, and those that show only afterglow, have none.
struct Coco;

const FOLDER: &str = "coco";

impl Format for Coco {
    fn owns(&self, file: &str) -> bool {
        inside(FOLDER, file, ".json").is_some_and(names::is_split)
    }

    fn begin(&self, outline: &Outline) -> Result<Box<dyn View>, DatasetError> {
        create(&outline.folder.join(FOLDER))?;
        let program = &outline.manifest.program;
        let info = json!({
            "description": "layer images with exactly labelled defects",
            "contributor": program,
            "version": outline.manifest.fingerprint,
        });
        Ok(Box::new(Files { info, images: Images::new(outline), counts: [0, 0], splits: BTreeMap::new() }))
    }

    /// Each image has an entry, and each footprint the lengths of its runs.
    fn bytes(&self, volume: &Volume) -> f64 {
        200.0 * volume.images() + (200.0 + volume.mask) * volume.anomalous
    }
}

/// The files being written.
struct Files {
    info: serde_json::Value,
    images: Images,
    /// Images and annotations so far.
    counts: [usize; 2],
    splits: BTreeMap<Split, File>,
}

/// The file of one split: annotations as they come, then the images.
struct File {
    name: String,
    draft: Draft,
    annotations: usize,
    /// The entries of the images, each on a line; they are small.
    images: String,
}

#[derive(Serialize)]
struct Image<'a> {
    id: usize,
    file_name: &'a str,
    width: usize,
    height: usize,
    label: Option<&'a str>,
    job: u32,
    layer: u32,
}

#[derive(Serialize)]
struct Category {
    id: usize,
    name: String,
    supercategory: &'static str,
}

#[derive(Serialize)]
struct Annotation {
    id: usize,
    image_id: usize,
    category_id: usize,
    /// Left, top, width and height in pixels.
    bbox: [usize; 4],
    area: usize,
    iscrowd: u8,
    segmentation: RunLengths,
}

/// What the mask alone says.
struct Footprint {
    bbox: [usize; 4],
    area: usize,
    segmentation: RunLengths,
}

impl View for Files {
    fn put(&mut self, rows: &[Row]) -> Result<(), DatasetError> {
        let Self { info, images, counts, splits } = self;
        let encode = |row: &Row| {
            let encode = |mask: Mask| Footprint {
                bbox: bounds(&mask),
                area: mask.count(),
                segmentation: RunLengths::encode(&mask),
            };
            Ok(images.footprint(row)?.map(encode))
        };
        in_order(rows, encode, |row, footprint| {
            let file = match splits.entry(row.split) {
                Entry::Occupied(open) => open.into_mut(),
                Entry::Vacant(none) => none.insert(File::begin(images, row.split, info)?),
            };
            counts[0] += 1;
            let category_id = images.class(row).map_or(0, |class| class + 1);
            file.image(images, row, counts[0]);
            if let Some(Footprint { bbox, area, segmentation }) = footprint {
                counts[1] += 1;
                let [image_id, id] = *counts;
                file.annotation(&Annotation {
                    id,
                    image_id,
                    category_id,
                    bbox,
                    area,
                    iscrowd: 0,
                    segmentation,
                })?;
            }
            Ok(())
        })
    }

    fn finish(self: Box<Self>) -> Result<Vec<(String, String)>, DatasetError> {
        self.splits.into_values().map(File::finish).collect()
    }
}

impl File {
    fn begin(images: &Images, split: Split, info: &serde_json::Value) -> Result<Self, DatasetError> {
        let name = format!("{FOLDER}/{}.json", split.name());
        let draft = Draft::create(&images.path(&name))?;
        let mut file = Self { name, draft, annotations: 0, images: String::new() };
        let category =
            |(id, name): (usize, &String)| Category { id, name: name.clone(), supercategory: "anomaly" };
        let categories: Vec<Category> = (1..).zip(&images.classes).map(category).collect();
        let categories = json!(categories);
        let head =
            format!("{{\"info\":{info},\n\"licenses\":[],\n\"categories\":{categories},\n\"annotations\":[");
        file.write(&head)?;
        Ok(file)
    }

    fn image(&mut self, images: &Images, row: &Row, id: usize) {
        let side_px = images.size_px;
        let image = Image {
            id,
            file_name: &row.file,
            width: side_px,
            height: side_px,
            label: row.label(),
            job: row.job,
            layer: row.layer,
        };
        self.images += if self.images.is_empty() { "\n" } else { ",\n" };
        self.images += &json!(image).to_string();
    }

    fn annotation(&mut self, annotation: &Annotation) -> Result<(), DatasetError> {
        let separator = if self.annotations == 0 { "\n" } else { ",\n" };
        self.annotations += 1;
        self.write(&format!("{separator}{}", json!(annotation)))
    }

    fn write(&mut self, text: &str) -> Result<(), DatasetError> {
        let written = self.draft.write_all(text.as_bytes());
        written.map_err(DatasetError::io("write", self.draft.path()))
    }

    fn finish(mut self) -> Result<(String, String), DatasetError> {
        let tail = format!("\n],\n\"images\":[{}\n]}}\n", self.images);
        self.write(&tail)?;
        let hash = self.draft.keep()?;
        Ok((self.name, hash))
    }
}

/// Left, top, width and height in pixels of the box around a set that is not empty.
fn bounds(mask: &Mask) -> [usize; 4] {
    let n = mask.size_px;
    let places = || (0..n * n).filter(|&i| mask.pixels[i]).map(|i| [i % n, i / n]);
    let least = |axis: usize| places().map(|at| at[axis]).min().unwrap_or(0);
    let most = |axis: usize| places().map(|at| at[axis] + 1).max().unwrap_or(0);
    let (left, top) = (least(0), least(1));
    [left, top, most(0) - left, most(1) - top]
}
