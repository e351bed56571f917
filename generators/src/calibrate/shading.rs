//! The shading that all images share: a lens, and light that grows along one direction.

use super::photo::Photo;
use super::range::median;
use crate::camera::vignette::Vignette;

/// Cells of an image along its shorter side; shading is smooth.
const CELLS: f64 = 16.0;
/// Share of a cell's pixels that tell its signal.
const LEAST_SEEN: f64 = 0.25;
/// How often levels and shading are fitted in turn.
const ROUNDS: usize = 3;
/// How often the weights of the cells are found again.
const REWEIGHTED: usize = 4;
/// Cells that are more than so many deviations off weigh less (Huber 1964): machine parts, and not the dark end of a shading.
const HUBER: f64 = 1.345;
/// A simpler shading is preferred where it is no more than this worse on images that it was not fitted to.
const WORTH: f64 = 1.15;
/// The search goes on until its steps are this share of the first.
const LAST_STEP: f64 = 1.0 / 256.0;

/// What a shading may be.
#[derive(Clone, Copy, Debug)]
struct Model {
    lens: Lens,
    /// Light grows to the right (0) or upwards (1).
    slope: Option<usize>,
}

#[derive(Clone, Copy, Debug, PartialEq)]
enum Lens {
    None,
    /// A thin lens whose axis is in the middle.
    Thin,
    /// Any axis and steepness.
    Any,
}

/// The simplest first.
const MODELS: [Model; 9] = {
    const fn model(lens: Lens, slope: Option<usize>) -> Model {
        Model { lens, slope }
    }
    [
        model(Lens::None, None),
        model(Lens::None, Some(0)),
        model(Lens::None, Some(1)),
        model(Lens::Thin, None),
        model(Lens::Thin, Some(0)),
        model(Lens::Thin, Some(1)),
        model(Lens::Any, None),
        model(Lens::Any, Some(0)),
        model(Lens::Any, Some(1)),
    ]
};

/// How the signal above the lower end of the range changes over the image.
#[derive(Clone, Debug, PartialEq)]
pub struct Shading {
    /// The lens; `None` where it loses nothing.
    pub lens: Option<Vignette<f64>>,
    /// Relative change of the light over the shorter side, to the right and upwards.
    pub slope: [f64; 2],
}

impl Shading {
    const NONE: Self = Self { lens: None, slope: [0.0; 2] };

    /// The factor on the signal at a pixel.
    pub fn at(&self, photo: &Photo, pixel: usize) -> f64 {
        self.at_place(place(
            photo.width,
            photo.height,
            (pixel % photo.width) as f64,
            (pixel / photo.width) as f64,
        ))
    }

    fn at_place(&self, [x, y]: [f64; 2]) -> f64 {
        let light = 1.0 + self.slope[0] * (x - 0.5) + self.slope[1] * (0.5 - y);
        // A plane that fits the middle may cross zero outside of it.
        light.max(0.05) * self.lens.as_ref().map_or(1.0, |lens| lens.transmits_at([x, y]))
    }
}

/// Sides of the square in the middle of an image from its left and upper edges.
fn place(width: usize, height: usize, x: f64, y: f64) -> [f64; 2] {
    let side = width.min(height) as f64;
    [0.5 + (x + 0.5 - width as f64 / 2.0) / side, 0.5 + (y + 0.5 - height as f64 / 2.0) / side]
}

/// The signal of one class of one image in each cell, `None` where the class hardly shows.
#[derive(Clone, Debug)]
pub struct Cells {
    /// Width and height of the image.
    size_px: [usize; 2],
    signal_c: Vec<Option<f64>>,
}

impl Cells {
    /// Of the pixels where `inside` holds; `lowest_c` is read as nothing.
    pub fn measure(photo: &Photo, inside: &[bool], lowest_c: f64) -> Self {
        let (width, height) = (photo.width, photo.height);
        let [across, down] = cells(width, height);
        let mut pixels = vec![Vec::new(); across * down];
        for i in (0..inside.len()).filter(|&i| inside[i]) {
            let (x, y) = (i % width * across / width, i / width * down / height);
            pixels[y * across + x].push(f64::from(photo.celsius[i]) - lowest_c);
        }
        let least = (LEAST_SEEN * (width * height) as f64 / (across * down) as f64) as usize;
        // Medians know little of what stands in a corner of the cell.
        let signal_c = pixels.into_iter().map(|p| if p.len() > least { median(p) } else { None }).collect();
        Self { size_px: [width, height], signal_c }
    }
}

