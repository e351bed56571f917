//! A trained detector and its threshold on new images.

use std::fmt::Write;
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use candle_core::Device;
use generators::dataset::{Dataset, MANIFEST, Split};

use super::folder::{entries, remove};
use super::model::open_model;
use super::{Failure, dataset_of, write_file, write_picture};
use crate::data::{self, Context, ImageSet, files};
use crate::detectors::{Progress, Scores};
use crate::report::{Picture, colour, escape};
use crate::signed::is_signed;
use crate::thresholds::saved::{self, SavedError, SavedThreshold, SavedThresholds};

/// Images in memory at once.
const CHUNK: usize = 64;
/// Letters of an image's name in that of its overlay: what the image is called, a file may not be called with more.
const STEM: usize = 48;
/// The table of scores.
const TABLE: &str = "scores.csv";
/// The folder of the overlays.
const OVERLAYS: &str = "overlays";
/// An overlay is enlarged by a whole factor until it is so wide, in px.
const LEAST_WIDTH: usize = 256;

/// What is to be scored, and how.
#[derive(Clone, Debug)]
pub struct Request<'a> {
    /// A model's file or folder.
    pub model: &'a Path,
    /// Images, folders of them, datasets or runs.
    pub images: &'a [PathBuf],
    /// Which score decides; the detector's headline where absent.
    pub score: Option<&'a str>,
    /// Which threshold decides; the scenario's first where absent.
    pub threshold: Option<&'a str>,
    /// Which images are drawn with their anomaly map.
    pub overlays: Overlays,
    /// Where to write.
    pub out: &'a Path,
}

/// Which images are drawn with their anomaly map.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Overlays {
    /// Those that are called anomalous.
    Anomalous,
    /// All.
    All,
    /// None.
    Never,
}

/// What came of it.
#[derive(Clone, Debug)]
pub struct Scored {
    /// Images scored.
    pub images: usize,
    /// Images called anomalous, by which threshold; absent where the model has none.
    pub verdict: Option<(usize, SavedThreshold)>,
    /// Wall time of the scoring alone, reading and writing left out, in milliseconds per image.
    pub ms_per_image: f64,
    /// The table of scores.
    pub table: PathBuf,
    /// The folder of the overlays, where there are any.
    pub overlays: Option<PathBuf>,
}

