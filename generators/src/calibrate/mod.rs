//! Randomisation ranges from a folder of unlabelled real images.
//!
//! The paper takes the least and the greatest value over a sample of real images for the ends of its randomisation
//! intervals (Zeiser et al. 2023, section 4.2); here each image is asked for
//!
//! | parameter | how |
//! |---|---|
//! | temperature of bed and print | means of a mixture of two normal distributions, or of the only class (`classes`) |
//! | blur | gradient in the middle of the contours (`edge`); without contours, where the spectrum ends |
//! | noise | the high-frequency residual of Immerkaer (`noise`), less what texture and rounding leave in it |
//! | size, persistence, amplitude and grain of the textures | the variogram of each class (`variogram`, `texture`) |
//! | what a layer retains | how much images in order differ after one layer and after two (`decay`) |
//! | shading | the lens and the plane that all images share (`shading`), and the plane through each class |
//! | the sensor's pattern | what is left of the first half of the images and of the second, where they agree (`shared`) |
//!
//! What all images share is taken from each of them before its texture is measured,
//! and the middle share of the answers is the range (`range`).

mod classes;
mod decay;
mod edge;
mod error;
mod fragment;
mod measure;
mod noise;
mod photo;
mod range;
mod sampling;
mod shading;
mod shared;
mod texture;
mod variogram;

use std::path::{Path, PathBuf};

pub use error::CalibrateError;
pub use fragment::HEAD;
pub use range::Range;

use measure::{Class, Group, Measured};
use photo::Photo;
use range::median;
use sampling::Outline;
use shared::Shared;
use texture::{Fit, Fitted, Observed};

/// How grey values become temperatures, and at which size.
#[derive(Clone, Debug)]
pub struct Scale {
    /// Temperatures in degrees Celsius at the two ends of the grey scale, low before high.
    pub range_c: [f64; 2],
    /// White is the lower end.
    pub invert: bool,
    /// Pixels that the shorter side of every image is given first; those of the first image where `None`.
    pub image_px: Option<usize>,
}

/// What the images do not say.
#[derive(Clone, Debug)]
pub struct Options {
    /// What grey values mean.
    pub scale: Scale,
    /// The length that the shorter side shows, in mm; a scenario's bed keeps its own where `None`, and sizes are
    /// for one of 100 mm.
    pub bed_mm: Option<f64>,
    /// The images are layers in the order of their names.
    pub ordered: bool,
    /// The print is colder than the bed.
    pub cold_print: bool,
    /// Share of the images that a range covers, 0 to 1.
    pub cover: f64,
}

/// One number of a scenario.
#[derive(Clone, Debug, PartialEq)]
pub struct Parameter {
    /// Its table and key: `bed.texture.amplitude_c`.
    pub name: String,
    /// Its range, or why the images do not tell it.
    pub range: Result<Range, &'static str>,
}

/// What a texture is.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Texture {
    /// Amplitude of an octave relative to the one before.
    pub persistence: f64,
    /// Share of the variance that is grain from pixel to pixel.
    pub grain_share: f64,
}

/// What all images show in the same place, as shares of variances from place to place; means over the sequences.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct InCommon {
    /// Share of an image's variance that all images show.
    pub of_image: f64,
    /// Share of that which is shading.
    pub shading: f64,
    /// Share of that which is the sensor's pattern. What is left stands in the photographs alone: no stage makes it.
    pub pattern: f64,
}

/// What a folder of images says.
#[derive(Clone, Debug, PartialEq)]
pub struct Calibration {
    /// How many images there are.
    pub images: usize,
    /// How many of them show two classes.
    pub with_two_classes: usize,
    /// Pixels of the shorter side.
    pub image_px: usize,
    /// Bits per pixel.
    pub bits: u8,
    /// Every number that is asked for, in the order of a scenario.
    pub parameters: Vec<Parameter>,
    /// The texture of bed and print, where there is one.
    pub textures: [Option<Texture>; 2],
    /// What all images show, where there are enough of them to tell.
    pub in_common: Option<InCommon>,
    /// The direction in which shading grows, `x` or `y`, where there is shading.
    pub shading: Option<&'static str>,
}

