//! WebDataset: tar archives that are read from front to back, one group of files per image.

mod tar;

use std::collections::BTreeMap;
use std::io::Write;

use serde::Serialize;
use serde_json::json;

use super::super::files::Draft;
use super::super::view::{Outline, View};
use super::super::volume::Volume;
use super::super::{DatasetError, Row, Split, names, png};
use super::Format;
use super::images::{Images, create, in_order, inside, stem};
use crate::layer::Mask;
use crate::registry::Kind;

/// `webdataset/train-000000.tar`, `webdataset/test-000000.tar`, ...
pub(super) const KIND: Kind<dyn Format> = Kind {
    name: "webdataset",
    summary: "WebDataset shards, one series per split: image, footprint, nominal slice, label and parameters",
    source: "https://github.com/webdataset/webdataset; POSIX.1-1988 ustar",
    example: "shard_mib = 256.0",
    build: |table| {
        let shard_mib = table.number("shard_mib", Some(256.0), 0.01..=1_000_000.0)?;
        Ok(Box::new(WebDataset { shard_bytes: (shard_mib * 1024.0 * 1024.0) as usize }))
    },
};

/// The key of an image is its file in the dataset without the ending: `test/striation/job0012_layer0034`.
/// It has `.png`, `.mask.png` (the footprint; empty for a healthy image), `.nominal.png`, `.cls` (0 for
/// healthy, then defects and faults in alphabetical order), `.json` (the row of the ledger) and, where the
/// dataset has temperatures, `.temperature.tiff` or `.temperature.png`. Images are in the order of the
/// ledger: readers shuffle.
struct WebDataset {
    /// A shard is closed before an image that would make it larger than this.
    shard_bytes: usize,
}

const FOLDER: &str = "webdataset";

/// What the shard of that number of a split is called.
fn shard_name(split: &str, number: usize) -> String {
    format!("{FOLDER}/{split}-{number:06}.tar")
}

/// Whether [`shard_name`] made this.
fn is_shard(file: &str) -> bool {
    let shard = inside(FOLDER, file, ".tar").and_then(|name| name.split_once('-'));
    shard.is_some_and(|(split, number)| {
        names::is_split(split) && number.parse().is_ok_and(|number| shard_name(split, number) == file)
    })
}

impl Format for WebDataset {
    fn owns(&self, file: &str) -> bool {
        is_shard(file)
    }

    fn begin(&self, outline: &Outline) -> Result<Box<dyn View>, DatasetError> {
        let folder = outline.folder.join(FOLDER);
        create(&folder)?;
        let images = Images::new(outline);
        let healthy_mask =
            png::mask(&Mask::empty(images.size_px)).map_err(DatasetError::io("write", &folder))?;
        let shard_bytes = self.shard_bytes;
        Ok(Box::new(Files { images, shard_bytes, healthy_mask, open: BTreeMap::new(), finished: Vec::new() }))
    }

    /// A copy of everything, each file after a head and in whole records.
    fn bytes(&self, volume: &Volume) -> f64 {
        const FACTS: f64 = 2500.0;
        let Volume { image, nominal, temperature, mask, .. } = *volume;
        let archived = |bytes: f64| 512.0 * (1.0 + (bytes / 512.0).ceil());
        let files = [image, nominal, temperature.unwrap_or(0.0), mask, 1.0, FACTS];
        volume.images() * files.map(archived).iter().sum::<f64>()
    }
}

/// The files being written.
struct Files {
    images: Images,
    shard_bytes: usize,
    /// The mask of every healthy image, encoded.
    healthy_mask: Vec<u8>,
    open: BTreeMap<Split, Shard>,
    finished: Vec<(String, String)>,
}

/// One archive.
struct Shard {
    number: usize,
    name: String,
    draft: Draft,
    bytes: usize,
}

/// `.json`: the row, and its label as a number.
#[derive(Serialize)]
struct Facts<'a> {
    file: &'a str,
    split: &'static str,
    label: usize,
    fault: Option<&'a str>,
    defect: Option<&'a str>,
    afterglow: bool,
    job: u32,
    layer: u32,
    twin: Option<&'a str>,
    stream: &'a str,
    parameters: &'a BTreeMap<String, f64>,
}

impl View for Files {
    fn put(&mut self, rows: &[Row]) -> Result<(), DatasetError> {
        let Self { images, shard_bytes, healthy_mask, open, finished } = self;
        in_order(
            rows,
            |row| sample(images, row, healthy_mask),
            |row, sample| {
                let number = match open.remove(&row.split) {
                    Some(mut shard) if shard.bytes + sample.len() + tar::END.len() <= *shard_bytes => {
                        shard.write(&sample)?;
                        open.insert(row.split, shard);
                        return Ok(());
                    }
                    Some(full) => {
                        let number = full.number + 1;
                        finished.push(full.finish()?);
                        number
                    }
                    None => 0,
                };
                let mut shard = Shard::begin(images, row.split, number)?;
                shard.write(&sample)?;
                open.insert(row.split, shard);
                Ok(())
            },
        )
    }

    fn finish(mut self: Box<Self>) -> Result<Vec<(String, String)>, DatasetError> {
        for shard in self.open.into_values() {
            self.finished.push(shard.finish()?);
        }
        Ok(self.finished)
    }
}

impl Shard {
    fn begin(images: &Images, split: Split, number: usize) -> Result<Self, DatasetError> {
        let name = shard_name(split.name(), number);
        let draft = Draft::create(&images.path(&name))?;
        Ok(Self { number, name, draft, bytes: 0 })
    }

    fn write(&mut self, bytes: &[u8]) -> Result<(), DatasetError> {
        self.bytes += bytes.len();
        self.draft.write_all(bytes).map_err(DatasetError::io("write", self.draft.path()))
    }

    fn finish(mut self) -> Result<(String, String), DatasetError> {
        self.write(&tar::END)?;
        let hash = self.draft.keep()?;
        Ok((self.name, hash))
    }
}

/// The files of one image, as a piece of an archive.
fn sample(images: &Images, row: &Row, healthy_mask: &[u8]) -> Result<Vec<u8>, DatasetError> {
    let label = images.class(row).map_or(0, |class| class + 1);
    let facts = Facts {
        file: &row.file,
        split: row.split.name(),
        label,
        fault: row.fault.as_deref(),
        defect: row.defect.as_deref(),
        afterglow: row.afterglow,
        job: row.job,
        layer: row.layer,
        twin: row.twin.as_deref(),
        stream: &row.stream,
        parameters: &row.parameters,
    };
    let mut files = vec![
        ("png", images.bytes(&row.file)?),
        ("mask.png", row.mask.as_ref().map_or(Ok(healthy_mask.to_vec()), |mask| images.bytes(mask))?),
        ("nominal.png", images.bytes(&row.nominal)?),
        ("cls", label.to_string().into_bytes()),
        ("json", json!(facts).to_string().into_bytes()),
    ];
    if let Some(file) = &row.temperature {
        let ending = if file.ends_with(".tiff") { "temperature.tiff" } else { "temperature.png" };
        files.push((ending, images.bytes(file)?));
    }
    let mut piece = Vec::new();
    for (ending, content) in files {
        let name = format!("{}.{ending}", stem(row));
        tar::append(&mut piece, &name, &content).ok_or_else(|| {
            DatasetError::damaged(&images.path(&row.file), "a tar archive has no room for its name")
        })?;
    }
    Ok(piece)
}