/// Scores images with a trained detector: `scores.csv` with a line per image, and overlays.
///
/// The scores of an image are those that the training run gave the same file. What an earlier call left in the folder is replaced, once
/// all images have been read and scored; other files beside the overlays stay.
///
/// # Errors
/// Where there is no model, no image, or an image of another size; where a threshold is asked for that the model has not; a file that
/// cannot be written, or somebody else's that has the name of an overlay.
pub fn score(request: &Request<'_>, device: &Device, progress: &dyn Progress) -> Result<Scored, Failure> {
    let model = open_model(request.model, device)?;
    let scorer = model.scorer()?;
    let size_px = model.architecture.image_px();
    let folder = if request.model.is_dir() { Some(request.model) } else { request.model.parent() };
    let folder = folder.unwrap_or(Path::new(""));
    let thresholds = SavedThresholds::read(folder)?;
    let rule = match &thresholds {
        Some(found) if request.score.or(request.threshold).is_some() || !found.thresholds.is_empty() => {
            Some(found.pick(request.score, request.threshold, folder)?)
        }
        None if request.score.or(request.threshold).is_some() => return Err(Failure::NoThresholds),
        _ => None,
    };
    let places: Vec<PathBuf> = request.images.iter().map(|path| dataset_of(path)).collect();
    let files = files::find(&places)?;
    files::check(&files, size_px)?;
    let known = with_context(&places, model.context()?)?;

    let mut table = Table::default();
    let mut time = Duration::ZERO;
    let mut called = 0;
    let drawn = Drawn::begin(request, &files)?;
    let mut overlays = 0;
    for chunk in files.chunks(CHUNK) {
        let images = match &known {
            Some(known) => known.select(&(table.rows..table.rows + chunk.len()).collect::<Vec<_>>()),
            None => files::read(chunk, size_px)?,
        };
        let started = Instant::now();
        let scores = scorer.score(&images)?;
        time += started.elapsed();
        let anomalous = rule.map(|rule| verdicts(&scores, rule, folder)).transpose()?;
        for (i, file) in chunk.iter().enumerate() {
            let verdict = anomalous.as_ref().map(|anomalous| anomalous[i]);
            called += usize::from(verdict == Some(true));
            let wanted = match request.overlays {
                Overlays::Anomalous => verdict == Some(true),
                Overlays::All => true,
                Overlays::Never => false,
            };
            let mut overlay = None;
            if wanted && let Some(map) = scores.maps.chunks(size_px * size_px).nth(i) {
                let top = thresholds.as_ref().and_then(|t| t.healthy_map_top);
                let name = overlay_name(table.rows, file);
                let picture = drawn_over(images.image(i), map, size_px, top);
                write_picture(&drawn.part.join(&name), &picture.png())?;
                overlay = Some(format!("{OVERLAYS}/{name}"));
                overlays += 1;
            }
            table.push(file, &scores, i, verdict, overlay.as_deref());
        }
        let _ = progress.step("score", table.rows, files.len(), &[]);
    }
    let folder = drawn.finish(overlays > 0)?;
    let path = request.out.join(TABLE);
    write_file(&path, table.text.as_bytes())?;
    Ok(Scored {
        images: files.len(),
        verdict: rule.map(|rule| (called, rule.clone())),
        ms_per_image: time.as_secs_f64() * 1e3 / files.len().max(1) as f64,
        table: path,
        overlays: folder,
    })
}

/// The test images of a dataset with what `context` wants to know of them; `None` where it wants nothing, and of images that are not one
/// whole dataset, of which nothing is known.
fn with_context(places: &[PathBuf], context: Context) -> Result<Option<ImageSet>, Failure> {
    match places {
        [place] if context.channels() > 0 && place.join(MANIFEST).is_file() => {
            Ok(Some(data::load(&Dataset::open(place)?, Split::Test, context.layers)?))
        }
        _ => Ok(None),
    }
}

/// Which images score higher than the rule allows.
///
/// # Errors
/// Where the model has no such score: the thresholds are another model's.
fn verdicts(scores: &Scores, rule: &SavedThreshold, folder: &Path) -> Result<Vec<bool>, SavedError> {
    let of_rule = scores.components.iter().find(|(name, _)| *name == rule.score);
    let Some((_, values)) = of_rule else {
        let why = format!("the model has no score `{}`", rule.score);
        return Err(SavedError::Damaged { path: folder.join(saved::FILE), why });
    };
    Ok(values.iter().map(|&v| f64::from(v) > rule.value).collect())
}

/// What the overlay of the image in `file` is called, which is scored after `before` others.
fn overlay_name(before: usize, file: &Path) -> String {
    let stem: String = file.file_stem().unwrap_or_default().to_string_lossy().chars().take(STEM).collect();
    format!("{:06}_{stem}.png", before + 1)
}

/// Overlays on their way: those of a call before stay until all of this one are drawn. What else is in their folder stays.
struct Drawn {
    /// Where they are written.
    part: PathBuf,
    /// Where they belong.
    whole: PathBuf,
}

