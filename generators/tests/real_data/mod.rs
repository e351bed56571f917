//! Real files that nobody here made.

use std::path::{Path, PathBuf};

/// A folder of the real data: below what `SYNTHGEN_REAL_DATA` names, as seen from the project's folder, or `../shared/data`.
/// Without it a line is printed, and the test is to be skipped.
pub fn folder(name: &str) -> Option<PathBuf> {
    let data = std::env::var_os("SYNTHGEN_REAL_DATA").unwrap_or_else(|| "../shared/data".into());
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("..").join(data).join(name);
    let there = folder.is_dir();
    if !there {
        println!("skipped: there is no {} (SYNTHGEN_REAL_DATA)", folder.display());
    }
    there.then_some(folder)
}
