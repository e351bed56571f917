//! Croissant 1.1: metadata that say what the files are and how they make records.

use std::collections::BTreeSet;
use std::fs;
use std::path::PathBuf;

use serde_json::{Value, json};

use super::super::files::{sha256, write_json};
use super::super::view::{Outline, View};
use super::super::volume::Volume;
use super::super::{DatasetError, LEDGER, Manifest, Row, Split};
use super::Format;
use crate::registry::Kind;

/// `croissant.json` beside the manifest.
pub(super) const KIND: Kind<dyn Format> = Kind {
    name: "croissant",
    summary: "Croissant 1.1 metadata: files with their hashes, and records of images, masks and parameters",
    source: "MLCommons 2026, Croissant format specification 1.1, http://mlcommons.org/croissant/1.1",
    example: "license = \"https://spdx.org/licenses/CC-BY-4.0.html\"\nurl = \"https://example.org/data\"\n\
              creator = \"Example Works\"\npublished = \"2026-01-31\"\ncite_as = \"@misc{example, title = {Layers}}\"",
    build: |table| {
        Ok(Box::new(Croissant {
            license: table.string("license", Some(""))?,
            url: table.string("url", Some(""))?,
            creator: table.string("creator", Some(""))?,
            published: table.string("published", Some(""))?,
            cite_as: table.string("cite_as", Some(""))?,
        }))
    },
};

/// What only the publisher of a dataset can know is written where the scenario states it, and else left
/// out. The record set `images` has one record per row of the ledger, with the image; `masks` one per footprint.
#[derive(Clone)]
struct Croissant {
    license: String,
    url: String,
    creator: String,
    published: String,
    cite_as: String,
}

/// The file; its paths are relative to it.
const FILE: &str = "croissant.json";

/// The sets of images: name, what is in them, and the folders.
const FILE_SETS: [(&str, &str, &[&str]); 4] = [
    (
        "image-files",
        "the images",
        &["train/*/*.png", "validation/*/*.png", "test/*/*.png", "history/*/*.png", "screening/*/*.png"],
    ),
    ("mask-files", "the footprints", &["ground_truth/*/*.png", "screening_masks/*/*.png"]),
    ("change-files", "what heat and blur made of the defects: |image - twin|", &["change/*/*.png"]),
    ("nominal-files", "the slices that should have been printed", &["nominal/*.png"]),
];

/// The columns of the ledger that are not parameters: name, type, what it is.
const COLUMNS: [(&str, &str, &str); 12] = [
    ("split", "sc:Text", "train, validation or test"),
    ("defect", "sc:Text", "name of the defect; none for a healthy image"),
    ("fault", "sc:Text", "name of the fault of the camera or of people that spoilt the image; none for most"),
    ("twin", "sc:Text", "the healthy image of the same layer"),
    ("mask", "sc:Text", "the footprint: the pixels that the defect changed in the layer"),
    ("change", "sc:Text", "the change map |image - twin|"),
    ("nominal", "sc:Text", "the nominal slice"),
    ("temperature", "sc:Text", "the temperatures that the camera's sensor read, in degrees Celsius"),
    ("stream", "sc:Text", "path of the random stream that made the layer"),
    ("afterglow", "sc:Boolean", "the layer shows only what the defect left behind"),
    ("job", "sc:Integer", "number of the print job; no job is in two splits"),
    ("layer", "sc:Integer", "number of the layer in its job"),
];

impl Format for Croissant {
    fn owns(&self, file: &str) -> bool {
        file == FILE
    }

    fn begin(&self, outline: &Outline) -> Result<Box<dyn View>, DatasetError> {
        Ok(Box::new(Description {
            stated: self.clone(),
            folder: outline.folder.to_owned(),
            manifest: outline.manifest.clone(),
            parameters: outline.parameters.clone(),
            classes: outline.classes.clone(),
            images: 0,
        }))
    }

    /// The columns of the ledger, one by one.
    fn bytes(&self, _: &Volume) -> f64 {
        25_000.0
    }
}

/// What the file will say.
struct Description {
    stated: Croissant,
    folder: PathBuf,
    manifest: Manifest,
    parameters: BTreeSet<String>,
    classes: BTreeSet<String>,
    images: usize,
}