/// Blurs that are tried where no image has a contour, in pixels.
const BLURS_PX: [f64; 8] = [0.0, 0.4, 0.6, 0.8, 1.1, 1.5, 2.0, 3.0];
/// The two classes' shares of the range differ by this much where shot noise is to be told from reading noise.
const SIGNALS: f64 = 0.1;
/// Noise of less than this many times the variance of rounding is lost in it.
const ROUNDING: f64 = 1.5;

/// Outlines of classes that are kept.
const OUTLINES: usize = 48;
/// Fewer distances than this tell no texture.
const LEAST_LAGS: usize = 6;

const NO_CLASS: &str = "no image shows two classes";
const FEW: &str = "it takes at least 8 images of one size (of one sequence, with --ordered)";
const FLAT: &str = "nothing but rounding from place to place";

/// Is told how many images are measured, of how many.
pub type Told<'a> = &'a dyn Fn(usize, usize);

/// Fits the ranges to the images in `folder`.
///
/// # Errors
/// A folder without images; an image that cannot be read.
pub fn calibrate(folder: &Path, options: &Options, told: Told<'_>) -> Result<Calibration, CalibrateError> {
    let files = Photo::list(folder)?;
    let image_px = match options.scale.image_px {
        Some(image_px) => image_px,
        None => Photo::read(&files[0], &options.scale).map(|photo| photo.width.min(photo.height))?,
    };
    let scale = Scale { image_px: Some(image_px), ..options.scale.clone() };
    let groups = if options.ordered { Photo::sequences(&files) } else { vec![&files[..]] };
    let outlined = files.len().div_ceil(OUTLINES);
    // The images of a group are measured side by side, the groups one after the other.
    let mut before = 0;
    let measure = |group: &&[PathBuf]| {
        let of_all = |done| told(before + done, files.len());
        let measured = measure::group(group, &scale, options.ordered, outlined, &of_all);
        before += group.len();
        measured
    };
    let groups: Vec<Group> = groups.iter().map(measure).collect::<Result<_, _>>()?;
    let retains: Vec<[f64; 2]> = groups.iter().filter_map(|group| group.decay.retain()).collect();
    let (mut images, mut shared) = (Vec::new(), Vec::new());
    for group in groups {
        images.extend(group.images);
        shared.extend(group.shared);
    }
    Ok(Answers::new(&images, retains, &shared, image_px, options).summarise())
}

/// What every image says of every parameter.
struct Answers<'a> {
    options: &'a Options,
    images: &'a [Measured],
    image_px: usize,
    /// Bed and print of each image.
    surfaces: Vec<[Option<&'a Class>; 2]>,
    blurs_px: Vec<f64>,
    retains: Vec<[f64; 2]>,
    /// What each group of images shares.
    shared: &'a [Shared],
    textures: [Option<Texture>; 2],
    fits: [Vec<Option<Fit>>; 2],
}