impl Drawn {
    /// Before anything is scored, since a file of somebody else's may have the name of an overlay.
    fn begin(request: &Request<'_>, files: &[PathBuf]) -> Result<Self, Failure> {
        let out = request.out;
        let drawn = Self { part: out.join(format!("{OVERLAYS}.part")), whole: out.join(OVERLAYS) };
        let drawing = request.overlays != Overlays::Never;
        let in_the_way = [&drawn.part, &drawn.whole].into_iter().find(|folder| drawing && folder.is_file());
        if let Some(path) = in_the_way {
            return Err(Failure::Occupied { path: path.clone() });
        }
        for (before, file) in files.iter().enumerate().filter(|_| drawing) {
            let name = overlay_name(before, file);
            let mut places = [&drawn.whole, &drawn.part].into_iter().map(|folder| folder.join(&name));
            if let Some(path) = places.find(|path| path.symlink_metadata().is_ok() && !is_signed(path)) {
                return Err(Failure::Occupied { path });
            }
        }
        remove(&drawn.part, &is_signed)?;
        Ok(drawn)
    }

    /// Puts them in their place; the folder, where there are `any`.
    fn finish(self, any: bool) -> Result<Option<PathBuf>, Failure> {
        remove(&self.whole, &is_signed)?;
        if any {
            std::fs::create_dir_all(&self.whole).map_err(|e| Failure::io(&self.whole, e))?;
            for overlay in entries(&self.part)?.iter().filter(|entry| is_signed(entry)) {
                let place = self.whole.join(overlay.file_name().unwrap_or_default());
                std::fs::rename(overlay, place).map_err(|e| Failure::io(overlay, e))?;
            }
            remove(&self.part, &is_signed)?;
        }
        Ok(any.then_some(self.whole))
    }
}

/// A line per image, a column per score.
#[derive(Default)]
struct Table {
    text: String,
    rows: usize,
}

impl Table {
    fn push(
        &mut self,
        file: &Path,
        scores: &Scores,
        i: usize,
        anomalous: Option<bool>,
        overlay: Option<&str>,
    ) {
        // A string takes everything.
        if self.rows == 0 {
            let names: String =
                scores.components.iter().map(|(name, _)| format!("{},", escape::csv(name))).collect();
            let _ = writeln!(self.text, "file,{names}verdict,overlay");
        }
        let values: String = scores.components.iter().map(|(_, values)| format!("{},", values[i])).collect();
        let verdict = match anomalous {
            Some(true) => "anomalous",
            Some(false) => "healthy",
            None => "",
        };
        let file = escape::csv(&file.to_string_lossy());
        let _ =
            writeln!(self.text, "{file},{values}{verdict},{}", overlay.map_or(String::new(), escape::csv));
        self.rows += 1;
    }
}

/// The image, and beside it the same under its anomaly map: clear where the map is below `top`, the highest of healthy images, and
/// the stronger the farther above it.
fn drawn_over(image: &[f32], map: &[f32], size_px: usize, top: Option<f32>) -> Picture {
    /// Times `top` at which the tint is strongest.
    const STRONGEST: f32 = 4.0;
    /// How much of the image the strongest tint hides.
    const OPACITY: f32 = 0.8;
    /// Pixels between the two.
    const GAP: usize = 8;
    let top = top.unwrap_or_else(|| map.iter().fold(f32::MIN_POSITIVE, |a, &b| a.max(b)) / STRONGEST);
    let grey = Picture::grey(image, size_px);
    let mut tinted = grey.clone();
    for (i, &value) in map.iter().enumerate() {
        let strength = OPACITY * ((value / top - 1.0) / (STRONGEST - 1.0)).clamp(0.0, 1.0);
        let (x, y) = (i % size_px, i / size_px);
        let mixed = |(under, over): (u8, u8)| {
            (f32::from(under) * (1.0 - strength) + f32::from(over) * strength).round() as u8
        };
        let [r, g, b] = grey.get(x, y);
        let [red, green, blue] = colour::ANOMALY;
        tinted.set(x, y, [mixed((r, red)), mixed((g, green)), mixed((b, blue))]);
    }
    let factor = LEAST_WIDTH.div_ceil(size_px.max(1));
    let side = size_px * factor;
    let mut both = Picture::filled(2 * side + GAP, side, [255; 3]);
    both.paste(&grey.enlarged(factor), 0, 0);
    both.paste(&tinted.enlarged(factor), side + GAP, 0);
    both
}
