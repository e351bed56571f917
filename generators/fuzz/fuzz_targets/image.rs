//! Bytes as an image file: grey values from 0 to 1, or refused.
#![no_main]

use std::path::PathBuf;
use std::sync::LazyLock;

use generators::dataset::read_grey;
use libfuzzer_sys::fuzz_target;

static PATH: LazyLock<PathBuf> =
    LazyLock::new(|| std::env::temp_dir().join(format!("synthgen-fuzz-{}.png", std::process::id())));

fuzz_target!(|bytes: &[u8]| {
    std::fs::write(&*PATH, bytes).expect("a temporary file");
    if let Ok((size_px, values)) = read_grey(&PATH) {
        assert_eq!(values.len(), size_px * size_px);
        assert!(values.iter().all(|v| (0.0..=1.0).contains(v)));
    }
});