impl<'a> Answers<'a> {
    fn new(
        images: &'a [Measured],
        retains: Vec<[f64; 2]>,
        shared: &'a [Shared],
        image_px: usize,
        options: &'a Options,
    ) -> Self {
        let surfaces = surfaces(images, options.cold_print);
        let told = median(images.iter().filter_map(|image| image.blur_px));
        let observe = |surface: usize, blur_px: Option<f64>| -> Vec<Option<Observed>> {
            let observed = surfaces.iter().zip(images).map(|(surfaces, image)| {
                let class = surfaces[surface]?;
                let blur_px = image.blur_px.or(blur_px)?;
                let variogram = class.variogram.clone();
                // One grey level has no texture, and a small class does not show it.
                let varies = variogram.lags.iter().any(|lag| lag.half_square_c2 > 0.0);
                (varies && variogram.lags.len() >= LEAST_LAGS).then_some(Observed {
                    variogram,
                    noise_c2: class.noise_c2?,
                    blur_px,
                })
            });
            observed.collect()
        };
        let fit = |observed: &[Option<Observed>]| {
            texture::fit(&observed.iter().flatten().cloned().collect::<Vec<Observed>>())
        };
        // Without a contour the blur is where the spectrum of the bed ends.
        let at_cut_off = || {
            let misfit = |blur_px: f64| fit(&observe(0, Some(blur_px))).misfit;
            let tried = BLURS_PX.map(|blur_px| (misfit(blur_px), blur_px));
            tried.into_iter().min_by(|a, b| a.0.total_cmp(&b.0)).map(|(_, blur_px)| blur_px)
        };
        let varied = observe(0, Some(0.0)).iter().any(Option::is_some);
        let common_px = told.or_else(|| if varied { at_cut_off() } else { None });
        let blurs_px = match told {
            Some(_) => images.iter().filter_map(|image| image.blur_px).collect(),
            None => common_px.into_iter().collect(),
        };
        let observed = [0, 1].map(|surface| observe(surface, common_px));
        let fitted: [Fitted; 2] = observed.each_ref().map(|observed| fit(observed));
        let textures = fitted.each_ref().map(|Fitted { persistence, fits, .. }| {
            let share = |fit: &Fit| fit.grain_c2 / (fit.cloud_c2 + fit.grain_c2);
            let grain_share = median(fits.iter().map(share).filter(|s| s.is_finite()))?;
            Some(Texture { persistence: *persistence, grain_share })
        });
        let fits = [0, 1].map(|surface| {
            let outlines: Vec<Outline> = (surfaces.iter().zip(images).zip(&observed[surface]))
                .filter_map(|((surfaces, image), observed)| {
                    let (size_px, inside) =
                        surfaces[surface]?.outline.clone().filter(|_| observed.is_some())?;
                    Some(Outline { size_px, inside, blur_px: image.blur_px.or(common_px)? })
                })
                .collect();
            let mut fits = sampling::sharpen(&fitted[surface], &outlines).into_iter();
            observed[surface].iter().map(|o| o.as_ref().and_then(|_| fits.next())).collect()
        });
        Self { options, images, image_px, surfaces, blurs_px, retains, shared, textures, fits }
    }