fn cells(width: usize, height: usize) -> [usize; 2] {
    let side = width.min(height) as f64;
    [width, height].map(|px| (px as f64 / side * CELLS).round() as usize)
}

/// The shading of images whose classes have these signals, in two halves that are fitted and tried in turn.
pub fn fit(halves: [&[Cells]; 2]) -> Shading {
    let Some(&Cells { size_px: [width, height], .. }) = halves[0].first() else { return Shading::NONE };
    let [across, down] = cells(width, height);
    let middle = |i: usize| {
        let [x, y] = [(i % across) as f64 + 0.5, (i / across) as f64 + 0.5];
        place(width, height, x * width as f64 / across as f64 - 0.5, y * height as f64 / down as f64 - 0.5)
    };
    let places: Vec<[f64; 2]> = (0..across * down).map(middle).collect();
    let mut shading = Shading::NONE;
    for _ in 0..ROUNDS {
        let maps = halves.map(|half| gains(half, &places, &shading));
        shading = select(&places, &maps);
    }
    shading
}

/// The mean over all classes of their signal in each cell, relative to their level under that shading.
fn gains(images: &[Cells], places: &[[f64; 2]], shading: &Shading) -> Vec<Option<f64>> {
    let factors: Vec<f64> = places.iter().map(|&at| shading.at_place(at)).collect();
    let mut sums = vec![(0.0, 0.0); places.len()];
    for Cells { signal_c, .. } in images {
        let Some(level_c) = median(signal_c.iter().zip(&factors).filter_map(|(s, f)| Some((*s)? / f)))
            .filter(|&level_c| level_c > 0.0)
        else {
            continue;
        };
        for (sum, signal_c) in sums.iter_mut().zip(signal_c) {
            if let Some(signal_c) = signal_c {
                *sum = (sum.0 + signal_c / level_c, sum.1 + 1.0);
            }
        }
    }
    // A place that few images show tells of those images and not of what they share.
    let most = sums.iter().fold(0.0, |most: f64, (_, count)| most.max(*count));
    sums.into_iter().map(|(sum, count)| (count > most / 2.0).then_some(sum / count)).collect()
}

/// The simplest shading that does about as well as the best on the half that it was not fitted to.
fn select(places: &[[f64; 2]], maps: &[Vec<Option<f64>>; 2]) -> Shading {
    let error = |fitted: &(f64, Shading), map: &[Option<f64>]| {
        let errors = places
            .iter()
            .zip(map)
            .filter_map(|(&at, gain)| Some(((*gain)? - fitted.0 * fitted.1.at_place(at)).abs()));
        errors.sum::<f64>()
    };
    let held_out: Vec<f64> = MODELS
        .iter()
        .map(|&model| {
            let fits = [0, 1].map(|half| fit_model(places, &maps[half], model));
            error(&fits[0], &maps[1]) + error(&fits[1], &maps[0])
        })
        .collect();
    let best = held_out.iter().copied().fold(f64::INFINITY, f64::min);
    let chosen = held_out.iter().position(|&error| error <= WORTH * best).unwrap_or(0);
    let both: Vec<Option<f64>> =
        maps[0].iter().zip(&maps[1]).map(|(a, b)| a.zip(*b).map(|(a, b)| (a + b) / 2.0)).collect();
    fit_model(places, &both, MODELS[chosen]).1
}

