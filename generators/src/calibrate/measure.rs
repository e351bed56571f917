//! What one image, or a sequence of images, tells by itself.

use std::path::PathBuf;

use super::classes::{self, Split};
use super::decay::{Decay, Frame};
use super::photo::Photo;
use super::range::median;
use super::variogram::Variogram;
use super::{CalibrateError, Scale, noise};

/// Distances up to this share of the shorter side are compared.
const FARTHEST: f64 = 0.4;
/// A contour reaches so many of its deviations far; the first that leaves enough of the class is kept to.
const CONTOURS: [f64; 3] = [4.0, 3.0, 2.5];
/// Share of a class that is enough.
const LEAST_INNER: f64 = 0.33;

/// A rise over the image of more deviations than this is shading and no texture.
const SHADING: f64 = 3.0;
/// Pixels that are this many deviations of their class from its middle do not belong to it.
const OUTLYING: f64 = 5.0;

/// One image.
#[derive(Clone, Debug)]
pub struct Measured {
    /// Bits per pixel of the file.
    pub bits: u8,
    /// How soft the contours are; `None` without any.
    pub blur_px: Option<f64>,
    /// The colder class and the warmer one, or the only one.
    pub classes: Vec<Class>,
}

/// One class of an image.
#[derive(Clone, Debug)]
pub struct Class {
    /// Mean temperature in degrees Celsius.
    pub mean_c: f64,
    /// Shading: rise in degrees to the right and upwards over the length of the shorter side; 0 where texture hides it.
    pub rise_c: [f64; 2],
    /// Variance from pixel to pixel in degrees squared; `None` where the class is too small.
    pub noise_c2: Option<f64>,
    /// Differences over the distance.
    pub variogram: Variogram,
}

/// Measures every image of a sequence, and what a layer keeps of the one before.
///
/// # Errors
/// An image that cannot be read.
pub fn sequence(files: &[PathBuf], scale: &Scale) -> Result<(Vec<Measured>, Decay), CalibrateError> {
    let (mut measured, mut decay) = (Vec::with_capacity(files.len()), Decay::default());
    let mut before: [Option<Frame>; 2] = [None, None];
    for file in files {
        let photo = Photo::read(file, scale)?;
        let (image, frame) = image(photo);
        measured.push(image);
        if let [Some(first), Some(second)] = &before {
            decay.add([first, second, &frame]);
        }
        before = [before[1].take(), (files.len() > 1).then_some(frame)];
    }
    Ok((measured, decay))
}

fn image(photo: Photo) -> (Measured, Frame) {
    let split = classes::split(&photo);
    let insides: Vec<Vec<bool>> = match &split {
        None => vec![vec![true; photo.celsius.len()]],
        Some(Split { warm, blur_px, .. }) => {
            [false, true].map(|is| inner(&photo, &|i| warm[i] == is, *blur_px)).into()
        }
    };
    let insides: Vec<Vec<bool>> = insides.into_iter().map(|inside| typical(&photo, inside)).collect();
    let classes: Vec<Class> = insides.iter().map(|inside| class(&photo, inside)).collect();
    let measured = Measured { bits: photo.bits, blur_px: split.map(|s| s.blur_px), classes };
    let noise = measured.classes.iter().map(|c| c.noise_c2.unwrap_or(f64::INFINITY));
    let classes = insides.into_iter().zip(noise).filter(|(_, noise)| noise.is_finite()).collect();
    (measured, Frame { celsius: photo.celsius, classes })
}

/// The interior of a class, away from its contour as far as its size allows.
fn inner(photo: &Photo, class: &dyn Fn(usize) -> bool, blur_px: f64) -> Vec<bool> {
    let count = |pixels: &[bool]| pixels.iter().filter(|&&p| p).count() as f64;
    let whole = (0..photo.celsius.len()).filter(|&i| class(i)).count() as f64;
    let mut narrower =
        CONTOURS.map(|times| classes::interior(photo, class, (times * blur_px).ceil() as usize + 1));
    let enough = narrower.iter().position(|inside| count(inside) >= LEAST_INNER * whole);
    std::mem::take(&mut narrower[enough.unwrap_or(CONTOURS.len() - 1)])
}

