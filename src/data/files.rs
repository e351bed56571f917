//! Images that lie anywhere, without a ledger.

use std::path::{Path, PathBuf};

use generators::dataset::{Dataset, DatasetError, MANIFEST, Split, read_grey};
use generators::screen::{self, ScreenError};
use image::error::UnsupportedErrorKind;
use image::{ImageError, ImageReader};
use rayon::prelude::*;

use super::{ImageSet, Past};

/// Why images cannot be found or read.
#[derive(Debug, thiserror::Error)]
pub enum FilesError {
    /// A folder that cannot be read or holds no image.
    #[error(transparent)]
    Folder(#[from] ScreenError),
    /// A file that is missing or no image, or a dataset that is not whole.
    #[error(transparent)]
    Dataset(#[from] DatasetError),
    /// A file that is no image, or none that a detector could see.
    #[error("{}: {why}; detectors take square images of 8 or 16 bits in PNG, JPEG, BMP or TIFF", path.display())]
    Unfit {
        /// The file.
        path: PathBuf,
        /// What is wrong with it.
        why: String,
    },
    /// There is neither a file nor a folder of that name.
    #[error("{}: there is no such file or folder", path.display())]
    Missing {
        /// What was asked for.
        path: PathBuf,
    },
    /// An image of another size.
    #[error(
        "{}: it is {found} px wide, and the model was trained on images of {expected} px; crop or scale it as the training images were",
        path.display()
    )]
    Size {
        /// The image.
        path: PathBuf,
        /// Pixels along one side of the training images.
        expected: usize,
        /// Its own.
        found: usize,
    },
    /// Several images that a model cannot see.
    #[error("{first}. {} more of the {images} images cannot be scored either: {}", others.len(), some_of(others))]
    Several {
        /// What is wrong with the first.
        first: Box<FilesError>,
        /// The others.
        others: Vec<PathBuf>,
        /// How many images there are.
        images: usize,
    },
    /// Images lie in the folders below, but none in the folder itself.
    #[error("{}: its images lie in folders below it; name one of them", folder.display())]
    OnlyBelow {
        /// The folder.
        folder: PathBuf,
    },
    /// Images that are not black and white.
    #[error("{} holds no masks: much of its images is neither black nor white", folder.display())]
    NotMasks {
        /// The folder.
        folder: PathBuf,
    },
    /// Masks that call nearly everything anomalous, while nobody said which shade is.
    #[error(
        "{percent} % of the masks in {} are white; write anomalous_is = \"black\" if white is healthy there, or \"white\" if all that is anomalous",
        folder.display()
    )]
    InvertedMasks {
        /// The folder.
        folder: PathBuf,
        /// Share of the pixels, in per cent.
        percent: u32,
    },
    /// Masks and photographs do not go together.
    #[error("{}: {masks} masks for {photographs} anomalous photographs; each needs one, in the same order of names", folder.display())]
    Masks {
        /// The masks' folder.
        folder: PathBuf,
        /// How many it holds.
        masks: usize,
        /// How many there should be.
        photographs: usize,
    },
    /// Too few parts were photographed to train, watch and test with different ones.
    #[error(
        "{}: {images} healthy photographs with {views} views of a part are too few parts: training, watching it and testing need one each",
        folder.display()
    )]
    FewParts {
        /// The healthy photographs' folder.
        folder: PathBuf,
        /// How many it holds.
        images: usize,
        /// Photographs of the same part.
        views: usize,
    },
}

/// The images that `paths` stand for, in that order: a file for itself, a dataset for its test images, any other
/// folder for the images in it and below, in the natural order of their names.
///
/// # Errors
/// Where there is nothing under a path.
pub fn find(paths: &[PathBuf]) -> Result<Vec<PathBuf>, FilesError> {
    let mut files = Vec::new();
    for path in paths {
        if path.join(MANIFEST).is_file() {
            let dataset = Dataset::open(path)?;
            let test = dataset.rows().iter().filter(|row| row.split == Split::Test);
            files.extend(test.map(|row| dataset.path(&row.file)));
        } else if path.is_dir() {
            files.extend(screen::find(path)?.into_iter().flatten());
        } else if path.is_file() {
            files.push(path.clone());
        } else {
            return Err(FilesError::Missing { path: path.clone() });
        }
    }
    Ok(files)
}