impl View for Description {
    fn put(&mut self, rows: &[Row]) -> Result<(), DatasetError> {
        self.images += rows.len();
        Ok(())
    }

    fn finish(self: Box<Self>) -> Result<Vec<(String, String)>, DatasetError> {
        // The ledger is finished before the formats are.
        let path = self.folder.join(LEDGER);
        let ledger = fs::read(&path).map_err(DatasetError::io("read", &path))?;
        let hash = write_json(&self.folder.join(FILE), &self.metadata(&ledger))?;
        Ok(vec![(FILE.to_owned(), hash)])
    }
}

impl Description {
    fn metadata(&self, ledger: &[u8]) -> Value {
        let Manifest { format, program, fingerprint, seed, image_px, bits, .. } = &self.manifest;
        let mut metadata = json!({
            "@context": context(),
            "@type": "sc:Dataset",
            "conformsTo": "http://mlcommons.org/croissant/1.1",
            "name": format!("synthgen-{}", fingerprint.get(..12).unwrap_or(fingerprint)),
            "description": format!(
                "Layer images with exactly labelled defects: {} images of {image_px} px, {bits} bits per pixel, made by \
                 {program} from seed {seed}. Every anomalous image has a healthy twin.",
                self.images
            ),
            "version": format!("{format}.0.0"),
            "keywords": ["anomaly detection", "layer-wise manufacturing", "synthetic data", "domain randomization"],
            "distribution": distribution(ledger),
            "recordSet": self.record_sets(),
        });
        let Croissant { license, url, creator, published, cite_as } = &self.stated;
        let stated = [
            ("license", license, json!(license)),
            ("url", url, json!(url)),
            ("creator", creator, json!({ "@type": "sc:Organization", "name": creator })),
            ("datePublished", published, json!(published)),
            ("citeAs", cite_as, json!(cite_as)),
        ];
        for (key, text, value) in stated {
            if !text.is_empty() {
                metadata[key] = value;
            }
        }
        metadata
    }

    fn record_sets(&self) -> Vec<Value> {
        let splits = Split::ALL.into_iter().filter(|split| self.manifest.images.contains_key(split.name()));
        let meaning = |split| match split {
            Split::Train => "cr:TrainingSplit",
            Split::Validation => "cr:ValidationSplit",
            Split::Test | Split::History | Split::Screening => "cr:TestSplit",
        };
        let splits: Vec<Value> = splits
            .map(|split| json!({ "splits/name": split.name(), "splits/url": meaning(split) }))
            .collect();
        let mut sets = vec![json!({
            "@type": "cr:RecordSet",
            "@id": "splits",
            "name": "splits",
            "description": "No print job is in two of them.",
            "dataType": "cr:Split",
            "key": { "@id": "splits/name" },
            "field": [
                { "@type": "cr:Field", "@id": "splits/name", "name": "name", "dataType": "sc:Text" },
                { "@type": "cr:Field", "@id": "splits/url", "name": "url", "dataType": "sc:URL" },
            ],
            "data": splits,
        })];
        sets.push(self.images());
        if !self.classes.is_empty() {
            let labels: Vec<Value> = self.classes.iter().map(|name| json!({ "labels/name": name })).collect();
            sets.push(json!({
                "@type": "cr:RecordSet",
                "@id": "labels",
                "name": "labels",
                "description": "what the images show that are not healthy: defects and faults",
                "dataType": "sc:Enumeration",
                "key": { "@id": "labels/name" },
                "field": [{ "@type": "cr:Field", "@id": "labels/name", "name": "name", "dataType": "sc:Text" }],
                "data": labels,
            }));
            sets.push(masks());
        }
        sets
    }

