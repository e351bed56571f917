//! Photographs of the real process: healthy ones, to train on and to be tested, and anomalous ones with their masks.

use std::path::{Path, PathBuf};

use generators::screen;
use generators::stream::Stream;
use image::imageops::{FilterType, resize};
use image::{ImageBuffer, Luma};
use rayon::prelude::*;

use super::files::{FilesError, grey};
use super::{ImageSet, Past, split_jobs};

/// Share of the parts that are trained on which only watch the training.
const WATCHING: f64 = 0.2;

/// Masks with more than this share of pixels between black and white are none.
const MOST_GREY: f64 = 0.2;
/// Masks that call more than this share of the pixels anomalous may be meant the other way round.
const MOST_ANOMALOUS: f64 = 0.8;

/// Where photographs lie, and what is known of them.
#[derive(Clone, Debug, PartialEq)]
pub struct Folders {
    /// Healthy photographs.
    pub healthy: PathBuf,
    /// Anomalous ones.
    pub anomalous: PathBuf,
    /// Where each of these is anomalous: as many images as `anomalous` holds, in the same order of names.
    pub masks: Option<PathBuf>,
    /// Whether the masks are dark where the photograph is anomalous, where somebody said so; bright otherwise.
    pub dark: Option<bool>,
    /// Photographs, one after the other by name, that show the same part; it stays on one side of every split.
    pub views: usize,
    /// Share of the healthy parts that are trained on, 0 to 1.
    pub training_share: f64,
}

/// Photographs, split by part and scaled to one size.
#[derive(Clone, Debug, Default)]
pub struct Photographs {
    /// Healthy, for fitting. Its jobs are parts.
    pub training: ImageSet,
    /// Healthy, for watching the fit.
    pub validation: ImageSet,
    /// To be scored: the healthy ones that no training sees, then the anomalous ones.
    pub test: ImageSet,
    /// Whether each of these is anomalous.
    pub anomalous: Vec<bool>,
    /// Whether each pixel of these is, laid out as the images; absent without masks.
    pub masks: Option<Vec<bool>>,
}

/// Reads the photographs and scales them to `size_px`, each pixel by the share of the old ones that it covers.
///
/// Of their nominal slices nothing is known: they are taken as empty. The split depends on `stream` and the number of photographs.
///
/// # Errors
/// Where a folder is missing or holds no image, an image cannot be read or is not square, masks are not as many as photographs, are
/// grey, or call nearly everything anomalous while nobody said which shade is; and where the healthy ones show fewer than three
/// parts, so that training, watching and testing cannot have one each.
pub fn read(folders: &Folders, size_px: usize, stream: &Stream) -> Result<Photographs, FilesError> {
    let healthy = scaled(&list(&folders.healthy)?, size_px)?;
    let files = list(&folders.anomalous)?;
    let anomalous = scaled(&files, size_px)?;
    let part = |index: usize| (index / folders.views.max(1)) as u32;
    let parts: Vec<u32> = (0..healthy.len()).map(part).collect();
    let (seen, tested) = split_jobs(&parts, folders.training_share, &mut stream.child("split"));
    let seen_parts: Vec<u32> = seen.iter().map(|&i| parts[i]).collect();
    let (watching, trained) = split_jobs(&seen_parts, WATCHING, &mut stream.child("watching"));
    if watching.is_empty() || trained.is_empty() || tested.is_empty() {
        return Err(FilesError::FewParts {
            folder: folders.healthy.clone(),
            images: healthy.len(),
            views: folders.views,
        });
    }
    let set = |pick: &mut dyn Iterator<Item = usize>| {
        let pick: Vec<usize> = pick.collect();
        stack(size_px, pick.iter().map(|&i| &healthy[i][..]), pick.iter().map(|&i| parts[i]).collect())
    };
    let last = parts.last().map_or(0, |last| last + 1);
    let all = tested.iter().map(|&i| &healthy[i][..]).chain(anomalous.iter().map(Vec::as_slice));
    let jobs = tested.iter().map(|&i| parts[i]).chain((0..anomalous.len()).map(|i| last + part(i))).collect();
    let masks = (folders.masks.as_ref())
        .map(|folder| -> Result<Vec<bool>, FilesError> {
            let masks = list(folder)?;
            if masks.len() != files.len() {
                let (masks, photographs) = (masks.len(), files.len());
                return Err(FilesError::Masks { folder: folder.clone(), masks, photographs });
            }
            let marked = scaled(&masks, size_px)?.concat();
            let share = |is: &dyn Fn(f32) -> bool| {
                marked.iter().filter(|&&value| is(value)).count() as f64 / marked.len().max(1) as f64
            };
            if share(&|value| (0.1..=0.9).contains(&value)) > MOST_GREY {
                return Err(FilesError::NotMasks { folder: folder.clone() });
            }
            let dark = folders.dark.unwrap_or(false);
            let anomalous = share(&|value| (value < 0.5) == dark);
            if anomalous > MOST_ANOMALOUS && folders.dark.is_none() {
                let (folder, percent) = (folder.clone(), (100.0 * anomalous).floor() as u32);
                return Err(FilesError::InvertedMasks { folder, percent });
            }
            let healthy = std::iter::repeat_n(false, tested.len() * size_px * size_px);
            Ok(healthy.chain(marked.iter().map(|&value| (value < 0.5) == dark)).collect())
        })
        .transpose()?;
    Ok(Photographs {
        training: set(&mut trained.iter().map(|&k| seen[k])),
        validation: set(&mut watching.iter().map(|&k| seen[k])),
        test: stack(size_px, all, jobs),
        anomalous: (0..tested.len() + anomalous.len()).map(|i| i >= tested.len()).collect(),
        masks,
    })
}

/// The images that lie in `folder` itself, in the natural order of their names.
fn list(folder: &Path) -> Result<Vec<PathBuf>, FilesError> {
    let series = screen::find(folder)?;
    let of_folder = series.into_iter().find(|files| files[0].parent() == Some(folder));
    of_folder.ok_or_else(|| FilesError::OnlyBelow { folder: folder.to_owned() })
}

fn scaled(files: &[PathBuf], size_px: usize) -> Result<Vec<Vec<f32>>, FilesError> {
    let one = |path: &PathBuf| -> Result<Vec<f32>, FilesError> {
        let (found, values) = grey(path)?;
        Ok(if found == size_px { values } else { resampled(values, found, size_px) })
    };
    files.par_iter().map(one).collect()
}

/// Enlarged or made smaller with a triangular window, as wide as the larger pixel.
fn resampled(values: Vec<f32>, from_px: usize, to_px: usize) -> Vec<f32> {
    let side = |px: usize| u32::try_from(px).unwrap_or(u32::MAX);
    let image: Option<ImageBuffer<Luma<f32>, Vec<f32>>> =
        ImageBuffer::from_raw(side(from_px), side(from_px), values);
    // The buffer holds as many values as its sides say.
    image.map_or_else(Vec::new, |image| {
        resize(&image, side(to_px), side(to_px), FilterType::Triangle).into_raw()
    })
}

fn stack<'a>(size_px: usize, images: impl Iterator<Item = &'a [f32]>, job: Vec<u32>) -> ImageSet {
    let pixels: Vec<f32> = images.flatten().copied().collect();
    let nominal = vec![0.0; pixels.len()];
    ImageSet { size_px, pixels, nominal, layer: vec![0; job.len()], job, past: Past::default() }
}
