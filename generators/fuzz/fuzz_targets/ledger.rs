//! Bytes as the ledger of a dataset: its rows, or refused.
#![no_main]

use std::path::PathBuf;
use std::sync::LazyLock;

use generators::dataset::{Dataset, LEDGER, MANIFEST, Manifest};
use libfuzzer_sys::fuzz_target;

/// A dataset that consists of nothing but its ledger.
static FOLDER: LazyLock<PathBuf> = LazyLock::new(|| {
    let folder = std::env::temp_dir().join(format!("synthgen-fuzz-ledger-{}", std::process::id()));
    std::fs::create_dir_all(&folder).expect("a temporary folder");
    let manifest = serde_json::to_vec(&Manifest::default()).expect("a manifest");
    std::fs::write(folder.join(MANIFEST), manifest).expect("a temporary file");
    folder
});

fuzz_target!(|bytes: &[u8]| {
    std::fs::write(FOLDER.join(LEDGER), bytes).expect("a temporary file");
    if let Err(error) = Dataset::open(&FOLDER) {
        error.to_string();
    }
});