    fn images(&self) -> Value {
        let mut file = file_field(
            "images",
            "file",
            json!("sc:Text"),
            "image-files",
            "fullpath",
            "the image, relative to the dataset's folder",
        );
        file["source"]["transform"] = json!({ "regex": "^(.+)$" });
        file["references"] = json!({ "fileObject": { "@id": LEDGER }, "extract": { "column": "file" } });
        let mut fields = vec![file];
        for (name, data_type, description) in COLUMNS {
            let data_type = if ["defect", "fault"].contains(&name) {
                json!([data_type, "cr:Label"])
            } else {
                json!(data_type)
            };
            fields.push(column(name, data_type, description));
        }
        for name in &self.parameters {
            fields.push(column(name, json!("sc:Float"), "drawn or derived for the image"));
        }
        fields.push(file_field(
            "images",
            "image",
            json!("sc:ImageObject"),
            "image-files",
            "content",
            "the image",
        ));
        json!({
            "@type": "cr:RecordSet",
            "@id": "images",
            "name": "images",
            "description": "one record per image",
            "key": { "@id": "images/file" },
            "field": fields,
        })
    }
}

/// Appendix 1 of the specification, with schema.org by its own name and with the terms of its parts, as MLCommons'
/// reader asks for both.
fn context() -> Value {
    const TERMS: [&str; 35] = [
        "annotation",
        "arrayShape",
        "citeAs",
        "column",
        "containedIn",
        "equivalentProperty",
        "excludes",
        "extract",
        "field",
        "fileObject",
        "fileProperty",
        "fileSet",
        "format",
        "includes",
        "isArray",
        "isLiveDataset",
        "jsonPath",
        "key",
        "md5",
        "parentField",
        "path",
        "readLines",
        "recordSet",
        "references",
        "regex",
        "repeated",
        "replace",
        "samplingRate",
        "sdVersion",
        "separator",
        "source",
        "subField",
        "transform",
        "unArchive",
        "value",
    ];
    let mut context = json!({
        "@language": "en",
        "@vocab": "https://schema.org/",
        "sc": "https://schema.org/",
        "cr": "http://mlcommons.org/croissant/",
        "rai": "http://mlcommons.org/croissant/RAI/",
        "dct": "http://purl.org/dc/terms/",
        "conformsTo": "dct:conformsTo",
        "data": { "@id": "cr:data", "@type": "@json" },
        "dataType": { "@id": "cr:dataType", "@type": "@vocab" },
        "examples": { "@id": "cr:examples", "@type": "@json" },
    });
    for term in TERMS {
        context[term] = json!(format!("cr:{term}"));
    }
    context
}

fn distribution(ledger: &[u8]) -> Vec<Value> {
    let mut files = vec![json!({
        "@type": "cr:FileObject",
        "@id": LEDGER,
        "name": LEDGER,
        "description": "one row per image: label, job, layer, twin, every parameter that was drawn",
        "contentUrl": LEDGER,
        "contentSize": format!("{} B", ledger.len()),
        "encodingFormat": "application/x-parquet",
        "sha256": sha256(ledger),
    })];
    for (id, description, includes) in FILE_SETS {
        files.push(json!({
            "@type": "cr:FileSet",
            "@id": id,
            "name": id,
            "description": description,
            "encodingFormat": "image/png",
            "includes": includes,
        }));
    }
    files
}

/// A field of `images` from a column of the ledger.
fn column(name: &str, data_type: Value, description: &str) -> Value {
    json!({
        "@type": "cr:Field",
        "@id": format!("images/{name}"),
        "name": name,
        "description": description,
        "dataType": data_type,
        "source": { "fileObject": { "@id": LEDGER }, "extract": { "column": name } },
    })
}

/// A field of `set` from a property of each file of `file_set`.
fn file_field(
    set: &str,
    name: &str,
    data_type: Value,
    file_set: &str,
    property: &str,
    description: &str,
) -> Value {
    json!({
        "@type": "cr:Field",
        "@id": format!("{set}/{name}"),
        "name": name,
        "description": description,
        "dataType": data_type,
        "source": { "fileSet": { "@id": file_set }, "extract": { "fileProperty": property } },
    })
}

fn masks() -> Value {
    let mask = json!(["cr:SegmentationMask", "sc:ImageObject"]);
    json!({
        "@type": "cr:RecordSet",
        "@id": "masks",
        "name": "masks",
        "description": "one record per anomalous image: its footprint, 255 inside and 0 outside",
        "key": { "@id": "masks/file" },
        "field": [
            file_field("masks", "file", json!("sc:Text"), "mask-files", "fullpath", "the footprint's file"),
            file_field("masks", "mask", mask, "mask-files", "content", "the footprint"),
        ],
    })
}