/// The gain in the middle and the shading of one model that fit best, cells that do not belong left out.
fn fit_model(places: &[[f64; 2]], map: &[Option<f64>], model: Model) -> (f64, Shading) {
    let seen: Vec<([f64; 2], f64)> =
        places.iter().zip(map).filter_map(|(&at, g)| Some((at, (*g)?))).collect();
    let thin = Vignette { corner_loss: 0.1, centre_x: 0.5, centre_y: 0.5, steepness: 1.0 };
    let starts = match model.lens {
        Lens::None => vec![Vignette { corner_loss: 0.0, ..thin }],
        Lens::Thin => vec![thin],
        Lens::Any => vec![thin.clone(), Vignette { steepness: 3.0, ..thin }],
    };
    let fits = starts.into_iter().map(|start| {
        let mut weights = vec![1.0; seen.len()];
        let mut lens = start;
        for _ in 0..REWEIGHTED {
            lens = search(lens, model, |lens| linear(&seen, &weights, lens, model.slope).0);
            let (_, gain, shading) = linear(&seen, &weights, &lens, model.slope);
            let off: Vec<f64> = seen.iter().map(|&(at, g)| (g - gain * shading.at_place(at)).abs()).collect();
            let deviation = median(off.iter().copied()).unwrap_or(0.0) / 0.6745;
            weights = off
                .iter()
                .map(|&off| if off > HUBER * deviation { HUBER * deviation / off } else { 1.0 })
                .collect();
        }
        linear(&seen, &weights, &lens, model.slope)
    });
    let best = fits.min_by(|a, b| a.0.total_cmp(&b.0));
    best.map_or((1.0, Shading::NONE), |(_, gain, shading)| (gain, shading))
}

/// Misfit, gain and shading for one lens: given that, gain and slope are linear.
fn linear(
    seen: &[([f64; 2], f64)],
    weights: &[f64],
    lens: &Vignette<f64>,
    axis: Option<usize>,
) -> (f64, f64, Shading) {
    let along = |[x, y]: [f64; 2]| axis.map_or(0.0, |axis| [x - 0.5, 0.5 - y][axis]);
    let mut sums = [0.0; 6];
    for (&(at, g), w) in seen.iter().zip(weights) {
        let v = lens.transmits_at(at);
        let u = v * along(at);
        let terms = [v * v, v * u, u * u, v * g, u * g, g * g];
        sums.iter_mut().zip(terms).for_each(|(sum, term)| *sum += w * term);
    }
    let [vv, vu, uu, vg, ug, gg] = sums;
    let determinant = vv * uu - vu * vu;
    let (gain, rise) = if axis.is_some() && determinant > 1e-12 * vv * uu {
        ((vg * uu - ug * vu) / determinant, (ug * vv - vg * vu) / determinant)
    } else {
        (vg / vv, 0.0)
    };
    // Weights that leave cells out must not pay for it.
    let misfit = (gg - gain * vg - rise * ug) / weights.iter().sum::<f64>();
    let mut slope = [0.0; 2];
    if let Some(axis) = axis {
        slope[axis] = rise / gain;
    }
    let lens = (lens.corner_loss > 0.0).then(|| lens.clone());
    (misfit, gain, Shading { lens, slope })
}

/// Compass search (Hooke and Jeeves 1961) over what the model leaves free of the lens.
fn search(start: Vignette<f64>, model: Model, misfit: impl Fn(&Vignette<f64>) -> f64) -> Vignette<f64> {
    let free = match model.lens {
        Lens::None => 0,
        Lens::Thin => 1,
        Lens::Any => 4,
    };
    let lens = |p: [f64; 4]| Vignette { corner_loss: p[0], centre_x: p[1], centre_y: p[2], steepness: p[3] };
    const ENDS: [[f64; 2]; 4] = [[0.0, 0.95], [-0.5, 1.5], [-0.5, 1.5], [0.5, 6.0]];
    const STEPS: [f64; 4] = [0.1, 0.1, 0.1, 0.5];
    let mut best = [start.corner_loss, start.centre_x, start.centre_y, start.steepness];
    let mut least = misfit(&start);
    let mut share = 1.0;
    while share > LAST_STEP {
        let before = least;
        for parameter in 0..free {
            for sign in [1.0, -1.0] {
                let mut tried = best;
                let [low, high] = ENDS[parameter];
                tried[parameter] = (tried[parameter] + sign * share * STEPS[parameter]).clamp(low, high);
                let found = misfit(&lens(tried));
                if found < least {
                    (least, best) = (found, tried);
                }
            }
        }
        if least >= before {
            share /= 2.0;
        }
    }
    lens(best)
}
