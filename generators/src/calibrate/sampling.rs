//! How far single images are off, and ranges without that.
//!
//! An image shows few of the largest features, and where its classes are narrow it does not show one of them whole: what it says
//! of their size scatters, and it says too little. How much is found by painting textures, looking at them through the same
//! outlines, blur and noise, and fitting them in the same way: the size and the variance are those with which that gives the
//! middle of what the real images say (indirect inference: Gourieroux, Monfort and Renault 1993, doi:10.1002/jae.3950080507). What
//! the painted ones scatter is the error of one image; the real ones are drawn together until no more than the rest of their
//! spread is left (constrained empirical Bayes: Louis 1984, doi:10.1080/01621459.1984.10478062).

use rayon::prelude::*;

use super::photo::Photo;
use super::range::quantile_of;
use super::texture::{Fit, Fitted, Observed};
use super::variogram::Variogram;
use super::{measure, noise};
use crate::gaussian::blur;
use crate::layer::Frame;
use crate::params::{Draws, ScenarioError, Table};
use crate::registry;
use crate::stream::Stream;
use crate::textures;

/// Images that are painted.
const PAINTED: usize = 48;
/// How often what is painted is corrected by what it says.
const ROUNDS: usize = 6;
/// No correction is greater than this, in the logarithm,
const STEP: f64 = 0.4;
/// and what is painted in the end says what the images say but for this.
const CLOSE: f64 = 0.25;
/// Fewer outlines than this are no sample.
const LEAST_OUTLINES: usize = 8;
/// Share of one image's error that is left in any case: images that follow one another show the same powder.
const LEFT: f64 = 0.25;
/// Standard error of a median over that of a mean.
const OF_MEDIAN: f64 = 1.2533;

/// Pixels of one class, and how soft the camera is.
#[derive(Clone, Debug)]
pub struct Outline {
    /// Pixels in a row, and rows.
    pub size_px: [usize; 2],
    /// Which of them show the class.
    pub inside: Vec<bool>,
    /// Deviation of the Gaussian in pixels.
    pub blur_px: f64,
}

/// The fits of a class, with its features and its variance drawn together to what their spread is without the error of single
/// images.
pub fn sharpen(fitted: &Fitted, outlines: &[Outline]) -> Vec<Fit> {
    let mut fits = fitted.fits.clone();
    let Some(seen) = Middle::of(&fits).filter(|_| outlines.len() >= LEAST_OUTLINES.min(fits.len())) else {
        return fits;
    };
    let (mut truth, mut tried) = ((f64::INFINITY, seen), seen);
    for _ in 0..ROUNDS {
        let told = paint(fitted, &tried, outlines).ok().and_then(|fits| Middle::of(&fits));
        let Some(told) = told else { return fits };
        let off = [0, 1].map(|number| seen.logarithms[number] - told.logarithms[number]);
        let misfit = off[0].abs().max(off[1].abs());
        if misfit < truth.0 {
            truth = (misfit, tried);
        }
        tried.logarithms.iter_mut().zip(off).for_each(|(tried, off)| *tried += off.clamp(-STEP, STEP));
    }
    // Outlines through which no feature is seen whole do not tell two sizes from each other.
    let (misfit, truth) = truth;
    let truth = if misfit < CLOSE { truth } else { seen };
    let Some(painted) = paint(fitted, &truth, outlines).ok() else { return fits };
    let count = fits.iter().filter(|fit| fit.feature_px.is_some()).count() as f64;
    let share = [0, 1].map(|number| {
        let logarithms =
            |fits: &[Fit]| fits.iter().filter_map(|fit| Some(logarithms(fit)?[number])).collect();
        let (all, error) = (deviation(logarithms(&fits)), deviation(logarithms(&painted)));
        // Two standard errors: of the variance, and of the middle where nothing of the variance is left.
        let own = all * all * (1.0 + 2.0 * (2.0 / count).sqrt()) - error * error;
        let least = error * (2.0 * OF_MEDIAN / count.sqrt()).max(LEFT);
        if all > 0.0 { ((own.max(0.0) + least * least).sqrt() / all).min(1.0) } else { 1.0 }
    });
    for fit in &mut fits {
        let Some(logarithms) = logarithms(fit) else { continue };
        let [feature, variance] = [0, 1].map(|number| {
            truth.logarithms[number] + share[number] * (logarithms[number] - seen.logarithms[number])
        });
        let factor = (variance - logarithms[1]).exp();
        (fit.feature_px, fit.cloud_c2, fit.grain_c2) =
            (Some(feature.exp()), fit.cloud_c2 * factor, fit.grain_c2 * factor);
    }
    fits
}

