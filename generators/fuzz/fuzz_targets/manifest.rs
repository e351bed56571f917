//! Bytes as the manifest of a dataset, and as the header of one that is being made: opened, merged and discarded, or
//! refused, and nothing outside is touched.
#![no_main]

use std::ops::ControlFlow;
use std::path::PathBuf;
use std::sync::LazyLock;

use generators::dataset::{self, Dataset, MANIFEST};
use libfuzzer_sys::fuzz_target;

static FOLDER: LazyLock<PathBuf> =
    LazyLock::new(|| std::env::temp_dir().join(format!("synthgen-fuzz-manifest-{}", std::process::id())));

fuzz_target!(|bytes: &[u8]| {
    let [finished, begun, merged, outside] = ["finished", "begun", "merged", "ledger.parquet"].map(|n| FOLDER.join(n));
    for (folder, file) in [(finished.clone(), MANIFEST), (begun.join("jobs"), "dataset.json")] {
        std::fs::create_dir_all(&folder).expect("a temporary folder");
        std::fs::write(folder.join(file), bytes).expect("a temporary file");
    }
    std::fs::write(&outside, "mine").expect("a temporary file");
    for result in [
        Dataset::open(&finished).map(drop),
        Dataset::open(&begun).map(drop),
        dataset::merge(&[begun.clone()], &merged, &|_| ControlFlow::Continue(())),
        dataset::discard(&finished),
        dataset::discard(&begun),
        dataset::discard(&merged),
    ] {
        if let Err(error) = result {
            error.to_string();
        }
    }
    assert!(outside.is_file(), "a file outside of the dataset was removed");
});