/// The first few names, and that there are more.
fn some_of(files: &[PathBuf]) -> String {
    const SHOWN: usize = 8;
    let names: Vec<String> = files.iter().take(SHOWN).map(|file| file.display().to_string()).collect();
    names.join(", ") + if files.len() > SHOWN { ", ..." } else { "" }
}

/// Sees that every one of `files` is an image of `size_px` x `size_px`, as far as its head tells.
///
/// # Errors
/// What is wrong with the first that is not, and which others are not.
pub fn check(files: &[PathBuf], size_px: usize) -> Result<(), FilesError> {
    let unfit = |path: &PathBuf, why: String| Some(FilesError::Unfit { path: path.clone(), why });
    let wrong = |path: &PathBuf| {
        let reader = ImageReader::open(path).and_then(ImageReader::with_guessed_format);
        let size = reader.map_err(|e| e.to_string()).and_then(|r| r.into_dimensions().map_err(reason));
        match size {
            Err(why) => unfit(path, why),
            Ok((width, height)) if width != height => {
                unfit(path, format!("{width} x {height} px is not square"))
            }
            Ok((width, _)) if width as usize != size_px => {
                Some(FilesError::Size { path: path.clone(), expected: size_px, found: width as usize })
            }
            Ok(_) => None,
        }
    };
    let found: Vec<(&PathBuf, FilesError)> =
        files.par_iter().filter_map(|path| Some((path, wrong(path)?))).collect();
    let others: Vec<PathBuf> = found.iter().skip(1).map(|(path, _)| (*path).clone()).collect();
    match found.into_iter().next() {
        None => Ok(()),
        Some((_, first)) if others.is_empty() => Err(first),
        Some((_, first)) => Err(FilesError::Several { first: Box::new(first), others, images: files.len() }),
    }
}

/// Why an image cannot be seen, without the decoder's own names where its numbers are no grey values.
fn reason(error: ImageError) -> String {
    match &error {
        ImageError::Unsupported(of) if matches!(of.kind(), UnsupportedErrorKind::Color(_)) => {
            "its numbers are no grey values but of another kind, such as temperatures in 32-bit floats; \
             score the image that they were taken from"
                .to_owned()
        }
        _ => error.to_string(),
    }
}

/// An image that belongs to no dataset: pixels along one side, and grey values from 0 to 1.
///
/// # Errors
/// A file that is missing, or no square image.
pub(super) fn grey(path: &Path) -> Result<(usize, Vec<f32>), FilesError> {
    read_grey(path).map_err(|e| match e {
        DatasetError::Damaged { path, why } => FilesError::Unfit { path, why },
        other => other.into(),
    })
}

/// The images in `files`, which are `size_px` wide. Of their jobs, layers and nominal slices nothing is known.
///
/// # Errors
/// A file that is missing, no image, or of another size.
pub fn read(files: &[PathBuf], size_px: usize) -> Result<ImageSet, FilesError> {
    let one = |path: &Path| match grey(path)? {
        (found, values) if found == size_px => Ok(values),
        (found, _) => Err(FilesError::Size { path: path.to_owned(), expected: size_px, found }),
    };
    let images: Vec<Vec<f32>> = files.par_iter().map(|path| one(path)).collect::<Result<_, FilesError>>()?;
    let unknown = vec![0; files.len()];
    Ok(ImageSet {
        size_px,
        pixels: images.concat(),
        nominal: Vec::new(),
        job: unknown.clone(),
        layer: unknown,
        past: Past::default(),
    })
}
