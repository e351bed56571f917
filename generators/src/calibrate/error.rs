//! What can be wrong with a folder of images.

use std::path::PathBuf;

/// Images that nothing can be fitted to.
#[derive(Debug, thiserror::Error)]
pub enum CalibrateError {
    /// The folder holds no image.
    #[error(
        "there is no image (PNG, JPEG, BMP or TIFF) in {}{}; name the folder that holds them",
        folder.display(),
        if *folders > 0 { format!(", but {folders} folders") } else { String::new() }
    )]
    NoImages {
        /// The folder.
        folder: PathBuf,
        /// How many folders it holds.
        folders: usize,
    },
    /// The folder or a file cannot be read.
    #[error("cannot read {}: {source}", path.display())]
    Io {
        /// The folder or file.
        path: PathBuf,
        /// What the system says.
        source: std::io::Error,
    },
    /// A file is no image.
    #[error("{} is no image that can be read: {why}; mend it or take it out of the folder", path.display())]
    Damaged {
        /// The file.
        path: PathBuf,
        /// What is wrong with it.
        why: String,
    },
    /// An image is too small to measure anything in it.
    #[error("{} is {width} x {height} px, and calibration needs at least {least} px on each side", path.display())]
    TooSmall {
        /// The file.
        path: PathBuf,
        /// Its width in px.
        width: usize,
        /// Its height in px.
        height: usize,
        /// What each side must have.
        least: usize,
    },
}