/// Leaves out what is no texture of the class: defects, and the heat of an outline that has moved.
fn typical(photo: &Photo, mut inside: Vec<bool>) -> Vec<bool> {
    let values = || inside.iter().zip(&photo.celsius).filter(|(kept, _)| **kept).map(|(_, t)| f64::from(*t));
    let Some(middle_c) = median(values()) else { return inside };
    // The median absolute deviation of a normal distribution is 0.6745 of its standard deviation.
    let deviation_c = median(values().map(|t| (t - middle_c).abs())).unwrap_or(0.0) / 0.6745;
    let outlying = |t: f32| (f64::from(t) - middle_c).abs() > OUTLYING * deviation_c;
    inside.iter_mut().zip(&photo.celsius).for_each(|(kept, t)| *kept &= !outlying(*t));
    inside
}

fn class(photo: &Photo, inside: &[bool]) -> Class {
    let shorter = photo.width.min(photo.height) as f64;
    let (mean_c, rise_c) = plane(photo, inside, shorter);
    let farthest_px = (FARTHEST * shorter) as usize;
    let level = flattened(photo, rise_c, shorter);
    let deviation_c = deviation_c(&level, inside);
    let shaded = rise_c[0].hypot(rise_c[1]) > SHADING * deviation_c;
    Class {
        mean_c,
        rise_c: if shaded { rise_c } else { [0.0; 2] },
        noise_c2: noise::variance_c2(photo, inside),
        variogram: Variogram::measure(if shaded { &level } else { photo }, inside, farthest_px),
    }
}

/// The image without that rise.
fn flattened(photo: &Photo, rise_c: [f64; 2], length_px: f64) -> Photo {
    let [right, up] = rise_c.map(|rise| rise / length_px);
    let slope = |i: usize| right * (i % photo.width) as f64 - up * (i / photo.width) as f64;
    let celsius = photo.celsius.iter().enumerate().map(|(i, t)| t - slope(i) as f32).collect();
    Photo { celsius, ..*photo }
}

fn deviation_c(photo: &Photo, inside: &[bool]) -> f64 {
    let values = || inside.iter().zip(&photo.celsius).filter(|(kept, _)| **kept).map(|(_, t)| f64::from(*t));
    let count = values().count() as f64;
    let mean = values().sum::<f64>() / count;
    (values().map(|t| (t - mean).powi(2)).sum::<f64>() / count).sqrt()
}

/// Mean, and rise to the right and upwards over `length_px`, of the plane that fits best; no rise where the
/// pixels do not tell it.
fn plane(photo: &Photo, inside: &[bool], length_px: f64) -> (f64, [f64; 2]) {
    let place = |i: usize| [(i % photo.width) as f64, -((i / photo.width) as f64)].map(|p| p / length_px);
    let pixels = || (0..inside.len()).filter(|&i| inside[i]);
    let count = pixels().count() as f64;
    let mean = |of: &dyn Fn(usize) -> f64| pixels().map(of).sum::<f64>() / count;
    let celsius = |i: usize| f64::from(photo.celsius[i]);
    let (mean_c, middle) = (mean(&celsius), [mean(&|i| place(i)[0]), mean(&|i| place(i)[1])]);
    let offset = |i: usize| [place(i)[0] - middle[0], place(i)[1] - middle[1]];
    let (xx, yy) = (mean(&|i| offset(i)[0].powi(2)), mean(&|i| offset(i)[1].powi(2)));
    let xy = mean(&|i| offset(i)[0] * offset(i)[1]);
    let (xt, yt) = (mean(&|i| offset(i)[0] * celsius(i)), mean(&|i| offset(i)[1] * celsius(i)));
    let determinant = xx * yy - xy * xy;
    if determinant > 1e-9 {
        (mean_c, [(xt * yy - yt * xy) / determinant, (yt * xx - xt * xy) / determinant])
    } else {
        (mean_c, [0.0; 2])
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_plane_is_found_in_a_class_of_any_outline() {
        let (width, height) = (60, 40);
        let celsius = (0..width * height).map(|i| 30.0 + 0.1 * (i % width) as f32 - 0.2 * (i / width) as f32);
        let photo = Photo { width, height, celsius: celsius.collect(), bits: 8 };
        let inside: Vec<bool> = (0..width * height).map(|i| i % width + i / width < 50).collect();
        let (_, rise_c) = plane(&photo, &inside, 40.0);
        assert!((rise_c[0] - 4.0).abs() < 1e-3 && (rise_c[1] - 8.0).abs() < 1e-3, "{rise_c:?}");
    }
}