    fn summarise(self) -> Calibration {
        let mut parameters = Vec::new();
        let mut tell = |name: &str, range: Option<Range>, otherwise: &'static str| {
            parameters.push(Parameter { name: name.to_owned(), range: range.ok_or(otherwise) });
        };
        let of = |values: Vec<f64>| Range::of(values, self.options.cover);
        tell("camera.blur_px", of(self.blurs_px.clone()), FLAT);
        let few = if self.shared.is_empty() { FEW } else { "the light falls nowhere" };
        let lenses = || self.shared.iter().filter_map(|shared| shared.shading.lens.as_ref());
        tell("camera.vignette.corner_loss", of(lenses().map(|lens| lens.corner_loss).collect()), few);
        tell("camera.vignette.centre_x", of(lenses().map(|lens| lens.centre_x).collect()), few);
        tell("camera.vignette.centre_y", of(lenses().map(|lens| lens.centre_y).collect()), few);
        tell("camera.vignette.steepness", of(lenses().map(|lens| lens.steepness).collect()), few);
        let few = if self.shared.is_empty() { FEW } else { "the images do not agree in one" };
        let patterns = || self.shared.iter().filter_map(|shared| shared.pattern.as_ref());
        tell("camera.pattern.pixel_c", of(patterns().map(|pattern| pattern.pixel_c).collect()), few);
        tell("camera.pattern.column_c", of(patterns().map(|pattern| pattern.column_c).collect()), few);
        let (read_c, shot_c) = self.noise_c();
        tell("camera.noise.read_c", of(read_c), "less than the rounding to grey levels");
        tell(
            "camera.noise.shot_c",
            of(shot_c),
            "it takes two classes of different temperature whose noise shows",
        );
        let shading = self.shading();
        let lamp_c = shading.as_ref().map_or(0.0, |(_, rise_c, _)| *rise_c);
        let mm_per_px = self.options.bed_mm.unwrap_or(fragment::BED_MM) / self.image_px as f64;
        for (surface, name) in ["bed", "print"].into_iter().enumerate() {
            let classes = || self.surfaces.iter().filter_map(move |s| s[surface]);
            let fits = || self.fits[surface].iter().flatten();
            let otherwise = if classes().next().is_none() { NO_CLASS } else { FLAT };
            let means_c = classes().map(|class| class.mean_c - lamp_c).collect();
            tell(&format!("{name}.temperature_c"), of(means_c), NO_CLASS);
            let amplitudes_c = fits().map(|fit| (fit.cloud_c2 + fit.grain_c2).sqrt() * self.undamped());
            tell(&format!("{name}.texture.amplitude_c"), of(amplitudes_c.collect()), otherwise);
            let sizes_mm = fits().filter_map(|fit| Some(fit.feature_px? * mm_per_px));
            tell(&format!("{name}.texture.feature_mm"), of(sizes_mm.collect()), otherwise);
        }
        let unordered = if self.options.ordered {
            "it takes sequences of at least 6 images whose texture changes by more than the noise"
        } else {
            "the images are in no order (--ordered)"
        };
        // Every sequence answers with two ends.
        let retains = of(self.retains.as_flattened().to_vec());
        let retains = retains.map(|range| Range { values: self.retains.len(), ..range });
        tell("thermal.retain", retains, unordered);
        if let Some((_, rise_c, gradients)) = &shading {
            tell("thermal.lamp.rise_c", of(vec![*rise_c]), FLAT);
            tell("thermal.lamp.gradient", of(gradients.clone()), FLAT);
        }
        Calibration {
            images: self.images.len(),
            with_two_classes: self.images.iter().filter(|image| image.blur_px.is_some()).count(),
            image_px: self.image_px,
            bits: self.bits(),
            parameters,
            textures: self.textures,
            in_common: self.in_common(),
            shading: shading.map(|(axis, _, _)| axis),
        }
    }

    fn in_common(&self) -> Option<InCommon> {
        let count = self.shared.len() as f64;
        let mean = |of: &dyn Fn(&Shared) -> f64| self.shared.iter().map(of).sum::<f64>() / count;
        let image_c2 = mean(&|shared| shared.variance.image_c2);
        let shared_c2 = mean(&|shared| shared.variance.shared_c2);
        let unshaded_c2 = mean(&|shared| shared.variance.unshaded_c2);
        let pattern_c2 = mean(&|shared| {
            shared.pattern.as_ref().map_or(0.0, |p| p.pixel_c * p.pixel_c + p.column_c * p.column_c)
        });
        (count > 0.0 && shared_c2 > 0.0).then(|| InCommon {
            of_image: (shared_c2 / image_c2).min(1.0),
            shading: 1.0 - unshaded_c2 / shared_c2,
            pattern: (pattern_c2 / shared_c2).min(unshaded_c2 / shared_c2),
        })
    }

    /// Bits of a scenario whose rounding is that of the images.
    fn bits(&self) -> u8 {
        self.images.iter().map(|image| image.bits).max().unwrap_or(8)
    }

    /// Decay averages the texture over layers; the amplitude that a scenario states is that of one layer, greater by this
    /// factor: an autoregression of coefficient `r` has the variance `(1 - r) / (1 + r)`.
    fn undamped(&self) -> f64 {
        let retain = median(self.retains.as_flattened().iter().copied()).unwrap_or(0.0);
        ((1.0 + retain) / (1.0 - retain)).sqrt()
    }

    /// Reading and shot noise in degrees: where an image has two classes, the variance is a straight line over the
    /// signal; where none has, all of it counts as reading noise.
    fn noise_c(&self) -> (Vec<f64>, Vec<f64>) {
        let [low, high] = self.options.scale.range_c;
        let white = f64::from((1u32 << self.bits()) - 1);
        let rounding_c2 = ((high - low) / white).powi(2) / 12.0;
        let (mut read_c, mut shot_c) = (Vec::new(), Vec::new());
        let mut lone_c = Vec::new();
        for (at, surfaces) in self.surfaces.iter().enumerate() {
            let points: Vec<(f64, f64)> = (0..2)
                .filter_map(|surface| {
                    let Class { mean_c, light, .. } = surfaces[surface]?;
                    let signal = (mean_c - low) / (high - low) * light.sqrt();
                    let noise_c2 = self.fits[surface][at]?.noise_c2 * light;
                    (noise_c2 > ROUNDING * rounding_c2).then_some((signal, noise_c2 - rounding_c2))
                })
                .collect();
            match points[..] {
                [(a, noise_a), (b, noise_b)] if (a - b).abs() > SIGNALS => {
                    // Neither of the two variances is less than 0.
                    let slope =
                        ((noise_a - noise_b) / (a - b)).clamp(0.0, (noise_a / a).min(noise_b / b).max(0.0));
                    let floor = (noise_a + noise_b - slope * (a + b)) / 2.0;
                    read_c.push(floor.max(0.0).sqrt());
                    shot_c.push(slope.sqrt());
                }
                _ => lone_c.extend(points.iter().map(|(_, noise_c2)| noise_c2.sqrt())),
            }
        }
        if read_c.is_empty() { (lone_c, shot_c) } else { (read_c, shot_c) }
    }

    /// Direction of the shading, its greatest rise over the bed in degrees, and each image's share of that;
    /// `None` where most images show none.
    fn shading(&self) -> Option<(&'static str, f64, Vec<f64>)> {
        let beds = || self.surfaces.iter().filter_map(|surfaces| surfaces[0]);
        let rise = |axis: usize| median(beds().map(|bed| bed.rise_c[axis].abs())).unwrap_or(0.0);
        let axis = usize::from(rise(1) > rise(0));
        let greatest_c = beds().map(|bed| bed.rise_c[axis].abs()).fold(0.0, f64::max);
        let gradients = beds().map(|bed| bed.rise_c[axis] / greatest_c).collect();
        (rise(axis) > 0.0).then_some((["x", "y"][axis], greatest_c, gradients))
    }
}

/// Bed and print of each image; the only class of an image is that whose temperature it is nearer to, and the
/// bed where no image has two.
fn surfaces(images: &[Measured], cold_print: bool) -> Vec<[Option<&Class>; 2]> {
    let mean_of = |class: usize| {
        median(images.iter().filter(|i| i.classes.len() == 2).map(|i| i.classes[class].mean_c))
    };
    let means_c = mean_of(0).zip(mean_of(1));
    let assign = |image: &'_ Measured| -> [Option<usize>; 2] {
        let is_warm = |class: &Class| {
            means_c.is_some_and(|(cold, warm)| (class.mean_c - warm).abs() < (class.mean_c - cold).abs())
        };
        match &image.classes[..] {
            [_, _] => [Some(0), Some(1)],
            [only] if means_c.is_none() => {
                if cold_print {
                    [None, Some(0)]
                } else {
                    [Some(0), None]
                }
            }
            [only] if is_warm(only) => [None, Some(0)],
            _ => [Some(0), None],
        }
    };
    let order = |image| {
        let [cold, warm] = assign(image);
        if cold_print { [warm, cold] } else { [cold, warm] }
    };
    images.iter().map(|image| order(image).map(|class| class.and_then(|c| image.classes.get(c)))).collect()
}
