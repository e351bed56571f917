//! What one image, or a group of images, tells by itself.

use std::path::PathBuf;

use rayon::prelude::*;

use super::classes::{self, Split};
use super::decay::{Decay, Frame};
use super::photo::Photo;
use super::range::median;
use super::shared::{AT_ONCE, Shared};
use super::variogram::Variogram;
use super::{CalibrateError, Scale, noise};

/// Distances up to this share of the shorter side are compared.
const FARTHEST: f64 = 0.4;
/// A contour reaches so many of its deviations far; the first that leaves enough of the class is kept to.
const CONTOURS: [f64; 3] = [4.0, 3.0, 2.5];
/// Share of a class that is enough.
const LEAST_INNER: f64 = 0.33;

/// After so many layers nothing is left of the heat of another class.
const SETTLED: u8 = 6;
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
    /// Mean square of the factor on its signal: the sensor's noise came after the shading.
    pub light: f64,
    /// Differences over the distance.
    pub variogram: Variogram,
    /// Width and height of some images, and their pixels of this class.
    pub outline: Option<([usize; 2], Vec<bool>)>,
}

/// An image without what all images share.
pub struct Plain {
    /// The image without the shading alone, whose contours are as they were.
    pub unshaded: Photo,
    /// The image without anything shared.
    pub photo: Photo,
    /// The pixels of which that is known.
    pub known: Vec<bool>,
    /// The factor on the signal that was taken away.
    pub light: Vec<f32>,
    /// What taking the shared away has added: its differences over the distance, and its variance from pixel to pixel.
    pub error: Option<(Variogram, f64)>,
    /// The plane that was taken away, as a share of the signal above `lowest_c`.
    pub slope: [f64; 2],
    /// What is read as nothing, in degrees.
    pub lowest_c: f64,
}

impl Plain {
    /// An image that nothing is taken from.
    fn whole(photo: Photo) -> Self {
        Self {
            known: vec![true; photo.celsius.len()],
            light: vec![1.0; photo.celsius.len()],
            unshaded: photo.clone(),
            photo,
            error: None,
            slope: [0.0; 2],
            lowest_c: 0.0,
        }
    }
}

/// What a group of images says: one sequence, or all images where they are in no order.
pub struct Group {
    /// Each image.
    pub images: Vec<Measured>,
    /// What a layer keeps of the one before.
    pub decay: Decay,
    /// What all have in common, where there are enough of them.
    pub shared: Option<Shared>,
}

/// Measures the images of a group, and what a layer keeps of the one before where they are `ordered`; the outlines of
/// every so many are kept. `told` hears how many are measured.
///
/// # Errors
/// An image that cannot be read.
pub fn group(
    files: &[PathBuf],
    scale: &Scale,
    ordered: bool,
    outlined: usize,
    told: &dyn Fn(usize),
) -> Result<Group, CalibrateError> {
    let shared = Shared::measure(files, scale)?;
    let (mut images, mut decay) = (Vec::with_capacity(files.len()), Decay::default());
    let mut before: [Option<Frame>; 2] = [None, None];
    let mut settled = Settled::default();
    for (batch, some) in files.chunks(AT_ONCE).enumerate() {
        let read = |(number, file): (usize, &PathBuf)| {
            let photo = Photo::read(file, scale)?;
            let plain = match &shared {
                Some(shared) => shared.remove(&photo, batch * AT_ONCE + number),
                None => Plain::whole(photo),
            };
            let (split, insides) = interiors(&plain.unshaded);
            Ok((plain, split, insides))
        };
        let mut seen = some.par_iter().enumerate().map(read).collect::<Result<Vec<_>, CalibrateError>>()?;
        if ordered {
            seen.iter_mut().for_each(|(_, _, insides)| settled.keep(insides));
        }
        let measured: Vec<(Measured, Frame)> =
            seen.into_par_iter().map(|(plain, split, insides)| image(plain, split, insides)).collect();
        for (mut image, frame) in measured {
            let unsettled =
                ordered && images.len() + 1 < usize::from(SETTLED) && files.len() > 2 * usize::from(SETTLED);
            for class in &mut image.classes {
                if unsettled {
                    // What was there before the first image may still glow.
                    class.variogram = Variogram::default();
                }
                if unsettled || !images.len().is_multiple_of(outlined) {
                    class.outline = None;
                }
            }
            images.push(image);
            if let [Some(first), Some(second)] = &before {
                decay.add([first, second, &frame]);
            }
            before = [before[1].take(), ordered.then_some(frame)];
        }
        told(images.len());
    }
    Ok(Group { images, decay, shared })
}

