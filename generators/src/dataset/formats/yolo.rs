//! YOLO segmentation: one text file of polygons beside each image.

mod outline;

use std::fs;
use std::path::Path;

use super::super::files::{remove_file, sha256, write_file};
use super::super::view::{Outline, View};
use super::super::volume::{Volume, on_disk};
use super::super::{DatasetError, Row, Split, names};
use super::Format;
use super::images::{Images, create, in_order, inside, stem};
use crate::registry::Kind;

/// `yolo/data.yaml`, `yolo/images/test/striation/NAME.png`, `yolo/labels/test/striation/NAME.txt`.
pub(super) const KIND: Kind<dyn Format> = Kind {
    name: "yolo",
    summary: "YOLO segmentation: data.yaml, the images, and per image a text file of normalised polygons",
    source: "https://docs.ultralytics.com/datasets/segment/",
    example: "",
    build: |_| Ok(Box::new(Yolo)),
};

/// One line per connected component of the footprint: the class, then x and y of each point in shares of
/// the image's side. The format knows no holes; they are cut open by a bridge of no width, so that the
/// polygon covers the mask's pixels and no others ([`outline`]). Healthy images have empty files. The
/// images are hard links, or copies where the file system has no links.
struct Yolo;

/// What readers are given.
const DATA: &str = "yolo/data.yaml";
/// Where the images are, in folders as the dataset's own are.
const IMAGES: &str = "yolo/images";
/// Where the polygons are, in the same folders: readers put the one word in the place of the other.
const LABELS: &str = "yolo/labels";

impl Format for Yolo {
    fn owns(&self, file: &str) -> bool {
        let of_a_row = |folder: &str, ending: &str| inside(folder, file, ending).is_some_and(names::is_row);
        file == DATA || of_a_row(IMAGES, ".png") || of_a_row(LABELS, ".txt")
    }

    fn begin(&self, outline: &Outline) -> Result<Box<dyn View>, DatasetError> {
        let images = Images::new(outline);
        [IMAGES, LABELS].iter().try_for_each(|folder| create(&images.path(folder)))?;
        let has = |split: Split| outline.manifest.images.contains_key(split.name());
        let text = data_yaml(&images.classes, has);
        write_file(&images.path(DATA), text.as_bytes())?;
        Ok(Box::new(Files { images, finished: vec![(DATA.to_owned(), sha256(text.as_bytes()))] }))
    }

    /// A file of polygons for each footprint; the images are links.
    fn bytes(&self, volume: &Volume) -> f64 {
        on_disk(volume.mask) * volume.anomalous
    }
}

/// The files being written.
struct Files {
    images: Images,
    finished: Vec<(String, String)>,
}

impl View for Files {
    fn put(&mut self, rows: &[Row]) -> Result<(), DatasetError> {
        let Self { images, finished } = self;
        let make = |row: &Row| {
            let names = [format!("{IMAGES}/{}", row.file), format!("{LABELS}/{}.txt", stem(row))];
            for folder in names.iter().filter_map(|name| Some(name.rsplit_once('/')?.0)) {
                create(&images.path(folder))?;
            }
            let image = images.bytes(&row.file)?;
            place(&images.path(&row.file), &image, &images.path(&names[0]))?;
            let label = label(images, row)?;
            write_file(&images.path(&names[1]), label.as_bytes())?;
            let hashes = [sha256(&image), sha256(label.as_bytes())];
            Ok(names.into_iter().zip(hashes))
        };
        in_order(rows, make, |_, files| {
            finished.extend(files);
            Ok(())
        })
    }

    fn finish(self: Box<Self>) -> Result<Vec<(String, String)>, DatasetError> {
        Ok(self.finished)
    }
}

/// Puts the image at `path`, whose bytes are `image`, at `to` as well.
fn place(path: &Path, image: &[u8], to: &Path) -> Result<(), DatasetError> {
    remove_file(to)?;
    match fs::hard_link(path, to) {
        Ok(()) => Ok(()),
        Err(_) => write_file(to, image),
    }
}

fn label(images: &Images, row: &Row) -> Result<String, DatasetError> {
    let (Some(class), Some(mask)) = (images.class(row), images.footprint(row)?) else {
        return Ok(String::new());
    };
    let side_px = mask.size_px as f64;
    let mut text = String::new();
    for polygon in outline::polygons(&mask) {
        text += &class.to_string();
        for [x, y] in polygon {
            text += &format!(" {:.6} {:.6}", x / side_px, y / side_px);
        }
        text.push('\n');
    }
    Ok(text)
}

/// Folders are relative to the file, as they are where it names no `path`.
fn data_yaml(classes: &[String], has: impl Fn(Split) -> bool) -> String {
    // Readers insist on `val`.
    let watched = if has(Split::Validation) { Split::Validation } else { Split::Test };
    let mut text = format!("train: images/{}\nval: images/{}\n", Split::Train.name(), watched.name());
    if has(Split::Test) {
        text += &format!("test: images/{}\n", Split::Test.name());
    }
    text += "names:\n";
    for (number, name) in classes.iter().enumerate() {
        text += &format!("  {number}: {name:?}\n");
    }
    text
}