/// Logarithms of feature size and variance, where an image tells both.
fn logarithms(fit: &Fit) -> Option<[f64; 2]> {
    Some([fit.feature_px?.ln(), (fit.cloud_c2 + fit.grain_c2).ln()])
}

/// Half the distance between the quantiles that are one deviation to either side in a normal distribution.
fn deviation(values: Vec<f64>) -> f64 {
    let [low, high] = [0.158_66, 0.841_34].map(|share| quantile_of(values.iter().copied(), share));
    high.zip(low).map_or(0.0, |(high, low)| (high - low) / 2.0)
}

/// The image in the middle.
#[derive(Clone, Copy, Debug)]
struct Middle {
    logarithms: [f64; 2],
    grain_share: f64,
    noise_c2: f64,
}

impl Middle {
    fn of(fits: &[Fit]) -> Option<Self> {
        let told = || fits.iter().filter(|fit| fit.feature_px.is_some());
        let middle = |of: &dyn Fn(&Fit) -> f64| quantile_of(told().map(of), 0.5);
        let logarithm = |number: usize| middle(&|fit| logarithms(fit).map_or(f64::NAN, |l| l[number]));
        Some(Self {
            logarithms: [logarithm(0)?, logarithm(1)?],
            grain_share: middle(&|fit| fit.grain_c2 / (fit.cloud_c2 + fit.grain_c2))?,
            noise_c2: middle(&|fit| fit.noise_c2)?,
        })
    }
}

/// What images of that texture say.
fn paint(fitted: &Fitted, truth: &Middle, outlines: &[Outline]) -> Result<Vec<Fit>, Box<ScenarioError>> {
    let [feature_px, variance_c2] = truth.logarithms.map(f64::exp);
    let text = format!(
        "kind = \"grain\"\namplitude_c = {:?}\nfeature_mm = {:?}\noctaves = {}\npersistence = {:?}\ngrain_share = {:?}\n",
        variance_c2.sqrt().clamp(0.0, 1000.0),
        feature_px.clamp(0.01, 10_000.0),
        super::texture::OCTAVES,
        fitted.persistence,
        truth.grain_share.clamp(0.0, 1.0)
    );
    let (_, texture) = registry::build(textures::KINDS, Table::parse("calibrate", &text)?)?;
    let observe = |number: usize| -> Option<Observed> {
        let Outline { size_px: [width, height], inside, blur_px } = &outlines[number % outlines.len()];
        let mut stream = Stream::root(0).item("calibrate", number);
        let frame = Frame { size_px: *width.max(height), px_per_mm: 1.0 };
        let field = blur(&texture.paint(&frame, 0, &mut Draws::new(&stream, &stream)), *blur_px);
        let rows = field.values.chunks_exact(frame.size_px).take(*height);
        let deviation_c = truth.noise_c2.sqrt();
        let celsius =
            rows.flat_map(|row| &row[..*width]).map(|t| t + (deviation_c * stream.normal()) as f32).collect();
        let photo = Photo { width: *width, height: *height, celsius, bits: 16 };
        let variogram = Variogram::measure(&photo, inside, measure::farthest_px(&photo));
        Some(Observed { variogram, noise_c2: noise::variance_c2(&photo, inside)?, blur_px: *blur_px })
    };
    let observed: Vec<Observed> = (0..PAINTED).into_par_iter().filter_map(observe).collect();
    Ok(fitted.fit_alike(&observed))
}