/// Which pixels have been in their class for a while: the heat of what was there before is no texture.
#[derive(Debug, Default)]
struct Settled {
    /// By class, for how many layers each pixel has been in it.
    layers: Vec<Vec<u8>>,
    seen: u8,
}

impl Settled {
    /// Leaves the pixels that have been in their class for [`SETTLED`] layers, or since the first, where they are enough.
    fn keep(&mut self, insides: &mut [Vec<bool>]) {
        if self.layers.len() != insides.len()
            || self.layers.iter().zip(&*insides).any(|(l, i)| l.len() != i.len())
        {
            *self = Self { layers: insides.iter().map(|inside| vec![0; inside.len()]).collect(), seen: 0 };
        }
        self.seen = self.seen.saturating_add(1);
        for (layers, inside) in self.layers.iter_mut().zip(insides) {
            layers
                .iter_mut()
                .zip(&*inside)
                .for_each(|(n, &is)| *n = if is { n.saturating_add(1) } else { 0 });
            let settled = |n: u8| n >= self.seen.min(SETTLED);
            let count = |of: &dyn Fn(usize) -> bool| (0..inside.len()).filter(|&i| of(i)).count() as f64;
            if count(&|i| inside[i] && settled(layers[i])) >= LEAST_INNER * count(&|i| inside[i]) {
                inside.iter_mut().zip(layers).for_each(|(kept, n)| *kept &= settled(*n));
            }
        }
    }
}

fn image(plain: Plain, split: Option<Split>, mut insides: Vec<Vec<bool>>) -> (Measured, Frame) {
    let Plain { photo, known, .. } = &plain;
    for inside in &mut insides {
        inside.iter_mut().zip(known).for_each(|(kept, known)| *kept &= known);
    }
    let classes: Vec<Class> = insides.iter().map(|inside| class(&plain, inside)).collect();
    let measured = Measured { bits: photo.bits, blur_px: split.map(|s| s.blur_px), classes };
    let noise = measured.classes.iter().map(|class| class.noise_c2.filter(|noise| noise.is_finite()));
    let classes = insides.into_iter().zip(noise).map(|(inside, noise)| Some((inside, noise?))).collect();
    (measured, Frame { celsius: plain.photo.celsius, classes })
}

/// The two classes where there are two, and the pixels that show each class and nothing else.
pub fn interiors(photo: &Photo) -> (Option<Split>, Vec<Vec<bool>>) {
    let split = classes::split(photo);
    let insides: Vec<Vec<bool>> = match &split {
        None => vec![vec![true; photo.celsius.len()]],
        Some(Split { warm, blur_px, .. }) => {
            [false, true].map(|is| inner(photo, &|i| warm[i] == is, *blur_px)).into()
        }
    };
    let insides = insides.into_iter().map(|inside| typical(photo, inside)).collect();
    (split, insides)
}

/// The farthest distance that is compared.
pub fn farthest_px(photo: &Photo) -> usize {
    (FARTHEST * photo.width.min(photo.height) as f64) as usize
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

fn class(plain: &Plain, inside: &[bool]) -> Class {
    let photo = &plain.photo;
    let shorter = photo.width.min(photo.height) as f64;
    let (mean_c, rise_c) = plane(photo, inside, shorter);
    let level = flattened(photo, rise_c, shorter);
    let deviation_c = deviation_c(&level, inside);
    let shaded = rise_c[0].hypot(rise_c[1]) > SHADING * deviation_c;
    let mut variogram = Variogram::measure(if shaded { &level } else { photo }, inside, farthest_px(photo));
    let mut noise_c2 = noise::variance_c2(photo, inside);
    if let Some((of_error, error_c2)) = &plain.error {
        variogram.subtract(of_error);
        noise_c2 = noise_c2.map(|noise_c2| (noise_c2 - error_c2).max(0.0));
    }
    let own_c = if shaded { rise_c } else { [0.0; 2] };
    let rise_c = [0, 1].map(|axis| own_c[axis] + plain.slope[axis] * (mean_c - plain.lowest_c));
    let outline = Some(([photo.width, photo.height], inside.to_vec()));
    let lit = || (0..inside.len()).filter(|&i| inside[i]).map(|i| f64::from(plain.light[i]).powi(2));
    let light = lit().sum::<f64>() / lit().count().max(1) as f64;
    Class { mean_c, rise_c, noise_c2, light, variogram, outline }
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
